package hll

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// newDense is a dense value that has seen nothing.
func newDense() []byte {
	b := make([]byte, DenseSize)
	copy(b, Empty)
	new(All).PutDense(b)
	return b
}

// drawSparse draws a sparse value that is not damaged, of any runs.
func drawSparse(t *rapid.T) []byte {
	b := []byte(Empty)[:HeaderSize]
	zeros := rapid.SampledFrom([]int{1, 10, 64, 100, 3000}).Draw(t, "zeros")
	many := rapid.SampledFrom([]int{0, 5, 100, 4000}).Draw(t, "runs")
	left := Registers
	for i := 0; i < many && left > 0; i++ {
		var rank uint8
		n := 0
		if rapid.Bool().Draw(t, "zero") {
			n = rapid.IntRange(1, zeros).Draw(t, "n")
		} else {
			rank = uint8(rapid.IntRange(1, maxValRank).Draw(t, "rank"))
			n = rapid.IntRange(1, maxValRun).Draw(t, "n")
		}
		n = min(n, left)
		b = appendRun(b, rank, n)
		left -= n
	}
	return appendRun(b, 0, left)
}

func registers(t *rapid.T, b []byte) *All {
	r := new(All)
	if !Check(b) || !r.Raise(b) {
		t.Fatalf("damaged: %s", AppendRuns(nil, b))
	}
	return r
}

// TestEditor raises registers and compares with an array.
func TestEditor(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b, e := drawSparse(t), Editor{Max: math.MaxInt64}
		want := registers(t, b)
		ascending := rapid.Bool().Draw(t, "ascending")
		index := 0
		for range 300 {
			if ascending {
				index += rapid.IntRange(0, 40).Draw(t, "step")
			} else {
				index = rapid.IntRange(0, Registers-1).Draw(t, "index")
			}
			if index >= Registers {
				break
			}
			rank := uint8(rapid.IntRange(0, maxValRank).Draw(t, "rank"))
			before := slices.Clone(b)
			var got Outcome
			outcome := Unchanged
			if want[index] < rank {
				want[index] = rank
				outcome = Changed
			}
			if b, got = e.Raise(b, index, rank); got != outcome {
				t.Fatalf("%d to %d: outcome %d, want %d", index, rank, got, outcome)
			}
			if outcome == Unchanged && !bytes.Equal(b, before) {
				t.Fatal("nothing to do, but the bytes have changed")
			}
			if _, ok := Cached(b); ok && outcome == Changed {
				t.Fatal("the estimate counts as up to date")
			}
		}
		if got := registers(t, b); *got != *want {
			t.Fatal("registers differ")
		}
	})
}

// TestEditorGoesOn compares an editor that goes on where it was with one that
// begins each search at the front.
func TestEditorGoesOn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := drawSparse(t)
		b := slices.Clone(a)
		ea, eb := Editor{Max: math.MaxInt64}, Editor{Max: math.MaxInt64}
		step := rapid.SampledFrom([]int{2, 5, 20}).Draw(t, "step")
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		index := r.IntN(Registers / 2)
		for range 400 {
			index += 1 + r.IntN(step)
			rank := uint8(1 + r.IntN(3))
			eb.near = place{}
			var x, y Outcome
			a, x = ea.Raise(a, index, rank)
			if b, y = eb.Raise(b, index, rank); x != y || !bytes.Equal(a, b) {
				t.Fatalf("%d to %d: %d, %d\n%s\n%s", index, rank, x, y, AppendRuns(nil, a), AppendRuns(nil, b))
			}
		}
	})
}

func TestFull(t *testing.T) {
	b, e := []byte(Empty), Editor{Max: int64(len(Empty))}
	raise := func(rank uint8) (outcome Outcome) {
		b, outcome = e.Raise(b, 100, rank)
		return outcome
	}
	if got := raise(1); got != Full {
		t.Errorf("beyond the limit: %d", got)
	}
	e.Max += 3 // XZERO becomes XZERO, VAL, XZERO
	if got := raise(maxValRank + 1); got != Full {
		t.Errorf("a rank that runs cannot say: %d", got)
	}
	if string(b) != Empty {
		t.Error("what was refused has changed the bytes")
	}
	if got := raise(1); got != Changed {
		t.Errorf("up to the limit: %d", got)
	}
	if got := raise(2); got != Changed || int64(len(b)) != e.Max {
		t.Errorf("in place: %d", got)
	}
}

