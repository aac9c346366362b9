package keys

import (
	"math"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/num"
	"github.com/redstart-db/redstart/internal/store"
)

func expire(c *command.Ctx)    { setExpiry(c, 1000, true) }
func pexpire(c *command.Ctx)   { setExpiry(c, 1, true) }
func expireAt(c *command.Ctx)  { setExpiry(c, 1000, false) }
func pexpireAt(c *command.Ctx) { setExpiry(c, 1, false) }

// condition tells for which keys a new deadline is set.
type condition uint8

const (
	ifNone    condition = 1 << iota // NX: the key has no deadline
	ifAny                           // XX: it has one
	ifGreater                       // GT: the new one is later; none is the latest
	ifLess                          // LT: the new one is earlier
)

// holds tells whether a key whose deadline is was (0 for none) gets the new one.
func (f condition) holds(was, at int64) bool {
	switch {
	case f&ifNone != 0 && was != 0, f&ifAny != 0 && was == 0:
		return false
	case f&ifGreater != 0 && (was == 0 || at <= was):
		return false
	case f&ifLess != 0 && was != 0 && at >= was:
		return false
	}
	return true
}

// conditionArgs reads the options from argument 3 on.
func conditionArgs(c *command.Ctx) (f condition, ok bool) {
	for i := 3; i < len(c.Args); i++ {
		switch {
		case c.Is(i, "NX"):
			f |= ifNone
		case c.Is(i, "XX"):
			f |= ifAny
		case c.Is(i, "GT"):
			f |= ifGreater
		case c.Is(i, "LT"):
			f |= ifLess
		default:
			c.Err("ERR Unsupported option " + command.PrintedLast(c.Args[i]))
			return 0, false
		}
	}
	if f&ifNone != 0 && f != ifNone {
		c.Err("ERR NX and XX, GT or LT options at the same time are not compatible")
		return 0, false
	}
	if f&ifGreater != 0 && f&ifLess != 0 {
		c.Err("ERR GT and LT options at the same time are not compatible")
		return 0, false
	}
	return f, true
}

// expiryArg reads argument 2, a time in units of so many milliseconds, as Unix
// milliseconds.
func expiryArg(c *command.Ctx, unit int64, relative bool) (at int64, ok bool) {
	n, ok := c.IntArg(2)
	if !ok {
		return 0, false
	}
	base := int64(0)
	if relative {
		base = c.Now()
	}
	if n > math.MaxInt64/unit || n < math.MinInt64/unit || n*unit > math.MaxInt64-base {
		c.Err("ERR invalid expire time in '" + c.Spec.Name + "' command")
		return 0, false
	}
	return n*unit + base, true
}

func setExpiry(c *command.Ctx, unit int64, relative bool) {
	f, ok := conditionArgs(c)
	if !ok {
		return
	}
	at, ok := expiryArg(c, unit, relative)
	if !ok {
		return
	}
	k := c.Key(1)
	e := c.Write(k)
	if !e.Ok() || !f.holds(e.Deadline(), at) {
		c.Int(0)
		return
	}
	if at <= c.Now() && !c.Store.NoExpire {
		removePast(c, k, e, c.Config.LazyfreeLazyExpire)
	} else {
		c.Keyspace(k).SetDeadline(k, e, max(at, 1))
		expiryEffect(c, at, unit != 1 || relative)
		c.Changed(k, command.NotifyGeneric, "expire")
	}
	c.Int(1)
}

// removePast removes a key whose new deadline has passed already.
func removePast(c *command.Ctx, k store.Key, e store.Entry, lazy bool) {
	c.Keyspace(k).Remove(k, e)
	name := "DEL"
	if lazy {
		name = "UNLINK"
	}
	c.Effect([]byte(name), k.B)
	c.Changed(k, command.NotifyGeneric, "del")
}

// expiryEffect makes the effect the same at any time: PEXPIREAT with the
// options of the command.
func expiryEffect(c *command.Ctx, at int64, converted bool) {
	if !converted || !c.Logging() {
		return
	}
	args := make([][]byte, len(c.Args))
	copy(args, c.Args)
	args[0], args[2] = []byte("PEXPIREAT"), num.AppendInt(nil, at)
	c.Effect(args...)
}

func persist(c *command.Ctx) {
	k := c.Key(1)
	e := c.Write(k)
	if !e.Ok() || e.Deadline() == 0 {
		c.Int(0)
		return
	}
	c.Keyspace(k).SetDeadline(k, e, 0)
	c.Changed(k, command.NotifyGeneric, "persist")
	c.Int(1)
}
