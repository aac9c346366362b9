package store

import (
	"math"
	"math/rand/v2"
	"sync/atomic"

	"github.com/redstart-db/redstart/internal/ds/htable"
	"github.com/redstart-db/redstart/internal/mem"
)

// account is what all shards take together, for the limit of maxmemory.
//
// The sum is not exact: a shard notes what it has when it has grown by slack since it
// last did, so the sum may be short by slack for each shard, and when a key is removed and
// it has shrunk by as much. What else is freed is noted when somebody asks. Between two
// notes an allocation costs one comparison, and without a limit there are no notes.
type account struct {
	used  atomic.Int64 // bytes of live blocks
	limit atomic.Int64
	slack uint64
	on    bool // changes only while all shards are locked
}

// Bounds of slack.
const (
	minSlack = 256
	maxSlack = 32 << 10
)

// NoLimit is the limit that is never reached.
const NoLimit = math.MaxInt64

// SetLimit has Hooks.Full called when the live blocks of all shards together are more
// than limit bytes, which may be less than nothing. All shards must be locked.
func (st *Store) SetLimit(limit int64) {
	a := &st.account
	a.on = limit != NoLimit
	a.limit.Store(limit)
	a.slack = min(max(uint64(max(limit, 0))/uint64(len(st.shards))/256, minSlack), maxSlack)
	for i := range st.shards {
		sh := &st.shards[i]
		if !a.on {
			sh.arena.SetMark(math.MaxUint64, nil)
			continue
		}
		sh.Note()
	}
}

// MoveLimit changes a limit that SetLimit has set, with nothing locked: what else takes
// memory takes it from the shards.
func (st *Store) MoveLimit(limit int64) { st.account.limit.Store(limit) }

// Over is by how many bytes the shards exceed the limit, as far as they have noted; it
// is negative while they do not.
func (st *Store) Over() int64 { return st.account.used.Load() - st.account.limit.Load() }

// Noted is what all shards take, in bytes, as far as they have noted.
func (st *Store) Noted() int64 { return st.account.used.Load() }

// Note brings what the shard takes up to date. It must be locked.
func (sh *Shard) Note() {
	a := &sh.st.account
	if !a.on {
		return
	}
	live, taken := sh.arena.Live(), sh.taken()
	sum := a.used.Add(int64(taken - sh.noted))
	sh.noted = taken
	sh.arena.SetMark(live+a.slack, sh.note)
	if sum > a.limit.Load() && sh.st.hooks != nil {
		sh.st.hooks.Full()
	}
}

// taken is the bytes of live blocks that count: nobody is to be evicted for a copy that
// may come to nothing, or whose source goes when it is whole.
func (sh *Shard) taken() uint64 {
	live := sh.arena.Live()
	return live - min(uint64(sh.unfinished), live)
}

// unmark has the shard not note what it grows by until Note is called.
func (sh *Shard) unmark() {
	if sh.st.account.on {
		sh.arena.SetMark(math.MaxUint64, nil)
	}
}

// freed notes what the shard takes where that has become much less.
func (sh *Shard) freed() {
	if a := &sh.st.account; a.on && sh.taken()+a.slack < sh.noted {
		sh.Note()
	}
}

// Evict removes an entry because memory is short.
func (ks *Keyspace) Evict(e Entry) {
	key := e.Key()
	if ks.st.hooks != nil {
		ks.st.hooks.Evicted(ks, key)
	}
	ks.touch(key, false)
	ks.sh.evictedKeys++
	ks.remove(ks.st.Key(key).H, e)
	ks.sh.Note()
}

// EvictedKeys is the number of keys that Evict has removed.
func (sh *Shard) EvictedKeys() uint64 { return sh.evictedKeys }

// ResetEvictedKeys sets that number to zero.
func (sh *Shard) ResetEvictedKeys() { sh.evictedKeys = 0 }

// rareVolatile is the share of keys with a deadline, one in so many, below which they
// are looked for on the wheel rather than among all keys.
const rareVolatile = 64

// sampleStep is how many entries are looked at in one place of a table.
const sampleStep = 16

// Sample calls visit with about n entries that are chosen at random, or, with volatile,
// with entries that have a deadline. visit must not change the keyspace.
func (ks *Keyspace) Sample(n int, volatile bool, rnd *rand.Rand, visit func(Entry)) {
	if ks.table.Len() == 0 || volatile && ks.volatile == 0 {
		return
	}
	if volatile && ks.volatile < ks.table.Len()/rareVolatile {
		ks.sampleWheel(n, rnd, visit)
		return
	}
	var few [sampleStep]mem.Ref
	for tries := 2 * n * rareVolatile; n > 0 && tries > 0; {
		refs := ks.table.Some(rnd, few[:0:min(n, sampleStep)])
		for _, ref := range refs {
			if e := (Entry{ks: ks, ref: ref, rec: parse(ks.arena, ref)}); !volatile || e.Volatile() {
				visit(e)
				n--
			}
		}
		tries -= len(refs) + 1
		if !volatile && len(refs) == ks.table.Len() {
			return // these are all
		}
	}
}

// sampleWheel visits entries on the wheel, from a list chosen at random on.
func (ks *Keyspace) sampleWheel(n int, rnd *rand.Rand, visit func(Entry)) {
	first := rnd.IntN(len(ks.wheel.heads))
	for i := range ks.wheel.heads {
		ref := ks.wheel.heads[(first+i)%len(ks.wheel.heads)]
		for skip := rnd.IntN(16); ref != 0 && n > 0; ref = nextOf(ks.links(ref)) {
			if skip--; skip >= 0 && nextOf(ks.links(ref)) != 0 {
				continue
			}
			e := Entry{ks, ref, parse(ks.arena, ref), htable.Slot{}}
			if e.Volatile() { // not for its fields alone
				visit(e)
				n--
			}
		}
		if n <= 0 {
			return
		}
	}
}

// SampleSoonest calls visit with about n entries of those that expire first.
func (ks *Keyspace) SampleSoonest(n int, visit func(Entry)) {
	if ks.volatile == 0 {
		return
	}
	w := ks.wheel
	for ref := w.heads[pending]; ref != 0 && n > 0; ref = nextOf(ks.links(ref)) {
		visit(Entry{ks, ref, parse(ks.arena, ref), htable.Slot{}})
		n--
	}
	// The lists of a level follow each other in time, and those of lower levels come
	// before those of higher ones.
	for level := 0; level < levels && n > 0; level++ {
		digit := int(w.now>>(6*level)) & 63
		for i := 0; i < 64 && n > 0; i++ {
			slot := level<<6 | (digit+i)&63
			for ref := w.heads[slot]; ref != 0 && n > 0; ref = nextOf(ks.links(ref)) {
				if e := (Entry{ks, ref, parse(ks.arena, ref), htable.Slot{}}); e.Volatile() {
					visit(e)
					n--
				}
			}
		}
	}
}
