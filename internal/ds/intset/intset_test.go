package intset

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// check compares s with the integers that it should hold, in ascending order.
func check(t rapid.TB, s []byte, want []int64) {
	t.Helper()
	if len(s) != Bytes(s) || Len(s) != len(want) {
		t.Fatalf("%d bytes, Bytes %d, Len %d, want %d integers", len(s), Bytes(s), Len(s), len(want))
	}
	if err := Validate(s, true); (err == nil) != (len(want) > 0) {
		t.Fatalf("Validate: %v", err)
	}
	for i, n := range want {
		if got := Get(s, i); got != n {
			t.Fatalf("Get(%d) = %d, want %d", i, got, n)
		}
		if at, ok := Find(s, n); !ok || at != i {
			t.Fatalf("Find(%d) = %d, %v, want %d", n, at, ok, i)
		}
	}
	if len(want) > 0 && (Min(s) != want[0] || Max(s) != want[len(want)-1]) {
		t.Fatalf("from %d to %d, want %v", Min(s), Max(s), want)
	}
}

var anyInt = rapid.OneOf(
	rapid.Int64Range(-20, 20),
	rapid.Int64Range(-40000, 40000),
	rapid.Int64(),
	rapid.SampledFrom([]int64{math.MinInt16, math.MinInt16 - 1, math.MaxInt16, math.MaxInt16 + 1,
		math.MinInt32, math.MinInt32 - 1, math.MaxInt32, math.MaxInt32 + 1, math.MinInt64, math.MaxInt64}),
)

func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, want, width := New(0), []int64{}, 2
		t.Repeat(map[string]func(*rapid.T){
			"": func(t *rapid.T) {
				check(t, s, want)
				if Width(s) != width {
					t.Fatalf("%d bytes wide, want %d", Width(s), width)
				}
			},
			"add": func(t *rapid.T) {
				n := anyInt.Draw(t, "n")
				i, found := slices.BinarySearch(want, n)
				if at, ok := Find(s, n); at != i || ok != found {
					t.Fatalf("Find(%d) = %d, %v, want %d, %v", n, at, ok, i, found)
				}
				need := NeedAdd(s, n)
				room := rapid.Bool().Draw(t, "room")
				block := make([]byte, need+4)
				block[need] = 0xEE
				s = append(block[:0:need], s...)
				if !room {
					s = slices.Clip(slices.Clone(s))
				}
				was := s
				var added bool
				if s, added = Add(s, n); added == found {
					t.Fatalf("Add(%d) = %v", n, added)
				}
				if room && &s[0] != &was[0] || block[need] != 0xEE {
					t.Fatal("not in place")
				}
				if found {
					return
				}
				if len(s) != need {
					t.Fatalf("%d bytes, NeedAdd says %d", len(s), need)
				}
				want = slices.Insert(want, i, n)
				width = max(width, widthOf(n))
			},
			"remove": func(t *rapid.T) {
				n := anyInt.Draw(t, "n")
				if len(want) > 0 && rapid.Bool().Draw(t, "there") {
					n = want[rapid.IntRange(0, len(want)-1).Draw(t, "index")]
				}
				i, found := slices.BinarySearch(want, n)
				var removed bool
				if s, removed = Remove(s, n); removed != found {
					t.Fatalf("Remove(%d) = %v", n, removed)
				}
				if found {
					want = slices.Delete(want, i, i+1)
				}
			},
		})
	})
}

func TestValidateRefuses(t *testing.T) {
	good := New(0)
	for _, n := range []int64{5, -1, 70000} {
		good, _ = Add(good, n)
	}
	if err := Validate(good, true); err != nil {
		t.Fatal(err)
	}
	for name, edit := range map[string]func(s []byte) []byte{
		"no header":      func(s []byte) []byte { return s[:7] },
		"empty":          func(s []byte) []byte { return []byte(Empty) },
		"width 3":        func(s []byte) []byte { s[0] = 3; return s },
		"width 0":        func(s []byte) []byte { s[0] = 0; return s },
		"width 16":       func(s []byte) []byte { s[0] = 16; return s },
		"narrower":       func(s []byte) []byte { s[0] = 2; return s },
		"one too few":    func(s []byte) []byte { s[4]--; return s },
		"one too many":   func(s []byte) []byte { s[4]++; return s },
		"overflow":       func(s []byte) []byte { s[7] = 0x40; return s },
		"cut":            func(s []byte) []byte { return s[:len(s)-1] },
		"one byte more":  func(s []byte) []byte { return append(s, 0) },
		"out of order":   func(s []byte) []byte { s[HeaderSize+3] = 0x7F; return s },
		"the same twice": func(s []byte) []byte { copy(s[HeaderSize:], s[HeaderSize+4:HeaderSize+8]); return s },
	} {
		s := edit(slices.Clone(good))
		if err := Validate(s, true); err != ErrCorrupt {
			t.Errorf("%s: %v", name, err)
		}
		ordered := name != "out of order" && name != "the same twice"
		if err := Validate(s, false); (err == ErrCorrupt) != ordered {
			t.Errorf("%s, not deep: %v", name, err)
		}
	}
}

