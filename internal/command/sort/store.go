package sort

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/ds/qlist"
	"github.com/redstart-db/redstart/internal/store"
)

// store puts the result, a list, in the place of what its key has, and replies with
// its length. What does not exist becomes an empty string. Without elements the
// key is removed.
func (s *sorter) store(start, end int) {
	c := s.c
	values := make([][]byte, 0, s.shown(start, end))
	s.each(start, end, func(value []byte, _ bool) { values = append(values, value) })
	k := c.Key(s.o.to)
	ks := c.Keyspace(k)
	e := c.Write(k)
	there := e.Ok()
	switch {
	case len(values) > 0:
		s.put(ks, k, e, values)
		if !there {
			c.Event(k, command.NotifyNew, "new")
		}
		c.Changed(k, command.NotifyList, "sortstore")
		c.Dirty(len(values) - 1)
	case there:
		ks.Remove(k, e)
		c.Changed(k, command.NotifyGeneric, "del")
	}
	c.Int(int64(len(values)))
}

// put makes values the list of k, in the place of e, of which they may be views.
func (s *sorter) put(ks *store.Keyspace, k store.Key, e store.Entry, values [][]byte) {
	c := s.c
	fill := qlist.NewFill(c.Config.ListMaxListpackSize, c.ListPlainSize)
	size := len(listpack.Empty)
	for i, v := range values {
		if !fill.Fits(size, i, v) {
			l := new(qlist.List)
			l.Init(ks.Arena(), c.Config.ListMaxListpackSize)
			l.SetPackedThreshold(c.ListPlainSize)
			ks.Build(l, func() {
				for _, v := range values {
					l.PushBack(v)
				}
			})
			ks.NewObject(k, e, store.List, l, 0)
			return
		}
		size += listpack.Size(v)
	}
	lp := listpack.New(size)
	for _, v := range values {
		lp = listpack.Append(lp, v)
	}
	ks.NewPacked(k, e, store.List, lp, 0, 0)
}
