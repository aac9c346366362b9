package glua

import (
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/redstart-db/redstart/internal/script"
)

// openRedis makes the table redis, for scripts or for functions.
func (m *machine) openRedis(o Options, functions bool) {
	t := m.l.CreateTable(0, 28)
	for i, name := range []string{"LOG_DEBUG", "LOG_VERBOSE", "LOG_NOTICE", "LOG_WARNING"} {
		t.RawSetString(name, lua.LNumber(i))
	}
	for name, n := range map[string]int{"REPL_NONE": 0, "REPL_AOF": 1, "REPL_SLAVE": 2, "REPL_REPLICA": 2, "REPL_ALL": 3} {
		t.RawSetString(name, lua.LNumber(n))
	}
	t.RawSetString("REDIS_VERSION", lua.LString(o.Version))
	t.RawSetString("REDIS_VERSION_NUM", lua.LNumber(versionNumber(o.Version)))
	m.set(t, map[string]lua.LGFunction{
		"call":         func(L *lua.LState) int { return m.command(L, true, true) },
		"pcall":        func(L *lua.LState) int { return m.command(L, false, true) },
		"log":          m.redisLog,
		"setresp":      m.setResp,
		"error_reply":  m.errorReply,
		"status_reply": m.statusReply,
		"sha1hex": func(L *lua.LState) int {
			if L.GetTop() != 1 {
				return m.fail(L, "wrong number of arguments")
			}
			s := ""
			if isText(L.Get(1)) {
				s = string(appendString(nil, L.Get(1)))
			}
			m.limit.step(len(s) / 16)
			L.Push(lua.LString(script.SHA([]byte(s))))
			return 1
		},
		"set_repl": func(L *lua.LState) int {
			if L.GetTop() != 1 {
				return m.fail(L, "redis.set_repl() requires two arguments.")
			}
			if n, _ := toNumber(L.Get(1)); toInt(n)&^3 != 0 {
				return m.fail(L, "Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.")
			}
			return 0
		},
		"acl_check_cmd": func(L *lua.LState) int {
			args, ok := m.commandArgs(L)
			if !ok {
				return m.failed(L, true)
			}
			if m.call == nil {
				return m.fail(L, "redis.acl_check_cmd can only be called inside a script")
			}
			allowed, known := m.call.Host.CheckACL(args)
			if !known {
				return m.fail(L, "ERR Invalid command passed to redis.acl_check_cmd()")
			}
			L.Push(lua.LBool(allowed))
			return 1
		},
	})
	if !functions {
		m.set(t, map[string]lua.LGFunction{
			"replicate_commands": func(L *lua.LState) int { L.Push(lua.LTrue); return 1 },
			"breakpoint":         func(L *lua.LState) int { L.Push(lua.LFalse); return 1 },
			"debug":              func(*lua.LState) int { return 0 },
		})
		m.globals.RawSetString("KEYS", m.l.CreateTable(0, 0))
		m.globals.RawSetString("ARGV", m.l.CreateTable(0, 0))
	}
	m.module("redis", t)
	if functions {
		m.openLoading(t)
	}
}

// openLoading makes the globals that a library sees while it is loaded: redis alone, with
// what belongs to loading.
func (m *machine) openLoading(full *lua.LTable) {
	t := m.l.CreateTable(0, 14)
	full.ForEach(func(k, v lua.LValue) {
		if name := k.String(); name == "log" || name == strings.ToUpper(name) {
			t.RawSet(k, v)
		}
	})
	t.RawSetString("register_function", m.l.NewFunction(m.registerFunction))
	m.loading = m.l.CreateTable(0, 1)
	m.loading.RawSetString("redis", m.protect(t, true))
	m.protect(m.loading, true)
}

// showLoading puts the globals of loading in place of all, or takes them away.
func (m *machine) showLoading(on bool) {
	globals := m.globals
	if on {
		globals = m.loading
	}
	m.env.Metatable.(*lua.LTable).RawSetString("__index", globals)
}

func versionNumber(v string) int {
	n := 0
	for _, part := range strings.SplitN(v, ".", 3) {
		k := 0
		for i := range len(part) {
			if isDigit(part[i]) {
				k = k*10 + int(part[i]-'0')
			}
		}
		n = n<<8 | k
	}
	return n
}

