package store

import "testing"

// TestSpare makes strings of 100,000 bytes at once, and by appending to them: the former
// take no more than they need, and of the latter each byte is copied a few times only.
func TestSpare(t *testing.T) {
	const size = 100_000
	st := newStore(t, Options{Shards: 1})
	ks := st.Shard(0).DB(0)
	for _, first := range []int{0, 10, 3000} {
		k := st.Key([]byte("k"))
		e := ks.Find(k)
		if first > 0 {
			e, _ = ks.Resize(k, e, first)
		}
		before := ks.arena.Live()
		if e, _ = ks.Resize(k, e, size); ks.arena.Live()-before > size+size/8 {
			t.Errorf("a string of %d bytes that had %d takes %d more", size, first, ks.arena.Live()-before)
		}
		ks.Remove(k, e)
	}
	k := st.Key([]byte("k"))
	moves, room := 0, 0
	for n := 10; n < size; n += 10 {
		e, _ := ks.Resize(k, ks.Find(k), n)
		if r := e.room(); r != room {
			moves, room = moves+1, r
		}
	}
	if moves > 100 { // one for each class of blocks that are in the record, then by quarters
		t.Errorf("it got more room %d times", moves)
	}
}
