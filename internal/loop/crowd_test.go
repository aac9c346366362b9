//go:build linux

package loop

import (
	"fmt"
	"net"
	"sync"
	"testing"
	"time"
)

// Connections are counted once in an era, and the next era tells how many they were.
func TestCrowdCounts(t *testing.T) {
	c := crowd{era: 1}
	socks := make([]sock, 20)
	for round := range 2 * crowdRounds {
		c.joins(&socks[round%len(socks)])
		c.joins(&socks[round%len(socks)])
		c.round()
		if want := (round + 1) / crowdRounds * len(socks); c.size != min(want, len(socks)) {
			t.Fatalf("after round %d there are %d connections, %d expected", round, c.size, min(want, len(socks)))
		}
	}
	for range crowdRounds {
		c.round()
	}
	if c.size != 0 {
		t.Fatalf("%d connections that did nothing are counted", c.size)
	}
}

// A crowd is noticed, everybody in it gets every reply, and it is forgotten when it is gone.
func TestCrowdIsServed(t *testing.T) {
	f := serve(t, "tcp", Config{Loops: 1})
	size := func() int {
		was := make(chan int, 1)
		f.g.Do(0, func() { was <- f.g.pollers[0].crowd.size })
		return <-was
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for i := range 2 * crowdSize {
		nc, _ := f.connect()
		wg.Go(func() { talk(t, nc, i, stop) })
	}
	eventually(t, "the loop knows of the crowd", func() bool { return size() >= crowdSize })
	close(stop)
	wg.Wait()
	eventually(t, "the loop has forgotten the crowd", func() bool { return size() < crowdSize })
}

// talk sends one line at a time, and waits for its echo, until stop.
func talk(t *testing.T, nc net.Conn, id int, stop <-chan struct{}) {
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		default:
		}
		line := fmt.Sprintf("%d of %d\n", i, id)
		nc.SetDeadline(time.Now().Add(patience))
		if _, err := nc.Write([]byte(line)); err != nil {
			t.Error(err)
			return
		}
		got := make([]byte, len(line))
		for n := 0; n < len(got); {
			k, err := nc.Read(got[n:])
			if err != nil {
				t.Error(err)
				return
			}
			n += k
		}
		if string(got) != line {
			t.Errorf("%q came back as %q", line, got)
			return
		}
	}
}
