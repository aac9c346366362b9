package hostile

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redstart-db/redstart/tests/peer"
)

const (
	// pingLimit is how long others may wait.
	pingLimit = 100 * time.Millisecond
	// memoryLimit is how many bytes an attack may cost.
	memoryLimit = 96 << 20
	replyLimit  = 10 * time.Second
)

// target is a server under attack.
type target struct {
	*peer.Server
	t testing.TB
}

// start starts a server that is watched until the test ends.
func start(t *testing.T, args ...string) *target {
	t.Helper()
	return startWithin(t, memoryLimit, args...)
}

// startWithin is start for attacks that may cost so many bytes for a while.
func startWithin(t *testing.T, bytes int64, args ...string) *target {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a server")
	}
	s := &target{peer.StartRedstart(t, peer.Options{Args: args}), t}
	s.watch(bytes)
	return s
}

// watch has a client ask all the time, and looks at the server's memory. What it
// finds is reported when the test ends.
func (s *target) watch(most int64) {
	conn, err := peer.Dial(s.Addr)
	if err != nil {
		s.t.Fatal(err)
	}
	base := s.memory()
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		defer wg.Done()
		for {
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Millisecond):
			}
			starved := starvation(s.Pid) + starvation(os.Getpid())
			begin := time.Now()
			if _, err := conn.Do("PING"); err != nil {
				s.t.Errorf("PING: %v\n%s", err, s.Log())
				return
			}
			if took := time.Since(begin); took > pingLimit {
				// A machine that is busy with other things is not
				// the server's fault.
				starved = starvation(s.Pid) + starvation(os.Getpid()) - starved
				if took > pingLimit+starved {
					s.t.Errorf("PING took %v, of which %v waiting for a processor", took, starved)
				}
			}
			if grown := s.memory() - base; grown > most {
				s.t.Errorf("the server took %d MB more", grown>>20)
				return
			}
		}
	}()
	s.t.Cleanup(func() {
		close(stop)
		wg.Wait()
		conn.Close()
	})
}

// starvation is for how long the threads of a process have been ready to run, but
// had no processor.
func starvation(pid int) (sum time.Duration) {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	for _, name := range tasks {
		b, err := os.ReadFile(name)
		if f := strings.Fields(string(b)); err == nil && len(f) > 1 {
			ns, _ := strconv.ParseInt(f[1], 10, 64)
			sum += time.Duration(ns)
		}
	}
	return sum
}

// memory is the server's resident memory in bytes.
func (s *target) memory() int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", s.Pid))
	if err != nil {
		return 0 // elsewhere only the answers are watched
	}
	pages, _ := strconv.ParseInt(strings.Fields(string(b))[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

// conn is a connection without any protocol.
func (s *target) conn() net.Conn {
	s.t.Helper()
	nc, err := net.DialTimeout("tcp", s.Addr, replyLimit)
	if err != nil {
		s.t.Fatal(err)
	}
	nc.SetDeadline(time.Now().Add(6 * replyLimit))
	s.t.Cleanup(func() { nc.Close() })
	return nc
}

// ended reads until the server closes the connection and gives the last that it
// said.
func (s *target) ended(nc net.Conn) string {
	s.t.Helper()
	nc.SetReadDeadline(time.Now().Add(replyLimit))
	var said []byte
	buf := make([]byte, 4096)
	for {
		n, err := nc.Read(buf)
		if said = append(said, buf[:n]...); len(said) > 4096 {
			said = said[len(said)-4096:]
		}
		if err != nil {
			if ne, ok := err.(net.Error); ok && ne.Timeout() {
				s.t.Errorf("the connection is still open; the server said %.200q", said)
			}
			return string(said)
		}
	}
}

// expect does a command for each line and compares what is replied, written as
// resp.Value.String does.
func (s *target) expect(c *peer.Conn, pairs ...string) {
	s.t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		r, err := c.Do(strings.Fields(pairs[i])...)
		if err != nil {
			s.t.Fatalf("%s: %v\n%s", pairs[i], err, s.Log())
		}
		if got := r.String(); got != pairs[i+1] {
			s.t.Errorf("%s: got %.300s, want %s", pairs[i], got, pairs[i+1])
		}
	}
}
