package store

import (
	"container/list"
	"math/bits"
)

// Queue is those who wait for a key to change, in the order in which they came.
// It belongs to a shard, whose lock guards it. What waits is the caller's
// affair.
type Queue struct {
	list.List
	db    int
	key   string
	Gone  int // members that want to know also that the key is gone; the caller counts them
	order uint64
	ready bool // it is in the shard's list of those
}

// DB is the database of the key.
func (q *Queue) DB() int { return q.db }

// Key is the key that is waited for.
func (q *Queue) Key() string { return q.key }

// Wait puts who at the end of the queue of a key. The shard must be locked.
func (sh *Shard) Wait(db int, key string, who any) (*Queue, *list.Element) {
	at := watched{db, key}
	q := sh.waiting[at]
	if q == nil {
		if sh.waiting == nil {
			sh.waiting = make(map[watched]*Queue)
		}
		q = &Queue{db: db, key: key}
		sh.waiting[at] = q
	}
	return q, q.PushBack(who)
}

// Leave takes a member out of a queue. A second time does nothing. The shard must
// be locked.
func (sh *Shard) Leave(q *Queue, el *list.Element) {
	q.Remove(el)
	if at := (watched{q.db, q.key}); q.Len() == 0 && sh.waiting[at] == q {
		delete(sh.waiting, at)
	}
}

// A key becomes ready when it comes to be, or to be of another type: of several
// keys, those who wait are served from that which did first. Only streams, where
// something may be added to what has been waited for in vain, and members that want
// to know what is gone, have it ready after each change.

// wake notes that a key came to be that somebody may wait for.
func (sh *Shard) wake(db int, key []byte) {
	if q := sh.waiting[watched{db, string(key)}]; q != nil {
		sh.MakeReady(q)
	}
}

// stir notes that a key changed that somebody may wait for.
func (sh *Shard) stir(db int, key []byte) {
	if q := sh.waiting[watched{db, string(key)}]; q != nil && (q.Gone > 0 || sh.DB(db).holds(key, Stream, Stream)) {
		sh.MakeReady(q)
	}
}

// holds tells whether a key has a value of a type between two.
func (ks *Keyspace) holds(key []byte, from, to Type) bool {
	e := ks.Find(ks.st.Key(key))
	return e.Ok() && from <= e.Type() && e.Type() <= to
}

// MakeReady notes that a queue is to be looked at.
func (sh *Shard) MakeReady(q *Queue) {
	if !q.ready {
		q.ready = true
		q.order = sh.st.readied.Add(1)
		sh.ready = append(sh.ready, q)
	}
}

// wakeAll is wake for all keys of a database that gets the content of another, or
// nothing if that is nil.
func (sh *Shard) wakeAll(db int, content *Keyspace) {
	for at, q := range sh.waiting {
		if at.db == db && (q.Gone > 0 || content != nil && content.holds([]byte(at.key), List, Stream)) {
			sh.MakeReady(q)
		}
	}
}

// NextReady takes the queue off the list whose key changed first, of all shards
// of a set; nil when there is none. The shards must be locked.
func (st *Store) NextReady(of LockSet) (*Shard, *Queue) {
	var first *Shard
	for ; of != 0; of &= of - 1 {
		sh := &st.shards[bits.TrailingZeros64(uint64(of))]
		if len(sh.ready) > 0 && (first == nil || sh.ready[0].order < first.ready[0].order) {
			first = sh
		}
	}
	if first == nil {
		return nil, nil
	}
	q := first.ready[0]
	q.ready = false
	first.ready[0] = nil
	if first.ready = first.ready[1:]; len(first.ready) == 0 {
		first.ready = nil
	}
	return first, q
}

// Ready tells whether a key changed that somebody waits for. The shard must be
// locked.
func (sh *Shard) Ready() bool { return len(sh.ready) > 0 }
