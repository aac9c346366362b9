package server

import (
	"strconv"

	"github.com/redstart-db/redstart/internal/command"
)

func timeNow(c *command.Ctx) {
	usec := c.Clock.UnixMicro(c.Clock.Nano())
	c.Array(2)
	c.BulkInt(usec / 1e6)
	c.Str(strconv.FormatInt(usec%1e6, 10))
}

func (f *family) lastSave(c *command.Ctx) { c.Int(f.node.LastSave()) }

func role(c *command.Ctx) {
	c.Array(3)
	c.Str("master")
	c.Int(0)
	c.Array(0)
}
