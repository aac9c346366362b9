package hits

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/redstart-db/redstart/internal/clock"
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/command/strings"
	"github.com/redstart-db/redstart/internal/config"
	"github.com/redstart-db/redstart/internal/exec"
	"github.com/redstart-db/redstart/internal/oplog"
	"github.com/redstart-db/redstart/internal/stats"
	"github.com/redstart-db/redstart/internal/store"
)

func TestExactCaches(t *testing.T) {
	for _, c := range []struct {
		name  string
		cache Cache
		want  string // h for hit, m for miss
	}{
		{"LRU", LRU(2), "mhmmhm"}, // 3 takes the place of 1
		{"LFU", LFU(2), "mhmmmh"}, // 3 takes that of 2, which takes it back
	} {
		got := ""
		for _, key := range []uint32{1, 1, 2, 3, 2, 1} {
			if c.cache.Get(key) {
				got += "h"
			} else {
				got += "m"
			}
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// server is the path of a command in this process, with a clock that the trace moves.
type server struct {
	*exec.Exec
	cl    *exec.Client
	clock *clock.Clock
	step  time.Duration // between requests
	now   int
	set   [][]byte
	keys  int64 // sum of the number of keys after each request
}

// newServer has room for a number of keys.
func newServer(t *testing.T, policy config.MaxMemoryPolicy, samples, capacity int, step time.Duration) *server {
	st, err := store.New(store.Options{Shards: 4, Databases: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	cfg := config.Default()
	cfg.MaxMemoryPolicy, cfg.MaxMemorySamples, cfg.MaxMemoryEvictionTenacity = policy, samples, 100
	s := &server{clock: clock.NewFake(1_700_000_000_000), step: step}
	env := &command.Env{Store: st, Config: cfg, Clock: s.clock, Log: new(oplog.Log)}
	s.Exec = exec.New(env, stats.NewSlowLog(1), new(stats.LatencyMonitor))
	if env.Table, err = command.NewTable(nil, strings.Specs(), s.TransactionSpecs()); err != nil {
		t.Fatal(err)
	}
	st.SetHooks(s.Exec)
	s.Start(1, 1)
	s.cl = s.NewClient(nil, 0)
	lfu := policy == config.AllKeysLFU || policy == config.VolatileLFU
	st.LFU = store.LFU{On: lfu, LogFactor: cfg.LFULogFactor, Decay: cfg.LFUDecayTime}
	st.SetFine(!lfu)
	st.SetTime(s.clock.NowMilli())

	s.set = [][]byte{[]byte("SET"), nil, make([]byte, 100)}
	if policy == config.VolatileLRU || policy == config.VolatileLFU {
		s.set = append(s.set, []byte("EX"), []byte("100000"))
	}
	// What as many keys take is the limit.
	s.locked(func() { st.SetLimit(store.NoLimit - 1) }) // now there is an account
	for key := range capacity {
		s.put(uint32(key) + 1<<31)
	}
	s.locked(func() {
		st.SetLimit(store.NoLimit - 2)
		full := st.Noted()
		st.Flush(0)
		for i := range st.Shards() {
			for st.Shard(i).Reclaim(1000) {
			}
		}
		st.SetLimit(full)
	})
	return s
}

func (s *server) locked(f func()) {
	s.Store.Lock(s.Store.All())
	defer s.Store.Unlock(s.Store.All())
	f()
}

func (s *server) put(key uint32) {
	s.set[1] = strconv.AppendUint(nil, uint64(key)+1<<32, 10)
	s.cl.Do(nil, s.set...)
}

const cronTick = 10 * time.Millisecond

func (s *server) Get(key uint32) bool {
	if s.now++; s.now%64 == 0 {
		s.clock.Advance(64 * s.step)
	}
	if s.now%int(cronTick/s.step) == 0 { // as the server's cron does
		s.Store.SetTime(s.clock.NowMilli())
	}
	s.keys += int64(s.Store.Len(0))
	out := s.cl.Do(nil, []byte("GET"), strconv.AppendUint(nil, uint64(key)+1<<32, 10))
	if len(out) > 5 { // not $-1
		return true
	}
	s.put(key)
	return false
}

// TestRatio compares the ratio of hits with that of exact caches that hold as many keys.
func TestRatio(t *testing.T) {
	const keys, requests, warm = 20_000, 150_000, 50_000
	for _, c := range []struct {
		policy  config.MaxMemoryPolicy
		name    string
		exact   func(int) Cache
		percent int // of the keys that there is room for
		drift   int
	}{
		{config.AllKeysLRU, "allkeys-lru", LRU, 2, 0},
		{config.AllKeysLRU, "allkeys-lru", LRU, 5, 5000},
		{config.AllKeysLRU, "allkeys-lru", LRU, 20, 0},
		{config.VolatileLRU, "volatile-lru", LRU, 5, 0},
		{config.AllKeysLFU, "allkeys-lfu", LFU, 1, 0},
		{config.AllKeysLFU, "allkeys-lfu", LFU, 5, 5000},
		{config.AllKeysLFU, "allkeys-lfu", LFU, 20, 0},
		{config.VolatileLFU, "volatile-lfu", LFU, 5, 0},
	} {
		t.Run(fmt.Sprintf("%s-%d%%-drift=%d", c.name, c.percent, c.drift), func(t *testing.T) {
			t.Parallel()
			trace := Zipf(requests, keys, 0.99, c.drift, rand.New(rand.NewPCG(1, 2)))
			s := newServer(t, c.policy, 5, keys*c.percent/100, 10*time.Microsecond)
			got := 100 * Replay(s, trace, warm)
			capacity := int(s.keys / requests)
			want := 100 * Replay(c.exact(capacity), trace, warm)
			t.Logf("%d keys: %.2f %%, exactly %.2f %%", capacity, got, want)
			if got < want-2 {
				t.Errorf("hits %.2f %%, an exact cache of %d keys %.2f %%", got, capacity, want)
			}
		})
	}
}
