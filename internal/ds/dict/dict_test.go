package dict

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/redstart-db/redstart/internal/ds/zindex"
	"github.com/redstart-db/redstart/internal/mem"
	"github.com/redstart-db/redstart/tests/peer"
	"pgregory.net/rapid"
)

// The tree of a sorted set reads its entries here.
var _ zindex.Entries = (*Dict)(nil)

var kinds = []Kind{Set, Hash, ZSet}

// TestAgainstMap makes random changes to a Dict and to a map.
func TestAgainstMap(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		kind := rapid.SampledFrom(kinds).Draw(rt, "kind")
		s := source{rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))}
		m := newModel(rt, newArena(t, mem.Options{}), kind)
		for range rapid.IntRange(1, 800).Draw(rt, "steps") {
			m.step(s)
		}
		m.check()
		m.defrag()
		m.check()
		m.drop(rapid.IntRange(1, 100).Draw(rt, "drop"))
	})
}

// TestExhausted does the same where memory ends again and again, at whatever
// point of a change.
func TestExhausted(t *testing.T) {
	for _, kind := range kinds {
		t.Run(fmt.Sprint(kind), func(t *testing.T) {
			seed := peer.Seed(t)
			s := source{rand.New(rand.NewPCG(seed, 2))}
			refused := false
			a := newArena(t, mem.Options{Limit: func(int) bool {
				refused = s.rnd.IntN(4) != 0
				return !refused
			}})
			failed := 0
			for range 40 {
				m := newModel(t, a, kind)
				for range 200 {
					refused = false
					m.step(s)
					if refused {
						failed++
					}
				}
				m.check()
				m.defrag()
				m.check()
				m.drop(1 + s.rnd.IntN(50))
				a.Reset()
			}
			t.Logf("memory was refused %d times", failed)
			if failed == 0 && kind == Hash {
				t.Error("nothing failed")
			}
		})
	}
}

// TestExhaustedFull fills an arena to its end, so that the smallest request may
// be the one that fails.
func TestExhaustedFull(t *testing.T) {
	for _, kind := range kinds {
		t.Run(fmt.Sprint(kind), func(t *testing.T) {
			m := newModel(t, newArena(t, mem.Options{Reserve: 1 << 20}), kind)
			failed := 0
			for i := range 40_000 {
				before := len(m.elems)
				m.set(fmt.Sprintf("member:%d", i), elem{value: fmt.Sprint(i), score: float64(i)})
				if len(m.elems) == before {
					failed++
				}
				if kind == Hash && i%2 == 0 {
					m.expire(fmt.Sprintf("member:%d", i), int64(1+i%100))
				}
			}
			if failed == 0 {
				t.Error("nothing failed")
			}
			m.check()
			m.defrag()
			m.check()
			m.drop(999)
		})
	}
}

// TestExhaustedFirst has no memory at all: what the table had taken goes back.
func TestExhaustedFirst(t *testing.T) {
	for limit := range 6 {
		n := 0
		a := newArena(t, mem.Options{Limit: func(int) bool { n++; return n <= limit }})
		m := newModel(t, a, Hash)
		m.set("f", elem{value: strings.Repeat("v", 1<<20)})
		m.check()
		if m.d.Len() == 0 && a.Live() != 0 {
			t.Errorf("limit %d: %d bytes for an empty Dict", limit, a.Live())
		}
	}
}

func TestOwnBytes(t *testing.T) {
	m := newModel(t, newArena(t, mem.Options{}), Hash)
	for _, n := range []int{0, 10, 253, 254, 300, inlineMax, inlineMax + 1, 9000} {
		for _, to := range []int{0, 10, 253, 254, 300, inlineMax, inlineMax + 1, 9000} {
			v := strings.Repeat("abcdefgh", n/8+1)[:n]
			m.set("f", elem{value: v})
			e, _ := m.d.Find([]byte("f"))
			to = min(to, n)
			e = m.d.SetValue(e, e.Value()[n-to:])
			m.elems["f"] = elem{value: v[n-to:]}
			m.sameElem(e, "f", m.elems["f"])
		}
	}
	m.check()
}

// TestInPlace: a value that needs no other block changes no reference.
func TestInPlace(t *testing.T) {
	m := newModel(t, newArena(t, mem.Options{}), Hash)
	for _, tc := range []struct {
		from, to int
		same     bool
	}{{10, 10, true}, {10, 11, true}, {10, 40, false}, {3000, 9000, true}, {3000, 10, false}, {10, 3000, false}, {400, 401, true}} {
		m.set("field", elem{value: strings.Repeat("a", tc.from)})
		m.expire("field", 5)
		e, _ := m.d.Find([]byte("field"))
		was := e.Ref()
		m.keep("field", strings.Repeat("b", tc.to))
		e, _ = m.d.Find([]byte("field"))
		if (e.Ref() == was) != tc.same {
			t.Errorf("from %d to %d bytes: in place %v, want %v", tc.from, tc.to, e.Ref() == was, tc.same)
		}
	}
}

