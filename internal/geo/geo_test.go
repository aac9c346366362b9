package geo

import (
	"cmp"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func drawPoint(t *rapid.T, name string) Point {
	lon := rapid.OneOf(rapid.Float64Range(-MaxLon, MaxLon), rapid.SampledFrom([]float64{-MaxLon, 0, MaxLon, 179.9999, -179.9999}))
	lat := rapid.OneOf(rapid.Float64Range(-MaxLat, MaxLat), rapid.SampledFrom([]float64{-MaxLat, 0, MaxLat, 85, -85}))
	return Point{lon.Draw(t, name+" lon"), lat.Draw(t, name+" lat")}
}

// TestKnown has values that redis-server 7.0.15 gave.
func TestKnown(t *testing.T) {
	palermo, catania := Point{13.361389, 38.115556}, Point{15.087269, 37.502669}
	if got := palermo.Score(); got != 3479099956230698 {
		t.Errorf("score %d", got)
	}
	p, c := FromScore(3479099956230698), FromScore(3479447370796909)
	if p != (Point{13.361389338970184, 38.1155563954963}) || c.Score() != catania.Score() {
		t.Errorf("places %v, %v", p, c)
	}
	if got := string(AppendHash(nil, p)); got != "sqc8b49rny0" {
		t.Errorf("text %s", got)
	}
	if got := Distance(p, c); got != 166274.15156960033 {
		t.Errorf("distance %v", got)
	}
	if got := Distance(Point{10, 10}, Point{10, 20}); got != earthRadius*math.Abs(20*radian-10*radian) {
		t.Errorf("along a meridian: %v", got)
	}
}

// TestScores takes places there and back.
func TestScores(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPoint(t, "p")
		p.Lon, p.Lat = min(p.Lon, 179.99999), min(p.Lat, 85.05112)
		s := p.Score()
		if s >= 1<<52 {
			t.Fatalf("%v has score %x", p, s)
		}
		q := FromScore(float64(s))
		if math.Abs(q.Lon-p.Lon) > 360.0/(1<<26) || math.Abs(q.Lat-p.Lat) > 2*MaxLat/(1<<26) {
			t.Fatalf("%v has become %v", p, q)
		}
		if q.Score() != s {
			t.Fatalf("%v has another score than %v", q, p)
		}
	})
}

// TestAnyScore: what ZADD has put into the set stands for some valid place.
func TestAnyScore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{math.Inf(1), math.Inf(-1), -1, 1 << 52, 1 << 63, 1 << 64, -1 << 63}))
		score := f.Draw(t, "score")
		if p := FromScore(score); !p.Valid() {
			t.Fatalf("%v", p)
		}
		if n := ScoreInt(score); math.Abs(score) < 1<<53 && float64(n) != math.Trunc(score) {
			t.Fatalf("%v has become %d", score, n)
		}
	})
}

func TestValid(t *testing.T) {
	nan := math.NaN()
	for _, p := range []Point{{180.1, 0}, {-180.1, 0}, {0, 85.0512}, {0, -85.0512}, {nan, 0}, {0, nan}, {math.Inf(1), 0}} {
		if p.Valid() {
			t.Errorf("%v is valid", p)
		}
	}
	if !(Point{180, -MaxLat}).Valid() {
		t.Error("the corner is not")
	}
}

func TestSpreadIsUndone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lon, lat := rapid.Uint32().Draw(t, "lon"), rapid.Uint32().Draw(t, "lat")
		if a, b := split(join(lon, lat)); a != lon || b != lat {
			t.Fatalf("%x %x", a, b)
		}
	})
}