// errorTable is an error as scripts see it.
func (m *machine) errorTable(L *lua.LState, text string) *lua.LTable {
	t := L.CreateTable(0, 1)
	t.RawSetString("err", lua.LString(text))
	return t
}

// fail raises an error of the library itself.
func (m *machine) fail(L *lua.LState, text string) int {
	if !strings.HasPrefix(text, "ERR ") {
		text = "ERR " + text
	}
	L.Error(m.errorTable(L, text), 0)
	return 0
}

// failed ends a call whose error is in m.text: it is raised or given.
func (m *machine) failed(L *lua.LState, throw bool) int {
	t := m.errorTable(L, string(m.text))
	if throw {
		L.Error(t, 0)
	}
	L.Push(t)
	return 1
}

// commandArgs gives the arguments of a call as bytes. If they are none ok is false,
// and the error is in m.text.
func (m *machine) commandArgs(L *lua.LState) (args [][]byte, ok bool) {
	n := L.GetTop()
	if n == 0 {
		m.text = append(m.text[:0], "ERR Please specify at least one argument for this redis lib call"...)
		return nil, false
	}
	size := 0
	for i := 1; i <= n; i++ {
		switch v := L.Get(i).(type) {
		case lua.LString:
			size += len(v)
		case lua.LNumber:
			size += 32
		default:
			m.text = append(m.text[:0], "ERR Lua redis lib command arguments must be strings or integers"...)
			return nil, false
		}
	}
	if cap(m.text) < size {
		m.limit.grow(size)
		m.text = make([]byte, 0, size+size/4)
	}
	b := m.text[:0]
	args = m.args[:0]
	for i := 1; i <= n; i++ {
		from := len(b)
		switch v := L.Get(i).(type) {
		case lua.LString:
			b = appendLong(b, v)
		case lua.LNumber:
			b = appendNumber(b, float64(v), 17)
		}
		args = append(args, b[from:len(b):len(b)])
	}
	m.text, m.args = b, args
	return args, true
}

// keptText is the most bytes of arguments whose memory is kept.
const keptText = 64 << 10

// command runs a command for the script. Errors are raised, or given; so is the reply,
// if it is wanted.
func (m *machine) command(L *lua.LState, throw, wanted bool) int {
	if m.call == nil || m.library != nil {
		return m.fail(L, "redis.call/pcall can only be called inside a script invocation")
	}
	args, ok := m.commandArgs(L)
	if !ok {
		return m.failed(L, throw)
	}
	reply := m.call.Host.Call(args)
	m.limit.grow(len(reply))
	if cap(m.text) > keptText {
		m.text = nil
		m.args = nil
	}
	if len(reply) > 0 && reply[0] == '-' {
		text := string(reply[1 : len(reply)-2])
		t := m.errorTable(L, text)
		t.RawSetString(countedField, lua.LTrue)
		if throw {
			L.Error(t, 0)
		}
		L.Push(t)
		return 1
	}
	if !wanted {
		return 0
	}
	v, _ := m.fromReply(L, reply)
	L.Push(v)
	return 1
}

func (m *machine) redisLog(L *lua.LState) int {
	n := L.GetTop()
	if n < 2 {
		return m.fail(L, "redis.log() requires two arguments or more.")
	}
	first, ok := toNumber(L.Get(1))
	if !ok {
		return m.fail(L, "First argument must be a number (log level).")
	}
	level := toInt(first)
	if level < 0 || level > 3 {
		return m.fail(L, "Invalid debug level.")
	}
	var b []byte
	for i := 2; i <= n; i++ {
		if !isText(L.Get(i)) {
			continue
		}
		if i > 2 {
			b = append(b, ' ')
		}
		b = appendString(b, L.Get(i))
		if len(b) > 1<<20 {
			break
		}
	}
	if m.limit.host != nil {
		m.limit.host.Log(level, string(b))
	}
	return 0
}

