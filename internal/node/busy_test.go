package node

import (
	"testing"

	"github.com/redstart-db/redstart/internal/config"
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
