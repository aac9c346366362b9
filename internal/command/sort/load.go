package sort

import (
	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/ds/qlist"
	"github.com/redstart-db/redstart/internal/ds/zset"
	"github.com/redstart-db/redstart/internal/store"
)

// load gathers the elements of a collection that are compared, or those that are
// shown, if nothing is: from index from on, or, downwards, from the one that is so
// far from the end. Sets have no order in which they could be counted.
func (s *sorter) load(e store.Entry, from, count int, down bool) {
	s.elems = make([][]byte, 0, count)
	switch e.Type() {
	case store.Set:
		for m := range e.Members {
			if from > 0 {
				from--
				continue
			}
			if len(s.elems) == count {
				return
			}
			s.elems = append(s.elems, s.text(m))
		}
	case store.List:
		s.loadList(e, from, count, down)
	case store.ZSet:
		s.loadZSet(e, from, count, down)
	}
}

func (s *sorter) loadList(e store.Entry, from, count int, down bool) {
	if e.Packed() {
		s.loadPacked(e.Pack(), from, count, down)
		return
	}
	l := e.Object().(*qlist.List)
	if down {
		for c := l.Seek(l.Len() - 1 - from); c.Valid() && len(s.elems) < count; c.Prev() {
			s.elems = append(s.elems, s.text(c.Value()))
		}
		return
	}
	for c := l.Seek(from); c.Valid() && len(s.elems) < count; c.Next() {
		s.elems = append(s.elems, s.text(c.Value()))
	}
}

func (s *sorter) loadPacked(lp []byte, from, count int, down bool) {
	if down {
		for pos, ok := listpack.Seek(lp, -1-from); ok && len(s.elems) < count; pos, ok = listpack.Prev(lp, pos) {
			s.elems = append(s.elems, s.text(listpack.Get(lp, pos)))
		}
		return
	}
	for pos, ok := listpack.Seek(lp, from); ok && len(s.elems) < count; pos, ok = listpack.Next(lp, pos) {
		s.elems = append(s.elems, s.text(listpack.Get(lp, pos)))
	}
}

func (s *sorter) loadZSet(e store.Entry, from, count int, down bool) {
	if !e.Packed() {
		z := e.Object().(*zset.ZSet)
		if down {
			from = z.Len() - 1 - from
		}
		for c := z.Seek(from); c.Valid() && len(s.elems) < count; {
			s.elems = append(s.elems, c.Member())
			if down {
				c.Prev()
			} else {
				c.Next()
			}
		}
		return
	}
	p := zset.Packed(e.Pack())
	if down {
		from = p.Len() - 1 - from
	}
	for c := p.Seek(from); c.Valid() && len(s.elems) < count; {
		s.elems = append(s.elems, s.text(c.Member()))
		if down {
			c.Prev()
		} else {
			c.Next()
		}
	}
}

// length is the number of elements of a list, set or sorted set.
func length(e store.Entry) int {
	switch {
	case !e.Ok():
		return 0
	case e.Object() != nil:
		return e.Object().Len()
	case e.Type() == store.Set:
		return e.SetLen()
	case e.Type() == store.ZSet:
		return listpack.Len(e.Pack()) / 2
	}
	return listpack.Len(e.Pack())
}
