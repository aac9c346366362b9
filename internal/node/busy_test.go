package node

import (
	"strings"
	"testing"
	"time"

	"github.com/redstart-db/redstart/internal/config"
	"github.com/redstart-db/redstart/internal/exec"
	"github.com/redstart-db/redstart/internal/resp"
)

// TestWatchWhileBusy watches and unwatches keys while a script holds their shards. Nobody
// waits for it, and afterwards all is as if it had been done at the time.
func TestWatchWhileBusy(t *testing.T) {
	onBoth(t, func(c *config.Config) { c.BusyReplyThreshold = 10 }, func(t *testing.T, s *instance) {
		script := s.wire()
		const endless = `EVAL "redis.call('get', KEYS[1]) while true do end" 1 k` + "\r\n"
		const written = `EVAL "redis.call('set', KEYS[1], 1) for i = 1, 120000 do redis.call('get', KEYS[1]) end" 1 k` + "\r\n"
		w, other := s.wire(), s.wire()
		busy := func() {
			until(t, "the script to be slow", func() bool { return other.ask("GET k").Kind == resp.KindError })
		}
		killed := func(during func()) {
			t.Helper()
			script.send(endless)
			busy()
			during()
			other.do("SCRIPT KILL\r\n", "+OK\r\n")
			if v := script.read(); v.Kind != resp.KindError {
				t.Errorf("a script that was killed replies %v", v)
			}
		}
		wrote := func(during func()) {
			t.Helper()
			script.send(written)
			busy()
			during()
			if v := script.read(); v.Kind == resp.KindError {
				t.Errorf("the script replies %v", v)
			}
		}
		exec := func(want string) {
			t.Helper()
			w.do("MULTI\r\nSET other 1\r\nEXEC\r\n", "+OK\r\n+QUEUED\r\n"+want)
		}
		const done, nothing = "*1\r\n+OK\r\n", "*-1\r\n"

		killed(func() { w.do("WATCH k l\r\nWATCH k\r\n", "+OK\r\n+OK\r\n") })
		exec(done)
		killed(func() { w.do("WATCH k l\r\n", "+OK\r\n") })
		other.do("SET l 2\r\n", "+OK\r\n")
		exec(nothing)
		wrote(func() { w.do("WATCH k\r\n", "+OK\r\n") })
		exec(nothing)
		exec(done)

		w.do("WATCH k\r\n", "+OK\r\n")
		wrote(func() { w.do("UNWATCH\r\n", "+OK\r\n") })
		exec(done)
		w.do("WATCH k\r\n", "+OK\r\n")
		wrote(func() { w.do("PING\r\nUNWATCH\r\nWATCH l\r\nUNWATCH\r\n", "-"+busyText+"+OK\r\n+OK\r\n+OK\r\n") })
		exec(done)
		w.do("WATCH k\r\nMULTI\r\n", "+OK\r\n+OK\r\n")
		wrote(func() { w.do("WATCH k\r\nDISCARD\r\n", "-ERR WATCH inside MULTI is not allowed\r\n+OK\r\n") })
		exec(done)
		w.do("WATCH k\r\nMULTI\r\n", "+OK\r\n+OK\r\n")
		wrote(func() {
			w.do("SET a b\r\nEXEC\r\n", "-"+busyText+"-EXECABORT Transaction discarded because of: "+busyText)
		})
		exec(done)
		w.do("WATCH k\r\n", "+OK\r\n")
		killed(func() {
			w.do("WATCH l\r\nQUIT\r\n", "+OK\r\n+OK\r\n")
			w.expectEnd()
		})
		w = s.wire()
		exec(done)
	})
}

const busyText = "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.\r\n"

