package diff

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/redstart-db/redstart/internal/resp"
	"github.com/redstart-db/redstart/tests/peer"
)

// TestArguments sends every command and subcommand of the reference with no to six arguments
// that are likely to be wrong: numbers at the ends of their ranges, empty strings, option
// names out of place, keys of other types. What the reference refuses has to be refused in
// the same words; of what it takes only the kind of the reply is compared.
//
// REDSTART_SEED replays a run, REDSTART_DRAWS sets how many lists of arguments of each length
// are tried, REDSTART_PREFIX leaves out commands that do not begin with it.
func TestArguments(t *testing.T) {
	seed := peer.Seed(t)
	draws := int(peer.Number(t, "REDSTART_DRAWS", 6))
	for _, proto := range []int{2, 3} {
		t.Run(fmt.Sprintf("resp%d", proto), func(t *testing.T) {
			t.Logf("replay with REDSTART_SEED=%d REDSTART_DRAWS=%d", seed, draws)
			p, _ := startPair(t)
			a := arguer{p: p, r: rand.New(rand.NewPCG(seed, uint64(proto))), proto: proto, seen: map[string]bool{}}
			a.fresh(t)
			for _, cmd := range a.commands(t) {
				a.try(t, cmd, draws)
			}
			t.Logf("%d calls", a.calls)
		})
	}
}

// arguer draws calls.
type arguer struct {
	p     *pair
	r     *rand.Rand
	proto int
	calls int
	seen  map[string]bool // differences that were told
}

// described is a command or subcommand, and the words that mean something to it.
type described struct {
	name   []string
	tokens []string
}

// leftOut are commands, or subcommands of some, that cannot be called with anything: they end
// or block the server, make the connection another one, write files, or reply by chance.
var leftOut = []string{
	"replicaof", "slaveof", "failover", "cluster", // another server may answer, or none
	"quit", "monitor", "sync", "psync", "replconf", "asking", "readonly", "readwrite", "multi", "restore-asking",
	"subscribe", "psubscribe", "ssubscribe", "unsubscribe", "punsubscribe", "sunsubscribe",
	"hello", "reset", // 7.0 logs in before it has read all options
	"blpop", "brpop", "blmove", "brpoplpush", "blmpop", "bzpopmin", "bzpopmax", "bzmpop", "wait", "migrate",
	"save", "bgsave", "bgrewriteaof", "shutdown", "debug", "lolwut", "pfdebug", "pfselftest",
	"client|reply", "client|pause", "client|kill", "client|tracking", "config|set", "config|rewrite", "acl|setuser", "acl|deluser",
	"acl|save", "acl|load", "script|kill", "function|kill", "script|debug", "memory|malloc-stats", "latency|doctor", "latency|graph",
	"randomkey", "spop", "srandmember", "hrandfield", "zrandmember",
	"zrank", "zrevrank", // take WITHSCORE, which 7.0 does not know
}

// hostileWords are arguments that somebody may get wrong.
var hostileWords = []string{
	"", "-1", "0", "1", "2", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "nan", "inf", "1e400",
	" 1", "1 ", "+1", "0x10", "1.5", "(1", "[a", "-", "+", "$", ">", "1-1", "0-0", "1-", "*", "@all", "%d%s", "\r\n", "a|b", "\x00",
	"str", "list", "hash", "set", "zset", "stream", "none", "none2", "count", "limit", "get", "withscores", "help", strings.Repeat("x", 100),
}

// commands asks the reference what it has.
func (a *arguer) commands(t *testing.T) (list []described) {
	docs := a.ask(t, "COMMAND", "DOCS")
	each(docs, func(name string, doc resp.Value) {
		if slices.Contains(leftOut, name) || a.p.missing[name] {
			return
		}
		list = append(list, described{[]string{name}, tokens(doc, nil)})
		each(field(doc, "subcommands"), func(sub string, doc resp.Value) {
			if !slices.Contains(leftOut, sub) {
				list = append(list, described{strings.Split(sub, "|"), tokens(doc, nil)})
			}
		})
	})
	list = slices.DeleteFunc(list, func(d described) bool { return !strings.HasPrefix(d.name[0], prefix()) })
	slices.SortFunc(list, func(a, b described) int { return slices.Compare(a.name, b.name) })
	if len(list) < 200 && prefix() == "" {
		t.Fatalf("only %d commands", len(list))
	}
	return list
}

// prefix is what names of commands or directives have to begin with.
func prefix() string { return os.Getenv("REDSTART_PREFIX") }

// each goes over a map, which RESP2 gives as a list.
func each(m resp.Value, f func(key string, v resp.Value)) {
	for i := 0; i+1 < len(m.Elems); i += 2 {
		f(string(m.Elems[i].Str), m.Elems[i+1])
	}
}

func field(m resp.Value, name string) (found resp.Value) {
	each(m, func(key string, v resp.Value) {
		if key == name {
			found = v
		}
	})
	return found
}

// tokens collects the option names of a command.
func tokens(doc resp.Value, list []string) []string {
	for _, arg := range field(doc, "arguments").Elems {
		if token := string(field(arg, "token").Str); token != "" {
			list = append(list, token)
		}
		list = tokens(arg, list)
	}
	return list
}

// ask asks the reference alone.
func (a *arguer) ask(t *testing.T, args ...string) resp.Value {
	if err := a.p.use(0, a.proto); err != nil {
		t.Fatal(err)
	}
	r, err := a.p.cur.reference.Do(args...)
	if err != nil {
		t.Fatal(err)
	}
	return r.Value
}

