package store

import (
	"encoding/binary"
	"math/bits"

	"github.com/redstart-db/redstart/internal/mem"
)

// wheel orders the volatile records of a keyspace by time: a hierarchical
// timing wheel of 8 levels with 64 lists each. A list of level 0 spans 4 ms,
// one of level l spans 4 ms * 64^l, so that 8 levels reach past any deadline.
// A record is in the level of the highest 6-bit digit in which its tick
// differs from the wheel's. When the wheel's time reaches the start of a list
// of a higher level, the list is dealt out to the lower ones.
//
// When the clock is set back, so is the wheel. The lists stay as they are: a
// list of level l is opened at the next time whose digit l is its own, which is
// its true time or an earlier one, and opening it early only deals it out anew.
//
// The lists are threaded through the records (prev and next, see record.go):
// an insertion or removal is O(1), touches no more than two neighbours, and
// takes 8 bytes of a record and nothing else. A record at the head of a list
// has the list's number in prev, with headBit set; references stay below it.
//
// Invariants:
//
//   - Every volatile record is in exactly one list. So is a timed hash, as of what
//     expires next of it: the key or a field.
//   - pending holds the list being dealt out. While it is not empty, no other
//     list is looked at, so nothing is overtaken when dealing is interrupted.
//   - A record's tick is at or after the wheel's, or the record is in level 0's
//     current list (its deadline passed before it was linked) or in pending.
//
// Rejected: a heap or B-tree of (deadline, reference) takes 12 bytes and more a
// record and O(log n); sampling, as Redis does it, bounds neither the lag nor
// the memory that expired keys hold.
type wheel struct {
	now   int64 // ticks
	used  [levels]uint64
	heads [levels*64 + 1]mem.Ref
}

const (
	levels    = 8
	tickShift = 2 // a tick is 4 ms
	pending   = levels * 64
	headBit   = 1 << 31
	maxTick   = 1<<(6*levels) - 1
)

func (ks *Keyspace) links(ref mem.Ref) []byte {
	return ks.arena.Bytes(ref, offNext+4)[offDeadline:]
}

func prevOf(l []byte) uint32     { return binary.LittleEndian.Uint32(l[8:]) }
func nextOf(l []byte) mem.Ref    { return mem.Ref(binary.LittleEndian.Uint32(l[12:])) }
func setPrev(l []byte, v uint32) { binary.LittleEndian.PutUint32(l[8:], v) }
func setNext(l []byte, v mem.Ref) {
	binary.LittleEndian.PutUint32(l[12:], uint32(v))
}
func deadlineOf(l []byte) int64 { return int64(binary.LittleEndian.Uint64(l)) }

// link puts a record whose header has room for it on the wheel.
func (ks *Keyspace) link(ref mem.Ref, deadline int64) {
	l := ks.links(ref)
	binary.LittleEndian.PutUint64(l, uint64(deadline))
	if ks.wheel == nil {
		ks.wheel = &wheel{now: ks.st.ticks.seconds() * 1000 >> tickShift}
	}
	ks.count(ref, 1)
	ks.push(ks.wheel.slot(deadline), ref, l)
}

// count counts a record on the wheel, in or out.
func (ks *Keyspace) count(ref mem.Ref, by int) {
	ks.linked += by
	ks.sh.linked += by
	if ks.arena.Bytes(ref, 1)[0]&kindType == uint8(timedHash) {
		ks.timed += by
	}
	if ks.expiring(ref) != 0 {
		ks.volatile += by
		ks.sh.volatile += by
	}
}

// expiring is the deadline of the key of a record on the wheel, or 0.
func (ks *Keyspace) expiring(ref mem.Ref) int64 {
	if l := ks.arena.Bytes(ref, offDeadline+8); l[0]&kindType != uint8(timedHash) {
		return deadlineOf(l[offDeadline:])
	}
	return Entry{ks: ks, ref: ref, rec: parse(ks.arena, ref)}.ownDeadline()
}

// attach puts a record on the wheel that was detached, or is the copy of one that
// was.
func (ks *Keyspace) attach(ref mem.Ref) {
	l := ks.links(ref)
	ks.push(ks.wheel.slot(deadlineOf(l)), ref, l)
}

// slot is the list of a deadline.
func (w *wheel) slot(deadline int64) int {
	tick := min(max(deadline>>tickShift, w.now), maxTick)
	level := (63 - bits.LeadingZeros64(uint64(tick^w.now)|63)) / 6
	level = min(level, levels-1)
	return level<<6 | int(tick>>(6*level)&63)
}

func (ks *Keyspace) push(slot int, ref mem.Ref, l []byte) {
	w := ks.wheel
	head := w.heads[slot]
	setPrev(l, headBit|uint32(slot))
	setNext(l, head)
	if head != 0 {
		setPrev(ks.links(head), uint32(ref))
	}
	w.heads[slot] = ref
	if slot != pending {
		w.used[slot>>6] |= 1 << (slot & 63)
	}
}

// unlink takes a record off the wheel.
func (ks *Keyspace) unlink(ref mem.Ref) {
	ks.count(ref, -1)
	ks.detach(ks.links(ref))
}

func (ks *Keyspace) detach(l []byte) {
	prev, next := prevOf(l), nextOf(l)
	if next != 0 {
		setPrev(ks.links(next), prev)
	}
	if prev&headBit == 0 {
		setNext(ks.links(mem.Ref(prev)), next)
		return
	}
	slot := int(prev &^ headBit)
	ks.wheel.heads[slot] = next
	if next == 0 && slot != pending {
		ks.wheel.used[slot>>6] &^= 1 << (slot & 63)
	}
}

