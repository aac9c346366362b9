package geo

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/geo"
)

func geoPos(c *command.Ctx) {
	r, there, ok := places(c, 1)
	if !ok {
		return
	}
	c.Array(len(c.Args) - 2)
	for _, member := range c.Args[2:] {
		if p, ok := find(&r, member); there && ok {
			replyPoint(c, p)
		} else {
			c.NullArray()
		}
	}
}

func geoHash(c *command.Ctx) {
	r, there, ok := places(c, 1)
	if !ok {
		return
	}
	c.Array(len(c.Args) - 2)
	for _, member := range c.Args[2:] {
		var text [geo.HashText]byte
		if p, ok := find(&r, member); there && ok {
			c.Bulk(geo.AppendHash(text[:0], p))
		} else {
			c.Null()
		}
	}
}

func geoDist(c *command.Ctx) {
	unit, ok := 1.0, true
	switch {
	case len(c.Args) > 5:
		c.Err(command.ErrSyntax)
		return
	case len(c.Args) == 5:
		if unit, ok = unitArg(c, 4); !ok {
			return
		}
	}
	r, there, ok := places(c, 1)
	switch {
	case !ok:
		return
	case !there:
		c.Null()
		return
	}
	a, ok := find(&r, c.Args[2])
	b, ok2 := find(&r, c.Args[3])
	if !ok || !ok2 {
		c.Null()
		return
	}
	replyDistance(c, geo.Distance(a, b)/unit)
}
