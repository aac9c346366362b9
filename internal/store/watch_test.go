package store

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"sync"
	"testing"
)

func TestLockSet(t *testing.T) {
	for _, n := range []int{1, 2, 8, 64} {
		st := newStore(t, Options{Shards: n, Databases: 1, Reserve: 1 << 20})
		if got := bits.OnesCount64(uint64(st.All())); got != n {
			t.Errorf("%d shards: all of them are %d", n, got)
		}
		seen := LockSet(0)
		for i := range 2000 {
			k := st.Key([]byte(fmt.Sprint(i)))
			set := st.Of(k.H)
			if !set.Has(st.ShardOf(k.H)) || bits.OnesCount64(uint64(set)) != 1 {
				t.Fatalf("%d shards: key %d is in shard %d, its set is %b", n, i, st.ShardOf(k.H).ID(), set)
			}
			seen |= set
		}
		if seen != st.All() {
			t.Errorf("%d shards: keys are in %b only", n, seen)
		}
		some := seen & 0x5a5a_5a5a_5a5a_5a5a
		st.Lock(some)
		for i := range n {
			sh := st.Shard(i)
			if free := sh.TryLock(); free == some.Has(sh) {
				t.Errorf("%d shards: shard %d is locked: %v", n, i, !free)
			} else if free {
				sh.Unlock()
			}
		}
		st.Unlock(some)
		st.Lock(st.All())
		st.Unlock(st.All())
	}
}

func TestWatchers(t *testing.T) {
	st := newStore(t, Options{Shards: 2, Databases: 3, Reserve: 16 << 20})
	set := func(db int, name string, at int64) {
		ks, k := st.at(db, name)
		ks.SetString(k, ks.Find(k), []byte("v"), at)
	}
	for _, c := range []struct {
		name  string
		act   func()
		wants bool
	}{
		{"touched", func() { ks, k := st.at(1, "k"); ks.Touch(k.B) }, true},
		{"another key", func() { ks, k := st.at(1, "other"); ks.Touch(k.B) }, false},
		{"another database", func() { ks, k := st.at(0, "k"); ks.Touch(k.B) }, false},
		{"expired", func() { set(1, "k", 10); ks, k := st.at(1, "k"); ks.Lookup(k, 10) }, true},
		{"expired by the cycle", func() { set(1, "k", 10); ks, _ := st.at(1, "k"); ks.Expire(1000, 100) }, true},
		{"flushed", func() { set(1, "k", 0); st.Flush(1) }, true},
		{"flushed without the key", func() { set(1, "other", 0); st.Flush(1) }, false},
		{"another flushed", func() { set(0, "k", 0); st.Flush(0) }, false},
		{"swapped away", func() { set(1, "k", 0); st.Swap(1, 2, 0) }, true},
		{"swapped in", func() { set(2, "k", 0); st.Swap(1, 2, 0) }, true},
		{"swapped without the key", func() { set(2, "other", 0); st.Swap(1, 2, 0) }, false},
		{"others swapped", func() { set(0, "k", 0); st.Swap(0, 2, 0) }, false},
	} {
		for db := range 3 {
			st.Flush(db)
		}
		ks, k := st.at(1, "k")
		var w, too Watcher
		sh := ks.Shard()
		sh.Watch(1, "k", &w)
		sh.Watch(1, "k", &too)
		c.act()
		if got := w.Changed.Load(); got != c.wants || too.Changed.Load() != c.wants {
			t.Errorf("%s: changed is %v, want %v", c.name, got, c.wants)
		}
		sh.Unwatch(1, "k", &w)
		w.Changed.Store(false)
		too.Changed.Store(false)
		ks, _ = st.at(1, "k")
		if ks.Touch(k.B); w.Changed.Load() || !too.Changed.Load() {
			t.Errorf("%s: after one of two unwatched", c.name)
		}
		sh.Unwatch(1, "k", &too)
		if len(sh.watchers) != 0 {
			t.Errorf("%s: %d keys are still watched", c.name, len(sh.watchers))
		}
	}
}

// Many goroutines work on the same keys under the locks of their shards, with
// the expiry cycle, flushes and swaps among them.
func TestTogether(t *testing.T) {
	st := newStore(t, Options{Shards: 4, Databases: 2, Reserve: 64 << 20})
	st.SetTime(1 * 1000)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(g), 5))
			var w Watcher
			for i := range 4000 {
				a := st.Key([]byte(fmt.Sprint("key", rnd.IntN(200))))
				b := st.Key([]byte(fmt.Sprint("key", rnd.IntN(200))))
				db, now := rnd.IntN(2), int64(1000+i)
				set := st.Of(a.H) | st.Of(b.H)
				switch n := rnd.IntN(200); {
				case n == 0:
					st.Lock(st.All())
					st.Flush(db)
					st.Unlock(st.All())
				case n == 1:
					st.Lock(st.All())
					st.Swap(0, 1, 0)
					st.Unlock(st.All())
				case n < 20:
					sh := st.Shard(rnd.IntN(4))
					sh.Lock()
					sh.DB(db).Expire(now, 20)
					sh.Reclaim(50)
					sh.arena.Trim(1 << 16)
					sh.Unlock()
				case n < 40:
					st.Lock(set)
					st.ShardOf(a.H).Watch(db, string(a.B), &w)
					st.Unlock(set)
					_ = w.Changed.Load()
					st.Lock(set)
					st.ShardOf(a.H).Unwatch(db, string(a.B), &w)
					st.Unlock(set)
				default:
					st.Lock(set)
					src, dst := st.ShardOf(a.H).DB(db), st.ShardOf(b.H).DB(db)
					at := int64(0)
					if rnd.IntN(2) == 0 {
						at = now + rnd.Int64N(2000) + 1
					}
					e := src.SetString(a, src.Lookup(a, now), make([]byte, rnd.IntN(3000)), at)
					e.Used()
					src.Touch(a.B)
					old := dst.Lookup(b, now)
					if e = src.Find(a); e.Ok() && string(a.B) != string(b.B) {
						dst.Copy(b, old, e, at)
					}
					st.Unlock(set)
				}
			}
		})
	}
	wg.Wait()
	for i := range st.Shards() {
		checkShard(t, st.Shard(i))
	}
	st.Flush(0)
	st.Flush(1)
	checkEmpty(t, st)
}
