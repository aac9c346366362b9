// Package glua runs scripts with gopher-lua, an interpreter of Lua 5.1 in Go.
//
// # What keeps a script in its place
//
// The libraries that reach outside (files, processes, modules) are not loaded, and
// what is left of the others is replaced where it could take any time or memory:
// strings, patterns, formats, tables. Globals and libraries are behind empty proxies,
// so that every write meets a metamethod that refuses it. limiter counts steps and
// bytes.
package glua

import (
	"errors"
	"fmt"
	"runtime"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/redstart-db/redstart/internal/script"
)

const (
	// callDepth is how deep calls are nested. A call by way of a library function
	// (pcall, sort, a metamethod) nests on the stack of Go, too, which takes that
	// many times some 2 KiB.
	callDepth = 6000
	// registers is the most values on the stack of the interpreter.
	registers = 1 << 20
	// coroutineDepth is how deep coroutines resume each other.
	coroutineDepth = 150
)

// machine is an interpreter with the libraries of scripts or of functions.
type machine struct {
	l         *lua.LState
	limit     *limiter
	env       *lua.LTable // what scripts see as _G
	globals   *lua.LTable // what is behind it
	reals     map[*lua.LTable]*lua.LTable
	catch     *lua.LFunction // notes where an error was raised
	refuse    *lua.LFunction // refuses a write
	same      *lua.LFunction // gives an error as it is: without one, the interpreter describes its whole stack
	source    string         // where the last error was raised,
	line      int            // and in which line
	resp3     bool           // of replies to the script
	random    random
	call      *script.Call
	args      [][]byte // scratch for arguments of commands
	text      []byte   // and for their bytes
	nested    int      // coroutines that resume each other
	json      jsonOptions
	null      *lua.LUserData // cjson.null
	onStrings *lua.LTable    // metatable of strings
	pack      packer
	library   *library    // what is being loaded
	loading   *lua.LTable // the globals meanwhile

	callUnheard, pcallUnheard *lua.LFunction // redis.call and redis.pcall that give nothing
}

type library struct{ functions []script.Function }

// Engine implements script.Engine.
type Engine struct {
	options       Options
	evals, libs   *machine // nil until they are needed
	limit         limiter
	compiledBytes int64
	// ballast is never touched, so it takes no memory; but the collector of garbage
	// counts it, and so runs when that much garbage of scripts has come together
	// rather than when a heap that is nearly empty has doubled.
	ballast []byte
}

const ballastBytes = 16 << 20

// Options of an engine.
type Options struct {
	Version    string // what scripts see as redis.REDIS_VERSION, as "7.0.15"
	Deprecated bool   // with the functions that are no longer meant to be used
}

var _ script.Engine = (*Engine)(nil)

// New makes an engine.
func New(o Options) *Engine { return &Engine{options: o} }

func (e *Engine) machine(m **machine, functions bool) *machine {
	if *m == nil {
		*m = newMachine(&e.limit, e.options, functions)
		if e.ballast == nil {
			e.ballast = make([]byte, ballastBytes)
		}
	}
	return *m
}

// compiled is a script.Script: a function of the machine of scripts.
type compiled struct {
	code
	fn *lua.LFunction
	of *machine
}

// Compile implements script.Engine.
func (e *Engine) Compile(src, name string) (script.Script, error) {
	code, err := compile(src, name, false)
	if err != nil {
		return nil, err
	}
	e.compiledBytes += int64(len(src)) * 4
	return &compiled{code: code}, nil
}

