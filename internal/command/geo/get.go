package geo

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/geo"
)

func geoPos(c *command.Ctx) {
	set, ok := open(c, 1)
	if !ok {
		return
	}
	c.Array(len(c.Args) - 2)
	for _, member := range c.Args[2:] {
		if p, ok := set.find(member); ok {
			replyPoint(c, p)
		} else {
			c.NullArray()
		}
	}
}

func geoHash(c *command.Ctx) {
	set, ok := open(c, 1)
	if !ok {
		return
	}
	c.Array(len(c.Args) - 2)
	for _, member := range c.Args[2:] {
		var text [geo.HashText]byte
		if p, ok := set.find(member); ok {
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
	set, ok := open(c, 1)
	if !ok {
		return
	}
	a, ok := set.find(c.Args[2])
	b, ok2 := set.find(c.Args[3])
	if !ok || !ok2 {
		c.Null()
		return
	}
	replyDistance(c, geo.Distance(a, b)/unit)
}