func (m *machine) setResp(L *lua.LState) int {
	if L.GetTop() != 1 {
		return m.fail(L, "redis.setresp() requires one argument.")
	}
	first, _ := toNumber(L.Get(1))
	n := toInt(first)
	if n != 2 && n != 3 {
		return m.fail(L, "RESP version must be 2 or 3.")
	}
	m.resp3 = n == 3
	m.call.Host.SetProto(n)
	return 0
}

// single makes the table {field = text} of the only argument.
func (m *machine) errorReply(L *lua.LState) int {
	s, ok := L.Get(1).(lua.LString)
	if L.GetTop() != 1 || !ok {
		L.Push(m.errorTable(L, "ERR wrong number or type of arguments"))
		return 1
	}
	text := strings.TrimPrefix(string(s), "-")
	if !strings.Contains(text, " ") { // it has no code
		text = "ERR " + text
	}
	L.Push(m.errorTable(L, text))
	return 1
}

func (m *machine) statusReply(L *lua.LState) int {
	s, ok := L.Get(1).(lua.LString)
	if L.GetTop() != 1 || !ok {
		L.Push(m.errorTable(L, "ERR wrong number or type of arguments"))
		return 1
	}
	t := L.CreateTable(0, 1)
	t.RawSetString("ok", s)
	L.Push(t)
	return 1
}

// registerFunction is redis.register_function, with a name and a function or with a
// table of named arguments.
func (m *machine) registerFunction(L *lua.LState) int {
	if m.library == nil {
		return m.fail(L, "redis.register_function can only be called on FUNCTION LOAD command")
	}
	f := script.Function{}
	switch L.GetTop() {
	case 1:
		t, ok := L.Get(1).(*lua.LTable)
		if !ok {
			return m.fail(L, "calling redis.register_function with a single argument is only applicable to Lua table (representing named arguments).")
		}
		if text := named(t, &f); text != "" {
			return m.fail(L, text)
		}
	case 2:
		if !isText(L.Get(1)) {
			return m.fail(L, "first argument to redis.register_function must be a string")
		}
		f.Name = L.Get(1).String()
		fn, ok := L.Get(2).(*lua.LFunction)
		if !ok {
			return m.fail(L, "second argument to redis.register_function must be a function")
		}
		f.Func = fn
	default:
		return m.fail(L, "wrong number of arguments to redis.register_function")
	}
	if !script.ValidName(f.Name) {
		return m.fail(L, script.BadName)
	}
	for _, other := range m.library.functions {
		if other.Name == f.Name {
			return m.fail(L, "Function already exists in the library")
		}
	}
	if len(m.library.functions) >= 10_000 {
		return m.fail(L, "too many functions in the library")
	}
	m.library.functions = append(m.library.functions, f)
	return 0
}

// named reads named arguments of redis.register_function; text is the error.
func named(t *lua.LTable, f *script.Function) (text string) {
	for k, v := t.Next(lua.LNil); k != lua.LNil; k, v = t.Next(k) {
		name, ok := k.(lua.LString)
		if !ok {
			return "named argument key given to redis.register_function is not a string"
		}
		switch name {
		case "function_name":
			if !isText(v) {
				return "function_name argument given to redis.register_function must be a string"
			}
			f.Name = v.String()
		case "description":
			if !isText(v) {
				return "description argument given to redis.register_function must be a string"
			}
			f.Description = v.String()
		case "callback":
			fn, ok := v.(*lua.LFunction)
			if !ok {
				return "callback argument given to redis.register_function must be a function"
			}
			f.Func = fn
		case "flags":
			list, ok := v.(*lua.LTable)
			if !ok {
				return "flags argument to redis.register_function must be a table representing function flags"
			}
			for i := 1; ; i++ {
				item := list.RawGetInt(i)
				if item == lua.LNil {
					break
				}
				flag, ok := script.Flags(0), false
				if isText(item) {
					flag, ok = script.FlagNamed(item.String())
				}
				if !ok {
					return "unknown flag given"
				}
				f.Flags |= flag
			}
		default:
			return "unknown argument given to redis.register_function"
		}
	}
	if f.Name == "" {
		return "redis.register_function must get a function name argument"
	}
	if f.Func == nil {
		return "redis.register_function must get a callback argument"
	}
	return ""
}
