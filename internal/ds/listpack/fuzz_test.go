package listpack

import (
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/redstart-db/redstart/tests/peer"
)

// seeds are listpacks with every encoding.
func seeds() [][]byte {
	lp := New(0)
	for _, n := range edgeInts {
		lp = AppendInt(lp, n)
	}
	strs := New(0)
	for _, n := range []int{0, 1, 63, 64, 130, 4096} {
		strs = Append(strs, []byte(strings.Repeat("s", n)))
	}
	return [][]byte{New(0), lp, strs, Merge(slices.Clone(lp), strs)}
}

// reading runs f, which may panic on a corrupt listpack in the ways that the
// package allows, and says whether it did.
func reading(t *testing.T, f func()) (panicked bool) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case runtime.Error:
			panicked = true
		case error:
			if panicked = errors.Is(r, ErrCorrupt); !panicked {
				t.Fatal(r)
			}
		default:
			t.Fatal(r)
		}
	}()
	f()
	return false
}

// within fails if v's string lies outside lp.
func within(t *testing.T, lp []byte, v Value) {
	if v.IsInt() {
		return
	}
	from := uintptr(unsafe.Pointer(unsafe.SliceData(v.Str))) - uintptr(unsafe.Pointer(&lp[0]))
	if from > uintptr(len(lp)) || from+uintptr(cap(v.Str)) > uintptr(len(lp)) {
		t.Fatalf("a value at %d with %d bytes of a listpack of %d", from, cap(v.Str), len(lp))
	}
}

// readAll reads lp in all ways; each walk ends, for every step takes a byte at least.
func readAll(t *testing.T, lp []byte) (panicked bool) {
	limit := len(lp)
	step := func() {
		if limit--; limit < 0 {
			t.Fatal("a walk that does not end")
		}
	}
	var values [][]byte
	for _, f := range []func(){
		func() {
			for pos, ok := First(lp); ok; pos, ok = Next(lp, pos) {
				step()
				v := Get(lp, pos)
				within(t, lp, v)
				if v.Len() < 100 && len(values) < 20 {
					values = append(values, v.AppendTo(nil))
				}
			}
		},
		func() {
			for pos, ok := Last(lp); ok; pos, ok = Prev(lp, pos) {
				step()
				within(t, lp, Get(lp, pos))
			}
		},
		func() { Len(lp) },
		func() { Seek(lp, 3); Seek(lp, math.MaxInt) },
		func() { Seek(lp, -3) },
		func() { Seek(lp, math.MinInt) },
		func() { Find(lp, HeaderSize, []byte("ss"), 0) },
		func() { Find(lp, HeaderSize, []byte("128"), 1) },
		func() { Find(lp, HeaderSize, []byte(strings.Repeat("s", 64)), 1) },
	} {
		limit = len(lp)
		panicked = reading(t, f) || panicked
	}
	for _, v := range values {
		panicked = reading(t, func() {
			if _, ok := Find(lp, HeaderSize, v, 0); !ok {
				t.Fatalf("%q is not found in % x", v, lp)
			}
		}) || panicked
	}
	return panicked
}

// edits runs every kind of change at an entry of a copy of lp.
func edits(lp []byte, index int) [][]byte {
	n := Len(lp)
	pos := End(lp)
	if n > 0 {
		pos, _ = Seek(lp, index%n)
	}
	elem := []byte("an element")
	cp := func() []byte { return slices.Clone(lp) }
	all := [][]byte{
		Insert(cp(), pos, elem), InsertInt(cp(), pos, 1<<40), Append(cp(), elem), AppendInt(cp(), -5),
		Prepend(cp(), elem), PrependInt(cp(), 1000), DeleteRange(cp(), pos, index%7), Merge(cp(), lp),
	}
	left, right := Split(cp(), pos, nil)
	all = append(all, left, right)
	if n > 0 {
		less, _ := DeleteEqual(cp(), Get(lp, pos).AppendTo(nil), index%2, 1+index%3)
		all = append(all, less, Replace(cp(), pos, elem), ReplaceInt(cp(), pos, 300), Delete(cp(), pos))
	}
	return all
}

// twice tells whether an entry of a valid listpack is there twice.
func twice(lp []byte) bool {
	seen := map[string]bool{}
	for pos, ok := First(lp); ok; pos, ok = Next(lp, pos) {
		s := string(Get(lp, pos).AppendTo(nil))
		if seen[s] {
			return true
		}
		seen[s] = true
	}
	return false
}

