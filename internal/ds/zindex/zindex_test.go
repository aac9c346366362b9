package zindex

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/redstart-db/redstart/internal/mem"
	"pgregory.net/rapid"
)

// entries is a set of entries: a length and the bytes of a member.
type entries struct{ a *mem.Arena }

func (e entries) Member(ref mem.Ref) []byte {
	n := e.a.Bytes(ref, 1)[0]
	return e.a.Bytes(ref, 1+int(n))[1:]
}

func (e entries) add(member []byte) mem.Ref {
	ref := e.a.Alloc(1 + len(member))
	b := e.a.Bytes(ref, 1+len(member))
	b[0] = byte(len(member))
	copy(b[1:], member)
	return ref
}

type elem struct {
	score float64
	ref   mem.Ref
}

// model is the same as a Tree, as a sorted slice.
type model struct {
	e     entries
	elems []elem
}

func (m *model) compare(x, y elem) int {
	switch {
	case x.score < y.score:
		return -1
	case x.score > y.score:
		return 1
	}
	return bytes.Compare(m.e.Member(x.ref), m.e.Member(y.ref))
}

func (m *model) insert(x elem) {
	i, _ := slices.BinarySearchFunc(m.elems, x, m.compare)
	m.elems = slices.Insert(m.elems, i, x)
}

func (m *model) remove(x elem) int {
	i, ok := slices.BinarySearchFunc(m.elems, x, m.compare)
	if !ok {
		panic("not in the model")
	}
	m.elems = slices.Delete(m.elems, i, i+1)
	return i
}

type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// check verifies that the tree is whole and holds what the model holds.
func (m *model) check(t fataler, tree *Tree) {
	t.Helper()
	before := func(s1 float64, r1 mem.Ref, s2 float64, r2 mem.Ref) bool {
		return m.compare(elem{s1, r1}, elem{s2, r2}) < 0
	}
	same := func(s1 float64, r1 mem.Ref, s2 float64, r2 mem.Ref) bool {
		return math.Float64bits(s1) == math.Float64bits(s2) && r1 == r2
	}
	if err := tree.core.Check(before, same); err != nil {
		t.Fatalf("%v", err)
	}
	i := 0
	for c := tree.First(); c.Valid(); c.Next() {
		if i >= len(m.elems) || !same(c.Score(), c.Ref(), m.elems[i].score, m.elems[i].ref) {
			t.Fatalf("element %d of %d is %v, %d", i, len(m.elems), c.Score(), c.Ref())
		}
		i++
	}
	if i != len(m.elems) || tree.Len() != i {
		t.Fatalf("%d elements, Len %d, want %d", i, tree.Len(), len(m.elems))
	}
	for c := tree.Last(); c.Valid(); c.Prev() {
		if i--; c.Ref() != m.elems[i].ref {
			t.Fatalf("backwards, element %d is %d", i, c.Ref())
		}
	}
	if i != 0 {
		t.Fatalf("the way back ends at %d", i)
	}
}

func newTree(t testing.TB, o mem.Options) (*Tree, *model) {
	a, err := mem.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	m := &model{e: entries{a}}
	tree := new(Tree)
	tree.Init(a, m.e)
	return tree, m
}

// scores makes the scores of a test.
type scores struct {
	kind int
	rnd  *rand.Rand
	n    int
}

var scoreKinds = []string{"random", "few", "equal", "ascending", "descending", "special"}

func (s *scores) next() float64 {
	s.n++
	switch scoreKinds[s.kind] {
	case "few":
		return float64(s.rnd.IntN(5))
	case "equal":
		return 0
	case "ascending":
		return float64(s.n)
	case "descending":
		return -float64(s.n)
	case "special":
		return []float64{math.Inf(-1), math.Inf(1), math.Copysign(0, -1), 0, 5e-324, math.MaxFloat64}[s.rnd.IntN(6)]
	}
	return s.rnd.NormFloat64()
}

// stress is a tree, its model, and a source of random operations on both.
type stress struct {
	tree *Tree
	m    *model
	s    scores
	seq  uint32
}

