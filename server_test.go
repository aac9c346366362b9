package redstart

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/big"
	"net"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redstart-db/redstart/internal/resp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t testing.TB, o Options) *Server {
	t.Helper()
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

func TestDo(t *testing.T) {
	s := open(t, Options{})
	ctx := t.Context()
	for _, tc := range []struct {
		args []any
		want Reply
	}{
		{[]any{"SET", "k", "v"}, "OK"},
		{[]any{"get", []byte("k")}, "v"},
		{[]any{"GET", "none"}, nil},
		{[]any{"PING"}, "PONG"},
		{[]any{"SET", "n", 42}, "OK"},
		{[]any{"GET", "n"}, "42"},
		{[]any{"SET", "big", strings.Repeat("x", 1<<20)}, "OK"},
		{[]any{"GET", "big"}, strings.Repeat("x", 1<<20)},
	} {
		got, err := s.Do(ctx, tc.args...)
		if err != nil || !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%.40v: got %.40v, %v; want %.40v", tc.args, got, err, tc.want)
		}
	}
	if _, err := s.Do(ctx, "POST", "/"); err == nil {
		t.Error("POST is a command")
	}
	var e Error
	if _, err := s.Do(ctx, "NOSUCH"); !errors.As(err, &e) || e.Code() != "ERR" {
		t.Errorf("unknown command: %v", err)
	}
	if _, err := s.Do(ctx); err == nil {
		t.Error("no command is accepted")
	}
	if _, err := s.Do(ctx, "SET", "k", struct{}{}); err == nil {
		t.Error("a struct is accepted as an argument")
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := s.Do(gone, "PING"); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled before: %v", err)
	}
}

// Each Do is a session of its own; a Conn is one.
func TestSessions(t *testing.T) {
	s := open(t, Options{})
	ctx := t.Context()
	must := func(r Reply, err error) Reply {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	must(s.Do(ctx, "MULTI"))
	if got := must(s.Do(ctx, "PING")); got != "PONG" {
		t.Errorf("PING after another's MULTI: %v", got)
	}
	must(s.Do(ctx, "WATCH", "k"))
	c, err := s.Conn()
	if err != nil {
		t.Fatal(err)
	}
	must(c.Do(ctx, "MULTI"))
	if got := must(c.Do(ctx, "SET", "k", "1")); got != "QUEUED" {
		t.Errorf("got %v, want QUEUED", got)
	}
	if got := must(s.Do(ctx, "GET", "k")); got != nil {
		t.Errorf("queued command has run: %v", got)
	}
	if got := must(c.Do(ctx, "EXEC")); !reflect.DeepEqual(got, []any{"OK"}) {
		t.Errorf("EXEC: %v", got)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	c.Close()
	if _, err := c.Do(ctx, "PING"); !errors.Is(err, ErrClosed) {
		t.Errorf("Do of a closed Conn: %v", err)
	}
}

// A client may kill the idle sessions of Do; nobody notices.
func TestKilledSessions(t *testing.T) {
	s := open(t, Options{})
	for range 3 {
		if _, err := s.Do(t.Context(), "PING"); err != nil {
			t.Fatal(err)
		}
		c, err := s.Conn()
		if err != nil {
			t.Fatal(err)
		}
		if n, err := Int64(c.Do(t.Context(), "CLIENT", "KILL", "TYPE", "normal")); n != 1 || err != nil {
			t.Errorf("CLIENT KILL: %v, %v", n, err)
		}
		c.Close()
	}
}

// Not only is the pool safe: what one goroutine wrote it reads.
func TestConcurrentDo(t *testing.T) {
	s := open(t, Options{Databases: 2})
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 200 {
				key, value := fmt.Sprintf("%d:%d", g, i%17), fmt.Sprint(g, i)
				if _, err := s.Do(t.Context(), "SET", key, value); err != nil {
					t.Error(err)
					return
				}
				got, err := String(s.Do(t.Context(), "GET", key))
				if err != nil || got != value {
					t.Errorf("%s: got %q, %v; want %q", key, got, err, value)
					return
				}
			}
		})
	}
	wg.Wait()
}

