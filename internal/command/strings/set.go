package strings

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/num"
	"github.com/redstart-db/redstart/internal/store"
)

func set(c *command.Ctx) {
	if len(c.Args) > 3 {
		setWithOptions(c)
		return
	}
	k := c.Key(1)
	put(c, k, c.Write(k), c.Args[2], 0)
	c.OK()
}

// put stores a string in the place of e, the entry that k has now. at is the
// deadline in Unix milliseconds, or 0.
func put(c *command.Ctx, k store.Key, e store.Entry, v []byte, at int64) {
	c.Keyspace(k).SetString(k, e, v, at)
	if !e.Ok() {
		c.Event(k, command.NotifyNew, "new")
	}
	c.Changed(k, command.NotifyString, "set")
}

// setOptions are the words after SET key value.
type setOptions struct {
	expiry
	nx, xx, get, keepTTL bool
}

func parseSet(c *command.Ctx) (o setOptions, ok bool) {
	for i := 3; i < len(c.Args); i++ {
		switch {
		case c.Is(i, "NX") && !o.xx:
			o.nx = true
		case c.Is(i, "XX") && !o.nx:
			o.xx = true
		case c.Is(i, "GET"):
			o.get = true
		case c.Is(i, "KEEPTTL") && o.unit == none:
			o.keepTTL = true
		case !o.keepTTL && o.expiry.parse(c, i):
			i++
		default:
			c.Err(command.ErrSyntax)
			return o, false
		}
	}
	return o, true
}

func setWithOptions(c *command.Ctx) {
	o, ok := parseSet(c)
	if !ok {
		return
	}
	var at int64
	if o.unit != none {
		if at, ok = o.deadline(c); !ok {
			return
		}
	}
	k := c.Key(1)
	var e store.Entry
	if o.get {
		if e, ok = c.ReadType(k, store.String); !ok {
			return
		}
		replyValue(c, e)
	} else {
		e = c.Write(k)
	}
	if o.nx && e.Ok() || o.xx && !e.Ok() {
		if !o.get {
			c.Null()
		}
		return
	}
	if o.keepTTL && e.Ok() {
		at = e.Deadline()
	}
	put(c, k, e, c.Args[2], at)
	if o.unit != none {
		c.Event(k, command.NotifyGeneric, "expire")
	}
	if !o.get {
		c.OK()
	}
	setEffect(c, o, at)
}

// setEffect makes the expiry absolute and leaves out GET, whose reply nobody
// reads.
func setEffect(c *command.Ctx, o setOptions, at int64) {
	switch {
	case !c.Logging():
	case o.unit != none:
		setUntil(c, c.Args[1], c.Args[2], at)
	case o.get:
		var buf [8][]byte
		args := append(buf[:0], c.Args[:3]...)
		for i := 3; i < len(c.Args); i++ {
			if !c.Is(i, "GET") {
				args = append(args, c.Args[i])
			}
		}
		c.Effect(args...)
	}
}

// setUntil has the effect SET key value PXAT at.
func setUntil(c *command.Ctx, key, v []byte, at int64) {
	var digits [num.MaxIntLen]byte
	c.Effect([]byte("SET"), key, v, []byte("PXAT"), num.AppendInt(digits[:0], at))
}

func setNX(c *command.Ctx) {
	k := c.Key(1)
	e := c.Write(k)
	if e.Ok() {
		c.Int(0)
		return
	}
	put(c, k, e, c.Args[2], 0)
	c.Int(1)
}

func setEx(c *command.Ctx)  { setFor(c, ex) }
func psetEx(c *command.Ctx) { setFor(c, px) }

func setFor(c *command.Ctx, u unit) {
	at, ok := expiry{unit: u, arg: 2}.deadline(c)
	if !ok {
		return
	}
	k := c.Key(1)
	put(c, k, c.Write(k), c.Args[3], at)
	c.Event(k, command.NotifyGeneric, "expire")
	c.OK()
	if c.Logging() {
		setUntil(c, k.B, c.Args[3], at)
	}
}

func mset(c *command.Ctx) {
	if len(c.Args)%2 == 0 {
		c.Err(command.WrongArity(c.Spec.Name))
		return
	}
	defer msetEffect(c)
	putAll(c)
	c.OK()
}

// msetEffect keeps the effect true when memory ended half way: the pairs that
// were stored before stay, as what they took the place of is gone.
func msetEffect(c *command.Ctx) {
	if done := 1 + 2*c.Changes(); done > 1 && done < len(c.Args) && c.Logging() {
		c.Effect(c.Args[:done]...)
	}
}

func msetNX(c *command.Ctx) {
	if len(c.Args)%2 == 0 {
		c.Err(command.WrongArity(c.Spec.Name))
		return
	}
	for i := 1; i < len(c.Args); i += 2 {
		if c.Write(c.Key(i)).Ok() {
			c.Int(0)
			return
		}
	}
	defer msetNXUndo(c)
	putAll(c)
	c.Int(1)
}

// msetNXUndo takes back what was stored when memory ended half way: none of the
// keys had existed, and either all are set or none.
func msetNXUndo(c *command.Ctx) {
	done := 1 + 2*c.Changes()
	if done >= len(c.Args) {
		return
	}
	for i := 1; i < done; i += 2 {
		k := c.Key(i)
		if e := c.Write(k); e.Ok() {
			c.Keyspace(k).Remove(k, e)
		}
	}
	c.NoEffect()
}

// putAll stores the pairs of a request, each of which counts as one change. A key
// that is named twice has its last value, so each is looked up anew.
func putAll(c *command.Ctx) {
	for i := 1; i < len(c.Args); i += 2 {
		k := c.Key(i)
		put(c, k, c.Write(k), c.Args[i+1], 0)
	}
}
