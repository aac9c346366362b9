package strings

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/store"
)

func appendValue(c *command.Ctx) {
	k, v := c.Key(1), c.Args[2]
	e, ok := c.WriteType(k, store.String)
	if !ok {
		return
	}
	n := 0
	if !e.Ok() {
		c.Keyspace(k).SetString(k, e, v, 0)
		c.Event(k, command.NotifyNew, "new")
	} else {
		n = e.Len()
		if !c.StringFits(uint64(n), uint64(len(v))) {
			return
		}
		_, b := c.Keyspace(k).Resize(k, e, n+len(v))
		copy(b[n:], v)
	}
	c.Changed(k, command.NotifyString, "append")
	c.Int(int64(n + len(v)))
}

func setRange(c *command.Ctx) {
	offset, ok := c.IntArg(2)
	if !ok {
		return
	}
	if offset < 0 {
		c.Err(command.ErrOffsetRange)
		return
	}
	k, v := c.Key(1), c.Args[3]
	e, ok := c.WriteType(k, store.String)
	if !ok {
		return
	}
	n := 0
	if e.Ok() {
		n = e.Len()
	}
	if len(v) == 0 {
		c.Int(int64(n))
		return
	}
	if !c.StringFits(uint64(offset), uint64(len(v))) {
		return
	}
	n = max(n, int(offset)+len(v))
	_, b := c.Keyspace(k).Resize(k, e, n)
	copy(b[offset:], v)
	if !e.Ok() {
		c.Event(k, command.NotifyNew, "new")
	}
	c.Changed(k, command.NotifyString, "setrange")
	c.Int(int64(n))
}

func getRange(c *command.Ctx) {
	start, ok := c.IntArg(2)
	if !ok {
		return
	}
	end, ok := c.IntArg(3)
	if !ok {
		return
	}
	e, ok := c.ReadType(c.Key(1), store.String)
	if !ok {
		return
	}
	if !e.Ok() {
		c.Bulk(nil)
		return
	}
	v := c.Value(e)
	from, to := command.Range(start, end, int64(len(v)))
	c.Bulk(v[from:to])
}
