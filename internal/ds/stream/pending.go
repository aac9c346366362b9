package stream

import (
	"github.com/redstart-db/redstart/internal/ds/idtree"
	"github.com/redstart-db/redstart/internal/mem"
)

// Pending is an entry that was delivered to a consumer and not acknowledged.
type Pending struct {
	ID       ID
	Consumer *Consumer
	Time     int64  // of the last delivery, in Unix milliseconds
	Count    uint64 // of deliveries
}

// record is what the trees of pending entries refer to.
type record struct {
	time     int64
	count    uint64
	consumer uint32 // number in the group
	_        uint32
}

const recordSize = 24

func (g *Group) record(ref mem.Ref) *record { return mem.At[record](g.arena, ref) }

func (g *Group) show(id ID, ref mem.Ref) Pending {
	r := g.record(ref)
	return Pending{ID: id, Consumer: g.slots[r.consumer], Time: r.time, Count: r.count}
}

// Pending gives what is known of a pending entry.
func (g *Group) Pending(id ID) (p Pending, ok bool) {
	ref, ok := g.pending.Get(id)
	if !ok || g.isHidden(ref) {
		return p, false
	}
	return g.show(id, ref), true
}

// Deliver makes an entry pending for a consumer, or that consumer's if it is
// pending already.
func (g *Group) Deliver(id ID, c *Consumer, time int64, count uint64) {
	ref, ok := g.pending.Get(id)
	if !ok {
		g.insert(id, c, record{time: time, count: count, consumer: c.slot})
		return
	}
	if from := g.slots[g.record(ref).consumer]; from != c {
		c.pending.Insert(id, ref)
		from.pending.Delete(id)
		g.leaves(from)
	}
	*g.record(ref) = record{time: time, count: count, consumer: c.slot}
}

// insert makes an entry pending that is not.
func (g *Group) insert(id ID, c *Consumer, r record) {
	ref := g.arena.Alloc(recordSize)
	steps := 0
	defer func() {
		if steps == 1 {
			g.pending.Delete(id)
		}
		if steps < 2 {
			g.arena.Free(ref)
		}
	}()
	g.pending.Insert(id, ref)
	steps++
	c.pending.Insert(id, ref)
	steps++
	*g.record(ref) = r
}

// Ack makes an entry not pending any more, and tells whether it was.
func (g *Group) Ack(id ID) bool {
	ref, ok := g.pending.Get(id)
	if !ok || g.isHidden(ref) {
		return false
	}
	g.pending.Delete(id)
	g.slots[g.record(ref).consumer].pending.Delete(id)
	g.arena.Free(ref)
	return true
}

// PendingCursor is a place among pending entries, in the order of their IDs. It
// is valid until something becomes pending, or pending no more.
type PendingCursor struct {
	g   *Group
	at  idtree.Cursor[mem.Ref]
	all bool // among those of all consumers
}

// PendingFrom is the cursor at the first pending entry whose ID is not below id:
// of all, or if c is not nil of those of that consumer.
func (g *Group) PendingFrom(id ID, c *Consumer) PendingCursor {
	if c != nil {
		return PendingCursor{g, c.pending.Seek(id), false}
	}
	p := PendingCursor{g, g.pending.Seek(id), true}
	p.skip()
	return p
}

// PendingLast is the cursor at the last pending entry.
func (g *Group) PendingLast() PendingCursor { return PendingCursor{g, g.lastSeen(), true} }

// Valid tells whether the cursor is at an entry.
func (c *PendingCursor) Valid() bool { return c.at.Valid() }

// ID is the ID of the entry at a valid cursor.
func (c *PendingCursor) ID() ID { return c.at.ID() }

// Pending is the entry at a valid cursor.
func (c *PendingCursor) Pending() Pending { return c.g.show(c.at.ID(), c.at.Value()) }

// Next goes to the next entry.
func (c *PendingCursor) Next() {
	if c.at.Next(); c.all {
		c.skip()
	}
}