// TestDense compares a dense value with an array.
func TestDense(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := newDense()
		var want All
		for range 500 {
			index := rapid.OneOf(rapid.IntRange(0, Registers-1), rapid.SampledFrom([]int{0, 1, 7, 8, Registers - 8, Registers - 1})).Draw(t, "index")
			rank := uint8(rapid.IntRange(0, 63).Draw(t, "rank"))
			if got := SetDense(b, index, rank); got != (rank > want[index]) {
				t.Fatalf("%d from %d to %d: %v", index, want[index], rank, got)
			}
			want[index] = max(want[index], rank)
		}
		if *registers(t, b) != want {
			t.Fatal("registers differ")
		}
		c := newDense()
		want.PutDense(c)
		Invalidate(c)
		Invalidate(b)
		if !bytes.Equal(b, c) {
			t.Fatal("PutDense differs")
		}
	})
}

// TestRaise compares the union of values of any form with a loop.
func TestRaise(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var got, want All
		for range 3 {
			b := drawSparse(t)
			if rapid.Bool().Draw(t, "dense") {
				r := registers(t, b)
				b = newDense()
				r.PutDense(b)
			}
			for i, rank := range registers(t, b) {
				want[i] = max(want[i], rank)
			}
			got.Raise(b)
		}
		if got != want {
			t.Fatal("registers differ")
		}
	})
}

// TestFormsAgree counts the same registers in each form.
func TestFormsAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := drawSparse(t)
		r := registers(t, b)
		d := newDense()
		r.PutDense(d)
		x, ok := Count(b)
		y, ok2 := Count(d)
		if z := r.Count(); !ok || !ok2 || x != y || y != z {
			t.Fatalf("%d %v, %d %v, %d", x, ok, y, ok2, z)
		}
	})
}

// TestGroups makes sure that no bit of a group is lost.
func TestGroups(t *testing.T) {
	for i := range 48 {
		x := uint64(1) << i
		if got := spread(x); got != 1<<(i/6*8+i%6) || gather(got) != x {
			t.Errorf("bit %d becomes %x", i, got)
		}
	}
}

// TestPosition uses values that redis-server 7.0.15 gave (PFADD, PFDEBUG DECODE).
func TestPosition(t *testing.T) {
	for _, c := range []struct {
		elem  string
		index int
		rank  uint8
	}{
		{"a", 12711, 2}, {"b", 15780, 1}, {"c", 8436, 1},
	} {
		if index, rank := Position([]byte(c.elem)); index != c.index || rank != c.rank {
			t.Errorf("%q: %d %d", c.elem, index, rank)
		}
	}
}

func TestCheck(t *testing.T) {
	for b, want := range map[string]bool{
		Empty: true, Empty[:HeaderSize]: true, Empty[:HeaderSize-1]: false, "": false,
		"hyll" + Empty[4:]: false, "HYLL\x00" + Empty[5:]: false, "HYLL\x02" + Empty[5:]: false,
		string(newDense()): true, string(newDense()[1:]): false, string(newDense()) + "x": false,
	} {
		if got := Check([]byte(b)); got != want {
			t.Errorf("%.20q (%d bytes): %v", b, len(b), got)
		}
	}
}

func TestAccuracy(t *testing.T) {
	d := newDense()
	b, e := []byte(Empty), Editor{Max: 3000}
	outcome := Unchanged
	for i := range 1_000_000 {
		index, rank := Position(fmt.Append(nil, "element", i))
		SetDense(d, index, rank)
		if outcome != Full {
			b, outcome = e.Raise(b, index, rank)
		}
		switch n := i + 1; n {
		case 1, 10, 100, 1000, 10_000, 100_000, 1_000_000:
			got, _ := Count(d)
			if math.Abs(float64(got)-float64(n)) > float64(n)*0.025 {
				t.Errorf("%d elements: %d", n, got)
			}
			if s, _ := Count(b); outcome != Full && s != got {
				t.Errorf("%d elements: sparse %d, dense %d", n, s, got)
			}
		}
	}
	if outcome != Full {
		t.Error("never full")
	}
}

// TestUnusual has registers that no element leads to.
func TestUnusual(t *testing.T) {
	for _, rank := range []uint8{maxRank, maxRank + 1, 63} {
		var r All
		for i := range r {
			r[i] = rank
		}
		if got := r.Count(); got != 1<<63 {
			t.Errorf("all registers %d: %d", rank, got)
		}
	}
	if got := new(All).Count(); got != 0 {
		t.Errorf("no element: %d", got)
	}
}

func TestSelfTestPasses(t *testing.T) {
	if err := SelfTest(); err != nil {
		t.Error(err)
	}
}

