package num

import (
	"math"
	"math/bits"
)

// ParseTimeout reads the timeout of a blocking command, in seconds with a
// fraction, and gives it in milliseconds, rounded up as Redis does it: what does
// not fit in 64 bits comes out as the smallest integer. The bytes are read as
// ParseLong does.
func ParseTimeout(b []byte) (ms int64, ok bool) {
	x, ok := ParseLong(b)
	if !ok {
		return 0, false
	}
	if !x.Finite() {
		return math.MinInt64, true
	}
	hi, lo := bits.Mul64(x.mant, 1000)
	x = round128(x.neg, hi, lo, int(x.exp), false)
	return x.ceil(), true
}

// ceil rounds towards positive infinity.
func (x LongDouble) ceil() int64 {
	if x.mant == 0 {
		return 0
	}
	if x.exp >= 0 || x.exp > -64 && x.mant>>-x.exp > math.MaxInt64 {
		return math.MinInt64
	}
	whole, rest := uint64(0), true
	if k := -x.exp; k < 64 {
		whole, rest = x.mant>>k, x.mant&(1<<k-1) != 0
	}
	switch {
	case x.neg:
		return -int64(whole)
	case rest && whole == math.MaxInt64:
		return math.MinInt64
	case rest:
		whole++
	}
	return int64(whole)
}
