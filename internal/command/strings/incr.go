package strings

import (
	"math"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/num"
	"github.com/redstart-db/redstart/internal/store"
)

func incr(c *command.Ctx) { add(c, 1) }
func decr(c *command.Ctx) { add(c, -1) }

func incrBy(c *command.Ctx) {
	if by, ok := c.IntArg(2); ok {
		add(c, by)
	}
}

func decrBy(c *command.Ctx) {
	by, ok := c.IntArg(2)
	if !ok {
		return
	}
	if by == math.MinInt64 {
		c.Err("ERR decrement would overflow")
		return
	}
	add(c, -by)
}

func add(c *command.Ctx, by int64) {
	k := c.Key(1)
	e, ok := c.WriteType(k, store.String)
	if !ok {
		return
	}
	var n int64
	if e.Ok() {
		if n, ok = e.Int(); !ok {
			if n, ok = num.ParseInt(c.Value(e)); !ok {
				c.Err(command.ErrNotInteger)
				return
			}
		}
	}
	sum := n + by
	if (n^sum)&(by^sum) < 0 {
		c.Err(command.ErrOverflow)
		return
	}
	switch {
	case !e.Ok():
		c.Keyspace(k).SetInt(k, e, sum, 0)
		c.Event(k, command.NotifyNew, "new")
	case !e.Reset(sum):
		e.Keyspace().SetInt(k, e, sum, e.Deadline())
	}
	c.ChangedIn(e.Keyspace(), k.B, command.NotifyString, "incrby")
	c.Int(sum)
}

// incrByFloat computes in C's long double, so that its digits are Redis's. Its
// effect is the sum: another machine may round in another way.
func incrByFloat(c *command.Ctx) {
	k := c.Key(1)
	e, ok := c.WriteType(k, store.String)
	if !ok {
		return
	}
	var x num.LongDouble
	var deadline int64
	if e.Ok() {
		if x, ok = num.ParseLong(c.Value(e)); !ok {
			c.Err(command.ErrNotFloat)
			return
		}
		deadline = e.Deadline()
	}
	by, ok := num.ParseLong(c.Args[2])
	if !ok {
		c.Err(command.ErrNotFloat)
		return
	}
	sum := x.Add(by)
	if !sum.Finite() {
		c.Err(command.ErrNaNOrInf)
		return
	}
	var buf [64]byte
	digits := sum.AppendHuman(buf[:0])
	c.Keyspace(k).SetText(k, e, digits, deadline)
	if !e.Ok() {
		c.Event(k, command.NotifyNew, "new")
	}
	c.Changed(k, command.NotifyString, "incrbyfloat")
	c.Bulk(digits)
	c.Effect([]byte("SET"), k.B, digits, []byte("KEEPTTL"))
}
