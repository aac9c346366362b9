//go:build linux

package loop

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
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

// taker takes bulks, whose bytes it does not keep, and answers "ok", or with the bulk itself.
type taker struct {
	c    *Conn
	back bool
}

func (k *taker) Process(in, out []byte) (int, []byte, Status) {
	used := 0
	for {
		var n int
		i := bytes.IndexByte(in[used:], '\n')
		if i < 0 || !scan(string(in[used:used+i]), "bulk %d", &n) {
			return used, out, Continue
		}
		begin := used + i + 1
		if len(in) < begin+n {
			k.c.Expect(begin + n - used)
			return used, out, Continue
		}
		if used = begin + n; k.back {
			out = append(out, in[begin:used]...)
		} else {
			out = append(out, "ok"...)
		}
	}
}
func (*taker) Queued(int) bool { return true }

func (*taker) Buffered(int, int) bool { return true }
func (*taker) Closed(error)           {}

// What large requests and replies lie in is neither left to the collector nor kept.
func TestLargeOnesLeaveNothing(t *testing.T) {
	const size = 24 << 20
	value := bytes.Repeat([]byte("0123456789abcdef"), size/16)
	request := append(fmt.Appendf(nil, "bulk %d\n", size), value...)
	got := make([]byte, size)
	for _, d := range drivers {
		for _, piece := range []int{size + 100, 5000} {
			for _, back := range []bool{false, true} {
				if back && d != "tcp" && d != "unix" {
					continue // the replies of others are garbage once they are sent
				}
				t.Run(fmt.Sprint(d, piece, back), func(t *testing.T) {
					conns := make(chan *Conn, 1)
					f := serve(t, d, Config{Loops: 1, Handler: HandlerFunc(func(c *Conn) (Client, []byte) {
						conns <- c
						return &taker{c, back}, nil
					})})
					nc := f.dial()
					defer nc.Close()
					nc.SetDeadline(time.Now().Add(patience))
					c := <-conns
					before, maps := garbage(), mappings(t)
					for b := request; len(b) > 0; b = b[min(piece, len(b)):] {
						if _, err := nc.Write(b[:min(piece, len(b))]); err != nil {
							t.Fatal(err)
						}
					}
					if back {
						if _, err := io.ReadFull(nc, got); err != nil || !bytes.Equal(got, value) {
							t.Fatal("the bulk did not come back", err)
						}
					} else {
						want(t, nc, "ok")
					}
					made := garbage() - before
					eventually(t, "the input is let go", func() bool { return c.InputCap() <= streamKeep })
					// Pipes and TLS have buffers of their own.
					if most := uint64(8 << 20); made > most && d != "pipe" && d != "tls" {
						t.Errorf("%d bytes of the Go heap", made)
					}
					eventually(t, "the mappings are given back", func() bool { return mappings(t) <= maps+size/4 })
				})
			}
		}
	}
}

// garbage returns how many bytes of the Go heap were ever taken.
func garbage() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// mappings returns how many bytes of memory without a file are resident in the part of the address space where the
// system puts mappings. The Go heap is elsewhere.
func mappings(t *testing.T) (sum int) {
	b, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Skip(err)
	}
	count, probe := false, mapMemory(2<<20)
	defer unmapMemory(probe)
	var at uint64
	fmt.Sscanf(fmt.Sprintf("%p", probe), "0x%x", &at)
	for line := range strings.Lines(string(b)) {
		var from, to uint64
		var n int
		switch w := strings.Fields(line); {
		case len(w) >= 5 && strings.Contains(w[0], "-"):
			fmt.Sscanf(w[0], "%x-%x", &from, &to)
			count = len(w) == 5 && from>>40 == at>>40
		case count && scan(strings.Join(w, " "), "Rss: %d kB", &n):
			sum += n << 10
		}
	}
	return sum
}

// Without address space, or without enough of it, replies are built on the heap.
func TestRepliesOnTheHeap(t *testing.T) {
	for _, d := range []string{"tcp", "unix"} {
		for _, size := range []int{replySize, 2 << 20} {
			f := serve(t, d, Config{Loops: 1})
			nc, e := f.connect()
			f.locked(e, func() {
				p := f.g.pollers[0]
				unmapMemory(p.out)
				if p.out = make([]byte, 0, size); size > replySize {
					p.out = mapMemory(size)
				}
			})
			send1(t, nc, "big 5\nbig 100000\nbig 7000000\nbig 3\nend\n")
			want(t, nc, strings.Repeat("x", 7_100_008)+"end\n")
			send1(t, nc, "big 3000000\nbye\n")
			want(t, nc, strings.Repeat("x", 3_000_000)+"bye\n")
			wantEnd(t, nc)
			if err := f.g.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}
