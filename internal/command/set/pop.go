package set

import (
	"math/bits"

	"github.com/redstart-db/redstart/internal/bulks"
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/ds/dict"
	"github.com/redstart-db/redstart/internal/ds/intset"
	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/num"
	"github.com/redstart-db/redstart/internal/store"
)

func spop(c *command.Ctx) {
	if len(c.Args) > 2 {
		popSome(c)
		return
	}
	k := c.Key(1)
	e, ok := c.WriteType(k, store.Set)
	if !ok {
		return
	}
	if !e.Ok() {
		c.Null()
		return
	}
	v := open(e)
	if v.big == nil {
		e = popPacked(c, k, e, &v)
	} else {
		el, _ := v.big.Random(c.Rand())
		m := el.Member()
		c.Bulk(m)
		propagate(c, k, m)
		if v.big.Remove(el); v.big.Len() == 0 {
			e = drop(c.Keyspace(k), k, e)
		}
	}
	removed(c, k, "spop", 1, !e.Ok())
}

// propagate makes the removal of a member the effect of the command, or one more.
func propagate(c *command.Ctx, k store.Key, m []byte) {
	if c.Logging() {
		c.Effect([]byte("SREM"), k.B, m)
	}
}

func popPacked(c *command.Ctx, k store.Key, e store.Entry, v *view) store.Entry {
	var buf [num.MaxIntLen]byte
	ks := c.Keyspace(k)
	i := c.Rand().IntN(v.len())
	if v.ints != nil {
		n := intset.Get(v.ints, i)
		c.BulkInt(n)
		if c.Logging() {
			propagate(c, k, num.AppendInt(buf[:0], n))
		}
		intset.Remove(v.ints, n)
	} else {
		pos, _ := listpack.Seek(v.lp, i)
		m := listpack.Get(v.lp, pos)
		c.Out = bulks.AppendValue(c.Out, m)
		if c.Logging() {
			propagate(c, k, m.Bytes(buf[:]))
		}
		listpack.Delete(v.lp, pos)
	}
	if e.SetLen() == 0 {
		return drop(ks, k, e)
	}
	return ks.Shrink(e)
}

func popSome(c *command.Ctx) {
	n, ok := num.ParseInt(c.Args[2])
	switch {
	case len(c.Args) > 3:
		c.Err(command.ErrSyntax)
		return
	case !ok || n < 0:
		c.Err(command.ErrPositive)
		return
	}
	k := c.Key(1)
	e, ok := c.WriteType(k, store.Set)
	if !ok {
		return
	}
	v := open(e)
	size := v.len()
	if size == 0 || n == 0 {
		c.Set(0)
		return
	}
	if n >= int64(size) {
		popAll(c, k, e, &v)
		return
	}
	p := popper{c: c, k: k}
	count, left := int(n), size-int(n)
	c.Set(count)
	switch few := left*moveStrategy <= count; {
	case v.ints != nil:
		p.intset(e, &v, count)
	case v.lp != nil:
		p.listpack(e, &v, count, few)
	case few:
		p.move(e, v.big, left)
	default:
		p.table(v.big, count)
	}
	p.flush()
	removed(c, k, "spop", count, false)
}

// popAll pops all members, and the key with them.
func popAll(c *command.Ctx, k store.Key, e store.Entry, v *view) {
	size := v.len()
	c.Set(size)
	c.Out = v.appendAll(c.Out)
	drop(c.Keyspace(k), k, e)
	removed(c, k, "spop", size, true)
	if c.Config.LazyfreeLazyServerDel {
		c.Effect([]byte("UNLINK"), k.B)
	} else {
		c.Effect([]byte("DEL"), k.B)
	}
}

// moveStrategy tells when fewer members are left than is worth while to take the
// others out: then they are moved to a new set, which, as in Redis, may be an intset.
const moveStrategy = 5

// effectMembers is the number of members that one SREM names which SPOP is
// propagated as.
const effectMembers = 1024

// popper pops several members, but not all.
type popper struct {
	c    *command.Ctx
	k    store.Key
	args [][]byte // of the next SREM; the members lie in arrays of c.Out
}

// show replies with a member.
func (p *popper) show(m listpack.Value) {
	c := p.c
	c.Out = bulks.AppendValue(c.Out, m)
	if !c.Logging() {
		return
	}
	switch len(p.args) {
	case 0:
		p.args = append(make([][]byte, 0, 16), []byte("SREM"), p.k.B)
	case 2 + effectMembers:
		p.flush()
	}
	end := len(c.Out) - len("\r\n")
	p.args = append(p.args, c.Out[end-m.Len():end:end])
}

// flush makes what was shown an effect.
func (p *popper) flush() {
	if len(p.args) > 2 {
		p.c.Effect(p.args...)
		p.args = p.args[:2]
	}
}

// intset leaves a new intset of the members that are not popped.
func (p *popper) intset(e store.Entry, v *view, count int) {
	left := intset.New(len(v.ints))
	v.split(p.c.Rand(), count, p.show, func(m listpack.Value) { left, _ = intset.Add(left, m.Int) })
	p.c.Keyspace(p.k).NewPacked(p.k, e, store.Set, left, len(left), e.Deadline())
}

// listpack leaves a new set of the members that are not popped.
func (p *popper) listpack(e store.Entry, v *view, count int, few bool) {
	var b builder
	var buf [num.MaxIntLen]byte
	b.start(p.c, p.c.Keyspace(p.k))
	b.text = !few
	defer b.drop()
	v.split(p.c.Rand(), count, p.show, func(m listpack.Value) { b.add(m.Bytes(buf[:])) })
	b.install(p.k, e, e.Deadline())
}

// table takes members out of a table.
func (p *popper) table(d *dict.Dict, count int) {
	rnd := p.c.Rand()
	for range count {
		e, _ := d.Random(rnd)
		p.show(listpack.Value{Str: e.Member()})
		d.Remove(e)
	}
}

// move moves the few members of a table that are left to a new set, and shows the
// others.
func (p *popper) move(e store.Entry, d *dict.Dict, left int) {
	c, rnd := p.c, p.c.Rand()
	var b builder
	b.start(c, c.Keyspace(p.k))
	defer b.drop()
	for b.len() < left {
		el, _ := d.Random(rnd)
		b.add(el.Member())
	}
	some := new(batch)
	some.walk(&view{big: d}, func() bool {
		for m := some.all() &^ some.in(&b.set, some.all()); m != 0; m &= m - 1 {
			p.show(listpack.Value{Str: some.text[bits.TrailingZeros64(m)]})
		}
		return true
	})
	b.install(p.k, e, e.Deadline())
}
