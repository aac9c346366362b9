package hash

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/ds/dict"
	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/num"
	"github.com/redstart-db/redstart/internal/store"
)

func hscan(c *command.Ctx) {
	s, ok := c.ScanCursor()
	if !ok {
		return
	}
	e, ok := c.ReadType(c.Key(1), store.Hash)
	switch {
	case !ok:
	case !e.Ok():
		s.Empty(c)
	case s.OptionsOr(c, "NOVALUES"):
		v := open(c, e)
		show, width := both, 2
		if s.Flag {
			show, width = names, 1
		}
		s.Begin(c)
		n := 0
		if v.big != nil {
			n = v.scanBig(c, &s, show)
		} else {
			n = v.scanSmall(c, &s, show)
		}
		s.End(c, width*n)
	}
}

// scanSmall shows all of a packed hash at once, as Redis does.
func (v *view) scanSmall(c *command.Ctx, s *command.ElementScan, show part) (n int) {
	var buf [num.MaxIntLen]byte
	for pos, end := v.start, listpack.End(v.small); pos < end; {
		if s.Match(listpack.Get(v.small, pos).Bytes(buf[:])) {
			c.Out, pos = v.appendField(c.Out, pos, show)
			n++
			continue
		}
		pos = v.next(pos)
	}
	s.Cursor = 0
	return n
}

func (v *view) scanBig(c *command.Ctx, s *command.ElementScan, show part) (n int) {
	s.Steps(func(pos uint32) (next uint32, done bool, visited int) {
		next, done = v.big.Scan(pos, func(e dict.Elem) {
			visited++
			if v.sees(e) && s.Match(e.Member()) {
				c.Out = appendElem(c.Out, e, show)
				n++
			}
		})
		return next, done, visited
	})
	return n
}
