package list

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/store"
)

func lpush(c *command.Ctx)  { pushArgs(c, left, false) }
func rpush(c *command.Ctx)  { pushArgs(c, right, false) }
func lpushx(c *command.Ctx) { pushArgs(c, left, true) }
func rpushx(c *command.Ctx) { pushArgs(c, right, true) }

// pushArgs adds the arguments behind the key; with onlyExisting, to a list that is
// there.
func pushArgs(c *command.Ctx, at end, onlyExisting bool) {
	k := c.Key(1)
	e, ok := c.WriteType(k, store.List)
	if !ok {
		return
	}
	if onlyExisting && !e.Ok() {
		c.Int(0)
		return
	}
	elems := c.Args[2:]
	n := push(c, k, e, elems, at)
	if !e.Ok() {
		c.Event(k, command.NotifyNew, "new")
	}
	c.Changed(k, command.NotifyList, at.pushed())
	c.Dirty(len(elems) - 1)
	c.Int(int64(n))
}
