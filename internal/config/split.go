package config

import "strings"

// splitWords splits a line into words as redis.conf does. Words are separated
// by space; "double quotes" know the escapes \n \r \t \b \a \xHH and take any
// other escaped byte for itself; 'single quotes' know only \'. A closing quote
// ends a word. It reports false for quotes that do not close, or that close in
// the middle of a word.
func splitWords(line string) ([]string, bool) {
	var words []string
	for {
		line = strings.TrimLeft(line, spaces)
		if line == "" {
			return words, true
		}
		var word string
		var ok bool
		if word, line, ok = cutWord(line); !ok {
			return nil, false
		}
		words = append(words, word)
	}
}

const spaces = " \t\n\v\f\r"

func isSpace(b byte) bool { return strings.IndexByte(spaces, b) >= 0 }

// cutWord returns the first word of s, which does not start with space, and
// what follows it.
func cutWord(s string) (word, rest string, ok bool) {
	var b []byte
	for i := 0; i < len(s); {
		var n int
		switch ch := s[i]; {
		case isSpace(ch):
			return string(b), s[i:], true
		case ch == '"':
			b, n = appendDouble(b, s[i+1:])
		case ch == '\'':
			b, n = appendSingle(b, s[i+1:])
		default:
			b = append(b, ch)
			i++
			continue
		}
		if n < 0 {
			return "", "", false
		}
		i += 1 + n
		if i < len(s) && !isSpace(s[i]) {
			return "", "", false
		}
		return string(b), s[i:], true
	}
	return string(b), "", true
}

// appendDouble appends what s holds up to the closing double quote, and
// returns the length of that with the quote, or -1 without one.
func appendDouble(b []byte, s string) ([]byte, int) {
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b, i + 1
		case s[i] == '\\' && i+3 < len(s) && s[i+1] == 'x' && isHex(s[i+2]) && isHex(s[i+3]):
			b = append(b, hexValue(s[i+2])<<4|hexValue(s[i+3]))
			i += 3
		case s[i] == '\\' && i+1 < len(s):
			i++
			b = append(b, unescape(s[i]))
		default:
			b = append(b, s[i])
		}
	}
	return b, -1
}

// appendSingle does the same for single quotes.
func appendSingle(b []byte, s string) ([]byte, int) {
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\'':
			return b, i + 1
		case s[i] == '\\' && i+1 < len(s) && s[i+1] == '\'':
			i++
			b = append(b, '\'')
		default:
			b = append(b, s[i])
		}
	}
	return b, -1
}

func unescape(b byte) byte {
	switch b {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'b':
		return '\b'
	case 'a':
		return '\a'
	}
	return b
}

func isHex(b byte) bool {
	return '0' <= b && b <= '9' || 'a' <= b && b <= 'f' || 'A' <= b && b <= 'F'
}

func hexValue(b byte) byte {
	switch {
	case b <= '9':
		return b - '0'
	case b <= 'F':
		return b - 'A' + 10
	}
	return b - 'a' + 10
}

// appendQuoted appends s in double quotes so that splitWords gives it back.
func appendQuoted(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for i := range len(s) {
		switch b := s[i]; {
		case b == '\\' || b == '"':
			dst = append(dst, '\\', b)
		case b == '\n':
			dst = append(dst, '\\', 'n')
		case b == '\r':
			dst = append(dst, '\\', 'r')
		case b == '\t':
			dst = append(dst, '\\', 't')
		case b == '\a':
			dst = append(dst, '\\', 'a')
		case b == '\b':
			dst = append(dst, '\\', 'b')
		case b >= ' ' && b < 0x7f:
			dst = append(dst, b)
		default:
			dst = append(dst, '\\', 'x', hex[b>>4], hex[b&15])
		}
	}
	return append(dst, '"')
}

func quoted(s string) string { return string(appendQuoted(nil, s)) }
