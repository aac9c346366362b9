package zindex

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/redstart-db/redstart/internal/mem"
	"github.com/redstart-db/redstart/tests/peer"
	"pgregory.net/rapid"
)

func TestAgainstSlice(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		tree, m := newTree(t, mem.Options{Reserve: 64 << 20})
		seed := rapid.Uint64().Draw(rt, "seed")
		kind := rapid.IntRange(0, len(scoreKinds)-1).Draw(rt, "kind")
		s := &stress{tree: tree, m: m, s: scores{kind: kind, rnd: rand.New(rand.NewPCG(seed, 1))}}
		rt.Repeat(map[string]func(*rapid.T){
			"": func(rt *rapid.T) { m.check(rt, tree) },
			"grow": func(rt *rapid.T) {
				for range rapid.IntRange(1, 400).Draw(rt, "n") {
					s.insert()
				}
			},
			"mix": func(rt *rapid.T) {
				s.run(rt, rapid.IntRange(1, 300).Draw(rt, "n"), rapid.IntRange(0, 16).Draw(rt, "grow"))
			},
			"range":  func(rt *rapid.T) { s.removeRange(rt) },
			"first":  func(rt *rapid.T) { s.removeEnd(rt, rapid.IntRange(1, 300).Draw(rt, "n"), true) },
			"last":   func(rt *rapid.T) { s.removeEnd(rt, rapid.IntRange(1, 300).Draw(rt, "n"), false) },
			"shrink": func(rt *rapid.T) { s.removeRandom(rt, rapid.IntRange(1, 300).Draw(rt, "n")) },
		})
		if m.elems = nil; !tree.Drop(1<<30, nil) {
			rt.Fatalf("not dropped")
		}
		m.check(rt, tree)
	})
}

func (s *stress) removeEnd(t fataler, n int, first bool) {
	for range min(n, len(s.m.elems)) {
		x := s.m.elems[len(s.m.elems)-1]
		if first {
			x = s.m.elems[0]
		}
		s.remove(t, x)
	}
}

func (s *stress) removeRandom(t fataler, n int) {
	for range min(n, len(s.m.elems)) {
		s.remove(t, s.pick())
	}
}

// Trees of some levels, in all orders.
func TestStress(t *testing.T) {
	seed := peer.Seed(t)
	for kind, name := range scoreKinds {
		t.Run(name, func(t *testing.T) {
			t.Logf("seed %d", seed)
			tree, m := newTree(t, mem.Options{})
			s := &stress{tree: tree, m: m, s: scores{kind: kind, rnd: rand.New(rand.NewPCG(seed, 2))}}
			for range 5000 {
				s.insert()
			}
			m.check(t, tree)
			s.run(t, 1000, 6)
			m.check(t, tree)
			for range 6 {
				s.removeRange(t)
				m.check(t, tree)
				for range 1000 {
					s.insert()
				}
			}
			for len(m.elems) > 0 {
				s.removeRandom(t, 1000)
				s.removeEnd(t, 500, true)
				m.check(t, tree)
			}
			if live := m.e.a.Live(); live != 0 || tree.Bytes() != 0 {
				t.Fatalf("%d bytes are left, %d by the tree's count", live, tree.Bytes())
			}
		})
	}
}

