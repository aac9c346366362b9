package glua

import (
	"math"
	"strconv"

	lua "github.com/yuin/gopher-lua"
)

// appendString appends a string or a number as Lua prints it.
func appendString(b []byte, v lua.LValue) []byte {
	switch v := v.(type) {
	case lua.LString:
		return appendLong(b, v)
	case lua.LNumber:
		return appendNumber(b, float64(v), 14)
	}
	return append(b, v.String()...)
}

// appendNumber appends f as printf does with %.<digits>g.
func appendNumber(b []byte, f float64, digits int) []byte {
	if i := int64(f); float64(i) == f && i > -1e13 && i < 1e13 && digits >= 13 && (i != 0 || !math.Signbit(f)) {
		return strconv.AppendInt(b, i, 10)
	}
	switch {
	case math.IsNaN(f):
		if math.Signbit(f) {
			return append(b, "-nan"...)
		}
		return append(b, "nan"...)
	case math.IsInf(f, 1):
		return append(b, "inf"...)
	case math.IsInf(f, -1):
		return append(b, "-inf"...)
	}
	digits = max(digits, 1)
	start := len(b)
	b = strconv.AppendFloat(b, f, 'e', digits-1, 64)
	// The exponent decides which form is shorter.
	e := len(b) - 1
	for b[e] != 'e' {
		e--
	}
	exp, _ := strconv.Atoi(string(b[e+1:]))
	if exp >= -4 && exp < digits {
		b = strconv.AppendFloat(b[:start], f, 'f', digits-1-exp, 64)
		return trimZeros(b, start)
	}
	tail := string(b[e:])
	return append(trimZeros(b[:e], start), tail...)
}

// trimZeros takes zeros off the end of a fraction.
func trimZeros(b []byte, start int) []byte {
	point := false
	for _, c := range b[start:] {
		point = point || c == '.'
	}
	if !point {
		return b
	}
	n := len(b)
	for b[n-1] == '0' {
		n--
	}
	if b[n-1] == '.' {
		n--
	}
	return b[:n]
}
