package idle

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/redstart-db/redstart/tests/peer"
)

const (
	idlers    = 19000
	spareFDs  = 500     // that the server and the client need beside
	maxEach   = 10_000  // bytes of resident memory for an idle connection
	maxRatio  = 1 / 0.9 // of the time for a command with them to that without
	active    = 50
	samples   = 5
	rounds    = 6
	sampleFor = 500 * time.Millisecond
	dialers   = 16
	// childEnv names the address that the test's program connects to when it is
	// started again to hold the other ends of the idle connections.
	childEnv = "REDSTART_IDLE_CLIENT"
)

func TestMain(m *testing.M) {
	if addr := os.Getenv(childEnv); addr != "" {
		if err := hold(addr); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// hold makes the idle connections, says "ready", and keeps them until its standard
// input ends. Each has had one command, as those of a pool of connections have.
func hold(addr string) error {
	conns := make([]net.Conn, idlers)
	var next atomic.Int64
	failed := make(chan error, dialers)
	var wg sync.WaitGroup
	for range dialers {
		wg.Go(func() {
			// An address of its own leaves the ports of the usual one to others.
			d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}, Timeout: 10 * time.Second, KeepAlive: -1}
			for i := next.Add(1) - 1; i < idlers; i = next.Add(1) - 1 {
				c, err := d.Dial("tcp4", addr)
				if err == nil {
					// No port of this many is left waiting afterwards.
					err = c.(*net.TCPConn).SetLinger(0)
				}
				if err == nil {
					err = pingOnce(c)
				}
				if err != nil {
					failed <- fmt.Errorf("connection %d: %w", i, err)
					return
				}
				conns[i] = c
			}
		})
	}
	wg.Wait()
	select {
	case err := <-failed:
		return err
	default:
	}
	fmt.Println("ready")
	io.Copy(io.Discard, os.Stdin) // until the parent lets go
	for _, c := range conns {
		c.Close()
	}
	return nil
}

func pingOnce(c net.Conn) error {
	c.SetDeadline(time.Now().Add(time.Minute))
	if _, err := io.WriteString(c, "PING\r\n"); err != nil {
		return err
	}
	var reply [7]byte
	if _, err := io.ReadFull(c, reply[:]); err != nil {
		return err
	}
	if string(reply[:]) != "+PONG\r\n" {
		return fmt.Errorf("PING: %q", reply[:])
	}
	return c.SetDeadline(time.Time{})
}

func TestIdleConnections(t *testing.T) {
	if testing.Short() {
		t.Skip("makes many connections")
	}
	var lim unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &lim); err != nil {
		t.Fatal(err)
	}
	if lim.Max < idlers+spareFDs {
		t.Skipf("a process may have %d files open (ulimit -Hn), which are too few for %d connections", lim.Max, idlers)
	}
	s := peer.StartRedstart(t, peer.Options{Args: []string{"--maxclients", strconv.Itoa(idlers + spareFDs/2)}})
	c := s.Dial(t)
	c.Must(t, "SET", "key", strings.Repeat("x", 64))
	load := newLoad(t, s.Addr)
	load.measure(t, s.Pid) // warms up
	without := load.measure(t, s.Pid)
	// What else the machine does shows in the times: only what is found every
	// time is the server's.
	for round := range rounds {
		base := resident(t, s.Pid)
		release := connect(t, s.Addr)
		grown := settled(t, s.Pid) - base
		with := load.measure(t, s.Pid)
		if n := clients(t, c); n < idlers {
			t.Errorf("only %d clients are connected", n)
		}
		release()
		waitGone(t, c)
		without = append(without, load.measure(t, s.Pid)...)

		ratio := median(with) / median(without)
		t.Logf("%d idle connections: %d bytes each; GET takes %.2f µs of the server's time without them, %.2f µs with (%.3f)",
			idlers, grown/idlers, median(without), median(with), ratio)
		if round == 0 && grown > idlers*maxEach {
			t.Errorf("an idle connection takes %d bytes, more than %d", grown/idlers, maxEach)
		}
		if ratio <= maxRatio {
			return
		}
		t.Logf("without %.2f, with %.2f", without, with)
	}
	t.Errorf("with idle connections GET takes more than %.2f times as long", maxRatio)
}

