package keys

import (
	"bytes"

	"github.com/redstart-db/redstart/internal/command"
)

func rename(c *command.Ctx) {
	if travels(c) {
		return
	}
	if e := c.Write(c.Key(1)); !e.Ok() {
		c.Err(command.ErrNoKey)
		return
	}
	if !bytes.Equal(c.Args[1], c.Args[2]) {
		moveTo(c)
	}
	c.OK()
}

func renameNX(c *command.Ctx) {
	if !c.Keyspace(c.Key(2)).Lookup(c.Key(2), c.Now()).Ok() && travels(c) {
		return
	}
	if e := c.Write(c.Key(1)); !e.Ok() {
		c.Err(command.ErrNoKey)
		return
	}
	if bytes.Equal(c.Args[1], c.Args[2]) || c.Write(c.Key(2)).Ok() {
		c.Int(0)
		return
	}
	moveTo(c)
	c.Int(1)
}

// travels tells whether the command has to wait until the value of the first key has been
// copied to the shard of the second.
func travels(c *command.Ctx) bool {
	k := c.Key(1)
	from, to := c.Keyspace(k), c.Keyspace(c.Key(2))
	return from.Shard() != to.Shard() && c.CopiesFirst(k, from.Lookup(k, c.Now()), to)
}

// moveTo gives the value and deadline of the first key, which exists, to the
// second.
func moveTo(c *command.Ctx) {
	from, to := c.Key(1), c.Key(2)
	src, dst := c.Keyspace(from), c.Keyspace(to)
	old := dst.Lookup(to, c.Now()) // may remove it, so it comes first
	e := src.Find(from)
	dst.Take(to, old, from, e)
	added(c, dst, to.B)
	src.Touch(from.B)
	c.Event(from, command.NotifyGeneric, "rename_from")
	c.Changed(to, command.NotifyGeneric, "rename_to")
}