// Eval implements script.Engine.
func (e *Engine) Eval(dst []byte, s script.Script, c *script.Call) ([]byte, *script.Error) {
	m, sc := e.machine(&e.evals, false), s.(*compiled)
	if sc.of != m {
		sc.of, sc.fn = m, m.instantiate(sc.code)
	}
	if !sc.parameters {
		m.globals.RawSetString("KEYS", m.strings(c.Keys))
		m.globals.RawSetString("ARGV", m.strings(c.Args))
		return e.run(m, dst, sc.fn, c)
	}
	var keys, args lua.LValue = lua.LNil, lua.LNil
	if sc.keys {
		keys = m.strings(c.Keys)
	}
	if sc.args {
		args = m.strings(c.Args)
	}
	return e.run(m, dst, sc.fn, c, keys, args)
}

// run runs a function. If it has had to be ended when it had taken much memory, that is
// collected at once, so that the next does not pay for it. The machine of scripts goes with
// all that it may still hold; that of functions has their libraries.
func (e *Engine) run(m *machine, dst []byte, fn *lua.LFunction, c *script.Call, args ...lua.LValue) ([]byte, *script.Error) {
	dst, fail := m.run(dst, fn, c, args...)
	if fail != nil && m.limit.ravaged() {
		if m == e.evals {
			m.l.Close()
			e.evals = nil
		}
		runtime.GC()
	}
	return dst, fail
}

// Invoke implements script.Engine.
func (e *Engine) Invoke(dst []byte, f script.Func, c *script.Call) ([]byte, *script.Error) {
	m := e.libs
	return e.run(m, dst, f.(*lua.LFunction), c, m.strings(c.Keys), m.strings(c.Args))
}

// Load implements script.Engine.
func (e *Engine) Load(src string, h script.Host) ([]script.Function, error) {
	code, err := compile(src, "user_function", true)
	if err != nil {
		return nil, fmt.Errorf("Error compiling function: %w", err)
	}
	m := e.machine(&e.libs, true)
	lib := &library{}
	m.library = lib
	m.showLoading(true)
	defer func() {
		m.library = nil
		m.showLoading(false)
	}()
	_, fail := m.run(nil, m.instantiate(code), &script.Call{Host: h, Proto: 2})
	if fail != nil {
		return nil, errors.New("Error registering functions: " + fail.Text)
	}
	return lib.functions, nil
}

// Flush implements script.Engine.
func (e *Engine) Flush() {
	if e.evals != nil {
		e.evals.l.Close()
		e.evals = nil
	}
	e.compiledBytes = 0
}

// FlushFunctions forgets what functions have left.
func (e *Engine) FlushFunctions() {
	if e.libs != nil {
		e.libs.l.Close()
		e.libs = nil
	}
}

// Close implements script.Engine.
func (e *Engine) Close() {
	e.Flush()
	e.FlushFunctions()
}

// Used implements script.Engine. The memory of an interpreter is the heap's, and
// cannot be told apart: this counts what one takes from its start.
func (e *Engine) Used() int64 {
	n := e.compiledBytes
	if e.evals != nil {
		n += startBytes
	}
	return n
}

// UsedByFunctions is Used of what functions run in.
func (e *Engine) UsedByFunctions() int64 {
	if e.libs != nil {
		return startBytes
	}
	return 0
}

// countedField marks the error that a command has given a script.
const countedField = "ignore_error_stats_update"

// startBytes is about what an interpreter with its libraries takes.
const startBytes = 88 << 10

// instantiate makes the function of a compiled source.
func (m *machine) instantiate(c code) *lua.LFunction {
	m.limit.begin(nil)
	m.bind(m.l, c, m.env)
	fn := m.l.Get(-1).(*lua.LFunction)
	m.l.Pop(1)
	return fn
}

// bind pushes the function of a compiled source: the outermost function gets what the
// source was rewritten to use, and gives the source's own.
func (m *machine) bind(L *lua.LState, c code, env *lua.LTable) {
	fn := L.NewFunctionFromProto(c.proto)
	fn.Env = env
	L.Push(fn)
	for _, helper := range m.helpers() {
		L.Push(helper)
	}
	for _, path := range c.hoisted {
		L.Push(m.valueOf(path))
	}
	L.Call(helperCount+len(c.hoisted), 1)
}

