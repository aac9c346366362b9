package strings

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/store"
)

func get(c *command.Ctx) {
	if e, ok := c.ReadType(c.Key(1), store.String); ok {
		replyValue(c, e)
	}
}

// replyValue replies with the value of a string, or null when there is none.
func replyValue(c *command.Ctx, e store.Entry) {
	if !e.Ok() {
		c.Null()
		return
	}
	c.BulkEntry(e)
}

func mget(c *command.Ctx) {
	c.Array(len(c.Args) - 1)
	for i := 1; i < len(c.Args); i++ {
		e := c.Read(c.Key(i))
		if e.Ok() && e.Type() == store.String {
			c.BulkEntry(e)
		} else {
			c.Null()
		}
	}
}

func strLen(c *command.Ctx) {
	e, ok := c.ReadType(c.Key(1), store.String)
	switch {
	case !ok:
	case !e.Ok():
		c.Int(0)
	default:
		c.Int(int64(e.Len()))
	}
}

func getDel(c *command.Ctx) {
	k := c.Key(1)
	e, ok := c.ReadType(k, store.String)
	if !ok {
		return
	}
	replyValue(c, e)
	if !e.Ok() {
		return
	}
	c.Keyspace(k).Remove(k, e)
	c.Changed(k, command.NotifyGeneric, "del")
	c.Effect([]byte("DEL"), k.B)
}

func getSet(c *command.Ctx) {
	k := c.Key(1)
	e, ok := c.ReadType(k, store.String)
	if !ok {
		return
	}
	replyValue(c, e)
	put(c, k, e, c.Args[2], 0)
	c.Effect([]byte("SET"), k.B, c.Args[2])
}
