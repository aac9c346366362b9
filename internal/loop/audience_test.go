//go:build linux

package loop

import (
	"bytes"
	"fmt"
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
