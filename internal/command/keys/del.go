package keys

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/resp"
)

// del serves DEL. The store never frees much at once; the reply comes when all is
// free.
func del(c *command.Ctx) {
	before := c.Thrown()
	n := remove(c)
	if c.Thrown() != before && !c.Config.LazyfreeLazyUserDel {
		c.Block(command.Wait{Freeing: true, OnTimeout: resp.AppendInt(nil, n)})
		return
	}
	c.Int(n)
}

func unlink(c *command.Ctx) { c.Int(remove(c)) }

// remove removes the keys that are the arguments, and gives the number of those
// that were there.
func remove(c *command.Ctx) (n int64) {
	for i := 1; i < len(c.Args); i++ {
		k := c.Key(i)
		ks := c.Keyspace(k)
		if e := ks.Lookup(k, c.Now()); e.Ok() {
			ks.Remove(k, e)
			c.Changed(k, command.NotifyGeneric, "del")
			n++
		}
	}
	return n
}

func exists(c *command.Ctx) {
	n := int64(0)
	for i := 1; i < len(c.Args); i++ {
		if c.Peek(c.Key(i)).Ok() {
			n++
		}
	}
	c.Int(n)
}

func touch(c *command.Ctx) {
	n := int64(0)
	for i := 1; i < len(c.Args); i++ {
		// It is a use also where CLIENT NO-TOUCH has reads be none.
		if e := c.Peek(c.Key(i)); e.Ok() {
			e.Used()
			n++
		}
	}
	c.Int(n)
}

func typeOf(c *command.Ctx) {
	e := c.Peek(c.Key(1))
	if !e.Ok() {
		c.Simple("none")
		return
	}
	c.Simple(e.Type().String())
}
