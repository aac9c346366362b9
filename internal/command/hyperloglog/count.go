package hyperloglog

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/ds/hll"
)

// pfCount of one key notes the estimate in the value, which is a change that
// replicas get, though the command is one that reads.
func pfCount(c *command.Ctx) {
	if len(c.Args) > 2 {
		countUnion(c)
		return
	}
	k := c.Key(1)
	e := c.Read(k)
	if !e.Ok() {
		c.Int(0)
		return
	}
	if _, ok := checked(c, e); !ok {
		return
	}
	v := writable(c, k, e)
	n, ok := hll.Cached(v)
	if !ok {
		if n, ok = hll.Count(v); !ok {
			c.Err(errCorrupt)
			return
		}
		hll.SetCached(v, n)
		c.Changed(k, 0, "")
	}
	c.Int(int64(n))
}

func countUnion(c *command.Ctx) {
	var regs hll.All
	if _, ok := union(c, &regs); ok {
		c.Int(int64(regs.Count()))
	}
}

// union makes regs the highest of all keys. ok is false, and the error is in the
// reply, when one of them is no HyperLogLog; dense tells whether one is dense.
func union(c *command.Ctx, regs *hll.All) (dense, ok bool) {
	for i := 1; i < len(c.Args); i++ {
		e := c.Read(c.Key(i))
		if !e.Ok() {
			continue
		}
		v, ok := checked(c, e)
		if !ok {
			return false, false
		}
		if !regs.Raise(v) {
			c.Err(errCorrupt)
			return false, false
		}
		dense = dense || hll.Dense(v)
	}
	return dense, true
}
