package hash

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/num"
	"github.com/redstart-db/redstart/internal/store"
)

// current gives the value that a command adds to. ok is false, and the error is in
// the reply, when the key holds no hash; there is false when it has no such field.
func current(c *command.Ctx, k store.Key, field []byte) (e store.Entry, v listpack.Value, there, ok bool) {
	e, ok = lookup(c, k, c.Args[2:3], 1)
	if ok && e.Ok() {
		h := openAll(e)
		v, there = h.find(field)
	}
	return e, v, there, ok
}

func hincrBy(c *command.Ctx) {
	by, ok := c.IntArg(3)
	if !ok {
		return
	}
	k := c.Key(1)
	e, v, there, ok := current(c, k, c.Args[2])
	if !ok {
		return
	}
	n := v.Int
	if there && !v.IsInt() {
		if n, ok = num.ParseInt(v.Str); !ok {
			c.Err("ERR hash value is not an integer")
			return
		}
	}
	sum := n + by
	if (n^sum)&(by^sum) < 0 {
		c.Err(command.ErrOverflow)
		return
	}
	var digits [num.MaxIntLen]byte
	put(c, k, e, c.Args[2], num.AppendInt(digits[:0], sum), true)
	changed(c, k, e, "hincrby")
	c.Int(sum)
}

// hincrByFloat computes in C's long double, so that its digits are Redis's. Its
// effect is the sum: another machine may round in another way.
func hincrByFloat(c *command.Ctx) {
	by, ok := num.ParseLong(c.Args[3])
	if !ok {
		c.Err(command.ErrNotFloat)
		return
	}
	if !by.Finite() {
		c.Err("ERR value is NaN or Infinity")
		return
	}
	k := c.Key(1)
	e, v, there, ok := current(c, k, c.Args[2])
	if !ok {
		return
	}
	x := num.LongFromInt(v.Int)
	if there && !v.IsInt() {
		if x, ok = num.ParseLong(v.Str); !ok {
			c.Err("ERR hash value is not a float")
			return
		}
	}
	sum := x.Add(by)
	if !sum.Finite() {
		c.Err(command.ErrNaNOrInf)
		return
	}
	var buf [64]byte
	digits := sum.AppendHuman(buf[:0])
	at := int64(0) // the deadline of the field, which stays
	if there && e.Timed() {
		h := openAll(e)
		at, _ = h.deadline(c.Args[2])
	}
	put(c, k, e, c.Args[2], digits, true)
	changed(c, k, e, "hincrbyfloat")
	c.Bulk(digits)
	if c.Logging() {
		c.Effect([]byte("HSET"), k.B, c.Args[2], digits)
		if at != 0 {
			deadlineEffect(c, k, at, nil, c.Args[2:3])
		}
	}
}
