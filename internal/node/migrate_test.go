package node

import (
	"net"
	"strings"
	"testing"

	"github.com/redstart-db/redstart/internal/config"
)

// newListening is an instance with a port, and that port.
func newListening(t *testing.T, set func(*config.Config)) (k *talk, port string) {
	t.Helper()
	k = newTalk(t, set)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := k.n.Serve(ln); err != nil {
		t.Fatal(err)
	}
	_, port, _ = net.SplitHostPort(ln.Addr().String())
	return k, port
}

func TestMigrate(t *testing.T) {
	from := newTalk(t, nil)
	r := new(record)
	from.n.env.Log.Attach(r)
	to, port := newListening(t, nil)
	locked, lockedPort := newListening(t, func(c *config.Config) { c.RequirePass = "p" })
	_ = locked
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, closedPort, _ := net.SplitHostPort(dead.Addr().String())
	dead.Close()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts, and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	_, silentPort, _ := net.SplitHostPort(silent.Addr().String())
	from.do(wordsOf("MSET a 1 b 2 c 3")...)
	from.do(wordsOf("RPUSH list x y z")...)
	from.do(wordsOf("SET volatile v PX 100000")...)
	for _, step := range []struct{ command, want, effects string }{
		{"MIGRATE 127.0.0.1 " + port + " nosuch 0 1000", "+NOKEY", ""},
		{"MIGRATE 127.0.0.1 " + port + " a 0 1000 COPY", "+OK", ""},
		{"MIGRATE 127.0.0.1 " + port + " a 0 1000", "-ERR Target instance replied with error: BUSYKEY Target key name already exists.", ""},
		{"MIGRATE 127.0.0.1 " + port + " a 0 1000 REPLACE", "+OK", "0:DEL a"},
		{`MIGRATE 127.0.0.1 ` + port + ` "" 3 1000 KEYS list volatile nosuch list`, "-ERR Target instance replied with error: BUSYKEY Target key name already exists.", "0:DEL list volatile"},
		{"MIGRATE 127.0.0.1 " + port + " b 99 1000", "-ERR Target instance replied with error: ERR DB index is out of range", ""},
		{"MIGRATE 127.0.0.1 " + lockedPort + " b 0 1000", "-ERR Target instance replied with error: NOAUTH Authentication required.", ""},
		{"MIGRATE 127.0.0.1 " + lockedPort + " b 0 1000 AUTH wrong", "-ERR Target instance replied with error: WRONGPASS invalid username-password pair or user is disabled.", ""},
		{"MIGRATE 127.0.0.1 " + lockedPort + " b 0 1000 AUTH2 default p", "+OK", "0:DEL b"},
		{"MIGRATE 127.0.0.1 " + closedPort + " c 0 1000", "-IOERR error or timeout connecting to the client", ""},
		{"MIGRATE 127.0.0.1 " + silentPort + " c 0 50", "-IOERR error or timeout reading from target instance", ""},
		{"MIGRATE 127.0.0.1 " + port + " c 0 x", "-ERR value is not an integer or out of range", ""},
		{"MIGRATE 127.0.0.1 " + port + " c 0 10 NOSUCH", "-ERR syntax error", ""},
		{"MIGRATE 127.0.0.1 " + port + " c 0 10 KEYS a", "-ERR When using MIGRATE KEYS option, the key argument must be set to the empty string", ""},
	} {
		r.take()
		if got := from.do(wordsOf(step.command)...).String(); got != step.want {
			t.Errorf("%s: got %q, want %q", step.command, got, step.want)
		}
		if effects, _ := r.take(); effects != step.effects {
			t.Errorf("%s: effects %q, want %q", step.command, effects, step.effects)
		}
	}
	if got := to.do(wordsOf("GET a")...).String(); got != `"1"` {
		t.Errorf("a is %q there", got)
	}
	to.do(wordsOf("SELECT 3")...)
	if got := to.do("EXISTS", "b").Int; got != 0 {
		t.Error("b was sent, though the database that it was for is not there")
	}
	if got := to.do(wordsOf("LRANGE list 0 -1")...); !strings.Contains(got.String(), "x") {
		t.Errorf("list is %v there", got)
	}
	if got := to.do(wordsOf("PTTL volatile")...); got.Int < 90_000 {
		t.Errorf("the deadline of volatile is %v there", got)
	}
	if got := from.do(wordsOf("EXISTS c list volatile a b")...).String(); got != "1" {
		t.Errorf("%q keys are left", got)
	}
	if n := from.n.links.Len(); n != 2 {
		t.Errorf("%d connections are kept", n)
	}
}

// A connection that the other side has closed meanwhile is made anew.
func TestMigrateAfterTheOtherSideHasClosed(t *testing.T) {
	from := newTalk(t, nil)
	to, port := newListening(t, nil)
	from.do(wordsOf("MSET a 1 b 2")...)
	if got := from.do(wordsOf("MIGRATE 127.0.0.1 " + port + " a 0 1000")...).String(); got != "+OK" {
		t.Fatal(got)
	}
	to.do(wordsOf("CLIENT KILL TYPE normal SKIPME yes")...)
	await(t, "the other side has closed it", func() bool {
		return strings.Contains(to.do("INFO", "clients").String(), `connected_clients:1\r\n`)
	})
	if got := from.do(wordsOf("MIGRATE 127.0.0.1 " + port + " b 0 1000")...).String(); got != "+OK" {
		t.Error(got)
	}
}

// wordsOf splits a command at spaces; "" is an empty argument.
func wordsOf(command string) []string {
	words := strings.Fields(command)
	for i, w := range words {
		if w == `""` {
			words[i] = ""
		}
	}
	return words
}
