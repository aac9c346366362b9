package geo

import "math"

// Sines and cosines are rounded correctly but for one argument in some ten
// thousand: package math's are often off by the last bit, which a distance that is
// stored as a score would show.
//
// They are computed from tables of multiples of 1/64, as pairs of numbers, and
// polynomials for the rest. Products are converted to float64 where none may be
// fused with a sum, so that all processors give the same.

// pair is the sum of two numbers, of which the second is small.
type pair struct{ hi, lo float64 }

func (x pair) plus(y pair) pair {
	hi, lo := twoSum(x.hi, y.hi)
	return quickSum(hi, lo+(x.lo+y.lo))
}

func (x pair) times(y pair) pair {
	hi, lo := twoProduct(x.hi, y.hi)
	return quickSum(hi, lo+(float64(x.hi*y.lo)+float64(x.lo*y.hi)))
}

// twoSum gives a + b exactly.
func twoSum(a, b float64) (sum, rest float64) {
	sum = a + b
	c := sum - a
	return sum, (a - (sum - c)) + (b - c)
}

// quickSum gives a + b exactly if b is not the greater one.
func quickSum(a, b float64) pair {
	sum := a + b
	return pair{sum, b - (sum - a)}
}

// twoProduct gives a * b exactly.
func twoProduct(a, b float64) (product, rest float64) {
	product = a * b
	return product, math.FMA(a, b, -product)
}

// The number pi, and how much it is above that.
const (
	pi   = 0x1.921fb54442d18p+1
	piLo = 0x1.1a62633145c07p-53
)

const (
	cells = 64
	// last is the greatest multiple of 1/cells in the tables: that next to pi/2.
	last = 101
)

// table has the sine and the cosine of i/cells. It is read-only.
var table = makeTable()

type sinCos struct{ sin, cos pair }

// makeTable adds the angle 1/cells over and over.
func makeTable() *[last + 1]sinCos {
	var t [last + 1]sinCos
	t[0].cos.hi = 1
	// Taylor's series, from its smallest term on.
	const x2 = 1.0 / (cells * cells)
	sin, cos := pair{hi: 1}, pair{hi: 1}
	for n := 14.0; n > 0; n -= 2 {
		sin = pair{hi: 1}.plus(sin.times(quotient(-x2, n*(n+1))))
		cos = pair{hi: 1}.plus(cos.times(quotient(-x2, n*(n-1))))
	}
	sin = sin.times(pair{hi: 1.0 / cells})
	for i := range last {
		was := t[i]
		minus := pair{-sin.hi, -sin.lo}
		t[i+1].sin = was.sin.times(cos).plus(was.cos.times(sin))
		t[i+1].cos = was.cos.times(cos).plus(was.sin.times(minus))
	}
	return &t
}

func quotient(a, b float64) pair {
	q := a / b
	return pair{q, math.FMA(-q, b, a) / b}
}

// near gives the entry of the table next to x, which is from 0 to pi/2, the rest r
// of x, and sin(r) - r and cos(r) - 1.
func near(x float64) (t *sinCos, r, sin, cos float64) {
	i := int(x*cells + 0.5)
	r = x - float64(i)/cells
	r2 := r * r
	sin = r * r2 * (-1.0/6 + float64(r2*(1.0/120+float64(r2*(-1.0/5040+float64(r2*(1.0/362880)))))))
	cos = r2 * (-0.5 + float64(r2*(1.0/24+float64(r2*(-1.0/720+float64(r2*(1.0/40320)))))))
	return &table[i], r, sin, cos
}

// sinPair is the sine of x, which is from 0 to pi/2, as a sum.
func sinPair(x float64) pair {
	t, r, sin, cos := near(x)
	p, rest := twoProduct(t.cos.hi, r)
	sum, more := twoSum(t.sin.hi, p)
	small := float64(t.sin.hi*cos) + float64(t.cos.hi*sin)
	return pair{sum, more + (rest + (t.sin.lo + (float64(t.cos.lo*r) + small)))}
}

// sine is the sine of x, which is from -pi to pi.
func sine(x float64) float64 {
	if x < 0 {
		return -sine(-x)
	}
	if x <= pi/2 {
		s := sinPair(x)
		return s.hi + s.lo
	}
	// The sine of pi - x, which is y and the rest of pi.
	y := max(pi-x, 0)
	s := sinPair(y)
	t, r, _, _ := near(y)
	return s.hi + (s.lo + float64(piLo*(t.cos.hi-float64(t.sin.hi*r))))
}

// cosine is the cosine of x, which is from -1.5 to 1.5.
func cosine(x float64) float64 {
	t, r, sin, cos := near(math.Abs(x))
	p, rest := twoProduct(-t.sin.hi, r)
	sum, more := twoSum(t.cos.hi, p)
	small := float64(t.cos.hi*cos) - float64(t.sin.hi*sin)
	return sum + (more + (rest + (t.cos.lo + (small - float64(t.sin.lo*r)))))
}

// arcsine is the angle whose sine is x, which is not negative; above 1 it is not a
// number.
func arcsine(x float64) float64 {
	if x <= 0.9 {
		a := arcsinePair(x)
		return a.hi + a.lo
	}
	if x >= 1 {
		return math.Asin(x)
	}
	// pi/2 less twice the angle whose sine is the root of half of 1 - x.
	half := (1 - x) / 2
	root := math.Sqrt(half)
	a := arcsinePair(root)
	a.lo += math.FMA(-root, root, half) / (2 * root) / math.Sqrt(1-half)
	sum, rest := twoSum(pi/2, -2*a.hi)
	return sum + (rest + (piLo/2 - 2*a.lo))
}

// arcsinePair improves what package math gives by a step of Newton's.
func arcsinePair(x float64) pair {
	y := math.Asin(x)
	s := sinPair(y)
	return pair{y, ((x - s.hi) - s.lo) / math.Sqrt(1-float64(x*x))}
}
