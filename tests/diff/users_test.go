package diff

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/redstart-db/redstart/internal/command/cmddocs"
	"github.com/redstart-db/redstart/tests/peer"
)

const defaultUsers = 1500

// TestRandomUsers gives a user the same random rules on both servers, and asks both what
// it may do. REDSTART_SEED replays a run, REDSTART_USERS sets its length.
func TestRandomUsers(t *testing.T) {
	seed := peer.Seed(t)
	users := int(peer.Number(t, "REDSTART_USERS", defaultUsers))
	t.Logf("replay with REDSTART_SEED=%d REDSTART_USERS=%d", seed, users)
	p, _ := startPair(t)
	g := &generator{rand.New(rand.NewPCG(seed, 7))}
	if err := p.use(0, 3); err != nil {
		t.Fatal(err)
	}
	for range users {
		history, diff, err := p.randomUser(g)
		if err != nil {
			t.Fatalf("%s\n%v", strings.Join(history, "\n"), err)
		}
		if diff != "" {
			t.Errorf("%s\n%s", strings.Join(history, "\n"), diff)
		}
	}
}

// randomUser makes a user and compares what it may do.
func (p *pair) randomUser(g *generator) (history []string, diff string, err error) {
	do := func(args ...string) bool {
		history = append(history, fmt.Sprintf("%q", args))
		var a, b peer.Reply
		if a, err = p.cur.redstart.Do(args...); err != nil {
			return false
		}
		if b, err = p.cur.reference.Do(args...); err == nil && !sameRules(a.String(), b.String()) {
			diff = "  redstart:  " + a.String() + "\n  reference: " + b.String()
		}
		return err == nil && diff == ""
	}
	if !do("ACL", "SETUSER", "u", "reset", "allchannels") {
		return history, diff, err
	}
	for range 1 + g.r.IntN(4) {
		args := []string{"ACL", "SETUSER", "u"}
		for range 1 + g.r.IntN(5) {
			args = append(args, g.rule(true))
		}
		if !do(args...) || !do("ACL", "GETUSER", "u") {
			return history, diff, err
		}
	}
	kept := len(history)
	ts := templates()
	for range 40 {
		call := g.command(ts[g.r.IntN(len(ts))])
		if g.r.IntN(3) == 0 {
			call = g.administration()
		}
		// The reference forgets to ask for the only key of PFMERGE, and when it does
		// not understand a number of keys it asks for them in another order.
		odd := func(arg string) bool { return slices.Contains([]string{"1e18", "1.5", "0x10", "1 ", " 1"}, arg) }
		if call[0] == "PFMERGE" && len(call) == 2 || slices.ContainsFunc(call, odd) {
			continue
		}
		if !do(append([]string{"ACL", "DRYRUN", "u"}, call...)...) {
			return append(history[:kept:kept], history[len(history)-1]), diff, err
		}
	}
	return history, "", nil
}

// sameRules compares two replies. Rules of commands may be in another order, as Redis has
// them as they lie in its hash table. Those of commands that the reference does not have
// are left out, but which categories describe a set best depends on these too: then what
// DRYRUN says has to do.
func sameRules(a, b string) bool {
	if rulesOfCommands.ReplaceAllString(a, "…") != rulesOfCommands.ReplaceAllString(b, "…") {
		return false
	}
	mine, theirs := rulesOfCommands.FindAllString(a, -1), rulesOfCommands.FindAllString(b, -1)
	for i := range mine {
		x, y := inOrder(mine[i]), inOrder(theirs[i])
		if x != y && !strings.Contains(strings.ReplaceAll(x+y, "@all", ""), "@") {
			return false
		}
	}
	return true
}

var rulesOfCommands = regexp.MustCompile(`[-+]@all[^"]*`)

func inOrder(s string) string {
	rules := slices.DeleteFunc(strings.Fields(s), func(rule string) bool {
		d, ok := cmddocs.Lookup(rule[1:])
		return ok && d.Since >= "7.2"
	})
	slices.Sort(rules)
	return strings.Join(rules, " ")
}

// rule is a rule, sometimes one that makes no sense. Selectors contain rules.
func (g *generator) rule(outside bool) string {
	if outside {
		switch g.r.IntN(12) {
		case 0:
			return g.pick("on", "off", "nopass", "resetpass", ">p", ">q", "<p", "sanitize-payload", "skip-sanitize-payload",
				"clearselectors", "reset", "ON", "#"+strings.Repeat("a", 64), "!"+strings.Repeat("a", 64), "#zz")
		case 1, 2:
			var rules []string
			for range g.r.IntN(5) {
				rules = append(rules, g.rule(false))
			}
			return "(" + strings.Join(rules, " ") + ")"
		}
	}
	switch g.r.IntN(8) {
	case 0, 1:
		return g.pick("~", "%R~", "%W~", "%RW~", "%wr~", "~") + g.pick("a", "b*", "?", "[a-d]", "*", "", "l*", "h*", "{tag}*", "[^a]*")
	case 2:
		return g.pick("allkeys", "resetkeys", "allchannels", "resetchannels", "allcommands", "nocommands", "&c", "&c*", "&*", "+@all", "-@all")
	case 3, 4:
		return g.pick("+@", "-@") + g.pick("keyspace", "read", "write", "set", "sortedset", "list", "hash", "string", "bitmap",
			"hyperloglog", "geo", "stream", "pubsub", "admin", "fast", "slow", "blocking", "dangerous", "connection", "transaction", "scripting")
	case 5:
		return g.pick("+", "-") + g.pick("config", "client", "object", "xinfo", "script", "function") + g.pick("", "|help", "|get", "|set", "|list", "|kill", "|nope", "|")
	case 6:
		return g.pick("+", "-") + g.pick("get", "set", "select", "zadd", "del") + g.pick("", "", "|0", "|a", "|A", "|b")
	}
	return g.pick("+", "-") + strings.ToLower(strings.Fields(templates()[g.r.IntN(len(templates()))].words)[0])
}

// administration is a call of a command that the templates do not have.
func (g *generator) administration() []string {
	return strings.Fields(g.pick("CONFIG GET x", "CONFIG SET x y", "CONFIG HELP", "CLIENT LIST", "CLIENT KILL x", "CLIENT HELP", "CLIENT ID",
		"PUBLISH c x", "PUBLISH d x", "SUBSCRIBE c", "SUBSCRIBE c d", "PSUBSCRIBE c*", "PSUBSCRIBE c", "SSUBSCRIBE c1", "SPUBLISH c x",
		"UNSUBSCRIBE d", "PUNSUBSCRIBE d", "EVAL x 2 a b", "EVAL x 0", "EVAL_RO x 1 l", "FCALL f 1 bb", "FCALL_RO f 2 a c", "EVALSHA x 9 a",
		"AUTH x", "HELLO", "RESET", "QUIT", "PING", "ACL WHOAMI", "ACL LIST", "INFO", "DEBUG SLEEP 0", "FLUSHALL", "KEYS *", "MONITOR",
		"SELECT 0", "SELECT 1", "OBJECT ENCODING a", "OBJECT HELP", "XINFO STREAM a", "XINFO HELP", "XGROUP CREATE a g 0", "MEMORY USAGE b",
		"SCRIPT EXISTS x", "FUNCTION LIST", "WATCH a b", "MULTI", "SCAN 0", "DBSIZE", "LATENCY DOCTOR", "SLOWLOG GET", "WAIT 0 0", "SAVE",
		"get a", "Get", "COMMAND", "COMMAND COUNT", "COMMAND GETKEYS get a", "PUBSUB CHANNELS", "nope", "config", "config nope"))
}
