package strings

import (
	"github.com/redstart-db/redstart/internal/command"
)

func set(c *command.Ctx) {
	k := c.Key(1)
	ks := c.Keyspace(k)
	e := ks.Lookup(k, c.Now())
	ks.SetString(k, e, c.Args[2], 0)
	c.Changed(k, command.NotifyString, "set")
	c.OK()
}
