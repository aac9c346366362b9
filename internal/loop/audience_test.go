//go:build linux

package loop

import (
	"bytes"
	"fmt"
	"net"
	"testing"
	"time"
)

// TestAudience sends to many at once and to single ones in between: each receives
// what is for it, in order.
func TestAudience(t *testing.T) {
	f := serve(t, "tcp", Config{Loops: 1})
	const members, rounds = 10, 200
	var conns []*Conn
	var sent [members]bytes.Buffer
	readers := make([]func(n int) []byte, members)
	for i := range members {
		nc, e := f.connect()
		conns = append(conns, e.c)
		readers[i] = func(n int) []byte {
			b := make([]byte, n)
			nc.SetReadDeadline(time.Now().Add(patience))
			for have := 0; have < n; {
				k, err := nc.Read(b[have:])
				if err != nil {
					t.Fatalf("member %d after %d bytes: %v", i, have, err)
				}
				have += k
			}
			return b
		}
	}
	all, even := NewAudience(conns), NewAudience([]*Conn{conns[0], conns[2], conns[4], conns[6], conns[8]})
	if all == nil || even == nil {
		t.Fatal("no audience of one loop")
	}
	for n := range rounds {
		text := fmt.Appendf(nil, "round %d\n", n)
		switch n % 3 {
		case 0:
			all.Push(text)
			for i := range sent {
				sent[i].Write(text)
			}
		case 1:
			even.Push(text)
			for i := 0; i < members; i += 2 {
				sent[i].Write(text)
			}
		case 2:
			i := n % members
			conns[i].Push(text)
			sent[i].Write(text)
		}
		if n%50 == 0 {
			time.Sleep(time.Millisecond)
		}
	}
	for i, read := range readers {
		if got := read(sent[i].Len()); !bytes.Equal(got, sent[i].Bytes()) {
			t.Errorf("member %d received %q", i, got)
		}
		eventually(t, "nothing is pending", func() bool { return conns[i].Pending() == 0 })
	}
}

// TestAudienceLastWords has a connection end behind what it was sent together with
// others, and others go on.
func TestAudienceLastWords(t *testing.T) {
	f := serve(t, "tcp", Config{Loops: 1})
	one, a := f.connect()
	two, b := f.connect()
	g := NewAudience([]*Conn{a.c, b.c})
	g.Push([]byte("to both\n"))
	a.c.Push([]byte("last words\n"))
	a.c.CloseAfterFlush()
	g.Push([]byte("to whoever is there\n"))
	want(t, one, "to both\nlast words\n")
	wantEnd(t, one)
	want(t, two, "to both\nto whoever is there\n")
	<-a.closed
	g.Push([]byte("again\n"))
	want(t, two, "again\n")
}

// TestAudienceInShares sends to more than one round takes: the loop goes on meanwhile, what is sent to the same audience
// joins, and everybody receives everything in the order in which it was sent, replies included.
func TestAudienceInShares(t *testing.T) {
	f := serve(t, "tcp", Config{Loops: 1})
	const members = 4 * castTurn
	peers := make([]net.Conn, members)
	conns := make([]*Conn, members)
	for i := range members {
		nc, e := f.connect()
		peers[i], conns[i] = nc, e.c
	}
	all, last := NewAudience(conns), members-1
	p := all.p
	// The loop runs then in the first round after casting begun in which some have been sent a cast and others have not.
	midway := func(then func()) {
		rounds := 0
		var look func()
		look = func() {
			if p.casting.begun > 0 {
				then()
			} else if rounds++; rounds < 100 {
				f.g.Do(0, look)
			} else {
				t.Error("all are sent it in one round")
			}
		}
		f.g.Do(0, look)
	}

	f.g.Do(0, func() {
		all.Push([]byte("first\n"))
		midway(func() {
			conns[last].Push([]byte("to the last\n"))
			all.Push([]byte("second\n"))
			conns[last].Push([]byte("and again\n"))
			all.Push([]byte("third\n"))
			f.g.Do(0, func() { // in the next reading of the inbox, or the one after that
				all.Push([]byte("fourth\n"))
			})
		})
	})
	for i, nc := range peers {
		if i == last {
			want(t, nc, "first\nto the last\nsecond\nand again\nthird\nfourth\n")
		} else {
			want(t, nc, "first\nsecond\nthird\nfourth\n")
		}
	}

	// What comes while an audience is sent something joins what it will be sent next.
	joined := make(chan int, 1)
	f.g.Do(0, func() {
		all.Push([]byte("first\n"))
		midway(func() {
			p.readCasts([]cast{{to: all, b: []byte("second\n")}})
			p.readCasts([]cast{{to: all, b: []byte("third\n")}})
			joined <- len(p.casting.casts) - p.casting.head
		})
	})
	if n := <-joined; n != 2 {
		t.Errorf("%d casts are left, of which one is being sent and one should be of two that joined", n)
	}
	for _, nc := range peers {
		want(t, nc, "first\nsecond\nthird\n")
	}

	// The member whose turn comes last asks for something before that.
	f.g.Do(0, func() {
		all.Push([]byte("before\n"))
		midway(func() { peers[last].Write([]byte("request\n")) })
	})
	want(t, peers[last], "before\nrequest\n")
	for _, nc := range peers[:last] {
		want(t, nc, "before\n")
	}
	eventually(t, "nothing is left", func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return !p.castsLeft && len(p.inbox.casts) == 0
	})
}
