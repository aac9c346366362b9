package glua

import (
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// openStrings makes the library of strings: nothing in it takes more time or memory
// in one call than the limiter is told.
func (m *machine) openStrings() {
	t := m.l.CreateTable(0, 16)
	m.set(t, map[string]lua.LGFunction{
		"byte": m.strByte, "char": m.strChar, "find": m.strFind, "match": m.strMatch, "gmatch": m.strGmatch,
		"gfind": m.strGmatch, "gsub": m.strGsub, "rep": m.strRep, "format": m.strFormat, "sub": m.strSub,
		"len": func(L *lua.LState) int {
			L.Push(lua.LNumber(len(checkString(L, 1))))
			return 1
		},
		"lower": m.strMap(func(c byte) byte {
			if c >= 'A' && c <= 'Z' {
				c += 'a' - 'A'
			}
			return c
		}),
		"upper": m.strMap(func(c byte) byte {
			if c >= 'a' && c <= 'z' {
				c -= 'a' - 'A'
			}
			return c
		}),
		"reverse": func(L *lua.LState) int {
			s := checkString(L, 1)
			m.limit.grow(len(s))
			b := make([]byte, len(s))
			for i := range len(s) {
				b[len(s)-1-i] = s[i]
			}
			L.Push(text(b))
			return 1
		},
		"dump": func(L *lua.LState) int {
			// What it gives is refused wherever a source is compiled.
			checkFunction(L, 1)
			L.Push(lua.LString("\x1bLua"))
			return 1
		},
	})
	m.module("string", t)
	m.onStrings = m.l.CreateTable(0, 10)
	m.onStrings.RawSetString("__index", m.globals.RawGetString("string"))
	m.l.SetMetatable(lua.LString(""), m.onStrings)
}

func (m *machine) strMap(f func(byte) byte) lua.LGFunction {
	return func(L *lua.LState) int {
		s := checkString(L, 1)
		m.limit.grow(len(s))
		b := make([]byte, len(s))
		for i := range len(s) {
			b[i] = f(s[i])
		}
		L.Push(text(b))
		return 1
	}
}

// span turns positions as scripts give them into a range of n bytes.
func span(from, to, n int) (i, j int) {
	if from < 0 {
		from = max(from+n+1, 1)
	} else if from == 0 {
		from = 1
	}
	if to < 0 {
		to += n + 1
	}
	to = min(to, n)
	if from > to {
		return 0, 0
	}
	return from - 1, to
}

func (m *machine) strSub(L *lua.LState) int {
	s := checkString(L, 1)
	i, j := span(int(checkLong(L, 2)), int(optLong(L, 3, -1)), len(s))
	L.Push(lua.LString(s[i:j]))
	return 1
}

func (m *machine) strByte(L *lua.LState) int {
	s := checkString(L, 1)
	from := optLong(L, 2, 1)
	if from < 0 {
		from = max(from+int64(len(s))+1, 0)
	}
	i, j := span(int(from), int(optLong(L, 3, from)), len(s))
	if j-i > maxResults-L.GetTop() {
		raise(L, "stack overflow (string slice too long)")
	}
	for k := i; k < j; k++ {
		L.Push(lua.LNumber(s[k]))
	}
	return j - i
}

func (m *machine) strChar(L *lua.LState) int {
	b := make([]byte, L.GetTop())
	for i := range b {
		n := checkInt(L, i+1)
		if n < 0 || n > 255 {
			argError(L, i+1, "invalid value")
		}
		b[i] = byte(n)
	}
	L.Push(lua.LString(b))
	return 1
}

func (m *machine) strRep(L *lua.LState) int {
	s, n := checkString(L, 1), checkInt(L, 2)
	if n <= 0 || s == "" {
		L.Push(lua.LString(""))
		return 1
	}
	if n > maxString || n*len(s) > maxString {
		m.limit.grow(maxString + 1)
	}
	m.limit.grow(n * len(s))
	L.Push(repeated(s, n))
	return 1
}

const special = "^$*+?.([%-"

func (m *machine) strFind(L *lua.LState) int  { return m.find(L, true) }
func (m *machine) strMatch(L *lua.LState) int { return m.find(L, false) }

func (m *machine) find(L *lua.LState, positions bool) int {
	defer guard(L)
	s, p := checkString(L, 1), checkString(L, 2)
	init := int(optLong(L, 3, 1))
	if init < 0 {
		init = max(init+len(s), 0)
	} else {
		init = min(max(init-1, 0), len(s))
	}
	if positions && (L.ToBool(4) || !strings.ContainsAny(p, special)) {
		m.limit.step(len(s) / 64)
		i := strings.Index(s[init:], p)
		if i < 0 {
			L.Push(lua.LNil)
			return 1
		}
		L.Push(lua.LNumber(init + i + 1))
		L.Push(lua.LNumber(init + i + len(p)))
		return 2
	}
	start := 0
	if strings.HasPrefix(p, "^") {
		start = 1
	}
	x := matcher{src: s, pat: p, limit: m.limit}
	for at := init; at <= len(s); at++ {
		x.level = 0
		e := x.match(at, start)
		if e >= 0 {
			if !positions {
				return x.push(L, at, e, true)
			}
			L.Push(lua.LNumber(at + 1))
			L.Push(lua.LNumber(e))
			return 2 + x.push(L, at, e, false)
		}
		if start == 1 {
			break
		}
	}
	L.Push(lua.LNil)
	return 1
}

func (m *machine) strGmatch(L *lua.LState) int {
	s, p := checkString(L, 1), checkString(L, 2)
	at := 0
	L.Push(L.NewFunction(func(L *lua.LState) int {
		defer guard(L)
		x := matcher{src: s, pat: p, limit: m.limit}
		for ; at <= len(s); at++ {
			x.level = 0
			if e := x.match(at, 0); e >= 0 {
				from := at
				at = e
				if e == from {
					at++
				}
				return x.push(L, from, e, true)
			}
		}
		L.Push(lua.LNil)
		return 1
	}))
	return 1
}

func (m *machine) strGsub(L *lua.LState) int {
	defer guard(L)
	s, p, repl := checkString(L, 1), checkString(L, 2), L.Get(3)
	most := optInt(L, 4, len(s)+1)
	switch repl.Type() {
	case lua.LTString, lua.LTNumber, lua.LTTable, lua.LTFunction:
	default:
		argError(L, 3, "string/function/table expected")
	}
	start := 0
	if strings.HasPrefix(p, "^") {
		start = 1
	}
	x := matcher{src: s, pat: p, limit: m.limit}
	var b []byte
	at, n, had := 0, 0, 0
	for n < most {
		x.level = 0
		e := x.match(at, start)
		if e >= 0 {
			n++
			b = m.replace(L, &x, b, repl, at, e)
		}
		switch {
		case e > at:
			at = e
		case at < len(s):
			b = appendByte(b, s[at])
			at++
		default:
			at++
		}
		if len(b)-had > 1<<12 {
			m.limit.grow(len(b) - had)
			had = len(b)
		}
		if len(b) > maxString {
			m.limit.grow(len(b))
		}
		if at > len(s) || start == 1 {
			break
		}
	}
	if at < len(s) {
		b = appendLong(b, s[at:])
	}
	L.Push(text(b))
	L.Push(lua.LNumber(n))
	return 2
}

// replace appends what a match from s to e is replaced by.
func (m *machine) replace(L *lua.LState, x *matcher, b []byte, repl lua.LValue, s, e int) []byte {
	var v lua.LValue
	switch r := repl.(type) {
	case *lua.LFunction:
		L.Push(r)
		n := x.push(L, s, e, true)
		L.Call(n, 1)
		v = L.Get(-1)
		L.Pop(1)
	case *lua.LTable:
		v = L.GetTable(r, x.value(0, s, e))
	default:
		with := string(appendString(nil, repl))
		for i := 0; i < len(with); i++ {
			c := with[i]
			if c != '%' {
				b = appendByte(b, c)
				continue
			}
			i++
			switch {
			case i >= len(with):
				b = appendByte(b, 0) // as C goes on to the end of its string
			case with[i] == '0':
				b = appendLong(b, x.src[s:e])
			case isDigit(with[i]):
				b = appendString(b, x.value(int(with[i]-'1'), s, e))
			default:
				b = appendByte(b, with[i])
			}
			if len(b) > maxString {
				m.limit.grow(len(b))
			}
		}
		return b
	}
	switch {
	case !lua.LVAsBool(v):
		return appendLong(b, x.src[s:e])
	case isText(v):
		return appendString(b, v)
	default:
		raise(L, "invalid replacement value (a %s)", v.Type().String())
	}
	return b
}
