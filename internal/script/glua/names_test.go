package glua

import (
	"strings"
	"testing"

	"github.com/redstart-db/redstart/internal/script"
)

// silent is a server that gives every command nil.
type silent struct{}

func (silent) Call([][]byte) []byte           { return []byte("$-1\r\n") }
func (silent) Poll() string                   { return "" }
func (silent) SetProto(int)                   {}
func (silent) CheckACL([][]byte) (_, ok bool) { return true, true }
func (silent) Log(int, string)                {}

// Errors name what was called, indexed or computed with, as the C interpreter does.
func TestErrorsHaveNames(t *testing.T) {
	e := New(Options{Version: "7.0.15"})
	defer e.Close()
	for src, want := range map[string]string{
		"local x; x()":                                              "attempt to call local 'x' (a nil value)",
		"local t={} t.x()":                                          "attempt to call field 'x' (a nil value)",
		"local t={} t:y()":                                          "attempt to call method 'y' (a nil value)",
		"local t={} t[1]()":                                         "attempt to call field '?' (a nil value)",
		"local a; local function f() a() end f()":                   "attempt to call upvalue 'a' (a nil value)",
		"local x=true; x()":                                         "attempt to call local 'x' (a boolean value)",
		"local x=1; return x(1)":                                    "attempt to call local 'x' (a number value)",
		"local a; redis.foo('x', function() return a end)":          "attempt to call field 'foo' (a nil value)",
		"local a; local b = {} b.x.y(function() return a, b end)":   "attempt to index field 'x' (a nil value)",
		"return redis.foo()":                                        "attempt to call field 'foo' (a nil value)",
		"(nil)()":                                                   "attempt to call a nil value",
		"local x; return x.y":                                       "attempt to index local 'x' (a nil value)",
		"local t={} return t.a.b":                                   "attempt to index field 'a' (a nil value)",
		"local t={} t.a.b=1":                                        "attempt to index field 'a' (a nil value)",
		"local u; u.v()":                                            "attempt to index local 'u' (a nil value)",
		"local a={} local function f() a.b.c() end f()":             "attempt to index field 'b' (a nil value)",
		"return redis.call('get','k').x.y":                          "attempt to index a boolean value",
		"local x; return x+1":                                       "attempt to perform arithmetic on local 'x' (a nil value)",
		"local a,b,c=1,2 return a+b+c":                              "attempt to perform arithmetic on local 'c' (a nil value)",
		"local t={} return -t.x":                                    "attempt to perform arithmetic on field 'x' (a nil value)",
		"return '1'+nil":                                            "attempt to perform arithmetic on a nil value",
		"local t={} return t.x..'a'":                                "attempt to concatenate field 'x' (a nil value)",
		"local t={} return 'a'..t.y..'b'":                           "attempt to concatenate field 'y' (a nil value)",
		"local t={} return #t.x":                                    "attempt to get length of field 'x' (a nil value)",
		"local t={} for i=1,3 do t.n.m=i end":                       "attempt to index field 'n' (a nil value)",
		"return ('x'):rep('a')":                                     "bad argument #1 to 'rep' (number expected, got string)",
		"return string.rep('x', {})":                                "bad argument #2 to 'rep' (number expected, got table)",
		"local r = string.rep return r({})":                         "bad argument #1 to 'r' (string expected, got table)",
		"local t={} t()":                                            "attempt to call local 't' (a table value)",
		"local s='x' s.y=1":                                         "attempt to index local 's' (a string value)",
		"local s='x' return s+1":                                    "attempt to perform arithmetic on local 's' (a string value)",
		"return string.rep()":                                       "bad argument #1 to 'rep' (string expected, got no value)",
		"local ok, e = pcall(string.rep) error(e, 0)":               "ERR bad argument #1 to '?' (string expected, got no value)",
		"string.format('%d')":                                       "bad argument #2 to 'format' (no value)",
		"table.sort({3, {}, 1})":                                    "ERR attempt to compare table with number",
		"error('cannot perform this')":                              "cannot perform this",
		"for i = 1, '2' do if i == 2 then error('twice') end end":   "twice",
		"error(tonumber('010') + '010')":                            "20",
		"return coroutine.wrap(function() local z; z.y = 1 end)()":  "attempt to index local 'z' (a nil value)",
		"local ok, e = pcall(function() local z; z() end) error(e)": "attempt to call local 'z' (a nil value)",
	} {
		s, err := e.Compile(src, "user_script")
		if err != nil {
			t.Fatalf("%s: %v", src, err)
		}
		_, fail := e.Eval(nil, s, &script.Call{Host: silent{}, Proto: 2})
		if !strings.HasPrefix(want, "ERR ") { // those have no place
			want = "ERR user_script:1: " + want
		}
		if fail == nil {
			t.Errorf("%s has no error", src)
		} else if !strings.HasSuffix(fail.Text, want[4:]) {
			t.Errorf("%s\n  gives %q\n  not   %q", src, fail.Text, want)
		}
	}
}
