package node

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/redstart-db/redstart/internal/config"
	"github.com/redstart-db/redstart/internal/resp"
	"github.com/redstart-db/redstart/tests/peer"
)

// wire is a connection that speaks bytes.
type wire struct {
	t  testing.TB
	nc net.Conn
	br *bufio.Reader
}

func (w *wire) send(s string) {
	w.t.Helper()
	w.nc.SetWriteDeadline(time.Now().Add(time.Minute))
	if _, err := io.WriteString(w.nc, s); err != nil {
		w.t.Fatalf("sending %.60q: %v", s, err)
	}
}

// expect reads exactly the given bytes.
func (w *wire) expect(want string) {
	w.t.Helper()
	w.nc.SetReadDeadline(time.Now().Add(time.Minute))
	got := make([]byte, len(want))
	n, err := io.ReadFull(w.br, got)
	if string(got[:n]) != want {
		w.t.Fatalf("got %q (%v), want %q", got[:n], err, want)
	}
}

func (w *wire) do(send, want string) {
	w.t.Helper()
	w.send(send)
	w.expect(want)
}

// ask sends a line and reads one reply.
func (w *wire) ask(line string) resp.Value {
	w.t.Helper()
	w.send(line + "\r\n")
	return w.read()
}

func (w *wire) read() resp.Value {
	w.t.Helper()
	w.nc.SetReadDeadline(time.Now().Add(time.Minute))
	v, err := resp.ReadValue(w.br, 8, 64<<20)
	if err != nil {
		w.t.Fatal(err)
	}
	return v
}

func (w *wire) expectEnd() {
	w.t.Helper()
	w.nc.SetReadDeadline(time.Now().Add(time.Minute))
	b, err := w.br.ReadByte()
	if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		w.t.Fatalf("the connection is open: %q %v", b, err)
	}
}

// expectSilence fails when something can be read soon.
func (w *wire) expectSilence() {
	w.t.Helper()
	w.nc.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if _, err := w.br.Peek(1); !errors.Is(err, os.ErrDeadlineExceeded) {
		line, _ := w.br.ReadString('\n')
		w.t.Fatalf("got %q, %v", line, err)
	}
}

// instance is a node with a way to reach it.
type instance struct {
	*Node
	t    testing.TB
	dial func() (net.Conn, error)
}

func (s *instance) wire() *wire {
	s.t.Helper()
	nc, err := s.dial()
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { nc.Close() })
	return &wire{s.t, nc, bufio.NewReader(nc)}
}