// Close may come at any moment: every call ends, with a reply or with ErrClosed.
func TestCloseDuringDo(t *testing.T) {
	s := open(t, Options{})
	dial := s.Dialer()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				if _, err := s.Do(t.Context(), "SET", "k", "v"); err != nil {
					if !errors.Is(err, ErrClosed) {
						t.Errorf("Do: %v", err)
					}
					return
				}
			}
		})
		wg.Go(func() {
			for {
				c, err := dial(t.Context(), "", "")
				if err != nil {
					if !errors.Is(err, ErrClosed) {
						t.Errorf("Dial: %v", err)
					}
					return
				}
				fmt.Fprint(c, "PING\r\n")
				bufio.NewReader(c).ReadString('\n')
				c.Close()
			}
		})
	}
	time.Sleep(5 * time.Millisecond)
	for range 3 {
		wg.Go(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if _, err := s.Conn(); !errors.Is(err, ErrClosed) {
		t.Errorf("Conn: %v", err)
	}
	if err := s.Serve(listen(t)); !errors.Is(err, ErrClosed) {
		t.Errorf("Serve: %v", err)
	}
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

// TestCloseAmongScripts has scripts that never end begin while the instance is closed.
func TestCloseAmongScripts(t *testing.T) {
	for range 5 {
		s, err := Open(Options{})
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				var err error
				for !errors.Is(err, ErrClosed) {
					_, err = s.Do(context.Background(), "EVAL", "while true do redis.call('incr', KEYS[1]) end", 1, "k")
				}
			})
		}
		time.Sleep(20 * time.Millisecond)
		closed := make(chan error)
		go func() { closed <- s.Close() }()
		select {
		case err := <-closed:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(time.Minute):
			panic("Close does not return")
		}
		wg.Wait()
	}
}

func TestServe(t *testing.T) {
	s := open(t, Options{Password: "secret", Logger: slog.New(slog.DiscardHandler)})
	ln := listen(t)
	served := make(chan error, 1)
	go func() { served <- s.Serve(ln) }()
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	br := bufio.NewReader(c)
	fmt.Fprint(c, "PING\r\n")
	if line, err := br.ReadString('\n'); !strings.HasPrefix(line, "-NOAUTH") {
		t.Errorf("before login: %q, %v", line, err)
	}
	if got := s.Addrs(); len(got) != 1 || got[0].String() != ln.Addr().String() {
		t.Errorf("Addrs: %v", got)
	}
	if _, err := s.Do(t.Context(), "SET", "k", "v"); err != nil {
		t.Errorf("Do needs no password, but: %v", err)
	}
	s.Close()
	if err := <-served; !errors.Is(err, ErrClosed) {
		t.Errorf("Serve: %v", err)
	}
	if _, err := br.ReadByte(); err == nil {
		t.Error("the connection is open after Close")
	}
	if _, err := net.Dial("tcp", ln.Addr().String()); err == nil {
		t.Error("the port is open after Close")
	}
}

func TestTwoInstances(t *testing.T) {
	a, b := open(t, Options{}), open(t, Options{})
	if _, err := a.Do(t.Context(), "SET", "k", "a"); err != nil {
		t.Fatal(err)
	}
	if got, err := b.Do(t.Context(), "GET", "k"); got != nil || err != nil {
		t.Errorf("an instance sees another's data: %v, %v", got, err)
	}
}

