package keys

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/resp"
)

// wait waits until so many replicas have acknowledged the writes of the
// connection. There are none, so only time ends it.
func wait(c *command.Ctx) {
	replicas, ok := c.IntArg(1)
	if !ok {
		return
	}
	ms, ok := c.TimeoutMSArg(2)
	if !ok {
		return
	}
	if replicas <= 0 {
		c.Int(0)
		return
	}
	c.Block(command.Wait{Timeout: ms, OnTimeout: resp.AppendInt(nil, 0)})
}