// Four levels, so that nodes between root and leaves split and join too.
func TestDeep(t *testing.T) {
	seed := peer.Seed(t)
	rnd := rand.New(rand.NewPCG(seed, 4))
	tree, m := newTree(t, mem.Options{})
	ref := m.e.add(nil) // scores differ, so all elements may have one entry
	check := func() {
		t.Helper()
		before := func(s1 float64, _ mem.Ref, s2 float64, _ mem.Ref) bool { return s1 < s2 }
		same := func(s1 float64, _ mem.Ref, s2 float64, _ mem.Ref) bool { return s1 == s2 }
		if err := tree.core.Check(before, same); err != nil {
			t.Fatal(err)
		}
	}
	removeRandom := func(n int) {
		for range n {
			score, ref := tree.At(rnd.IntN(tree.Len()))
			if !tree.Delete(score, ref) {
				t.Fatalf("%v is not there", score)
			}
		}
	}
	for i := range 200_000 {
		tree.Append(float64(i), ref)
	}
	for range 80_000 {
		tree.Insert(rnd.Float64()*1e5, ref)
	}
	if _, levels := tree.core.Root(); levels != 4 {
		t.Fatalf("%d levels", levels)
	}
	check()
	removeRandom(30_000)
	check()
	for range 8 {
		from := rnd.IntN(tree.Len())
		n := tree.Len()
		k := rnd.IntN(min(n-from, 20_000))
		low, _ := tree.At(from)
		high, _ := tree.At(from + k)
		tree.DeleteRange(from, from+k, func(score float64, _ mem.Ref) {
			if score < low || score >= high {
				t.Fatalf("%v is deleted between %v and %v", score, low, high)
			}
		})
		if score, _ := tree.At(from); score != high || tree.Len() != n-k {
			t.Fatalf("%v follows %d deleted elements, not %v", score, k, high)
		}
		check()
	}
	tree.DeleteRange(10, tree.Len()-10, nil) // all but both ends
	check()
	if tree.Bytes() > 1024 {
		t.Errorf("%d bytes for 20 elements", tree.Bytes())
	}
	for range 60_000 {
		tree.Insert(rnd.NormFloat64(), ref)
	}
	check()
	removeRandom(tree.Len() - 100)
	check()
	if tree.Bytes() > 4*768+1280 {
		t.Errorf("%d bytes for 100 elements", tree.Bytes())
	}
}

// bulk adds n elements with the given scores and members that are all different.
func bulk(tree *Tree, m *model, n int, score func(i int) float64) {
	for i := range n {
		x := elem{score(i), m.e.add(binary.BigEndian.AppendUint64(nil, uint64(i)))}
		tree.Insert(x.score, x.ref)
	}
}

func TestMemory(t *testing.T) {
	const n = 50_000
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		name  string
		score func(i int) float64
		limit float64
	}{
		{"random", func(int) float64 { return rnd.Float64() }, 15.5},
		{"ascending", func(i int) float64 { return float64(i) }, 12.7},
		{"descending", func(i int) float64 { return -float64(i) }, 12.7},
		{"equal", func(i int) float64 { return 0 }, 12.7},
		{"steps", func(i int) float64 { return float64(i * 7919 % 1000003) }, 16},
		{"two ends", func(i int) float64 { return float64(i) * float64(i%2*2-1) }, 12.7},
	} {
		tree, m := newTree(t, mem.Options{})
		bulk(tree, m, n, c.score)
		per := float64(tree.Bytes()) / n
		t.Logf("%s: %.2f bytes per element", c.name, per)
		if per > c.limit {
			t.Errorf("%s: %.2f bytes per element, want at most %.2f", c.name, per, c.limit)
		}
		for tree.Len() > n/10 {
			score, ref := tree.At(rnd.IntN(tree.Len()))
			tree.Delete(score, ref)
		}
		per = float64(tree.Bytes()) / float64(tree.Len())
		t.Logf("%s: %.2f after deletion", c.name, per)
		if per > 21 {
			t.Errorf("%s: %.2f bytes per element after deletion", c.name, per)
		}
	}
}

func TestSmallTreesAreSmall(t *testing.T) {
	tree, m := newTree(t, mem.Options{})
	for i, want := range map[int]int{1: 48, 3: 48, 4: 96, 8: 192, 31: 384, 32: 768, 63: 768} {
		bulk(tree, m, i, func(i int) float64 { return float64(i) })
		if tree.Bytes() != want {
			t.Errorf("%d elements take %d bytes, want %d", i, tree.Bytes(), want)
		}
		tree.DeleteRange(1, tree.Len()+1, nil)
		if tree.Bytes() > 384 {
			t.Errorf("%d bytes after deletion", tree.Bytes())
		}
		tree.Drop(1, nil)
	}
}

// A tree consumed at one end and filled at the other stays small.
func TestQueue(t *testing.T) {
	tree, m := newTree(t, mem.Options{})
	const length = 10_000
	for i := range 50_000 {
		x := elem{float64(i), m.e.add(nil)}
		tree.Append(x.score, x.ref)
		m.elems = append(m.elems, x)
		if i >= length {
			score, ref, _ := tree.Min()
			if !tree.Delete(score, ref) || ref != m.elems[0].ref {
				t.Fatal("wrong first element")
			}
			m.e.a.Free(ref)
			m.elems = m.elems[1:]
		}
	}
	m.check(t, tree)
	if per := float64(tree.Bytes()) / length; per > 13 {
		t.Errorf("%.2f bytes per element", per)
	}
}

