package stream

import (
	"math"
	"strconv"
	"testing"

	"github.com/redstart-db/redstart/internal/mem"
)

func TestNextID(t *testing.T) {
	s := newStream(newArena(t, mem.Options{}))
	add := func(id ID, ok bool) {
		t.Helper()
		if !ok || !s.Append(id, bytesOf("f", "v"), Limits{}) {
			t.Fatalf("%v cannot be added", id)
		}
	}
	add(s.NextID(0))
	if s.Last() != id(0, 1) {
		t.Fatalf("the first ID at 0 is %v", s.Last())
	}
	add(s.NextID(7))
	add(s.NextID(3)) // the clock went back
	if s.Last() != id(7, 1) {
		t.Fatalf("the ID is %v", s.Last())
	}
	if _, ok := s.NextIn(6); ok {
		t.Error("an ID in the past")
	}
	add(s.NextIn(7))
	add(s.NextIn(9))
	if s.Last() != id(9, 0) {
		t.Fatalf("the ID is %v", s.Last())
	}
	add(id(9, math.MaxUint64), true)
	if _, ok := s.NextIn(9); ok {
		t.Error("the second part wraps around")
	}
	add(s.NextID(9))
	if s.Last() != id(10, 0) {
		t.Fatalf("the ID is %v", s.Last())
	}
	add(MaxID, true)
	if _, ok := s.NextID(11); ok {
		t.Error("there is an ID above the greatest")
	}
	if p, ok := Prev(id(5, 0)); !ok || p != id(4, math.MaxUint64) {
		t.Errorf("before 5-0 is %v", p)
	}
	if _, ok := Prev(ID{}); ok {
		t.Error("there is an ID before 0-0")
	}
}

func TestTooLarge(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a gigabyte of address space")
	}
	s := newStream(newArena(t, mem.Options{}))
	half := make([]byte, MaxEntry/2)
	if s.Append(id(1, 1), [][]byte{half, half, half[:1], nil}, Limits{}) {
		t.Error("an entry of more than a gigabyte was added")
	}
	check(t, s)
}

// fill adds entries of three fields, as users' events would be.
func fill(s *Stream, n int, lim Limits) {
	pairs := bytesOf("user_id", "", "action", "purchase", "amount", "99.99")
	for i := range n {
		pairs[1] = strconv.AppendInt(pairs[1][:0], int64(i+1), 10)
		s.Append(id(uint64(i+1), 0), pairs, lim)
	}
}

// TestSize holds the memory of an entry to a bound.
func TestSize(t *testing.T) {
	const n, bound = 200_000, 31.5
	s := newStream(newArena(t, mem.Options{}))
	fill(s, n, Limits{Bytes: 4096, Entries: 100})
	per := float64(s.Bytes()) / n
	resident := float64(s.arena.Stats().Resident) / n
	t.Logf("%.2f bytes an entry, %.2f resident", per, resident)
	if per > bound || resident > bound+1 {
		t.Errorf("%.2f bytes an entry, %.2f resident; the bound is %v", per, resident, bound)
	}
}

// TestPendingSize holds the memory of a pending entry to a bound.
func TestPendingSize(t *testing.T) {
	const n, bound = 200_000, 66
	s := newStream(newArena(t, mem.Options{}))
	g := s.NewGroup([]byte("g"), ID{}, 0)
	c := g.NewConsumer([]byte("c"), 0)
	for i := range uint64(n) {
		g.Deliver(id(i, 0), c, 1, 1)
	}
	if per := float64(s.Bytes()) / n; per > bound {
		t.Errorf("%.2f bytes a pending entry", per)
	}
}

