package exec

import (
	"bytes"
	"math"
	"math/bits"
	"math/rand/v2"
	"sync/atomic"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/config"
	"github.com/redstart-db/redstart/internal/resp"
	"github.com/redstart-db/redstart/internal/store"
)

// candidate is a key that may be evicted.
type candidate struct {
	key   []byte
	hash  uint64
	db    int
	score uint64 // the higher, the better it is to evict
}

// evictPool keeps the best candidates that a worker has come upon, so that each sample
// adds to what earlier ones found. The worker's lock guards it.
//
// Invariant: list[:n] is sorted by score, the best last.
type evictPool struct {
	list   [poolSize]candidate
	n      int
	policy config.MaxMemoryPolicy
	shard  int // to be sampled next
	rnd    *rand.Rand
}

const (
	poolSize = 16
	// keptKey is how long a key may be, in bytes, of which a candidate keeps the memory.
	keptKey = 256
	// evictTries is how many samples of shards, without a candidate, tell that there is
	// none.
	evictTries = 4
)

// evicting counts what eviction does, for INFO.
type evicting struct {
	since atomic.Int64 // monotonic nanoseconds, since when memory has been exceeded; 0
	total atomic.Int64 // nanoseconds, of all times before
	// weighAt is when connections may be weighed again, monotonic nanoseconds.
	weighAt atomic.Int64
	// noteAt is when all shards are to note what they take again, monotonic nanoseconds.
	noteAt atomic.Int64
}

// noteEvery is for how many nanoseconds elements may be freed without keys being spared for
// it: to ask all shards takes a lock for each. Those that are sampled are asked anyway, and
// who removes whole keys tells; before a command is refused all are asked.
const noteEvery = 1e6

// Full implements store.Hooks.
func (x *Exec) Full() { x.Alert(AlertMemory, true) }

// Evicted implements store.Hooks: the removal is an effect like any other write.
func (x *Exec) Evicted(ks *store.Keyspace, key []byte) {
	if x.Log.Active() {
		name := []byte("DEL")
		if x.Config.LazyfreeLazyEviction {
			name = []byte("UNLINK")
		}
		x.removed(ks, resp.AppendCommand(nil, name, key))
	}
	if x.Notify&command.NotifyEvicted != 0 {
		x.Publish(ks.DB(), command.NotifyEvicted, "evicted", key)
	}
}

// tenacity gives for how many nanoseconds one command evicts, from
// maxmemory-eviction-tenacity.
func tenacity(n int) int64 {
	switch {
	case n <= 10:
		return int64(50_000 * n)
	case n < 100:
		return int64(500_000 * math.Pow(1.15, float64(n-10)))
	}
	return math.MaxInt64
}

// overStep is by how much memory has to be exceeded for a command to evict for twice,
// three times... as long, as one part in so many of the limit: where large values take the
// place of many small ones, the time that one command has is not enough.
const overStep = 64

// patience gives for how many nanoseconds the next command evicts.
func (x *Exec) patience() int64 {
	t, step := tenacity(x.Config.MaxMemoryEvictionTenacity), max(x.memoryLimit.Load()/overStep, 1<<20)
	if times := 1 + x.Store.Over()/step; t < math.MaxInt64/times {
		t *= times
	}
	return t
}