// Whole leaves that are first below an inner node are removed, also at the edge.
func TestDeleteWholeLeaves(t *testing.T) {
	const leaf, node = 63, 63 * 63
	tree, m := newTree(t, mem.Options{})
	for i := range 4 * node {
		x := elem{float64(i), m.e.add(nil)}
		tree.Append(x.score, x.ref)
		m.elems = append(m.elems, x)
	}
	for _, at := range []int{3 * node, node, 0, 0} {
		tree.DeleteRange(at, at+leaf, nil)
		m.elems = slices.Delete(m.elems, at, at+leaf)
		m.check(t, tree)
	}
	for i := range leaf {
		tree.Delete(m.elems[0].score, m.elems[0].ref)
		m.elems = m.elems[1:]
		if i >= leaf-2 {
			m.check(t, tree)
		}
	}
}

// Leaves at the edges that become short take nothing from their neighbours.
func TestEdgesAreLeftAlone(t *testing.T) {
	tree, m := newTree(t, mem.Options{})
	bulk(tree, m, 3*63, func(i int) float64 { return float64(i) })
	for range 25 {
		score, ref, _ := tree.Min()
		tree.Delete(score, ref)
		tree.DeleteRange(0, 1, nil)
		score, ref, _ = tree.Max()
		tree.Delete(score, ref)
		tree.DeleteRange(tree.Len()-1, tree.Len(), nil)
	}
	for rank, want := range map[int]int{0: 13, 20: 63, tree.Len() - 1: 13} {
		c := tree.SeekRank(rank)
		if refs, _ := c.at.InLeaf(); len(refs) != want {
			t.Errorf("leaf of element %d has %d, want %d", rank, len(refs), want)
		}
	}
}

func TestUpdateKeepsSignOfZero(t *testing.T) {
	tree, m := newTree(t, mem.Options{})
	x := elem{0, m.e.add([]byte("a"))}
	tree.Insert(x.score, x.ref)
	tree.Insert(0, m.e.add([]byte("b")))
	if !tree.Update(0, x.ref, math.Copysign(0, -1)) {
		t.Fatal("not found")
	}
	if score, ref, _ := tree.Min(); ref != x.ref || !math.Signbit(score) {
		t.Fatalf("first is %v, %d", score, ref)
	}
	if rank, ok := tree.Rank(0, []byte("b")); !ok || rank != 1 {
		t.Fatalf("rank of b is %d", rank)
	}
}

func TestEmpty(t *testing.T) {
	tree, m := newTree(t, mem.Options{})
	ref := m.e.add([]byte("a"))
	if _, _, ok := tree.Min(); ok {
		t.Error("Min of nothing")
	}
	if _, _, ok := tree.Max(); ok {
		t.Error("Max of nothing")
	}
	if _, ok := tree.Rank(0, nil); ok {
		t.Error("Rank in nothing")
	}
	if tree.Delete(0, ref) || tree.Update(0, ref, 1) || tree.SetRef(0, ref, ref) {
		t.Error("found an element of nothing")
	}
	if tree.RankScore(0, true)+tree.RankLex(nil, true) != 0 {
		t.Error("rank in nothing")
	}
	for _, c := range []Cursor{tree.First(), tree.Last(), tree.SeekScore(0, true), tree.SeekLex(nil, false), tree.SeekRank(0), tree.Seek(0, nil)} {
		c.Next()
		c.Prev()
		if c.Valid() {
			t.Error("cursor in nothing")
		}
	}
	tree.Walk(0, func(float64, mem.Ref) bool { t.Error("visit of nothing"); return true })
	tree.DeleteRange(0, 0, nil)
	if !tree.Drop(0, nil) {
		t.Error("nothing is not dropped")
	}
}

func TestDropInSteps(t *testing.T) {
	tree, m := newTree(t, mem.Options{})
	bulk(tree, m, 10_000, func(i int) float64 { return float64(i % 100) })
	for c := tree.First(); c.Valid(); c.Next() {
		m.elems = append(m.elems, elem{c.Score(), c.Ref()})
	}
	for done := false; !done; {
		n := len(m.elems)
		done = tree.Drop(3, func(_ float64, ref mem.Ref) { m.e.a.Free(ref) })
		if n-tree.Len() > 3*63 || n == tree.Len() {
			t.Fatalf("%d elements in a step", n-tree.Len())
		}
		m.elems = m.elems[:tree.Len()]
		m.check(t, tree)
	}
	if live := m.e.a.Live(); live != 0 {
		t.Fatalf("%d bytes are left", live)
	}
}

