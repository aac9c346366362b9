package hostile

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redstart-db/redstart/tests/peer"
)

func TestAdministrationNeedsConsent(t *testing.T) {
	s := start(t)
	c := s.Dial(t)
	for _, line := range []string{
		"CONFIG SET dir /tmp", "CONFIG SET dbfilename x", "CONFIG SET enable-debug-command yes",
		"CONFIG SET enable-module-command yes", "CONFIG SET enable-protected-configs yes",
		"DEBUG SLEEP 0", "DEBUG OBJECT k", "DEBUG SEGFAULT", "MODULE LOAD /tmp/x.so", "CONFIG SET unixsocket /tmp/x",
	} {
		r, err := c.Do(strings.Fields(line)...)
		if err != nil {
			t.Fatal(err)
		}
		if !r.IsError() {
			t.Errorf("%s: %v", line, r)
		}
	}
	s.expect(c, "DEBUG SLEEP 0", "-ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", "+
		"you can run it from a local connection, otherwise you need to set this option in the configuration file, and then "+
		"restart the server.")
}

func TestConsentFromThisHost(t *testing.T) {
	s := start(t, "--enable-debug-command", "local", "--enable-protected-configs", "local")
	c := s.Dial(t)
	s.expect(c, "DEBUG SLEEP 0", "+OK", "CONFIG SET dbfilename other.rdb", "+OK")
}

func TestProtectedMode(t *testing.T) {
	addr := otherAddress(t)
	s := start(t, "--bind", "127.0.0.1", addr)
	nc, err := net.DialTimeout("tcp", net.JoinHostPort(addr, port(s)), replyLimit)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if got := s.ended(nc); !strings.HasPrefix(got, "-DENIED ") || !strings.HasSuffix(got, "from the outside.\r\n") {
		t.Errorf("got %q", got)
	}
	c := s.Dial(t)
	s.expect(c, "CONFIG SET protected-mode no", "+OK")
	far, err := peer.Dial(net.JoinHostPort(addr, port(s)))
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	s.expect(far, "PING", "+PONG")
}

// TestUnixSocketIsClosedFromTheStart watches the socket's file from the moment it
// appears: at no time may others connect.
func TestUnixSocketIsClosedFromTheStart(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a server")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "s")
	stop, done := make(chan struct{}), make(chan []os.FileMode)
	go func() {
		var seen []os.FileMode
		for {
			select {
			case <-stop:
				done <- seen
				return
			default:
			}
			if info, err := os.Lstat(path); err == nil {
				if m := info.Mode().Perm(); len(seen) == 0 || seen[len(seen)-1] != m {
					seen = append(seen, m)
				}
			} else {
				time.Sleep(20 * time.Microsecond)
			}
		}
	}()
	s := peer.StartRedstart(t, peer.Options{Args: []string{"--unixsocket", path, "--unixsocketperm", "700"}})
	close(stop)
	seen := <-done
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatalf("%v\n%s", err, s.Log())
	}
	seen = append(seen, info.Mode().Perm())
	for _, m := range seen {
		if m&0o077 != 0 {
			t.Errorf("the socket's mode was %o", m)
		}
	}
	if last := seen[len(seen)-1]; last != 0o700 {
		t.Errorf("the socket's mode is %o", last)
	}
}

// otherAddress is an IPv4 address of this machine that is not its loopback's.
func otherAddress(t *testing.T) string {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Skip(err)
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && !n.IP.IsLoopback() && n.IP.To4() != nil {
			return n.IP.String()
		}
	}
	t.Skip("this machine has no address but its loopback's")
	return ""
}

func port(s *target) string {
	_, p, _ := net.SplitHostPort(s.Addr)
	return p
}
