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

// wake notes that a key changed that somebody waits for.
func (sh *Shard) wake(db int, key []byte) {
	if q := sh.waiting[watched{db, string(key)}]; q != nil {
		sh.MakeReady(q)
	}
}

// MakeReady notes that a queue is to be looked at.
func (sh *Shard) MakeReady(q *Queue) {
	if !q.ready {
		q.ready = true
		q.order = sh.st.readied.Add(1)
		sh.ready = append(sh.ready, q)
	}
}

// wakeAll notes that all keys of a database may have changed.
func (sh *Shard) wakeAll(db int) {
	for at, q := range sh.waiting {
		if at.db == db {
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
