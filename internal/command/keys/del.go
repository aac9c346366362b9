package keys

import "github.com/redstart-db/redstart/internal/command"

// del serves DEL and UNLINK: the store never frees much at once.
func del(c *command.Ctx) {
	n := int64(0)
	for i := 1; i < len(c.Args); i++ {
		k := c.Key(i)
		ks := c.Keyspace(k)
		if e := ks.Lookup(k, c.Now()); e.Ok() {
			ks.Remove(k, e)
			c.Changed(k, command.NotifyGeneric, "del")
			n++
		}
	}
	c.Int(n)
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
		if c.Read(c.Key(i)).Ok() {
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
