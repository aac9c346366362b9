// Package store holds the data: shards, their tables and records, expiry. It
// knows nothing of connections, commands or protocols.
//
// The keyspace is split over up to 64 shards by the top bits of a key's hash.
// A shard has a lock, an arena with all of its data, and one Keyspace per
// database. Everything that belongs to a shard is read and changed only with
// its lock held; whoever takes more than one lock takes them in ascending
// order (see LockSet).
package store

import (
	"hash/maphash"
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/redstart-db/redstart/internal/ds/kept"
	"github.com/redstart-db/redstart/internal/mem"
)

// MaxShards is the largest number of shards: a set of shards is one uint64.
const MaxShards = 64

// maxReserve is the most address space that an arena may have, so that the top
// bit of references is free for the expiry wheel.
const maxReserve = 16 << 30

// Key is a key and its hash.
type Key struct {
	B []byte
	H uint64
}

// Hooks are told what the store removes by itself. They are called with the
// shard's lock held; the key is valid during the call only.
type Hooks interface {
	Expired(ks *Keyspace, key []byte)
	// FieldsExpired tells of fields of a hash whose deadlines have passed; gone,
	// that it has no others, and so is removed.
	FieldsExpired(ks *Keyspace, key []byte, fields [][]byte, gone bool)
	// Touched tells of a key that has changed in a shard for which that was asked
	// for with Heed, by a command or by the store itself.
	Touched(ks *Keyspace, key []byte, command bool)
	// Evicted tells of a key that is about to be removed by Evict.
	Evicted(ks *Keyspace, key []byte)
	// Full tells that the shards take more memory than SetLimit allows. It is called
	// in the middle of a change, and must not touch the store.
	Full()
}

// Options of a Store. The zero value gives 16 databases, and shards by the number
// of processors.
type Options struct {
	Shards    int    // a power of two, at most MaxShards; 0 chooses
	Databases int    // number of databases
	Reserve   uint64 // address space of a shard in bytes; 0 for the arena's default
	Hooks     Hooks
}

// Store is the whole data of an instance.
type Store struct {
	shards []Shard
	shift  uint8 // hash >> shift is the shard
	seed   maphash.Seed
	dbs    int
	hooks  Hooks

	walk *Walk // the one in progress; all shards must be locked

	account account

	// littered is the set of shards that have garbage. It is changed with the shard locked.
	littered atomic.Uint64

	// moves is what Moves tells, by database. It changes while all shards are locked.
	moves []atomic.Uint32

	// readied counts the times that a queue became ready.
	readied atomic.Uint64

	ticks ticks
	// LFU tells that the access field holds a use counter instead. It
	// changes only while no command runs.
	LFU LFU
	// NoExpire stops removal of expired keys (a replica leaves it to its
	// master). It changes only while no command runs.
	NoExpire bool
	// KeepFields has lookups leave expired fields of hashes where they are, unseen:
	// commands remove those that they name (DEBUG SET-ACTIVE-EXPIRE 0, which has
	// only lazy expiry left). It changes only while no command runs.
	KeepFields bool
	// Loading, which comes with NoExpire, has commands find expired keys: what
	// is replayed had found them too. It changes only while no command runs.
	Loading bool
}

// Shard is one part of the keyspace.
type Shard struct {
	sync.Mutex
	id         int
	arena      *mem.Arena
	dbs        []atomic.Pointer[Keyspace] // atomic for Hint only
	garbage    []garbage                  // to be freed piece by piece, oldest first
	thrown     uint64                     // all that was ever put there
	objects    []Object                   // by handle
	handles    []uint32                   // free ones
	copying    int                        // copies that are being made in its arena,
	unfinished int                        // and their bytes, and those of:
	landings   []*Landing                 // where strings arrive,
	landing    int                        // and their bytes
	offered    *Copying                   // see Copying.Offer
	held       map[Object]bool            // those that a snapshot needs, and whether their keys are gone
	texts      map[mem.Ref]*kept.Blocks   // by block: strings that a snapshot is reading
	watchers   map[watched][]*Watcher
	waiting    map[watched]*Queue
	ready      []*Queue // to be served, in order
	st         *Store
	lfuRand    uint64
	heeded     bool      // see Heed
	noted      uint64    // live bytes that are in the account
	compact    Defrag    // the walk that all go on with
	volatile   int       // keys with a deadline
	linked     int       // records on wheels
	names      [][]byte  // of expired fields, while they are removed
	batch      []mem.Ref // records of a flushed keyspace, while they are freed
	expired    Lag
	// expiredKeys counts the removals of keys whose deadline had passed.
	expiredKeys   uint64
	expiredFields uint64
	evictedKeys   uint64
	note          func()   // Note, made once
	_             [32]byte // keep neighbours' locks off this cache line
}

