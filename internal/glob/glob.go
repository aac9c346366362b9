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
// could take instead is covered by that. And what follows the last star can only
// match at the very end. Time is therefore at most the product of the lengths of
// the text and of what stands between the stars, and there is no recursion.
//
// Redis does recurse, and gives up below 1000 stars: a pattern with more of them,
// those at its end not counted, matches nothing.
package glob

import "bytes"

const maxStars = 1000

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
	stars := 0
	for i < len(s) {
		if p < len(pattern) {
			if pattern[p] == '*' {
				for p < len(pattern) && pattern[p] == '*' {
					p++
				}
				if p == len(pattern) {
					return true
				}
				n, last := countElements(pattern[p:])
				if stars++; n > len(s)-i || stars > maxStars {
					return false
				}
				if last {
					// Nothing else can take what the star leaves.
					i, starP = len(s)-n, -1
					continue
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

// countElements counts the elements of p, each of which takes one byte, up to
// the next star. last tells that there is none.
func countElements(p []byte) (n int, last bool) {
	for i := 0; i < len(p); n++ {
		switch p[i] {
		case '*':
			return n, false
		case '[':
			i += classWidth(p[i:])
		case '\\':
			i += min(2, len(p)-i)
		default:
			i++
		}
	}
	return n, true
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
// empty and does not start with a star. width is the element's length in p.
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
	for i < len(p) && p[i] != ']' {
		n := memberWidth(p[i:])
		switch {
		case n == 3:
			match = match || inRange(p[i], p[i+2], c, nocase)
		case n == 2:
			match = match || p[i+1] == c
		default:
			match = match || p[i] == c || nocase && lower(p[i]) == lower(c)
		}
		i += n
	}
	return min(i+1, len(p)), match != not
}

// classWidth is the length of the class that p starts with.
func classWidth(p []byte) int {
	i := 1
	if i < len(p) && p[i] == '^' {
		i++
	}
	for i < len(p) && p[i] != ']' {
		i += memberWidth(p[i:])
	}
	return min(i+1, len(p))
}

// memberWidth is the length of the class member that p starts with: 3 for a
// range, 2 for an escaped byte, else 1. An escape comes before a range.
func memberWidth(p []byte) int {
	switch {
	case p[0] == '\\' && len(p) >= 2:
		return 2
	case len(p) >= 3 && p[1] == '-':
		return 3
	}
	return 1
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
