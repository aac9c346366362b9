package hostile

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/redstart-db/redstart/tests/peer"
)

// TestMalformedRules gives users rules that are cut off, nested, endless or binary: each
// is refused, or means what it says, and the user is as before after an error.
func TestMalformedRules(t *testing.T) {
	s := start(t)
	c := s.Dial(t)
	c.Must(t, "ACL", "SETUSER", "u", "reset", "on", ">p", "~k", "+get")
	before := c.Must(t, "ACL", "GETUSER", "u").String()
	const many = 100_000
	for _, rule := range []string{
		"(", ")", "()(", "((", "(()", "(+get", "(+get (+set)", "(nope)", "(reset)", "(>p)", "(on)", "%", "%~x", "%RWX~x", "%R", "+", "-", "+@",
		"-@nope", "+|", "+|get", "+get|", "+config|", "+config|get|x", "-get|x", "~a b", "&a\nb", "~\x00", "#", "#" + strings.Repeat("a", 63),
		"#" + strings.Repeat("A", 64), "!" + strings.Repeat("a", 64), "<", "<nope", "nope", "\x00", "+\xff\xfe", "+" + strings.Repeat("x", many),
		strings.Repeat("(", many) + strings.Repeat(")", many), "(" + strings.Repeat("+get ", many/5) + "+nope)",
	} {
		if v, err := c.Do("ACL", "SETUSER", "u", rule); err != nil {
			t.Fatalf("%.60q: %v\n%s", rule, err, s.Log())
		} else if !v.IsError() && !harmless(rule) {
			t.Errorf("%.60q is accepted: %v", rule, c.Must(t, "ACL", "GETUSER", "u"))
		}
		if after := c.Must(t, "ACL", "GETUSER", "u").String(); after != before && !harmless(rule) {
			t.Errorf("%.60q has changed the user to %.300s", rule, after)
		}
		c.Must(t, "ACL", "SETUSER", "u", "reset", "on", ">p", "~k", "+get")
	}
	for _, name := range []string{"a b", "a\nb", "a\x00b"} {
		if v, _ := c.Do("ACL", "SETUSER", name, "on"); !v.IsError() {
			t.Errorf("a user is called %q", name)
		}
	}
}

// harmless tells of rules that are odd but mean something, as for Redis.
func harmless(rule string) bool { return rule == "%R" }

// TestSelectorsOfAnything tries random rules, and that what they make of a user can be
// given to another one and means the same.
func TestSelectorsOfAnything(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	s := start(t)
	c := s.Dial(t)
	parts := []string{"+", "-", "@", "(", ")", "~", "%", "&", "*", "|", " ", "R", "W", "get", "config", "set", "all", "string", "x", "\"", "'", "\\", "\xff"}
	compared := 0
	for range 2000 {
		var b strings.Builder
		for range 1 + r.IntN(8) {
			b.WriteString(parts[r.IntN(len(parts))])
		}
		if v, err := c.Do("ACL", "SETUSER", "u", b.String()); err != nil {
			t.Fatalf("%q: %v\n%s", b.String(), err, s.Log())
		} else if v.IsError() {
			continue
		}
		for _, v := range c.Must(t, "ACL", "LIST").Elems {
			line := string(v.Str)
			if !strings.HasPrefix(line, "user u ") {
				continue
			}
			c.Must(t, append([]string{"ACL", "SETUSER", "v", "reset"}, strings.Split(line, " ")[2:]...)...)
			compared++
			if got := list(t, c, "v"); got != list(t, c, "u") {
				t.Fatalf("%q leads to\n%s\nand this to\n%s", b.String(), line, got)
			}
		}
	}
	if compared == 0 {
		t.Error("no rule was taken")
	}
}

func list(t *testing.T, c *peer.Conn, user string) string {
	for _, v := range c.Must(t, "ACL", "LIST").Elems {
		if rules, ok := strings.CutPrefix(string(v.Str), "user "+user+" "); ok {
			return strings.ReplaceAll(rules, "sanitize-payload ", "")
		}
	}
	t.Fatalf("there is no user %s", user)
	return ""
}

