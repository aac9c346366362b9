package mem

import (
	"bytes"
	"math"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/redstart-db/redstart/internal/invariants"
)

func newArena(t testing.TB, o Options) *Arena {
	t.Helper()
	a, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

func mustVerify(t testing.TB, a *Arena) {
	t.Helper()
	if err := a.verify(); err != nil {
		t.Fatal(err)
	}
}

func fill(b []byte, seed uint64) {
	for i := range b {
		b[i] = byte(seed>>(i%8*8)) ^ byte(i)
	}
}

func filled(b []byte, seed uint64) bool {
	for i := range b {
		if b[i] != byte(seed>>(i%8*8))^byte(i) {
			return false
		}
	}
	return true
}

// mustPanic runs f and returns what it panicked with.
func mustPanic(t *testing.T, f func()) (v any) {
	t.Helper()
	defer func() {
		if v = recover(); v == nil {
			t.Error("no panic")
		}
	}()
	f()
	return nil
}

func TestClasses(t *testing.T) {
	prev := 0
	if Usable(0) != 8 {
		t.Errorf("Usable(0) = %d", Usable(0))
	}
	for n := 1; n <= 100_000; n++ {
		u := Usable(n)
		if u < n || u < 8 || u%8 != 0 || u < prev {
			t.Fatalf("Usable(%d) = %d after %d", n, u, prev)
		}
		if waste := u - n; waste > 7 && waste*8 > n {
			t.Fatalf("Usable(%d) = %d wastes more than an eighth", n, u)
		}
		prev = u
	}
	for c := 1; c < numClasses; c++ {
		k := tables.class[c]
		if tail := int(k.pages)<<pageShift - int(k.cap)*int(k.size); tail*100 > 3*int(k.pages)<<pageShift {
			t.Errorf("class of %d bytes: %d bytes of %d pages lost", k.size, tail, k.pages)
		}
		if k.cap == 0 || (k.cap-1)>>k.shift >= fullness {
			t.Errorf("class %d: %+v", c, k)
		}
	}
}

func TestRunBins(t *testing.T) {
	prev := uint32(0)
	for n := uint32(1); n <= maxReserve>>pageShift; n += 1 + n/1000 {
		i := runBin(n)
		if i < prev || i > prev+1 && n > 1 || i >= numRuns {
			t.Fatalf("runBin(%d) = %d after %d", n, i, prev)
		}
		prev = i
	}
}

func TestAllocEverySize(t *testing.T) {
	a := newArena(t, Options{Reserve: 1 << 30})
	type block struct {
		r Ref
		n int
	}
	var all []block
	for n := 0; n < 70_000; n += 1 + n/50 {
		r := a.Alloc(n)
		if r == 0 || a.Usable(r) != Usable(n) {
			t.Fatalf("Alloc(%d) = %#x with %d usable bytes, want %d", n, r, a.Usable(r), Usable(n))
		}
		fill(a.Bytes(r, a.Usable(r)), uint64(r))
		all = append(all, block{r, n})
	}
	mustVerify(t, a)
	for _, b := range all {
		if !filled(a.Bytes(b.r, a.Usable(b.r)), uint64(b.r)) {
			t.Fatalf("block %#x of %d bytes was overwritten", b.r, b.n)
		}
		a.Free(b.r)
	}
	mustVerify(t, a)
	if st := a.Stats(); st.Live != 0 || st.Blocks != 0 {
		t.Fatalf("after freeing everything: %+v", st)
	}
}

func TestAt(t *testing.T) {
	type node struct {
		count uint32
		refs  [7]Ref
	}
	a := newArena(t, Options{})
	r := a.Alloc(32)
	*At[node](a, r) = node{count: 3, refs: [7]Ref{1, 2, 3}}
	if b := a.Bytes(r, 8); !bytes.Equal(b[:1], []byte{3}) && !bytes.Equal(b[3:4], []byte{3}) {
		t.Fatalf("bytes % x", b)
	}
	if n := At[node](a, r); n.refs[2] != 3 {
		t.Fatalf("%+v", n)
	}
	*At[uint64](a, r+1) = math.MaxUint64 // inside the block
	if n := At[node](a, r); n.refs[1] != math.MaxUint32 || n.refs[2] != math.MaxUint32 {
		t.Fatalf("%+v", n)
	}
}

// Freed blocks and the spans they leave are used again, so a steady load does not grow the arena.
func TestReuse(t *testing.T) {
	a := newArena(t, Options{})
	rng := rand.New(rand.NewPCG(1, 2))
	refs := make([]Ref, 2000)
	var after uint64
	for round := range 20 {
		for i, r := range refs {
			if r != 0 {
				a.Free(r)
			}
			refs[i] = a.Alloc(rng.IntN(6000))
		}
		if round == 10 {
			after = a.Stats().Committed
		}
	}
	mustVerify(t, a)
	if now := a.Stats().Committed; now > after+after/4 {
		t.Errorf("committed %d bytes in round 10 and %d in the end", after, now)
	}
}

// What the arena needs beside the blocks is under 0.3% of the memory, and the spans lose little at their tails.
func TestOverhead(t *testing.T) {
	for _, size := range []int{16, 104, 1000, 3000, 20_000} {
		a := newArena(t, Options{})
		base := a.Stats().Overhead
		for a.Live() < 16<<20 {
			a.Alloc(size)
		}
		st := a.Stats()
		if over := st.Overhead - base; over*1000 > 3*(st.Live+(256<<10)) {
			t.Errorf("blocks of %d bytes: %d bytes of bookkeeping for %d", size, over, st.Live)
		}
		if st.Resident*100 > 103*st.Live {
			t.Errorf("blocks of %d bytes: %d bytes resident for %d", size, st.Resident, st.Live)
		}
		t.Logf("blocks of %d bytes: resident %.4f, bookkeeping %.4f of live; an empty arena is %d bytes", size,
			float64(st.Resident)/float64(st.Live), float64(st.Overhead-base)/float64(st.Live), base)
	}
}

func TestGrow(t *testing.T) {
	a := newArena(t, Options{Reserve: 64 << 20})
	small := a.Alloc(100)
	if !a.Grow(small, 104) || a.Grow(small, 105) {
		t.Error("a small block grows within its class only")
	}
	r := a.Alloc(100_000)
	b := a.Bytes(r, 100_000)
	fill(b, 7)
	if !a.Grow(r, 400_000) { // at the frontier
		t.Fatal("cannot grow at the frontier")
	}
	wall := a.Alloc(40_000)
	if a.Grow(r, 450_000) {
		t.Fatal("grew into a live block")
	}
	mustVerify(t, a)
	tail := a.Alloc(40_000)
	a.Free(wall)
	if !a.Grow(r, 400_000+30_000) { // into a part of the free run
		t.Fatal("cannot grow into a free run")
	}
	mustVerify(t, a)
	a.Free(tail)
	if !a.Grow(r, 700_000) { // into a free run and beyond
		t.Fatal("cannot grow into a free run at the frontier")
	}
	mustVerify(t, a)
	if a.Grow(r, math.MaxInt/2) || a.Grow(r, -1) || a.Grow(r, math.MaxInt) {
		t.Error("grew beyond reason")
	}
	if !filled(a.Bytes(r, 100_000), 7) || a.Usable(r) < 700_000 {
		t.Error("the block changed")
	}
	a.Free(r)
	a.Free(small)
	mustVerify(t, a)
}

func TestExhausted(t *testing.T) {
	for _, name := range []string{"reserve", "limit"} {
		t.Run(name, func(t *testing.T) {
			o := Options{Reserve: 1 << 20}
			granted := 0
			if name == "limit" {
				o = Options{Limit: func(n int) bool {
					if granted+n > 1<<20 {
						return false
					}
					granted += n
					return true
				}}
			}
			a := newArena(t, o)
			var refs []Ref
			for {
				r, ok := a.TryAlloc(1000)
				if !ok {
					break
				}
				fill(a.Bytes(r, 1000), uint64(r))
				refs = append(refs, r)
			}
			if len(refs) < 900 || len(refs) > 1100 {
				t.Errorf("%d blocks of 1 KiB in 1 MiB", len(refs))
			}
			before := a.Stats()
			for _, n := range []int{1000, 40_000, math.MaxInt / 2, -1, math.MinInt, math.MaxInt} {
				if v := mustPanic(t, func() { a.Alloc(n) }); v != ErrExhausted {
					t.Errorf("Alloc(%d) panics with %v", n, v)
				}
			}
			if now := a.Stats(); now != before {
				t.Errorf("failing changed %+v to %+v", before, now)
			}
			mustVerify(t, a)
			for _, r := range refs {
				if !filled(a.Bytes(r, 1000), uint64(r)) {
					t.Fatalf("block %#x was overwritten", r)
				}
				a.Free(r)
			}
			a.Free(a.Alloc(500_000)) // pages of the old spans
			a.Free(a.Alloc(16))
			mustVerify(t, a)
		})
	}
}

func TestLimitSeesAllCommits(t *testing.T) {
	asked := 0
	a := newArena(t, Options{Limit: func(n int) bool { asked += n; return true }})
	a.Alloc(10 << 20)
	for range 10_000 {
		a.Alloc(100)
	}
	if st := a.Stats(); st.Committed != uint64(asked) {
		t.Errorf("asked for %d bytes, committed %d", asked, st.Committed)
	}
}

func TestReset(t *testing.T) {
	a := newArena(t, Options{Reserve: 1 << 30})
	for round := range 3 {
		for i := range 5000 {
			r := a.Alloc(i % 3000)
			fill(a.Bytes(r, i%3000), uint64(round))
		}
		big := a.Alloc(9 << 20)
		fill(a.Bytes(big, 9<<20), 1)
		a.Reset()
		mustVerify(t, a)
		if st := a.Stats(); st.Live != 0 || st.Blocks != 0 || st.Resident != st.FreeDirty {
			t.Fatalf("after Reset: %+v", st)
		}
	}
}

// Moving sparse blocks, pass after pass over all blocks, ends and leaves the blocks dense.
func TestSparseConverges(t *testing.T) {
	for _, size := range []int{8, 24, 104, 1000, 9000} {
		for _, keep := range []int{2, 10, 100} {
			a := newArena(t, Options{})
			rng := rand.New(rand.NewPCG(uint64(size), uint64(keep)))
			var refs []Ref
			for i := range min(20_000, 16<<20/size) {
				r := a.Alloc(size)
				fill(a.Bytes(r, 8), uint64(i))
				refs = append(refs, r)
			}
			kept := map[Ref]int{}
			for i, r := range refs {
				if rng.IntN(keep) == 0 {
					kept[r] = i
				} else {
					a.Free(r)
				}
			}
			moves, passes := 0, 0
			for moved := true; moved; passes++ {
				moved = false
				next := map[Ref]int{}
				for r, i := range kept {
					if a.Sparse(r) {
						n := a.Alloc(size)
						copy(a.Bytes(n, size), a.Bytes(r, size))
						a.Free(r)
						r, moved = n, true
						moves++
					}
					next[r] = i
				}
				kept = next
				if passes > 20 {
					t.Fatalf("size %d: no end after %d moves of %d blocks", size, moves, len(kept))
				}
			}
			mustVerify(t, a)
			if n := a.Tried(); n.Sparse != uint64(moves) || n.Bytes != uint64(moves*Usable(size)) || n.Dense == 0 {
				t.Errorf("%+v is counted for %d moves of %d bytes", n, moves, size)
			}
			if st := a.Stats(); a.Held() != st.Resident-st.FreeDirty || a.Held() < a.Live() {
				t.Errorf("%d bytes of pages are held: %+v", a.Held(), st)
			}
			for r, i := range kept {
				if !filled(a.Bytes(r, 8), uint64(i)) {
					t.Fatalf("block %#x lost its contents", r)
				}
			}
			c := tables.coarse[(size+127)/128]
			if size <= fineMax {
				c = tables.fine[(size+7)/8]
			}
			b, slots := &a.bins[c], uint32(tables.class[c].cap)
			if need := (b.live + slots - 1) / slots; b.spans > need+1 {
				t.Errorf("size %d: %d spans for %d blocks of which %d fit into one", size, b.spans, b.live, slots)
			}
			t.Logf("size %d keep 1/%d: %d moves for %d blocks in %d passes", size, keep, moves, len(kept), passes)
		}
	}
}

// A dense class has nothing to move.
func TestSparseDense(t *testing.T) {
	a := newArena(t, Options{})
	for range 3000 {
		if r := a.Alloc(64); a.Sparse(r) {
			t.Fatal("sparse in a class that was only filled")
		}
	}
	if a.Sparse(a.Alloc(1 << 20)) {
		t.Fatal("a large block is sparse")
	}
}

func TestDistinctArenasConcurrently(t *testing.T) {
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			a, err := New(Options{})
			if err != nil {
				t.Error(err)
				return
			}
			defer a.Close()
			rng := rand.New(rand.NewPCG(uint64(g), 1))
			var refs []Ref
			for range 5000 {
				if n := len(refs); n > 0 && rng.IntN(2) == 0 {
					i := rng.IntN(n)
					a.Free(refs[i])
					refs[i] = refs[n-1]
					refs = refs[:n-1]
					continue
				}
				r := a.Alloc(1 + rng.IntN(2000))
				*At[byte](a, r) = byte(g)
				refs = append(refs, r)
			}
			for _, r := range refs {
				if *At[byte](a, r) != byte(g) {
					t.Errorf("arena %d: foreign byte", g)
				}
			}
			if err := a.verify(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestMisuseIsCaught(t *testing.T) {
	if !invariants.Enabled {
		t.Skip("needs -tags invariants")
	}
	cases := map[string]func(a *Arena){
		"double free":       func(a *Arena) { r := a.Alloc(40); a.Alloc(40); a.Free(r); a.Free(r) },
		"double free large": func(a *Arena) { r := a.Alloc(40_000); a.Free(r); a.Free(r) },
		"free of nil":       func(a *Arena) { a.Alloc(40); a.Free(0) },
		"free inside":       func(a *Arena) { a.Free(a.Alloc(40) + 1) },
		"free of nowhere":   func(a *Arena) { a.Free(a.Alloc(40) + 1<<20) },
		"use after free":    func(a *Arena) { r := a.Alloc(40); a.Free(r); a.Bytes(r, 1) },
		"use beyond":        func(a *Arena) { a.Bytes(a.Alloc(40), 41) },
		"typed use beyond":  func(a *Arena) { At[[6]uint64](a, a.Alloc(40)) },
		"negative length":   func(a *Arena) { a.Bytes(a.Alloc(40), -1) },
		"write after free": func(a *Arena) {
			r := a.Alloc(40)
			b := a.Bytes(r, 40)
			a.Free(r)
			b[39] = 1
			a.Alloc(40)
		},
		"damaged link": func(a *Arena) {
			r := a.Alloc(40)
			b := a.Bytes(r, 40)
			a.Free(r)
			b[1] ^= 1
			a.Alloc(40)
			a.Alloc(40)
		},
		"write after free of a span": func(a *Arena) {
			var refs []Ref
			for range 2000 {
				refs = append(refs, a.Alloc(40))
			}
			b := a.Bytes(refs[3], 40)
			a.Free(refs[3])
			b[20] = 1
			for i, r := range refs {
				if i != 3 {
					a.Free(r)
				}
			}
		},
		"write after free large": func(a *Arena) {
			r := a.Alloc(40_000)
			b := a.Bytes(r, 40_000)
			a.Free(r)
			b[30_000] = 1
			a.Alloc(40_000)
		},
	}
	for name, f := range cases {
		t.Run(name, func(t *testing.T) {
			a := newArena(t, Options{})
			t.Log(mustPanic(t, func() { f(a) }))
		})
	}
}

func TestFreedMemoryIsPoisoned(t *testing.T) {
	if !invariants.Enabled {
		t.Skip("needs -tags invariants")
	}
	a := newArena(t, Options{})
	r := a.Alloc(40)
	b := a.Bytes(r, 40)
	fill(b, 1)
	a.Free(r)
	if !poisoned(b[linkSize:]) {
		t.Errorf("% x", b)
	}
}
