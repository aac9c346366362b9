package glua

import (
	"errors"
	"math"
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
	}{{"", lua.OpenBase}, {"coroutine", lua.OpenCoroutine}} {
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
	m.globals.RawSetString("_VERSION", old.RawGetString("_VERSION"))
	if o.Deprecated {
		m.openDeprecated(old)
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
	m.openTables()
	m.openMath()
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
	m.same = L.NewFunction(func(L *lua.LState) int {
		L.Push(nameCalled(L))
		return 1
	})
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
			t := m.writable(L, checkTable(L, 1))
			checkAny(L, 2)
			checkAny(L, 3)
			m.checkKey(L, L.Get(2))
			t.RawSet(L.Get(2), L.Get(3))
			L.SetTop(1)
			return 1
		},
		"rawget": func(L *lua.LState) int {
			L.Push(m.realOf(checkTable(L, 1)).RawGet(checkAny(L, 2)))
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
			if checkOption(L, 1, "collect", "count", "stop", "restart", "collect", "step", "setpause", "setstepmul") == 0 {
				n = startBytes >> 10
			}
			optInt(L, 2, 0)
			L.Push(n)
			return 1
		},
		"tostring": func(L *lua.LState) int {
			v := checkAny(L, 1)
			if n, ok := v.(lua.LNumber); ok {
				L.Push(lua.LString(appendString(nil, n)))
				return 1
			}
			L.Push(L.ToStringMeta(v))
			return 1
		},
		"tonumber": toNumberBase,
		"select":   baseSelect,
		"rawequal": func(L *lua.LState) int {
			checkAny(L, 1)
			checkAny(L, 2)
			L.Push(lua.LBool(L.RawEqual(L.Get(1), L.Get(2))))
			return 1
		},
		"type": func(L *lua.LState) int {
			L.Push(lua.LString(checkAny(L, 1).Type().String()))
			return 1
		},
	})
	next := m.globals.RawGetString("next")
	m.globals.RawSetString("pairs", m.l.NewFunction(func(L *lua.LState) int {
		t := checkTable(L, 1)
		L.Push(next)
		L.Push(t)
		L.Push(lua.LNil)
		return 3
	}))
	step := m.l.NewFunction(func(L *lua.LState) int {
		i := checkInt(L, 2) + 1
		v := checkTable(L, 1).RawGet(lua.LNumber(i))
		if v == lua.LNil {
			L.Push(lua.LNil)
			return 1
		}
		L.Push(lua.LNumber(i))
		L.Push(v)
		return 2
	})
	m.globals.RawSetString("ipairs", m.l.NewFunction(func(L *lua.LState) int {
		t := checkTable(L, 1)
		L.Push(step)
		L.Push(m.realOf(t))
		L.Push(lua.LNumber(0))
		return 3
	}))
}

// checkKey refuses what cannot be a key. As whatever the interpreter itself finds wrong
// while a library function runs, the error has no place.
func (m *machine) checkKey(L *lua.LState, k lua.LValue) {
	if n, ok := k.(lua.LNumber); ok && n != n {
		L.Error(lua.LString("table index is NaN"), 0)
	}
	if k == lua.LNil {
		L.Error(lua.LString("table index is nil"), 0)
	}
}

func (m *machine) next(L *lua.LState) int {
	t := m.realOf(checkTable(L, 1))
	k, v := t.Next(L.Get(2))
	if k == lua.LNil {
		L.Push(lua.LNil)
		return 1
	}
	L.Push(k)
	L.Push(v)
	return 2
}

func (m *machine) setMetatable(L *lua.LState) int {
	t := checkTable(L, 1)
	mt := L.Get(2)
	if L.GetTop() < 2 || mt != lua.LNil && mt.Type() != lua.LTTable {
		argError(L, 2, "nil or table expected")
	}
	m.writable(L, t)
	if old, ok := t.Metatable.(*lua.LTable); ok && old.RawGetString("__metatable") != lua.LNil {
		raise(L, "cannot change a protected metatable")
	}
	L.SetMetatable(t, mt)
	L.SetTop(1)
	return 1
}