// TestPermissionsHoldEverywhere tries to get at a key by all ways that lead around the
// arguments of a command: EXEC after the rules have changed, scripts, SORT's patterns.
func TestPermissionsHoldEverywhere(t *testing.T) {
	s := start(t)
	admin := s.Dial(t)
	admin.Must(t, "MSET", "secret", "s3cr3t", "open", "x")
	admin.Must(t, "RPUSH", "openlist", "cret")
	admin.Must(t, "FUNCTION", "LOAD", "#!lua name=l\nredis.register_function('f', function(k, a) return redis.call('get', a[1]) end)")
	admin.Must(t, "ACL", "SETUSER", "u", "on", "nopass", "~open*", "&open*", "+@all", "-debug", "-acl|setuser")
	c := s.Dial(t)
	c.Must(t, "AUTH", "u", "x")
	refused := func(args ...string) {
		t.Helper()
		v, err := c.Do(args...)
		if err != nil {
			t.Fatal(err)
		}
		if text := v.String(); strings.Contains(text, "s3cr3t") || !v.IsError() && !strings.Contains(text, "NOPERM") {
			t.Errorf("%q gives %s", args, text)
		}
	}
	refused("GET", "secret")
	refused("EVAL", "return redis.call('get', 'secret')", "0")
	refused("EVAL", "return redis.call('get', KEYS[1])", "1", "secret")
	refused("EVAL", "local r = redis.pcall('get', 'secret') if r.err then return redis.error_reply(r.err) end return r", "0")
	refused("EVAL", "return redis.call('acl', 'setuser', 'u', 'allkeys')", "0")
	refused("FCALL", "f", "0", "secret")
	refused("SORT", "openlist", "BY", "nosort", "GET", "se*")
	refused("SORT", "openlist", "BY", "se*", "ALPHA")
	refused("SORT", "openlist", "STORE", "other")
	refused("COPY", "secret", "open2")
	refused("RENAME", "secret", "open2")
	refused("OBJECT", "ENCODING", "secret")
	refused("MEMORY", "USAGE", "secret")
	refused("WATCH", "secret")
	refused("XREAD", "STREAMS", "open", "secret", "0", "0")
	refused("GEORADIUS", "open", "0", "0", "1", "m", "STORE", "secret")
	refused("DUMP", "secret")
	refused("XREADGROUP", "COUNT", "1", "GROUP", "streams", "openc", "STREAMS", "secret", ">")
	refused("PUBLISH", "news", "x")
	refused("SUBSCRIBE", "news")
	refused("PSUBSCRIBE", "open*x")
	refused("ACL", "SETUSER", "u", "allkeys")
	c.Must(t, "MULTI")
	c.Must(t, "GET", "open")
	c.Must(t, "COPY", "open", "open3")
	admin.Must(t, "ACL", "SETUSER", "u", "resetkeys", "~secret0")
	refused("EXEC")
	if v := admin.Must(t, "EXISTS", "open3"); v.Int != 0 {
		t.Error("a queued command ran although it was not allowed any more")
	}
	// A user that is removed is gone at once.
	admin.Must(t, "ACL", "DELUSER", "u")
	if _, err := c.Do("PING"); err == nil {
		t.Error("the connection of a removed user goes on")
	}
}

// TestDenialInBusyScript looks for who was denied something by a script that other clients
// run beside.
func TestDenialInBusyScript(t *testing.T) {
	s := start(t, "--busy-reply-threshold", "1")
	admin := s.Dial(t)
	admin.Must(t, "ACL", "SETUSER", "u", "on", "nopass", "~open*", "+@all")
	c := s.Dial(t)
	c.Must(t, "CLIENT", "SETNAME", "theone")
	c.Must(t, "AUTH", "u", "x")
	v, err := c.Do("EVAL", "for i = 1, 3000000 do end return redis.pcall('get', 'secret')", "0")
	if err != nil || !v.IsError() {
		t.Fatalf("the script is allowed: %v, %v", v, err)
	}
	if text := admin.Must(t, "ACL", "LOG").String(); !strings.Contains(text, "name=theone ") || !strings.Contains(text, `"lua"`) {
		t.Errorf("the log says %s", text)
	}
}
