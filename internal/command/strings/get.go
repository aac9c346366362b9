package strings

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/store"
)

func get(c *command.Ctx) {
	e, ok := c.ReadType(c.Key(1), store.String)
	if !ok {
		return
	}
	if !e.Ok() {
		c.Null()
		return
	}
	c.BulkEntry(e)
}
