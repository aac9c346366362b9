package zindex

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/redstart-db/redstart/internal/mem"
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
