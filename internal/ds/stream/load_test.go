package stream

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/mem"
)

// sample is a stream with all kinds of entries.
func sample(a *mem.Arena) *Stream {
	s := newStream(a)
	lim := Limits{Bytes: 4096, Entries: 7}
	for i := range 40 {
		pairs := bytesOf("name", "x", "n", "12345")
		if i%5 == 3 {
			pairs = bytesOf("other", "", "7", "8", "long", string(bytes.Repeat([]byte("l"), i*3)))
		}
		s.Append(id(uint64(1000+i*i), uint64(i%3)), pairs, lim)
	}
	for _, i := range []int{1, 3, 20, 21, 39} {
		s.Delete(id(uint64(1000+i*i), uint64(i%3)))
	}
	s.Trim(Trim{MaxLen: 30})
	return s
}

func nodesOf(s *Stream) (ids []ID, nodes [][]byte) {
	s.Walk(ID{}, func(id ID, lp []byte) bool {
		ids, nodes = append(ids, id), append(nodes, bytes.Clone(lp))
		return true
	})
	return ids, nodes
}

// load makes a stream of nodes, or gives nil.
func load(t testing.TB, a *mem.Arena, ids []ID, nodes [][]byte) *Stream {
	s := newStream(a)
	for i, lp := range nodes {
		if err := s.LoadNode(ids[i], lp); err != nil {
			drop(t, s)
			return nil
		}
	}
	if err := s.verify(); err != nil {
		t.Fatalf("what was loaded is not whole: %v", err)
	}
	return s
}

func TestLoad(t *testing.T) {
	s := sample(newArena(t, mem.Options{}))
	ids, nodes := nodesOf(s)
	to := load(t, newArena(t, mem.Options{}), ids, nodes)
	if to == nil {
		t.Fatal("a stream does not load")
	}
	to.SetMaxDeleted(s.MaxDeleted())
	to.SetAdded(s.Added())
	if state(to) != state(s) {
		t.Fatalf("got %.200s, want %.200s", state(to), state(s))
	}
	if to.LoadNode(ids[0], nodes[0]) == nil {
		t.Fatal("a node was loaded twice")
	}
}

// exercise does to a stream whatever reads or writes its nodes.
func exercise(t testing.TB, s *Stream) {
	entries := 0
	for c := s.Range(ID{}, MaxID); c.Next(); entries++ {
		text(&c)
		if !s.Has(c.ID()) {
			t.Fatalf("%v is there and not", c.ID())
		}
	}
	for c := s.RangeBack(MaxID, ID{}); c.Next(); entries-- {
		text(&c)
	}
	if entries != 0 {
		t.Fatalf("%d entries more forwards", entries)
	}
	s.RadixNodes()
	if next, ok := Next(s.Last()); ok {
		s.Append(next, bytesOf("name", "y", "n", "1"), Limits{Bytes: 4096})
	}
	for i := 0; s.Len() > 20; i++ {
		c := s.RangeBack(MaxID, ID{})
		c.Next()
		s.Delete(c.ID())
		s.Delete(s.First())
		if err := s.verify(); err != nil {
			t.Fatal(err)
		}
	}
	s.Trim(Trim{MaxLen: 3})
	s.Trim(Trim{MaxLen: -1, MinID: s.First()})
	check(t, s)
	drop(t, s)
}

// TestFlips loads a stream with every byte of a node changed, in some ways.
func TestFlips(t *testing.T) {
	ids, nodes := nodesOf(sample(newArena(t, mem.Options{})))
	a := newArena(t, mem.Options{})
	passed, refused := 0, 0
	for i := range nodes {
		for at := range nodes[i] {
			for _, x := range []byte{1, 0x80, 0xFF} {
				nodes[i][at] ^= x
				if s := load(t, a, ids, nodes); s != nil {
					exercise(t, s)
					passed++
				} else {
					refused++
				}
				nodes[i][at] ^= x
			}
		}
	}
	if passed < 100 || refused < 100 {
		t.Fatalf("%d passed, %d were refused", passed, refused)
	}
}

// build packs integers, and strings for those that are negative.
func build(elements ...int64) []byte {
	lp := listpack.New(0)
	for _, n := range elements {
		if n < 0 {
			lp = listpack.Append(lp, []byte("s"))
		} else {
			lp = listpack.AppendInt(lp, n)
		}
	}
	return lp
}

