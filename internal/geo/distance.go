package geo

import "math"

// earthRadius is in meters.
const earthRadius = 6372797.560856

const radian = math.Pi / 180 // in degrees

// Distance is the length of the shortest way between two places on a sphere, in
// meters, by the haversine formula.
func Distance(a, b Point) float64 {
	c := newCenter(a)
	return c.distance(b)
}

// center is a place from which distances are measured.
type center struct {
	Point
	lon, lat float64 // in radians
	cos      float64 // of lat
}

func newCenter(p Point) center {
	lat := p.Lat * radian
	return center{p, p.Lon * radian, lat, cosine(lat)}
}

func (c *center) distance(p Point) float64 {
	lon := p.Lon * radian
	v := sine((lon - c.lon) / 2)
	if v == 0 {
		return c.latDistance(p)
	}
	return length(c.haversine(p, v))
}

// haversine is the square of the sine of half the angle between the places; v is
// the sine of half the angle between their longitudes.
func (c *center) haversine(p Point, v float64) float64 {
	lat := p.Lat * radian
	u := sine((lat - c.lat) / 2)
	return float64(u*u) + float64(c.cos*cosine(lat)*v*v)
}

// length is the distance for what haversine gives, which may come out above 1.
func length(h float64) float64 { return 2 * earthRadius * arcsine(min(math.Sqrt(h), 1)) }

// latDistance is the distance between the parallels of two places.
func (c *center) latDistance(p Point) float64 {
	lat := p.Lat * radian
	return earthRadius * math.Abs(lat-c.lat)
}
