package glua

import (
	"math"
	"strconv"

	lua "github.com/yuin/gopher-lua"

	"github.com/redstart-db/redstart/internal/num"
	"github.com/redstart-db/redstart/internal/resp"
)

// replyDepth is how deep a reply of a script may be nested; Redis ends at its C stack.
const replyDepth = 190

// appendReply appends what a script returned, for a client of a protocol.
func (m *machine) appendReply(dst []byte, v lua.LValue, proto, depth int) []byte {
	switch v := v.(type) {
	case lua.LString:
		return resp.AppendBulkString(dst, string(v))
	case lua.LNumber:
		return resp.AppendInt(dst, wideInt(v))
	case lua.LBool:
		switch {
		case m.resp3:
			return resp.AppendBool(dst, bool(v), proto)
		case bool(v):
			return resp.AppendInt(dst, 1)
		}
		return resp.AppendNull(dst, proto)
	case *lua.LTable:
		if depth >= replyDepth {
			return resp.AppendError(dst, "ERR reached lua stack limit")
		}
		return m.appendTable(dst, m.realOf(v), proto, depth+1)
	}
	return resp.AppendNull(dst, proto)
}

func (m *machine) appendTable(dst []byte, t *lua.LTable, proto, depth int) []byte {
	if s, ok := t.RawGetString("err").(lua.LString); ok {
		return resp.AppendError(dst, clean(s))
	}
	if s, ok := t.RawGetString("ok").(lua.LString); ok {
		return resp.AppendSimple(dst, clean(s))
	}
	if n, ok := t.RawGetString("double").(lua.LNumber); ok {
		return resp.AppendDouble(dst, float64(n), proto)
	}
	if inner, ok := t.RawGetString("map").(*lua.LTable); ok {
		n := 0
		inner.ForEach(func(_, _ lua.LValue) { n++ })
		dst = resp.AppendMap(dst, n, proto)
		inner.ForEach(func(k, v lua.LValue) {
			dst = m.appendReply(dst, k, proto, depth)
			dst = m.appendReply(dst, v, proto, depth)
		})
		return dst
	}
	if inner, ok := t.RawGetString("set").(*lua.LTable); ok {
		n := 0
		inner.ForEach(func(_, _ lua.LValue) { n++ })
		dst = resp.AppendSet(dst, n, proto)
		inner.ForEach(func(k, _ lua.LValue) { dst = m.appendReply(dst, k, proto, depth) })
		return dst
	}
	if s, ok := t.RawGetString("big_number").(lua.LString); ok {
		return resp.AppendBigNumber(dst, clean(s), proto)
	}
	if inner, ok := t.RawGetString("verbatim_string").(*lua.LTable); ok {
		s, ok := inner.RawGetString("string").(lua.LString)
		format, both := inner.RawGetString("format").(lua.LString)
		if !ok || !both {
			return resp.AppendArray(dst, 0)
		}
		return resp.AppendVerbatim(dst, (string(format) + "   ")[:3], []byte(s), proto)
	}
	n := 0
	for t.RawGet(lua.LNumber(n+1)) != lua.LNil {
		n++
	}
	dst = resp.AppendArray(dst, n)
	for i := 1; i <= n; i++ {
		dst = m.appendReply(dst, t.RawGet(lua.LNumber(i)), proto, depth)
	}
	return dst
}

// clean gives a text without line ends, which would end the reply.
func clean(v lua.LValue) string {
	b := appendString(nil, v)
	for i, c := range b {
		if c == '\r' || c == '\n' {
			b[i] = ' '
		}
	}
	return string(b)
}

// fromReply makes a value of the reply to a command and gives what is behind it. The
// reply is the server's own, so it is whole.
func (m *machine) fromReply(L *lua.LState, b []byte) (lua.LValue, []byte) {
	kind := b[0]
	end := 1
	for b[end] != '\r' {
		end++
	}
	line, rest := b[1:end], b[end+2:]
	switch kind {
	case '+', '-':
		t := L.CreateTable(0, 1)
		if kind == '+' {
			t.RawSetString("ok", lua.LString(line))
		} else {
			t.RawSetString("err", lua.LString(line))
		}
		return t, rest
	case ':':
		n, _ := num.ParseInt(line)
		return lua.LNumber(n), rest
	case '_':
		return lua.LNil, rest
	case '#':
		return lua.LBool(line[0] == 't'), rest
	case ',':
		f, err := strconv.ParseFloat(string(line), 64)
		if err != nil {
			f = math.NaN()
		}
		return field(L, "double", lua.LNumber(f)), rest
	case '(':
		return field(L, "big_number", lua.LString(line)), rest
	}
	n64, _ := num.ParseInt(line)
	n := int(n64)
	if n < 0 {
		return lua.LFalse, rest
	}
	if kind == '|' { // attributes are not for scripts
		for range 2 * n {
			_, rest = m.fromReply(L, rest)
		}
		return m.fromReply(L, rest)
	}
	switch kind {
	case '$', '=':
		s := rest[:n]
		rest = rest[n+2:]
		if kind == '$' {
			return text(s), rest
		}
		t := L.CreateTable(0, 2)
		t.RawSetString("format", lua.LString(s[:3]))
		t.RawSetString("string", lua.LString(s[4:]))
		return field(L, "verbatim_string", t), rest
	case '%', '~':
		return m.fromPairs(L, kind == '%', n, rest)
	}
	t := L.CreateTable(n, 0)
	for range n {
		var v lua.LValue
		v, rest = m.fromReply(L, rest)
		t.Append(v)
	}
	return t, rest
}

func field(L *lua.LState, name string, v lua.LValue) *lua.LTable {
	t := L.CreateTable(0, 1)
	t.RawSetString(name, v)
	return t
}

// fromPairs makes {map = {k = v}} or {set = {k = true}}.
func (m *machine) fromPairs(L *lua.LState, pairs bool, n int, rest []byte) (lua.LValue, []byte) {
	t := L.CreateTable(0, n)
	for range n {
		var k, v lua.LValue
		k, rest = m.fromReply(L, rest)
		v = lua.LTrue
		if pairs {
			v, rest = m.fromReply(L, rest)
		}
		if k != lua.LNil {
			t.RawSet(k, v)
		}
	}
	if pairs {
		return field(L, "map", t), rest
	}
	return field(L, "set", t), rest
}
