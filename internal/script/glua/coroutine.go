package glua

import (
	"strings"

	lua "github.com/yuin/gopher-lua"
)

func (m *machine) openCoroutines(old *lua.LTable) {
	t := m.l.CreateTable(0, 6)
	t.RawSetString("running", m.adopt(old.RawGetString("running")))
	create, resume := old.RawGetString("create").(*lua.LFunction), old.RawGetString("resume").(*lua.LFunction)
	begin := func(L *lua.LState) int {
		if fn, ok := L.Get(1).(*lua.LFunction); !ok || fn.IsG {
			argError(L, 1, "Lua function expected")
		}
		m.limit.grow(16 << 10)
		create.GFunction(L)
		L.Get(-1).(*lua.LState).SetContext(m.limit)
		return 1
	}
	goOn := func(L *lua.LState) int {
		co := checkCoroutine(L)
		if status := statusOf(L, co); status != "suspended" {
			L.Push(lua.LFalse)
			L.Push(lua.LString("cannot resume " + status + " coroutine"))
			return 2
		}
		depth := 0
		for up := L; up.Parent != nil; up = up.Parent {
			if depth++; depth > coroutineDepth {
				raise(L, "C stack overflow")
			}
		}
		return resume.GFunction(L)
	}
	m.set(t, map[string]lua.LGFunction{
		"create": begin,
		"resume": goOn,
		"status": func(L *lua.LState) int {
			L.Push(lua.LString(statusOf(L, checkCoroutine(L))))
			return 1
		},
		"yield": func(L *lua.LState) int {
			if L.Parent == nil || insideLibrary(L) {
				L.Error(lua.LString("attempt to yield across metamethod/C-call boundary"), 0)
			}
			return -1
		},
	})
	m.globals.RawSetString("coroutine", t)
	code, err := compile(wrapSource, wrapName, true)
	if err != nil {
		panic(err)
	}
	m.bind(m.l, code, m.globals)
	wrapped := m.l.Get(-1).(*lua.LFunction)
	wrapped.Env = m.globals
	m.l.Pop(1)
	fail := m.l.NewFunction(wrapFailed)
	t.RawSetString("wrap", m.l.NewFunction(func(L *lua.LState) int {
		begin(L)
		co := L.Get(-1)
		L.Push(wrapped)
		L.Push(co)
		L.Push(t.RawGetString("resume"))
		L.Push(fail)
		L.Call(3, 1)
		return 1
	}))
	m.module("coroutine", t)
}

func checkCoroutine(L *lua.LState) *lua.LState {
	co, ok := L.Get(1).(*lua.LState)
	if !ok {
		argError(L, 1, "coroutine expected")
	}
	return co
}

// insideLibrary tells whether a library function runs below the one that was called last,
// which would not come back if this coroutine were given up.
func insideLibrary(L *lua.LState) bool {
	for level := 1; ; level++ {
		dbg, ok := L.GetStack(level)
		if !ok {
			return false
		}
		fn, err := L.GetInfo("f", dbg, lua.LNil)
		if f, ok := fn.(*lua.LFunction); err == nil && ok && f.IsG {
			return true
		}
	}
}

// statusOf gives the status of a coroutine: normal if it has resumed the one that runs, or
// one that has.
func statusOf(L, co *lua.LState) string {
	for up := L.Parent; up != nil; up = up.Parent {
		if up == co {
			return "normal"
		}
	}
	return L.Status(co)
}

// wrapFailed raises the error of a coroutine again, with the place of who has called it.
func wrapFailed(L *lua.LState) int {
	v := L.Get(1)
	if isText(v) {
		place := ""
		for level := 1; strings.HasPrefix(place, wrapName) || level == 1; level++ {
			place = where(L, level)
		}
		v = lua.LString(appendString([]byte(place), v))
	}
	L.Error(v, 0)
	return 0
}

// wrapName is the name of wrapSource, which no error shows.
const wrapName = "coroutine.wrap"

// wrapSource makes the function that goes on with a coroutine. It is in Lua, as only what is
// can be given up while it resumes another. An error gets the place of who has called it.
const wrapSource = `
local co, resume, fail = ...
local function give(ok, ...)
	if not ok then fail(...) end
	return ...
end
return function(...) return give(resume(co, ...)) end`
