package list

import (
	"bytes"

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
	e, ok := c.WriteType(c.Key(1), store.List)
	switch {
	case !ok:
	case !e.Ok():
		c.Null()
	default:
		moveFrom(c, e, from, to)
	}
}

// moveFrom is move with the entry of the first key, which is a list. It tells
// whether the second key could take the element; if not, the error is the reply.
func moveFrom(c *command.Ctx, e store.Entry, from, to end) (ok bool) {
	src, dst := c.Key(1), c.Key(2)
	old, ok := c.WriteType(dst, store.List)
	if !ok {
		return false
	}
	// Looking up the second key may have removed it, and adding to it may split
	// the table: the first is looked up anew after each. The element is taken from
	// the reply, as one list may be both.
	v := open(src, e.Keyspace().Find(src))
	start := len(c.Out)
	c.Out = appendElem(c.Out, v.peek(from))
	elem := payload(c.Out[start:])
	push(c, dst, old, [][]byte{elem}, to)
	if !old.Ok() {
		c.Event(dst, command.NotifyNew, "new")
	}
	c.Changed(dst, command.NotifyList, to.pushed())
	v = open(src, v.ks.Find(src))
	popped(c, src, from, v.drop(from))
	c.Dirty(-1) // both together are one change
	return true
}

// payload is the content of a bulk string in RESP.
func payload(bulk []byte) []byte {
	return bulk[bytes.IndexByte(bulk, '\n')+1 : len(bulk)-2]
}
