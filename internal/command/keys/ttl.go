package keys

import "github.com/redstart-db/redstart/internal/command"

// deadline gives the deadline of the key. ok is false when there is none; the
// reply is then made.
func deadline(c *command.Ctx) (at int64, ok bool) {
	e := c.Peek(c.Key(1))
	if !e.Ok() {
		c.Int(-2)
		return 0, false
	}
	if at = e.Deadline(); at == 0 {
		c.Int(-1)
		return 0, false
	}
	return at, true
}

// seconds rounds milliseconds, which are not negative, to the nearest second.
func seconds(ms int64) int64 { return int64((uint64(ms) + 500) / 1000) }

func ttl(c *command.Ctx) {
	if at, ok := deadline(c); ok {
		c.Int(seconds(max(at-c.Now(), 0)))
	}
}

func pttl(c *command.Ctx) {
	if at, ok := deadline(c); ok {
		c.Int(max(at-c.Now(), 0))
	}
}

func expireTime(c *command.Ctx) {
	if at, ok := deadline(c); ok {
		c.Int(seconds(at))
	}
}

func pexpireTime(c *command.Ctx) {
	if at, ok := deadline(c); ok {
		c.Int(at)
	}
}
