package bitmap

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/num"
	"github.com/redstart-db/redstart/internal/store"
)

// fieldSlack is the room that a write beyond the last offset may need: a field
// of 64 bits that begins at any bit of a byte.
const fieldSlack = 9

// offsetArg reads the place of a bit from argument i. If width is not 0, the
// form #n stands for the n-th field of that many bits; its product wraps as it
// does in Redis, and what comes out is checked.
func offsetArg(c *command.Ctx, i int, width int64) (offset uint64, ok bool) {
	b := c.Args[i]
	if width == 0 || len(b) == 0 || b[0] != '#' {
		width = 1
	} else {
		b = b[1:]
	}
	n, ok := num.ParseInt(b)
	n *= width
	if !ok || n < 0 || uint64(n)>>3 >= min(c.MaxString(), store.MaxString-fieldSlack) {
		c.Err(command.ErrBitOffset)
		return 0, false
	}
	return uint64(n), true
}

// room makes the value of e, a string or nothing, reach as far as the last
// bit. grown tells whether that took anything.
func room(c *command.Ctx, k store.Key, e store.Entry, last uint64) (b []byte, grown bool) {
	n, had := int(last>>3)+1, -1
	if e.Ok() {
		had = e.Len()
	}
	_, b = c.Keyspace(k).Resize(k, e, max(n, had))
	if had < 0 {
		c.Event(k, command.NotifyNew, "new")
	}
	return b, n > had
}

func setBit(c *command.Ctx) {
	offset, ok := offsetArg(c, 2, 0)
	if !ok {
		return
	}
	bit, ok := num.ParseInt(c.Args[3])
	if !ok || bit&^1 != 0 {
		c.Err(command.ErrBitValue)
		return
	}
	k := c.Key(1)
	e, ok := c.WriteType(k, store.String)
	if !ok {
		return
	}
	b, grown := room(c, k, e, offset)
	p, shift := &b[offset>>3], 7-offset&7
	was := *p >> shift & 1
	if grown || was != byte(bit) {
		*p = *p&^(1<<shift) | byte(bit)<<shift
		c.Changed(k, command.NotifyString, "setbit")
	}
	c.Int(int64(was))
}

func getBit(c *command.Ctx) {
	offset, ok := offsetArg(c, 2, 0)
	if !ok {
		return
	}
	e, ok := c.ReadType(c.Key(1), store.String)
	if !ok {
		return
	}
	bit := byte(0)
	if e.Ok() {
		if v := c.Value(e); offset>>3 < uint64(len(v)) {
			bit = v[offset>>3] >> (7 - offset&7) & 1
		}
	}
	c.Int(int64(bit))
}