func TestOptions(t *testing.T) {
	o := Options{Dir: "d", Databases: 3, MaxMemory: 1 << 30, MaxMemoryPolicy: "allkeys-lru", Password: "p", Directives: map[string]string{
		"save": "900 1", "hash-max-listpack-entries": "7", "requirepass": "other", "port": "1",
	}}
	c, err := o.config()
	if err != nil {
		t.Fatal(err)
	}
	if c.Databases != 3 || c.MaxMemory != 1<<30 || c.MaxMemoryPolicy.String() != "allkeys-lru" || c.RequirePass != "p" ||
		len(c.Save) != 1 || !filepath.IsAbs(c.Dir) || filepath.Base(c.Dir) != "d" || c.HashMaxListpackEntries != 7 {
		t.Errorf("got %+v", c)
	}
	if c, err := (&Options{}).config(); err != nil || len(c.Save) != 0 {
		t.Errorf("zero options: %v, %v", c.Save, err)
	}
	for _, bad := range []Options{
		{Databases: -1},
		{Databases: math.MaxInt},
		{MaxMemory: -1},
		{MaxMemoryPolicy: "random"},
		{Directives: map[string]string{"no-such-directive": "1"}},
		{Directives: map[string]string{"maxmemory": "1mb\nport 5"}},
		{Directives: map[string]string{"maxmemory 5": ""}},
		{Directives: map[string]string{"databases": "many"}},
		{Directives: map[string]string{"user": "bob on +nope"}},
		{Directives: map[string]string{"aclfile": "/no/such.acl"}},
		{Directives: map[string]string{"loadmodule": "x.so"}},
	} {
		if s, err := Open(bad); err == nil {
			s.Close()
			t.Errorf("%+v is accepted", bad)
		}
	}
}

func TestReply(t *testing.T) {
	for _, tc := range []struct {
		in   string
		want Reply
	}{
		{"+OK\r\n", "OK"},
		{":-3\r\n", int64(-3)},
		{",1.5\r\n", 1.5},
		{"#t\r\n", true},
		{"_\r\n", nil},
		{"$-1\r\n", nil},
		{"*-1\r\n", nil},
		{"(123456789012345678901234567890\r\n", func() any {
			n, _ := new(big.Int).SetString("123456789012345678901234567890", 10)
			return n
		}()},
		{"=7\r\ntxt:a b\r\n", "a b"},
		{"*2\r\n:1\r\n-ERR x\r\n", []any{int64(1), Error("ERR x")}},
		{"~1\r\n$1\r\na\r\n", []any{"a"}},
		{"%2\r\n+a\r\n:1\r\n:2\r\n_\r\n", map[string]any{"a": int64(1), "2": nil}},
	} {
		v, err := resp.ReadValue(bufio.NewReader(strings.NewReader(tc.in)), 5, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if got := reply(v); !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%q: got %#v, want %#v", tc.in, got, tc.want)
		}
	}
}

func TestConversions(t *testing.T) {
	if s, err := String(int64(5), nil); s != "5" || err != nil {
		t.Errorf("String: %q, %v", s, err)
	}
	if _, err := String(nil, nil); !errors.Is(err, ErrNil) {
		t.Errorf("String of nil: %v", err)
	}
	if _, err := String([]any{}, nil); err == nil || errors.Is(err, ErrNil) {
		t.Errorf("String of a list: %v", err)
	}
	if n, err := Int64("12", nil); n != 12 || err != nil {
		t.Errorf("Int64: %d, %v", n, err)
	}
	if f, err := Float64("1.5", nil); f != 1.5 || err != nil {
		t.Errorf("Float64: %v, %v", f, err)
	}
	for r, want := range map[Reply]bool{nil: false, "OK": true, int64(0): false, int64(2): true, true: true} {
		if b, err := Bool(r, nil); b != want || err != nil {
			t.Errorf("Bool of %v: %v, %v", r, b, err)
		}
	}
	if l, err := Strings([]any{"a", nil, int64(1)}, nil); !reflect.DeepEqual(l, []string{"a", "", "1"}) || err != nil {
		t.Errorf("Strings: %q, %v", l, err)
	}
	if m, err := StringMap(map[string]any{"a": "1", "b": 2.5}, nil); !reflect.DeepEqual(m, map[string]string{"a": "1", "b": "2.5"}) || err != nil {
		t.Errorf("StringMap: %q, %v", m, err)
	}
	fails := errors.New("fails")
	if _, err := Bool(true, fails); err != fails {
		t.Errorf("the error of Do is lost: %v", err)
	}
}

func BenchmarkDo(b *testing.B) {
	s := open(b, Options{})
	if _, err := s.Do(b.Context(), "SET", "key", "value"); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Do(b.Context(), "GET", "key"); err != nil {
			b.Fatal(err)
		}
	}
}
