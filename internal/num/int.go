// Package num converts between numbers and text exactly as Redis does, without
// allocating on the paths that commands take.
//
// Redis is strict about integers (only the canonical decimal form is one) and
// lenient about floats (whatever C's strtod reads to the end of the text), and
// it prints floats in C's forms. Each function here names the form it follows.
package num

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// MaxIntLen is the longest decimal form of an int64, in bytes: that of
// math.MinInt64, with its sign.
const MaxIntLen = 20

// ParseInt reads the canonical decimal form of an int64: no plus sign, no
// leading zeros, no spaces, and not "-0". So ok means that AppendInt gives the
// same bytes back, which is what lets a string be stored as an integer.
func ParseInt(b []byte) (n int64, ok bool) {
	if len(b) == 0 || len(b) > MaxIntLen {
		return 0, false
	}
	neg := b[0] == '-'
	if neg {
		b = b[1:]
		if len(b) == 0 {
			return 0, false
		}
	}
	// Nineteen digits cannot overflow a uint64; twenty never fit an int64.
	u := uint64(b[0] - '0')
	if u-1 > 8 || len(b) > 19 {
		return 0, u == 0 && len(b) == 1 && !neg
	}
	for _, c := range b[1:] {
		d := c - '0'
		if d > 9 {
			return 0, false
		}
		u = u*10 + uint64(d)
	}
	if neg {
		return -int64(u), u <= 1<<63
	}
	return int64(u), u <= math.MaxInt64
}

// ParseUint reads a uint64 as Redis reads the parts of stream IDs: a canonical
// int64 must not be negative; any other text is read by the rules of C's
// strtoull, which allows leading white space, a sign (a minus negates modulo
// 2^64) and leading zeros, and refuses what exceeds 64 bits.
func ParseUint(b []byte) (n uint64, ok bool) {
	if v, ok := ParseInt(b); ok {
		return uint64(v), v >= 0
	}
	for len(b) > 0 && isSpace(b[0]) {
		b = b[1:]
	}
	neg := false
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		neg = b[0] == '-'
		b = b[1:]
	}
	if len(b) == 0 {
		return 0, false
	}
	for _, c := range b {
		d := c - '0'
		if d > 9 {
			return 0, false
		}
		hi, lo := bits.Mul64(n, 10)
		sum, carry := bits.Add64(lo, uint64(d), 0)
		if hi != 0 || carry != 0 {
			return 0, false
		}
		n = sum
	}
	if neg {
		n = -n
	}
	return n, true
}

// AppendInt appends the decimal form of n to dst.
func AppendInt(dst []byte, n int64) []byte {
	if n < 0 {
		return AppendUint(append(dst, '-'), -uint64(n))
	}
	return AppendUint(dst, uint64(n))
}

// AppendUint appends the decimal form of n to dst.
func AppendUint(dst []byte, n uint64) []byte {
	if n < 10 {
		return append(dst, byte('0'+n))
	}
	at := len(dst)
	if end := at + UintLen(n); end <= cap(dst) {
		dst = dst[:end]
	} else {
		dst = append(dst, digitPairs[:end-at]...)
	}
	putUint(dst[at:], n)
	return dst
}

// PutInt fills dst, whose length has to be IntLen(n), with the decimal form of n.
func PutInt(dst []byte, n int64) {
	u := uint64(n)
	if n < 0 {
		dst[0] = '-'
		dst, u = dst[1:], -u
	}
	putUint(dst, u)
}

// putUint fills dst, whose length has to be UintLen(n), from the last digits to
// the first: eight at a time, which do not wait for each other, then pairs.
func putUint(dst []byte, n uint64) {
	i := len(dst)
	for n >= 1e8 {
		i -= 8
		put8(dst[i:i+8], uint32(n%1e8))
		n /= 1e8
	}
	for n >= 100 {
		pair := n % 100 * 2
		n /= 100
		i -= 2
		dst[i+1], dst[i] = digitPairs[pair+1], digitPairs[pair]
	}
	if n >= 10 {
		dst[i-1], dst[i-2] = digitPairs[n*2+1], digitPairs[n*2]
	} else {
		dst[i-1] = byte('0' + n)
	}
}

// put8 fills dst with the eight digits of n, below 1e8.
func put8(dst []byte, n uint32) { binary.LittleEndian.PutUint64(dst, digits(n)|zeros) }

// zeros is "00000000".
const zeros = 0x3030303030303030

// Text8 is the decimal form of n, below 1e8, as a little endian number of which
// length bytes count; the others are zero.
func Text8(n uint32) (text uint64, length int) {
	d := digits(n)
	blank := bits.TrailingZeros64(d|1<<56) &^ 7 // the last digit counts, even if 0
	return (d | zeros) >> blank, 8 - blank/8
}

// digits gives the values of the eight digits of n, the first in the lowest byte:
// halves of four digits, each split into two of two and those into single ones, in
// lanes of one number.
func digits(n uint32) uint64 {
	four := uint64(n/1e4) | uint64(n%1e4)<<32
	high := four * 10486 >> 20 & 0x7f_0000007f // four / 100
	two := high | (four-100*high)<<16
	high = two * 103 >> 10 & 0x000f000f000f000f // two / 10
	return high | (two-10*high)<<8
}

// digitPairs holds the decimal forms of 0 to 99, two bytes each.
const digitPairs = "00010203040506070809" + "10111213141516171819" +
	"20212223242526272829" + "30313233343536373839" +
	"40414243444546474849" + "50515253545556575859" +
	"60616263646566676869" + "70717273747576777879" +
	"80818283848586878889" + "90919293949596979899"

// IntLen is the number of bytes that AppendInt appends for n.
func IntLen(n int64) int {
	if n < 0 {
		return 1 + UintLen(-uint64(n))
	}
	return UintLen(uint64(n))
}

// UintLen is the number of bytes that AppendUint appends for n.
func UintLen(n uint64) int {
	// 1233/4096 approximates log10(2) closely enough for 64 bits: digits is
	// the length, or one less.
	digits := bits.Len64(n|1) * 1233 >> 12
	if n >= pow10[digits] {
		digits++
	}
	return max(digits, 1)
}

// pow10 is read-only.
var pow10 = [20]uint64{
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9,
	1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
}

// isSpace is C's isspace in the C locale.
func isSpace(c byte) bool {
	return c == ' ' || c-'\t' <= '\r'-'\t'
}
