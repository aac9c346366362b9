package hostile

import (
	"os"
	"strings"
	"testing"
	"time"
)

// bombs are scripts that would take all memory, or all of the stack. Each has to end with an
// error by itself.
var bombs = map[string]string{
	"recursion":        `local function f() return f() + 1 end return f()`,
	"mutual recursion": `local g local function f() return g() + 1 end g = function() return f() + 1 end return f()`,
	"pcall recursion":  `local function f() local ok, e = pcall(f) return e end return f()`,
	"metatable recursion": `local t = setmetatable({}, {__index = function(t, k) return t[k .. 'x'] end})
		return t.a`,
	"index chain":       `local t = {} local m = t for i = 1, 100000 do local n = {} setmetatable(m, {__index = n}) m = n end return t.x`,
	"tostring chain":    `local t = setmetatable({}, {}) getmetatable(t).__tostring = function(s) return tostring(s) end return tostring(t)`,
	"sort comparison":   `local t = {} for i = 1, 1000 do t[i] = i end table.sort(t, function(a, b) return true end) error('sorted')`,
	"string doubling":   `local s = 'x' while true do s = s .. s end`,
	"string.rep":        `return string.rep('x', 1e11)`,
	"string.rep nested": `return string.rep(string.rep('x', 1000000), 1000000)`,
	"string.rep number": `return string.rep('x', 2 ^ 31 - 1)`,
	"format width":      `return string.format('%999999999s', 'x')`,
	"gsub growth":       `local s = string.rep('x', 100000) while true do s = string.gsub(s, 'x', string.rep('x', 1000)) end`,
	"concat growth":     `local t = {} for i = 1, 1000 do t[i] = string.rep('x', 1000000) end return table.concat(t, string.rep('y', 1000000))`,
	"table growth":      `local t = {} local i = 0 while true do i = i + 1 t[i] = {i} end`,
	"table keys":        `local t = {} local i = 0 while true do i = i + 1 t['key' .. i] = true end`,
	"nested tables":     `local t = {} while true do t = {t, t} end`,
	"closures":          `local t = {} while true do t = {function() return t end, t} end`,
	"many strings":      `local t = {} local i = 0 while true do i = i + 1 t[i] = string.rep('x', 10000) .. i end`,
	"unpack high":       `return unpack({}, 1, 2 ^ 31)`,
	"unpack extreme":    `return unpack({}, -2 ^ 63, 2 ^ 63 - 1)`,
	"unpack low":        `return unpack({}, -2147483648, 2147483647)`,
	"string.char":       `local t = {} for i = 1, 1500000 do t[i] = 65 end return string.char(unpack(t))`,
	"coroutines":        `local t = {} local i = 0 while true do i = i + 1 t[i] = coroutine.create(function() coroutine.yield() end) coroutine.resume(t[i]) end`,
	"nested coroutines": `local function f() local c = coroutine.wrap(f) return c() end return f()`,
	"load nested":       `return loadstring('return ' .. string.rep('(', 150000) .. '1' .. string.rep(')', 150000))()`,
	"json nested":       `local t = {} for i = 1, 100000 do t = {t} end return cjson.encode(t)`,
	"json decode":       `return cjson.decode(string.rep('[', 1000000) .. string.rep(']', 1000000))`,
	"json number":       `return cjson.decode(string.rep('9', 1000000) .. 'x')`,
	"msgpack nested":    `return cmsgpack.unpack(string.rep('\145', 1000000))`,
	"msgpack length":    `return cmsgpack.unpack('\221\255\255\255\255')`,
	"msgpack string":    `return cmsgpack.unpack('\219\255\255\255\255x')`,
	"struct size":       `return struct.pack('c2147483648', 'x')`,
	"struct repeat":     `return struct.unpack('i99999999999', 'x')`,
	"struct align":      `return struct.pack('!4294967296i4', 1)`,
	"bytecode":          `return loadstring(string.char(27) .. 'Lua' .. string.rep('\0', 100))()`,
	"string.dump":       `return loadstring(string.dump(function() end))()`,
}

// harmlessBombs may give a value instead, as they do for Redis or as they are bounded.
var harmlessBombs = map[string]bool{"unpack high": true, "unpack extreme": true, "pcall recursion": true, "index chain": true, "sort comparison": true}

// slowBombs take many seconds, as small things are what fills memory slowly: they run if
// HOSTILE_LONG is set.
var slowBombs = map[string]bool{"table keys": true, "table growth": true, "closures": true, "string.char": true, "gsub growth": true, "coroutines": true}

