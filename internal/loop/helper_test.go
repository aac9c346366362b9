package loop

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for something that must happen.
const patience = 10 * time.Second

// echo is the protocol the tests speak. A request is a line:
//
//	anything else       is answered by the same line
//	bulk N\n<N bytes>   is answered by the N bytes; uses Expect
//	wait                suspends until somebody resumes; answered by "resumed"
//	big N               is answered by N bytes 'x'
//	bye                 is answered by "bye", then closed
//	drop                closes at once
//	turns N             has Process process at most N requests per call, yielding
//
// It also yields when the reply has become large.
type echo struct {
	t *testing.T
	c *Conn

	inside   atomic.Int32 // calls now running
	calls    atomic.Int64 // of Process
	limit    int          // of output; 0 none
	perTurn  int
	waiting  bool
	resumed  atomic.Bool
	closings atomic.Int32
	closed   chan struct{}
	err      error
	onLine   func(line string)
}

func newEcho(t *testing.T, c *Conn) *echo {
	return &echo{t: t, c: c, closed: make(chan struct{})}
}

func (e *echo) enter() func() {
	if e.inside.Add(1) != 1 {
		e.t.Error("calls of one client overlap")
	}
	if e.closings.Load() != 0 {
		e.t.Error("a call after Closed")
	}
	return func() { e.inside.Add(-1) }
}

func (e *echo) Process(in, out []byte) (int, []byte, Status) {
	defer e.enter()()
	e.calls.Add(1)
	used, done := 0, 0
	if e.waiting {
		if !e.resumed.Swap(false) {
			return 0, out, Suspend
		}
		e.waiting = false
		out = append(out, "resumed\n"...)
	}
	for {
		i := bytes.IndexByte(in[used:], '\n')
		if i < 0 {
			return used, out, Continue
		}
		line := string(in[used : used+i])
		end := used + i + 1
		if e.perTurn > 0 && done >= e.perTurn || len(out) > 256<<10 {
			return used, out, Yield
		}
		done++
		var n int
		switch {
		case scan(line, "bulk %d", &n):
			if len(in) < end+n {
				e.c.Expect(end + n - used)
				return used, out, Continue
			}
			out = append(out, in[end:end+n]...)
			end += n
		case scan(line, "big %d", &n):
			out = append(out, bytes.Repeat([]byte{'x'}, n)...)
		case scan(line, "turns %d", &n):
			e.perTurn = n
		case line == "wait":
			e.waiting = true
			return end, out, Suspend
		case line == "bye":
			return end, append(out, "bye\n"...), CloseAfterReply
		case line == "drop":
			return end, append(out, "never\n"...), CloseNow
		default:
			if e.onLine != nil {
				e.onLine(line)
			}
			out = append(append(out, line...), '\n')
		}
		used = end
	}
}

func scan(line, format string, n *int) bool {
	k, err := fmt.Sscanf(line, format, n)
	return err == nil && k == 1
}

func (e *echo) Queued(pending int) bool {
	defer e.enter()()
	return e.limit == 0 || pending <= e.limit
}

func (e *echo) Buffered(int, int) bool { return true }

func (e *echo) Closed(err error) {
	defer e.enter()()
	e.err = err
	if e.closings.Add(1) == 1 {
		close(e.closed)
	}
}

// resume ends a wait.
func (e *echo) resume() {
	e.resumed.Store(true)
	e.c.Resume()
}

// hook has f called with every line that is not a command.
func (e *echo) hook(f *fixture, onLine func(line string)) {
	f.locked(e, func() { e.onLine = onLine })
}

// gone waits for the end of the connection and returns why it ended.
func (e *echo) gone() error {
	e.t.Helper()
	select {
	case <-e.closed:
		return e.err
	case <-time.After(patience):
		e.t.Fatal("Closed was not called")
		return nil
	}
}

// fixture is a running group with one way to connect to it.
type fixture struct {
	t       *testing.T
	g       *Group
	dial    func() net.Conn
	clients chan *echo
}

// next returns the client of the connection that was accepted last.
func (f *fixture) next() *echo {
	f.t.Helper()
	select {
	case e := <-f.clients:
		return e
	case <-time.After(patience):
		f.t.Fatal("no connection was accepted")
		return nil
	}
}

// connect returns a new connection with a deadline, and its client.
func (f *fixture) connect() (net.Conn, *echo) {
	f.t.Helper()
	nc := f.dial()
	f.t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(patience))
	return nc, f.next()
}

// opaque hides what kind of listener it is, so that the goroutine driver serves it.
type opaque struct{ net.Listener }