// New makes an empty store. Close must be called to give its memory back.
func New(o Options) (*Store, error) {
	if o.Shards == 0 {
		o.Shards = ShardsFor(runtime.GOMAXPROCS(0))
	}
	if o.Databases == 0 {
		o.Databases = 16
	}
	o.Reserve = min(o.Reserve, maxReserve)
	st := &Store{
		shards: make([]Shard, o.Shards),
		shift:  uint8(64 - bits.TrailingZeros(uint(o.Shards))),
		seed:   maphash.MakeSeed(),
		dbs:    o.Databases,
		hooks:  o.Hooks,
	}
	st.account.limit.Store(NoLimit)
	st.moves = make([]atomic.Uint32, o.Databases)
	for i := range st.shards {
		sh := &st.shards[i]
		arena, err := mem.New(mem.Options{Reserve: o.Reserve})
		if err != nil {
			for j := range i {
				st.shards[j].arena.Close()
			}
			return nil, err
		}
		sh.st, sh.id, sh.arena, sh.lfuRand = st, i, arena, uint64(i)*0x9E3779B97F4A7C15+1
		sh.note = sh.Note
		sh.dbs = make([]atomic.Pointer[Keyspace], o.Databases)
		for db := range sh.dbs {
			sh.dbs[db].Store(newKeyspace(st, sh, db))
		}
	}
	return st, nil
}

// ShardsFor is the power of two at or above eight times the number of
// processors, between 16 and MaxShards: with that, two that run commands all the
// time rarely want the same shard.
func ShardsFor(processors int) int {
	n := 16
	for n < 8*processors && n < MaxShards {
		n *= 2
	}
	return n
}

// SetHooks sets the hooks; call it before the first command.
func (st *Store) SetHooks(h Hooks) { st.hooks = h }