func (m *machine) getMetatable(L *lua.LState) int {
	v := checkAny(L, 1)
	t, isTable := v.(*lua.LTable)
	if nameless(v) || v == lua.LValue(m.null) {
		L.Push(lua.LNil)
		return 1
	}
	at := v
	if isTable {
		at = m.realOf(t)
	}
	shown := L.GetMetatable(at)
	mt, ok := shown.(*lua.LTable)
	if !ok { // none, or what its field __metatable has in its place
		L.Push(shown)
		return 1
	}
	if v.Type() == lua.LTString { // without what computes with strings
		mt = L.CreateTable(0, 1)
		mt.RawSetString("__index", m.onStrings.RawGetString("__index"))
	}
	if _, shared := m.reals[t]; isTable && shared || !isTable && v.Type() != lua.LTUserData {
		mt = m.protect(mt, false) // of all scripts
	}
	L.Push(mt)
	return 1
}

func (m *machine) unpack(L *lua.LState) int {
	t := m.realOf(checkTable(L, 1))
	i := optInt(L, 2, 1)
	j := 0
	if L.Get(3) == lua.LNil {
		j = m.border(t)
	} else {
		j = checkInt(L, 3)
	}
	if i > j {
		return 0
	}
	n := j - i + 1
	if n > math.MaxInt32 || n > maxResults-L.GetTop() {
		raise(L, "too many results to unpack")
	}
	for k := i; k <= j; k++ {
		L.Push(t.RawGet(lua.LNumber(k)))
	}
	return n
}

// maxResults is about how many values a library function may have with its arguments.
const maxResults = 8000

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
	v, level := L.Get(1), optInt(L, 2, 1)
	if isText(v) && level > 0 {
		v = lua.LString(appendString([]byte(where(L, level)), v))
	}
	L.Error(v, 0)
	return 0
}

func luaAssert(L *lua.LState) int {
	if lua.LVIsFalse(checkAny(L, 1)) {
		L.Error(lua.LString(where(L, 1)+optString(L, 2, "assertion failed!")), 0)
	}
	return L.GetTop()
}

// callSteps is what a protected call counts for: nested ones take much of Go's stack.
const callSteps = 50

func (m *machine) pcall(L *lua.LState) int {
	m.limit.step(callSteps)
	n := L.GetTop() - 1
	if n < 0 {
		L.Push(lua.LTrue) // which is what Redis calls then
		n = 0
	}
	if fn := L.Get(1); !callable(L, fn) {
		L.SetTop(0)
		L.Push(lua.LFalse)
		L.Push(lua.LString("attempt to call a " + fn.Type().String() + " value"))
		return 2
	}
	if err := L.PCall(n, lua.MultRet, m.same); err != nil {
		v := m.caught(err)
		L.SetTop(0)
		L.Push(lua.LFalse)
		// Of an error that is a table its text is given, and if it has none that, too.
		if t, ok := v.(*lua.LTable); ok {
			text := m.realOf(t).RawGetString("err")
			if !isText(text) {
				L.Push(v)
			}
			v = text
		}
		L.Push(v)
		return L.GetTop()
	}
	L.Insert(lua.LTrue, 1)
	return L.GetTop()
}

// callable tells whether a value can be called. What raises the errors of values that cannot
// does not count.
func callable(L *lua.LState, v lua.LValue) bool {
	return v.Type() == lua.LTFunction || !nameless(v) && L.GetMetaField(v, "__call").Type() == lua.LTFunction
}

func (m *machine) xpcall(L *lua.LState) int {
	m.limit.step(callSteps)
	fn, handler := L.Get(1), checkAny(L, 2)
	L.SetTop(0)
	if !callable(L, fn) {
		text := "attempt to call a " + fn.Type().String() + " value"
		fn = L.NewFunction(func(L *lua.LState) int {
			L.Error(lua.LString(text), 0)
			return 0
		})
	}
	L.Push(fn)
	if err := L.PCall(0, lua.MultRet, m.same); err != nil {
		v := m.caught(err)
		L.SetTop(0)
		L.Push(lua.LFalse)
		if handler.Type() != lua.LTFunction {
			L.Push(lua.LString("error in error handling"))
			return 2
		}
		L.Push(handler)
		L.Push(v)
		if err := L.PCall(1, 1, m.same); err != nil {
			m.caught(err)
			L.Push(lua.LString("error in error handling"))
		}
		return 2
	}
	L.Insert(lua.LTrue, 1)
	return L.GetTop()
}