func waitGone(t *testing.T, c *peer.Conn) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); clients(t, c) > active+1; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d clients are still there", clients(t, c))
		}
	}
}

// connect has another process, with open files of its own, make the connections.
// release ends them.
func connect(t *testing.T, addr string) (release func()) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), childEnv+"="+addr)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	release = sync.OnceFunc(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the client: %v", err)
		}
	})
	t.Cleanup(release)
	line, err := bufio.NewReader(out).ReadString('\n')
	if line != "ready\n" {
		complain := t.Skipf // the system has other limits too
		if os.Getenv("REDSTART_REQUIRE_PEERS") == "1" {
			complain = t.Fatalf
		}
		complain("the connections could not be made: %s%v", line, err)
	}
	return release
}

// load is the active connections, which ask one request at a time.
type load struct{ conns []net.Conn }

func newLoad(t *testing.T, addr string) *load {
	l := &load{}
	for range active {
		nc, err := net.DialTimeout("tcp", addr, 10*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { nc.Close() })
		l.conns = append(l.conns, nc)
	}
	return l
}

// measure gives the server's processor time for a GET in microseconds, several
// times.
func (l *load) measure(t *testing.T, pid int) []float64 {
	t.Helper()
	var stop atomic.Bool
	var ops atomic.Int64
	var wg sync.WaitGroup
	for _, nc := range l.conns {
		wg.Go(func() {
			request, reply := []byte("*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n"), make([]byte, len("$64\r\n")+64+2)
			nc.SetDeadline(time.Now().Add(time.Minute))
			for !stop.Load() {
				if _, err := nc.Write(request); err != nil {
					t.Error(err)
					return
				}
				if _, err := io.ReadFull(nc, reply); err != nil {
					t.Error(err)
					return
				}
				ops.Add(1)
			}
		})
	}
	list := make([]float64, samples)
	for i := range list {
		startOps, startCPU := ops.Load(), processorTime(t, pid)
		time.Sleep(sampleFor)
		list[i] = float64(processorTime(t, pid)-startCPU) / 1000 / float64(max(ops.Load()-startOps, 1))
	}
	stop.Store(true)
	wg.Wait()
	return list
}

// processorTime is what the threads of a process have used, in nanoseconds.
func processorTime(t *testing.T, pid int) (sum int64) {
	t.Helper()
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil || len(tasks) == 0 {
		t.Skipf("this system does not tell the processor time of threads: %v", err)
	}
	for _, name := range tasks {
		b, err := os.ReadFile(name)
		if err != nil {
			continue // the thread has ended
		}
		ns, _, _ := strings.Cut(string(b), " ")
		n, _ := strconv.ParseInt(ns, 10, 64)
		sum += n
	}
	return sum
}

// settled waits until the memory of a process grows no more, and gives it.
func settled(t *testing.T, pid int) int64 {
	t.Helper()
	last := resident(t, pid)
	for range 20 {
		time.Sleep(200 * time.Millisecond)
		now := resident(t, pid)
		if now <= last+64<<10 {
			return now
		}
		last = now
	}
	return last
}

// resident is the memory of a process in bytes.
func resident(t *testing.T, pid int) int64 {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.ParseInt(strings.Fields(string(b))[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}

func clients(t *testing.T, c *peer.Conn) int {
	t.Helper()
	info := string(c.Must(t, "INFO", "clients").Str)
	_, rest, _ := strings.Cut(info, "connected_clients:")
	n, err := strconv.Atoi(strings.TrimSpace(rest[:strings.IndexByte(rest, '\n')]))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func median(list []float64) float64 {
	list = slices.Clone(list)
	slices.Sort(list)
	return list[len(list)/2]
}
