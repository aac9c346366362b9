package glua

import (
	"testing"

	lua "github.com/yuin/gopher-lua"
)

// Whatever can be hoisted is there in every machine.
func TestHoistableIsThere(t *testing.T) {
	for _, functions := range []bool{false, true} {
		m := newMachine(new(limiter), Options{Version: "7.0.15"}, functions)
		for global, fields := range hoistable {
			if m.globals.RawGetString(global) == lua.LNil {
				t.Errorf("there is no global %s", global)
			}
			for _, f := range fields {
				if m.valueOf(global+"."+f) == lua.LNil {
					t.Errorf("there is no %s.%s", global, f)
				}
			}
		}
		m.l.Close()
	}
}

// Names that a source declares itself mean what it says.
func TestHoistLeavesOwnNames(t *testing.T) {
	for src, want := range map[string]int{
		"return tonumber('1') + math.max(1, 2)":                                2,
		"local tonumber = function() return 1 end return tonumber('5')":        0,
		"local math = {max = function() return 7 end} return math.max(1)":      0,
		"local function f(redis) return redis.call end return f({call = 1})":   0,
		"for tostring = 1, 2 do local x = tostring end return math.floor(1.5)": 1,
		"for type, v in pairs({}) do local x = type end":                       1,
		"math.max = 1":                                    0,
		"function math.max() end":                         0,
		"setfenv(1, {tonumber = 1}) return tonumber":      0,
		"redis.call('ping') return redis.call('ping')":    2,
		"return redis.nosuch, string.nosuch, _G.pairs":    0,
		"return function() return redis.call('ping') end": 1,
	} {
		c, err := compile(src, "x", false)
		if err != nil || len(c.hoisted) != want {
			t.Errorf("%s: %q is hoisted, %v", src, c.hoisted, err)
		}
	}
	if c, _ := compile("redis.register_function('f', function() return redis.call('ping', tonumber(1)) end) return math.max(1)", "x", true); len(c.hoisted) != 1 {
		t.Errorf("of a library, %q is hoisted", c.hoisted)
	}
}
