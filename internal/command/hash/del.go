package hash

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/store"
)

func hdel(c *command.Ctx) {
	k := c.Key(1)
	names := c.Args[2:]
	if c.Store.KeepFields {
		names = nil // one that has expired is removed as any other
	}
	e, ok := lookup(c, k, names, 1)
	if !ok {
		return
	}
	removed, left := 0, 0
	if e.Ok() {
		removed, left = remove(c, k, e, c.Args[2:])
	}
	if removed > 0 {
		c.Changed(k, command.NotifyHash, "hdel")
		c.Dirty(removed - 1)
		if left == 0 {
			c.Event(k, command.NotifyGeneric, "del")
		}
	}
	c.Int(int64(removed))
}

// remove removes fields, and the key when none is left.
func remove(c *command.Ctx, k store.Key, e store.Entry, fields [][]byte) (removed, left int) {
	v := openAll(e)
	for i, field := range fields {
		e.FetchAhead(fields, i)
		if v.remove(field) {
			removed++
		}
	}
	if left = v.len(); removed > 0 {
		settle(c.Keyspace(k), k, e, left)
	}
	return removed, left
}

// remove removes a field of the hash that v shows. Settle has to follow.
func (v *view) remove(field []byte) bool {
	if v.big != nil {
		return v.big.Delete(field)
	}
	pos, ok := listpack.Find(v.small, listpack.HeaderSize, field, v.step-1)
	if ok {
		v.small = listpack.DeleteRange(v.small, pos, v.step)
	}
	return ok
}

// settle is called when fields of a hash were removed, or have other deadlines: left
// are left.
func settle(ks *store.Keyspace, k store.Key, e store.Entry, left int) {
	if left == 0 {
		ks.Remove(k, e)
		return
	}
	if e = ks.Retime(e); e.Packed() {
		ks.Shrink(e)
	}
}
