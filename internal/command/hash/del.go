package hash

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/ds/dict"
	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/store"
)

func hdel(c *command.Ctx) {
	k := c.Key(1)
	e, ok := c.WriteType(k, store.Hash)
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
	ks := c.Keyspace(k)
	if e.Packed() {
		p := e.Pack()
		for _, field := range fields {
			if pos, ok := listpack.Find(p, listpack.HeaderSize, field, 1); ok {
				p = listpack.DeleteRange(p, pos, 2)
				removed++
			}
		}
		if left = listpack.Len(p) / 2; left > 0 && removed > 0 {
			ks.Shrink(e)
		}
	} else {
		d := e.Object().(*dict.Dict)
		for _, field := range fields {
			if d.Delete(field) {
				removed++
			}
		}
		left = d.Len()
	}
	if left == 0 {
		ks.Remove(k, e)
	}
	return removed, left
}
