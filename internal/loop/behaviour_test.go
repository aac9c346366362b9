package loop

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestEcho(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		nc, _ := f.connect()
		for i := range 3 {
			line := fmt.Sprintf("hello %d\n", i)
			send1(t, nc, line)
			want(t, nc, line)
		}
	})
}

func TestByteByByte(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		nc, e := f.connect()
		const line = "one at a time\n"
		for i := range len(line) {
			send1(t, nc, line[i:i+1])
			if i%5 == 0 {
				eventually(t, "the byte is seen", func() bool { return e.c.Buffered() == i+1 || i+1 == len(line) })
			}
		}
		want(t, nc, line)
		eventually(t, "the input buffer is empty", func() bool { return e.c.Buffered() == 0 })
		if e.c.Loop() >= 0 && e.c.InputCap() != 0 {
			t.Errorf("an idle connection keeps a buffer of %d bytes", e.c.InputCap())
		}
	})
}

func TestHugePipelines(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		nc, _ := f.connect()
		all := lines("some request of a pipeline ", 40_000)
		background(t, func() { io.WriteString(nc, all) })
		want(t, nc, all)
	})
}

// A peer that sends everything before it reads anything must not be stuck.
func TestPipelineReadLate(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		nc, _ := f.connect()
		all := lines("a request whose reply is read only when all requests are written ", 50_000)
		send1(t, nc, all)
		want(t, nc, all)
	})
}

func TestBigReplies(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		nc, e := f.connect()
		x := strings.Repeat("x", 3<<20)
		for range 3 {
			send1(t, nc, "a\nbig 3145728\nb\nbig 100000\nc\n")
			want(t, nc, "a\n"+x+"b\n"+x[:100000]+"c\n")
		}
		eventually(t, "nothing waits", func() bool { return e.c.Pending() == 0 })
	})
}

func TestExpectWithLargeBulks(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		nc, e := f.connect()
		e.c.SetInputLimit(64 << 20)
		for _, n := range []int{1, 1000, 16 << 10, 64 << 10, 65 << 10, 1 << 20, 5<<20 + 3} {
			bulk := bytes.Repeat([]byte{'a', 'b', 'c'}, n/3+1)[:n]
			background(t, func() { fmt.Fprintf(nc, "before\nbulk %d\n%safter\n", n, bulk) })
			want(t, nc, "before\n"+string(bulk)+"after\n")
		}
		if calls := e.calls.Load(); calls > 100 {
			t.Errorf("Process ran %d times in spite of Expect", calls)
		}
		eventually(t, "the buffer is given back", func() bool { return e.c.InputCap() <= streamKeep })
	})
}

// A declared length alone must not take memory.
func TestExpectTakesNoMemoryAhead(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		nc, e := f.connect()
		send1(t, nc, "bulk 500000000\nabc")
		eventually(t, "the request is seen", func() bool { return e.c.Buffered() == 18 })
		for range 10 {
			send1(t, nc, strings.Repeat("y", 10_000))
		}
		eventually(t, "the bytes are there", func() bool { return e.c.Buffered() == 100_018 })
		if c := e.c.InputCap(); c > 512<<10 {
			t.Errorf("capacity %d for 100 kB", c)
		}
	})
}

func TestPushOrder(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		nc, e := f.connect()
		all := lines("pushed ", 20_000)
		background(t, func() {
			for line := range strings.SplitAfterSeq(all, "\n") {
				e.c.Push([]byte(line))
			}
		})
		want(t, nc, all)
		eventually(t, "nothing waits", func() bool { return e.c.Pending() == 0 })
	})
}

// Bytes pushed while Process runs follow its reply.
func TestPushDuringProcess(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		nc, e := f.connect()
		e.hook(f, func(string) {
			done := make(chan struct{})
			go func() { e.c.Push([]byte("message\n")); close(done) }()
			<-done
		})
		send1(t, nc, "subscribe\n")
		want(t, nc, "subscribe\nmessage\n")
	})
}

// Waiting is what the peer has to make room for, and not what nobody has tried to send.
func TestWaiting(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		nc, e := f.connect()
		e.hook(f, func(string) {
			done := make(chan [2]int)
			go func() {
				e.c.Push([]byte("message\n"))
				done <- [2]int{e.c.Pending(), e.c.Waiting()}
			}()
			if got := <-done; got[0] != len("message\n") || got[1] != 0 {
				t.Errorf("pending and waiting are %d before anything is sent", got)
			}
		})
		send1(t, nc, "subscribe\n")
		want(t, nc, "subscribe\nmessage\n")
		e.hook(f, nil)
		all := lines("pushed and not read for now ", 200_000)
		e.c.Push([]byte(all))
		eventually(t, "the peer has to read", func() bool { return e.c.Waiting() > 0 })
		want(t, nc, all)
		eventually(t, "nothing waits", func() bool { return e.c.Waiting() == 0 && e.c.Pending() == 0 })
	})
}

