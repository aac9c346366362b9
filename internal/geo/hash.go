// Package geo computes with places on the globe as Redis does, to the last digit
// that it prints: geohashes of 52 bits, which are the scores of sorted sets,
// distances, and the ranges of scores in which the places of a circle or a box are.
//
// # Geohash
//
// Longitude and latitude are each cut in halves, step times. A bit says which half
// is meant, the east or the north one if it is set, and the bits alternate:
//
//	bit  2*step-1  2*step-2         1    0
//	    +---------+---------+-----+----+----+
//	    | lon     | lat     | ... |lon |lat |
//	    +---------+---------+-----+----+----+
//
// So a square of a coarse grid is a range of hashes of a finer one. Places have 26
// steps: 52 bits, which a float64 represents exactly. The squares end at 85.05112878
// degrees north and south, as the maps of EPSG:3857 do; only the text form has the
// common bounds, the poles.
package geo

import "math"

// The bounds of places, in degrees.
const (
	MaxLon = 180
	MaxLat = 85.05112878
)

// maxStep is the number of steps of a place.
const maxStep = 26

// Point is a place, in degrees.
type Point struct{ Lon, Lat float64 }

// Valid tells whether a place is within the bounds.
func (p Point) Valid() bool {
	return -MaxLon <= p.Lon && p.Lon <= MaxLon && -MaxLat <= p.Lat && p.Lat <= MaxLat
}

// Score is the geohash of a valid place.
func (p Point) Score() uint64 { return encode(p, MaxLat, maxStep).bits }

// FromScore gives the place that a score stands for: the middle of its square. Any
// number stands for some place.
func FromScore(score float64) Point {
	a := hash{toUint64(score), maxStep}.area()
	return Point{
		min(max((a.west+a.east)/2, -MaxLon), MaxLon),
		min(max((a.south+a.north)/2, -MaxLat), MaxLat),
	}
}

// HashText is the length of a geohash as text.
const HashText = 11

// AppendHash appends a place as text, in the alphabet and with the bounds that
// other software has. There are bits for ten characters, the last one is 0.
func AppendHash(dst []byte, p Point) []byte {
	const alphabet = "0123456789bcdefghjkmnpqrstuvwxyz"
	h := encode(p, 90, maxStep)
	for shift := 2*maxStep - 5; shift > 0; shift -= 5 {
		dst = append(dst, alphabet[h.bits>>shift&0x1f])
	}
	return append(dst, alphabet[0])
}

// ScoreInt is a score as WITHHASH shows it: its integer part.
func ScoreInt(score float64) int64 {
	if score >= -1<<63 && score < 1<<63 {
		return int64(score)
	}
	return math.MinInt64 // as in C on amd64
}

// toUint64 is the integer part of a score, which ZADD may have set to anything; what
// does not fit becomes what it does in C on amd64.
func toUint64(score float64) uint64 {
	if score < 1<<63 {
		return uint64(ScoreInt(score))
	}
	return uint64(ScoreInt(score-1<<63)) ^ 1<<63
}

// hash is a square of a grid, or nothing if step is 0.
type hash struct {
	bits uint64
	step uint
}

// encode gives the square of a place. On the northern or eastern bound its number
// is one too high, as in Redis.
func encode(p Point, maxLat float64, step uint) hash {
	cells := float64(uint64(1) << step)
	lon := (p.Lon + MaxLon) / (2 * MaxLon) * cells
	lat := (p.Lat + maxLat) / (2 * maxLat) * cells
	return hash{join(uint32(lon), uint32(lat)), step}
}

// area is a rectangle, in degrees.
type area struct{ west, south, east, north float64 }

func (h hash) area() area {
	lon, lat := split(h.bits)
	cells := float64(uint64(1) << h.step)
	return area{
		west:  -MaxLon + float64(float64(lon)/cells*(2*MaxLon)),
		south: -MaxLat + float64(float64(lat)/cells*(2*MaxLat)),
		east:  -MaxLon + float64(float64(lon+1)/cells*(2*MaxLon)),
		north: -MaxLat + float64(float64(lat+1)/cells*(2*MaxLat)),
	}
}

// move gives the square that is so many squares to the east and to the north, around
// the globe if need be.
func (h hash) move(east, north int32) hash {
	lon, lat := split(h.bits)
	mask := uint32(1)<<h.step - 1
	if east != 0 {
		lon = (lon + uint32(east)) & mask
	}
	if north != 0 {
		lat = (lat + uint32(north)) & mask
	}
	return hash{join(lon, lat), h.step}
}

// scores gives the range of scores, from included and to not, of the places in a
// square.
func (h hash) scores() (from, to float64) {
	shift := 2 * (maxStep - h.step)
	return float64(h.bits << shift), float64((h.bits + 1) << shift)
}

// join puts the bits of lat at even places, and those of lon at odd ones.
func join(lon, lat uint32) uint64 { return spread(lat) | spread(lon)<<1 }

func split(bits uint64) (lon, lat uint32) { return gather(bits >> 1), gather(bits) }

func spread(n uint32) uint64 {
	x := uint64(n)
	x = (x | x<<16) & 0x0000ffff0000ffff
	x = (x | x<<8) & 0x00ff00ff00ff00ff
	x = (x | x<<4) & 0x0f0f0f0f0f0f0f0f
	x = (x | x<<2) & 0x3333333333333333
	return (x | x<<1) & 0x5555555555555555
}

func gather(x uint64) uint32 {
	x &= 0x5555555555555555
	x = (x | x>>1) & 0x3333333333333333
	x = (x | x>>2) & 0x0f0f0f0f0f0f0f0f
	x = (x | x>>4) & 0x00ff00ff00ff00ff
	x = (x | x>>8) & 0x0000ffff0000ffff
	return uint32(x | x>>16)
}
