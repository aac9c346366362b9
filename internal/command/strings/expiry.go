package strings

import (
	"math"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/num"
	"github.com/redstart-db/redstart/internal/store"
)

// unit is how a time is given: from now on or since 1970, in seconds or
// milliseconds.
type unit uint8

const (
	none unit = iota
	ex
	px
	exat
	pxat
)

func unitOf(word []byte) unit {
	switch {
	case command.EqualFold(word, "EX"):
		return ex
	case command.EqualFold(word, "PX"):
		return px
	case command.EqualFold(word, "EXAT"):
		return exat
	case command.EqualFold(word, "PXAT"):
		return pxat
	}
	return none
}

// expiry is a time among the options of a command.
type expiry struct {
	unit unit
	arg  int // index of the argument with the number
}

// parse takes the option at argument i, if it is a time with a number behind
// it and none of another unit was there before.
func (x *expiry) parse(c *command.Ctx, i int) bool {
	u := unitOf(c.Args[i])
	if u == none || x.unit != none && x.unit != u || i+1 == len(c.Args) {
		return false
	}
	x.unit, x.arg = u, i+1
	return true
}

// deadline reads the number and gives the time in Unix milliseconds; ok is
// false, and the error is in the reply, when it is none or too large.
func (x expiry) deadline(c *command.Ctx) (at int64, ok bool) {
	n, ok := c.IntArg(x.arg)
	if !ok {
		return 0, false
	}
	scale, base := int64(1), int64(0)
	if x.unit == ex || x.unit == exat {
		scale = 1000
	}
	if x.unit == ex || x.unit == px {
		base = c.Now()
	}
	if n <= 0 || n > math.MaxInt64/scale || n*scale > math.MaxInt64-base {
		c.Err("ERR invalid expire time in '" + c.Spec.Name + "' command")
		return 0, false
	}
	return n*scale + base, true
}

// parseGetEx reads the options of GETEX: a time, or PERSIST.
func parseGetEx(c *command.Ctx) (x expiry, persist, ok bool) {
	for i := 2; i < len(c.Args); i++ {
		switch {
		case c.Is(i, "PERSIST") && x.unit == none:
			persist = true
		case !persist && x.parse(c, i):
			i++
		default:
			c.Err(command.ErrSyntax)
			return x, persist, false
		}
	}
	return x, persist, true
}

func getEx(c *command.Ctx) {
	x, persist, ok := parseGetEx(c)
	if !ok {
		return
	}
	k := c.Key(1)
	e, ok := c.ReadType(k, store.String)
	if !ok {
		return
	}
	if !e.Ok() {
		c.Null()
		return
	}
	var at int64
	if x.unit != none {
		if at, ok = x.deadline(c); !ok {
			return
		}
	}
	c.BulkEntry(e)
	switch {
	case x.unit != none && at <= c.Now() && !c.Store.NoExpire:
		removeExpired(c, k, e)
	case x.unit != none:
		expireAt(c, k, e, at)
	case persist && e.Deadline() != 0:
		c.Keyspace(k).SetDeadline(k, e, 0)
		c.Changed(k, command.NotifyGeneric, "persist")
		c.Effect([]byte("PERSIST"), k.B)
	}
}

// removeExpired is GETEX with a time that has passed.
func removeExpired(c *command.Ctx, k store.Key, e store.Entry) {
	c.Keyspace(k).Remove(k, e)
	c.Changed(k, command.NotifyGeneric, "del")
	if c.Config.LazyfreeLazyExpire {
		c.Effect([]byte("UNLINK"), k.B)
	} else {
		c.Effect([]byte("DEL"), k.B)
	}
}

func expireAt(c *command.Ctx, k store.Key, e store.Entry, at int64) {
	c.Keyspace(k).SetDeadline(k, e, at)
	c.Changed(k, command.NotifyGeneric, "expire")
	if c.Logging() {
		var digits [num.MaxIntLen]byte
		c.Effect([]byte("PEXPIREAT"), k.B, num.AppendInt(digits[:0], at))
	}
}