// valueOf gives what a hoisted path names.
func (m *machine) valueOf(path string) lua.LValue {
	switch path {
	case "redis.call" + unheard:
		return m.callUnheard
	case "redis.pcall" + unheard:
		return m.pcallUnheard
	}
	global, field, inLibrary := strings.Cut(path, ".")
	v := m.globals.RawGetString(global)
	if !inLibrary {
		return v
	}
	return m.realOf(v.(*lua.LTable)).RawGetString(field)
}

func (m *machine) strings(all [][]byte) *lua.LTable {
	t := m.l.CreateTable(len(all), 0)
	for _, b := range all {
		t.Append(lua.LString(b))
	}
	return t
}

// run calls a function.
func (m *machine) run(dst []byte, fn *lua.LFunction, c *script.Call, args ...lua.LValue) (out []byte, fail *script.Error) {
	L := m.l
	m.call, m.resp3, m.nested = c, false, 0
	m.limit.begin(c.Host)
	m.source, m.line = "", 0
	L.Push(fn)
	for _, v := range args {
		L.Push(v)
	}
	err := L.PCall(len(args), 1, m.catch)
	m.limit.host = nil // conversions below are not interrupted
	if err != nil || m.limit.ended != "" {
		fail = m.failure(err)
		L.SetTop(0)
		m.call = nil
		return dst, fail
	}
	if t, ok := L.Get(-1).(*lua.LTable); ok {
		c.Counted = lua.LVAsBool(t.RawGetString(countedField))
	}
	out = m.appendReply(dst, L.Get(-1), c.Proto, 0)
	L.SetTop(0)
	m.call = nil
	return out, nil
}

// failure gives the error of a script that has ended with one.
func (m *machine) failure(err error) *script.Error {
	if m.limit.ended != "" {
		return &script.Error{Text: m.limit.ended, Source: m.source, Line: m.line}
	}
	fail := &script.Error{Source: m.source, Line: m.line}
	var api *lua.ApiError
	if !errors.As(err, &api) {
		fail.Text = "ERR " + err.Error()
		return fail
	}
	switch v := api.Object.(type) {
	case *lua.LTable:
		text := m.realOf(v).RawGetString("err")
		if !isText(text) {
			fail.Text = "ERR unknown error"
			break
		}
		fail.Text = string(appendString(nil, text))
		fail.Counted = lua.LVAsBool(v.RawGetString(countedField))
	case lua.LString:
		fail.Text = "ERR " + translate(string(v))
	default:
		if api.Object == lua.LNil || api.Object == nil {
			fail.Text = "ERR nil"
		} else {
			fail.Text = "ERR " + translate(api.Object.String())
		}
	}
	fail.Text = clean(lua.LString(fail.Text))
	return fail
}

// noteError is the error handler of every run: it finds the place in the source.
func (m *machine) noteError(L *lua.LState) int {
	for level := 0; level < 64; level++ {
		dbg, ok := L.GetStack(level)
		if !ok {
			break
		}
		if _, err := L.GetInfo("Sl", dbg, lua.LNil); err != nil || dbg.What == "G" || dbg.CurrentLine <= 0 || dbg.Source == wrapName {
			continue
		}
		m.source, m.line = dbg.Source, dbg.CurrentLine
		break
	}
	L.Push(nameCalled(L))
	return 1
}

// caught is the outcome of a protected call: an error of the script, or the end
// of the script.
func (m *machine) caught(err error) lua.LValue {
	if m.limit.ended != "" {
		panic(stop{m.limit.ended})
	}
	var api *lua.ApiError
	if !errors.As(err, &api) {
		return lua.LString(err.Error())
	}
	if s, ok := api.Object.(lua.LString); ok {
		return lua.LString(translate(string(s)))
	}
	if api.Object == nil {
		return lua.LNil
	}
	return api.Object
}