// insert adds a new member, in the order of members or out of it.
func (s *stress) insert() {
	s.seq++
	member := binary.BigEndian.AppendUint32(nil, s.seq)
	if s.s.rnd.IntN(2) == 0 {
		member = binary.LittleEndian.AppendUint32([]byte{0, 0, 0}, s.seq)
	}
	ref := s.m.e.add(member)
	x := elem{s.s.next(), ref}
	s.tree.Insert(x.score, x.ref)
	s.m.insert(x)
}

func (s *stress) pick() elem { return s.m.elems[s.s.rnd.IntN(len(s.m.elems))] }

func (s *stress) remove(t fataler, x elem) {
	s.m.remove(x)
	if !s.tree.Delete(x.score, x.ref) {
		t.Fatalf("%v is not there to be deleted", x)
	}
	if s.tree.Delete(x.score, x.ref) {
		t.Fatalf("%v was deleted twice", x)
	}
	s.m.e.a.Free(x.ref)
}

func (s *stress) update(t fataler) {
	x := s.pick()
	to := s.s.next()
	if s.s.rnd.IntN(2) == 0 {
		to = x.score + s.s.rnd.NormFloat64()/100
	}
	if !s.tree.Update(x.score, x.ref, to) {
		t.Fatalf("%v is not there to be updated", x)
	}
	s.m.remove(x)
	s.m.insert(elem{to, x.ref})
}

func (s *stress) move(t fataler) {
	x := s.pick()
	to := s.m.e.add(s.m.e.Member(x.ref))
	i, _ := slices.BinarySearchFunc(s.m.elems, x, s.m.compare)
	if !s.tree.SetRef(x.score, x.ref, to) {
		t.Fatalf("%v is not there to be moved", x)
	}
	s.m.elems[i].ref = to
	s.m.e.a.Free(x.ref)
}

func (s *stress) removeRange(t fataler) {
	from := s.s.rnd.IntN(len(s.m.elems) + 1)
	to := from + s.s.rnd.IntN(len(s.m.elems)-from+1)
	if s.s.rnd.IntN(2) == 0 {
		to = min(to, from+200)
	}
	i := from
	s.tree.DeleteRange(from, to, func(score float64, ref mem.Ref) {
		if s.m.elems[i].ref != ref || s.m.elems[i].score != score {
			t.Fatalf("wrong element at rank %d is deleted", i)
		}
		s.m.e.a.Free(ref)
		i++
	})
	if i != to {
		t.Fatalf("%d elements deleted, want %d", i-from, to-from)
	}
	s.m.elems = slices.Delete(s.m.elems, from, to)
}

// query compares what the tree says with the model.
func (s *stress) query(t fataler) {
	x := s.pick()
	rank, _ := slices.BinarySearchFunc(s.m.elems, x, s.m.compare)
	if got, ok := s.tree.Rank(x.score, s.m.e.Member(x.ref)); !ok || got != rank {
		t.Fatalf("rank is %d, want %d", got, rank)
	}
	if score, ref := s.tree.At(rank); ref != x.ref || score != x.score {
		t.Fatalf("element %d is %v, %d, want %v", rank, score, ref, x)
	}
	if _, ok := s.tree.Rank(x.score, []byte("not there")); ok {
		t.Fatalf("found what is not there")
	}
	bound := x.score
	if s.s.rnd.IntN(3) == 0 {
		bound = s.s.next()
	}
	for _, after := range []bool{false, true} {
		want := 0
		for _, y := range s.m.elems {
			if y.score < bound || after && y.score == bound {
				want++
			}
		}
		s.at(t, s.tree.SeekScore(bound, after), s.tree.RankScore(bound, after), want)
	}
	member := s.m.e.Member(x.ref)
	if s.s.rnd.IntN(2) == 0 {
		member = member[:s.s.rnd.IntN(len(member))]
	}
	for _, after := range []bool{false, true} {
		want := 0
		for _, y := range s.m.elems {
			c := bytes.Compare(s.m.e.Member(y.ref), member)
			if y.score == s.m.elems[0].score && (c < 0 || after && c == 0) {
				want++
			}
		}
		s.at(t, s.tree.SeekLex(member, after), s.tree.RankLex(member, after), want)
	}
	c := s.tree.Seek(x.score, s.m.e.Member(x.ref))
	s.at(t, c, rank, rank)
	s.at(t, s.tree.SeekRank(rank), rank, rank)
	s.at(t, s.tree.SeekRank(s.tree.Len()), len(s.m.elems), len(s.m.elems))
	i := rank
	s.tree.Walk(rank, func(score float64, ref mem.Ref) bool {
		if (elem{score, ref}) != s.m.elems[i] {
			t.Fatalf("walk meets %v, %d at rank %d", score, ref, i)
		}
		i++
		return i < rank+5
	})
	if i != min(rank+5, len(s.m.elems)) {
		t.Fatalf("walk from %d ends at %d", rank, i)
	}
}