// makeRoom evicts until memory is within its limit, for a time. It is false if memory is
// exceeded and there is nothing to evict. The worker must be locked, and no shard. cl is
// the client whose command waits, or nil; what it is told of keys that it has read goes to
// out, in front of its reply.
func (x *Exec) makeRoom(w *Worker, cl *Client, out *[]byte) bool {
	if x.expiryHeld&AlertPaused != 0 {
		return true // the data stays as it is
	}
	if x.Alerted(AlertBusy | AlertLoading) {
		// A script may hold the shards, and wait for the worker at its end. What is loaded
		// is evicted from when it is there.
		return true
	}
	began := x.Clock.Nano()
	if began >= x.evicting.noteAt.Load() {
		x.noteShards() // what was freed since they noted it last
		x.evicting.noteAt.Store(began + noteEvery)
	}
	if x.weighAgain(w, began); x.Store.Over() <= 0 {
		x.roomMade()
		return true
	}
	x.Store.SetTime(x.Clock.UnixMilli(began)) // the faster keys go, the finer
	x.evicting.since.CompareAndSwap(0, began)
	limit := x.patience()
	evicted, ok := 0, true
	for ok && x.Store.Over() > 0 {
		if ok = x.finishEvicted() || x.evictOne(w, cl, out); ok {
			if evicted++; evicted%16 == 0 && x.Clock.Nano()-began > limit {
				break
			}
		}
	}
	if !ok {
		x.noteShards()
	}
	if x.Store.Over() <= 0 {
		x.roomMade()
		ok = true
	}
	x.evictLatency(began)
	return ok
}

// noteShards has all shards note what they take.
func (x *Exec) noteShards() {
	for i := range x.Store.Shards() {
		sh := x.Store.Shard(i)
		sh.Lock()
		sh.Note()
		sh.Unlock()
	}
}

func (x *Exec) roomMade() {
	x.Alert(AlertMemory, false)
	if since := x.evicting.since.Swap(0); since != 0 {
		x.evicting.total.Add(x.Clock.Nano() - since)
	}
	if x.Store.Over() > 0 { // exceeded meanwhile
		x.Alert(AlertMemory, true)
	}
}

// EvictionTimes gives for how long memory was exceeded in total, and has been now, in
// nanoseconds.
func (x *Exec) EvictionTimes() (total, current int64) {
	total = x.evicting.total.Load()
	if since := x.evicting.since.Load(); since != 0 {
		current = x.Clock.Nano() - since
	}
	return total + current, current
}

// ResetEvictionTimes forgets how long memory was exceeded.
func (x *Exec) ResetEvictionTimes() {
	x.evicting.total.Store(0)
	x.evicting.since.Store(0)
}

func (x *Exec) evictLatency(began int64) {
	if x.Config.LatencyMonitorThreshold <= 0 {
		return
	}
	now := x.Clock.Nano()
	if ms := (now - began) / 1e6; ms >= x.Config.LatencyMonitorThreshold {
		x.Latency.Add("eviction-cycle", x.Clock.UnixMilli(now)/1000, ms)
	}
}

// EvictSome evicts while memory is exceeded and no command does it, for a short time. No
// lock may be held.
func (x *Exec) EvictSome() {
	if !x.Alerted(AlertMemory) {
		return
	}
	w := x.World.background
	w.mu.Lock()
	defer w.mu.Unlock()
	if !x.Alerted(AlertLoading) {
		x.makeRoom(w, nil, nil)
	}
}

// evictOne evicts a key, if there is one that the policy permits.
func (x *Exec) evictOne(w *Worker, cl *Client, out *[]byte) bool {
	if x.Config.MaxMemoryPolicy == config.NoEviction {
		return false
	}
	p := &w.pool
	if p.rnd == nil {
		p.rnd = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	}
	if policy := x.Config.MaxMemoryPolicy; policy != p.policy {
		p.n, p.policy = 0, policy
	}
	for range evictTries * x.Store.Shards() {
		x.sample(p)
		for p.n > 0 {
			p.n--
			if x.evict(&p.list[p.n], cl, out) {
				return true
			}
		}
	}
	return false
}

// sample looks at some keys of the shard whose turn it is.
func (x *Exec) sample(p *evictPool) {
	if p.shard++; p.shard >= x.Store.Shards() {
		p.shard = 0
	}
	sh := x.Store.Shard(p.shard)
	n, policy := x.Config.MaxMemorySamples, p.policy
	if policy == config.AllKeysRandom || policy == config.VolatileRandom {
		n = 1
	}
	sh.Lock()
	defer sh.Unlock()
	sh.Note()
	for db := range x.Store.Databases() {
		ks := sh.DB(db)
		if ks.Len() == 0 {
			continue
		}
		add := func(e store.Entry) { p.add(x, e, db) }
		switch policy {
		case config.VolatileTTL:
			ks.SampleSoonest(n, add)
		case config.VolatileLRU, config.VolatileLFU, config.VolatileRandom:
			ks.Sample(n, true, p.rnd, add)
		default:
			ks.Sample(n, false, p.rnd, add)
		}
	}
}