func TestSuspendResume(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		nc, e := f.connect()
		send1(t, nc, "first\nwait\nlater\n")
		want(t, nc, "first\n")
		send1(t, nc, "even later\n")
		wantNothing(t, nc)
		calls := e.calls.Load()
		e.c.Resume() // not what it waits for
		eventually(t, "the client is asked", func() bool { return e.calls.Load() > calls })
		e.c.Push([]byte("pushed\n"))
		want(t, nc, "pushed\n")
		e.c.Push([]byte("unblocked\n"))
		e.resume()
		want(t, nc, "unblocked\nresumed\nlater\neven later\n")
		send1(t, nc, "again\n")
		want(t, nc, "again\n")
	})
}

// Resume may come before Process has returned Suspend.
func TestResumeBeforeSuspend(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		nc, e := f.connect()
		e.hook(f, func(string) { e.resume() })
		send1(t, nc, "x\nwait\n")
		want(t, nc, "x\nresumed\n")
	})
}

func TestSuspendedPeerVanishes(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		nc, e := f.connect()
		send1(t, nc, "x\nwait\nmore\n")
		want(t, nc, "x\n")
		nc.Close()
		if err := e.gone(); err == nil {
			t.Error("no reason given")
		}
	})
}

// What a suspended client is sent without being read must neither pile up nor be lost.
func TestSuspendedInputWaits(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		nc, e := f.connect()
		send1(t, nc, "x\nwait\n")
		want(t, nc, "x\n")
		all := lines("while suspended ", 50_000)
		background(t, func() { io.WriteString(nc, all) })
		time.Sleep(30 * time.Millisecond)
		if n := e.c.Buffered(); n > 4*suspendedInput {
			t.Errorf("%d bytes were read ahead", n)
		}
		e.resume()
		want(t, nc, "resumed\n"+all)
	})
}

func TestClosePaths(t *testing.T) {
	boom := errors.New("boom")
	for _, c := range []struct {
		name string
		do   func(t *testing.T, nc net.Conn, e *echo)
		err  error
	}{
		{"after reply", func(t *testing.T, nc net.Conn, e *echo) {
			send1(t, nc, "a\nbye\nb\n")
			want(t, nc, "a\nbye\n")
		}, nil},
		{"after a big reply", func(t *testing.T, nc net.Conn, e *echo) {
			send1(t, nc, "big 5000000\nbye\nb\n")
			want(t, nc, strings.Repeat("x", 5000000)+"bye\n")
		}, nil},
		{"now", func(t *testing.T, nc net.Conn, e *echo) { send1(t, nc, "drop\n") }, nil},
		{"from elsewhere", func(t *testing.T, nc net.Conn, e *echo) { e.c.Close(boom) }, boom},
		{"from elsewhere while suspended", func(t *testing.T, nc net.Conn, e *echo) {
			send1(t, nc, "x\nwait\n")
			want(t, nc, "x\n")
			e.c.Close(boom)
		}, boom},
		{"after flush", func(t *testing.T, nc net.Conn, e *echo) {
			e.c.Push([]byte("last words\n"))
			e.c.CloseAfterFlush()
			want(t, nc, "last words\n")
		}, nil},
		{"after a big flush", func(t *testing.T, nc net.Conn, e *echo) {
			e.c.Push(bytes.Repeat([]byte{'x'}, 5000000))
			e.c.CloseAfterFlush()
			want(t, nc, strings.Repeat("x", 5000000))
		}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			each(t, func(t *testing.T, f *fixture) {
				nc, e := f.connect()
				c.do(t, nc, e)
				wantEnd(t, nc)
				if err := e.gone(); err != c.err {
					t.Errorf("closed because of %v, want %v", err, c.err)
				}
				e.c.Push([]byte("into the void"))
				e.c.Resume()
				e.c.CloseAfterFlush()
				e.c.Close(nil)
			})
		})
	}
}

func TestPeerVanishesMidRequest(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		nc, e := f.connect()
		send1(t, nc, "whole\nhal")
		want(t, nc, "whole\n")
		nc.Close()
		if err := e.gone(); err != io.EOF {
			t.Errorf("closed because of %v", err)
		}
	})
}

