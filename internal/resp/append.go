package resp

import (
	"math"
	"strconv"
)

// pairs holds the two digits of every number below 100.
const pairs = "00010203040506070809" +
	"10111213141516171819" +
	"20212223242526272829" +
	"30313233343536373839" +
	"40414243444546474849" +
	"50515253545556575859" +
	"60616263646566676869" +
	"70717273747576777879" +
	"80818283848586878889" +
	"90919293949596979899"

// appendHeader appends a type byte, a number and a line end.
func appendHeader(dst []byte, kind byte, n int64) []byte {
	switch u := uint64(n); {
	case u < 10:
		return append(dst, kind, '0'+byte(u), '\r', '\n')
	case u < 100:
		return append(dst, kind, pairs[2*u], pairs[2*u+1], '\r', '\n')
	case u < 1000:
		low := u % 100
		return append(dst, kind, '0'+byte(u/100), pairs[2*low], pairs[2*low+1], '\r', '\n')
	case u < 100_000_000:
		return appendLong(dst, kind, uint32(u))
	}
	dst = strconv.AppendInt(append(dst, kind), n, 10)
	return append(dst, '\r', '\n')
}

// appendLong is appendHeader for numbers of four to eight digits: counters, mostly.
// The digits are written where they belong, from the last pair to the first.
func appendLong(dst []byte, kind byte, u uint32) []byte {
	digits := 4
	for limit := uint32(10_000); digits < 8 && u >= limit; limit *= 10 {
		digits++
	}
	at := len(dst) + 1 + digits
	dst = append(dst, "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"[:digits+3]...)
	dst[at+1], dst[at] = '\n', '\r'
	for u >= 10 {
		pair := 2 * (u % 100)
		u /= 100
		at -= 2
		dst[at+1], dst[at] = pairs[pair+1], pairs[pair]
	}
	if digits&1 != 0 {
		at--
		dst[at] = '0' + byte(u)
	}
	dst[at-1] = kind
	return dst
}

// AppendSimple appends a simple string, which must not contain CR or LF.
func AppendSimple(dst []byte, s string) []byte {
	dst = append(dst, '+')
	dst = append(dst, s...)
	return append(dst, '\r', '\n')
}

// AppendError appends an error. Its text starts with its code, as in "ERR no
// such key". CR and LF, which a client may have brought into it, become spaces.
func AppendError(dst []byte, text string) []byte {
	dst = append(dst, '-')
	from := len(dst)
	dst = append(dst, text...)
	for i, c := range dst[from:] {
		if c == '\r' || c == '\n' {
			dst[from+i] = ' '
		}
	}
	return append(dst, '\r', '\n')
}

// AppendInt appends an integer.
func AppendInt(dst []byte, n int64) []byte { return appendHeader(dst, ':', n) }

// AppendNull appends the absent value.
func AppendNull(dst []byte, proto int) []byte {
	if proto < 3 {
		return append(dst, '$', '-', '1', '\r', '\n')
	}
	return append(dst, '_', '\r', '\n')
}

// AppendNullArray appends the absent value where an array is usual, which RESP2
// tells from an absent string.
func AppendNullArray(dst []byte, proto int) []byte {
	if proto < 3 {
		return append(dst, '*', '-', '1', '\r', '\n')
	}
	return append(dst, '_', '\r', '\n')
}

// AppendArray appends the header of an array: n values follow.
func AppendArray(dst []byte, n int) []byte { return appendHeader(dst, '*', int64(n)) }

// AppendMap appends the header of a map: n keys, each with its value, follow.
// RESP2 has an array of twice the length instead.
func AppendMap(dst []byte, n, proto int) []byte {
	if proto < 3 {
		return appendHeader(dst, '*', 2*int64(n))
	}
	return appendHeader(dst, '%', int64(n))
}

// AppendSet appends the header of a set: n values follow.
func AppendSet(dst []byte, n, proto int) []byte {
	if proto < 3 {
		return appendHeader(dst, '*', int64(n))
	}
	return appendHeader(dst, '~', int64(n))
}

// AppendPush appends the header of a message that answers no request: n values
// follow, the first of them its kind.
func AppendPush(dst []byte, n, proto int) []byte {
	if proto < 3 {
		return appendHeader(dst, '*', int64(n))
	}
	return appendHeader(dst, '>', int64(n))
}

