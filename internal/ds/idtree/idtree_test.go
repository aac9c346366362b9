package idtree

import (
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/redstart-db/redstart/internal/mem"
	"github.com/redstart-db/redstart/tests/peer"
	"pgregory.net/rapid"
)

type entry struct {
	id ID
	v  uint64
}

// stress is a tree, the same as a sorted slice, and a source of operations on
// both.
type stress struct {
	tree    *Tree[uint64]
	arena   *mem.Arena
	entries []entry
	rnd     *rand.Rand
	kind    int // of IDs
	seq     uint64
}

var kinds = []string{"random", "ascending", "descending", "few ms", "extreme"}

func newStress(t testing.TB, o mem.Options, kind int, seed uint64) *stress {
	a, err := mem.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	s := &stress{tree: new(Tree[uint64]), arena: a, kind: kind, rnd: rand.New(rand.NewPCG(seed, 1))}
	s.tree.Init(a)
	return s
}

func (s *stress) id() ID {
	s.seq++
	switch kinds[s.kind] {
	case "ascending":
		return ID{1e12 + s.seq/7, s.seq % 7}
	case "descending":
		return ID{1e12 - s.seq, 0}
	case "few ms":
		return ID{s.rnd.Uint64N(3), s.rnd.Uint64N(40_000)}
	case "extreme":
		part := func() uint64 {
			x := s.rnd.Uint64N(100)
			return []uint64{x, -x - 1, 1<<63 + x, 1<<63 - 1 - x}[s.rnd.IntN(4)]
		}
		return ID{part(), part()}
	}
	return ID{s.rnd.Uint64N(1 << 40), s.rnd.Uint64N(3)}
}

type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

func (s *stress) find(id ID) (int, bool) {
	return slices.BinarySearchFunc(s.entries, id, func(e entry, id ID) int {
		if e.id == id {
			return 0
		}
		if e.id.MS < id.MS || e.id.MS == id.MS && e.id.Seq < id.Seq {
			return -1
		}
		return 1
	})
}

func (s *stress) insert(t fataler) {
	e := entry{s.id(), s.rnd.Uint64()}
	old, replaced := s.tree.Insert(e.id, e.v)
	i, ok := s.find(e.id)
	if replaced != ok || ok && old != s.entries[i].v {
		t.Fatalf("insert %v: replaced %v %d", e, replaced, old)
	}
	if ok {
		s.entries[i] = e
	} else {
		s.entries = slices.Insert(s.entries, i, e)
	}
}

func (s *stress) remove(t fataler, i int) {
	e := s.entries[i]
	if v, ok := s.tree.Delete(e.id); !ok || v != e.v {
		t.Fatalf("delete %v: %v %d", e, ok, v)
	}
	if _, ok := s.tree.Delete(e.id); ok {
		t.Fatalf("deleted %v twice", e)
	}
	s.entries = slices.Delete(s.entries, i, i+1)
}

func (s *stress) query(t fataler) {
	id := s.id()
	if len(s.entries) > 0 && s.rnd.IntN(2) == 0 {
		id = s.entries[s.rnd.IntN(len(s.entries))].id
	}
	i, ok := s.find(id)
	if v, got := s.tree.Get(id); got != ok || ok && v != s.entries[i].v {
		t.Fatalf("get %v: %v %d", id, got, v)
	}
	if rank := s.tree.Rank(id); rank != i {
		t.Fatalf("rank of %v is %d, want %d", id, rank, i)
	}
	s.at(t, s.tree.Seek(id), i)
	if !ok {
		i--
	}
	s.at(t, s.tree.SeekBack(id), i)
}

// at checks that a cursor is at an index, and its neighbours.
func (s *stress) at(t fataler, c Cursor[uint64], i int) {
	t.Helper()
	for _, step := range []int{0, 1, -1, -1} {
		switch i += step; step {
		case 1:
			c.Next()
		case -1:
			c.Prev()
		}
		i = max(-1, min(i, len(s.entries)))
		if len(s.entries) == 0 {
			i = -1
		}
		if in := i >= 0 && i < len(s.entries); c.Valid() != in || in && (c.ID() != s.entries[i].id || c.Value() != s.entries[i].v) {
			t.Fatalf("cursor is not at %d", i)
		}
	}
}

