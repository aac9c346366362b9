package glua

import (
	lua "github.com/yuin/gopher-lua"
)

const (
	maxCaptures  = 32
	patternDepth = 200 // how deep a match may go down

	openCapture = -1
	posCapture  = -2
)

type capture struct{ start, length int }

// matcher matches a pattern of Lua against a string. It gives back after each step
// what it took, so an evil pattern takes very many steps: they are counted.
type matcher struct {
	src, pat string
	limit    *limiter
	level    int
	depth    int
	captures [maxCaptures]capture
}

// patternError unwinds a match whose pattern is wrong.
type patternError string

func (m *matcher) error(text string) { panic(patternError(text)) }

// classEnd gives the index behind the single character class at p.
func (m *matcher) classEnd(p int) int {
	c := m.pat[p]
	p++
	switch c {
	case '%':
		if p >= len(m.pat) {
			m.error("malformed pattern (ends with '%')")
		}
		return p + 1
	case '[':
		if p < len(m.pat) && m.pat[p] == '^' {
			p++
		}
		for first := true; first || p >= len(m.pat) || m.pat[p] != ']'; first = false {
			if p >= len(m.pat) {
				m.error("malformed pattern (missing ']')")
			}
			if m.pat[p] == '%' {
				p++
			}
			p++
		}
		return p + 1
	}
	return p
}

