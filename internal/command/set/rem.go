package set

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/ds/dict"
	"github.com/redstart-db/redstart/internal/ds/intset"
	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/num"
	"github.com/redstart-db/redstart/internal/store"
)

func srem(c *command.Ctx) {
	k := c.Key(1)
	e, ok := c.WriteType(k, store.Set)
	if !ok {
		return
	}
	if !e.Ok() {
		c.Int(0)
		return
	}
	n := 0
	for i, m := range c.Args[2:] {
		e.FetchAhead(c.Args[2:], i)
		var gone bool
		if e, gone = remove(c, k, e, m); gone {
			n++
		}
		if !e.Ok() {
			break
		}
	}
	if n > 0 {
		removed(c, k, "srem", n, !e.Ok())
	}
	c.Int(int64(n))
}

// removed says that n members were removed from k, and the key if nothing was left.
func removed(c *command.Ctx, k store.Key, event string, n int, empty bool) {
	c.Changed(k, command.NotifySet, event)
	if empty {
		c.Event(k, command.NotifyGeneric, "del")
	}
	c.Dirty(n - 1)
}

// remove removes a member from k, whose entry is e, a set, and k with its last one.
// It gives the entry that k has then. The member must not lie in the set.
func remove(c *command.Ctx, k store.Key, e store.Entry, m []byte) (_ store.Entry, removed bool) {
	ks := c.Keyspace(k)
	if !e.Packed() {
		d := e.Object().(*dict.Dict)
		if removed = d.Delete(m); removed && d.Len() == 0 {
			return drop(ks, k, e), true
		}
		return e, removed
	}
	p, ints := e.PackedSet()
	if ints {
		n, isInt := num.ParseInt(m)
		if !isInt {
			return e, false
		}
		if p, removed = intset.Remove(p, n); !removed {
			return e, false
		}
		if intset.Len(p) == 0 {
			return drop(ks, k, e), true
		}
		return ks.Shrink(e), true
	}
	pos, found := listpack.Find(p, listpack.HeaderSize, m, 0)
	if !found {
		return e, false
	}
	if p = listpack.Delete(p, pos); listpack.Len(p) == 0 {
		return drop(ks, k, e), true
	}
	return ks.Shrink(e), true
}

// drop removes k, and gives its entry, which does not exist.
func drop(ks *store.Keyspace, k store.Key, e store.Entry) store.Entry {
	ks.Remove(k, e)
	return store.Entry{}
}