func (s *stress) check(t fataler) {
	t.Helper()
	before := func(a ID, _ uint64, b ID, _ uint64) bool { return a.Less(b) }
	same := func(a ID, v uint64, b ID, w uint64) bool { return a == b && v == w }
	if err := s.tree.core.Check(before, same); err != nil {
		t.Fatalf("%v", err)
	}
	if live := s.arena.Live(); live != uint64(s.tree.Bytes()) {
		t.Fatalf("%d bytes are live, Bytes is %d", live, s.tree.Bytes())
	}
	i := 0
	for c := s.tree.First(); c.Valid(); c.Next() {
		if i == len(s.entries) || c.ID() != s.entries[i].id || c.Value() != s.entries[i].v {
			t.Fatalf("entry %d is %v, %d", i, c.ID(), c.Value())
		}
		i++
	}
	if i != len(s.entries) || s.tree.Len() != i {
		t.Fatalf("%d entries, Len %d, want %d", i, s.tree.Len(), len(s.entries))
	}
	for c := s.tree.Last(); c.Valid(); c.Prev() {
		if i--; c.ID() != s.entries[i].id {
			t.Fatalf("backwards, entry %d is %v", i, c.ID())
		}
	}
	if i != 0 {
		t.Fatalf("the way back ends at %d", i)
	}
}

func (s *stress) run(t fataler, n, grow int) {
	for range n {
		switch op := s.rnd.IntN(16); {
		case op < grow || len(s.entries) == 0:
			s.insert(t)
		case op%2 == 0:
			s.query(t)
		default:
			s.remove(t, s.rnd.IntN(len(s.entries)))
		}
	}
}

func (s *stress) removeRange(t fataler) {
	from := s.rnd.IntN(len(s.entries) + 1)
	to := from + s.rnd.IntN(len(s.entries)-from+1)
	i := from
	s.tree.DeleteRange(from, to, func(id ID, v uint64) {
		if (entry{id, v}) != s.entries[i] {
			t.Fatalf("wrong entry at %d is deleted", i)
		}
		i++
	})
	if i != to {
		t.Fatalf("%d entries deleted, want %d", i-from, to-from)
	}
	s.entries = slices.Delete(s.entries, from, to)
}

// cutRange is removeRange of whole subtrees, which must be trees with what goes.
func (s *stress) cutRange(t fataler) {
	from := s.rnd.IntN(len(s.entries) + 1)
	to := from + s.rnd.IntN(len(s.entries)-from+1)
	gone := make(map[ID]bool)
	parts := s.tree.CutRange(from, to, func(id ID, _ uint64) { gone[id] = true })
	whole := *s
	var last ID
	for i := range parts {
		for c := parts[i].First(); c.Valid(); c.Next() {
			if gone[c.ID()] || len(gone) > 0 && i > 0 && !last.Less(c.ID()) {
				t.Fatalf("%v is out of place in part %d", c.ID(), i)
			}
			last = c.ID()
			gone[last] = true
		}
		before := func(a ID, _ uint64, b ID, _ uint64) bool { return a.Less(b) }
		same := func(a ID, v uint64, b ID, w uint64) bool { return a == b && v == w }
		if err := parts[i].core.Check(before, same); err != nil {
			t.Fatalf("part %d: %v", i, err)
		}
	}
	if len(gone) != to-from {
		t.Fatalf("%d entries gone, want %d", len(gone), to-from)
	}
	for _, e := range whole.entries[from:to] {
		if !gone[e.id] {
			t.Fatalf("%v is not gone", e.id)
		}
	}
	s.entries = slices.Delete(s.entries, from, to)
	for i := range parts {
		for !parts[i].Drop(1, nil) {
		}
	}
}

