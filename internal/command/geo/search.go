package geo

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/command/zset"
	"github.com/redstart-db/redstart/internal/geo"
)

// order is how the places that were found are sorted: by their distance, those with
// the same in the order in which they were found.
type order uint8

const (
	unsorted order = iota
	ascending
	descending
)

// query is one search for places.
type query struct {
	c      *command.Ctx
	source places

	shape geo.Shape
	unit  float64 // of distances, in meters

	withDist, withHash, withCoord bool
	storeDist                     bool // store distances in the place of geohashes
	any                           bool // the first places that are found will do
	order                         order
	count                         int64 // of places wanted, 0 for all
	store                         int   // the argument with the key for the result, or 0
}

func geoRadius(c *command.Ctx)   { radius(c, true, false) }
func geoRadiusRO(c *command.Ctx) { radius(c, false, false) }

func geoRadiusByMember(c *command.Ctx)   { radius(c, true, true) }
func geoRadiusByMemberRO(c *command.Ctx) { radius(c, false, true) }

func geoSearch(c *command.Ctx) {
	q := query{c: c}
	var ok bool
	if q.source, ok = open(c, 1); ok && q.parseSearch(2) {
		q.run("")
	}
}

func geoSearchStore(c *command.Ctx) {
	q := query{c: c, store: 1}
	var ok bool
	if q.source, ok = open(c, 2); ok && q.parseSearch(3) {
		q.run("geosearchstore")
	}
}

// radius is GEORADIUS and its kin. Like Redis it looks the key up before it reads
// the arguments, which decides which error comes first.
func radius(c *command.Ctx, mayStore, byMember bool) {
	q := query{c: c}
	var ok bool
	if q.source, ok = open(c, 1); ok && q.parseRadius(mayStore, byMember) {
		q.run("georadiusstore")
	}
}

// run carries out a query whose arguments were read, and replies; event is that of
// a stored result.
func (q *query) run(event string) {
	c := q.c
	if q.count > 0 && q.order == unsorted && !q.any {
		q.order = ascending
	}
	switch {
	case q.store > 0:
		q.runStore(event)
	case !q.source.there:
		c.Array(0)
	case q.order == unsorted:
		mark, n := c.Defer(), 0
		q.search(func(p place) {
			q.reply(&p)
			n++
		})
		c.End(mark, n)
	default:
		var few [fewPlaces]place
		found := q.collect(few[:0])
		c.Array(len(found))
		for i := range found {
			q.reply(&found[i])
		}
	}
}

// runStore makes what was found the value of a key.
func (q *query) runStore(event string) {
	n := 0
	zset.Store(q.c, q.c.Key(q.store), event, func(add func([]byte, float64)) {
		if !q.source.there {
			return
		}
		var few [fewPlaces]place
		var digits [24]byte
		found := q.collect(few[:0])
		for i := range found {
			p := &found[i]
			score := p.score
			if q.storeDist {
				score = p.distance / q.unit
			}
			add(p.member.Bytes(digits[:0]), score)
		}
		n = len(found)
	})
	if n > 1 {
		q.c.Dirty(n - 1)
	}
}

// search calls visit for the places in the shape, in the order of Redis: for all, or
// for as many as any of them are wanted.
func (q *query) search(visit func(place)) {
	limit := int64(0)
	if q.any {
		limit = q.count
	}
	m := geo.NewMatcher(&q.shape)
	var buf [geo.MaxRanges]geo.Range
	found := int64(0)
	for _, r := range q.shape.AppendRanges(buf[:0]) {
		for at, n := q.source.Range(r.From, r.To); n > 0; n-- {
			score := at.Score()
			if distance, ok := m.Match(geo.FromScore(score)); ok {
				visit(place{member: at.Member(), score: score, distance: distance})
				if found++; found == limit {
					return
				}
			}
			at.Next()
		}
	}
}

// reply replies with a place and what else is wanted of it.
func (q *query) reply(p *place) {
	c := q.c
	if q.withDist || q.withHash || q.withCoord {
		n := 1
		for _, with := range [...]bool{q.withDist, q.withHash, q.withCoord} {
			if with {
				n++
			}
		}
		c.Array(n)
	}
	var digits [24]byte
	c.Bulk(p.member.Bytes(digits[:0]))
	if q.withDist {
		replyDistance(c, p.distance/q.unit)
	}
	if q.withHash {
		c.Int(geo.ScoreInt(p.score))
	}
	if q.withCoord {
		replyPoint(c, geo.FromScore(p.score))
	}
}
