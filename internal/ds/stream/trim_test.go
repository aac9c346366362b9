package stream

import (
	"math/rand/v2"
	"testing"

	"github.com/redstart-db/redstart/internal/mem"
)

// naive is how many entries and nodes trimming removes, found node by node and entry
// by entry.
func naive(s *Stream, t Trim) (entries int64, nodes int) {
	stop := false
	s.Walk(ID{}, func(id ID, lp []byte) bool {
		m := readMaster(lp, id)
		length := int64(s.length) - entries
		switch {
		case t.MaxLen >= 0 && length <= t.MaxLen:
			return false
		case t.Limit > 0 && entries+m.count > t.Limit:
			return false
		case t.MaxLen >= 0 && length-m.count >= t.MaxLen, t.MaxLen < 0 && m.last(lp).Less(t.MinID):
			entries += m.count
			nodes++
			return true
		case t.Approx || stop:
			return false
		}
		for pos := m.entries(lp); lp[pos] != lpEnd; {
			e := m.readEntry(lp, pos)
			pos = e.end(lp)
			if t.MaxLen >= 0 && int64(s.length)-entries <= t.MaxLen || t.MaxLen < 0 && !e.id.Less(t.MinID) {
				break
			}
			if !e.deleted() {
				entries++
			}
		}
		return false
	})
	return entries, nodes
}

// Trimming any part of a large stream leaves what it should, at once, and the rest
// for Purge.
func TestTrim(t *testing.T) {
	const entries = 40_000 // in nodes of ten
	for _, trim := range []Trim{
		{MaxLen: 0}, {MaxLen: 1}, {MaxLen: 12}, {MaxLen: 500}, {MaxLen: 500, Approx: true}, {MaxLen: 9000},
		{MaxLen: entries / 2}, {MaxLen: entries * 8 / 10}, {MaxLen: entries}, {MaxLen: 500, Approx: true, Limit: 7777},
		{MaxLen: -1, MinID: ID{MS: entries - 17}}, {MaxLen: -1, MinID: ID{MS: entries + 5}}, {MaxLen: -1, MinID: ID{MS: entries / 2}},
		{MaxLen: -1, MinID: ID{MS: entries - 17}, Approx: true}, {MaxLen: -1, MinID: ID{MS: 5001}}, {MaxLen: -1},
		{MaxLen: -1, MinID: ID{MS: entries * 9 / 10}, Approx: true, Limit: 20_001},
	} {
		arena := newArena(t, mem.Options{})
		s := newStream(arena)
		for i := range uint64(entries) {
			if !s.Append(ID{MS: i + 1}, [][]byte{[]byte("field"), []byte("value")}, Limits{Entries: 10, Bytes: 4096}) {
				t.Fatal("an entry was refused")
			}
		}
		rnd := rand.New(rand.NewPCG(3, 4))
		for range entries / 10 {
			s.Delete(ID{MS: 1 + rnd.Uint64N(entries)})
		}
		check(t, s)
		want, nodes := naive(s, trim)
		left, size := s.Nodes()-nodes, s.Len()-int(want)
		if got := s.Trim(trim); got != want || s.Nodes() != left || s.Len() != size {
			t.Errorf("%+v removed %d entries, want %d; %d nodes and %d entries are left, want %d and %d", trim, got, want, s.Nodes(), s.Len(), left, size)
		}
		if many := nodes > 2*cutFrom; many && !s.Unpurged() {
			t.Errorf("%+v of %d nodes leaves some to be freed: %v", trim, nodes, s.Unpurged())
		}
		check(t, s)
		s.Purge(100)
		check(t, s)
		if trim.MaxLen%2 == 0 {
			for !s.Purge(100) {
			}
			check(t, s)
		}
		for !s.Drop(100) {
		}
		if live := arena.Live(); live != 0 {
			t.Errorf("%+v leaves %d bytes", trim, live)
		}
	}
}
