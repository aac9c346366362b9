package store

import (
	"sync"
	"sync/atomic"
	"testing"
)

// TestHintsWithoutLock asks for hints while others change, empty, flush and swap
// what they look at: in builds that check accesses too, that is allowed.
func TestHintsWithoutLock(t *testing.T) {
	st, err := New(Options{Shards: 1, Databases: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	k := st.Key([]byte("key"))
	var stop atomic.Bool
	var wg sync.WaitGroup
	for db := range 2 {
		wg.Go(func() {
			for !stop.Load() {
				st.Hint(k.H, db)
				st.HintRecord(k.H, db)
			}
		})
	}
	sh := st.ShardOf(k.H)
	for i := range 3000 {
		sh.Lock()
		ks := sh.DB(i % 2)
		e := ks.SetString(k, ks.Find(k), []byte("value"), 0)
		switch i % 5 {
		case 0, 1:
			ks.Remove(k, e)
		case 2:
			st.Flush(i % 2)
		case 3:
			st.Swap(0, 1, 1)
		}
		sh.Unlock()
	}
	stop.Store(true)
	wg.Wait()
}
