// Package words splits lines into words as Redis does it in inline requests, in
// redis.conf and on the command line of its client.
package words

import "bytes"

// Split splits a line. In "double quotes" \xHH, \n, \r, \t, \b and \a stand for
// bytes and any other escaped character for itself; in 'single quotes' only \' is an escape. A closing quote must end
// its word, or ok is false. A zero byte ends the line. The words lie in line or
// in new memory.
func Split(line []byte) (words [][]byte, ok bool) {
	if end := bytes.IndexByte(line, 0); end >= 0 {
		line = line[:end]
	}
	words, _, ok = Append(nil, nil, line)
	return words, ok
}

// Append appends the words of line to args, for a caller that keeps both slices. Words that contain quotes are
// written to scratch, which is never moved while there are words in it: they are
// no longer than the line together.
func Append(args [][]byte, scratch, line []byte) ([][]byte, []byte, bool) {
	for i := 0; ; {
		for i < len(line) && isSpace(line[i]) {
			i++
		}
		if i == len(line) {
			return args, scratch, true
		}
		start := i
		for i < len(line) && !endsWord(line[i]) && line[i] != '"' && line[i] != '\'' {
			i++
		}
		if i == len(line) || endsWord(line[i]) {
			args = append(args, line[start:i:i])
			continue
		}
		if cap(scratch) < len(line) {
			scratch = make([]byte, 0, len(line))
		}
		from := len(scratch)
		var ok bool
		scratch = append(scratch, line[start:i]...)
		if scratch, i, ok = unquote(scratch, line, i); !ok {
			return args, scratch, false
		}
		args = append(args, scratch[from:len(scratch):len(scratch)])
	}
}

// unquote appends the rest of a word, from i on, and returns the index after it.
func unquote(dst, line []byte, i int) ([]byte, int, bool) {
	var quote byte // 0 outside quotes
	for ; i < len(line); i++ {
		c := line[i]
		switch {
		case quote == 0 && endsWord(c):
			return dst, i, true
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case quote != 0 && c == quote:
			i++
			return dst, i, i == len(line) || isSpace(line[i])
		case quote == '\'' && c == '\\' && i+1 < len(line) && line[i+1] == '\'':
			i++
			dst = append(dst, '\'')
		case quote == '"' && c == '\\' && i+1 < len(line):
			i++
			if line[i] == 'x' && i+2 < len(line) && isHex(line[i+1]) && isHex(line[i+2]) {
				dst = append(dst, hexValue(line[i+1])<<4|hexValue(line[i+2]))
				i += 2
			} else {
				dst = append(dst, escaped(line[i]))
			}
		default:
			dst = append(dst, c)
		}
	}
	return dst, i, quote == 0
}

// endsWord is narrower than isSpace: a vertical tab or form feed separates words
// only where a word could start.
func endsWord(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

func isSpace(c byte) bool { return c == ' ' || c-'\t' < 5 }

func isHex(c byte) bool { return c-'0' <= 9 || (c|0x20)-'a' < 6 }

func hexValue(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return (c | 0x20) - 'a' + 10
}

func escaped(c byte) byte {
	switch c {
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
	return c
}

// AppendQuoted appends s in double quotes, so that Split gives it back.
func AppendQuoted(dst []byte, s string) []byte {
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
