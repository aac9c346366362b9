package store

import (
	"errors"

	"github.com/redstart-db/redstart/internal/ds/htable"
	"github.com/redstart-db/redstart/internal/invariants"
	"github.com/redstart-db/redstart/internal/mem"
)

// Walk hands over every record that the store has at one moment, as it is at that
// moment, while commands go on. One shard's lock at a time is held for it, and
// briefly.
//
// Each keyspace of the moment has a htable.Cover. A record that the walk has not
// reached is handed over before it is changed or removed: every way to change the
// store passes by before, and those who look a key up in order to change its value in
// place call Announce.
//
// # Invariants, of every keyspace whose moment is not nil
//
//   - Those of htable.Cover, with the records and what they refer to.
//   - moment.db is the number that the database had at the moment. It stays when
//     databases are swapped.
//   - A keyspace that was flushed meanwhile is kept as it was until all of it has been
//     handed over, and only then left to Reclaim. Nobody else reaches it.
//
// What is handed over is either copied by the receiver during the call or, if it is a
// large collection, held (Shard.Hold): then its own methods tell the receiver of
// changes, and when its key is removed it is kept until it is let go.
//
// The time of the last use is not part of that: it is what it is when the record is
// handed over, so that reading a key costs a snapshot nothing.
type Walk struct {
	st     *Store
	take   func(e Entry, db int)
	shards []partWalk
}

// partWalk is what is left of a Walk in a shard, guarded by its lock.
type partWalk struct{ left []*Keyspace }

// moment is what a Walk has of a keyspace.
type moment struct {
	cover   htable.Cover
	db      int
	flushed bool
	witness *witness // of builds with the tag invariants
}

// ErrWalking is the error when there is a Walk already.
var ErrWalking = errors.New("store: a walk is in progress")

// BeginWalk fixes the moment. All shards must be locked. take is called with every
// entry, the number of its database, and the lock of its shard; it must not change
// the store. There is one walk at a time.
func (st *Store) BeginWalk(take func(e Entry, db int)) (*Walk, error) {
	if st.walk != nil {
		return nil, ErrWalking
	}
	w := &Walk{st: st, take: take, shards: make([]partWalk, len(st.shards))}
	for i := range st.shards {
		sh := &st.shards[i]
		for db := range sh.dbs {
			if ks := sh.DB(db); ks.table.Len() > 0 {
				ks.begin(w)
				w.shards[i].left = append(w.shards[i].left, ks)
			}
		}
	}
	st.walk = w
	return w, nil
}

func (ks *Keyspace) begin(w *Walk) {
	m := &moment{db: ks.db}
	if invariants.Enabled {
		m.witness = newWitness(ks)
	}
	m.cover.Start(&ks.table, func(ref mem.Ref) {
		e := Entry{ks: ks, ref: ref, rec: parse(ks.arena, ref)}
		if invariants.Enabled {
			m.witness.take(e)
		}
		w.take(e, m.db)
	})
	ks.moment, ks.told = m, true
}

// Step hands over a few records of a shard, which must be locked, and tells whether it
// has no more.
func (w *Walk) Step(shard int) (done bool) {
	p := &w.shards[shard]
	if len(p.left) == 0 {
		return true
	}
	if ks := p.left[0]; ks.moment.cover.Step() {
		ks.endMoment()
		p.left = p.left[1:]
	}
	return len(p.left) == 0
}

// endMoment ends the walk over a keyspace.
func (ks *Keyspace) endMoment() {
	m := ks.moment
	ks.moment = nil
	ks.told = len(ks.copies) > 0
	if invariants.Enabled && m.cover.Done() {
		m.witness.end()
	}
	if m.flushed {
		ks.sh.throw(ks)
	}
}

// EndShard gives up what is left of the walk in a shard, which must be locked.
func (w *Walk) EndShard(shard int) {
	p := &w.shards[shard]
	for _, ks := range p.left {
		ks.endMoment()
	}
	p.left = nil
}

// End ends the walk, so that another can begin. EndShard must have been called for all
// shards, or Step have been true. All shards must be locked.
func (w *Walk) End() { w.st.walk = nil }

// before is called before the record of a key with this hash is changed, removed, or
// comes to be.
func (ks *Keyspace) before(hash uint64) {
	if ks.told {
		ks.tell(hash)
	}
}

// tell is before where somebody wants to know.
func (ks *Keyspace) tell(hash uint64) {
	if ks.moment != nil {
		ks.moment.cover.Before(hash)
	}
	for _, c := range ks.copies {
		if c.hash == hash {
			c.spoiled = true
		}
	}
}

// Announce is to be called before the value of a key is changed in place: the bytes
// that Pack or Bytes gave, or a collection. Entries stay valid. Methods that change
// the store by themselves need no announcement.
func (ks *Keyspace) Announce(k Key) { ks.before(k.H) }

// Walking tells whether Announce may have something to do.
func (ks *Keyspace) Walking() bool { return ks.told }

// beforeEntry is before for an entry whose hash is not at hand.
func (ks *Keyspace) beforeEntry(e Entry) {
	if ks.told && e.Ok() {
		ks.tell(ks.Hash(e.ref))
	}
}

// Hold keeps a collection that a key has now, when the key is removed or overwritten,
// until LetGo. The shard must be locked.
func (sh *Shard) Hold(o Object) {
	if sh.held == nil {
		sh.held = make(map[Object]bool)
	}
	sh.held[o] = false
}

// LetGo ends what Hold began, and frees the collection if no key has it any more.
func (sh *Shard) LetGo(o Object) {
	gone := sh.held[o]
	delete(sh.held, o)
	if gone {
		sh.discard(o)
	}
}