func isAlpha(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// inClass tells whether c is of the class that a letter names, as %a does.
func inClass(c, class byte) bool {
	in := false
	switch class | 0x20 {
	case 'a':
		in = isAlpha(c)
	case 'c':
		in = c < 0x20 || c == 0x7f
	case 'd':
		in = isDigit(c)
	case 'l':
		in = c >= 'a' && c <= 'z'
	case 'p':
		in = c > 0x20 && c < 0x7f && !isAlpha(c) && !isDigit(c)
	case 's':
		in = c == ' ' || c >= '\t' && c <= '\r'
	case 'u':
		in = c >= 'A' && c <= 'Z'
	case 'w':
		in = isAlpha(c) || isDigit(c)
	case 'x':
		in = isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f'
	case 'z':
		in = c == 0
	default:
		return class == c
	}
	if class >= 'A' && class <= 'Z' {
		return !in
	}
	return in
}

// inSet tells whether c is in the set that begins at p and whose ] is at end.
func (m *matcher) inSet(c byte, p, end int) bool {
	want := true
	p++
	if m.pat[p] == '^' {
		want = false
		p++
	}
	for ; p < end; p++ {
		switch {
		case m.pat[p] == '%' && p+1 < end+1:
			p++
			if inClass(c, m.pat[p]) {
				return want
			}
		case p+2 < end && m.pat[p+1] == '-':
			if m.pat[p] <= c && c <= m.pat[p+2] {
				return want
			}
			p += 2
		case m.pat[p] == c:
			return want
		}
	}
	return !want
}

// single tells whether the character at s matches the class at p, which ends at ep.
func (m *matcher) single(s, p, ep int) bool {
	if s >= len(m.src) {
		return false
	}
	c := m.src[s]
	switch m.pat[p] {
	case '.':
		return true
	case '%':
		return inClass(c, m.pat[p+1])
	case '[':
		m.limit.step((ep - p) / 16)
		return m.inSet(c, p, ep-1)
	}
	return m.pat[p] == c
}

// match gives the end of a match of the pattern from p on at s, or -1.
func (m *matcher) match(s, p int) int {
	if m.depth++; m.depth > patternDepth {
		m.error("pattern too complex")
	}
	defer func() { m.depth-- }()
	for p < len(m.pat) {
		m.limit.step(1)
		switch m.pat[p] {
		case '(':
			if p+1 < len(m.pat) && m.pat[p+1] == ')' {
				return m.open(s, p+2, posCapture)
			}
			return m.open(s, p+1, openCapture)
		case ')':
			return m.close(s, p+1)
		case '$':
			if p+1 == len(m.pat) {
				if s == len(m.src) {
					return s
				}
				return -1
			}
		case '%':
			if p+1 >= len(m.pat) {
				break
			}
			switch c := m.pat[p+1]; {
			case c == 'b':
				if s = m.balanced(s, p+2); s < 0 {
					return -1
				}
				p += 4
				continue
			case c == 'f':
				ep, ok := m.frontier(s, p+2)
				if !ok {
					return -1
				}
				p = ep
				continue
			case isDigit(c):
				if s = m.back(s, c); s < 0 {
					return -1
				}
				p += 2
				continue
			}
		}
		ep := m.classEnd(p)
		if ep < len(m.pat) {
			switch m.pat[ep] {
			case '?':
				if m.single(s, p, ep) {
					if e := m.match(s+1, ep+1); e >= 0 {
						return e
					}
				}
				p = ep + 1
				continue
			case '*':
				return m.most(s, p, ep)
			case '+':
				if !m.single(s, p, ep) {
					return -1
				}
				return m.most(s+1, p, ep)
			case '-':
				return m.least(s, p, ep)
			}
		}
		if !m.single(s, p, ep) {
			return -1
		}
		s, p = s+1, ep
	}
	return s
}

func (m *matcher) most(s, p, ep int) int {
	n := 0
	for m.single(s+n, p, ep) {
		n++
	}
	m.limit.step(n / 4)
	for ; n >= 0; n-- {
		m.limit.step(1)
		if e := m.match(s+n, ep+1); e >= 0 {
			return e
		}
	}
	return -1
}

func (m *matcher) least(s, p, ep int) int {
	for {
		m.limit.step(1)
		if e := m.match(s, ep+1); e >= 0 {
			return e
		}
		if !m.single(s, p, ep) {
			return -1
		}
		s++
	}
}

func (m *matcher) open(s, p, what int) int {
	if m.level >= maxCaptures {
		m.error("too many captures")
	}
	m.captures[m.level] = capture{s, what}
	m.level++
	e := m.match(s, p)
	if e < 0 {
		m.level--
	}
	return e
}

func (m *matcher) close(s, p int) int {
	i := m.level - 1
	for i >= 0 && m.captures[i].length != openCapture {
		i--
	}
	if i < 0 {
		m.error("invalid pattern capture")
	}
	m.captures[i].length = s - m.captures[i].start
	e := m.match(s, p)
	if e < 0 {
		m.captures[i].length = openCapture
	}
	return e
}

func (m *matcher) balanced(s, p int) int {
	if p+1 >= len(m.pat) {
		m.error("unbalanced pattern")
	}
	if s >= len(m.src) || m.src[s] != m.pat[p] {
		return -1
	}
	depth := 1
	for i := s + 1; i < len(m.src); i++ {
		switch m.src[i] {
		case m.pat[p+1]:
			if depth--; depth == 0 {
				m.limit.step((i - s) / 4)
				return i + 1
			}
		case m.pat[p]:
			depth++
		}
	}
	m.limit.step((len(m.src) - s) / 4)
	return -1
}

func (m *matcher) frontier(s, p int) (ep int, ok bool) {
	if p >= len(m.pat) || m.pat[p] != '[' {
		m.error("missing '[' after '%f' in pattern")
	}
	ep = m.classEnd(p)
	var before, at byte
	if s > 0 {
		before = m.src[s-1]
	}
	if s < len(m.src) {
		at = m.src[s]
	}
	return ep, !m.inSet(before, p, ep-1) && m.inSet(at, p, ep-1)
}

func (m *matcher) back(s int, digit byte) int {
	i := int(digit) - '1'
	if i < 0 || i >= m.level || m.captures[i].length == openCapture {
		m.error("invalid capture index")
	}
	c := m.captures[i]
	n := max(c.length, 0)
	m.limit.step(n / 16)
	if len(m.src)-s >= n && m.src[c.start:c.start+n] == m.src[s:s+n] {
		return s + n
	}
	return -1
}

// value gives capture i of a match from s to e.
func (m *matcher) value(i, s, e int) lua.LValue {
	if i >= m.level {
		if i != 0 {
			m.error("invalid capture index")
		}
		return lua.LString(m.src[s:e])
	}
	c := m.captures[i]
	switch c.length {
	case openCapture:
		m.error("unfinished capture")
	case posCapture:
		return lua.LNumber(c.start + 1)
	}
	return lua.LString(m.src[c.start : c.start+c.length])
}

// push pushes all captures, or the whole match when there are none, and gives their
// number.
func (m *matcher) push(L *lua.LState, s, e int, whole bool) int {
	n := m.level
	if n == 0 && whole {
		n = 1
	}
	for i := range n {
		L.Push(m.value(i, s, e))
	}
	return n
}

// guard turns errors of patterns into errors of the script.
func guard(L *lua.LState) {
	if r := recover(); r != nil {
		if text, ok := r.(patternError); ok {
			raise(L, "%s", string(text))
		}
		panic(r)
	}
}
