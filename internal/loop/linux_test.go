//go:build linux

package loop

import (
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Without descriptors nothing is accepted, without spinning; with some again, those who waited are.
func TestOutOfDescriptors(t *testing.T) {
	for _, d := range []string{"tcp", "stream-tcp"} {
		t.Run(d, func(t *testing.T) {
			f := serve(t, d, Config{Loops: 1})
			first, _ := f.connect()
			var was unix.Rlimit
			if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &was); err != nil {
				t.Fatal(err)
			}
			probe, err := os.Open(os.DevNull)
			if err != nil {
				t.Fatal(err)
			}
			next := probe.Fd() // the lowest free number: the next dial gets it, and accept none
			probe.Close()
			low := was
			low.Cur = uint64(next) + 1
			if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &low); err != nil {
				t.Fatal(err)
			}
			nc, err := net.Dial("tcp", first.RemoteAddr().String())
			if err == nil {
				defer nc.Close()
				time.Sleep(20 * time.Millisecond)
				send1(t, first, "still served\n")
				want(t, first, "still served\n")
			}
			accepted := len(f.clients)
			if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &was); err != nil {
				t.Fatal(err)
			}
			if err != nil || accepted != 0 {
				t.Skipf("the shortage did not hit accept: %v, %d", err, accepted)
			}
			f.next()
			nc.SetDeadline(time.Now().Add(patience))
			send1(t, nc, "at last\n")
			want(t, nc, "at last\n")
		})
	}
}

// An idle connection costs a few hundred bytes, also after it has been busy.
func TestIdleConnectionsAreSmall(t *testing.T) {
	f := serve(t, "unix", Config{Loops: 1, Handler: HandlerFunc(func(c *Conn) (Client, []byte) { return repeat{}, nil })})
	const n = 400
	heap := func() int64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	conns := make([]net.Conn, n)
	for i := range conns {
		conns[i] = f.dial()
		defer conns[i].Close()
	}
	alive := func() {
		for _, nc := range conns {
			nc.SetDeadline(time.Now().Add(patience))
			send1(t, nc, "abc")
			want(t, nc, "abc")
		}
	}
	alive()
	with := heap()
	if err := f.g.Close(); err != nil {
		t.Fatal(err)
	}
	f.g.pollers[0].pool = bufPool{}
	f.g.pollers[0].slots = nil
	without := heap()
	if per := (with - without) / n; per > 700 {
		t.Errorf("%d bytes per idle connection", per)
	} else {
		t.Logf("%d bytes per idle connection", per)
	}
	runtime.KeepAlive(conns)
}

// The way of a request through a loop must not allocate.
func TestNoAllocationPerRequest(t *testing.T) {
	f := serve(t, "unix", Config{Loops: 1, Handler: HandlerFunc(func(c *Conn) (Client, []byte) { return repeat{}, nil })})
	nc := f.dial()
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(patience))
	b := []byte("ping")
	if n := testing.AllocsPerRun(500, func() { nc.Write(b); nc.Read(b) }); n != 0 {
		t.Errorf("%v allocations per request", n)
	}
}