// Close gives all memory back. Nothing may use the store any more.
func (st *Store) Close() error {
	var first error
	for i := range st.shards {
		if err := st.shards[i].arena.Close(); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// Key hashes a key. The bytes are borrowed.
func (st *Store) Key(b []byte) Key { return Key{b, maphash.Bytes(st.seed, b)} }

// Shards is the number of shards.
func (st *Store) Shards() int { return len(st.shards) }

// Databases is the number of databases.
func (st *Store) Databases() int { return st.dbs }

// Shard gives a shard by its index.
func (st *Store) Shard(i int) *Shard { return &st.shards[i] }

// ShardOf gives the shard of a hash.
func (st *Store) ShardOf(hash uint64) *Shard { return &st.shards[hash>>st.shift] }

// DB gives a shard's part of a database. The shard must be locked.
func (sh *Shard) DB(db int) *Keyspace { return sh.dbs[db].Load() }

// ID is the shard's index.
func (sh *Shard) ID() int { return sh.id }

// Arena is the memory of the shard, for statistics.
func (sh *Shard) Arena() *mem.Arena { return sh.arena }

// LockSet is a set of shards.
type LockSet uint64

// All is the set of all shards.
func (st *Store) All() LockSet { return LockSet(^uint64(0) >> (64 - len(st.shards))) }

// Of is the set with the shard of one hash.
func (st *Store) Of(hash uint64) LockSet { return 1 << (hash >> st.shift) }

// Has tells whether the set has a shard.
func (s LockSet) Has(sh *Shard) bool { return s>>sh.id&1 != 0 }

// Lock locks the shards of a set in ascending order.
func (st *Store) Lock(s LockSet) {
	for ; s != 0; s &= s - 1 {
		st.shards[bits.TrailingZeros64(uint64(s))].Lock()
	}
}

// TryLock locks the shards of a set, in any order, if none of them is locked.
func (st *Store) TryLock(s LockSet) bool {
	for left := s; left != 0; left &= left - 1 {
		if !st.shards[bits.TrailingZeros64(uint64(left))].TryLock() {
			st.Unlock(s &^ left)
			return false
		}
	}
	return true
}

// Unlock unlocks the shards of a set.
func (st *Store) Unlock(s LockSet) {
	for ; s != 0; s &= s - 1 {
		st.shards[bits.TrailingZeros64(uint64(s))].Unlock()
	}
}

// Hint asks the processor to fetch what looking a key up will need first. It
// needs no lock.
func (st *Store) Hint(hash uint64, db int) { st.ShardOf(hash).DB(db).table.Hint(hash) }

// HintRecord does the same for what looking it up will need next; it is to be
// called some time after Hint.
func (st *Store) HintRecord(hash uint64, db int) { st.ShardOf(hash).DB(db).table.HintRecord(hash) }

// Len is the number of keys in a database. All shards must be locked.
func (st *Store) Len(db int) int {
	n := 0
	for i := range st.shards {
		n += st.shards[i].DB(db).table.Len()
	}
	return n
}

// Volatile is the number of keys with an expiry in a database. All shards must
// be locked.
func (st *Store) Volatile(db int) int {
	n := 0
	for i := range st.shards {
		n += st.shards[i].DB(db).volatile
	}
	return n
}

// Timed tells whether there is a hash of which fields have deadlines. All shards must
// be locked.
func (st *Store) Timed() bool {
	for i := range st.shards {
		sh := &st.shards[i]
		for db := range sh.dbs {
			if sh.DB(db).timed > 0 {
				return true
			}
		}
	}
	return false
}

// Swap exchanges two databases at time now, in Unix milliseconds. All shards must
// be locked.
func (st *Store) Swap(a, b int, now int64) {
	many := st.manyWatch()
	if many {
		st.moves[a].Add(1)
		st.moves[b].Add(1)
	}
	for i := range st.shards {
		sh := &st.shards[i]
		sh.wakeAll(a, sh.DB(b))
		sh.wakeAll(b, sh.DB(a))
		if !many {
			sh.touchSwapped(a, b, now)
		}
		ka, kb := sh.DB(a), sh.DB(b)
		ka.db, kb.db = b, a
		sh.dbs[a].Store(kb)
		sh.dbs[b].Store(ka)
	}
}

// Flush empties a database and gives the number of keys that were in it. All
// shards must be locked. The memory is given back at once when the shard has
// nothing else, and by calls of Reclaim otherwise.
func (st *Store) Flush(db int) int {
	n := 0
	many := st.manyWatch()
	for i := range st.shards {
		sh := &st.shards[i]
		old := sh.DB(db)
		if old.table.Len() == 0 {
			continue
		}
		if n == 0 && many {
			st.moves[db].Add(1)
		}
		n += old.table.Len()
		if sh.wakeAll(db, nil); !many {
			sh.touchFlushed(db)
		}
		sh.dbs[db].Store(newKeyspace(st, sh, db))
		old.spoilCopies()
		if old.moment != nil {
			old.moment.flushed = true
		} else if sh.empty() && st.walk == nil && sh.copying == 0 && len(sh.landings) == 0 {
			// A table without records may still have a bucket reserved.
			for i := range sh.dbs {
				sh.dbs[i].Store(newKeyspace(st, sh, i))
			}
			sh.cleaned()
			sh.objects, sh.handles, sh.volatile, sh.linked = nil, nil, 0, 0
			sh.arena.Reset()
		} else {
			sh.throw(old)
		}
	}
	return n
}

func (sh *Shard) empty() bool {
	for db := range sh.dbs {
		if sh.DB(db).table.Len() != 0 {
			return false
		}
	}
	return true
}
