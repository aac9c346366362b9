package zset

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/ds/zset"
	"github.com/redstart-db/redstart/internal/resp"
	"github.com/redstart-db/redstart/internal/store"
)

func zscan(c *command.Ctx) {
	s, ok := c.ScanCursor()
	if !ok {
		return
	}
	e, ok := c.ReadType(c.Key(1), store.ZSet)
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
			n = scanSmall(c, &s, v.small)
		}
		s.End(c, 2*n)
	}
}

// scanSmall shows all of a small set at once, as Redis does, with scores as they
// are written.
func scanSmall(c *command.Ctx, s *command.ElementScan, p zset.Packed) (n int) {
	var buf [24]byte
	for at := p.First(); at.Valid(); at.Next() {
		if member := at.Bytes(&buf); s.Match(member) {
			c.Bulk(member)
			c.Bulk(at.Stored().Bytes(buf[:]))
			n++
		}
	}
	s.Cursor = 0
	return n
}

func scanBig(c *command.Ctx, s *command.ElementScan, z *zset.ZSet) (n int) {
	s.Steps(func(pos uint32) (next uint32, done bool, visited int) {
		next, done = z.Scan(pos, func(e zset.Elem) {
			visited++
			if member := e.Member(); s.Match(member) {
				c.Bulk(member)
				c.Out = resp.AppendDouble(c.Out, e.Score(), 2) // a string, in RESP3 too
				n++
			}
		})
		return next, done, visited
	})
	return n
}