// at checks that a cursor and a rank are before the element of rank want.
func (s *stress) at(t fataler, c Cursor, rank, want int) {
	t.Helper()
	if rank != want {
		t.Fatalf("rank %d, want %d", rank, want)
	}
	if c.Valid() != (want < len(s.m.elems)) || c.Valid() && c.Ref() != s.m.elems[want].ref {
		t.Fatalf("cursor is not at rank %d", want)
	}
	if c.Prev(); c.Valid() != (want > 0) || c.Valid() && c.Ref() != s.m.elems[want-1].ref {
		t.Fatalf("cursor is not at rank %d", want-1)
	}
	if c.Next(); want < len(s.m.elems) && c.Ref() != s.m.elems[want].ref {
		t.Fatalf("cursor does not come back to %d", want)
	}
}

// run makes n operations, of which grow in 16 are insertions.
func (s *stress) run(t fataler, n, grow int) {
	for range n {
		switch op := s.s.rnd.IntN(16); {
		case op < grow || len(s.m.elems) == 0:
			s.insert()
		case op%4 == 0:
			s.update(t)
		case op == 1:
			s.move(t)
		case op == 2:
			s.query(t)
		default:
			s.remove(t, s.pick())
		}
	}
}

func TestAgainstSlice(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		tree, m := newTree(t, mem.Options{Reserve: 64 << 20})
		seed := rapid.Uint64().Draw(rt, "seed")
		kind := rapid.IntRange(0, len(scoreKinds)-1).Draw(rt, "kind")
		s := &stress{tree: tree, m: m, s: scores{kind: kind, rnd: rand.New(rand.NewPCG(seed, 1))}}
		rt.Repeat(map[string]func(*rapid.T){
			"": func(rt *rapid.T) { m.check(rt, tree) },
			"grow": func(rt *rapid.T) {
				for range rapid.IntRange(1, 700).Draw(rt, "n") {
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
	seed := rand.Uint64()
	for kind, name := range scoreKinds {
		t.Run(name, func(t *testing.T) {
			t.Logf("seed %d", seed)
			tree, m := newTree(t, mem.Options{})
			s := &stress{tree: tree, m: m, s: scores{kind: kind, rnd: rand.New(rand.NewPCG(seed, 2))}}
			for range 6000 {
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
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
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
		{"steps", func(i int) float64 { return float64(i * 7 % 1000003) }, 16},
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
	for i := range 5 * node {
		x := elem{float64(i), m.e.add(nil)}
		tree.Append(x.score, x.ref)
		m.elems = append(m.elems, x)
	}
	for _, at := range []int{3 * node, node, 0, 0} {
		tree.DeleteRange(at, at+leaf, nil)
		m.elems = slices.Delete(m.elems, at, at+leaf)
		m.check(t, tree)
	}
	for range leaf {
		tree.Delete(m.elems[0].score, m.elems[0].ref)
		m.elems = m.elems[1:]
		m.check(t, tree)
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
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
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
