package stream

import (
	"fmt"
	"slices"
	"testing"

	"github.com/redstart-db/redstart/internal/ds/idtree"
	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/mem"
)

func newArena(t testing.TB, o mem.Options) *mem.Arena {
	t.Helper()
	a, err := mem.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

func newStream(a *mem.Arena) *Stream {
	s := new(Stream)
	s.Init(a)
	return s
}

// verify checks every invariant that the package comment states.
func (s *Stream) verify() error {
	length, bytes := 0, 0
	for i := range s.gone {
		for c := s.gone[i].First(); c.Valid(); c.Next() {
			bytes += s.arena.Usable(c.Value().ref())
		}
	}
	end := s.nodes.Last()
	first, some := ID{}, false
	var last ID
	for c := s.nodes.First(); c.Valid(); c.Next() {
		lp, id := s.at(&c)
		v, err := validate(id, lp)
		switch {
		case err != nil:
			return fmt.Errorf("node %v: %w", id, err)
		case some && !last.Less(id):
			return fmt.Errorf("node %v is behind %v", id, last)
		case cap(lp) < len(lp)+room(v.count, v.deleted):
			return fmt.Errorf("node %v: %d bytes in a block of %d", id, len(lp), cap(lp))
		}
		if c.ID() != end.ID() && c.Value().count() != v.count {
			return fmt.Errorf("node %v has %d entries, its place says %d", id, v.count, c.Value().count())
		}
		some = true
		if length == 0 && v.count > 0 {
			first = v.first
		}
		length += int(v.count)
		bytes += cap(lp)
		last = v.id
	}
	if length != s.length || bytes != s.bytes || first != s.first || s.last.Less(last) && !s.setBack {
		return fmt.Errorf("length %d bytes %d first %v last %v; noted %d %d %v %v", length, bytes, first, last, s.length, s.bytes, s.first, s.last)
	}
	for i, g := range s.groups {
		if i > 0 && s.groups[i-1].name >= g.name {
			return fmt.Errorf("group %q is out of order", g.name)
		}
		if err := g.verify(); err != nil {
			return fmt.Errorf("group %q: %w", g.name, err)
		}
	}
	return nil
}

func (g *Group) verify() error {
	owned, hidden := 0, 0
	all := slices.Concat(g.consumers, g.removed)
	for i, c := range all {
		if i > 0 && i < len(g.consumers) && g.consumers[i-1].name >= c.name || g.slots[c.slot] != c {
			return fmt.Errorf("consumer %q is out of order", c.name)
		}
		if c.removed != (i >= len(g.consumers)) || c.removed && c.pending.Len() == 0 {
			return fmt.Errorf("consumer %q with %d entries is in the wrong list", c.name, c.pending.Len())
		}
		owned += c.pending.Len()
		for it := c.pending.First(); it.Valid(); it.Next() {
			ref, ok := g.pending.Get(it.ID())
			if !ok || ref != it.Value() || g.record(ref).consumer != c.slot {
				return fmt.Errorf("consumer %q has %v, the group does not", c.name, it.ID())
			}
		}
		if i >= len(g.consumers) {
			hidden += c.pending.Len()
		}
	}
	if owned != g.pending.Len() || hidden != g.hidden {
		return fmt.Errorf("%d entries are pending, %d of them hidden; for consumers %d and %d", g.pending.Len(), g.hidden, owned, hidden)
	}
	used := 0
	for _, c := range g.slots {
		if c != nil {
			used++
		}
	}
	if used != len(all) {
		return fmt.Errorf("%d numbers are taken by %d consumers", used, len(all))
	}
	return nil
}

// check verifies the stream, and that the arena has nothing but that.
func check(t interface{ Fatalf(string, ...any) }, s *Stream) {
	if err := s.verify(); err != nil {
		t.Fatalf("%v", err)
	}
	if live := int(s.arena.Live()); live != s.Bytes() {
		t.Fatalf("%d bytes are live, the stream knows of %d", live, s.Bytes())
	}
}

// drop frees a stream in small steps, and checks that nothing is left.
func drop(t interface{ Fatalf(string, ...any) }, s *Stream) {
	// What trimming has cut off takes as many steps as it has leaves, which hold bytes.
	steps := s.nodes.Len() + 1 + int(s.arena.Live())
	for _, g := range s.groups {
		steps += 2*g.pending.Len() + len(g.slots) + 1
	}
	for ; !s.Drop(3); steps-- {
		if steps < 0 {
			t.Fatalf("Drop does not end")
		}
	}
	if live := s.arena.Live(); live != 0 {
		t.Fatalf("%d bytes are left", live)
	}
}

func bytesOf(args ...string) (b [][]byte) {
	for _, a := range args {
		b = append(b, []byte(a))
	}
	return b
}

// text is the rest of an entry at a cursor.
func text(c *Cursor) (pairs []string) {
	for range c.Fields() {
		f, v := c.Pair()
		pairs = append(pairs, show(f), show(v))
	}
	return pairs
}

func show(v listpack.Value) string { return string(v.AppendTo(nil)) }

func id(ms, seq uint64) ID { return idtree.ID{MS: ms, Seq: seq} }
