package hash

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/store"
)

// readNamed looks up a hash of which some fields are read by name. Where lookups leave
// expired fields, those are removed here.
func readNamed(c *command.Ctx, fields [][]byte) (e store.Entry, ok bool) {
	k := c.Key(1)
	e, ok = c.ReadType(k, store.Hash)
	if ok && e.Ok() && e.Timed() && c.Store.KeepFields && e.NextField() <= c.Now() {
		e = c.Keyspace(k).ExpireNamed(e, c.Now(), fields)
	}
	return e, ok
}

func hget(c *command.Ctx) {
	e, ok := readNamed(c, c.Args[2:])
	switch {
	case !ok:
	case !e.Ok():
		c.Null()
	default:
		v := open(c, e)
		value, ok := v.find(c.Args[2])
		reply(c, value, ok)
	}
}

func hmget(c *command.Ctx) {
	e, ok := readNamed(c, c.Args[2:])
	if !ok {
		return
	}
	c.Array(len(c.Args) - 2)
	if !e.Ok() {
		for range c.Args[2:] {
			c.Null()
		}
		return
	}
	v := open(c, e)
	for _, field := range c.Args[2:] {
		value, ok := v.find(field)
		reply(c, value, ok)
	}
}

// hlen counts expired fields only where they stay until somebody asks for them.
func hlen(c *command.Ctx) {
	e, ok := c.ReadType(c.Key(1), store.Hash)
	switch {
	case !ok:
	case !e.Ok():
		c.Int(0)
	case c.Store.KeepFields:
		v := openAll(e)
		c.Int(int64(v.len()))
	default:
		v := open(c, e)
		c.Int(int64(v.len()))
	}
}

func hexists(c *command.Ctx) {
	e, ok := readNamed(c, c.Args[2:])
	if !ok {
		return
	}
	n := 0
	if e.Ok() {
		v := open(c, e)
		if _, ok := v.find(c.Args[2]); ok {
			n = 1
		}
	}
	c.Int(int64(n))
}

func hstrLen(c *command.Ctx) {
	e, ok := readNamed(c, c.Args[2:])
	if !ok {
		return
	}
	n := 0
	if e.Ok() {
		v := open(c, e)
		if value, ok := v.find(c.Args[2]); ok {
			n = value.Len()
		}
	}
	c.Int(int64(n))
}

func hgetall(c *command.Ctx) { replyAll(c, both) }
func hkeys(c *command.Ctx)   { replyAll(c, names) }
func hvals(c *command.Ctx)   { replyAll(c, values) }

func replyAll(c *command.Ctx, show part) {
	e, ok := c.ReadType(c.Key(1), store.Hash)
	if !ok {
		return
	}
	var v view
	n := 0
	if e.Ok() {
		v = open(c, e)
		n = v.len()
	}
	if show == both {
		c.Map(n)
	} else {
		c.Array(n)
	}
	if n > 0 {
		c.Out = v.appendAll(c.Out, show)
	}
}
