package glua

import (
	"fmt"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// strFormat is string.format. Widths and precisions have at most two digits.
func (m *machine) strFormat(L *lua.LState) int {
	format := checkString(L, 1)
	m.limit.step(len(format) / 16)
	var b []byte
	arg := 1
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			b = appendByte(b, format[i])
			continue
		}
		if i++; i < len(format) && format[i] == '%' {
			b = appendByte(b, '%')
			continue
		}
		from := i
		for i < len(format) && strings.IndexByte("-+ #0", format[i]) >= 0 {
			i++
		}
		if i-from > 5 {
			raise(L, "invalid format (repeated flags)")
		}
		i = digits(format, i)
		if i < len(format) && format[i] == '.' {
			i = digits(format, i+1)
		}
		if i < len(format) && isDigit(format[i]) {
			raise(L, "invalid format (width or precision too long)")
		}
		verb := byte(0)
		if i < len(format) {
			verb = format[i]
		}
		if arg++; arg > L.GetTop() {
			argError(L, arg, "no value")
		}
		had := len(b)
		b = m.formatOne(L, b, "%"+format[from:i], verb, arg)
		m.limit.grow(len(b) - had)
		if len(b) > maxString {
			m.limit.grow(len(b))
		}
	}
	L.Push(text(b))
	return 1
}

func digits(s string, i int) int {
	for n := 0; n < 2 && i < len(s) && isDigit(s[i]); n++ {
		i++
	}
	return i
}

func (m *machine) formatOne(L *lua.LState, b []byte, spec string, verb byte, arg int) []byte {
	switch verb {
	case 'c':
		if c := byte(checkInt(L, arg)); c != 0 { // which ends a string of C
			b = append(b, c)
		}
		return b
	case 'd', 'i':
		return fmt.Appendf(b, spec+"d", wideInt(checkNumber(L, arg)))
	case 'o', 'x', 'X':
		return fmt.Appendf(b, spec+string(verb), uint64(wideInt(checkNumber(L, arg))))
	case 'u':
		return fmt.Appendf(b, spec+"d", uint64(wideInt(checkNumber(L, arg))))
	case 'e', 'E', 'f':
		return formatFloat(b, spec, verb, float64(checkNumber(L, arg)))
	case 'g', 'G':
		return formatFloat(b, spec, verb, float64(checkNumber(L, arg)))
	case 'q':
		return quoted(b, checkString(L, arg))
	case 's':
		s := checkString(L, arg)
		if len(s) >= 100 && !strings.Contains(spec, ".") {
			return appendLong(b, s)
		}
		s, _, _ = strings.Cut(s, "\x00")
		return padded(b, spec, s)
	}
	if verb == 0 {
		raise(L, "invalid option '%s' to 'format'", spec)
	}
	raise(L, "invalid option '%s%c' to 'format'", spec, verb)
	return b
}

// wideInt converts a number as C does: what does not fit becomes the smallest.
func wideInt(n lua.LNumber) int64 {
	if n != n || n >= 1<<63 || n < -1<<63 {
		return -1 << 63
	}
	return int64(n)
}

// padded appends a string with a width and a precision, counted in bytes.
func padded(b []byte, spec, s string) []byte {
	left := strings.Contains(spec, "-")
	width, prec := 0, -1
	rest := strings.TrimLeft(spec[1:], "-+ #0")
	for i := 0; i < len(rest); i++ {
		switch {
		case rest[i] == '.':
			prec = 0
		case prec >= 0:
			prec = prec*10 + int(rest[i]-'0')
		default:
			width = width*10 + int(rest[i]-'0')
		}
	}
	if prec >= 0 && prec < len(s) {
		s = s[:prec]
	}
	pad := max(width-len(s), 0)
	if !left {
		b = append(b, strings.Repeat(" ", pad)...)
	}
	b = appendLong(b, s)
	if left {
		b = append(b, strings.Repeat(" ", pad)...)
	}
	return b
}

// formatFloat appends a number as printf does.
func formatFloat(b []byte, spec string, verb byte, f float64) []byte {
	if f != f || f-f != 0 {
		return padded(b, spec, string(appendNumber(nil, f, 14)))
	}
	if verb == 'g' || verb == 'G' {
		if !strings.ContainsAny(spec, ".") {
			spec += ".6" // as C, not as Go
		}
		if strings.HasSuffix(spec, ".0") || strings.HasSuffix(spec, ".") {
			spec = spec[:strings.LastIndexByte(spec, '.')] + ".1"
		}
	}
	if strings.HasSuffix(spec, ".") {
		spec += "0"
	}
	return fmt.Appendf(b, spec+string(verb), f)
}

// quoted appends a string as a source would have it.
func quoted(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		if cap(b)-len(b) < 4 {
			b = room(b, 4)
		}
		switch c := s[i]; c {
		case '"', '\\', '\n':
			b = append(b, '\\', c)
		case '\r':
			b = append(b, `\r`...)
		case 0:
			b = append(b, `\000`...)
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
