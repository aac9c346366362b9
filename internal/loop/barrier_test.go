package loop

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// gate is a barrier that is opened by hand.
type gate struct {
	mu      sync.Mutex
	moved   sync.Cond
	marks   uint64 // given out
	reached uint64
	broken  bool
}

func newGate() *gate {
	g := new(gate)
	g.moved.L = &g.mu
	return g
}

func (g *gate) Holds() bool { return true }

func (g *gate) Mark() uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.marks++
	g.moved.Broadcast()
	return g.marks
}

func (g *gate) Press() (done, soon bool) { return true, false }

func (g *gate) Signal() int { return -1 }

func (g *gate) Landed() {}

func (g *gate) Underway() uint64 { return 0 }

func (g *gate) Reached(mark uint64) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return mark <= g.reached
}

func (g *gate) Wait(mark uint64) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for mark > g.reached && !g.broken {
		g.moved.Wait()
	}
	return mark <= g.reached
}

// await returns when so many marks have been asked for.
func (g *gate) await(marks uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.marks < marks {
		g.moved.Wait()
	}
}

func (g *gate) open(to uint64, group *Group) {
	g.mu.Lock()
	g.reached = to
	g.moved.Broadcast()
	g.mu.Unlock()
	group.Pass()
}

// Neither replies nor pushes leave before the barrier lets them, and then in order.
func TestBarrier(t *testing.T) {
	for _, d := range drivers {
		t.Run(d, func(t *testing.T) {
			g := newGate()
			f := serve(t, d, Config{Loops: 1, Barrier: g})
			nc, e := f.connect()
			send1(t, nc, "x\n")
			g.await(1)
			e.c.Push([]byte("y\n"))
			nc.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
			if n, err := nc.Read(make([]byte, 16)); err == nil {
				t.Fatalf("%d bytes came through", n)
			}
			nc.SetReadDeadline(time.Time{})
			g.open(1<<60, f.g)
			want(t, nc, "x\ny\n")
			e.hook(f, func(string) { e.c.Push([]byte("behind\n")) })
			send1(t, nc, "z\n")
			want(t, nc, "z\nbehind\n")
		})
	}
}

// While one round waits the loop serves others.
func TestBarrierDoesNotStopTheLoop(t *testing.T) {
	g := newGate()
	f := serve(t, "tcp", Config{Loops: 1, Barrier: g})
	if f.g.Loops() == 0 {
		t.Skip("no event loops")
	}
	a, _ := f.connect()
	b, _ := f.connect()
	var all strings.Builder
	for i := range 50 {
		line := fmt.Sprintf("%d%s\n", i, strings.Repeat("-", 3000))
		all.WriteString(line)
		send1(t, a, line)
		g.await(uint64(i + 1))
	}
	send1(t, b, "b\n")
	g.await(51)
	g.open(10, f.g)
	g.open(51, f.g)
	want(t, b, "b\n")
	want(t, a, all.String())
	g.open(1<<60, f.g)
	send1(t, a, "more\n")
	want(t, a, "more\n")
}

// A loop that ends sends what may leave, and drops what never will.
func TestBarrierAtTheEnd(t *testing.T) {
	for _, broken := range []bool{false, true} {
		g := newGate()
		f := serve(t, "tcp", Config{Loops: 1, Barrier: g})
		nc, _ := f.connect()
		send1(t, nc, "x\n")
		g.await(1)
		g.mu.Lock()
		g.broken = broken
		g.mu.Unlock()
		if !broken {
			time.AfterFunc(10*time.Millisecond, func() { g.open(1, f.g) })
		}
		f.g.Close()
		b := make([]byte, 16)
		n, _ := nc.Read(b)
		if sent := string(b[:n]); (sent == "x\n") == broken {
			t.Errorf("broken %v: got %q", broken, sent)
		}
	}
}