func TestLess(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		part := rapid.OneOf(rapid.Uint64Range(0, 2), rapid.Uint64Range(math.MaxUint64-2, math.MaxUint64), rapid.Uint64())
		a, b := ID{part.Draw(rt, "ms"), part.Draw(rt, "seq")}, ID{part.Draw(rt, "ms"), part.Draw(rt, "seq")}
		number := func(id ID) *big.Int {
			x := new(big.Int).SetUint64(id.MS)
			return x.Lsh(x, 64).Add(x, new(big.Int).SetUint64(id.Seq))
		}
		if want := number(a).Cmp(number(b)) < 0; a.Less(b) != want {
			rt.Fatalf("%v before %v: %v", a, b, !want)
		}
	})
}

func TestAgainstSlice(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		kind := rapid.IntRange(0, len(kinds)-1).Draw(rt, "kind")
		s := newStress(t, mem.Options{Reserve: 64 << 20}, kind, rapid.Uint64().Draw(rt, "seed"))
		s.query(rt)
		rt.Repeat(map[string]func(*rapid.T){
			"":     func(rt *rapid.T) { s.check(rt) },
			"grow": func(rt *rapid.T) { s.run(rt, rapid.IntRange(1, 400).Draw(rt, "n"), 16) },
			"mix": func(rt *rapid.T) {
				s.run(rt, rapid.IntRange(1, 300).Draw(rt, "n"), rapid.IntRange(0, 16).Draw(rt, "grow"))
			},
			"range": func(rt *rapid.T) { s.removeRange(rt) },
			"cut":   func(rt *rapid.T) { s.cutRange(rt) },
			"first": func(rt *rapid.T) {
				for range min(len(s.entries), rapid.IntRange(1, 300).Draw(rt, "n")) {
					s.remove(rt, 0)
				}
			},
		})
		for n := len(s.entries); !s.tree.Drop(2, nil); n = s.tree.Len() {
			if s.tree.Len() >= n || n-s.tree.Len() > 2*63 {
				rt.Fatalf("dropped %d", n-s.tree.Len())
			}
			s.entries = s.entries[:s.tree.Len()]
			s.check(rt)
		}
		if live := s.arena.Live(); live != 0 || s.tree.Bytes() != 0 {
			rt.Fatalf("%d bytes are left", live)
		}
	})
}

func TestStress(t *testing.T) {
	seed := peer.Seed(t)
	for kind, name := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Logf("seed %d", seed)
			s := newStress(t, mem.Options{}, kind, seed)
			s.run(t, 6000, 16)
			s.check(t)
			s.run(t, 2000, 4)
			s.check(t)
			for range 5 {
				s.removeRange(t)
				s.check(t)
				s.run(t, 1500, 15)
				s.cutRange(t)
				s.check(t)
				s.run(t, 6000, 15)
			}
			for len(s.entries) > 0 {
				s.remove(t, s.rnd.IntN(len(s.entries)))
				if len(s.entries)%1000 == 0 {
					s.check(t)
				}
			}
			s.check(t)
		})
	}
}

func TestExhausted(t *testing.T) {
	seed := peer.Seed(t)
	for kind, name := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Logf("seed %d", seed)
			s := newStress(t, mem.Options{Reserve: 192 << 10}, kind, seed)
			failed := 0
			for range 4 {
				func() {
					defer func() {
						if r := recover(); r != nil {
							if r != mem.ErrExhausted {
								panic(r)
							}
							failed++
						}
					}()
					s.run(t, 30_000, 16)
				}()
				s.check(t)
				if s.removeRange(t); len(s.entries) > 1000 {
					s.tree.DeleteRange(1000, len(s.entries), nil)
					s.entries = s.entries[:1000]
				}
				s.check(t)
			}
			if failed == 0 {
				t.Error("memory never ran out")
			}
		})
	}
}

