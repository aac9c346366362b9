package geo

import "github.com/redstart-db/redstart/internal/command"

// The parsing functions tell whether all is well; if not, the error is in the reply.

// parseRadius reads the arguments of GEORADIUS and its kin.
func (q *query) parseRadius(mayStore, byMember bool) bool {
	c := q.c
	first := 6
	var ok bool
	switch {
	case !byMember:
		if q.shape.Center, ok = pointArg(c, 2); !ok || !q.radiusArg(4) {
			return false
		}
	case q.source.there:
		first = 5
		if !q.memberArg(2) || !q.radiusArg(3) {
			return false
		}
	default:
		first = 5 // Redis does not look at the radius then
	}
	for i := first; i < len(c.Args); {
		n, ok := q.option(i)
		if !ok {
			return false
		}
		if n == 0 && mayStore && i+1 < len(c.Args) && (c.Is(i, "STORE") || c.Is(i, "STOREDIST")) {
			q.store, q.storeDist, n = i+1, c.Is(i, "STOREDIST"), 2
		}
		if n == 0 {
			c.Err(command.ErrSyntax)
			return false
		}
		i += n
	}
	return q.storable("STORE option in GEORADIUS") && q.countable()
}

// parseSearch reads the arguments of GEOSEARCH and GEOSEARCHSTORE behind the source.
func (q *query) parseSearch(first int) bool {
	c := q.c
	var center from
	var shape form
	for i := first; i < len(c.Args); {
		n, ok := q.option(i)
		if n == 0 && ok {
			n, ok = q.shapeOption(i, &center, &shape)
		}
		if !ok {
			return false
		}
		if n == 0 && q.store > 0 && c.Is(i, "STOREDIST") {
			q.storeDist, n = true, 1
		}
		if n == 0 {
			c.Err(command.ErrSyntax)
			return false
		}
		i += n
	}
	name := string(c.Args[0])
	switch {
	case !q.storable("GEOSEARCHSTORE"):
		return false
	case center == noCenter:
		c.Err("ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for " + name)
		return false
	case shape == noForm:
		c.Err("ERR exactly one of BYRADIUS and BYBOX can be specified for " + name)
		return false
	}
	return q.countable()
}

// storable refuses options that have no meaning for a result that is stored.
func (q *query) storable(what string) bool {
	if q.store > 0 && (q.withDist || q.withHash || q.withCoord) {
		q.c.Err("ERR " + what + " is not compatible with WITHDIST, WITHHASH and WITHCOORD options")
		return false
	}
	return true
}

func (q *query) countable() bool {
	if q.any && q.count == 0 {
		q.c.Err("ERR the ANY argument requires COUNT argument")
		return false
	}
	return true
}

// option reads an option that all have. n is the number of its arguments, 0 if
// argument i is none.
func (q *query) option(i int) (n int, ok bool) {
	c := q.c
	switch {
	case c.Is(i, "WITHDIST"):
		q.withDist = true
	case c.Is(i, "WITHHASH"):
		q.withHash = true
	case c.Is(i, "WITHCOORD"):
		q.withCoord = true
	case c.Is(i, "ANY"):
		q.any = true
	case c.Is(i, "ASC"):
		q.order = ascending
	case c.Is(i, "DESC"):
		q.order = descending
	case c.Is(i, "COUNT") && i+1 < len(c.Args):
		if q.count, ok = c.IntArg(i + 1); !ok {
			return 0, false
		}
		if q.count <= 0 {
			c.Err("ERR COUNT must be > 0")
			return 0, false
		}
		return 2, true
	default:
		return 0, true
	}
	return 1, true
}

// from says where a shape has its center from, and form what it is.
type (
	from uint8
	form uint8
)

const (
	noCenter from = iota
	fromMember
	fromLonLat
)

const (
	noForm form = iota
	byRadius
	byBox
)

// shapeOption reads an option that says what the shape is, as option does. center
// and shape are how that was said before; the other way is no option then.
func (q *query) shapeOption(i int, center *from, shape *form) (n int, ok bool) {
	c := q.c
	behind := len(c.Args) - i - 1
	switch {
	case c.Is(i, "FROMMEMBER") && behind >= 1 && *center != fromLonLat:
		*center = fromMember
		return 2, !q.source.there || q.memberArg(i+1)
	case c.Is(i, "FROMLONLAT") && behind >= 2 && *center != fromMember:
		*center = fromLonLat
		q.shape.Center, ok = pointArg(c, i+1)
		return 3, ok
	case c.Is(i, "BYRADIUS") && behind >= 2 && *shape != byBox:
		*shape = byRadius
		return 3, q.radiusArg(i + 1)
	case c.Is(i, "BYBOX") && behind >= 3 && *shape != byRadius:
		*shape = byBox
		return 4, q.boxArg(i + 1)
	}
	return 0, true
}

// memberArg reads a member of the source that is the center.
func (q *query) memberArg(i int) (ok bool) {
	if q.shape.Center, ok = q.source.find(q.c.Args[i]); !ok {
		q.c.Err("ERR could not decode requested zset member")
	}
	return ok
}

// radiusArg reads a radius and a unit.
func (q *query) radiusArg(i int) bool {
	r, ok := floatArg(q.c, i, "ERR need numeric radius")
	if !ok {
		return false
	}
	if r < 0 {
		q.c.Err("ERR radius cannot be negative")
		return false
	}
	q.unit, ok = unitArg(q.c, i+1)
	q.shape.Radius = r * q.unit
	return ok
}

// boxArg reads a width, a height and a unit.
func (q *query) boxArg(i int) bool {
	w, ok := floatArg(q.c, i, "ERR need numeric width")
	if !ok {
		return false
	}
	h, ok := floatArg(q.c, i+1, "ERR need numeric height")
	if !ok {
		return false
	}
	if w < 0 || h < 0 {
		q.c.Err("ERR height or width cannot be negative")
		return false
	}
	q.unit, ok = unitArg(q.c, i+2)
	q.shape.Box, q.shape.Width, q.shape.Height = true, w*q.unit, h*q.unit
	return ok
}