func TestValidate(t *testing.T) {
	good := []int64{1, 1, 1, -1, 0, 3, 0, 0, -1, 4, 0, 5, 0, 2, -1, -1, -1, -1, 8}
	if err := Validate(id(5, 5), build(good...)); err != nil {
		t.Fatalf("a node is refused: %v", err)
	}
	for i, want := range good {
		for _, n := range []int64{-1, 0, 1, 2, 3, 4, 8, 200, 1 << 62} {
			if n == want || want < 0 || i == 11 || i == 12 {
				continue // fields and values, and what is an ID all the same
			}
			bad := slices.Clone(good)
			bad[i] = n
			if Validate(id(5, 5), build(bad...)) == nil {
				t.Errorf("element %d may be %d in the place of %d", i, n, want)
			}
		}
	}
	for n := range good {
		if n != len(good) && Validate(id(5, 5), build(good[:n]...)) == nil {
			t.Errorf("%d elements are a node", n)
		}
	}
	for name, elements := range map[string][]int64{
		"no entries":      {0, 0, 1, -1, 0},
		"the same ID":     {2, 0, 1, -1, 0, 2, 0, 1, -1, 4, 2, 0, 1, -1, 4},
		"descending":      {2, 0, 1, -1, 0, 2, 0, 2, -1, 4, 2, 0, 1, -1, 4},
		"wrapping around": {1, 0, 1, -1, 0, 2, 1 << 62, 1 << 62, -1, 4, 2},
		"no first entry":  {1, 0, 1, -1, 0, 2, 0, 1, -1, 4},
		"cut":             {1, 0, 1, -1, 0, 2, 0, 0, -1},
	} {
		if Validate(id(5, 5), build(elements...)) == nil {
			t.Errorf("%s: it is a node", name)
		}
	}
	if Validate(ID{}, nil) == nil || Validate(MaxID, build(2, 0, 1, -1, 0, 2, 0, 0, -1, 4, 2, 0, 1, -1, 4)) == nil {
		t.Errorf("nothing, or an ID behind the greatest, is a node")
	}
}

// FuzzValidate loads and uses whatever passes for a node.
func FuzzValidate(f *testing.F) {
	ids, nodes := nodesOf(sample(newArena(f, mem.Options{})))
	for i := range nodes {
		f.Add(ids[i].MS, ids[i].Seq, nodes[i])
	}
	f.Add(uint64(0), uint64(1), build(1, 0, 0, 0, 2, 0, 0, 3))
	f.Fuzz(func(t *testing.T, ms, seq uint64, lp []byte) {
		if len(lp) >= 4 {
			binary.LittleEndian.PutUint32(lp, uint32(len(lp)))
		}
		a := newArena(t, mem.Options{})
		if s := load(t, a, []ID{{MS: ms, Seq: seq}}, [][]byte{lp}); s != nil {
			exercise(t, s)
		}
	})
}

func TestLoadPending(t *testing.T) {
	s := newStream(newArena(t, mem.Options{}))
	g := s.NewGroup([]byte("g"), ID{}, 0)
	a, b := g.NewConsumer([]byte("a"), 1), g.NewConsumer([]byte("b"), 2)
	for i := range uint64(3) {
		if err := g.LoadPending(id(i, 0), int64(i), i); err != nil {
			t.Fatal(err)
		}
	}
	if g.LoadPending(id(1, 0), 0, 0) == nil {
		t.Error("an entry is pending twice")
	}
	if g.LoadOwner(id(0, 0), a) != nil || g.LoadOwner(id(1, 0), b) != nil {
		t.Error("an entry cannot be pending")
	}
	if g.LoadOwner(id(0, 0), b) == nil || g.LoadOwner(id(0, 0), a) == nil {
		t.Error("an entry is pending for two consumers")
	}
	if g.LoadOwner(id(9, 0), a) == nil {
		t.Error("an entry is pending for a consumer only")
	}
	if g.CheckOwned() == nil {
		t.Error("an entry is pending for no consumer")
	}
	if g.LoadOwner(id(2, 0), b) != nil || g.CheckOwned() != nil {
		t.Error("all entries have consumers")
	}
	check(t, s)
	drop(t, s)
}