// A peer that only shuts down its sending side is answered all it asked.
func TestHalfClose(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		nc, e := f.connect()
		hc, ok := nc.(interface{ CloseWrite() error })
		if !ok {
			t.Fatal("cannot close one side")
		}
		send1(t, nc, "turns 2\n"+lines("q", 5000)+"big 3000000\nhal")
		if err := hc.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		want(t, nc, lines("q", 5000)+strings.Repeat("x", 3000000))
		wantEnd(t, nc)
		if err := e.gone(); err != io.EOF {
			t.Errorf("closed because of %v", err)
		}
	})
}

func TestInputLimit(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		nc, e := f.connect()
		e.c.SetInputLimit(200_000)
		background(t, func() {
			for {
				if _, err := nc.Write(bytes.Repeat([]byte{'z'}, 10_000)); err != nil {
					return
				}
			}
		})
		if err := e.gone(); err != ErrInputLimit {
			t.Errorf("closed because of %v", err)
		}
	})
}

func TestNeverReadingPeer(t *testing.T) {
	push := func(nc net.Conn, e *echo) {
		for e.closings.Load() == 0 {
			e.c.Push(make([]byte, 50_000))
			time.Sleep(50 * time.Microsecond)
		}
	}
	ask := func(nc net.Conn, e *echo) {
		for {
			if _, err := io.WriteString(nc, "big 100000\n"); err != nil {
				return
			}
		}
	}
	for name, load := range map[string]func(net.Conn, *echo){"push": push, "ask": ask} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, f *fixture) {
				nc := f.dial()
				defer nc.Close()
				e := f.next()
				f.locked(e, func() { e.limit = 3 << 20 })
				background(t, func() { load(nc, e) })
				if err := e.gone(); err != ErrOutputLimit {
					t.Errorf("closed because of %v", err)
				}
			})
		})
	}
}

// A client that yields lets others have their turn, and gets all its own.
func TestYieldIsFair(t *testing.T) {
	for _, d := range drivers {
		t.Run(d, func(t *testing.T) {
			f := serve(t, d, Config{Loops: 1})
			busy, eb := f.connect()
			other, _ := f.connect()
			var mu sync.Mutex
			handled := 0
			eb.hook(f, func(string) {
				time.Sleep(200 * time.Microsecond)
				mu.Lock()
				handled++
				mu.Unlock()
			})
			const n = 200
			send1(t, busy, "turns 1\n"+lines("q", n))
			eventually(t, "the busy client is served", func() bool { mu.Lock(); defer mu.Unlock(); return handled > 5 })
			send1(t, other, "quick\n")
			want(t, other, "quick\n")
			mu.Lock()
			at := handled
			mu.Unlock()
			if at > n*9/10 {
				t.Errorf("the other client was served after %d of %d requests", at, n)
			}
			want(t, busy, lines("q", n))
		})
	}
}

func TestManyConnections(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		n := 300
		if f.g.Loops() == 0 || strings.HasSuffix(t.Name(), "tls") {
			n = 30
		}
		conns := make([]net.Conn, n)
		loops := map[int]int{}
		for i := range conns {
			var e *echo
			conns[i], e = f.connect()
			loops[e.c.Loop()]++
		}
		for round := range 3 {
			for i, nc := range conns {
				send1(t, nc, fmt.Sprintf("round %d of %d\n", round, i))
			}
			for i, nc := range conns {
				want(t, nc, fmt.Sprintf("round %d of %d\n", round, i))
			}
		}
		if loops[-1] == 0 && loops[0] != loops[1] {
			t.Errorf("unequal distribution %v", loops)
		}
	})
}

// Everything at once, from everywhere; the race detector and the echo's own checks watch.
func TestStress(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		var wg sync.WaitGroup
		for i := range 12 {
			nc := f.dial()
			nc.SetDeadline(time.Now().Add(patience))
			e := f.next()
			wg.Add(4)
			go func() { defer wg.Done(); io.Copy(io.Discard, nc) }()
			go func() {
				defer wg.Done()
				for j := range 300 {
					if _, err := fmt.Fprintf(nc, "turns 3\nline %d\nwait\nmore\nbig 20000\n", j); err != nil {
						return
					}
				}
			}()
			go func() {
				defer wg.Done()
				for range 600 {
					e.c.Push([]byte("pushed\n"))
					e.resume()
					_ = e.c.Pending() + e.c.Buffered() + e.c.InputCap()
				}
			}()
			go func() {
				defer wg.Done()
				time.Sleep(time.Duration(5+i) * time.Millisecond)
				switch i % 4 {
				case 0:
					e.c.Close(nil)
				case 1:
					nc.Close()
				case 2:
					e.c.CloseAfterFlush()
				default:
					e.c.Close(io.ErrUnexpectedEOF)
				}
				e.gone()
				nc.Close()
			}()
		}
		wg.Wait()
	})
}
