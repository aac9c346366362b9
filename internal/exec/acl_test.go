package exec_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/redstart-db/redstart/internal/config"
	"github.com/redstart-db/redstart/internal/node"
)

// Rules change while restricted users run commands: every reply is either what the
// command gives or a refusal, and what is forbidden for good never gets through.
func TestRulesChangeBesideCommands(t *testing.T) {
	cfg := config.Default()
	n, err := node.OpenLoops(cfg, nil, 2)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	admin, err := n.NewLocal()
	if err != nil {
		t.Fatal(err)
	}
	do := func(l *node.Local, words ...string) string {
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
