package glua

import (
	"math/rand/v2"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// maxArray is from which index on an element of a table is in the hash. The
// interpreter fills an array up to an index that is set, in one instruction.
var maxArray = limitArrays(1 << 16)

// limitArrays sets the interpreter's own bound, once, before anything runs.
func limitArrays(n int) int {
	lua.MaxArrayIndex = n
	return n
}

const readonly = "Attempt to modify a readonly table"

// newMachine makes an interpreter with the libraries of scripts, or of functions.
func newMachine(limit *limiter, o Options, functions bool) *machine {
	L := lua.NewState(lua.Options{
		SkipOpenLibs: true, CallStackSize: callDepth, RegistrySize: 256, RegistryMaxSize: registers,
		RegistryGrowStep: 4096, MinimizeStackMemory: true,
	})
	L.Options.RegistryGrowStep = 256 // of coroutines
	m := &machine{l: L, limit: limit, reals: make(map[*lua.LTable]*lua.LTable), json: jsonDefaults()}
	L.SetContext(limit)
	limit.begin(nil)
	for _, lib := range []struct {
		name string
		open lua.LGFunction
	}{{"", lua.OpenBase}, {"table", lua.OpenTable}, {"math", lua.OpenMath}, {"string", lua.OpenString}, {"coroutine", lua.OpenCoroutine}} {
		L.Push(L.NewFunction(lib.open))
		L.Push(lua.LString(lib.name))
		L.Call(1, 0)
	}
	old := L.Get(lua.GlobalsIndex).(*lua.LTable)
	// What is not adopted is garbage.
	L.G.Registry = L.CreateTable(0, 0)
	m.refuse = L.NewFunction(func(L *lua.LState) int {
		raise(L, readonly)
		return 0
	})
	m.globals = L.CreateTable(0, 40)
	m.env = m.protect(m.globals, true)
	m.refuse.Env, L.Env, L.G.Global = m.env, m.env, m.env
	for _, name := range []string{"getmetatable", "rawequal", "rawget", "select", "tonumber", "tostring", "type", "next", "_VERSION"} {
		m.globals.RawSetString(name, m.adopt(old.RawGetString(name)))
	}
	if o.Deprecated {
		for _, name := range []string{"getfenv", "setfenv", "newproxy"} {
			m.globals.RawSetString(name, m.adopt(old.RawGetString(name)))
		}
	}
	m.callUnheard = L.NewFunction(func(L *lua.LState) int { return m.command(L, true, false) })
	m.pcallUnheard = L.NewFunction(func(L *lua.LState) int { return m.command(L, false, false) })
	m.null = L.NewUserData()
	mt := L.CreateTable(0, 1)
	mt.RawSetString("__tostring", L.NewFunction(func(L *lua.LState) int {
		L.Push(lua.LString("userdata: (nil)"))
		return 1
	}))
	m.null.Metatable = mt
	m.openBase(old)
	m.openStrings()
	m.openTables(old.RawGetString("table").(*lua.LTable))
	m.openMath(old.RawGetString("math").(*lua.LTable))
	m.openNameless()
	m.openCoroutines(old.RawGetString("coroutine").(*lua.LTable))
	m.openBit()
	m.openJSON()
	m.openPack()
	m.openStruct()
	m.openRedis(o, functions)
	m.globals.RawSetString("_G", m.env)
	m.random.seed(int32(rand.Uint32()))
	m.catch = L.NewFunction(m.noteError)
	m.same = L.NewFunction(func(*lua.LState) int { return 1 })
	L.Pop(L.GetTop())
	return m
}

// adopt takes over what the interpreter's own libraries have: a function belongs to the
// environment of scripts, and no longer keeps the one it was made in.
func (m *machine) adopt(v lua.LValue) lua.LValue {
	if fn, ok := v.(*lua.LFunction); ok {
		fn.Env = m.env
	}
	return v
}

// protect gives an empty table that shows what is in t and refuses writes. Of globals,
// reading one that does not exist is an error.
func (m *machine) protect(t *lua.LTable, globals bool) *lua.LTable {
	proxy, mt := m.l.CreateTable(0, 0), m.l.CreateTable(0, 2)
	mt.RawSetString("__newindex", m.refuse)
	mt.RawSetString("__index", t)
	if globals {
		missing := m.l.CreateTable(0, 1)
		missing.RawSetString("__index", m.l.NewFunction(func(L *lua.LState) int {
			raise(L, "Script attempted to access nonexistent global variable '%s'", L.Get(2).String())
			return 0
		}))
		t.Metatable = missing
	}
	proxy.Metatable = mt
	m.reals[proxy] = t
	return proxy
}

// realOf gives the table behind a proxy, or the table itself.
func (m *machine) realOf(t *lua.LTable) *lua.LTable {
	if real, ok := m.reals[t]; ok {
		return real
	}
	return t
}

// writable refuses a table that scripts may not change.
func (m *machine) writable(L *lua.LState, t *lua.LTable) *lua.LTable {
	if _, ok := m.reals[t]; ok {
		L.Error(lua.LString(readonly), 0)
	}
	return t
}

func (m *machine) set(t *lua.LTable, funcs map[string]lua.LGFunction) {
	for name, f := range funcs {
		t.RawSetString(name, m.l.NewFunction(f))
	}
}

// module enters a library of globals, protected.
func (m *machine) module(name string, t *lua.LTable) {
	m.globals.RawSetString(name, m.protect(t, false))
}

func (m *machine) openBase(old *lua.LTable) {
	m.set(m.globals, map[string]lua.LGFunction{
		"error": luaError, "assert": luaAssert,
		"pcall": m.pcall, "xpcall": m.xpcall, "load": m.load, "loadstring": m.loadString, "next": m.next,
		"rawset": func(L *lua.LState) int {
			t := m.writable(L, L.CheckTable(1))
			L.CheckAny(2)
			m.checkKey(L, L.Get(2))
			t.RawSet(L.Get(2), L.CheckAny(3))
			L.SetTop(1)
			return 1
		},
		"rawget": func(L *lua.LState) int {
			L.Push(m.realOf(L.CheckTable(1)).RawGet(L.CheckAny(2)))
			return 1
		},
		"setmetatable": m.setMetatable,
		"getmetatable": m.getMetatable,
		"unpack":       m.unpack,
		"gcinfo": func(L *lua.LState) int {
			L.Push(lua.LNumber(startBytes >> 10))
			return 1
		},
		"collectgarbage": func(L *lua.LState) int {
			n := lua.LNumber(0)
			if L.OptString(1, "collect") == "count" {
				n = startBytes >> 10
			}
			L.Push(n)
			return 1
		},
		"tostring": func(L *lua.LState) int {
			v := L.CheckAny(1)
			if n, ok := v.(lua.LNumber); ok {
				L.Push(lua.LString(appendString(nil, n)))
				return 1
			}
			L.Push(L.ToStringMeta(v))
			return 1
		},
		"tonumber": m.toNumber,
	})
	next := m.globals.RawGetString("next")
	m.globals.RawSetString("pairs", m.l.NewFunction(func(L *lua.LState) int {
		t := L.CheckTable(1)
		L.Push(next)
		L.Push(t)
		L.Push(lua.LNil)
		return 3
	}))
	step := m.l.NewFunction(func(L *lua.LState) int {
		i := L.CheckInt(2) + 1
		v := L.CheckTable(1).RawGet(lua.LNumber(i))
		if v == lua.LNil {
			L.Push(lua.LNil)
			return 1
		}
		L.Push(lua.LNumber(i))
		L.Push(v)
		return 2
	})
	m.globals.RawSetString("ipairs", m.l.NewFunction(func(L *lua.LState) int {
		t := L.CheckTable(1)
		L.Push(step)
		L.Push(m.realOf(t))
		L.Push(lua.LNumber(0))
		return 3
	}))
}

func (m *machine) checkKey(L *lua.LState, k lua.LValue) {
	if n, ok := k.(lua.LNumber); ok && n != n {
		raise(L, "table index is NaN")
	}
	if k == lua.LNil {
		raise(L, "table index is nil")
	}
}

func (m *machine) next(L *lua.LState) int {
	t := m.realOf(L.CheckTable(1))
	k, v := t.Next(L.Get(2))
	if k == lua.LNil {
		L.Push(lua.LNil)
		return 1
	}
	L.Push(k)
	L.Push(v)
	return 2
}

func (m *machine) toNumber(L *lua.LState) int {
	base := L.OptInt(2, 10)
	v := L.CheckAny(1)
	if n, ok := v.(lua.LNumber); ok && base == 10 {
		L.Push(n)
		return 1
	}
	s, ok := v.(lua.LString)
	if !ok {
		L.Push(lua.LNil)
		return 1
	}
	if base < 2 || base > 36 {
		L.ArgError(2, "base out of range")
	}
	if base == 10 {
		if n, ok := parseNumber(string(s)); ok {
			L.Push(n)
		} else {
			L.Push(lua.LNil)
		}
		return 1
	}
	text := strings.ToLower(strings.Trim(string(s), " \t\n\v\f\r"))
	if base == 16 {
		text = strings.TrimPrefix(text, "0x")
	}
	if n, err := strconv.ParseUint(strings.TrimPrefix(text, "-"), base, 64); err == nil {
		if strings.HasPrefix(text, "-") {
			n = -n
		}
		L.Push(lua.LNumber(n))
	} else {
		L.Push(lua.LNil)
	}
	return 1
}

// parseNumber reads a number as Lua does.
func parseNumber(s string) (lua.LNumber, bool) {
	s = strings.Trim(s, " \t\n\v\f\r")
	if strings.ContainsAny(s, "_pP") && !strings.HasPrefix(strings.ToLower(strings.TrimLeft(s, "+-")), "0x") || strings.Contains(s, "_") {
		return 0, false
	}
	low := strings.ToLower(strings.TrimLeft(s, "+-"))
	if strings.HasPrefix(low, "0x") && !strings.Contains(low, "p") {
		n, err := strconv.ParseUint(low[2:], 16, 64)
		if err != nil {
			return 0, false
		}
		if strings.HasPrefix(s, "-") {
			return -lua.LNumber(n), true
		}
		return lua.LNumber(n), true
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && f == 0 {
		return 0, false
	}
	return lua.LNumber(f), err == nil || f != 0
}

func (m *machine) setMetatable(L *lua.LState) int {
	t := m.writable(L, L.CheckTable(1))
	mt := L.CheckAny(2)
	if mt != lua.LNil && mt.Type() != lua.LTTable {
		L.ArgError(2, "nil or table expected")
	}
	if old, ok := t.Metatable.(*lua.LTable); ok && old.RawGetString("__metatable") != lua.LNil {
		raise(L, "cannot change a protected metatable")
	}
	L.SetMetatable(t, mt)
	L.SetTop(1)
	return 1
}

func (m *machine) getMetatable(L *lua.LState) int {
	v := L.CheckAny(1)
	t, isTable := v.(*lua.LTable)
	if nameless(v) {
		L.Push(lua.LNil)
		return 1
	}
	at := v
	if isTable {
		at = m.realOf(t)
	}
	mt, ok := L.GetMetatable(at).(*lua.LTable)
	if !ok {
		L.Push(lua.LNil)
		return 1
	}
	if p := mt.RawGetString("__metatable"); p != lua.LNil {
		L.Push(p)
		return 1
	}
	if _, shared := m.reals[t]; isTable && shared || !isTable && v.Type() != lua.LTUserData || v == lua.LValue(m.null) {
		mt = m.protect(mt, false) // of all scripts
	}
	L.Push(mt)
	return 1
}

func (m *machine) unpack(L *lua.LState) int {
	t := m.realOf(L.CheckTable(1))
	from, to := L.OptNumber(2, 1), lua.LNumber(0)
	if v := L.Get(3); v != lua.LNil {
		to = L.CheckNumber(3)
	} else {
		to = lua.LNumber(m.border(t))
	}
	i, j := toInt32(from), toInt32(to)
	if i > j {
		return 0
	}
	n := int64(j) - int64(i) + 1
	if n >= 8000 || n <= 0 {
		raise(L, "too many results to unpack")
	}
	for k := int64(i); k <= int64(j); k++ {
		L.Push(t.RawGet(lua.LNumber(k)))
	}
	return int(n)
}

// toInt32 converts a number as C does on the machines that matter.
func toInt32(n lua.LNumber) int32 {
	if n != n || n >= 1<<63 || n < -1<<63 {
		return -1 << 31
	}
	return int32(int64(n))
}

// where gives the place of a level of calls, as errors begin with: 0 is the function that
// runs. Functions of this package have none.
func where(L *lua.LState, level int) string {
	dbg, ok := L.GetStack(level)
	if !ok {
		return ""
	}
	if _, err := L.GetInfo("Sl", dbg, lua.LNil); err != nil || dbg.What == "Go" || dbg.CurrentLine <= 0 {
		return ""
	}
	return dbg.Source + ":" + strconv.Itoa(dbg.CurrentLine) + ": "
}

func luaError(L *lua.LState) int {
	v, level := L.Get(1), L.OptInt(2, 1)
	if isText(v) && level > 0 {
		v = lua.LString(where(L, level) + v.String())
	}
	L.Error(v, 0)
	return 0
}

func luaAssert(L *lua.LState) int {
	if lua.LVIsFalse(L.CheckAny(1)) {
		L.Error(lua.LString(where(L, 1)+L.OptString(2, "assertion failed!")), 0)
	}
	return L.GetTop()
}

// callSteps is what a protected call counts for: nested ones take much of Go's stack.
const callSteps = 50

func (m *machine) pcall(L *lua.LState) int {
	m.limit.step(callSteps)
	L.CheckAny(1)
	n := L.GetTop() - 1
	if err := L.PCall(n, lua.MultRet, m.same); err != nil {
		v := m.caught(err)
		L.SetTop(0)
		L.Push(lua.LFalse)
		L.Push(v)
		return 2
	}
	L.Insert(lua.LTrue, 1)
	return L.GetTop()
}

func (m *machine) xpcall(L *lua.LState) int {
	m.limit.step(callSteps)
	fn, handler := L.Get(1), L.CheckFunction(2)
	L.SetTop(0)
	L.Push(fn)
	if err := L.PCall(0, lua.MultRet, m.same); err != nil {
		v := m.caught(err)
		L.SetTop(0)
		L.Push(handler)
		L.Push(v)
		L.Call(1, 1)
		L.Insert(lua.LFalse, 1)
		return 2
	}
	L.Insert(lua.LTrue, 1)
	return L.GetTop()
}

func (m *machine) loadString(L *lua.LState) int {
	return m.loadSource(L, L.CheckString(1), L.OptString(2, "[string \"loadstring\"]"))
}

func (m *machine) load(L *lua.LState) int {
	fn := L.CheckFunction(1)
	name := L.OptString(2, "=(load)")
	var b []byte
	for {
		L.Push(fn)
		L.Call(0, 1)
		v := L.Get(-1)
		L.Pop(1)
		s, ok := v.(lua.LString)
		if !ok || s == "" {
			break
		}
		m.limit.grow(len(s))
		if b = append(b, s...); len(b) > maxSource {
			raise(L, "chunk is too long")
		}
	}
	return m.loadSource(L, string(b), name)
}

// maxSource is the longest source that a script may compile, in bytes.
const maxSource = 16 << 20

func (m *machine) loadSource(L *lua.LState, src, name string) int {
	if len(src) > maxSource {
		raise(L, "chunk is too long")
	}
	m.limit.grow(32 * len(src))
	m.limit.step(len(src))
	code, err := compile(src, strings.TrimLeft(name, "=@"), true)
	if err != nil {
		L.Push(lua.LNil)
		L.Push(lua.LString(err.Error()))
		return 2
	}
	m.bind(L, code, m.env)
	return 1
}

func (m *machine) openCoroutines(old *lua.LTable) {
	t := m.l.CreateTable(0, 6)
	for _, name := range []string{"yield", "status", "running"} {
		t.RawSetString(name, m.adopt(old.RawGetString(name)))
	}
	create, resume := old.RawGetString("create").(*lua.LFunction), old.RawGetString("resume").(*lua.LFunction)
	m.set(t, map[string]lua.LGFunction{
		"create": func(L *lua.LState) int {
			m.limit.grow(16 << 10)
			create.GFunction(L)
			L.Get(-1).(*lua.LState).SetContext(m.limit)
			return 1
		},
		"resume": func(L *lua.LState) int {
			depth := 0
			for up := L; up.Parent != nil; up = up.Parent {
				if depth++; depth > coroutineDepth {
					raise(L, "C stack overflow")
				}
			}
			return resume.GFunction(L)
		},
	})
	m.globals.RawSetString("coroutine", t)
	code, err := compile(wrapSource, "coroutine", true)
	if err != nil {
		panic(err)
	}
	m.bind(m.l, code, m.globals)
	m.l.Get(-1).(*lua.LFunction).Env = m.globals
	m.l.Call(0, 1)
	t.RawSetString("wrap", m.l.Get(-1))
	m.l.Pop(1)
	m.module("coroutine", t)
}

const wrapSource = `
local create, resume, error, select = coroutine.create, coroutine.resume, error, select
local function give(ok, ...)
	if not ok then error(..., 0) end
	return ...
end
return function(f)
	local co = create(f)
	return function(...) return give(resume(co, ...)) end
end`
