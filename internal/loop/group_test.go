package loop

import (
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestCloseGroup(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		nc, e := f.connect()
		idle, e2 := f.connect()
		send1(t, nc, "x\nwait\n")
		want(t, nc, "x\n")
		if err := f.g.Close(); err != nil {
			t.Fatal(err)
		}
		for _, e := range []*echo{e, e2} {
			if err := e.gone(); err != ErrGroupClosed {
				t.Errorf("closed because of %v", err)
			}
			e.c.Push([]byte("late"))
			e.c.Resume()
		}
		wantEnd(t, nc)
		wantEnd(t, idle)
		if err := f.g.Do(0, func() {}); err == nil {
			t.Error("Do works on a closed group")
		}
		a, b := Pipe()
		defer a.Close()
		defer b.Close()
		if err := f.g.ServeConn(b); err != ErrGroupClosed {
			t.Errorf("ServeConn on a closed group: %v", err)
		}
	})
}

func TestUnserve(t *testing.T) {
	for _, d := range []string{"tcp", "unix", "stream-tcp", "tls"} {
		t.Run(d, func(t *testing.T) {
			f := serve(t, d, Config{Loops: 2})
			nc, e := f.connect()
			ln, dial := listen(t, d)
			if err := f.g.Serve(ln); err != nil {
				t.Fatal(err)
			}
			if err := f.g.Serve(ln); err == nil {
				t.Error("one listener is served twice")
			}
			second, err := dial()
			if err != nil {
				t.Fatal(err)
			}
			defer second.Close()
			second.SetDeadline(time.Now().Add(patience))
			f.next()
			// A command that changes the ports does it from within Process.
			errc := make(chan error, 2)
			e.hook(f, func(string) {
				errc <- f.g.Unserve(ln)
				errc <- f.g.Unserve(ln)
			})
			send1(t, nc, "change ports\n")
			want(t, nc, "change ports\n")
			if err := <-errc; err != nil {
				t.Fatal(err)
			}
			if err := <-errc; !errors.Is(err, net.ErrClosed) {
				t.Errorf("second Unserve: %v", err)
			}
			if third, err := dial(); err == nil {
				third.Close()
				t.Error("the listener still accepts")
			}
			send1(t, second, "still here\n")
			want(t, second, "still here\n")
		})
	}
}

func TestFarewell(t *testing.T) {
	for _, d := range drivers {
		t.Run(d, func(t *testing.T) {
			f := serve(t, d, Config{Loops: 1, Handler: HandlerFunc(func(c *Conn) (Client, []byte) {
				return nil, []byte("-ERR max number of clients reached\r\n")
			})})
			nc := f.dial()
			defer nc.Close()
			nc.SetDeadline(time.Now().Add(patience))
			want(t, nc, "-ERR max number of clients reached\r\n")
			wantEnd(t, nc)
		})
	}
}

func TestAddresses(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		nc, e := f.connect()
		remote, local := nc.LocalAddr().String(), nc.RemoteAddr().String()
		if strings.HasSuffix(t.Name(), "unix") {
			local += ":0"
			remote = local
		}
		if e.c.RemoteAddr() != remote || e.c.LocalAddr() != local {
			t.Errorf("remote %q local %q, want %q %q", e.c.RemoteAddr(), e.c.LocalAddr(), remote, local)
		}
		network := t.Name()[strings.LastIndexAny(t.Name(), "/-")+1:]
		if e.c.Network() != network {
			t.Errorf("network %q, want %q", e.c.Network(), network)
		}
		if pipe := network == "pipe"; pipe != (e.c.FD() < 0) {
			t.Errorf("descriptor %d", e.c.FD())
		}
		f.locked(e, func() {
			for _, s := range []int{300, 0} {
				if err := e.c.SetKeepAlive(s); err != nil {
					t.Error(err)
				}
			}
		})
	})
}

func TestUnspecifiedListenerNamesEachConnection(t *testing.T) {
	got := make(chan string, 1)
	g, err := New(Config{Handler: HandlerFunc(func(c *Conn) (Client, []byte) {
		got <- c.LocalAddr()
		return nil, nil
	})})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	ln, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	g.Serve(ln)
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	nc, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if a := <-got; a != "127.0.0.1:"+port {
		t.Errorf("local address %q", a)
	}
}

func TestDo(t *testing.T) {
	f := serve(t, "tcp", Config{Loops: 2})
	for i := range f.g.Loops() {
		ran := make(chan struct{})
		if err := f.g.Do(i, func() { close(ran) }); err != nil {
			t.Fatal(err)
		}
		<-ran
	}
	if f.g.Do(f.g.Loops(), func() {}) == nil || f.g.Do(-1, func() {}) == nil {
		t.Error("Do accepts a loop that does not exist")
	}
}

// Work posted to a sleeping loop must never be forgotten.
func TestNoLostWakeups(t *testing.T) {
	f := serve(t, "tcp", Config{Loops: 1})
	if f.g.Loops() == 0 {
		t.Skip("no event loops")
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for range 3000 {
				ran := make(chan struct{})
				f.g.Do(0, func() { close(ran) })
				select {
				case <-ran:
				case <-time.After(patience):
					t.Error("the loop did not wake up")
					return
				}
			}
		}()
	}
	wg.Wait()
}