// FuzzListpack gives any bytes to the reading functions, and to those that change
// what Validate lets pass.
func FuzzListpack(f *testing.F) {
	for i, lp := range seeds() {
		f.Add(lp, i)
	}
	f.Add([]byte("\x0b\x00\x00\x00\x01\x00\xf0\xff\xff\xff\xff"), 0)
	f.Add([]byte("\x0b\x00\x00\x00\x01\x00\x05\xff\xff\xff\xff"), 0)
	f.Fuzz(func(t *testing.T, b []byte, index int) {
		index &= 0xFF
		if len(b) < len(Empty) {
			if Validate(b, false) == nil || Validate(b, true) == nil {
				t.Fatalf("% x passes", b)
			}
			return
		}
		// Whatever is behind it belongs to someone else.
		lp := slices.Concat(b, []byte(strings.Repeat("\x02", 5000)))[:len(b)]
		binary.LittleEndian.PutUint32(lp, uint32(len(lp)))
		valid := Validate(lp, true) == nil
		if n, unique, err := ValidateUnique(lp, 1); (err == nil) != valid || valid && n != Recount(slices.Clone(lp)) || unique && twice(lp) {
			t.Fatalf("% x: valid %v, but %d entries, unique %v, %v", lp, valid, n, unique, err)
		}
		if panicked := readAll(t, lp); valid && panicked {
			t.Fatalf("a panic although % x is valid", lp)
		}
		if !valid {
			reading(t, func() { edits(lp, index) })
			return
		}
		for i, e := range edits(lp, index) {
			if err := Validate(e, true); err != nil {
				t.Fatalf("change %d of % x: % x: %v", i, lp, e, err)
			}
		}
	})
}

// TestCorrupt sets every byte of listpacks to some wrong values, cuts them short
// and swaps their parts.
func TestCorrupt(t *testing.T) {
	seed := peer.Seed(t)
	r := rand.New(rand.NewPCG(seed, 0))
	for _, good := range seeds()[:3] {
		good = good[:len(good):len(good)]
		for i := range good {
			for _, c := range []byte{good[i] + 1, good[i] - 1, good[i] ^ 0x80, 0, 0xF0, 0xFF, byte(r.Uint32())} {
				bad := slices.Clone(good)
				bad[i] = c
				valid := Validate(bad, true) == nil
				if panicked := readAll(t, bad); panicked && valid {
					t.Fatalf("byte %d set to %x is valid but panics", i, c)
				}
			}
		}
		for n := range good {
			if Validate(good[:n], true) == nil || Validate(good[:n], false) == nil {
				t.Fatalf("%d of %d bytes are valid", n, len(good))
			}
		}
	}
}

func TestValidateRefuses(t *testing.T) {
	good := AppendInt(Append(New(0), []byte("abc")), 5000)
	for name, edit := range map[string]func(lp []byte) []byte{
		"total too small":        func(lp []byte) []byte { lp[0]--; return lp },
		"total too large":        func(lp []byte) []byte { lp[0]++; return lp },
		"total beyond 32 bits":   func(lp []byte) []byte { lp[3] = 0x80; return lp },
		"count too small":        func(lp []byte) []byte { lp[4]--; return lp },
		"count too large":        func(lp []byte) []byte { lp[4]++; return lp },
		"no end":                 func(lp []byte) []byte { lp[End(lp)] = 0; return lp },
		"end inside":             func(lp []byte) []byte { lp[HeaderSize] = end; return lp },
		"unknown encoding":       func(lp []byte) []byte { lp[HeaderSize] = 0xF5; return lp },
		"string too long":        func(lp []byte) []byte { lp[HeaderSize] = encStr6 | 60; return lp },
		"long string, no length": func(lp []byte) []byte { lp[11] = encStr32; return lp },
		"backlen too small":      func(lp []byte) []byte { lp[10]--; return lp },
		"backlen too large":      func(lp []byte) []byte { lp[10]++; return lp },
		"backlen continued":      func(lp []byte) []byte { lp[10] |= 0x80; return lp },
	} {
		lp := edit(slices.Clone(good))
		if err := Validate(lp, true); err != ErrCorrupt {
			t.Errorf("%s: %v", name, err)
		}
		if err := ValidateEach(lp, nil); err != ErrCorrupt {
			t.Errorf("%s: each: %v", name, err)
		}
	}
	if err := Validate(good, true); err != nil {
		t.Errorf("unchanged: %v", err)
	}
	// The last byte of the backlen is the end byte.
	lp := Append(New(0), make([]byte, 253))
	lp = lp[:End(lp)]
	setBytes(lp)
	if lp[End(lp)] != end || Validate(lp, true) != ErrCorrupt {
		t.Error("no end behind the last entry, but valid")
	}
	lp = slices.Clone(good)
	setHeaderLen(lp, unknownLen)
	if err := Validate(lp, true); err != nil {
		t.Errorf("unknown count: %v", err)
	}
	stop := errors.New("stop")
	if err := ValidateEach(good, func(i int, _ Value) error { return []error{nil, stop}[i] }); err != stop {
		t.Errorf("the callback's error: %v", err)
	}
}