// TestScriptBombs runs them one after another: each ends with an error, the server goes on,
// and in the end the memory that they took is given back.
func TestScriptBombs(t *testing.T) {
	s := startWithin(t, 3<<30, "--busy-reply-threshold", "20")
	base := s.memory()
	c := s.Dial(t)
	c.SetWait(4 * time.Minute) // a machine may be slow
	c.Must(t, "SET", "k", "v")
	c.Must(t, "EVAL", "return 1", "0")
	long := os.Getenv("HOSTILE_LONG") != ""
	for name, src := range bombs {
		if slowBombs[name] && !long {
			continue
		}
		began := time.Now()
		v, err := c.Do("EVAL", src, "0")
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, s.Log())
		}
		if !v.IsError() && !harmlessBombs[name] {
			t.Errorf("%s gives %.100s", name, v)
		}
		t.Logf("%-20s %8v %.120s", name, time.Since(began).Round(time.Millisecond), v)
	}
	s.expect(c, "GET k", `"v"`)
	c.Must(t, "SCRIPT", "FLUSH")
	c.Must(t, "MEMORY", "PURGE")
	var kept int64
	for range 600 {
		if kept = s.memory() - base; kept < memoryLimit {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Errorf("%d MB are still taken", kept>>20)
}

// TestScriptSteps are single calls of the libraries that would run for very long: the script
// is busy, can be killed meanwhile, and others are told so at once.
func TestScriptSteps(t *testing.T) {
	s := start(t, "--busy-reply-threshold", "50")
	killer := s.Dial(t)
	for name, src := range map[string]string{
		"loop":    `while true do end`,
		"pcall":   `while true do pcall(function() while true do end end) end`,
		"pattern": `local s = string.rep('a', 50000) return s:find(string.rep('.-', 30) .. 'b')`,
		"gsub":    `local s = string.rep('a', 100000) return s:gsub('a*b', '')`,
		"sort":    `local t = {} for i = 1, 3000000 do t[i] = i % 7 end while true do table.sort(t, function(a, b) return a < b end) end`,
		"repeat":  `repeat local x = string.rep('x', 1000) until false`,
		"gmatch":  `while true do for w in string.gmatch('a b c', '%a+') do end end`,
		"resume":  `local c = coroutine.wrap(function() while true do coroutine.yield() end end) while true do c() end`,
		"calls":   `while true do redis.call('get', 'k') end`,
		"for":     `for i = 1, 1e15 do end`,
	} {
		t.Run(name, func(t *testing.T) {
			c := s.Dial(t)
			c.SetWait(30 * time.Second)
			if err := c.Send("EVAL", src, "0"); err != nil {
				t.Fatal(err)
			}
			time.Sleep(200 * time.Millisecond)
			began := time.Now()
			v, err := killer.Do("GET", "k")
			if err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); took > replyLimit {
				t.Errorf("others waited for %v", took)
			}
			busy := strings.HasPrefix(v.String(), "-BUSY")
			for range 100 {
				if k, err := killer.Do("SCRIPT", "KILL"); err != nil || !k.IsError() || strings.Contains(k.String(), "NOTBUSY") {
					break
				}
				time.Sleep(20 * time.Millisecond)
			}
			reply, err := c.Read()
			if err != nil {
				t.Fatalf("%v\n%s", err, s.Log())
			}
			if !busy || !strings.Contains(reply.String(), "killed by user") {
				t.Errorf("GET: %v; EVAL: %.200s", v, reply)
			}
			s.expect(killer, "GET k", "nil$")
		})
	}
}

// TestScriptsStayInside tries to change what other scripts see, and to send replies that are
// more than one.
func TestScriptsStayInside(t *testing.T) {
	s := start(t)
	c := s.Dial(t)
	for _, src := range []string{
		`x = 1`, `redis.call = nil`, `_G.x = 1`, `setmetatable(_G, {})`, `rawset(_G, 'x', 1)`, `getmetatable(_G).__newindex = nil`,
		`getmetatable('').__index = function() return 'mine' end`, `getmetatable('').__add = function() return 1 end`,
		`setmetatable(string, {})`, `string.upper = string.lower`, `rawset(string, 'upper', string.lower)`, `table.insert(redis, 1)`,
		`string.x = 1`, `math.random = function() return 4 end`, `getfenv(0).tonumber = tostring`, `setfenv(0, {})`,
		`getmetatable(getmetatable('')).x = 1`, `debug.getregistry().x = 1`, `cjson.null.x = 1`, `package.loaded.x = 1`,
		`os.execute('true')`, `io.open('/etc/passwd')`, `require('os')`, `dofile('/etc/passwd')`, `loadfile('/etc/passwd')()`,
		`for k in pairs(_G) do _G[k] = nil end`, `table.sort(_G)`, `table.insert(_G, 1)`, `table.remove(redis)`,
		`cjson.encode_max_depth = nil`, `bit.tohex = nil`, `struct.pack = nil`, `KEYS = nil x = 1`,
		`getmetatable(nil).__index = print`, `getmetatable(1).__add = tostring`, `getmetatable(true).x = 1`,
		`getmetatable(redis.call).__index = {}`, `local t = getmetatable(nil) or getmetatable(0) t.__call = tostring`,
	} {
		v, err := c.Do("EVAL", src, "0")
		if err != nil {
			t.Fatalf("%s: %v\n%s", src, err, s.Log())
		}
		if !v.IsError() {
			t.Errorf("%s is allowed", src)
		}
	}
	v, err := c.Do("EVAL", `return {('aB'):upper(), type(rawget(_G, 'x')), type(redis.call), tonumber('7'), string.upper('x'), bit.tohex(255)}`, "0")
	if want := `["AB", "nil", "function", 7, "X", "000000ff"]`; err != nil || v.String() != want {
		t.Errorf("afterwards there is %v, %v, not %s", v, err, want)
	}
	for src, want := range map[string]string{
		`return bit.tohex(-2147483648, -2147483648)`: `"80000000"`,
		`return bit.tohex(1, 2147483647)`:            `"00000001"`,
		`return redis.error_reply('a\r\nb\r\n+c')`:   `-ERR a  b  +c`,
		`return redis.status_reply('a\r\nb')`:        `+a  b`,
		`return {err = 'X a\nb'}`:                    `-X a b`,
		`return {ok = 'a\r\n$3\r\nfoo'}`:             `+a  $3  foo`,
	} {
		v, err := c.Do("EVAL", src, "0")
		if err != nil {
			t.Fatal(err)
		}
		if got := v.String(); got != want {
			t.Errorf("%s gives %q, not %q", src, got, want)
		}
	}
	s.expect(c, "PING", `+PONG`)
}
