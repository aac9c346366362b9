package num

import (
	"math/big"
	"math/bits"
)

// LongDouble is a number of the x87 extended format, in which Redis computes
// INCRBYFLOAT and HINCRBYFLOAT on amd64: a 64-bit mantissa, rounded half to
// even. Emulating it, rather than computing in float64, gives the same digits.
//
// The magnitude is mant * 2^exp. Invariants: a finite number has minExp <= exp
// <= maxExp and, unless exp == minExp, the top bit of mant set; zero has mant 0
// and any exp; infinity has exp == infExp and mant 0; NaN has exp == infExp and
// mant 1. The zero value is 0.
type LongDouble struct {
	mant uint64
	exp  int32
	neg  bool
}

const (
	minExp = -16445 // of a subnormal's last bit
	maxExp = 16383 - 63
	infExp = maxExp + 1

	// MaxLongLen is the longest text that ParseLong reads, in bytes.
	MaxLongLen = 5*1024 - 1
)

// LongFromInt converts n, exactly.
func LongFromInt(n int64) LongDouble {
	u := uint64(n)
	if n < 0 {
		u = -u
	}
	return round128(n < 0, u, 0, -64, false)
}

// ParseLong reads the operands of INCRBYFLOAT as Redis does: what C's strtold
// reads to the last byte, without white space before or after, up to
// MaxLongLen bytes. NaN, overflow and underflow to zero are refused; an
// infinity that is spelled out is not (Finite tells it).
func ParseLong(b []byte) (x LongDouble, ok bool) {
	if n, ok := ParseInt(b); ok {
		return LongFromInt(n), true
	}
	if len(b) > MaxLongLen {
		return x, false
	}
	t := scanFloat(b)
	if t.n == 0 || t.n != len(b) || t.kind == kindNaN {
		return x, false
	}
	if t.kind == kindInf {
		return LongDouble{exp: infExp, neg: t.neg}, true
	}
	if t.mant == 0 {
		return LongDouble{neg: t.neg}, true
	}
	x = t.longDouble(b)
	return x, x.mant != 0 && x.Finite()
}

func (t *floatText) longDouble(b []byte) LongDouble {
	switch {
	case t.kind == kindHex:
		e := min(max(t.exp, -1<<20), 1<<20)
		return round128(t.neg, t.mant, t.low, e-64, t.sticky)
	case t.sticky || t.exp < -maxPow5 || t.exp > maxPow5:
		return t.bigLongDouble(b)
	case t.exp >= 0:
		hi, lo := bits.Mul64(t.mant, pow5(t.exp))
		return round128(t.neg, hi, lo, t.exp, false)
	default:
		// Divide with both operands normalised, so that the quotient has
		// 64 or 65 bits before its fraction.
		den := pow5(-t.exp)
		sd, sm := bits.LeadingZeros64(den), bits.LeadingZeros64(t.mant)
		den <<= sd
		num := t.mant << sm
		hi, rem := num/den, num%den
		lo, rem := bits.Div64(rem, 0, den)
		low, rem := bits.Div64(rem, 0, den)
		// hi is 0 or 1; drop to 128 bits by keeping hi:lo:low's upper part.
		e := t.exp + sd - sm
		if hi == 0 {
			return round128(t.neg, lo, low, e-128, rem != 0)
		}
		return round128(t.neg, hi<<63|lo>>1, lo<<63|low>>1, e-127, rem != 0 || low&1 != 0)
	}
}

// maxPow5 is the largest power of five that fits 64 bits.
const maxPow5 = 27

func pow5(n int) uint64 {
	p := uint64(1)
	for range n {
		p *= 5
	}
	return p
}

// bigLongDouble converts any decimal, exactly rounded, in numbers as long as
// the text: the caller has bounded it.
func (t *floatText) bigLongDouble(b []byte) LongDouble {
	const (
		tooBig   = 4940 // decimal digits before the point, and
		tooSmall = -4970
	)
	text := make([]byte, 0, t.expAt)
	point, frac := false, 0
	for _, c := range b[:t.expAt] {
		switch {
		case c == '.':
			point = true
		case isDigit(c):
			text = append(text, c)
			if point {
				frac++
			}
		}
	}
	// t.exp counts for mant, which lacks the digits that were dropped.
	exp := t.exp
	if dropped := t.digits - UintLen(t.mant); dropped > 0 {
		exp -= dropped
	}
	switch {
	case exp+t.digits > tooBig:
		return LongDouble{exp: infExp, neg: t.neg}
	case exp+t.digits < tooSmall:
		return LongDouble{neg: t.neg}
	}
	num, _ := new(big.Int).SetString(string(text), 10)
	den := big.NewInt(1)
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(exp, -exp))), nil)
	if exp < 0 {
		den = scale
	} else {
		num.Mul(num, scale)
	}
	return divBig(t.neg, num, den)
}

// divBig rounds num/den, both positive. It changes them.
func divBig(neg bool, num, den *big.Int) LongDouble {
	shift := 127 - (num.BitLen() - den.BitLen())
	if shift >= 0 {
		num.Lsh(num, uint(shift))
	} else {
		den.Lsh(den, uint(-shift))
	}
	q, r := num.QuoRem(num, den, new(big.Int))
	var buf [16]byte
	q.FillBytes(buf[:]) // num has 127 bits more than den, so q has at most 128
	var hi, lo uint64
	for i := range 8 {
		hi = hi<<8 | uint64(buf[i])
		lo = lo<<8 | uint64(buf[i+8])
	}
	return round128(neg, hi, lo, -shift, r.Sign() != 0)
}

