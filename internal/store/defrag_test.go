package store

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// Values of mixed sizes of which many are removed leave holes; a few walks close
// most of them, and every key keeps its value and its deadline.
func TestDefrag(t *testing.T) {
	st := newStore(t, Options{Shards: 1})
	sh := st.Shard(0)
	ks := sh.DB(0)
	rnd := rand.New(rand.NewPCG(1, 2))
	const keys = 40_000
	value := func(i int) []byte {
		b := make([]byte, 20+i*7919%300)
		if i%500 == 0 {
			b = make([]byte, 3000)
		}
		for j := range b {
			b[j] = byte(i + j)
		}
		return b
	}
	deadline := func(i int) int64 { return int64(i%3) * (1 << 40) }
	key := func(i int) Key { return st.Key(fmt.Appendf(nil, "key:%d", i)) }
	for i := range keys {
		k := key(i)
		ks.SetString(k, ks.Find(k), value(i), deadline(i))
	}
	left := map[int]bool{}
	for i := range keys {
		if rnd.IntN(4) > 0 {
			k := key(i)
			ks.Remove(k, ks.Find(k))
		} else {
			left[i] = true
		}
	}
	used := func() float64 {
		s := sh.arena.Stats()
		return float64(s.Resident-s.FreeDirty) / float64(s.Live)
	}
	before := used()
	var d Defrag
	for range 3 {
		for !d.Step(sh) {
		}
	}
	if after := used(); before < 1.5 || after > 1.2 {
		t.Errorf("%.2f of the live bytes are taken before, %.2f after", before, after)
	}
	if d.Moved == 0 {
		t.Error("nothing was moved")
	}
	for i := range keys {
		e := ks.Find(key(i))
		if e.Ok() != left[i] {
			t.Fatalf("key %d: there %v, want %v", i, e.Ok(), left[i])
		}
		if e.Ok() && (string(e.Bytes(new(Scratch))) != string(value(i)) || e.Deadline() != deadline(i)) {
			t.Fatalf("key %d has changed", i)
		}
	}
	checkShard(t, sh)
}