// TestAddBelievesNoHeader adds to what would ask for gigabytes.
func TestAddBelievesNoHeader(t *testing.T) {
	for _, s := range []string{
		"\x02\x00\x00\x00\xff\xff\xff\x7f",
		"\x00\x00\x00\x70\x00\x00\x00\x00",
		"\x02\x00\x00\x00\x02\x00\x00\x00\x01\x00",
	} {
		func() {
			defer func() {
				if r := recover(); r != ErrCorrupt {
					t.Errorf("% x: %v", s, r)
				}
			}()
			Add([]byte(s), 1<<40)
		}()
	}
}

// FuzzIntset gives any bytes to all functions.
func FuzzIntset(f *testing.F) {
	for _, ns := range [][]int64{{1}, {-5, 7, 900}, {70000, -70000}, {math.MinInt64, 0, 1 << 40}} {
		s := New(0)
		for _, n := range ns {
			s, _ = Add(s, n)
		}
		f.Add(s, ns[0])
	}
	f.Add([]byte("\x02\x00\x00\x00\x01\x00\x00\x00"), int64(7))
	f.Add([]byte("\x08\x00\x00\x00\x00\x00\x00\x20"), int64(1))
	f.Fuzz(func(t *testing.T, b []byte, n int64) {
		valid := Validate(b, true) == nil
		s := slices.Clip(slices.Clone(b))
		defer func() {
			if r := recover(); r != nil {
				_, isRuntime := r.(runtime.Error)
				if valid || !isRuntime && r != ErrCorrupt {
					t.Fatal(r)
				}
			}
		}()
		if !valid {
			// What lies behind it belongs to someone else.
			s = append(make([]byte, 0, len(b)+64), b...)
			binary.LittleEndian.PutUint64(s[len(s):len(s)+8], uint64(n))
			if len(s) >= HeaderSize {
				if i, ok := Find(s, n); ok && HeaderSize+(i+1)*Width(s) > len(s) {
					t.Fatalf("%d found at %d of % x", n, i, s)
				}
			}
		}
		_, there := Find(s, n)
		s, added := Add(s, n)
		if valid && (added == there || Validate(s, true) != nil) {
			t.Fatalf("% x after adding %d", s, n)
		}
		s, removed := Remove(s, n)
		if valid && (!removed || Len(s) > 0 && Validate(s, true) != nil) {
			t.Fatalf("% x after removing %d", s, n)
		}
		if valid && there && Len(s) != int(binary.LittleEndian.Uint32(b[4:]))-1 {
			t.Fatalf("%d left", Len(s))
		}
		if valid && Len(s) > 0 && Min(s) > Max(s) {
			t.Fatal("out of order")
		}
	})
}

func TestNoAllocation(t *testing.T) {
	s := New(1000)
	if n := testing.AllocsPerRun(100, func() {
		s = append(s[:0], Empty...)
		for _, n := range []int64{1, -100000, 1 << 40} {
			s, _ = Add(s, n)
		}
		s, _ = Remove(s, 1)
		if _, ok := Find(s, 1<<40); !ok {
			t.Fatal("not found")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkFind(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	s := New(0)
	for Len(s) < 512 {
		s, _ = Add(s, r.Int64N(1<<31))
	}
	var sought [1024]int64
	for i := range sought {
		sought[i] = r.Int64N(1 << 31)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		Find(s, sought[i&1023])
		i++
	}
}

func BenchmarkAdd(b *testing.B) {
	s := New(HeaderSize + 512*4)
	b.ReportAllocs()
	n := int64(0)
	for b.Loop() {
		if len(s) == cap(s) {
			s = append(s[:0], Empty...)
		}
		n += 1 << 16
		s, _ = Add(s, n&(1<<31-1))
	}
}

// TestSeek compares it with a search from the start, from all places it may begin at.
func TestSeek(t *testing.T) {
	for _, step := range []int64{1, 3, 100_000, 1 << 40} {
		for _, n := range []int{0, 1, 2, 7, 33, 100} {
			s := New(0)
			for i := range n {
				s, _ = Add(s, (int64(i)-20)*step)
			}
			for i := range int64(n) + 2 {
				for _, off := range []int64{-1, 0, 1} {
					v := (i-21)*step + off
					want, _ := Find(s, v)
					for from := 0; from <= want; from++ {
						if got := Seek(s, from, v); got != want {
							t.Fatalf("%d integers, step %d: %d from %d is at %d, want %d", n, step, v, from, got, want)
						}
					}
				}
			}
		}
	}
}
