package node

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/config"
	"github.com/redstart-db/redstart/internal/resp"
)

// TestEveryCommandInTransactions queues each command in the table beside one that
// has all shards locked, and beside one that has all workers stopped: none may
// wait for what its own transaction holds.
func TestEveryCommandInTransactions(t *testing.T) {
	enable := func(cfg *config.Config) { cfg.EnableDebugCommand = config.ProtectYes }
	onBoth(t, enable, func(t *testing.T, s *instance) {
		other := s.wire()
		for _, spec := range s.env.Table.Specs() {
			switch spec.Name {
			case "multi", "exec", "discard", "watch", "quit", "reset", "shutdown", "client|reply", "client|pause", "client|kill":
				continue
			}
			words := strings.Split(spec.Name, "|")
			n := spec.Arity
			if n < 0 {
				n = -n
			}
			for len(words) < n {
				words = append(words, "1")
			}
			if spec.Flags&command.NoMulti != 0 {
				continue
			}
			for _, beside := range []string{"DBSIZE", "CLIENT LIST"} {
				w := s.wire()
				w.send(fmt.Sprintf("SET 1 1\r\nMULTI\r\n%s\r\n%s\r\n%s\r\nEXEC\r\n", strings.Join(words, " "), beside, strings.Join(words, " ")))
				w.nc.SetReadDeadline(time.Now().Add(time.Minute))
				for range 6 {
					if _, err := resp.ReadValue(w.br, 64, 64<<20); err != nil {
						t.Fatalf("%s beside %s: %v", spec.Name, beside, err)
					}
				}
				w.nc.Close()
			}
		}
		if got := other.ask("PING"); string(got.Str) != "PONG" {
			t.Errorf("PING: %v", got)
		}
	})
}