// Insert and Update either work or change nothing, at every point where memory
// can run out.
func TestExhausted(t *testing.T) {
	for _, kind := range []int{0, 2, 3, 4} {
		t.Run(scoreKinds[kind], func(t *testing.T) {
			allow := true
			tree, m := newTree(t, mem.Options{Limit: func(int) bool { return allow }})
			seed := peer.Seed(t)
			s := &stress{tree: tree, m: m, s: scores{kind: kind, rnd: rand.New(rand.NewPCG(seed, 3))}}
			failed := 0
			for range 100 {
				allow = true
				s.run(t, 50, 14)
				spare := []mem.Ref{m.e.add(make([]byte, 6)), m.e.add(make([]byte, 6))}
				allow = false
				fill := exhaust(m.e.a)
				for left := s.s.rnd.IntN(3); left > 0 && len(fill) > 0; left-- {
					m.e.a.Free(fill[0])
					fill = fill[1:]
				}
				for _, ref := range spare {
					m.e.a.Free(ref)
				}
				func() {
					defer func() {
						if r := recover(); r != nil {
							if r != mem.ErrExhausted {
								panic(r)
							}
							failed++
						}
					}()
					for range 70 {
						if len(m.elems) > 0 && s.s.rnd.IntN(2) == 0 {
							s.update(t)
						} else {
							s.insert()
						}
					}
				}()
				m.check(t, tree)
				for _, ref := range fill {
					m.e.a.Free(ref)
				}
			}
			if failed < 10 {
				t.Errorf("memory ran out %d times only", failed)
			}
		})
	}
}

// exhaust takes all memory that can be had, in blocks of a node's size first.
func exhaust(a *mem.Arena) (blocks []mem.Ref) {
	for _, size := range []int{1280, 768, 384, 192, 96, 48, 16, 8} {
		for ref, ok := a.TryAlloc(size); ok; ref, ok = a.TryAlloc(size) {
			blocks = append(blocks, ref)
		}
	}
	return blocks
}

// An insertion into a tree of full nodes needs a leaf and two inner nodes. It
// must give back those that it got when there are no more.
func TestExhaustedBetweenNodes(t *testing.T) {
	const full = 63 * 63
	for name, score := range map[string]float64{"behind": full, "before": -1, "between": 1000.5} {
		t.Run(name, func(t *testing.T) {
			allow := true
			tree, m := newTree(t, mem.Options{Limit: func(int) bool { return allow }})
			for i := range full {
				x := elem{float64(i), m.e.add(nil)}
				tree.Append(x.score, x.ref)
				m.insert(x)
			}
			x := elem{score, m.e.add(nil)}
			spare := []mem.Ref{m.e.a.Alloc(1280), m.e.a.Alloc(1280), m.e.a.Alloc(768)}
			allow = false
			exhaust(m.e.a)
			for len(spare) > 0 {
				func() {
					defer func() {
						if r := recover(); r != mem.ErrExhausted {
							t.Fatalf("with %d nodes missing: %v", len(spare), r)
						}
					}()
					tree.Insert(x.score, x.ref)
				}()
				m.check(t, tree)
				m.e.a.Free(spare[len(spare)-1])
				spare = spare[:len(spare)-1]
			}
			tree.Insert(x.score, x.ref)
			m.insert(x)
			m.check(t, tree)
			if _, levels := tree.core.Root(); levels != 3 {
				t.Fatalf("%d levels", levels)
			}
		})
	}
}

// Nothing on the path of a command makes garbage.
func TestNoAllocations(t *testing.T) {
	tree, m := newTree(t, mem.Options{})
	bulk(tree, m, 10_000, func(i int) float64 { return float64(i % 1000) })
	ref := m.e.add([]byte("member"))
	sum := 0
	allocs := testing.AllocsPerRun(100, func() {
		tree.Insert(500, ref)
		tree.Update(500, ref, 500.5)
		tree.Update(500.5, ref, 10)
		rank, _ := tree.Rank(10, m.e.Member(ref))
		c := tree.SeekScore(float64(rank), true)
		c.Next()
		c.Prev()
		sum += rank + tree.RankLex([]byte("m"), false) + int(c.Ref())
		tree.Delete(10, ref)
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}
