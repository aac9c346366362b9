package stream

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/mem"
	"github.com/redstart-db/redstart/tests/peer"
)

// exhausted runs f and tells whether it ran out of memory.
func exhausted(t *testing.T, f func()) (full bool) {
	t.Helper()
	defer func() {
		if v := recover(); v != nil {
			if err, ok := v.(error); !ok || !errors.Is(err, mem.ErrExhausted) {
				panic(v)
			}
			full = true
		}
	}()
	f()
	return false
}

// state is all that a caller can see of a stream.
func state(s *Stream) string {
	b := fmt.Append(nil, s.Len(), s.First(), s.Last(), s.MaxDeleted(), s.Added())
	for c := s.Range(ID{}, MaxID); c.Next(); {
		b = fmt.Append(b, c.ID(), text(&c))
	}
	for _, g := range s.Groups() {
		for _, c := range g.Consumers() {
			b = fmt.Append(b, g.Name(), c.Name())
			for p := g.PendingFrom(ID{}, c); p.Valid(); p.Next() {
				e := p.Pending()
				b = fmt.Append(b, e.ID, e.Consumer.name, e.Time, e.Count)
			}
		}
	}
	return string(b)
}

// TestExhausted lets every operation that takes memory fail, at every point.
func TestExhausted(t *testing.T) {
	seed := peer.Seed(t)
	rnd := rand.New(rand.NewPCG(seed, 0))
	failed := map[string]int{}
	// Chance may have one of them fail seldom: it goes on until there was enough to learn from.
	enough := func() bool { return failed["append"] >= 10 && failed["deliver"] >= 10 && failed["copy"] >= 10 }
	for round := 0; round < 30 || !enough(); round++ {
		if round == 300 {
			t.Fatalf("too few failures to learn from: %v", failed)
		}
		a := newArena(t, mem.Options{Reserve: uint64(rnd.IntN(50)+30) << 12})
		s := newStream(a)
		lim := Limits{Bytes: []int64{300, 4096, 40000}[round%3], Entries: []int64{10, 100, 0}[rnd.IntN(3)]}
		g := s.NewGroup([]byte("g"), ID{}, 0)
		consumers := []*Consumer{g.NewConsumer([]byte("a"), 0), g.NewConsumer([]byte("b"), 0)}
		pairs := [][]byte{[]byte("f"), make([]byte, rnd.IntN(300))}
		for range 1500 {
			before := ""
			if rnd.IntN(30) == 0 {
				before = state(s)
			}
			op, f := "append", func() {
				next, _ := Next(s.Last())
				s.Append(next, pairs, lim)
			}
			if rnd.IntN(2) == 0 {
				op, f = "deliver", func() {
					g.Deliver(id(0, rnd.Uint64N(1500)), consumers[rnd.IntN(2)], 5, 7)
				}
			}
			if exhausted(t, f) {
				failed[op]++
				if err := s.verify(); err != nil || int(a.Live()) != s.Bytes() || before != "" && state(s) != before {
					t.Fatalf("round %d: %s failed half way: %v, %d bytes live of %d", round, op, err, a.Live(), s.Bytes())
				}
				if failed[op]%3 == 0 {
					break
				}
			}
		}
		to := newStream(newArena(t, mem.Options{Reserve: uint64(rnd.IntN(40)+10) << 12}))
		if exhausted(t, func() { s.CopyTo(to) }) {
			failed["copy"]++
		} else if state(s) != state(to) {
			t.Fatalf("round %d: copied wrongly", round)
		}
		drop(t, to)
		for i := uint64(0); s.Len() > 0; i++ { // needs no memory
			if i%2 == 0 || i > 3000 {
				s.Delete(s.First())
			}
			s.Trim(Trim{MinID: id(0, i)})
			if err := s.verify(); err != nil {
				t.Fatalf("round %d: after a removal: %v", round, err)
			}
		}
		drop(t, s)
	}
}

// TestCounters deletes so many entries of one node that its counters become wider.
func TestCounters(t *testing.T) {
	for _, n := range []int{127, 128, 129, 300, 4200, 9000} {
		s := newStream(newArena(t, mem.Options{}))
		for i := range n {
			s.Append(id(0, uint64(i+1)), bytesOf("f", "v"), Limits{})
		}
		c := s.nodes.First()
		s.trim(c.ID(), c.Value().ref())
		for i := range 50 {
			s.Trim(Trim{MaxLen: int64(n - n*i/50)})
			check(t, s)
		}
		for s.Len() > 1 {
			s.Delete(s.First())
			check(t, s)
		}
		s.Walk(ID{}, func(at ID, lp []byte) bool {
			if m := readMaster(lp, at); m.count != 1 || m.deleted != int64(n-1) || listpack.Len(lp) != 5+n*5 {
				t.Fatalf("%d: %+v", n, m)
			}
			return true
		})
		if s.Nodes() != 1 || s.Len() != 1 || s.First() != id(0, uint64(n)) {
			t.Fatalf("%d nodes, first %v", s.Nodes(), s.First())
		}
		drop(t, s)
	}
}