// until waits for something that other goroutines bring about.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// onBoth runs a test with connections that event loops serve, and with ones that
// have goroutines.
func onBoth(t *testing.T, set func(*config.Config), test func(t *testing.T, s *instance)) {
	for _, way := range []string{"tcp", "pipe"} {
		t.Run(way, func(t *testing.T) {
			defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
			cfg := inTemp(t)
			cfg.RedstartShards, cfg.RedstartLoops = 4, 2
			if set != nil {
				set(cfg)
			}
			n, err := Open(cfg, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer n.Close()
			s := &instance{n, t, n.Dial}
			if way == "tcp" {
				ln, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				if err := n.Serve(ln); err != nil {
					t.Fatal(err)
				}
				s.dial = func() (net.Conn, error) { return net.Dial("tcp", ln.Addr().String()) }
			}
			test(t, s)
		})
	}
}

func TestRequestsByteByByte(t *testing.T) {
	const requests = "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$5\r\nhel\r\n\r\nPING\r\n*1\r\n$5\r\nMULTI\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\n\r\n" +
		"*0\r\n*-1\r\nECHO \"x y\"\r\n*1\r\n$4\r\nEXEC\r\nCLIENT REPLY SKIP\r\nPING\r\n*2\r\n$4\r\nPING\r\n$2\r\n!!\r\nQUIT\r\nPING\r\n"
	const replies = "+OK\r\n+PONG\r\n+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n$5\r\nhel\r\n\r\n$3\r\nx y\r\n$2\r\n!!\r\n+OK\r\n"
	onBoth(t, nil, func(t *testing.T, s *instance) {
		w := s.wire()
		for i := range len(requests) {
			if strings.HasPrefix(requests[i:], "PING\r\n") && i == len(requests)-len("PING\r\n") {
				break // the connection is closed by now
			}
			w.send(requests[i : i+1])
		}
		w.expect(replies)
		w.expectEnd()
		w = s.wire()
		w.do(requests, replies)
		w.expectEnd()
	})
}

func TestKill(t *testing.T) {
	onBoth(t, nil, func(t *testing.T, s *instance) {
		a, b := s.wire(), s.wire()
		a.do("PING\r\n", "+PONG\r\n") // a client there is from its connection's first turn on
		id := b.ask("CLIENT ID").Int
		b.do("WATCH k\r\nMULTI\r\nSET k v\r\n", "+OK\r\n+OK\r\n+QUEUED\r\n")
		if n := s.Exec.ClientCount(); n != 2 {
			t.Fatalf("%d clients", n)
		}
		if got := a.ask(fmt.Sprintf("CLIENT KILL ID %d", id)).Int; got != 1 {
			t.Fatalf("killed %d", got)
		}
		if n := s.Exec.ClientCount(); n != 1 {
			t.Errorf("%d clients right after CLIENT KILL", n)
		}
		b.expectEnd()
		a.do("EXISTS k\r\nSET k v\r\n", ":0\r\n+OK\r\n")
		// Oneself: the reply comes first, and nothing after it runs.
		a.do("CLIENT KILL TYPE normal SKIPME no\r\nSET late 1\r\n", ":1\r\n")
		a.expectEnd()
		until(t, "its client is gone too", func() bool { return s.Exec.ClientCount() == 0 })
		c := s.wire()
		c.do("EXISTS late\r\nMULTI\r\nCLIENT KILL USER default SKIPME no\r\nPING\r\nSET late 2\r\nEXEC\r\n",
			":0\r\n+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*3\r\n:1\r\n")
		c.expectEnd()
		s.wire().do("GET late\r\nCLIENT KILL 1.2.3.4:5\r\n", "$1\r\n2\r\n-ERR No such client\r\n")
	})
}

// TestKillByAge closes connections that are old enough.
func TestKillByAge(t *testing.T) {
	onBoth(t, nil, func(t *testing.T, s *instance) {
		w, old := s.wire(), s.wire()
		old.do("PING\r\n", "+PONG\r\n")
		w.do("CLIENT KILL MAXAGE 1000\r\n", ":0\r\n")
		w.do("CLIENT KILL MAXAGE x\r\n", "-ERR maxage is not an integer or out of range\r\n")
		w.do("CLIENT KILL MAXAGE 0\r\n", "-ERR MAXAGE is not greater than 0\r\n")
		w.do("CLIENT KILL MAXAGE 9223372036854775807\r\n", ":0\r\n")
		until(t, "the other is a second old", func() bool { return w.ask("CLIENT KILL MAXAGE 1 SKIPME yes").Int == 1 })
		old.expectEnd()
		w.do("PING\r\n", "+PONG\r\n")
	})
}

func TestPauseWrites(t *testing.T) {
	onBoth(t, nil, func(t *testing.T, s *instance) {
		a, b, c := s.wire(), s.wire(), s.wire()
		c.do("MULTI\r\nSET t 1\r\n", "+OK\r\n+QUEUED\r\n")
		a.do("MULTI\r\nSET soon x PX 20\r\nCLIENT PAUSE 100000 WRITE\r\nGET k\r\nEXEC\r\n",
			"+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*3\r\n+OK\r\n+OK\r\n$-1\r\n")
		b.send("GET k\r\nSET k v\r\nGET k\r\n")
		b.expect("$-1\r\n")
		c.send("EXEC\r\n")
		until(t, "two clients wait", func() bool { return s.Exec.Paused() == 2 })
		b.expectSilence()
		c.expectSilence()
		// What is wrong is told at once, and the data stays as it is.
		time.Sleep(30 * time.Millisecond)
		a.do("SET k\r\nGET soon\r\nDBSIZE\r\n", "-ERR wrong number of arguments for 'set' command\r\n$-1\r\n:1\r\n")
		a.do("CLIENT UNPAUSE\r\n", "+OK\r\n")
		if n := s.Exec.Paused(); n != 0 {
			t.Errorf("%d clients wait after CLIENT UNPAUSE", n)
		}
		b.expect("+OK\r\n$1\r\nv\r\n")
		c.expect("*1\r\n+OK\r\n")
		until(t, "the key expires", func() bool { return a.ask("DBSIZE").Int == 2 })
	})
}

func TestPauseEnds(t *testing.T) {
	onBoth(t, nil, func(t *testing.T, s *instance) {
		a, b, gone := s.wire(), s.wire(), s.wire()
		gone.ask("PING")
		start := time.Now()
		// In a transaction it begins with its end.
		a.do("MULTI\r\nCLIENT PAUSE 10\r\nCLIENT PAUSE 200 WRITE\r\nSET a 1 PX 1\r\nSET b 2\r\nEXEC\r\n",
			"+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*4\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n")
		gone.send("SET c 3\r\n")
		until(t, "one waits", func() bool { return s.Exec.Paused() == 1 })
		gone.nc.Close()
		until(t, "it is gone", func() bool { return s.Exec.Paused() == 0 })
		b.do("PING\r\n", "+PONG\r\n") // a pause became longer, and stays as strict as it was
		// It ends at a whole millisecond of a clock that may be 0.1 ms off.
		if took := time.Since(start); took < 198*time.Millisecond {
			t.Errorf("the pause ended after %v", took)
		}
		a.do("EXISTS c\r\nGET b\r\n", ":0\r\n$1\r\n2\r\n")
	})
}

func TestReset(t *testing.T) {
	onBoth(t, nil, func(t *testing.T, s *instance) {
		a, b := s.wire(), s.wire()
		a.ask("HELLO 3 SETNAME me")
		a.do("SELECT 3\r\nCLIENT NO-TOUCH ON\r\nWATCH w\r\nMONITOR\r\nGET w\r\nMULTI\r\n",
			"+OK\r\n+OK\r\n+OK\r\n+OK\r\n-ERR Replica can't interact with the keyspace\r\n+OK\r\n")
		if got := a.read().String(); !strings.Contains(got, `"MULTI"`) {
			t.Errorf("a monitor got %s", got)
		}
		a.do("RESET\r\n", "+RESET\r\n")
		b.do("SET w 1\r\n", "+OK\r\n")
		a.do("GET nokey\r\nCLIENT GETNAME\r\nMULTI\r\nGET w\r\nEXEC\r\n", "$-1\r\n$-1\r\n+OK\r\n+QUEUED\r\n*1\r\n$1\r\n1\r\n")
		line := a.ask("CLIENT INFO").String()
		for _, want := range []string{" name= ", " flags=N ", " db=0 ", " resp=2 "} {
			if !strings.Contains(line, want) {
				t.Errorf("no %q in %s", want, line)
			}
		}
	})
}

func TestMonitorSeesInOrder(t *testing.T) {
	onBoth(t, nil, func(t *testing.T, s *instance) {
		m, a := s.wire(), s.wire()
		m.do("MONITOR\r\n", "+OK\r\n")
		for _, line := range []string{
			"SELECT 2", `SET k "a\"b\x00\n"`, "AUTH secret", "HELLO 2 AUTH u secret SETNAME n", "CONFIG GET port",
			"MULTI", "INCR n", "EXEC", "GET",
		} {
			a.ask(line)
		}
		for _, want := range []string{
			`[2 ADDR] "SELECT" "2"`, `[2 ADDR] "SET" "k" "a\"b\x00\n"`, `[2 ADDR] "AUTH" "(redacted)"`,
			`[2 ADDR] "HELLO" "2" "AUTH" "(redacted)" "(redacted)" "SETNAME" "n"`,
			`[2 ADDR] "MULTI"`, `[2 ADDR] "INCR" "n"`, `[2 ADDR] "EXEC"`,
		} {
			got := string(m.read().Str)
			addr := "pipe"
			if a.nc.LocalAddr().Network() == "tcp" {
				addr = a.nc.LocalAddr().String()
			}
			_, got, _ = strings.Cut(strings.Replace(got, addr, "ADDR", 1), " ")
			if got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		}
		m.expectSilence()
		m.nc.Close()
		until(t, "the monitor is forgotten", func() bool { return len(s.Exec.Monitors()) == 0 })
		a.do("PING\r\n", "+PONG\r\n")
	})
}

func TestLogin(t *testing.T) {
	onBoth(t, nil, func(t *testing.T, s *instance) {
		a := s.wire()
		a.do("AUTH x\r\n", "-ERR AUTH <password> called without any password configured for the default user. "+
			"Are you sure your configuration is correct?\r\n")
		a.do("CONFIG SET requirepass \"a\\x00b\"\r\nPING\r\n", "+OK\r\n+PONG\r\n")
		b := s.wire()
		b.do("PING\r\nAUTH a\r\nAUTH default a\r\nAUTH other \"a\\x00b\"\r\nHELLO 3\r\n", "-NOAUTH Authentication required.\r\n"+
			strings.Repeat("-WRONGPASS invalid username-password pair or user is disabled.\r\n", 3)+
			"-NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> <pass> "+
			"option can be used to authenticate the client and select the RESP protocol version at the same time\r\n")
		b.do("AUTH \"a\\x00b\"\r\nPING\r\nRESET\r\nPING\r\n", "+OK\r\n+PONG\r\n+RESET\r\n-NOAUTH Authentication required.\r\n")
		// Requests behind a login in one piece are not limited as those before.
		c := s.wire()
		c.do("*2\r\n$4\r\nAUTH\r\n$3\r\na\x00b\r\n*12\r\n$6\r\nEXISTS\r\n"+strings.Repeat("$1\r\nx\r\n", 11), "+OK\r\n:0\r\n")
		c.do("CONFIG SET requirepass \"\"\r\n", "+OK\r\n")
		b.do("*12\r\n$6\r\nEXISTS\r\n"+strings.Repeat("$1\r\nx\r\n", 11), ":0\r\n")
		d := s.wire()
		d.do("CONFIG SET requirepass p\r\n", "+OK\r\n")
		e := s.wire()
		e.do("*11\r\n", "-ERR Protocol error: unauthenticated multibulk length\r\n")
		e.expectEnd()
		e = s.wire()
		e.do("*1\r\n$16385\r\n", "-ERR Protocol error: unauthenticated bulk length\r\n")
		e.expectEnd()
	})
}

func TestIdleClientsAreClosed(t *testing.T) {
	onBoth(t, func(c *config.Config) { c.Timeout = 2 }, func(t *testing.T, s *instance) {
		idle, busy, monitor, paused, slow := s.wire(), s.wire(), s.wire(), s.wire(), s.wire()
		idle.do("WATCH k\r\nMULTI\r\n", "+OK\r\n+OK\r\n")
		monitor.do("MONITOR\r\n", "+OK\r\n")
		busy.do("CLIENT PAUSE 3500 WRITE\r\n", "+OK\r\n")
		paused.send("SET a b\r\n")
		slow.send("*2\r\n$4\r\nECHO\r\n$150\r\n")
		for i := range 30 {
			time.Sleep(100 * time.Millisecond)
			busy.do("PING\r\n", "+PONG\r\n")
			slow.send(fmt.Sprintf("%05d", i))
		}
		idle.expectEnd()
		slow.send("\r\n")
		slow.nc.Close()
		paused.expect("+OK\r\n")
		if got := monitor.read().String(); !strings.Contains(got, "PING") {
			t.Errorf("the monitor got %s", got)
		}
	})
}

func TestSoftOutputLimit(t *testing.T) {
	set := func(c *config.Config) {
		c.ClientOutputBufferLimits[config.ClientNormal] = config.OutputBufferLimit{Soft: 1 << 20, SoftSeconds: 1}
	}
	onBoth(t, set, func(t *testing.T, s *instance) {
		a, b := s.wire(), s.wire()
		a.send("SET k " + strings.Repeat("x", 40000) + "\r\n")
		a.expect("+OK\r\n")
		b.send(strings.Repeat("GET k\r\n", 800)) // 32 MB, of which the socket takes some
		until(t, "output waits", func() bool { return strings.Contains(a.ask("CLIENT LIST").String(), "events=rw") })
		until(t, "the reader is given up", func() bool { return s.Exec.ClientCount() == 1 })
	})
}

func TestOutputBeforeLogin(t *testing.T) {
	onBoth(t, func(c *config.Config) { c.RequirePass = "p" }, func(t *testing.T, s *instance) {
		b := s.wire()
		request := []byte(strings.Repeat("GET k\r\n", 10000))
		b.nc.SetWriteDeadline(time.Now().Add(20 * time.Second))
		for sent := 0; ; sent += len(request) {
			if _, err := b.nc.Write(request); err != nil {
				if errors.Is(err, os.ErrDeadlineExceeded) {
					t.Fatal(err)
				}
				break
			}
			if sent > 256<<20 {
				t.Fatal("a client that has not logged in and never reads is kept")
			}
		}
		until(t, "it is gone", func() bool { return s.Exec.ClientCount() == 0 })
	})
}

func TestQueryBufferLimit(t *testing.T) {
	onBoth(t, func(c *config.Config) { c.ClientQueryBufferLimit = 1 << 20 }, func(t *testing.T, s *instance) {
		b := s.wire()
		b.nc.SetWriteDeadline(time.Now().Add(time.Minute))
		_, err := io.WriteString(b.nc, "*2\r\n$4\r\nECHO\r\n$3000000\r\n"+strings.Repeat("x", 2<<20))
		if err == nil {
			b.expectEnd()
		}
		until(t, "it is gone", func() bool { return s.Exec.ClientCount() == 0 })
		s.wire().do("PING\r\n", "+PONG\r\n")
	})
}

func TestClientsUpToLimit(t *testing.T) {
	onBoth(t, func(c *config.Config) { c.MaxClients = 3 }, func(t *testing.T, s *instance) {
		var list []*wire
		for range 3 {
			w := s.wire()
			w.do("PING\r\n", "+PONG\r\n")
			list = append(list, w)
		}
		w := s.wire()
		w.expect("-ERR max number of clients reached\r\n")
		w.expectEnd()
		list[0].nc.Close()
		until(t, "there is room", func() bool { return s.Exec.ClientCount() == 2 })
		s.wire().do("PING\r\n", "+PONG\r\n")
	})
}

func TestClientBuffersInList(t *testing.T) {
	onBoth(t, nil, func(t *testing.T, s *instance) {
		a, b := s.wire(), s.wire()
		b.do("CLIENT SETNAME b\r\n", "+OK\r\n")
		field := func(name string) int {
			t.Helper()
			for line := range strings.SplitSeq(string(a.ask("CLIENT LIST").Str), "\n") {
				if strings.Contains(line, " name=b ") {
					_, rest, _ := strings.Cut(line, " "+name+"=")
					n, err := strconv.Atoi(strings.Fields(rest)[0])
					if err != nil {
						t.Fatalf("%s: %v", line, err)
					}
					return n
				}
			}
			t.Fatal("no such client")
			return 0
		}
		if n := field("qbuf") + field("qbuf-free"); n != 16<<10 {
			t.Errorf("qbuf of an active client: %d", n)
		}
		if n := field("rbs"); n != 16<<10 {
			t.Errorf("rbs of a new client: %d", n)
		}
		b.send("*2\r\n$4\r\nECHO\r\n$400000\r\n" + strings.Repeat("x", 400000) + "\r\n")
		b.read()
		if n := field("qbuf") + field("qbuf-free"); n < 400000 {
			t.Errorf("qbuf after a large request: %d", n)
		}
		b.send("SET half") // waits for its end
		until(t, "half a request waits", func() bool { return field("qbuf") == 8 })
		b.do(" 1\r\n", "+OK\r\n")
	})
}

// TestClientsUnderFire runs commands that look at, close and pause other
// connections against connections that come and go.
func TestClientsUnderFire(t *testing.T) {
	seed := peer.Seed(t)
	if s := os.Getenv("REDSTART_SEED"); s != "" {
		seed, _ = strconv.ParseUint(s, 10, 64)
	}
	t.Logf("REDSTART_SEED=%d", seed)
	rounds := 300
	if testing.Short() {
		rounds = 60
	}
	onBoth(t, func(c *config.Config) { c.Timeout = 100 }, func(t *testing.T, s *instance) {
		lines := []string{
			"CLIENT LIST", "CLIENT INFO", "CLIENT KILL TYPE normal", "CLIENT PAUSE 2", "CLIENT PAUSE 3 WRITE", "CLIENT UNPAUSE",
			"MONITOR", "RESET", "WATCH a b", "MULTI", "SET a 1", "GET a", "SET b 2 PX 1", "EXEC", "DISCARD", "UNWATCH", "QUIT",
			"CLIENT KILL ID %d SKIPME no", "HELLO 3", "HELLO 2", "CLIENT REPLY SKIP", "CONFIG SET timeout 50", "PING",
			"CONFIG SET client-output-buffer-limit \"normal 0 0 0\"", "CLIENT UNBLOCK %d", "CLIENT NO-TOUCH ON", "SELECT 1",
		}
		var wg sync.WaitGroup
		for g := range 6 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				rnd := rand.New(rand.NewPCG(seed, uint64(g)))
				for range rounds {
					nc, err := s.dial()
					if err != nil {
						t.Error(err)
						return
					}
					nc.SetDeadline(time.Now().Add(200 * time.Millisecond))
					for range rnd.IntN(20) {
						line := lines[rnd.IntN(len(lines))]
						if strings.Contains(line, "%d") {
							line = fmt.Sprintf(line, 1+rnd.IntN(rounds))
						}
						if _, err := io.WriteString(nc, line+"\r\n"); err != nil {
							break
						}
					}
					if rnd.IntN(2) == 0 {
						var some [512]byte
						nc.SetDeadline(time.Now().Add(time.Millisecond))
						nc.Read(some[:])
					}
					nc.Close()
				}
			}()
		}
		wg.Wait()
		until(t, "all are gone", func() bool { return s.Exec.ClientCount() == 0 })
		if n := s.Exec.Paused(); n != 0 {
			t.Errorf("%d clients wait, but there are none", n)
		}
		if n := len(s.Exec.Monitors()); n != 0 {
			t.Errorf("%d monitors, but there are no clients", n)
		}
		until(t, "the pause is over", func() bool {
			w := s.wire()
			defer w.nc.Close()
			w.nc.SetDeadline(time.Now().Add(time.Second))
			io.WriteString(w.nc, "SET a 1\r\n")
			line, _ := w.br.ReadString('\n')
			return line == "+OK\r\n"
		})
	})
}

// TestIdleConnectionsAreSmall: what nobody uses costs nothing.
func TestIdleConnectionsAreSmall(t *testing.T) {
	if testing.Short() {
		t.Skip("opens many connections")
	}
	onBoth(t, nil, func(t *testing.T, s *instance) {
		const conns, limit = 400, 10 << 10
		if _, tcp := s.wire().nc.(*net.TCPConn); !tcp {
			t.Skip("the test's own end of a pipe counts too")
		}
		before := heapInUse()
		for range conns {
			s.wire().do("SET k v\r\n", "+OK\r\n")
		}
		if each := (heapInUse() - before) / conns; each > limit+8<<10 { // the test's reader is 4 KB and its buffers
			t.Errorf("%d bytes for each connection", each)
		} else {
			t.Logf("%d bytes for each connection, the test's own end included", each)
		}
	})
}

func heapInUse() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}
