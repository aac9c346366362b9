package geo

import "math"

// Shape is a circle, or a box whose sides run north and east, around a place. All
// lengths are in meters.
type Shape struct {
	Center Point
	Radius float64
	// Box says that Width and Height count, and not Radius.
	Box           bool
	Width, Height float64
}

// Range is a range of scores: From is in it, To is not.
type Range struct{ From, To float64 }

// MaxRanges is the greatest number of ranges of a shape.
const MaxRanges = 9

// around are the squares of a grid that are looked at, in this order, as steps from
// the middle one to the east and to the north.
var around = [MaxRanges]struct{ east, north int32 }{
	{0, 0}, {0, 1}, {0, -1}, {1, 0}, {-1, 0}, {1, 1}, {-1, 1}, {1, -1}, {-1, -1},
}

// AppendRanges appends the ranges that have all places of a shape, and others, in
// the order in which Redis looks at them.
func (s *Shape) AppendRanges(dst []Range) []Range {
	bounds, reach := s.bounds()
	step := steps(reach, s.Center.Lat)
	middle := encode(s.Center, MaxLat, step)
	if step > 1 && !middle.reaches(bounds) {
		step--
		middle = encode(s.Center, MaxLat, step)
	}
	// Where the middle square goes beyond the bounds, nothing is further out. With
	// one step the squares are too few to tell.
	var west, south, east, north bool
	if a := middle.area(); step >= 2 {
		west, east = a.west < bounds.west, a.east > bounds.east
		south, north = a.south < bounds.south, a.north > bounds.north
	}
	var last hash
	for i, to := range around {
		if to.east < 0 && west || to.east > 0 && east || to.north < 0 && south || to.north > 0 && north {
			continue
		}
		h := middle.move(to.east, to.north)
		if h == last {
			continue // a coarse grid has the same one on both sides
		}
		if i > 0 {
			last = h
		}
		from, to := h.scores()
		dst = append(dst, Range{from, to})
	}
	return dst
}

// reaches tells whether the squares next to h cover the bounds.
func (h hash) reaches(bounds area) bool {
	return h.move(0, 1).area().north >= bounds.north && h.move(0, -1).area().south <= bounds.south &&
		h.move(1, 0).area().east >= bounds.east && h.move(-1, 0).area().west <= bounds.west
}

// bounds gives a rectangle around a shape, and the radius of a circle around it.
func (s *Shape) bounds() (bounds area, reach float64) {
	width, height := s.Radius, s.Radius
	reach = s.Radius
	if s.Box {
		width, height = s.Width/2, s.Height/2
		reach = math.Sqrt(float64(width*width) + float64(height*height))
	}
	c := s.Center
	lat := height / earthRadius / radian
	// Parallels get shorter towards the poles.
	lon := width / earthRadius / math.Cos((c.Lat+lat)*radian) / radian
	if c.Lat < 0 {
		lon = width / earthRadius / math.Cos((c.Lat-lat)*radian) / radian
	}
	return area{c.Lon - lon, c.Lat - lat, c.Lon + lon, c.Lat + lat}, reach
}

// steps gives the size of the grid in which nine squares should cover a circle.
func steps(radius, lat float64) uint {
	const halfway = 20037726.37 // around the equator, in meters
	if radius == 0 {
		return maxStep
	}
	step := -1
	for ; radius < halfway; radius *= 2 {
		step++
	}
	// Squares are narrower near the poles.
	if lat = math.Abs(lat); lat > 66 {
		step--
		if lat > 80 {
			step--
		}
	}
	return uint(min(max(step, 1), maxStep))
}

// Matcher tells which places are in a shape.
type Matcher struct {
	shape  Shape
	center center
	most   float64 // what haversine gives for places in a circle is not above this
}

// NewMatcher prepares to look for the places in a shape.
func NewMatcher(s *Shape) Matcher {
	m := Matcher{shape: *s, center: newCenter(s.Center), most: math.Inf(1)}
	if half := s.Radius / (2 * earthRadius); half < math.Pi/2 {
		sin := math.Sin(half)
		m.most = sin * sin * (1 + slack)
	}
	return m
}

// slack is more than the error of any distance in proportion.
const slack = 1e-9

// Match tells whether a place is in the shape, and its distance from the center in
// meters.
func (m *Matcher) Match(p Point) (distance float64, ok bool) {
	if m.shape.Box {
		return m.inBox(p)
	}
	c := &m.center
	// A distance is never less than that in latitude. Most places that are too far
	// away are found out without the distance itself.
	if c.latDistance(p) > m.shape.Radius*(1+slack) {
		return 0, false
	}
	lon := p.Lon * radian
	v := sine((lon - c.lon) / 2)
	if v == 0 {
		distance = c.latDistance(p)
	} else {
		h := c.haversine(p, v)
		if h > m.most {
			return 0, false
		}
		distance = length(h)
	}
	return distance, !(distance > m.shape.Radius)
}

// inBox measures from the middle of the box to the north or south, and from there
// along the parallel of the place.
func (m *Matcher) inBox(p Point) (distance float64, ok bool) {
	if m.center.latDistance(p) > m.shape.Height/2 {
		return 0, false
	}
	if Distance(p, Point{m.shape.Center.Lon, p.Lat}) > m.shape.Width/2 {
		return 0, false
	}
	return m.center.distance(p), true
}
