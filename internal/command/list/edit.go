package list

import (
	"math"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/store"
)

func lset(c *command.Ctx) {
	k := c.Key(1)
	e, ok := c.WriteType(k, store.List)
	if !ok {
		return
	}
	if !e.Ok() {
		c.Err(command.ErrNoKey)
		return
	}
	i, ok := c.IntArg(2)
	if !ok {
		return
	}
	v := open(k, e)
	if i, ok = v.index(i); !ok {
		c.Err(command.ErrIndexRange)
		return
	}
	v.set(c, int(i), c.Args[3])
	c.Changed(k, command.NotifyList, "lset")
	c.OK()
}

// set replaces the element with an index from 0 to len()-1.
func (v *value) set(c *command.Ctx, i int, elem []byte) {
	if v.q == nil {
		p := v.e.Pack()
		pos, _ := listpack.Seek(p, i)
		size := listpack.NeedReplace(p, pos, elem)
		if fill(c).FitsAs(size, len(p), listpack.Len(p), elem) {
			v.e = v.ks.Grow(v.e, size)
			listpack.Replace(v.e.Pack(), pos, elem)
			v.e = v.ks.Shrink(v.e)
			return
		}
		v.unpack(c, nil, right)
	}
	v.q.SetPackedThreshold(c.ListPlainSize)
	v.q.Set(i, elem)
}

func linsert(c *command.Ctx) {
	after := c.Is(2, "AFTER")
	if !after && !c.Is(2, "BEFORE") {
		c.Err(command.ErrSyntax)
		return
	}
	k := c.Key(1)
	e, ok := c.WriteType(k, store.List)
	if !ok {
		return
	}
	if !e.Ok() {
		c.Int(0)
		return
	}
	v := open(k, e)
	if !v.insert(c, c.Args[3], c.Args[4], after) {
		c.Int(-1)
		return
	}
	c.Changed(k, command.NotifyList, "linsert")
	c.Int(int64(v.len()))
}

// insert adds an element beside the first that is pivot, if there is one.
func (v *value) insert(c *command.Ctx, pivot, elem []byte, after bool) (ok bool) {
	if v.q == nil {
		p := v.e.Pack()
		pos, ok := listpack.Find(p, listpack.HeaderSize, pivot, 0)
		if !ok {
			return false
		}
		if fill(c).Fits(len(p), listpack.Len(p), elem) {
			if after {
				pos += listpack.EntrySize(p, pos)
			}
			v.e = v.ks.Grow(v.e, listpack.NeedInsert(p, elem))
			listpack.Insert(v.e.Pack(), pos, elem)
			return true
		}
		v.unpack(c, nil, right)
	}
	cur := v.q.First()
	if !cur.Find(pivot, math.MaxInt) {
		return false
	}
	v.q.SetPackedThreshold(c.ListPlainSize)
	if after {
		v.q.InsertAfter(&cur, elem)
	} else {
		v.q.InsertBefore(&cur, elem)
	}
	return true
}

func lrem(c *command.Ctx) {
	n, ok := c.IntArg(2)
	if !ok {
		return
	}
	k := c.Key(1)
	e, ok := c.WriteType(k, store.List)
	if !ok {
		return
	}
	if !e.Ok() {
		c.Int(0)
		return
	}
	most := n
	if n < 0 {
		most = -n
	}
	if most <= 0 { // as also the opposite of the smallest integer is
		most = math.MaxInt
	}
	v := open(k, e)
	removed := v.remove(c.Args[3], int(min(most, math.MaxInt)), n < 0)
	if removed > 0 {
		gone := v.settle()
		c.Changed(k, command.NotifyList, "lrem")
		c.Dirty(removed - 1)
		if gone {
			c.Event(k, command.NotifyGeneric, "del")
		}
	}
	c.Int(int64(removed))
}