// AppendAttribute appends the header of what is said about the value after it: n
// keys, each with its value, and then that value follow. RESP2 cannot say it.
func AppendAttribute(dst []byte, n int) []byte { return appendHeader(dst, '|', int64(n)) }

// AppendBool appends a truth value, in RESP2 an integer.
func AppendBool(dst []byte, b bool, proto int) []byte {
	switch {
	case proto < 3 && b:
		return append(dst, ':', '1', '\r', '\n')
	case proto < 3:
		return append(dst, ':', '0', '\r', '\n')
	case b:
		return append(dst, '#', 't', '\r', '\n')
	}
	return append(dst, '#', 'f', '\r', '\n')
}

// AppendBigNumber appends a number of any size, given in decimal.
func AppendBigNumber(dst []byte, digits string, proto int) []byte {
	if proto < 3 {
		return AppendBulkString(dst, digits)
	}
	dst = append(dst, '(')
	dst = append(dst, digits...)
	return append(dst, '\r', '\n')
}

// AppendVerbatim appends text to be shown to people as it is. ext names its
// format in three bytes, such as "txt", and is cut or padded with spaces to that
// length; RESP2 leaves it out.
func AppendVerbatim(dst []byte, ext string, b []byte, proto int) []byte {
	if proto < 3 {
		return AppendBulk(dst, b)
	}
	dst = appendHeader(dst, '=', int64(len(b))+4)
	for i := range 3 {
		c := byte(' ')
		if i < len(ext) {
			c = ext[i]
		}
		dst = append(dst, c)
	}
	dst = append(dst, ':')
	dst = append(dst, b...)
	return append(dst, '\r', '\n')
}

// FormatDouble returns f in the form of AppendFloat.
func FormatDouble(f float64) string {
	var text [32]byte
	return string(AppendFloat(text[:0], f))
}

// AppendFloat appends f as C's "%.17g" prints it: up to 17 significant digits
// without zeros at the end, with an exponent below 1e-4 and from 1e17 on. Like C
// it shows the sign of a NaN.
func AppendFloat(dst []byte, f float64) []byte {
	const digits = 17
	if n, ok := wholeFloat(f); ok {
		return strconv.AppendInt(dst, n, 10)
	}
	if math.Signbit(f) {
		dst = append(dst, '-')
		f = -f
	}
	switch {
	case f != f:
		return append(dst, "nan"...)
	case math.IsInf(f, 0):
		return append(dst, "inf"...)
	case f == 0:
		return append(dst, '0')
	}
	// "d.dddde±xx" has all digits; only their arrangement is C's own.
	var text [32]byte
	e := strconv.AppendFloat(text[:0], f, 'e', digits-1, 64)
	mantissa, sign, tail := e[:digits+1], e[digits+2], e[digits+3:]
	exp := 0
	for _, c := range tail {
		exp = exp*10 + int(c-'0')
	}
	if sign == '-' {
		exp = -exp
	}
	if exp < -4 || exp >= digits {
		dst = appendTrimmed(dst, mantissa[:1], mantissa[2:])
		return append(dst, e[digits+1:]...)
	}
	if exp < 0 {
		dst = append(dst, "0.000"[:1-exp]...)
		return append(dst, trimZeros(append(mantissa[:1], mantissa[2:]...))...)
	}
	all := append(mantissa[:1], mantissa[2:]...)
	return appendTrimmed(dst, all[:exp+1], all[exp+1:])
}

// appendTrimmed appends whole and, unless it is all zeros, the fraction.
func appendTrimmed(dst, whole, fraction []byte) []byte {
	dst = append(dst, whole...)
	if fraction = trimZeros(fraction); len(fraction) > 0 {
		dst = append(dst, '.')
		dst = append(dst, fraction...)
	}
	return dst
}

func trimZeros(b []byte) []byte {
	for len(b) > 0 && b[len(b)-1] == '0' {
		b = b[:len(b)-1]
	}
	return b
}

// AppendCommand appends a request.
func AppendCommand(dst []byte, args ...[]byte) []byte {
	dst = AppendArray(dst, len(args))
	for _, a := range args {
		dst = AppendBulk(dst, a)
	}
	return dst
}

// AppendCommandString is AppendCommand of strings.
func AppendCommandString(dst []byte, args ...string) []byte {
	dst = AppendArray(dst, len(args))
	for _, a := range args {
		dst = AppendBulkString(dst, a)
	}
	return dst
}
