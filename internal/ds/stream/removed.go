package stream

import (
	"slices"

	"github.com/redstart-db/redstart/internal/ds/idtree"
	"github.com/redstart-db/redstart/internal/mem"
)

// # Removing a consumer
//
// What is pending for it may be millions of entries, and what is pending for others may
// be between any two of them. So only its name goes at once. Its tree, its number and the
// records stay, and so do its entries in the tree of the group, where who looks takes an
// entry for absent if its consumer is a removed one; until Purge has freed them. A removed
// consumer has entries: one without is forgotten. An entry that is delivered again
// before that moves to its new consumer, like that of any other.

// removeAtOnce is how many pending entries of a consumer go with it; more are left to
// Purge.
const removeAtOnce = 64

// RemoveConsumer removes a consumer of a group and all that is pending for it. It takes
// little time, whatever their number, and leaves most of the work to Purge.
func (s *Stream) RemoveConsumer(g *Group, c *Consumer) {
	if i, ok := findConsumer(g.consumers, []byte(c.name)); ok {
		g.consumers = slices.Delete(g.consumers, i, i+1)
	}
	c.removed = true
	g.removed = append(g.removed, c)
	g.hidden += c.pending.Len()
	if c.pending.Len() <= removeAtOnce {
		g.exhume(c, removeAtOnce)
		return
	}
	s.unpurged = true
}

// exhume frees about max entries of a removed consumer.
func (g *Group) exhume(c *Consumer, max int) {
	n := min(c.pending.Len(), max)
	if n > 0 {
		c.pending.DeleteRange(0, n, func(id ID, ref mem.Ref) {
			g.pending.Delete(id)
			g.arena.Free(ref)
		})
		g.hidden -= n
	}
	if c.pending.Len() == 0 {
		g.forget(c)
	}
}

// forget ends what there is of a removed consumer that has no entry any more.
func (g *Group) forget(c *Consumer) {
	g.slots[c.slot] = nil
	if i := slices.Index(g.removed, c); len(g.removed) > 1 {
		g.removed = slices.Delete(g.removed, i, i+1)
	} else {
		g.removed = nil
	}
}

// purge frees about max entries of removed consumers, and reports whether none is left.
func (g *Group) purge(max int) (done bool) {
	if last := len(g.removed) - 1; last >= 0 {
		g.exhume(g.removed[last], max)
	}
	return len(g.removed) == 0
}

// isHidden tells whether an entry of the group's tree is that of a removed consumer.
func (g *Group) isHidden(ref mem.Ref) bool {
	return g.hidden > 0 && g.slots[g.record(ref).consumer].removed
}

// leaves is called when a consumer has lost an entry to another one.
func (g *Group) leaves(c *Consumer) {
	if !c.removed {
		return
	}
	if g.hidden--; c.pending.Len() == 0 {
		g.forget(c)
	}
}

// skip has a cursor among the entries of the group go on to one that is not hidden. If it
// passes as many as there are consumers, it asks each of them what it has from there on.
func (c *PendingCursor) skip() {
	for n := 0; c.at.Valid() && c.g.isHidden(c.at.Value()); n++ {
		if n < len(c.g.consumers) {
			c.at.Next()
			continue
		}
		from, next, some := c.at.ID(), MaxID, false
		for _, consumer := range c.g.consumers {
			if first := consumer.pending.Seek(from); first.Valid() && !next.Less(first.ID()) {
				next, some = first.ID(), true
			}
		}
		if some {
			c.at = c.g.pending.Seek(next)
		} else {
			c.at = idtree.Cursor[mem.Ref]{}
		}
	}
}

// lastSeen is the cursor at the last entry of the group that is not hidden.
func (g *Group) lastSeen() idtree.Cursor[mem.Ref] {
	at := g.pending.Last()
	if g.hidden == 0 || !at.Valid() {
		return at
	}
	at = idtree.Cursor[mem.Ref]{}
	for _, c := range g.consumers {
		if last := c.pending.Last(); last.Valid() && (!at.Valid() || at.ID().Less(last.ID())) {
			at = last
		}
	}
	return at
}
