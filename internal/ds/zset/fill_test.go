package zset

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/redstart-db/redstart/internal/ds/dict"
	"github.com/redstart-db/redstart/internal/mem"
	"github.com/redstart-db/redstart/tests/peer"
)

// fillIn adds elements in batches, and gives the number of those that were taken.
func fillIn(z *ZSet, elems []elem) (taken int) {
	f := z.Filler()
	for batch := range slices.Chunk(elems, MaxBatch) {
		var news []New
		for _, x := range batch {
			news = append(news, New{Member: []byte(x.member), Score: x.score})
		}
		if !f.Add(news) {
			return z.dict.Len()
		}
	}
	f.End()
	return z.Len()
}

// orders are the orders in which elements may come: they are given in their own.
var orders = map[string]func(rnd *rand.Rand, elems []elem){
	"falling": func(_ *rand.Rand, elems []elem) { slices.Reverse(elems) },
	"rising":  func(*rand.Rand, []elem) {},
	"none": func(rnd *rand.Rand, elems []elem) {
		rnd.Shuffle(len(elems), func(i, j int) { elems[i], elems[j] = elems[j], elems[i] })
	},
	"falling, but for the last": func(_ *rand.Rand, elems []elem) { slices.Reverse(elems[:len(elems)-1]) },
	"falling, then rising": func(_ *rand.Rand, elems []elem) {
		slices.Reverse(elems)
		slices.Reverse(elems[len(elems)/2:])
	},
}

func TestFiller(t *testing.T) {
	rnd := rand.New(rand.NewPCG(peer.Seed(t), 0))
	for name, order := range orders {
		for _, n := range []int{1, 2, 62, 63, 64, 65, 127, 63*63 - 1, 63 * 63, 63*63 + 1, 2*63*63 + 7, runLen + 100} {
			a := newArena(t, mem.Options{Reserve: 64 << 20})
			var z ZSet
			z.Init(a)
			z.Expect(n)
			want := make([]elem, n)
			for i := range want {
				want[i] = elem{fmt.Sprintf("member %07d", i), float64(i / 3)}
			}
			come := slices.Clone(want)
			order(rnd, come)
			if taken := fillIn(&z, come); taken != n {
				t.Fatalf("%s: %d of %d elements were taken", name, taken, n)
			}
			m := z.First()
			for i, x := range want {
				if !m.Valid() || string(m.Member()) != x.member || m.Score() != x.score {
					t.Fatalf("%s, %d elements: the one of rank %d is %q %v, want %v", name, n, i, m.Member(), m.Score(), x)
				}
				m.Next()
			}
			if m.Valid() {
				t.Fatalf("%s, %d elements: there are more", name, n)
			}
			// The tree takes changes, at its ends too.
			for range 200 {
				x := want[rnd.IntN(len(want))]
				z.Set([]byte(x.member), rnd.Float64()*float64(n))
			}
			z.Set([]byte("first"), math.Inf(-1))
			z.Set([]byte("last"), math.Inf(1))
			if rank, _, ok := z.Rank([]byte("last")); !ok || rank != n+1 {
				t.Fatalf("%s, %d elements: rank %d %v of the last", name, n, rank, ok)
			}
			for i := range want[:n/2] {
				if !z.Delete([]byte(want[i*2].member)) {
					t.Fatalf("%s, %d elements: %q is not there", name, n, want[i*2].member)
				}
			}
			for !z.Drop(100) {
			}
			if live := a.Live(); live != 0 {
				t.Fatalf("%s, %d elements: %d bytes are left", name, n, live)
			}
		}
	}
}

// TestFillerTwice has one element come twice, in the same batch or a later one.
func TestFillerTwice(t *testing.T) {
	rnd := rand.New(rand.NewPCG(peer.Seed(t), 0))
	for name, order := range orders {
		for _, n := range []int{2, 64, 65, 4000, runLen + 500} {
			a := newArena(t, mem.Options{Reserve: 64 << 20})
			var z ZSet
			z.Init(a)
			elems := make([]elem, n)
			for i := range elems {
				elems[i] = elem{fmt.Sprintf("member %07d", i), float64(i)}
			}
			order(rnd, elems)
			at := 1 + rnd.IntN(n-1)
			elems[at].member = elems[rnd.IntN(at)].member
			if taken := fillIn(&z, elems); taken != at {
				t.Fatalf("%s: %d elements were taken, of which that with index %d was there", name, taken, at)
			}
			for !z.Drop(100) {
			}
			if live := a.Live(); live != 0 {
				t.Fatalf("%s, %d elements: %d bytes are left", name, n, live)
			}
		}
	}
}

// TestFillerExhausted lets memory run out at each step of building.
func TestFillerExhausted(t *testing.T) {
	rnd := rand.New(rand.NewPCG(peer.Seed(t), 0))
	const n = 20000
	for name, order := range orders {
		failed := 0
		for limit := 1; ; limit += 1 + limit/7 {
			pages := limit
			a := newArena(t, mem.Options{Reserve: 16 << 20, Limit: func(int) bool { pages--; return pages > 0 }})
			var z ZSet
			z.Init(a)
			elems := make([]elem, n)
			for i := range elems {
				elems[i] = elem{fmt.Sprintf("member %07d", i), float64(i)}
			}
			order(rnd, elems)
			whole := func() (whole bool) {
				defer func() {
					if r := recover(); r != nil && r != mem.ErrExhausted {
						panic(r)
					}
				}()
				return fillIn(&z, elems) == n
			}()
			for !z.Drop(1000) {
			}
			if live := a.Live(); live != 0 {
				t.Fatalf("%s: %d bytes are left", name, live)
			}
			if whole {
				break
			}
			failed++
		}
		if failed < 3 {
			t.Errorf("%s: memory ran out %d times only", name, failed)
		}
	}
}

// TestFullLeaves has what was filled in the order of Redis take no more than what was
// appended.
func TestFullLeaves(t *testing.T) {
	a := newArena(t, mem.Options{Reserve: 64 << 20})
	var filled, appended ZSet
	filled.Init(a)
	appended.Init(a)
	const n = 100_000
	var elems []elem
	for i := range n {
		elems = append(elems, elem{fmt.Sprintf("member %07d", n-i), float64(n - i)})
	}
	fillIn(&filled, elems)
	slices.Reverse(elems)
	for _, x := range elems {
		appended.Append([]byte(x.member), x.score)
	}
	if a, b := filled.tree.Bytes(), appended.tree.Bytes(); a > b {
		t.Errorf("the tree that was filled takes %d bytes, the other %d", a, b)
	}
	if filled.dict.Len() != n || dict.MaxBatch != MaxBatch {
		t.Errorf("%d elements", filled.dict.Len())
	}
}