func (m *machine) loadString(L *lua.LState) int {
	src := checkString(L, 1)
	return m.loadSource(L, src, optString(L, 2, src))
}

func (m *machine) load(L *lua.LState) int {
	name := optString(L, 2, "=(load)")
	fn := checkFunction(L, 1)
	var b []byte
	for {
		L.Push(fn)
		L.Call(0, 1)
		v := L.Get(-1)
		L.Pop(1)
		if v == lua.LNil {
			break
		}
		if !isText(v) {
			L.Push(lua.LNil)
			L.Push(lua.LString("reader function must return a string"))
			return 2
		}
		had := len(b)
		if b = appendString(b, v); len(b) == had {
			break
		}
		m.limit.grow(len(b) - had)
		if len(b) > maxSource {
			raise(L, "chunk is too long")
		}
	}
	return m.loadSource(L, string(b), name)
}

// chunkName gives the name of a source as errors have it: what follows = or @, or else the
// beginning of its first line.
func chunkName(name string) string {
	const most = 60
	if rest, ok := strings.CutPrefix(name, "="); ok {
		return rest[:min(len(rest), most-1)]
	}
	if rest, ok := strings.CutPrefix(name, "@"); ok {
		const room = most - len(" '...' ") - 1
		if len(rest) > room {
			return "..." + rest[len(rest)-room:]
		}
		return rest
	}
	const room = most - len(" [string \"...\"] ") - 1
	line, _, cut := strings.Cut(name, "\n")
	if i := strings.IndexByte(line, '\r'); i >= 0 {
		line, cut = line[:i], true
	}
	if len(line) > room {
		line, cut = line[:room], true
	}
	if cut {
		line += "..."
	}
	return `[string "` + line + `"]`
}

// maxSource is the longest source that a script may compile, in bytes.
const maxSource = 16 << 20

func (m *machine) loadSource(L *lua.LState, src, name string) int {
	if len(src) > maxSource {
		raise(L, "chunk is too long")
	}
	m.limit.grow(32 * len(src))
	m.limit.step(len(src))
	code, err := compile(src, chunkName(name), true)
	if err != nil {
		L.Push(lua.LNil)
		L.Push(lua.LString(err.Error()))
		return 2
	}
	m.bind(L, code, m.env)
	return 1
}

// toNumberBase is tonumber. With a base it reads an unsigned integer, of which a sign is
// taken as C takes it.
func toNumberBase(L *lua.LState) int {
	base := optInt(L, 2, 10)
	var v lua.LValue = lua.LNil
	if base == 10 {
		if n, ok := toNumber(checkAny(L, 1)); ok {
			v = n
		}
		L.Push(v)
		return 1
	}
	text := checkString(L, 1)
	if base < 2 || base > 36 {
		argError(L, 2, "base out of range")
	}
	text, _, _ = strings.Cut(text, "\x00")
	text = strings.ToLower(strings.Trim(text, spaces))
	digits := strings.TrimPrefix(text, "-")
	negative := len(digits) < len(text)
	if !negative {
		digits = strings.TrimPrefix(digits, "+")
	}
	if base == 16 {
		digits = strings.TrimPrefix(digits, "0x")
	}
	n, err := strconv.ParseUint(digits, base, 64)
	if errors.Is(err, strconv.ErrRange) {
		n, err, negative = math.MaxUint64, nil, false
	}
	if err == nil && !strings.HasPrefix(digits, "+") {
		if negative {
			n = -n
		}
		v = lua.LNumber(n)
	}
	L.Push(v)
	return 1
}

func baseSelect(L *lua.LState) int {
	n := L.GetTop()
	if s, ok := L.Get(1).(lua.LString); ok && strings.HasPrefix(string(s), "#") {
		L.Push(lua.LNumber(n - 1))
		return 1
	}
	i := checkInt(L, 1)
	if i < 0 {
		i += n
	}
	if i = min(i, n); i < 1 {
		argError(L, 1, "index out of range")
	}
	return n - i
}

// openDeprecated adds the functions that are there with lua-enable-deprecated-api.
func (m *machine) openDeprecated(old *lua.LTable) {
	for _, name := range []string{"getfenv", "setfenv", "newproxy"} {
		m.globals.RawSetString(name, m.adopt(old.RawGetString(name)))
	}
}
