package mem

import (
	"math/rand/v2"
	"testing"
)

func BenchmarkAllocFree(b *testing.B) {
	for _, bm := range []struct {
		name string
		n    int
	}{{"16", 16}, {"100", 100}, {"1000", 1000}, {"10000", 10000}, {"100000", 100_000}} {
		b.Run(bm.name, func(b *testing.B) {
			a := newArena(b, Options{})
			for range b.N {
				a.Free(a.Alloc(bm.n))
			}
		})
	}
}

// Allocates a hundred blocks, then frees them, so that an operation need not wait for the stores of the one before.
func BenchmarkAllocFreeBatch(b *testing.B) {
	a := newArena(b, Options{})
	var refs [100]Ref
	for i := 0; i < b.N; i += len(refs) {
		for j := range refs {
			refs[j] = a.Alloc(100)
		}
		for _, r := range refs {
			a.Free(r)
		}
	}
}

// Replaces random ones of many blocks, as overwrites with values of other lengths do.
func BenchmarkChurn(b *testing.B) {
	for _, bm := range []struct {
		name  string
		count int
	}{{"1k", 1000}, {"1M", 1_000_000}} {
		b.Run(bm.name, func(b *testing.B) {
			a := newArena(b, Options{})
			rng := rand.New(rand.NewPCG(1, 2))
			refs := make([]Ref, bm.count)
			for i := range refs {
				refs[i] = a.Alloc(64 + i%64)
			}
			for b.Loop() {
				x := rng.Uint64()
				i := x >> 32 * uint64(bm.count) >> 32
				a.Free(refs[i])
				refs[i] = a.Alloc(64 + int(x%64))
			}
			st := a.Stats()
			b.ReportMetric(float64(st.Resident+st.Overhead)/float64(st.Live), "resident/live")
		})
	}
}

// Fills fresh memory: includes the page faults.
func BenchmarkFill(b *testing.B) {
	a := newArena(b, Options{})
	i := 0
	for b.Loop() {
		*At[uint64](a, a.Alloc(100)) = 1
		if i++; i == 1<<20 {
			i = 0
			b.StopTimer()
			a.Reset()
			for a.Trim(1<<30) > 0 {
			}
			b.StartTimer()
		}
	}
}

func BenchmarkAt(b *testing.B) {
	a := newArena(b, Options{})
	r := a.Alloc(64)
	clear(a.Bytes(r, 64))
	sum := uint64(0)
	b.ResetTimer()
	for range b.N {
		sum += *At[uint64](a, r) + uint64(a.Bytes(r, 8)[3])
	}
	if sum == 1 {
		b.Fatal(sum)
	}
}

func BenchmarkTrim(b *testing.B) {
	a := newArena(b, Options{})
	for b.Loop() {
		b.StopTimer()
		r := a.Alloc(1 << 20)
		clear(a.Bytes(r, 1<<20))
		a.Free(r)
		b.StartTimer()
		a.Trim(1 << 20)
	}
}