func TestScanMeetsOnce(t *testing.T) {
	m := newModel(t, newArena(t, mem.Options{}), Set)
	for i := range 3000 {
		m.set(fmt.Sprint("stays ", i), elem{})
	}
	met := map[string]int{}
	rnd := rand.New(rand.NewPCG(3, 4))
	for pos, done := uint32(0), false; !done; {
		pos, done = m.d.Scan(pos, func(e Elem) { met[string(e.Member())]++ })
		for range 40 {
			m.set(fmt.Sprint("passes ", rnd.IntN(9000)), elem{})
		}
		for range 10 {
			m.remove(fmt.Sprint("passes ", rnd.IntN(9000)))
		}
	}
	for i := range 3000 {
		if n := met[fmt.Sprint("stays ", i)]; n != 1 {
			t.Fatalf("%d was met %d times", i, n)
		}
	}
}

func TestCopyTo(t *testing.T) {
	for _, kind := range kinds {
		s := source{rand.New(rand.NewPCG(5, uint64(kind)))}
		m := newModel(t, newArena(t, mem.Options{}), kind)
		for range 4000 {
			m.step(s)
		}
		for i := range 3000 {
			m.set(fmt.Sprint("more ", i), elem{value: "v", score: 1})
		}
		to := newModel(t, newArena(t, mem.Options{}), kind)
		m.d.CopyTo(&to.d)
		if kind == ZSet {
			to.d.Each(func(e Elem) { to.tree.Insert(e.Score(), e.Ref()) })
		}
		to.elems = maps.Clone(m.elems)
		to.check()
		m.check()
		to.drop(1000)

		to = newModel(t, newArena(t, mem.Options{}), kind)
		parts := 0
		for pos, done := uint32(0), false; !done; parts++ {
			had := to.d.Len()
			if pos, done = m.d.CopyPart(&to.d, pos, 50, 2000); to.d.Len() > had+100 {
				t.Fatalf("a part of %d elements", to.d.Len()-had)
			}
		}
		if kind == ZSet {
			to.d.Each(func(e Elem) { to.tree.Insert(e.Score(), e.Ref()) })
		}
		to.elems = maps.Clone(m.elems)
		to.check()
		to.drop(1000)
		if parts < 20 {
			t.Fatalf("%d parts", parts)
		}

		small := newModel(t, newArena(t, mem.Options{Reserve: 1 << 17}), kind)
		if try(func() { m.d.CopyTo(&small.d) }) {
			t.Error("the copy fits where it should not")
		}
		small.check()
		if small.arena.Live() != 0 {
			t.Errorf("%d bytes are left of a copy that failed", small.arena.Live())
		}
	}
}

func TestDefrag(t *testing.T) {
	for _, kind := range kinds {
		m := newModel(t, newArena(t, mem.Options{}), kind)
		rnd := rand.New(rand.NewPCG(6, uint64(kind)))
		for i := range 20_000 {
			k := fmt.Sprint("member ", i)
			m.set(k, elem{value: strings.Repeat("v", i%20+i%100/99*3000), score: rnd.Float64()})
			if kind == Hash && i%7 == 0 {
				m.expire(k, int64(1+i%50))
			}
		}
		for k := range maps.Clone(m.elems) {
			if rnd.IntN(5) != 0 {
				m.remove(k)
			}
		}
		free := func() uint64 { st := m.arena.Stats(); return st.Resident - st.FreeDirty - st.Live }
		before := free()
		rounds := 0
		for ; m.defrag() > 0; rounds++ {
			if rounds > 100 {
				t.Fatal("it does not end")
			}
		}
		m.check()
		if after := free(); after > before*2/3 || rounds == 0 {
			t.Errorf("kind %d: %d of %d bytes are still lost after %d rounds", kind, after, before, rounds)
		}
		if kind == ZSet {
			checkOrder(t, m)
		}
		m.drop(5000)
	}
}

// checkOrder compares the index of a sorted set with the elements.
func checkOrder(t *testing.T, m *model) {
	keys := slices.SortedFunc(maps.Keys(m.elems), func(a, b string) int {
		x, y := m.elems[a].score, m.elems[b].score
		if x < y {
			return -1
		}
		return 1
	})
	i := 0
	m.tree.Walk(0, func(score float64, ref mem.Ref) bool {
		if k := keys[i]; score != m.elems[k].score || string(m.d.At(ref).Member()) != k || m.d.At(ref).Score() != score {
			t.Fatalf("element %d is not %q", i, k)
		}
		i++
		return true
	})
}

func TestDeleteRangeOfIndex(t *testing.T) {
	m := newModel(t, newArena(t, mem.Options{}), ZSet)
	for i := range 5000 {
		m.set(fmt.Sprint(i), elem{score: float64(i)})
	}
	m.tree.DeleteRange(1000, 4000, func(_ float64, ref mem.Ref) { m.d.Remove(m.d.At(ref)) })
	for i := 1000; i < 4000; i++ {
		delete(m.elems, fmt.Sprint(i))
	}
	m.check()
	m.drop(10_000)
}
