package stream

import (
	"math/rand/v2"
	"testing"

	"github.com/redstart-db/redstart/internal/mem"
)

// Trimming most of a large stream leaves what plain trimming leaves, and what it
// takes away can be freed.
func TestTrimMost(t *testing.T) {
	const entries = 40_000 // in nodes of ten
	build := func(arena *mem.Arena) *Stream {
		s := new(Stream)
		s.Init(arena)
		for i := range uint64(entries) {
			if !s.Append(ID{MS: i + 1}, [][]byte{[]byte("field"), []byte("value")}, Limits{Entries: 10, Bytes: 4096}) {
				t.Fatal("an entry was refused")
			}
		}
		rnd := rand.New(rand.NewPCG(3, 4))
		for range entries / 10 {
			s.Delete(ID{MS: 1 + rnd.Uint64N(entries)})
		}
		return s
	}
	for _, trim := range []Trim{
		{MaxLen: 0}, {MaxLen: 1}, {MaxLen: 12}, {MaxLen: 500}, {MaxLen: 500, Approx: true}, {MaxLen: 9000}, {MaxLen: entries / 2},
		{MaxLen: -1, MinID: ID{MS: entries - 17}}, {MaxLen: -1, MinID: ID{MS: entries + 5}}, {MaxLen: -1, MinID: ID{MS: entries / 2}},
		{MaxLen: -1, MinID: ID{MS: entries - 17}, Approx: true},
	} {
		arena, err := mem.New(mem.Options{})
		if err != nil {
			t.Fatal(err)
		}
		one, two := build(arena), build(arena)
		want := one.Trim(trim)
		got, rest := two.TrimMost(trim)
		if most := want > entries*6/10; most != (rest != nil) {
			t.Errorf("%+v: rest %v", trim, rest)
		}
		if got += two.Trim(trim); got != want {
			t.Errorf("%+v removed %d entries, want %d", trim, got, want)
		}
		if one.Len() != two.Len() || one.First() != two.First() || one.Last() != two.Last() || one.Nodes() != two.Nodes() || one.bytes != two.bytes {
			t.Errorf("%+v: %d entries from %v to %v in %d nodes of %d bytes, want %d from %v to %v in %d of %d", trim, two.Len(), two.First(), two.Last(),
				two.Nodes(), two.bytes, one.Len(), one.First(), one.Last(), one.Nodes(), one.bytes)
		}
		a, b := one.Range(ID{}, MaxID), two.Range(ID{}, MaxID)
		for a.Next() {
			if !b.Next() || a.ID() != b.ID() {
				t.Fatalf("%+v: %v is missing", trim, a.ID())
			}
		}
		for _, s := range []*Stream{one, two, rest} {
			for s != nil && !s.Drop(100) {
			}
		}
		if live := arena.Live(); live != 0 {
			t.Errorf("%+v leaves %d bytes", trim, live)
		}
		arena.Close()
	}
}
