//go:build unix

package node

import (
	"bufio"
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/redstart-db/redstart/internal/config"
	"golang.org/x/sys/unix"
)

// logged is a log that tests read while it is written.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func openNode(t *testing.T, set func(*config.Config)) (*Node, *logged) {
	t.Helper()
	cfg := inTemp(t)
	cfg.Save = nil
	cfg.Dir = t.TempDir()
	cfg.LogLevel = config.LogDebug
	cfg.RedstartShards = 2
	cfg.Port = 0
	cfg.Bind = []string{"127.0.0.1"}
	set(cfg)
	var out logged
	h, err := NewLogHandler(cfg, &out)
	if err != nil {
		t.Fatal(err)
	}
	n, err := Open(cfg, slog.New(h))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return n, &out
}

func freePort(t *testing.T) int {
	t.Helper()
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port
}

// answers tells whether PING is answered at an address.
func answers(network, addr string) bool {
	c, err := net.Dial(network, addr)
	if err != nil {
		return false
	}
	defer c.Close()
	fmt.Fprint(c, "PING\r\n")
	line, _ := bufio.NewReader(c).ReadString('\n')
	return line == "+PONG\r\n"
}

func local(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

func TestListen(t *testing.T) {
	port := freePort(t)
	n, out := openNode(t, func(c *config.Config) {
		c.Port = port
		c.Bind = []string{"127.0.0.1", "127.0.0.2", "-192.0.2.1", "-::1"}
		c.UnixSocket = "sock"
	})
	if err := n.Listen(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	path := filepath.Join(n.Config.Dir, "sock")
	if !answers("tcp", local(port)) || !answers("tcp", fmt.Sprintf("127.0.0.2:%d", port)) || !answers("unix", path) {
		t.Error("no answer")
	}
	if want := fmt.Sprintf("Could not create server TCP listening socket 192.0.2.1:%d: bind: Cannot assign requested address", port); !strings.Contains(out.String(), want) {
		t.Errorf("the log is without %q:\n%s", want, out)
	}
	if !strings.Contains(out.String(), "- Accepted 127.0.0.1:") {
		t.Errorf("connections are not in the log:\n%s", out)
	}
	addrs := n.Addrs()
	if len(addrs) < 3 || addrs[0].String() != local(port) || addrs[len(addrs)-1].String() != path {
		t.Errorf("Addrs: %v", addrs)
	}
	n.Close()
	if answers("tcp", local(port)) {
		t.Error("the port is open after Close")
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("the socket is there after Close")
	}
	if n.Addrs() != nil {
		t.Errorf("Addrs after Close: %v", n.Addrs())
	}
}

func TestListenTwice(t *testing.T) {
	port := freePort(t)
	set := func(c *config.Config) { c.Port = port }
	a, out := openNode(t, set)
	if err := a.Listen(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	b, out := openNode(t, set)
	if err := b.Listen(); err == nil {
		t.Error("two instances have one port")
	}
	for _, want := range []string{
		fmt.Sprintf("# Warning: Could not create server TCP listening socket 127.0.0.1:%d: bind: Address already in use\n", port),
		fmt.Sprintf("# Failed listening on port %d (TCP), aborting.\n", port),
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the log is without %q:\n%s", want, out)
		}
	}
}

func TestRebind(t *testing.T) {
	port, other, taken := freePort(t), freePort(t), freePort(t)
	n, out := openNode(t, func(c *config.Config) { c.Port = port })
	if err := n.Listen(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	squatter, err := net.Listen("tcp4", local(taken))
	if err != nil {
		t.Fatal(err)
	}
	defer squatter.Close()
	// An open connection outlives every change.
	c, err := net.Dial("tcp", local(port))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	alive := func() bool {
		fmt.Fprint(c, "PING\r\n")
		b := make([]byte, 7)
		c.Read(b)
		return string(b) == "+PONG\r\n"
	}
	for _, tc := range []struct {
		name, value string
		fail        string
		at, notAt   string
	}{
		{"port", fmt.Sprint(taken), "CONFIG SET failed (possibly related to argument 'port') - Unable to listen on this port. Check server logs.", local(port), ""},
		{"port", fmt.Sprint(other), "", local(other), local(port)},
		{"port", "0", "", "", local(other)},
		{"port", fmt.Sprint(port), "", local(port), ""},
		{"bind", "127.0.0.2", "", fmt.Sprintf("127.0.0.2:%d", port), local(port)},
		{"bind", "127.0.0.3 192.0.2.1", "CONFIG SET failed (possibly related to argument 'bind') - Failed to bind to specified addresses.",
			fmt.Sprintf("127.0.0.2:%d", port), fmt.Sprintf("127.0.0.3:%d", port)},
		{"bind", "127.0.0.1 127.0.0.2", "", local(port), ""},
		{"bind", "*", "", fmt.Sprintf("127.0.0.3:%d", port), ""},
		{"bind", "127.0.0.1 127.0.0.1 -192.0.2.1", "", local(port), fmt.Sprintf("127.0.0.3:%d", port)},
		{"bind", "192.0.2.1", "CONFIG SET failed (possibly related to argument 'bind') - Failed to bind to specified addresses.",
			local(port), fmt.Sprintf("127.0.0.3:%d", port)},
		{"bind", "", "", "", local(port)},
		{"bind", "127.0.0.1", "", local(port), ""},
	} {
		n.Exec.World.Stop()
		n.store.Lock(n.store.All()) // as the background reads it under the lock of any shard
		err := n.Config.Set([][2]string{{tc.name, tc.value}}, func(c []string) error { return n.Apply(c, false) })
		n.store.Unlock(n.store.All())
		n.Exec.World.Go()
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != tc.fail {
			t.Errorf("%s %q: got %q, want %q", tc.name, tc.value, got, tc.fail)
		}
		if tc.at != "" && !answers("tcp", tc.at) {
			t.Errorf("%s %q: no answer at %s", tc.name, tc.value, tc.at)
		}
		if tc.notAt != "" && answers("tcp", tc.notAt) {
			t.Errorf("%s %q: answer at %s", tc.name, tc.value, tc.notAt)
		}
		if !alive() {
			t.Fatalf("%s %q: an open connection is lost", tc.name, tc.value)
		}
	}
}

func TestUnixSocketPermissions(t *testing.T) {
	old := unix.Umask(0o077)
	defer unix.Umask(old)
	for _, perm := range []uint32{0o700, 0o770, 0o777, 0o600} {
		n, out := openNode(t, func(c *config.Config) {
			c.UnixSocket = "s"
			c.UnixSocketPerm = perm
		})
		if err := n.Listen(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		info, err := os.Stat(filepath.Join(n.Config.Dir, "s"))
		if err != nil || info.Mode().Perm() != os.FileMode(perm) {
			t.Errorf("%o: got %v, %v", perm, info.Mode(), err)
		}
	}
}

// Between bind and chmod nobody may pass who could not afterwards.
func TestUnixSocketFirstMoment(t *testing.T) {
	old := unix.Umask(0)
	defer unix.Umask(old)
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	path := filepath.Join(t.TempDir(), "s")
	restore := limitMode(fd, 0o600)
	err = unix.Bind(fd, &unix.SockaddrUnix{Name: path})
	restore()
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&^0o600 != 0 {
		t.Errorf("right after bind: %v, %v", info.Mode(), err)
	}
}

func TestUnixSocketInTheWay(t *testing.T) {
	a, out := openNode(t, func(c *config.Config) { c.UnixSocket = "s" })
	if err := a.Listen(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	path := filepath.Join(a.Config.Dir, "s")
	b, out := openNode(t, func(c *config.Config) { c.UnixSocket = path })
	if err := b.Listen(); err == nil || !strings.Contains(out.String(), "# Failed opening Unix socket: bind: Address already in use\n") {
		t.Errorf("got %v\n%s", err, out)
	}
	if !answers("unix", path) {
		t.Error("the first one's socket is gone")
	}

	// One that a killed server left behind is no obstacle.
	stale := filepath.Join(t.TempDir(), "s")
	ln, err := net.Listen("unix", stale)
	if err != nil {
		t.Fatal(err)
	}
	ln.(*net.UnixListener).SetUnlinkOnClose(false)
	ln.Close()
	c, out := openNode(t, func(c *config.Config) { c.UnixSocket = stale })
	if err := c.Listen(); err != nil || !answers("unix", stale) {
		t.Errorf("got %v\n%s", err, out)
	}

	// A file that is no socket is left alone.
	file := filepath.Join(t.TempDir(), "s")
	if err := os.WriteFile(file, []byte("keep"), 0o600); err != nil {
		t.Fatal(err)
	}
	d, _ := openNode(t, func(c *config.Config) { c.UnixSocket = file })
	if err := d.Listen(); err == nil {
		t.Error("a plain file was taken for a socket")
	}
	if b, err := os.ReadFile(file); string(b) != "keep" {
		t.Errorf("got %q, %v", b, err)
	}
}

func TestMaxClients(t *testing.T) {
	port := freePort(t)
	n, out := openNode(t, func(c *config.Config) {
		c.Port = port
		c.MaxClients = 1
	})
	if err := n.Listen(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	first, err := n.Dial()
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	fmt.Fprint(first, "PING\r\n")
	bufio.NewReader(first).ReadString('\n')
	c, err := net.Dial("tcp", local(port))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if line, _ := bufio.NewReader(c).ReadString('\n'); line != tooManyClients {
		t.Errorf("got %q", line)
	}
}