func perEntry[V Value](t *testing.T, n int, id func(i int) ID) float64 {
	a, err := mem.New(mem.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	var tree Tree[V]
	tree.Init(a)
	for i := range n {
		tree.Insert(id(i), V(i))
	}
	for i := range n {
		if v, ok := tree.Get(id(i)); !ok || v != V(i) {
			t.Fatalf("entry %d is %d, %v", i, v, ok)
		}
	}
	if a.Live() != uint64(tree.Bytes()) {
		t.Errorf("%d bytes are live, Bytes is %d", a.Live(), tree.Bytes())
	}
	return float64(tree.Bytes()) / float64(tree.Len())
}

func TestMemory(t *testing.T) {
	const n = 50_000
	random := func(i int) ID { return ID{uint64(i) * 0x9e3779b97f4a7c15, 0} }
	ascending := func(i int) ID { return ID{uint64(i / 3), uint64(i % 3)} }
	for _, c := range []struct {
		name       string
		got, limit float64
	}{
		{"64 bits, random", perEntry[uint64](t, n, random), 30},
		{"64 bits, ascending", perEntry[uint64](t, n, ascending), 25},
		{"32 bits, random", perEntry[uint32](t, n, random), 25},
		{"32 bits, ascending", perEntry[uint32](t, n, ascending), 21},
		{"64 bits, one entry", perEntry[uint64](t, 1, ascending), 88},
		{"32 bits, one entry", perEntry[mem.Ref](t, 1, ascending), 72},
	} {
		t.Logf("%s: %.2f bytes per entry", c.name, c.got)
		if c.got > c.limit {
			t.Errorf("%s: %.2f bytes per entry, want at most %.0f", c.name, c.got, c.limit)
		}
	}
}

const million = 1_000_000

func benchTree(b *testing.B) *stress {
	s := newStress(b, mem.Options{}, 0, 1)
	s.entries = make([]entry, million)
	for i := range s.entries {
		s.entries[i].id = ID{s.rnd.Uint64(), 0}
		s.tree.Insert(s.entries[i].id, 1)
	}
	b.ReportMetric(float64(s.tree.Bytes())/million, "B/entry")
	b.ResetTimer()
	return s
}

func BenchmarkGet(b *testing.B) {
	s := benchTree(b)
	for range b.N {
		s.tree.Get(s.entries[s.rnd.IntN(million)].id)
	}
}

func BenchmarkDeleteInsert(b *testing.B) {
	s := benchTree(b)
	for range b.N {
		id := &s.entries[s.rnd.IntN(million)].id
		s.tree.Delete(*id)
		id.MS = s.rnd.Uint64()
		s.tree.Insert(*id, 1)
	}
}

func BenchmarkRange100(b *testing.B) {
	s := benchTree(b)
	sum := uint64(0)
	for range b.N {
		c := s.tree.Seek(ID{s.rnd.Uint64(), 0})
		for i := 0; i < 100 && c.Valid(); i++ {
			sum += c.Value()
			c.Next()
		}
	}
	_ = sum
}

// The life of pending entries: they come in order, and most leave in order.
func BenchmarkQueue(b *testing.B) {
	s := newStress(b, mem.Options{}, 0, 1)
	const length = 100_000
	for i := range b.N + length {
		s.tree.Insert(ID{uint64(i), 0}, 1)
		if i >= length {
			s.tree.Delete(ID{uint64(i - length), 0})
		}
	}
}

// TestAt finds entries by their rank.
func TestAt(t *testing.T) {
	s := newStress(t, mem.Options{}, 0, 7)
	if c := s.tree.At(0); c.Valid() {
		t.Fatal("an empty tree has an entry")
	}
	for n := range 3000 {
		s.insert(t)
		for _, rank := range []int{0, n / 2, len(s.entries) - 1} {
			if c := s.tree.At(rank); !c.Valid() || c.ID() != s.entries[rank].id || c.Value() != s.entries[rank].v {
				t.Fatalf("%d: not the entry with rank %d", n, rank)
			}
		}
		c := s.tree.At(len(s.entries))
		if c.Valid() {
			t.Fatalf("%d: there is an entry behind the last", n)
		}
		if c.Prev(); c.ID() != s.entries[len(s.entries)-1].id {
			t.Fatalf("%d: the last is not before the end", n)
		}
	}
}
