package node

import (
	"bufio"
	"strings"
	"testing"

	"github.com/redstart-db/redstart/internal/config"
)

// TestRenamedCommands gives commands other names, and takes one away.
func TestRenamedCommands(t *testing.T) {
	n, _ := openNode(t, func(c *config.Config) {
		c.RenameCommands = map[string]string{"get": "Fetch", "config": "cfg", "debug": "dbg", "flushall": ""}
	})
	nc, err := n.Dial()
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	w := &wire{t, nc, bufio.NewReader(nc)}
	for _, x := range [][2]string{
		{"SET a 1", `+OK`},
		{"FETCH a", `"1"`},
		{"GET a", "-ERR unknown command 'GET', with args beginning with: 'a' "},
		{"FLUSHALL", "-ERR unknown command 'FLUSHALL', with args beginning with: "},
		{"CONFIG GET port", "-ERR unknown command 'CONFIG', with args beginning with: 'GET' 'port' "},
		{"cfg GET port", `["port", "0"]`},
		{"cfg nosuch", "-ERR unknown subcommand 'nosuch'. Try CFG HELP."},
		{"fetch", "-ERR wrong number of arguments for 'get' command"},
		{"EVAL \"return redis.call('get','a')\" 0", "-ERR Unknown Redis command called from script script: 7fb66cba2d1e1d64e4b74b3e40ef0a3ce39cb4a3, on @user_script:1."},
		{"EVAL \"return redis.call('fetch','a')\" 0", `"1"`},
		{"ACL SETUSER u +get", "+OK"}, // rules know them by the names that they have had
		{"ACL SETUSER u +fetch", "-ERR Error in ACL SETUSER modifier '+fetch': Unknown command or category name in ACL"},
		{"COMMAND INFO get", "[nil$]"},
	} {
		if got := w.ask(x[0]).String(); got != x[1] && !(strings.HasPrefix(x[0], "EVAL") && strings.HasPrefix(got, x[1][:50])) {
			t.Errorf("%s: %s, want %s", x[0], got, x[1])
		}
	}
	if got := w.ask("cfg HELP").String(); !strings.HasPrefix(got, "[+CFG <subcommand> ") {
		t.Errorf("cfg HELP: %.60s", got)
	}
}