func TestCached(t *testing.T) {
	b := []byte(Empty)
	SetCached(b, 123456789)
	if n, ok := Cached(b); n != 123456789 || !ok || binary.LittleEndian.Uint64(b[8:]) != n {
		t.Error(n, ok)
	}
	Invalidate(b)
	if _, ok := Cached(b); ok {
		t.Error("still valid")
	}
}

// endsCut tells whether the last run of a sparse value lacks its second byte.
func endsCut(b []byte) bool {
	at := HeaderSize
	for at < len(b) {
		_, _, size := runAt(b, at)
		at += size
	}
	return at > len(b)
}

// FuzzValue gives any bytes that pass Check to all functions, which must not
// panic, nor touch what is around them, and must agree on whether it is damaged.
func FuzzValue(f *testing.F) {
	f.Add([]byte(Empty), 100, uint8(3))
	f.Add(newDense()[:HeaderSize+20], 16383, uint8(51))
	f.Add([]byte(Empty)[:HeaderSize+1], 16128, uint8(1)) // an XZERO cut short
	f.Add([]byte(Empty[:HeaderSize]+"\x83\x80\x7f\xf9"), 4, uint8(2))
	f.Add([]byte(Empty+"hello"), 0, uint8(32))
	f.Add([]byte(Empty[:HeaderSize]+"\x3f\x3f\x3f\x3f\x3f\x3f\x3f\x3f\x3f\x83\x80\x87\x83\x7d\x80"), 700, uint8(5))
	f.Fuzz(func(t *testing.T, value []byte, index int, rank uint8) {
		if len(value) > formAt && value[formAt] == dense {
			// A dense value has one length only, which is more than to play with.
			value = append(value, make([]byte, DenseSize)...)[:DenseSize]
		}
		if !Check(value) {
			return
		}
		const around = "what is someone else's"
		all := slices.Concat([]byte(around), value, []byte(around))
		b := all[len(around) : len(around)+len(value)]
		defer func() {
			if !bytes.HasPrefix(all, []byte(around)) || !bytes.HasSuffix(all, []byte(around)) {
				t.Fatal("bytes outside were written")
			}
		}()
		index &= Registers - 1
		rank &= 63
		var r All
		ok := r.Raise(b)
		n, ok2 := Count(b)
		if ok != ok2 || ok && n != r.Count() {
			t.Fatalf("%v and %v, %d and %d", ok, ok2, n, r.Count())
		}
		if Dense(b) {
			SetDense(b, index, rank)
			return
		}
		AppendRuns(nil, b)
		// Without capacity behind it, so that growth takes other memory.
		b = b[:len(b):len(b)]
		e := Editor{Max: int64(len(b)) + 2}
		// The last run may lack its second byte: it is counted as if that were
		// zero, as in Redis, but not edited, for Redis writes behind the value then.
		cut := endsCut(b)
		for range 3 {
			var outcome Outcome
			b, outcome = e.Raise(b, index, rank)
			if ok && outcome == Corrupt && !cut {
				t.Fatal("corrupt, although all runs are right")
			}
			if ok && outcome == Changed {
				r[index] = rank
			}
			index, rank = (index+1)&(Registers-1), (rank+1)&63
		}
		var after All
		if got := after.Raise(b); got != ok || ok && after != r {
			t.Fatalf("after changes: %v, before %v", got, ok)
		}
	})
}

func BenchmarkCountDense(b *testing.B) {
	d := newDense()
	for i := range 100_000 {
		index, rank := Position(fmt.Append(nil, i))
		SetDense(d, index, rank)
	}
	for b.Loop() {
		Count(d)
	}
}

func BenchmarkRaiseDense(b *testing.B) {
	d := newDense()
	var r All
	for b.Loop() {
		r.Raise(d)
	}
}

func BenchmarkFind(b *testing.B) {
	v, e := []byte(Empty), Editor{Max: 3000}
	outcome := Unchanged
	for i := 0; outcome != Full; i++ {
		index, rank := Position(fmt.Append(nil, i))
		v, outcome = e.Raise(v, index, rank)
	}
	i := 0
	for b.Loop() {
		e.near = place{}
		e.find(v, i*7919%Registers)
		i++
	}
}

// BenchmarkBuild adds as many elements as make a sparse value half full.
func BenchmarkBuild(b *testing.B) {
	elems := make([][]byte, 700)
	for i := range elems {
		elems[i] = fmt.Append(nil, i)
	}
	v := make([]byte, 0, 3072)
	for b.Loop() {
		v = append(v[:0], Empty...)
		e := Editor{Max: 3000}
		for _, elem := range elems {
			index, rank := Position(elem)
			v, _ = e.Raise(v, index, rank)
		}
	}
}