// drivers are the ways connections are served.
var drivers = []string{"tcp", "unix", "stream-tcp", "stream-unix", "pipe", "tls"}

// each runs a test once per driver.
func each(t *testing.T, test func(t *testing.T, f *fixture)) {
	for _, d := range drivers {
		t.Run(d, func(t *testing.T) { test(t, serve(t, d, Config{Loops: 2})) })
	}
}

// serve starts a group whose connections speak echo. A Handler in cfg sees a connection first; if it returns nothing,
// echo is spoken.
func serve(t *testing.T, driver string, cfg Config) *fixture {
	t.Helper()
	f := &fixture{t: t, clients: make(chan *echo, 4096)}
	first := cfg.Handler
	cfg.Handler = HandlerFunc(func(c *Conn) (Client, []byte) {
		if first != nil {
			if cl, bye := first.Accept(c); cl != nil || bye != nil {
				return cl, bye
			}
		}
		e := newEcho(t, c)
		f.clients <- e
		return e, nil
	})
	cfg.Logger = slog.New(slog.DiscardHandler)
	g, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.Close() })
	f.g = g
	if driver == "pipe" {
		f.dial = func() net.Conn {
			client, server := Pipe()
			if err := g.ServeConn(server); err != nil {
				t.Fatal(err)
			}
			return client
		}
		return f
	}
	ln, dial := listen(t, driver)
	if err := g.Serve(ln); err != nil {
		t.Fatal(err)
	}
	f.dial = func() net.Conn {
		nc, err := dial()
		if err != nil {
			t.Fatal(err)
		}
		return nc
	}
	return f
}

// listen returns a listener and what connects to it.
func listen(t *testing.T, driver string) (net.Listener, func() (net.Conn, error)) {
	t.Helper()
	network, addr := "tcp", "127.0.0.1:0"
	if driver == "unix" || driver == "stream-unix" {
		network, addr = "unix", filepath.Join(shortDir(t), "s")
	}
	ln, err := net.Listen(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	dial := func() (net.Conn, error) { return net.Dial(network, ln.Addr().String()) }
	switch driver {
	case "stream-tcp", "stream-unix":
		return opaque{ln}, dial
	case "tls":
		return tlsListen(t, ln)
	}
	return ln, dial
}

// shortDir returns a directory whose path leaves room for the name of a unix socket.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "loop")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func send1(t *testing.T, nc net.Conn, s string) {
	t.Helper()
	if _, err := io.WriteString(nc, s); err != nil {
		t.Fatal(err)
	}
}

func want(t *testing.T, nc net.Conn, s string) {
	t.Helper()
	b := make([]byte, len(s))
	n, err := io.ReadFull(nc, b)
	if err != nil || string(b) != s {
		t.Fatalf("got %.80q (%v), want %.80q", b[:n], err, s)
	}
}

// wantEnd expects the connection to end without further bytes.
func wantEnd(t *testing.T, nc net.Conn) {
	t.Helper()
	n, err := nc.Read(make([]byte, 1))
	if n != 0 || err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("got %d bytes (%v), want the end", n, err)
	}
}

// wantNothing expects no byte for a moment.
func wantNothing(t *testing.T, nc net.Conn) {
	t.Helper()
	nc.SetReadDeadline(time.Now().Add(30 * time.Millisecond))
	n, err := nc.Read(make([]byte, 1))
	if n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("got %d bytes (%v), want none", n, err)
	}
	nc.SetDeadline(time.Now().Add(patience))
}

// eventually waits until ok holds.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never happened: %s", what)
		}
	}
}

// lines returns the lines "<prefix>0" to "<prefix>n-1".
func lines(prefix string, n int) string {
	var b []byte
	for i := range n {
		b = append(b, prefix...)
		b = strconv.AppendInt(b, int64(i), 10)
		b = append(b, '\n')
	}
	return string(b)
}

// background runs f and waits for it at the end of the test.
func background(t *testing.T, f func()) {
	var wg sync.WaitGroup
	wg.Add(1)
	go func() { defer wg.Done(); f() }()
	t.Cleanup(wg.Wait)
}

// locked runs fn where no call of e's runs.
func (f *fixture) locked(e *echo, fn func()) {
	f.t.Helper()
	if i := e.c.Loop(); i >= 0 {
		ran := make(chan struct{})
		if err := f.g.Do(i, func() { fn(); close(ran) }); err != nil {
			f.t.Fatal(err)
		}
		<-ran
		return
	}
	s := e.c.drv.(*stream)
	s.turn.Lock()
	defer s.turn.Unlock()
	fn()
}
