package stream

import "github.com/redstart-db/redstart/internal/mem"

// Copying is a copy of a stream in the making: nodes first, then group by group and
// consumer by consumer what is pending. The stream must not change meanwhile.
type Copying struct {
	from, to *Stream
	node     ID  // the next one
	nodes    int // that have been copied
	group    int // of from, by index
	consumer int // of that, by index
	begun    *Consumer
	pending  ID // the next one of the consumer
}

// CopyInto begins a copy of the stream in to, which was prepared by Init and is empty, and
// may live in another arena. When that is exhausted, to is not whole, and has to be
// dropped.
func (s *Stream) CopyInto(to *Stream) Copying { return Copying{from: s, to: to} }

// Part copies about max nodes, consumers or pending entries and about so many bytes of
// nodes more, and tells whether that was the last of them.
func (c *Copying) Part(max, bytes int) (done bool) {
	if c.nodes < c.from.nodes.Len() {
		c.copyNodes(max, bytes)
		return false
	}
	s, copied := c.from, c.to
	for ; c.group < len(s.groups); c.group++ {
		g := s.groups[c.group]
		to := copied.Group([]byte(g.name))
		if to == nil {
			to = copied.NewGroup([]byte(g.name), g.last, g.read)
		}
		for c.consumer < len(g.consumers) {
			if max = c.copyPending(g, to, max); max <= 0 {
				return false
			}
		}
		c.consumer = 0
	}
	copied.length, copied.added = s.length, s.added
	copied.first, copied.last, copied.deleted, copied.setBack = s.first, s.last, s.deleted, s.setBack
	return true
}

func (c *Copying) copyNodes(max, bytes int) {
	to := c.to
	began := to.bytes
	c.from.Walk(c.node, func(id ID, lp []byte) bool {
		m := readMaster(lp, id)
		ref, ok := to.take(len(lp) + room(m.count, m.deleted))
		if !ok {
			panic(mem.ErrExhausted)
		}
		copy(to.arena.Bytes(ref, len(lp)), lp)
		to.addNode(id, placeOf(ref, m.count))
		c.node, _ = Next(id)
		c.nodes++
		max--
		return max > 0 && to.bytes-began < bytes
	})
}

// copyPending goes on with a consumer of a group, and gives what is left of max.
func (c *Copying) copyPending(g, to *Group, max int) int {
	from := g.consumers[c.consumer]
	if c.begun == nil {
		c.begun, c.pending = to.NewConsumer([]byte(from.name), from.Seen), ID{}
		c.begun.Active = from.Active
		max--
	}
	p := g.PendingFrom(c.pending, from)
	for ; p.Valid() && max > 0; p.Next() {
		e := p.Pending()
		to.insert(e.ID, c.begun, record{time: e.Time, count: e.Count, consumer: c.begun.slot})
		c.pending, _ = Next(e.ID)
		max--
	}
	if !p.Valid() {
		c.begun = nil
		c.consumer++
	}
	return max
}
