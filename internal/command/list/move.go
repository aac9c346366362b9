package list

import (
	"bytes"

	"github.com/redstart-db/redstart/internal/bulks"
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/store"
)

func lmove(c *command.Ctx) {
	if from, to, ok := moveArgs(c); ok {
		move(c, from, to)
	}
}

func rpoplpush(c *command.Ctx) { move(c, right, left) }

// moveArgs reads the ends of [B]LMOVE.
func moveArgs(c *command.Ctx) (from, to end, ok bool) {
	if from, ok = endArg(c, 3); ok {
		to, ok = endArg(c, 4)
	}
	return from, to, ok
}

// move moves an element from an end of the first key's list to one of the second's.
func move(c *command.Ctx, from, to end) {
	src := c.Key(1)
	e, ok := c.WriteType(src, store.List)
	switch {
	case !ok:
	case !e.Ok():
		c.Null()
	default:
		moveFrom(c, src, e.Keyspace(), from, to)
	}
}

// moveFrom is move when the first key, src in ks, is known to have a list. It tells
// whether the second key could take the element; if not, the error is the reply.
func moveFrom(c *command.Ctx, src store.Key, ks *store.Keyspace, from, to end) (ok bool) {
	dst := c.Key(2)
	old, ok := c.WriteType(dst, store.List)
	if !ok {
		return false
	}
	// Looking up the second key may have removed it, and adding to it may split
	// the table: the first is looked up anew after each. The element is taken from
	// the reply, as one list may be both.
	v := open(src, ks.Find(src))
	start := len(c.Out)
	c.Out = bulks.AppendValue(c.Out, v.peek(from))
	elem := payload(c.Out[start:])
	push(c, dst, old, [][]byte{elem}, to)
	if !old.Ok() {
		c.Event(dst, command.NotifyNew, "new")
	}
	c.Changed(dst, command.NotifyList, to.pushed())
	v = open(src, ks.Find(src))
	popped(c, src, from, v.drop(from))
	c.Dirty(-1) // both together are one change
	return true
}

// payload is the content of a bulk string in RESP.
func payload(bulk []byte) []byte {
	return bulk[bytes.IndexByte(bulk, '\n')+1 : len(bulk)-2]
}
