package store

import (
	"encoding/binary"
	"sync/atomic"
)

// The access field of a record says, for eviction, when or how often its key was used:
//
//	   31        24 23        16 15         8 7          0
//	  +----------------------------------------+------------+
//	  | LRU: seconds                           | 1/256 s    |
//	  +-------------------------+--------------+------------+
//	  | LFU: minutes            | counter      | part       |
//	  +-------------------------+--------------+------------+
//
// The upper three bytes are what Redis has: seconds since 1970, or the minute of the
// last decay and the logarithmic counter of lfu.go. The lowest byte makes each finer.
// A small cache that many keys pass through is filled anew within a second; then seconds
// do not tell which key was used before which, and eviction would be random.

// ticks is the clock of access fields: 1/256 seconds since 1970.
type ticks struct {
	now  atomic.Int64
	fine atomic.Bool
}

func (t *ticks) seconds() int64 { return t.now.Load() >> 8 }

// minute is the LFU's time.
func (t *ticks) minute() uint16 { return uint16(t.seconds() / 60) }

// SetTime moves the clock that records are marked with to a Unix time in milliseconds.
// It may be called at any time, by anybody. Of callers at the same time one may come with
// an earlier reading: the clock does not go back by less than a second, as a key that was
// used just now would look as if its field had come around. A clock of the system that is
// set back further is followed.
func (st *Store) SetTime(milli int64) {
	t := milli * 256 / 1000
	if !st.ticks.fine.Load() {
		t &^= 0xff
	}
	// It is a word that all who run commands read: it is written only to change.
	for {
		old := st.ticks.now.Load()
		if t == old || t < old && old-t <= 256 || st.ticks.now.CompareAndSwap(old, t) {
			return
		}
	}
}

// SetFine has the clock of records go by 1/256 s rather than by seconds, from the next
// SetTime on. Then reading a key writes to its record more often.
func (st *Store) SetFine(on bool) { st.ticks.fine.Store(on) }

func (e Entry) accessField() uint32 {
	return binary.LittleEndian.Uint32(e.ks.arena.Bytes(e.ref, offAccess+4)[offAccess:])
}

func (e Entry) setAccess(v uint32) {
	binary.LittleEndian.PutUint32(e.ks.arena.Bytes(e.ref, offAccess+4)[offAccess:], v)
}

// fresh is the access field of a new record.
func (st *Store) fresh() uint32 {
	if st.LFU.On {
		return lfuField(st.ticks.minute(), lfuInit<<8)
	}
	return uint32(st.ticks.now.Load())
}

// Used marks the entry as used now.
func (e Entry) Used() {
	st := e.ks.st
	if st.LFU.On {
		e.setAccess(st.LFU.used(e.ks.sh, e.accessField(), st.ticks.minute()))
	} else if now := uint32(st.ticks.now.Load()); e.accessField() != now {
		e.setAccess(now)
	}
}

// Renew gives an entry the access field of a new one.
func (e Entry) Renew() { e.setAccess(e.ks.st.fresh()) }

// Idle is the number of seconds since the last use (LRU), as the difference of two
// readings of a clock of seconds.
func (e Entry) Idle() int64 {
	const mask = 1<<24 - 1
	return (e.ks.st.ticks.seconds() - int64(e.accessField()>>8)) & mask
}

// LastUse is when the entry was used last (LRU), in 1/256 seconds since 1970. Where the
// field has come around since it is too late, by 194 days.
func (e Entry) LastUse() int64 {
	now := e.ks.st.ticks.now.Load()
	return now - int64(uint32(now)-e.accessField())
}

// SetIdle makes the entry look unused for some seconds (RESTORE IDLETIME).
func (e Entry) SetIdle(seconds int64) {
	e.setAccess(uint32(e.ks.st.ticks.now.Load() - seconds<<8))
}

// Freq is the use counter after its decay up to now (LFU).
func (e Entry) Freq() int64 { return e.UseCount() >> 8 }

// UseCount is Freq in 256ths (LFU).
func (e Entry) UseCount() int64 {
	st := e.ks.st
	return int64(st.LFU.decayed(e.accessField(), st.ticks.minute()))
}

// SetFreq sets the use counter (RESTORE FREQ).
func (e Entry) SetFreq(n uint8) {
	e.setAccess(lfuField(e.ks.st.ticks.minute(), uint16(n)<<8))
}

// Access is what Redis keeps as "lru": the upper three bytes of the access field.
func (e Entry) Access() uint32 { return e.accessField() >> 8 }
