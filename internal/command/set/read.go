package set

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/ds/dict"
	"github.com/redstart-db/redstart/internal/ds/intset"
	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/num"
	"github.com/redstart-db/redstart/internal/resp"
	"github.com/redstart-db/redstart/internal/store"
)

func scard(c *command.Ctx) {
	if e, ok := c.ReadType(c.Key(1), store.Set); ok {
		c.Int(int64(e.SetLen()))
	}
}

func sisMember(c *command.Ctx) {
	e, ok := c.ReadType(c.Key(1), store.Set)
	if !ok {
		return
	}
	v := open(e)
	c.Int(flag(v.has(c.Args[2])))
}

func smisMember(c *command.Ctx) {
	e, ok := c.ReadType(c.Key(1), store.Set)
	if !ok {
		return
	}
	v, members := open(e), c.Args[2:]
	c.Array(len(members))
	for len(members) > 0 {
		some := members[:min(len(members), batchSize)]
		members = members[len(some):]
		if v.big == nil || len(some) == 1 {
			for _, m := range some {
				c.Int(flag(v.has(m)))
			}
			continue
		}
		there := v.big.FindEach(some, first(len(some)))
		for i := range some {
			c.Int(int64(there >> i & 1))
		}
	}
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func smembers(c *command.Ctx) {
	if e, ok := c.ReadType(c.Key(1), store.Set); ok {
		v := open(e)
		c.Set(v.len())
		c.Out = v.appendAll(c.Out)
	}
}

func sscan(c *command.Ctx) {
	s, ok := c.ScanCursor()
	if !ok {
		return
	}
	e, ok := c.ReadType(c.Key(1), store.Set)
	switch {
	case !ok:
	case !e.Ok():
		s.Empty(c)
	case s.Options(c):
		v := open(e)
		s.Begin(c)
		n := 0
		if v.big != nil {
			n = scanBig(c, &s, v.big)
		} else {
			n = v.scanPacked(c, &s)
		}
		s.End(c, n)
	}
}

// scanPacked shows all of a small set at once, as Redis does.
func (v *view) scanPacked(c *command.Ctx, s *command.ElementScan) (n int) {
	var buf [num.MaxIntLen]byte
	show := func(m []byte) {
		if s.Match(m) {
			c.Bulk(m)
			n++
		}
	}
	if v.ints != nil {
		for i := range intset.Len(v.ints) {
			show(num.AppendInt(buf[:0], intset.Get(v.ints, i)))
		}
	} else {
		for pos, end := listpack.HeaderSize, listpack.End(v.lp); pos < end; {
			show(listpack.Get(v.lp, pos).Bytes(buf[:]))
			pos += listpack.EntrySize(v.lp, pos)
		}
	}
	s.Cursor = 0
	return n
}

func scanBig(c *command.Ctx, s *command.ElementScan, d *dict.Dict) (n int) {
	s.Steps(func(pos uint32) (next uint32, done bool, visited int) {
		next, done = d.Scan(pos, func(e dict.Elem) {
			visited++
			if m := e.Member(); s.Match(m) {
				c.Out = resp.AppendBulk(c.Out, m)
				n++
			}
		})
		return next, done, visited
	})
	return n
}