// scoreOf says how good it is to evict an entry. Use lowers its score.
func scoreOf(policy config.MaxMemoryPolicy, e store.Entry) uint64 {
	switch policy {
	case config.AllKeysLRU, config.VolatileLRU:
		return math.MaxInt64 - uint64(e.LastUse())
	case config.AllKeysLFU, config.VolatileLFU:
		return math.MaxUint16 - uint64(e.UseCount())
	case config.VolatileTTL:
		return math.MaxUint64 - uint64(e.Deadline())
	}
	return 0
}

// add takes an entry into the pool, if it is better than one there or there is room.
func (p *evictPool) add(x *Exec, e store.Entry, db int) {
	score := scoreOf(p.policy, e)
	at := 0
	for at < p.n && p.list[at].score < score {
		at++
	}
	if p.n == poolSize && at == 0 {
		return
	}
	key := e.Key()
	k := x.Store.Key(key)
	for i := range p.list[:p.n] {
		if c := &p.list[i]; c.hash == k.H && c.db == db && bytes.Equal(c.key, key) {
			return
		}
	}
	var free []byte // the memory of the candidate that goes
	if p.n < poolSize {
		free = p.list[p.n].key
		copy(p.list[at+1:p.n+1], p.list[at:p.n])
		p.n++
	} else {
		at--
		free = p.list[0].key
		copy(p.list[:at], p.list[1:at+1])
	}
	if cap(free) > keptKey {
		free = nil
	}
	p.list[at] = candidate{key: append(free[:0], key...), hash: k.H, db: db, score: score}
}

// evict removes a key, if it is there still, the policy permits it, and it has not been
// used since it became a candidate, which may be long ago.
func (x *Exec) evict(c *candidate, cl *Client, out *[]byte) bool {
	sh := x.Store.ShardOf(c.hash)
	sh.Lock()
	defer sh.Unlock()
	ks := sh.DB(c.db)
	e := ks.Find(store.Key{B: c.key, H: c.hash})
	if !e.Ok() {
		return false
	}
	switch x.Config.MaxMemoryPolicy {
	case config.VolatileLRU, config.VolatileLFU, config.VolatileRandom, config.VolatileTTL:
		if !e.Volatile() {
			return false
		}
	}
	if scoreOf(x.Config.MaxMemoryPolicy, e) < c.score {
		return false
	}
	ks.Evict(e)
	if sh.Holes() > sh.Arena().Live()/holesShare+holesLeast && !sh.Compact().Barren(sh) {
		sh.Compact().Work(sh, compactStep, compactBytes)
	}
	x.tell(cl, out, x.Store.Of(c.hash))
	return true
}

// What is evicted leaves holes in pages, which values of other sizes do not fill. So who
// evicts closes some as well, once a part of the shard is holes: there, evicting more would
// free no page, and the rest of the data would have to make way for the holes. A walk over
// all of a shard is done when about as large a part of it has been evicted as holes are
// left.
const (
	holesShare   = 12       // holes that stay, as one part in so many of the live bytes
	holesLeast   = 32 << 10 // and so many bytes
	compactStep  = holesShare
	compactBytes = 8 << 10 // moved at once, about
)

// evictStep is how many elements of a removed collection, or records of a flushed
// database, are freed for one hold of their shard.
const evictStep = 256

// finishEvicted frees some of what was removed already; it is false if there is nothing:
// what is on its way need not be evicted for.
func (x *Exec) finishEvicted() bool {
	left := x.Store.Littered()
	if left == 0 {
		return false
	}
	sh := x.Store.Shard(bits.TrailingZeros64(uint64(left)))
	sh.Lock()
	defer sh.Unlock()
	sh.Reclaim(evictStep)
	sh.Note()
	return true
}
