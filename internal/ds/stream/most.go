package stream

import (
	"github.com/redstart-db/redstart/internal/ds/idtree"
	"github.com/redstart-db/redstart/internal/mem"
)

const (
	manyNodes = 2048 // so many nodes are worth leaving to whoever frees rest
	fewNodes  = 1024 // and so many may stay: they move to a new tree
)

// TrimMost does the greater part of a Trim that leaves few nodes of many, without
// a look at each that goes: the nodes that stay move to a new tree, and the old one
// is given back as rest, a stream to be dropped piece by piece. It gives the number
// of entries that went with it. Trim has to follow, as there may be more to do.
// When it is not worth while, or there is no memory for it, nothing happens, and
// rest is nil.
func (s *Stream) TrimMost(t Trim) (removed int64, rest *Stream) {
	if t.Limit > 0 || s.nodes.Len() < manyNodes+fewNodes {
		return 0, nil
	}
	stay, entries := 0, int64(0)
	c := s.nodes.Last()
	for ; c.Valid() && stay <= fewNodes; c.Prev() {
		lp, id := s.at(&c)
		m := readMaster(lp, id)
		if t.MaxLen >= 0 && entries >= t.MaxLen || t.MaxLen < 0 && m.last(lp).Less(t.MinID) {
			break
		}
		entries += m.count
		stay++
	}
	if stay > fewNodes {
		return 0, nil
	}
	fresh, size, ok := s.lastNodes(stay)
	if !ok {
		return 0, nil
	}
	rest = &Stream{arena: s.arena, nodes: s.nodes, bytes: s.bytes - size, length: s.length - int(entries), kept: s.kept}
	rest.nodes.DeleteRange(rest.nodes.Len()-stay, rest.nodes.Len(), nil)
	s.nodes, s.bytes, s.length = fresh, size, int(entries)
	s.findFirst()
	return int64(rest.length), rest
}

// lastNodes gives a tree with the last n nodes, and the size of their blocks in
// bytes. ok is false when there is no memory for it.
func (s *Stream) lastNodes(n int) (t idtree.Tree[mem.Ref], size int, ok bool) {
	t.Init(s.arena)
	defer func() {
		if ok {
			return
		}
		if r := recover(); r != nil && r != mem.ErrExhausted {
			panic(r)
		}
		t.Drop(n, nil)
	}()
	c := s.nodes.Last()
	for i := 1; i < n; i++ {
		c.Prev()
	}
	for range n {
		t.Insert(c.ID(), c.Value())
		size += s.arena.Usable(c.Value())
		c.Next()
	}
	return t, size, true
}
