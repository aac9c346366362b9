package stream

import (
	"slices"

	"github.com/redstart-db/redstart/internal/ds/idtree"
	"github.com/redstart-db/redstart/internal/mem"
)

// Group is a consumer group of a stream. It belongs to that, and is valid until
// it is removed or the stream is.
type Group struct {
	arena     *mem.Arena
	name      string
	last      ID
	read      int64
	pending   idtree.Tree[mem.Ref] // to records
	consumers []*Consumer          // by name
	slots     []*Consumer          // by number, removed ones with them; nil where a number is free
	removed   []*Consumer          // whose entries are still in pending, where nobody sees them
	hidden    int                  // how many these are
}

// Consumer is a consumer of a group. It is valid until it is removed.
type Consumer struct {
	name    string
	slot    uint32 // its number in the group
	pending idtree.Tree[mem.Ref]
	removed bool

	// Seen is when the consumer last tried to read or to claim, and Active when
	// it last got something, -1 for never; in Unix milliseconds.
	Seen, Active int64
}

// findGroup is the index of a group, or where it belongs.
func findGroup(groups []*Group, name []byte) (int, bool) {
	return slices.BinarySearchFunc(groups, name, func(g *Group, name []byte) int {
		return compare(g.name, name)
	})
}

// findConsumer is the index of a consumer, or where it belongs.
func findConsumer(consumers []*Consumer, name []byte) (int, bool) {
	return slices.BinarySearchFunc(consumers, name, func(c *Consumer, name []byte) int {
		return compare(c.name, name)
	})
}

// compare is bytes.Compare of a string.
func compare(a string, b []byte) int {
	switch {
	case a < string(b):
		return -1
	case a == string(b):
		return 0
	}
	return 1
}

// Groups is the groups by name. The slice must not be changed.
func (s *Stream) Groups() []*Group { return s.groups }

// Group is the group with a name, or nil.
func (s *Stream) Group(name []byte) *Group {
	if i, ok := findGroup(s.groups, name); ok {
		return s.groups[i]
	}
	return nil
}

// NewGroup adds a group, or gives nil when there is one of that name. See Last and
// Read for the other arguments.
func (s *Stream) NewGroup(name []byte, last ID, read int64) *Group {
	i, ok := findGroup(s.groups, name)
	if ok {
		return nil
	}
	g := &Group{arena: s.arena, name: string(name), last: last, read: read}
	g.pending.Init(s.arena)
	s.groups = slices.Insert(s.groups, i, g)
	return g
}

// TakeGroup removes a group from the stream. It takes the memory of the arena
// until it is dropped.
func (s *Stream) TakeGroup(g *Group) {
	if i, ok := findGroup(s.groups, []byte(g.name)); ok {
		s.groups = slices.Delete(s.groups, i, i+1)
	}
}

// Name is the name of the group.
func (g *Group) Name() string { return g.name }

// Last is the ID of the last entry that was delivered to a consumer as new.
func (g *Group) Last() ID { return g.last }

// SetLast changes what Last says.
func (g *Group) SetLast(id ID) { g.last = id }

// Read is how many entries of the stream, from the first that was ever added, the
// group has read: up to that with the ID that Last says; or Unknown.
func (g *Group) Read() int64 { return g.read }

// SetRead changes what Read says.
func (g *Group) SetRead(n int64) { g.read = n }

// Advance notes that the entry with an ID above Last was delivered as new.
func (s *Stream) Advance(g *Group, id ID) {
	switch {
	case g.read != Unknown && !s.hasGaps(id):
		g.read++
	case s.added > 0:
		g.read = s.Count(id)
	}
	g.last = id
}

// Lag is the number of entries that are still to be delivered to a group, if that
// can be told. It is negative when the counters were set so.
func (s *Stream) Lag(g *Group) (n int64, known bool) {
	if s.added == 0 {
		return 0, true
	}
	read := g.read
	if read == Unknown || s.hasGaps(g.last) {
		if read = s.Count(g.last); read == Unknown {
			return 0, false
		}
	}
	return int64(s.added) - read, true
}

// Consumers is the consumers by name. The slice must not be changed.
func (g *Group) Consumers() []*Consumer { return g.consumers }

// Consumer is the consumer with a name, or nil.
func (g *Group) Consumer(name []byte) *Consumer {
	if i, ok := findConsumer(g.consumers, name); ok {
		return g.consumers[i]
	}
	return nil
}

// NewConsumer adds a consumer that was seen at a time in Unix milliseconds, or
// gives nil when there is one of that name.
func (g *Group) NewConsumer(name []byte, seen int64) *Consumer {
	i, ok := findConsumer(g.consumers, name)
	if ok {
		return nil
	}
	c := &Consumer{name: string(name), Seen: seen, Active: -1}
	c.pending.Init(g.arena)
	slot := len(g.slots)
	if slot > len(g.consumers)+len(g.removed) {
		slot = slices.Index(g.slots, nil)
	} else {
		g.slots = append(g.slots, nil)
	}
	c.slot = uint32(slot)
	g.slots[slot] = c
	g.consumers = slices.Insert(g.consumers, i, c)
	return c
}

// Name is the name of the consumer.
func (c *Consumer) Name() string { return c.name }

// Len is the number of entries that are pending for any consumer.
func (g *Group) Len() int { return g.pending.Len() - g.hidden }

// Len is the number of entries that are pending for the consumer.
func (c *Consumer) Len() int { return c.pending.Len() }

// Bytes is the memory of the arena that the group takes.
func (g *Group) Bytes() int {
	n := g.pending.Bytes() + g.pending.Len()*recordSize
	for _, c := range g.slots {
		if c != nil {
			n += c.pending.Bytes()
		}
	}
	return n
}

// Drop frees about max pending entries of a group that was taken from its stream,
// and reports whether nothing is left. Between the steps nothing but Drop and Len
// may be called.
func (g *Group) Drop(max int) (done bool) {
	const perLeaf = 64
	n := min(g.pending.Len(), max)
	if n > 0 {
		g.pending.DeleteRange(0, n, func(_ ID, ref mem.Ref) { g.arena.Free(ref) })
	}
	g.hidden = min(g.hidden, g.pending.Len())
	for max -= n; max > 0 && len(g.slots) > 0; {
		last := len(g.slots) - 1
		c := g.slots[last]
		if c == nil {
			g.slots = g.slots[:last]
			continue
		}
		leaves := (max + perLeaf - 1) / perLeaf
		max -= min(c.pending.Len(), leaves*perLeaf) + 1
		if c.pending.Drop(leaves, nil) {
			g.slots[last] = nil
			g.slots = g.slots[:last]
		}
	}
	return g.pending.Len() == 0 && len(g.slots) == 0
}
