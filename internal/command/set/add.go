package set

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/ds/dict"
	"github.com/redstart-db/redstart/internal/ds/intset"
	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/num"
	"github.com/redstart-db/redstart/internal/store"
)

func sadd(c *command.Ctx) {
	k := c.Key(1)
	e, ok := c.WriteType(k, store.Set)
	if !ok {
		return
	}
	was := e
	n := 0
	if len(c.Args) == 3 {
		if _, added := add(c, k, e, c.Args[2]); added {
			n = 1
		}
	} else {
		n = addAll(c, k, e, c.Args[2:])
	}
	if n > 0 {
		added(c, k, was, n)
	}
	c.Int(int64(n))
}

// added says that n members were added to k, whose entry was e before.
func added(c *command.Ctx, k store.Key, e store.Entry, n int) {
	if !e.Ok() {
		c.Event(k, command.NotifyNew, "new")
	}
	c.Changed(k, command.NotifySet, "sadd")
	c.Dirty(n - 1)
}

// addAll adds members and gives the number of those that are new. Should memory end
// half way, the effect is what was done.
func addAll(c *command.Ctx, k store.Key, e store.Entry, members [][]byte) (n int) {
	was, done := e, 0
	defer func() {
		if n > 0 && done < len(members) {
			added(c, k, was, n)
			c.Effect(c.Args[:2+done]...)
		}
	}()
	for _, m := range members {
		if e.Ok() {
			e.FetchAhead(members, done)
		}
		var created bool
		if e, created = add(c, k, e, m); created {
			n++
		}
		done++
	}
	return n
}

// add adds a member to k, whose entry is e, a set or nothing. It gives the entry
// that k has then. The member must not lie in the set.
func add(c *command.Ctx, k store.Key, e store.Entry, m []byte) (_ store.Entry, added bool) {
	ks := c.Keyspace(k)
	if !e.Ok() {
		return create(c, k, e, m), true
	}
	if !e.Packed() {
		_, added = e.Object().(*dict.Dict).Add(m)
		return e, added
	}
	p, ints := e.PackedSet()
	if ints {
		n, isInt := num.ParseInt(m)
		if !isInt {
			return addText(c, k, e, m), true
		}
		if _, found := intset.Find(p, n); found {
			return e, false
		}
		if int64(intset.Len(p)) >= c.Config.SetMaxIntsetEntries {
			return addText(c, k, e, m), true
		}
		e = ks.Grow(e, intset.NeedAdd(p, n))
		intset.Add(e.Pack(), n)
		return e, true
	}
	if _, found := listpack.Find(p, listpack.HeaderSize, m, 0); found {
		return e, false
	}
	if !fits(c, p, m) {
		d := newDict(ks)
		ks.Build(d, func() { addListpack(d, p); d.Add(m) })
		return ks.Unpack(e, d), true
	}
	e = ks.Grow(e, len(p)+listpack.Size(m))
	listpack.Append(e.Pack(), m)
	return e, true
}

// fits tells whether a listpack may hold one more member.
func fits(c *command.Ctx, p, m []byte) bool {
	return int64(len(m)) <= c.Config.SetMaxListpackValue &&
		int64(listpack.Len(p)) < c.Config.SetMaxListpackEntries && listpack.SafeToAdd(p, len(m))
}

// create makes a set of one member under k, which has none; e is its entry.
func create(c *command.Ctx, k store.Key, e store.Entry, m []byte) store.Entry {
	ks := c.Keyspace(k)
	if n, ok := num.ParseInt(m); ok && c.Config.SetMaxIntsetEntries > 0 {
		e = ks.NewPacked(k, e, store.Set, []byte(intset.Empty), intset.HeaderSize+8, 0)
		intset.Add(e.Pack(), n)
		return e
	}
	if !fits(c, []byte(listpack.Empty), m) {
		d := newDict(ks)
		ks.Build(d, func() { d.Add(m) })
		return ks.NewObject(k, e, store.Set, d, 0)
	}
	e = ks.NewPacked(k, e, store.Set, []byte(listpack.Empty), len(listpack.Empty)+listpack.Size(m), 0)
	listpack.Append(e.Pack(), m)
	return e
}

// addText adds a member to an intset that cannot hold it.
func addText(c *command.Ctx, k store.Key, e store.Entry, m []byte) store.Entry {
	ks := c.Keyspace(k)
	ints := e.Pack()
	lp := listpack.New(len(listpack.Empty) + len(ints) + listpack.Size(m))
	if n := int64(intset.Len(ints)); n < c.Config.SetMaxListpackEntries && int64(len(m)) <= c.Config.SetMaxListpackValue {
		for i := range intset.Len(ints) {
			lp = listpack.AppendInt(lp, intset.Get(ints, i))
		}
		if fits(c, lp, m) {
			lp = listpack.Append(lp, m)
			return ks.NewPacked(k, e, store.Set, lp, len(lp), e.Deadline())
		}
	}
	d := newDict(ks)
	ks.Build(d, func() { addIntset(d, ints); d.Add(m) })
	return ks.Unpack(e, d)
}

func newDict(ks *store.Keyspace) *dict.Dict {
	d := new(dict.Dict)
	d.Init(ks.Arena(), dict.Set)
	return d
}

func addIntset(d *dict.Dict, ints []byte) {
	var buf [num.MaxIntLen]byte
	for i := range intset.Len(ints) {
		d.Add(num.AppendInt(buf[:0], intset.Get(ints, i)))
	}
}

func addListpack(d *dict.Dict, lp []byte) {
	var buf [num.MaxIntLen]byte
	for pos, end := listpack.HeaderSize, listpack.End(lp); pos < end; {
		d.Add(listpack.Get(lp, pos).Bytes(buf[:]))
		pos += listpack.EntrySize(lp, pos)
	}
}

// smove adds to the destination before it takes from the source, since only the
// first may fail.
func smove(c *command.Ctx) {
	from, to := c.Key(1), c.Key(2)
	src := c.Write(from)
	if !src.Ok() {
		c.Int(0)
		return
	}
	if src.Type() != store.Set {
		c.Err(command.ErrWrongType)
		return
	}
	dst, ok := c.WriteType(to, store.Set)
	if !ok {
		return
	}
	src = c.Keyspace(from).Find(from) // the destination may have expired just now
	m, v := c.Args[3], open(src)
	found := v.has(m)
	if !found || string(from.B) == string(to.B) {
		c.Int(flag(found))
		return
	}
	_, isNew := add(c, to, dst, m)
	left, _ := remove(c, from, c.Keyspace(from).Find(from), m)
	removed(c, from, "srem", 1, !left.Ok())
	if isNew {
		added(c, to, dst, 1)
	}
	c.Int(1)
}
