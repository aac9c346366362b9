package exec_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redstart-db/redstart/internal/config"
	"github.com/redstart-db/redstart/internal/exec"
	"github.com/redstart-db/redstart/internal/node"
)

// administered is an instance that ends with the test, and a connection that may do
// everything.
func administered(t *testing.T) (*node.Node, *node.Local) {
	t.Helper()
	n, err := node.OpenLoops(config.Default(), nil, 2)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	admin, err := n.NewLocal()
	if err != nil {
		t.Fatal(err)
	}
	return n, admin
}

// Rules change while restricted users run commands: every reply is either what the
// command gives or a refusal, and what is forbidden for good never gets through.
func TestRulesChangeBesideCommands(t *testing.T) {
	n, admin := administered(t)
	do := doer(t)
	do(admin, "ACL", "SETUSER", "u", "on", "nopass", "~open*", "+@all")
	do(admin, "MSET", "open", "1", "secret", "s3cr3t")
	var wg sync.WaitGroup
	for range 4 {
		l, err := n.NewLocal()
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			do(l, "AUTH", "u", "x")
			for range 300 {
				for _, call := range [][]string{
					{"GET", "open"}, {"GET", "secret"}, {"MGET", "open", "secret"},
					{"EVAL", "return redis.call('get', 'secret')", "0"},
					{"SORT", "open", "BY", "nosort", "GET", "secret*"},
				} {
					if got := do(l, call...); strings.Contains(got, "s3cr3t") {
						t.Errorf("%q gave %s", call, got)
					}
				}
			}
		})
	}
	for i := range 300 {
		rule := []string{"+get", "-get", "~open2", "%R~open3", "(~x +get)", "clearselectors", "+@all"}[i%7]
		if got := do(admin, "ACL", "SETUSER", "u", rule); !strings.Contains(got, "OK") {
			t.Error(got)
		}
		if i%50 == 0 {
			do(admin, "ACL", "LIST")
			do(admin, "ACL", "LOG", "RESET")
		}
	}
	wg.Wait()
}

// doer gives a function that runs a command and gives the text of its reply.
func doer(t *testing.T) func(l *node.Local, words ...string) string {
	return func(l *node.Local, words ...string) string {
		args := make([][]byte, len(words))
		for i, w := range words {
			args[i] = []byte(w)
		}
		v, err := l.Do(t.Context(), args...)
		if err != nil {
			t.Error(err)
		}
		return v.String()
	}
}

// A command that stops all workers waits for the right to do so after it has passed the
// gates. What is forbidden meanwhile does not run.
func TestRulesChangeWhileACommandWaits(t *testing.T) {
	n, admin := administered(t)
	do := doer(t)
	for _, call := range [][]string{
		{"EVAL", "return 'ran'", "0"},
		{"INFO", "server"},
		{"CONFIG", "SET", "maxmemory", "0"},
	} {
		do(admin, "ACL", "SETUSER", "u", "on", "nopass", "allkeys", "+@all")
		l, err := n.NewLocal()
		if err != nil {
			t.Fatal(err)
		}
		do(l, "AUTH", "u", "x")
		reply := make(chan string)
		n.Exec.ChangeBetween(func() {
			go func() { reply <- do(l, call...) }()
			for !exec.CommandWaits() {
				time.Sleep(time.Millisecond)
			}
		}, func() {
			if err := n.Exec.ACLRules().Apply(n.Exec.Users.Get([]byte("u")), "-@all"); err != nil {
				t.Error(err)
			}
		})
		if got := <-reply; !strings.Contains(got, "NOPERM") {
			t.Errorf("%q gives %s", call, got)
		}
	}
	// The same for one that waits for a key.
	do(admin, "ACL", "SETUSER", "u", "+blpop", "resetkeys", "~l*")
	l, err := n.NewLocal()
	if err != nil {
		t.Fatal(err)
	}
	do(l, "AUTH", "u", "x")
	reply := make(chan string)
	go func() { reply <- do(l, "BLPOP", "list", "0") }()
	for !strings.Contains(do(admin, "INFO", "clients"), "blocked_clients:1") {
		time.Sleep(time.Millisecond)
	}
	do(admin, "ACL", "SETUSER", "u", "resetkeys", "~m*")
	do(admin, "RPUSH", "list", "secret")
	if got := <-reply; !strings.Contains(got, "NOPERM") {
		t.Errorf("BLPOP gives %s", got)
	}
	if got := do(admin, "LLEN", "list"); !strings.Contains(got, "1") {
		t.Errorf("the list has %s elements", got)
	}
}
