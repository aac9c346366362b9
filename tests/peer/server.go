// Package peer starts servers for tests that compare Redstart with the
// reference, redis-server, and talks to both without hiding a byte.
//
// Tests that need the reference are skipped where it is not installed, unless
// REDSTART_REQUIRE_PEERS=1 says that it must be.
package peer

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

const (
	startLimit = 2 * time.Minute // builds that check everything load slowly
	stopLimit  = 10 * time.Second
	startTries = 5
)

// Options say how a server is started. The zero value is a server on a free port
// of 127.0.0.1, in a new folder, that never saves.
type Options struct {
	// Args are further arguments, such as "--appendonly", "yes".
	Args []string
	// Prefix is put before the server's command, such as "taskset", "-c", "0". It
	// must end by executing the rest in its own process.
	Prefix []string
	// Dir is the working folder of the server; it is left behind. Empty means a
	// new one that Stop removes.
	Dir string
	// Limit is how long it may take until it answers PING; 0 stands for 20 seconds.
	Limit time.Duration
}

// Server is a running server. Its methods are for one goroutine at a time.
type Server struct {
	// Addr is the address it listens on, such as "127.0.0.1:40001".
	Addr string
	Port int
	Pid  int
	// Dir is its working folder, where its output is in the file "log".
	Dir string

	cmd     *exec.Cmd
	exited  chan struct{}
	ownsDir bool
}

// Start starts the reference server and stops it when the test ends.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	return startFor(t, Reference(t), o)
}

// StartRedstart starts Redstart, built from the tree the test lies in or named
// by REDSTART_BIN, and stops it when the test ends.
func StartRedstart(t testing.TB, o Options) *Server {
	t.Helper()
	bin, err := Redstart()
	if err != nil {
		t.Fatal(err)
	}
	return startFor(t, bin, o)
}

// Reference returns the path of redis-server. Without one it skips the test, or
// fails it when peers are required.
func Reference(t testing.TB) string {
	t.Helper()
	return Tool(t, "redis-server")
}

// Tool returns the path of a program. Where it is not installed it skips the
// test, or fails it when peers are required.
func Tool(t testing.TB, name string) string {
	t.Helper()
	bin, err := exec.LookPath(name)
	if err != nil {
		Lack(t, err.Error())
	}
	return bin
}

// Lack skips a test because of what is not installed, or fails it when peers are
// required.
func Lack(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("REDSTART_REQUIRE_PEERS") == "1" {
		t.Fatalf("REDSTART_REQUIRE_PEERS=1, but: %s", what)
	}
	t.Skipf("not installed: %s", what)
}

func startFor(t testing.TB, bin string, o Options) *Server {
	t.Helper()
	s, err := Launch(bin, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s
}

// Launch starts the server bin and waits until it answers PING. The caller has to
// Stop it.
func Launch(bin string, o Options) (*Server, error) {
	var failure error
	// Another process may take the free port first: then try a new one.
	for range startTries {
		s, err := launch(bin, o)
		if err == nil {
			return s, nil
		}
		failure = err
	}
	return nil, failure
}

func launch(bin string, o Options) (*Server, error) {
	port, err := FreePort()
	if err != nil {
		return nil, err
	}
	s := &Server{
		Addr:   net.JoinHostPort("127.0.0.1", strconv.Itoa(port)),
		Port:   port,
		Dir:    o.Dir,
		exited: make(chan struct{}),
	}
	if s.Dir == "" {
		if s.Dir, err = os.MkdirTemp("", "redstart-peer-"); err != nil {
			return nil, err
		}
		s.ownsDir = true
	}
	log, err := os.Create(filepath.Join(s.Dir, "log"))
	if err != nil {
		s.removeDir()
		return nil, err
	}
	defer log.Close()

	argv := append([]string{}, o.Prefix...)
	argv = append(argv, bin, "--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--dir", s.Dir, "--save", "")
	argv = append(argv, o.Args...)
	s.cmd = exec.Command(argv[0], argv[1:]...)
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if err := s.cmd.Start(); err != nil {
		s.removeDir()
		return nil, err
	}
	s.Pid = s.cmd.Process.Pid
	go func() {
		s.cmd.Wait() // How it ended is seen in its log.
		close(s.exited)
	}()
	if err := s.awaitReady(cmp.Or(o.Limit, startLimit)); err != nil {
		err = fmt.Errorf("%s: %w\n%s", bin, err, s.Log())
		s.Stop()
		return nil, err
	}
	return s, nil
}

// FreePort returns a TCP port of 127.0.0.1 that nobody listens on.
func FreePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

func (s *Server) awaitReady(limit time.Duration) error {
	end := time.Now().Add(limit)
	for time.Now().Before(end) {
		if s.answersPing() {
			select {
			case <-s.exited:
				return errors.New("another process has its port")
			default:
				return nil
			}
		}
		select {
		case <-s.exited:
			return errors.New("it ended at once")
		case <-time.After(10 * time.Millisecond):
		}
	}
	return fmt.Errorf("no answer to PING within %v", limit)
}

func (s *Server) answersPing() bool {
	nc, err := net.DialTimeout("tcp", s.Addr, time.Second)
	if err != nil {
		return false
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(time.Second))
	if _, err := nc.Write([]byte("PING\r\n")); err != nil {
		return false
	}
	var reply [64]byte
	n, _ := nc.Read(reply[:])
	return bytes.HasPrefix(reply[:n], []byte("+PONG")) || bytes.HasPrefix(reply[:n], []byte("-NOAUTH"))
}

// Log returns what the server has printed so far.
func (s *Server) Log() string {
	b, err := os.ReadFile(filepath.Join(s.Dir, "log"))
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// Kill ends the server at once, as a crash would, and waits until it is gone.
func (s *Server) Kill() {
	s.cmd.Process.Kill()
	<-s.exited
}

// Exited is closed when the server has ended.
func (s *Server) Exited() <-chan struct{} { return s.exited }

// Stop ends the server, waits until it is gone and removes its folder. Further
// calls do nothing.
func (s *Server) Stop() {
	defer s.removeDir()
	s.cmd.Process.Signal(syscall.SIGTERM) // An error means that it has ended.
	select {
	case <-s.exited:
	case <-time.After(stopLimit):
		s.Kill()
	}
}

func (s *Server) removeDir() {
	if s.ownsDir {
		os.RemoveAll(s.Dir)
	}
}