func TestNoAllocations(t *testing.T) {
	s := newStream(newArena(t, mem.Options{}))
	lim := Limits{Bytes: 4096, Entries: 100}
	fill(s, 1000, lim)
	g := s.NewGroup([]byte("g"), ID{}, 0)
	c := g.NewConsumer([]byte("c"), 0)
	pairs := bytesOf("user_id", "12", "action", "purchase", "amount", "99.99")
	var sink int
	allocs := testing.AllocsPerRun(1000, func() {
		next, _ := s.NextID(0)
		s.Append(next, pairs, lim)
		g.Deliver(next, c, 1, 1)
		for it := s.RangeBack(MaxID, id(1, 1)); it.Next() && sink < 100; sink++ {
			_, v := it.Pair()
			sink += v.Len()
		}
		for it := s.Range(s.First(), MaxID); it.Next() && sink < 100; sink++ {
			_, v := it.Pair()
			sink += v.Len()
		}
		g.Ack(next)
		s.Delete(next)
		s.Trim(Trim{MaxLen: int64(s.Len()) - 1, Approx: true})
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func BenchmarkAppend(b *testing.B) {
	s := newStream(newArena(b, mem.Options{}))
	b.ReportAllocs()
	fill(s, b.N, Limits{Bytes: 4096, Entries: 100})
}

func BenchmarkRange100(b *testing.B) {
	s := newStream(newArena(b, mem.Options{}))
	fill(s, 10_000, Limits{Bytes: 4096, Entries: 100})
	sum := 0
	for i := range b.N {
		from := id(uint64(i*37%9000), 0)
		c := s.Range(from, MaxID)
		for n := 0; n < 100 && c.Next(); n++ {
			for range c.Fields() {
				_, v := c.Pair()
				sum += v.Len()
			}
		}
	}
}

func BenchmarkDeliverAck(b *testing.B) {
	s := newStream(newArena(b, mem.Options{}))
	g := s.NewGroup([]byte("g"), ID{}, 0)
	c := g.NewConsumer([]byte("c"), 0)
	for i := range uint64(10_000) {
		g.Deliver(id(i, 0), c, 1, 1)
	}
	for i := range uint64(b.N) {
		g.Deliver(id(i+10_000, 0), c, 1, 1)
		g.Ack(id(i, 0))
	}
}

// TestDefrag has every other node, and most pending entries, go, and then the
// blocks of those that stay moved together.
func TestDefrag(t *testing.T) {
	a := newArena(t, mem.Options{})
	s, gone := newStream(a), newStream(a)
	lim := Limits{Bytes: 500}
	g := s.NewGroup([]byte("g"), ID{}, 0)
	c := g.NewConsumer([]byte("c"), 0)
	for i := range uint64(60_000) {
		to := gone
		if i/100%10 == 0 {
			to = s
		}
		to.Append(id(i, 1), bytesOf("field", "a value of some length", "n", strconv.Itoa(int(i))), lim)
		g.Deliver(id(i, 1), c, int64(i), i)
	}
	for i := range uint64(60_000) {
		if i%10 != 0 {
			g.Ack(id(i, 1))
		}
	}
	want := state(s)
	for !gone.Drop(1000) {
	}
	sparse := func() (n int) {
		for it := s.nodes.First(); it.Valid(); it.Next() {
			if a.Sparse(it.Value().ref()) {
				n++
			}
		}
		for it := g.pending.First(); it.Valid(); it.Next() {
			if a.Sparse(it.Value()) {
				n++
			}
		}
		return n
	}
	before := sparse()
	for range 3 {
		for pos, done := uint32(0), false; !done; {
			pos, done = s.Defrag(pos)
		}
	}
	if after := sparse(); before < 5000 || after > before/100 {
		t.Errorf("%d blocks were in sparse spans, %d are still", before, after)
	}
	if state(s) != want {
		t.Error("the stream has changed")
	}
	check(t, s)
}

// TestRemoveConsumer removes consumers whose pending entries lie together, and some
// that share theirs out.
func TestRemoveConsumer(t *testing.T) {
	s := newStream(newArena(t, mem.Options{}))
	g := s.NewGroup([]byte("g"), ID{}, 0)
	var consumers []*Consumer
	for i := range 7 {
		consumers = append(consumers, g.NewConsumer([]byte{byte('a' + i)}, 0))
	}
	want := map[ID]*Consumer{}
	for i := range uint64(20_000) {
		c := consumers[i/500%4]
		if i/3000%2 == 1 {
			c = consumers[4+i%3]
		}
		g.Deliver(id(i, 0), c, 1, 1)
		want[id(i, 0)] = c
	}
	for round, i := range []int{5, 0, 3, 6, 1, 2, 4} {
		s.RemoveConsumer(g, consumers[i])
		for range round % 3 * 10 {
			s.Purge(100)
		}
		check(t, s)
		first, last := MaxID, ID{}
		for at, c := range want {
			if p, ok := g.Pending(at); ok != (c != consumers[i]) || ok && p.Consumer != c {
				t.Fatalf("without consumer %d, %v is pending as %+v", i, at, p)
			}
			if c == consumers[i] {
				delete(want, at)
				continue
			}
			if at.Less(first) {
				first = at
			}
			if last.Less(at) {
				last = at
			}
		}
		if g.Len() != len(want) {
			t.Fatalf("%d are pending, want %d", g.Len(), len(want))
		}
		n := 0
		for p := g.PendingFrom(ID{}, nil); p.Valid(); p.Next() {
			if c := want[p.ID()]; c == nil || p.Pending().Consumer != c {
				t.Fatalf("%v is pending", p.ID())
			}
			n++
		}
		if n != len(want) {
			t.Fatalf("%d are found, want %d", n, len(want))
		}
		if len(want) > 0 {
			if f, l := g.PendingFrom(ID{}, nil), g.PendingLast(); f.ID() != first || l.ID() != last {
				t.Fatalf("from %v to %v, want %v to %v", f.ID(), l.ID(), first, last)
			}
		} else if p := g.PendingLast(); p.Valid() {
			t.Fatal("something is pending")
		}
	}
	for !s.Purge(100) {
	}
	if check(t, s); g.pending.Len() > 0 || len(g.slots) == 0 {
		t.Fatalf("%d entries are left", g.pending.Len())
	}
}

// TestRemovedAgain delivers to others, and to new ones of the same name, what was pending
// for consumers that were removed.
func TestRemovedAgain(t *testing.T) {
	s := newStream(newArena(t, mem.Options{}))
	g := s.NewGroup([]byte("g"), ID{}, 0)
	other := g.NewConsumer([]byte("other"), 0)
	for round := range 3 {
		c := g.NewConsumer([]byte("c"), 0)
		for i := range uint64(1000) {
			g.Deliver(id(i, 0), c, int64(round), 1)
		}
		s.RemoveConsumer(g, c)
		if g.Ack(id(5, 0)) || g.Len() != 0 || g.Consumer([]byte("c")) != nil || !s.Unpurged() {
			t.Fatal("the consumer is still there")
		}
		check(t, s)
	}
	for i := range uint64(1000) {
		g.Deliver(id(i, 0), other, 9, 2)
	}
	if check(t, s); g.Len() != 1000 || other.Len() != 1000 || len(g.removed) > 0 {
		t.Fatalf("%d are pending", g.Len())
	}
	if !s.Purge(1) || g.Len() != 1000 {
		t.Fatal("there is something to purge")
	}
	drop(t, s)
}
