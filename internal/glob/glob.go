// Package glob matches the patterns of KEYS, SCAN, PSUBSCRIBE, CONFIG GET and
// ACL rules, with the exact semantics of Redis.
//
//   - any bytes, also none        [abc]   one of these bytes
//     ?        any one byte                [a-c]   one byte of a range, either way round
//     \x       the byte x                  [^a]    one byte not in the class
//
// Everything works on bytes. A class that is not closed ends with the pattern;
// a backslash that ends the pattern stands for itself.
//
// Every element but the star takes exactly one byte, so when a match fails it
// is enough to let the latest star take one byte more: what an earlier star
// could take instead is covered by that. Time is therefore at most the product
// of the two lengths, and there is no recursion.
package glob

import "bytes"

// Match tells whether the whole of s matches pattern. With nocase, letters of
// ASCII match in either case (but not bytes escaped inside a class, which Redis
// compares as they are).
//
// As in Redis, an empty s is matched by an empty pattern only, not by "*":
// commands for which "*" means everything check for it first.
func Match(pattern, s []byte, nocase bool) bool {
	if len(s) == 0 {
		return len(pattern) == 0
	}
	p, i := 0, 0
	starP, starI := -1, 0 // behind the latest star, and the first byte it leaves
	for i < len(s) {
		if p < len(pattern) {
			if pattern[p] == '*' {
				for p < len(pattern) && pattern[p] == '*' {
					p++
				}
				if p == len(pattern) {
					return true
				}
				starP, starI = p, skipTo(pattern[p], s, i, nocase)
				i = starI
				continue
			}
			if width, ok := matchOne(pattern[p:], s[i], nocase); ok {
				p += width
				i++
				continue
			}
		}
		if starP < 0 {
			return false
		}
		starI = skipTo(pattern[starP], s, starI+1, nocase)
		p, i = starP, starI
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// skipTo returns the first position from i on where an element that starts with
// first can match, len(s) when there is none.
func skipTo(first byte, s []byte, i int, nocase bool) int {
	if nocase || isSpecial(first) {
		return i
	}
	if at := bytes.IndexByte(s[i:], first); at >= 0 {
		return i + at
	}
	return len(s)
}

// matchOne matches c against the first element of the pattern p, which is not
// empty and does not start with a star. width is the element's length in p,
// when it matched.
func matchOne(p []byte, c byte, nocase bool) (width int, ok bool) {
	width = 1
	switch p[0] {
	case '?':
		return 1, true
	case '[':
		return matchClass(p, c, nocase)
	case '\\':
		if len(p) > 1 {
			p, width = p[1:], 2
		}
	}
	return width, p[0] == c || nocase && lower(p[0]) == lower(c)
}

// matchClass matches c against the class that p starts with.
func matchClass(p []byte, c byte, nocase bool) (width int, ok bool) {
	i := 1
	not := i < len(p) && p[i] == '^'
	if not {
		i++
	}
	match := false
	for ; i < len(p); i++ {
		rest := len(p) - i
		switch {
		case p[i] == '\\' && rest >= 2:
			i++
			match = match || p[i] == c
		case p[i] == ']':
			return i + 1, match != not
		case rest >= 3 && p[i+1] == '-':
			match = match || inRange(p[i], p[i+2], c, nocase)
			i += 2
		default:
			match = match || p[i] == c || nocase && lower(p[i]) == lower(c)
		}
	}
	return len(p), match != not
}

// inRange tells whether c is between the two ends of a range. Bytes order as
// signed, as C's char does on amd64, and the ends are put in order before their
// case is folded; both show in replies.
func inRange(from, to, c byte, nocase bool) bool {
	if int8(from) > int8(to) {
		from, to = to, from
	}
	if nocase {
		from, to, c = lower(from), lower(to), lower(c)
	}
	return int8(from) <= int8(c) && int8(c) <= int8(to)
}

func lower(c byte) byte {
	if c-'A' < 26 {
		c |= 0x20
	}
	return c
}

func isSpecial(c byte) bool {
	return c == '*' || c == '?' || c == '[' || c == '\\'
}

// IsLiteral tells whether pattern matches only the bytes it consists of, so
// that a lookup can take the place of a scan. It holds without nocase only.
func IsLiteral(pattern []byte) bool {
	return len(LiteralPrefix(pattern)) == len(pattern)
}

// LiteralPrefix returns the start of pattern, up to its first special byte:
// whatever matches without nocase begins with it. The result aliases pattern.
func LiteralPrefix(pattern []byte) []byte {
	for i, c := range pattern {
		if isSpecial(c) {
			return pattern[:i]
		}
	}
	return pattern
}