// TestMatchAgreesWithDistance: the ways to find out early that a place is too far
// away do not reject others.
func TestMatchAgreesWithDistance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawPoint(t, "a"), drawPoint(t, "b")
		if rapid.Bool().Draw(t, "near") {
			b = Point{
				min(max(a.Lon+rapid.Float64Range(-1e-3, 1e-3).Draw(t, "east"), -MaxLon), MaxLon),
				min(max(a.Lat+rapid.Float64Range(-1e-3, 1e-3).Draw(t, "north"), -MaxLat), MaxLat),
			}
		}
		b = FromScore(float64(b.Score()))
		d := Distance(a, b)
		for radius, want := range map[float64]bool{
			d: true, math.Nextafter(d, 1e9): true, d * 2: true, math.Inf(1): true, math.Nextafter(d, -1): false, d / 2: d == 0,
		} {
			m := NewMatcher(&Shape{Center: a, Radius: radius})
			if got, ok := m.Match(b); radius >= 0 && ok != want || ok && got != d {
				t.Fatalf("radius %v: %v %v, want %v, distance %v", radius, got, ok, want, d)
			}
		}
	})
}

// TestRangesCover: what is in a shape is in one of its ranges.
func TestRangesCover(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		center := drawPoint(t, "center")
		// Beyond the poles and the date line, and near the poles where squares are
		// narrow, Redis misses places too.
		center.Lat = min(max(center.Lat, -60), 60)
		center.Lon = min(max(center.Lon, -90), 90)
		size := math.Exp(rapid.Float64Range(0, math.Log(2e6)).Draw(t, "log size"))
		s := Shape{Center: center, Radius: size}
		if rapid.Bool().Draw(t, "box") {
			s = Shape{Center: center, Box: true, Width: size, Height: size * rapid.Float64Range(0.1, 2).Draw(t, "height")}
		}
		ranges := s.AppendRanges(nil)
		if len(ranges) == 0 || len(ranges) > MaxRanges {
			t.Fatalf("%d ranges", len(ranges))
		}
		m := NewMatcher(&s)
		reach := size * 2 / 111000 / math.Cos(center.Lat*radian)
		for range 50 {
			p := Point{
				center.Lon + rapid.Float64Range(-reach, reach).Draw(t, "east"),
				min(max(center.Lat+rapid.Float64Range(-reach, reach).Draw(t, "north"), -MaxLat), MaxLat),
			}
			if p.Lon = min(max(p.Lon, -MaxLon), MaxLon); !p.Valid() {
				continue
			}
			score := float64(p.Score())
			in := func(r Range) bool { return r.From <= score && score < r.To }
			if _, ok := m.Match(FromScore(score)); ok && !slices.ContainsFunc(ranges, in) {
				t.Fatalf("%v is in %+v, but in none of %v", p, s, ranges)
			}
		}
	})
}

// TestRangesDiffer: no place is found twice.
func TestRangesDiffer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		center := drawPoint(t, "center")
		center.Lat = min(center.Lat, 85)
		s := Shape{Center: center, Radius: math.Exp(rapid.Float64Range(-3, 20).Draw(t, "log radius"))}
		ranges := s.AppendRanges(nil)
		slices.SortFunc(ranges, func(a, b Range) int { return cmp.Compare(a.From, b.From) })
		for i := 1; i < len(ranges); i++ {
			if ranges[i].From < ranges[i-1].To {
				t.Fatalf("%+v: %v", s, ranges)
			}
		}
	})
}

// FuzzShape gives any numbers to what commands give theirs to.
func FuzzShape(f *testing.F) {
	f.Add(13.0, 38.0, 1000.0, 2000.0, true, 3479099956230698.0)
	f.Add(180.0, -85.05112878, math.MaxFloat64, math.Inf(1), false, -1.0)
	f.Fuzz(func(t *testing.T, lon, lat, width, height float64, box bool, score float64) {
		p := Point{lon, lat}
		if !p.Valid() || !(width >= 0) || !(height >= 0) || score != score {
			return
		}
		s := Shape{Center: p, Radius: width, Box: box, Width: width, Height: height}
		for _, r := range s.AppendRanges(nil) {
			if !(0 <= r.From && r.From < r.To && r.To <= 1<<54) {
				t.Fatalf("%+v has range %v", s, r)
			}
		}
		m := NewMatcher(&s)
		q := FromScore(score)
		if d, _ := m.Match(q); !(d >= 0) || !(Distance(p, q) < 4e7) {
			t.Fatalf("from %v to %v: %v", p, q, d)
		}
		if text := AppendHash(nil, q); len(text) != HashText {
			t.Fatalf("%q", text)
		}
	})
}