// round128 rounds (hi:lo) * 2^exp, plus something below one unit of lo when
// sticky.
func round128(neg bool, hi, lo uint64, exp int, sticky bool) LongDouble {
	if hi == 0 {
		if lo == 0 {
			return LongDouble{neg: neg}
		}
		hi, lo = lo, 0
		exp -= 64
	}
	if z := bits.LeadingZeros64(hi); z > 0 {
		hi = hi<<z | lo>>(64-z)
		lo <<= z
		exp -= z
	}
	exp += 64
	if exp < minExp {
		hi, lo, sticky = shiftRight(hi, lo, minExp-exp, sticky)
		exp = minExp
	}
	const half = 1 << 63
	if lo > half || lo == half && (sticky || hi&1 != 0) {
		hi++
		if hi == 0 {
			hi = half
			exp++
		}
	}
	if exp > maxExp {
		return LongDouble{exp: infExp, neg: neg}
	}
	return LongDouble{mant: hi, exp: int32(exp), neg: neg}
}

// shiftRight shifts hi:lo by n >= 0 bits and adds what falls out to sticky.
func shiftRight(hi, lo uint64, n int, sticky bool) (uint64, uint64, bool) {
	if n >= 128 {
		return 0, 0, sticky || hi|lo != 0
	}
	if n >= 64 {
		sticky = sticky || lo != 0
		hi, lo = 0, hi
		n -= 64
	}
	if n > 0 {
		sticky = sticky || lo<<(64-n) != 0
		hi, lo = hi>>n, hi<<(64-n)|lo>>n
	}
	return hi, lo, sticky
}

// Finite tells whether x is neither an infinity nor NaN.
func (x LongDouble) Finite() bool { return x.exp != infExp }

// Add returns x + y, rounded. When the result is not Finite, Redis answers
// "ERR increment would produce NaN or Infinity".
func (x LongDouble) Add(y LongDouble) LongDouble {
	if !x.Finite() || !y.Finite() {
		return addInf(x, y)
	}
	if y.mant == 0 {
		x.neg = x.neg && (y.neg || x.mant != 0)
		return x
	}
	if x.mant == 0 {
		return y
	}
	if x.exp < y.exp || x.exp == y.exp && x.mant < y.mant {
		x, y = y, x
	}
	// One bit is left free above the larger operand for the carry.
	xh, xl := x.mant>>1, x.mant<<63
	yh, yl, sticky := shiftRight(y.mant>>1, y.mant<<63, int(x.exp-y.exp), false)
	var hi, lo, carry uint64
	if x.neg == y.neg {
		lo, carry = bits.Add64(xl, yl, 0)
		hi, _ = bits.Add64(xh, yh, carry)
	} else {
		// What fell out of y makes the true difference a little smaller.
		if sticky {
			carry = 1
		}
		lo, carry = bits.Sub64(xl, yl, carry)
		hi, _ = bits.Sub64(xh, yh, carry)
		if hi|lo == 0 {
			return LongDouble{}
		}
	}
	return round128(x.neg, hi, lo, int(x.exp)-63, sticky)
}

func addInf(x, y LongDouble) LongDouble {
	switch {
	case x.Finite():
		return y
	case y.Finite():
		return x
	case x.mant != 0 || y.mant != 0 || x.neg != y.neg:
		return LongDouble{exp: infExp, mant: 1}
	}
	return x
}

// AppendHuman appends x, which must be Finite, in the form that INCRBYFLOAT
// stores: C's "%.17Lf" without trailing zeros, and "0" for minus zero.
func (x LongDouble) AppendHuman(dst []byte) []byte {
	if x.exp > 0 && x.mant != 0 {
		if x.neg {
			dst = append(dst, '-')
		}
		n := new(big.Int).SetUint64(x.mant)
		return n.Lsh(n, uint(x.exp)).Append(dst, 10)
	}
	const unit = 1e17 // the first 17 decimals, as an integer
	k := int(-x.exp)
	whole, frac := uint64(0), x.mant
	if k < 64 {
		whole, frac = x.mant>>k, x.mant&(1<<k-1)
	}
	hi, lo := bits.Mul64(frac, unit)
	decimals := roundShift(hi, lo, k)
	if decimals == unit {
		whole, decimals = whole+1, 0
	}
	if x.neg && whole|decimals != 0 {
		dst = append(dst, '-')
	}
	dst = AppendUint(dst, whole)
	if decimals == 0 {
		return dst
	}
	// Adding the unit gives all seventeen digits, after a 1 that becomes the
	// point.
	at := len(dst)
	dst = AppendUint(dst, decimals+unit)
	dst[at] = '.'
	for dst[len(dst)-1] == '0' {
		dst = dst[:len(dst)-1]
	}
	return dst
}

// roundShift is (hi:lo) / 2^k, rounded half to even; the result fits 64 bits.
func roundShift(hi, lo uint64, k int) uint64 {
	if k == 0 {
		return lo
	}
	// Leave one bit below the result and collect the rest as sticky.
	_, v, sticky := shiftRight(hi, lo, k-1, false)
	q, r := v>>1, v&1
	if r != 0 && (sticky || q&1 != 0) {
		q++
	}
	return q
}
