package list

import (
	"github.com/redstart-db/redstart/internal/bulks"
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/resp"
	"github.com/redstart-db/redstart/internal/store"
)

func llen(c *command.Ctx) {
	k := c.Key(1)
	e, ok := c.ReadType(k, store.List)
	switch {
	case !ok:
	case !e.Ok():
		c.Int(0)
	default:
		v := open(k, e)
		c.Int(int64(v.len()))
	}
}

// lindex looks at the key before it reads the index: without a key any will do.
func lindex(c *command.Ctx) {
	k := c.Key(1)
	e, ok := c.ReadType(k, store.List)
	if !ok {
		return
	}
	if !e.Ok() {
		c.Null()
		return
	}
	i, ok := c.IntArg(2)
	if !ok {
		return
	}
	v := open(k, e)
	if i, ok = v.index(i); !ok {
		c.Null()
		return
	}
	c.Out = bulks.AppendValue(c.Out, v.at(int(i)))
}

// index makes an index that may count from the end one from the front, and tells
// whether there is such an element.
func (v *value) index(i int64) (from int64, ok bool) {
	n := int64(v.len())
	if i < 0 {
		i += n
	}
	return i, i >= 0 && i < n
}

// at is the element with an index from 0 to len()-1, valid until the list changes.
func (v *value) at(i int) listpack.Value {
	if v.q != nil {
		x, _ := v.q.Index(i)
		return x
	}
	p := v.e.Pack()
	pos, _ := listpack.Seek(p, i)
	return listpack.Get(p, pos)
}

func lrange(c *command.Ctx) {
	start, ok := c.IntArg(2)
	if !ok {
		return
	}
	stop, ok := c.IntArg(3)
	if !ok {
		return
	}
	k := c.Key(1)
	e, ok := c.ReadType(k, store.List)
	if !ok {
		return
	}
	if !e.Ok() {
		c.Array(0)
		return
	}
	v := open(k, e)
	from, to := bounds(start, stop, int64(v.len()))
	v.reply(c, from, to-from, left)
}

// bounds turns inclusive indexes, which count from the end when they are negative,
// into from <= to within [0,n]; from == to when they select nothing.
func bounds(start, stop, n int64) (from, to int) {
	if start < 0 {
		start = max(start+n, 0)
	}
	if stop < 0 {
		stop += n
	}
	stop = min(stop, n-1)
	if start > stop {
		return 0, 0
	}
	return int(start), int(stop) + 1
}

// reply replies with an array of n elements from index i on, which are there; with
// right as the first end, of the n elements up to index i, backwards.
func (v *value) reply(c *command.Ctx, i, n int, first end) {
	c.Array(n)
	if n == 0 {
		return
	}
	if v.q == nil {
		p := v.e.Pack()
		pos, _ := listpack.Seek(p, i)
		c.Out = appendElems(c.Out, p, pos, n, first)
		return
	}
	for cur := v.q.Seek(i); n > 0; {
		lp, pos, here, before, plain := cur.Stretch()
		if first == right {
			here = before + 1
		}
		here = min(here, n)
		n -= here
		if plain {
			c.Out = resp.AppendBulk(c.Out, lp)
		} else {
			c.Out = appendElems(c.Out, lp, pos, here, first)
		}
		if first == right {
			cur.PrevNode()
		} else {
			cur.NextNode()
		}
	}
}

// appendElems appends n elements of a listpack to a reply, from the one at pos on
// or, with right, up to it and backwards.
func appendElems(out, lp []byte, pos, n int, first end) []byte {
	if first == left {
		out, _ = bulks.Append(out, lp, pos, n)
		return out
	}
	for ; n > 0; n-- {
		out, _ = bulks.AppendOne(out, lp, pos)
		pos, _ = listpack.Prev(lp, pos)
	}
	return out
}

func ltrim(c *command.Ctx) {
	start, ok := c.IntArg(2)
	if !ok {
		return
	}
	stop, ok := c.IntArg(3)
	if !ok {
		return
	}
	k := c.Key(1)
	e, ok := c.WriteType(k, store.List)
	if !ok {
		return
	}
	if !e.Ok() {
		c.OK()
		return
	}
	v := open(k, e)
	n := v.len()
	from, to := bounds(start, stop, int64(n))
	gone := false
	if from == to {
		gone = v.dropRange(0, n)
		from, to = n, n
	} else {
		v.dropRange(to, n-to)
		v.dropRange(0, from)
	}
	// Redis tells of a trim also when there was nothing to do.
	c.Changed(k, command.NotifyList, "ltrim")
	c.Dirty(from + n - to - 1)
	if gone {
		c.Event(k, command.NotifyGeneric, "del")
	}
	c.OK()
}
