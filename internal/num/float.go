package num

import (
	"math"
	"strconv"
)

// ParseFloat reads a float argument as Redis does: everything that C's strtod
// reads, to the last byte (so decimal and hexadecimal forms, "inf" and
// "infinity" with a sign or none and in any case), but no white space before
// or after, and nothing that overflows to infinity or underflows to zero.
// Text that spells NaN is refused too, with f being NaN.
func ParseFloat(b []byte) (f float64, ok bool) {
	if len(b) < 16 {
		// Below 2^53 an int64 converts exactly.
		if n, ok := ParseInt(b); ok {
			return float64(n), true
		}
	}
	if len(b) == 0 || isSpace(b[0]) {
		return 0, false
	}
	f, n, inRange := Strtod(b)
	if n != len(b) || !inRange && (f == 0 || math.IsInf(f, 0)) || f != f {
		return f, false
	}
	return f, true
}

// Strtod reads a float from the start of b as C's strtod does, leading white
// space included. n is the number of bytes it took, 0 (and f = 0) when there is
// no number. inRange is false when a finite number overflowed to infinity or a
// nonzero one underflowed to zero, which is when C sets ERANGE and f is not a
// useful approximation. Score ranges use this form, since Redis does not check
// them as it checks other floats.
func Strtod(b []byte) (f float64, n int, inRange bool) {
	lead := 0
	for lead < len(b) && isSpace(b[lead]) {
		lead++
	}
	b = b[lead:]
	t := scanFloat(b)
	if t.n == 0 {
		return 0, 0, true
	}
	f, inRange = t.float64(b)
	return f, lead + t.n, inRange
}

func (t *floatText) float64(b []byte) (f float64, inRange bool) {
	switch {
	case t.kind == kindNaN:
		return math.NaN(), true
	case t.kind == kindInf:
		f = math.Inf(1)
	case t.mant == 0:
		f = 0
	case t.kind == kindDec && t.mant < 1<<53 && !t.sticky && -22 <= t.exp && t.exp <= 22:
		// Both operands are exact, so one operation rounds correctly.
		f = float64(t.mant)
		if t.exp < 0 {
			f /= exact10[-t.exp]
		} else {
			f *= exact10[t.exp]
		}
	default:
		f = math.Abs(t.slowFloat64(b))
		inRange = f != 0 && !math.IsInf(f, 0)
		if t.neg {
			f = -f
		}
		return f, inRange
	}
	if t.neg {
		f = -f
	}
	return f, true
}

// slowFloat64 converts t, the scan of b, by way of the standard library, which
// rounds correctly but wants an exponent on hexadecimal numbers and reads no
// more than five digits of one. Only a very long text can need more and still
// be in range; its first digits stand for it.
func (t *floatText) slowFloat64(b []byte) float64 {
	const longText = 50000
	var f float64
	switch {
	case t.n > longText:
		var buf [64]byte
		text := append(AppendUint(buf[:0], t.mant), 'e')
		if t.kind == kindHex {
			text = strconv.AppendUint(append(buf[:0], "0x"...), t.mant, 16)
			text = append(text, 'p')
		}
		text = AppendInt(text, int64(min(max(t.exp, -9999), 9999)))
		f, _ = strconv.ParseFloat(string(text), 64)
	case t.kind == kindHex && t.expAt == t.n:
		f, _ = strconv.ParseFloat(string(b[:t.n])+"p0", 64)
	default:
		f, _ = strconv.ParseFloat(string(b[:t.n]), 64)
	}
	return f
}

// exact10 holds the powers of ten that a float64 represents exactly. It is
// read-only.
var exact10 = [23]float64{
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
	1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
}

// AppendFloat appends f in the form in which Redis 7.0 replies and stores
// doubles: C's "%.17g", with "inf", "-inf" and "nan" spelled so.
func AppendFloat(dst []byte, f float64) []byte {
	if n := int64(f); float64(n) == f && -1<<53 < n && n < 1<<53 {
		if n == 0 && math.Signbit(f) {
			return append(dst, '-', '0')
		}
		return AppendInt(dst, n)
	}
	switch {
	case f > math.MaxFloat64:
		return append(dst, "inf"...)
	case f < -math.MaxFloat64:
		return append(dst, "-inf"...)
	case f != f:
		return append(dst, "nan"...)
	}
	return strconv.AppendFloat(dst, f, 'g', 17, 64)
}
