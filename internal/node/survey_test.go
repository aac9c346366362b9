package node

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/redstart-db/redstart/internal/resp"
)

// TestLookingStopsNobody has commands that only look do so while others go on.
func TestLookingStopsNobody(t *testing.T) {
	onBoth(t, nil, func(t *testing.T, s *instance) {
		w := s.wire()
		w.ask("HELLO 3")
		target := w.ask("CLIENT ID").String()
		for _, line := range []string{
			"INFO", "INFO everything", "MEMORY STATS", "MEMORY DOCTOR", "MEMORY MALLOC-STATS", "LATENCY HISTOGRAM",
			"CLIENT LIST", "CLIENT LIST ID " + target, "CLIENT TRACKING ON REDIRECT " + target, "CLIENT TRACKING OFF",
			"CLIENT TRACKING ON BCAST PREFIX a", "CLIENT TRACKING OFF",
		} {
			before := s.stops()
			if v := w.ask(line); v.Kind == resp.KindError {
				t.Errorf("%s: %v", line, v)
			}
			if got := s.stops(); got != before+1 { // by asking
				t.Errorf("%s has stopped all workers", line)
			}
		}
	})
}

// stops is how often all workers were stopped. The background may do so at any time, but
// does not unless somebody is paused.
func (s *instance) stops() (n uint64) {
	s.Exec.World.Stop()
	defer s.Exec.World.Go()
	return s.Exec.World.Stops()
}

// TestLookingAmongOthers runs such commands, alone, in transactions and in scripts,
// together with those that stop all workers and with connections that come and go.
func TestLookingAmongOthers(t *testing.T) {
	onBoth(t, nil, func(t *testing.T, s *instance) {
		lines := []string{
			"INFO everything", "CLIENT LIST", "CLIENT LIST ID 1 2 3 2", "MEMORY STATS", "LATENCY HISTOGRAM", "SET k v", "GET k",
			"CLIENT TRACKING ON", "CLIENT TRACKING OFF", "CONFIG SET timeout 0", "CONFIG RESETSTAT", "FLUSHALL",
			`EVAL "return #redis.call('info')" 0`, "CLIENT NO-EVICT ON",
		}
		const clients, rounds = 6, 60
		var wg sync.WaitGroup
		for i := range clients {
			w := s.wire()
			wg.Add(1)
			go func() {
				defer wg.Done()
				for n := range rounds {
					line := lines[(n*5+i*3)%len(lines)]
					if n%7 == 3 {
						w.ask("MULTI")
						w.ask(line)
						w.ask("INFO clients")
						if v := w.ask("EXEC"); v.Kind == resp.KindError {
							t.Errorf("EXEC of %s: %v", line, v)
						}
						continue
					}
					if v := w.ask(line); v.Kind == resp.KindError {
						t.Errorf("%s: %v", line, v)
					}
					if n%20 == 19 {
						s.wire().nc.Close()
					}
				}
			}()
		}
		wg.Wait()
		w := s.wire()
		w.ask("FLUSHALL")
		w.ask("SET a 1")
		w.ask("SET b 2")
		if keyspace := w.ask("INFO keyspace").String(); !strings.Contains(keyspace, "keys=2,expires=0") {
			t.Errorf("INFO tells %s", keyspace)
		}
		until(t, "closed connections to be gone", func() bool {
			return strings.Contains(w.ask("INFO clients").String(), fmt.Sprintf("connected_clients:%d\\r", clients+1))
		})
	})
}