// fresh gives both servers the same keys.
func (a *arguer) fresh(t *testing.T) {
	if err := a.p.use(0, a.proto); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"SELECT 0", "FLUSHALL", "FUNCTION FLUSH", "SCRIPT FLUSH", "SET str abc", "RPUSH list a b c", "HSET hash a 1 b 2", "SADD set a b c",
		"ZADD zset 1 a 2 b", "XADD stream 1-1 f v", "XGROUP CREATE stream g 0",
	} {
		if err := a.p.cur.each(func(c *peer.Conn) error {
			_, err := c.Do(strings.Fields(line)...)
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
}

func (a *arguer) try(t *testing.T, cmd described, draws int) {
	for n := range 7 {
		for k := range draws {
			if n == 0 && k > 0 {
				break
			}
			args := slices.Clone(cmd.name)
			for range n {
				if len(cmd.tokens) > 0 && a.r.IntN(5) < 2 {
					args = append(args, cmd.tokens[a.r.IntN(len(cmd.tokens))])
				} else {
					args = append(args, hostileWords[a.r.IntN(len(hostileWords))])
				}
			}
			if strings.HasPrefix(cmd.name[0], "xread") && slices.ContainsFunc(args, func(s string) bool { return strings.EqualFold(s, "BLOCK") }) {
				continue
			}
			a.call(t, args)
		}
	}
	a.fresh(t)
}

// call compares one call.
func (a *arguer) call(t *testing.T, args []string) {
	a.calls++
	if a.calls%20 == 0 {
		a.fresh(t)
	}
	if err := a.p.send(args); err != nil {
		t.Fatalf("%q: %v", args, err)
	}
	mine, err := a.p.cur.redstart.Read()
	if err != nil {
		t.Fatalf("%q: redstart: %v", args, err)
	}
	theirs, err := a.p.cur.reference.Read()
	if err != nil {
		t.Fatalf("%q: reference: %v", args, err)
	}
	if alike(mine, theirs) {
		return
	}
	diff := describe(mine, theirs)
	about := fmt.Sprintf("%s %.60s %.60s", args[0], mine.Raw, theirs.Raw)
	if a.seen[about] {
		return
	}
	a.seen[about] = true
	t.Errorf("%q:\n%s", args, diff)
	if len(a.seen) == 30 {
		t.Fatal("too many differences")
	}
}

// alike tells whether two replies are the same error, or of one kind. Nothing is as good as
// something: a key may have expired on one server and not yet on the other.
func alike(a, b peer.Reply) bool {
	if a.IsError() || b.IsError() {
		// The parsers of Lua name what they expected differently.
		const compiling = "-ERR Error compiling "
		if strings.HasPrefix(string(a.Raw), compiling) && strings.HasPrefix(string(b.Raw), compiling) {
			return true
		}
		return string(a.Raw) == string(b.Raw)
	}
	return a.Kind == b.Kind || a.Null || b.Null
}

// TestSettings gives every directive values that are likely to be wrong. What the reference
// says of them, and what CONFIG GET shows then, has to be the same. REDSTART_PREFIX leaves out
// directives that do not begin with it.
func TestSettings(t *testing.T) {
	p, _ := startPair(t)
	a := arguer{p: p, proto: 3, seen: map[string]bool{}}
	var names []string
	each(a.ask(t, "CONFIG", "GET", "*"), func(name string, _ resp.Value) {
		if strings.HasPrefix(name, prefix()) && !slices.Contains(settingsLeftOut, name) {
			names = append(names, name)
		}
	})
	if len(names) < 150 && prefix() == "" {
		t.Fatalf("only %d directives", len(names))
	}
	for _, name := range names {
		for _, value := range settings {
			a.set(t, name, value)
		}
	}
}

// settingsLeftOut are directives that decide how the servers are reached, and those of which
// a wrong value is taken in another way on purpose.
var settingsLeftOut = []string{
	"port", "tls-port", "bind", "unixsocket", "requirepass", "dir", "logfile", "pidfile", "protected-mode", "maxclients",
	"client-query-buffer-limit", "proto-max-bulk-len",
	"activedefrag",      // Debian's server cannot
	"maxmemory-clients", // 7.0 takes a number beyond 63 bits for a percentage
}

var settings = []string{
	"", "-1", "9223372036854775808", "18446744073709551616", "nan", "abc", "yes maybe", "1 2 3", "1gb1", "101%", "-5%",
	strings.Repeat("x", 300), "1.5", "-0", "+1", " 1", "\"", "%s%n",
}

func (a *arguer) set(t *testing.T, name, value string) {
	type outcome struct{ before, reply, after peer.Reply }
	var got []outcome
	if err := a.p.cur.each(func(c *peer.Conn) (err error) {
		var o outcome
		for _, step := range []struct {
			to   *peer.Reply
			args []string
		}{
			{&o.before, []string{"CONFIG", "GET", name}}, {&o.reply, []string{"CONFIG", "SET", name, value}},
			{&o.after, []string{"CONFIG", "GET", name}},
		} {
			if *step.to, err = c.Do(step.args...); err != nil {
				return fmt.Errorf("%q: %w", step.args, err)
			}
		}
		got = append(got, o)
		if !o.reply.IsError() && len(o.before.Elems) == 2 {
			if _, err = c.Do("CONFIG", "SET", name, string(o.before.Elems[1].Str)); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatalf("%s %q: %v", name, value, err)
	}
	if mine, theirs := got[0].reply, got[1].reply; string(mine.Raw) != string(theirs.Raw) {
		t.Errorf("CONFIG SET %s %q:\n%s", name, value, describe(mine, theirs))
	} else if mine, theirs := got[0].after, got[1].after; string(mine.Raw) != string(theirs.Raw) && !mine.IsError() &&
		string(got[0].before.Raw) == string(got[1].before.Raw) {
		t.Errorf("after CONFIG SET %s %q:\n%s", name, value, describe(mine, theirs))
	}
}