// TestWaitEndsWhileBusy has the time of clients that wait for keys be over while a script
// holds the shards of these keys: they go on when it has ended, and it can end.
func TestWaitEndsWhileBusy(t *testing.T) {
	onBoth(t, func(c *config.Config) { c.BusyReplyThreshold = 10 }, func(t *testing.T, s *instance) {
		other := s.wire()
		var waiting []*wire
		for range 6 { // on all workers
			w := s.wire()
			w.send("BLPOP k l 2\r\nPING\r\n") // a slow machine may take that long until all wait
			waiting = append(waiting, w)
		}
		until(t, "all to wait", func() bool { return strings.Contains(string(other.ask("INFO clients").Str), "blocked_clients:6\r\n") })
		script := s.wire()
		script.send(`EVAL "redis.call('get', KEYS[1]) redis.call('get', KEYS[2]) while true do end" 2 k l` + "\r\n")
		until(t, "the script to be slow", func() bool { return other.ask("GET k").Kind == resp.KindError })
		time.Sleep(2100 * time.Millisecond)
		for _, w := range waiting {
			w.expectSilence()
		}
		gone := waiting[0]
		gone.nc.Close()
		other.do("SCRIPT KILL\r\n", "+OK\r\n")
		if v := script.read(); v.Kind != resp.KindError {
			t.Errorf("a script that was killed replies %v", v)
		}
		for _, w := range waiting[1:] {
			w.expect("*-1\r\n+PONG\r\n")
		}
		other.do("RPUSH k a\r\nLLEN k\r\n", ":1\r\n:1\r\n")
	})
}

// TestMemoryIsShortWhileBusy has memory become short while a script holds a shard: nobody
// looks for something to evict there, so others are told that it is busy, and it can end.
func TestMemoryIsShortWhileBusy(t *testing.T) {
	onBoth(t, func(c *config.Config) { c.BusyReplyThreshold = 10 }, func(t *testing.T, s *instance) {
		script := s.wire()
		others := []*wire{s.wire(), s.wire(), s.wire(), s.wire()}
		script.send(`EVAL "redis.call('get', KEYS[1]) while true do end" 1 k` + "\r\n")
		until(t, "the script to be slow", func() bool { return others[0].ask("GET k").Kind == resp.KindError })
		s.Exec.Alert(exec.AlertMemory, true)
		time.Sleep(50 * time.Millisecond) // for what happens without commands
		for _, w := range others {
			w.do("SET k v\r\n", "-"+busyText)
		}
		others[0].do("SCRIPT KILL\r\n", "+OK\r\n")
		if v := script.read(); v.Kind != resp.KindError {
			t.Errorf("a script that was killed replies %v", v)
		}
		for _, w := range others {
			w.do("SET k v\r\n", "+OK\r\n")
		}
		until(t, "memory to be found to suffice", func() bool { return !s.Exec.Alerted(exec.AlertMemory) })
	})
}

// TestExecIsRefusedWhileBusy has a transaction refused, for another reason than the script
// that holds the shard of the key that it watches.
func TestExecIsRefusedWhileBusy(t *testing.T) {
	onBoth(t, func(c *config.Config) { c.BusyReplyThreshold = 10 }, func(t *testing.T, s *instance) {
		w, other, script := s.wire(), s.wire(), s.wire()
		w.do("WATCH k\r\nMULTI\r\nSET k 1\r\n", "+OK\r\n+OK\r\n+QUEUED\r\n")
		script.send(`EVAL "redis.call('get', KEYS[1]) while true do end" 1 k` + "\r\n")
		until(t, "the script to be slow", func() bool { return other.ask("GET k").Kind == resp.KindError })
		s.Exec.Alert(exec.AlertDisk, true)
		if v := w.ask("EXEC"); !strings.HasPrefix(string(v.Str), "EXECABORT") {
			t.Errorf("EXEC: %v", v)
		}
		s.Exec.Alert(exec.AlertDisk, false)
		other.do("SCRIPT KILL\r\n", "+OK\r\n")
		script.read()
		w.do("SET k 2\r\nMULTI\r\nGET k\r\nEXEC\r\n", "+OK\r\n+OK\r\n+QUEUED\r\n*1\r\n$1\r\n2\r\n")
	})
}
