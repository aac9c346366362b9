package geo

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/redstart-db/redstart/tests/peer"
)

const bits = 200

func exact(x float64) *big.Float { return new(big.Float).SetPrec(bits).SetFloat64(x) }

// bigSinCos is Taylor's series.
func bigSinCos(x *big.Float) (sin, cos *big.Float) {
	sin, cos = exact(0), exact(0)
	term := exact(1)
	for n := 0; n < 120; n++ {
		if n > 0 {
			term.Mul(term, x).Quo(term, exact(float64(n)))
		}
		sum := cos
		if n%2 == 1 {
			sum = sin
		}
		if n%4 < 2 {
			sum.Add(sum, term)
		} else {
			sum.Sub(sum, term)
		}
	}
	return sin, cos
}

// off is the distance of got from want in units of the last place of got.
func off(got float64, want *big.Float) float64 {
	d := new(big.Float).Sub(exact(got), want)
	f, _ := d.Float64()
	return math.Abs(f) / (math.Nextafter(math.Abs(got), math.Inf(1)) - math.Abs(got))
}

// few is how far from correct rounding a function may be.
const few = 0.5 + 1.0/4096

func TestTrigonometry(t *testing.T) {
	seed := peer.Seed(t)
	r := rand.New(rand.NewPCG(seed, 0))
	check := func(name string, x, got float64, want *big.Float) {
		if d := off(got, want); !(d <= few) {
			t.Errorf("%s(%v) = %v is off by %v", name, x, got, d)
		}
	}
	some := func(to float64) float64 {
		x := r.Float64() * to
		if r.IntN(2) == 0 {
			x *= math.Exp2(-40 * r.Float64())
		}
		return x
	}
	special := []float64{0, 1.0 / 64, 1.5 / 64, math.Pi / 2, math.Nextafter(math.Pi/2, 0), math.Nextafter(math.Pi/2, 2),
		math.Pi, math.Nextafter(math.Pi, 0), 1e-300, 1, 3}
	for i := range 400 {
		x := some(math.Pi)
		if i < len(special) {
			x = special[i]
		}
		if x == 0 {
			continue
		}
		sin, _ := bigSinCos(exact(x))
		check("sine", x, sine(x), sin)
		if sine(-x) != -sine(x) {
			t.Errorf("sine(-%v)", x)
		}
		if x = some(1.5); i < len(special) {
			x = min(special[i], 1.5)
		}
		_, cos := bigSinCos(exact(x))
		check("cosine", x, cosine(x), cos)

		x = some(1)
		if i%4 == 0 {
			x = 1 - some(0.1)
		}
		got := arcsine(x)
		check("arcsine", x, got, bigArcsine(x, got))
	}
	if sine(0) != 0 || cosine(0) != 1 || arcsine(0) != 0 || arcsine(1) != math.Pi/2 || !math.IsNaN(arcsine(1.1)) {
		t.Error("special values")
	}
}

// bigArcsine improves a guess by Newton's method.
func bigArcsine(x, guess float64) *big.Float {
	y := exact(guess)
	for range 8 {
		sin, cos := bigSinCos(y)
		d := new(big.Float).Sub(exact(x), sin)
		y.Add(y, d.Quo(d, cos))
	}
	return y
}

func BenchmarkSine(b *testing.B) {
	x := 0.0
	for b.Loop() {
		sine(x)
		if x += 0.001; x > 1.5 {
			x = 0
		}
	}
}

func BenchmarkDistance(b *testing.B) {
	c := newCenter(Point{13, 38})
	p := Point{15, 37}
	for b.Loop() {
		c.distance(p)
		p.Lon += 1e-7
	}
}