// next gives the list that comes first in time and the tick at which it does;
// of several, that of the highest level, as it may have to go into the others.
func (w *wheel) next() (slot int, tick int64, ok bool) {
	for level := range levels {
		if w.used[level] == 0 {
			continue
		}
		shift := 6 * level
		digit := uint(w.now>>shift) & 63
		ahead := int64(bits.TrailingZeros64(bits.RotateLeft64(w.used[level], -int(digit))))
		at := w.now>>shift + ahead
		if start := max(at<<shift, w.now); !ok || start <= tick {
			slot, tick, ok = level<<6|int(at&63), start, true
		}
	}
	return slot, tick, ok
}

// NextDue gives the time in Unix milliseconds at which Expire should be called
// next, or 0 when nothing has a deadline.
func (ks *Keyspace) NextDue() int64 {
	if ks.linked == 0 {
		return 0
	}
	if ks.wheel.heads[pending] != 0 {
		return 1
	}
	slot, tick, _ := ks.wheel.next()
	if slot < 64 {
		tick++ // all of a list of level 0 is due at its end
	}
	return tick << tickShift
}

// Expire removes keys and fields whose deadline has passed at now (Unix
// milliseconds): in order of time up to the span of a tick, or of the list they are
// in when it comes late. It handles at most limit records and fields. It gives the
// number of keys that have expired and tells whether there is more to do.
func (ks *Keyspace) Expire(now int64, limit int) (expired int, more bool) {
	if ks.st.NoExpire {
		return 0, false
	}
	if ks.linked == 0 {
		if ks.wheel != nil {
			ks.wheel.now = now >> tickShift
		}
		return 0, false
	}
	w := ks.wheel
	for ; limit > 0; limit-- {
		ref := w.heads[pending]
		if ref == 0 {
			slot, ok := w.advance(now >> tickShift)
			if !ok {
				return expired, false
			}
			if !ks.open(slot) {
				continue
			}
			ref = w.heads[pending]
		}
		l := ks.links(ref)
		if d := deadlineOf(l); d <= now {
			if fields, key := ks.expireRef(ref, now, limit); key {
				ks.sh.expired.add(now - d)
				expired++
			} else {
				limit -= max(fields, 1) - 1
			}
		} else {
			ks.detach(l)
			ks.push(w.slot(d), ref, l)
		}
	}
	return expired, true
}

// advance moves the wheel's time towards now, in ticks, as far as the first list
// on the way, which is to be opened. ok is false when there is none.
func (w *wheel) advance(now int64) (slot int, ok bool) {
	if now < w.now {
		// The clock was set back. Whatever was due before the wheel's time
		// when it was linked is in the current list.
		slot = int(w.now & 63)
		w.now = now
		return slot, true
	}
	slot, tick, ok := w.next()
	// All of a list of level 0 is due at its end; others begin to be due at
	// their start.
	if !ok || tick > now || tick == now && slot < 64 {
		w.now = now
		return 0, false
	}
	w.now = tick
	return slot, true
}

// open moves a list to pending, whose records Expire deals out.
func (ks *Keyspace) open(slot int) bool {
	w := ks.wheel
	ref := w.heads[slot]
	w.heads[slot] = 0
	w.used[slot>>6] &^= 1 << (slot & 63)
	w.heads[pending] = ref
	if ref == 0 {
		return false
	}
	setPrev(ks.links(ref), headBit|pending)
	return true
}

// expireRef removes an expired key, or up to max expired fields of a timed hash.
func (ks *Keyspace) expireRef(ref mem.Ref, now int64, max int) (fields int, key bool) {
	rec := parse(ks.arena, ref)
	hash := ks.st.Key(rec.key(ks.arena, ref)).H
	slot, ok := ks.table.FindRef(hash, ref)
	if !ok {
		panic("store: a record on the expiry wheel is not in the table")
	}
	e := Entry{ks, ref, rec, slot}
	if e.Expired(now) {
		ks.expire(e)
		return 0, true
	}
	_, fields = ks.expireFields(e, now, max)
	return fields, false
}

// Lag is the distribution of the time between a key's deadline and its removal
// by the expiry cycle.
type Lag struct {
	Count uint64
	Sum   int64      // milliseconds
	Max   int64      // milliseconds
	Log2  [32]uint64 // removals with a lag below 2^i ms
}

func (l *Lag) add(ms int64) {
	l.Count++
	l.Sum += ms
	l.Max = max(l.Max, ms)
	l.Log2[min(bits.Len64(uint64(ms)), 31)]++
}

// Merge adds another distribution to l.
func (l *Lag) Merge(o *Lag) {
	l.Count += o.Count
	l.Sum += o.Sum
	l.Max = max(l.Max, o.Max)
	for i := range l.Log2 {
		l.Log2[i] += o.Log2[i]
	}
}

// Volatile is the number of keys with a deadline in all databases of the shard,
// flushed ones included. The shard must be locked.
func (sh *Shard) Volatile() int { return sh.volatile }

// Perishable is Volatile with the hashes whose fields have deadlines: when it is 0,
// there is nothing for Expire to do.
func (sh *Shard) Perishable() int { return sh.linked }

// Lag gives the shard's distribution. The shard must be locked.
func (sh *Shard) Lag() Lag { return sh.expired }

// ResetLag forgets it.
func (sh *Shard) ResetLag() { sh.expired = Lag{} }
