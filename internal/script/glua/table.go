package glua

import (
	lua "github.com/yuin/gopher-lua"
)

// openTables makes the library of tables. What changes a table refuses those that
// scripts share.
func (m *machine) openTables() {
	t := m.l.CreateTable(0, 10)
	m.set(t, map[string]lua.LGFunction{
		"insert": m.tableInsert, "remove": m.tableRemove, "concat": m.tableConcat,
		"sort": m.tableSort,
		"getn": func(L *lua.LState) int {
			L.Push(lua.LNumber(m.border(checkTable(L, 1))))
			return 1
		},
		"setn": func(L *lua.LState) int {
			checkTable(L, 1)
			raise(L, "'setn' is obsolete")
			return 0
		},
		"maxn": func(L *lua.LState) int {
			most := lua.LNumber(0)
			m.realOf(checkTable(L, 1)).ForEach(func(k, _ lua.LValue) {
				if n, ok := k.(lua.LNumber); ok && n > most {
					most = n
				}
			})
			L.Push(most)
			return 1
		},
		"foreach": func(L *lua.LState) int {
			t, fn := m.realOf(checkTable(L, 1)), checkFunction(L, 2)
			for k, v := t.Next(lua.LNil); k != lua.LNil; k, v = t.Next(k) {
				if m.foreach(L, fn, k, v) {
					return 1
				}
			}
			return 0
		},
		"foreachi": func(L *lua.LState) int {
			t, fn := m.realOf(checkTable(L, 1)), checkFunction(L, 2)
			for i := 1; i <= m.border(t); i++ {
				if m.foreach(L, fn, lua.LNumber(i), t.RawGet(lua.LNumber(i))) {
					return 1
				}
			}
			return 0
		},
	})
	m.module("table", t)
}

// foreach calls fn and tells whether it gave a value, which is left on the stack.
func (m *machine) foreach(L *lua.LState, fn *lua.LFunction, k, v lua.LValue) bool {
	L.Push(fn)
	L.Push(k)
	L.Push(v)
	L.Call(2, 1)
	if L.Get(-1) != lua.LNil {
		return true
	}
	L.Pop(1)
	return false
}

func (m *machine) tableInsert(L *lua.LState) int {
	t := m.writable(L, checkTable(L, 1))
	n := m.border(t)
	switch L.GetTop() {
	case 2:
		t.RawSet(lua.LNumber(n+1), L.Get(2))
	case 3:
		pos := checkInt(L, 2)
		if pos > n+1 {
			n = pos - 1
		}
		m.limit.step((n - pos + 1) / 16)
		for i := n; i >= pos; i-- {
			t.RawSet(lua.LNumber(i+1), t.RawGet(lua.LNumber(i)))
			if i&0xffff == 0 {
				m.limit.step(pollSteps)
			}
		}
		t.RawSet(lua.LNumber(pos), L.Get(3))
	default:
		raise(L, "wrong number of arguments to 'insert'")
	}
	return 0
}

func (m *machine) tableRemove(L *lua.LState) int {
	t := m.writable(L, checkTable(L, 1))
	n := m.border(t)
	pos := optInt(L, 2, n)
	if pos < 1 || pos > n {
		return 0
	}
	m.limit.step((n - pos) / 16)
	L.Push(t.RawGet(lua.LNumber(pos)))
	for i := pos; i < n; i++ {
		t.RawSet(lua.LNumber(i), t.RawGet(lua.LNumber(i+1)))
	}
	if n < maxArray {
		t.Remove(n) // so that its array becomes shorter
	} else {
		t.RawSet(lua.LNumber(n), lua.LNil)
	}
	return 1
}

func (m *machine) tableConcat(L *lua.LState) int {
	sep := optString(L, 2, "")
	t := m.realOf(checkTable(L, 1))
	from, to := optInt(L, 3, 1), 0
	if L.Get(4) != lua.LNil {
		to = checkInt(L, 4)
	} else {
		to = m.border(t)
	}
	var b []byte
	had := 0
	for i := from; i <= to; i++ {
		v := t.RawGet(lua.LNumber(i))
		if !isText(v) {
			raise(L, "invalid value (%s) at index %d in table for 'concat'", v.Type().String(), i)
		}
		if s, ok := v.(lua.LString); ok && len(b)+len(s) > maxString {
			m.limit.grow(len(b) + len(s))
		}
		b = appendString(b, v)
		if i < to {
			b = appendLong(b, sep)
		}
		if len(b)-had > 1<<16 || i&0x3ff == 0 {
			m.limit.grow(len(b) - had)
			m.limit.step((len(b) - had) / 64)
			had = len(b)
		}
	}
	L.Push(text(b))
	return 1
}
