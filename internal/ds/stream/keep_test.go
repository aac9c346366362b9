package stream

import (
	"slices"
	"testing"

	"github.com/redstart-db/redstart/internal/mem"
)

// What Keep gives is what the stream was, also when most of it has been moved to
// another one, freed, and its memory used again.
func TestKeep(t *testing.T) {
	arena, err := mem.New(mem.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer arena.Close()
	s := new(Stream)
	s.Init(arena)
	add := func(from, to uint64) {
		for i := from; i < to; i++ {
			s.Append(ID{MS: i}, [][]byte{[]byte("field"), []byte("value")}, Limits{Entries: 10, Bytes: 4096})
		}
	}
	add(1, 40_005)
	var want [][]byte
	var wantIDs []ID
	s.Walk(ID{}, func(id ID, lp []byte) bool {
		want, wantIDs = append(want, slices.Clone(lp)), append(wantIDs, id)
		return true
	})
	k, ids := s.Keep()
	s.Delete(ID{MS: 39_999})
	s.Trim(Trim{MaxLen: 100})
	if !s.Unpurged() {
		t.Fatal("nothing is left to be freed")
	}
	for !s.Purge(50) {
	}
	s.Trim(Trim{MaxLen: 55})
	add(50_000, 90_000)
	if !slices.Equal(ids, wantIDs) || k.Left() != len(want) {
		t.Fatal("the nodes are others")
	}
	for i := range want {
		k.Next(func(data []byte, _ bool) {
			if !slices.Equal(data, want[i]) {
				t.Fatalf("node %d has changed", i)
			}
		})
	}
	s.Unkeep()
	for !s.Drop(1000) {
	}
	if live := arena.Live(); live != 0 {
		t.Errorf("%d bytes are live in the end", live)
	}
}
