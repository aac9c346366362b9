package stream

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/ds/stream"
	"github.com/redstart-db/redstart/internal/num"
	"github.com/redstart-db/redstart/internal/store"
)

// member is a consumer at work: what the commands that deliver and claim have in
// common.
type member struct {
	c        *command.Ctx
	k        store.Key
	s        *stream.Stream
	g        *stream.Group
	group    []byte // the group's name
	name     []byte // the consumer's
	consumer *stream.Consumer
	told     bool // an effect tells the group's last ID
	counted  bool // reading counts as a change
}

// count counts reading as one change. It comes before the effects of what has been
// delivered, so that these stand when memory ends before all is.
func (m *member) count() {
	if !m.counted {
		m.counted = true
		m.c.Dirty(1)
	}
}

// join finds the consumer, or makes it, and notes that it was seen. That it was
// made has an effect of its own, for what it does next may find no memory.
func (m *member) join() {
	c := m.c
	if m.consumer = m.g.Consumer(m.name); m.consumer != nil {
		m.consumer.Seen = c.Now()
		return
	}
	m.consumer = m.g.NewConsumer(m.name, c.Now())
	c.Dirty(1)
	c.Event(m.k, command.NotifyStream, "xgroup-createconsumer")
	if c.Logging() {
		c.Effect([]byte("XGROUP"), []byte("CREATECONSUMER"), m.k.B, m.group, m.name)
	}
}

// deliver replies with entries that the group has not delivered yet, at most count
// of them unless that is 0, and makes them pending for the consumer.
func (m *member) deliver(from stream.ID, count int64, noAck bool) {
	c := m.c
	head := c.Defer()
	n := 0
	advanced := false
	defer func() { // also when memory ended half way
		if advanced {
			m.groupEffect()
		}
	}()
	for it := m.s.Range(from, stream.MaxID); (count == 0 || int64(n) < count) && it.Next(); n++ {
		id := it.ID()
		if !noAck {
			m.g.Deliver(id, m.consumer, c.Now(), 1)
		}
		if m.g.Last().Less(id) {
			m.s.Advance(m.g, id)
			advanced = true
		}
		m.count()
		replyEntry(c, &it)
		if !noAck {
			m.claimEffect(id, stream.Pending{Consumer: m.consumer, Time: c.Now(), Count: 1})
		}
	}
	if n > 0 {
		m.consumer.Active = c.Now()
	}
	c.End(head, n)
}

// replyPending replies with entries that are pending for the consumer, from one
// on, which counts as delivering them once more.
func (m *member) replyPending(from stream.ID, count int64) {
	c := m.c
	head := c.Defer()
	n := 0
	for p := m.g.PendingFrom(from, m.consumer); p.Valid() && (count == 0 || int64(n) < count); p.Next() {
		e := p.Pending()
		if replyOne(c, m.s, e.ID) {
			m.g.Deliver(e.ID, m.consumer, c.Now(), e.Count+1) // it is there, so the cursor stays valid
		} else {
			c.Array(2)
			replyID(c, e.ID)
			c.NullArray()
		}
		n++
	}
	c.End(head, n)
}

// claimEffect has what became of a pending entry as its effect, with the group's
// last ID.
func (m *member) claimEffect(id stream.ID, p stream.Pending) {
	m.told = true
	if !m.c.Logging() {
		return
	}
	var entry, last [maxIDLen]byte
	var time, count [num.MaxIntLen]byte
	m.c.Effect([]byte("XCLAIM"), m.k.B, m.group, []byte(p.Consumer.Name()), []byte("0"), idText(entry[:0], id),
		[]byte("TIME"), num.AppendInt(time[:0], p.Time), []byte("RETRYCOUNT"), num.AppendUint(count[:0], p.Count),
		[]byte("FORCE"), []byte("JUSTID"), []byte("LASTID"), idText(last[:0], m.g.Last()))
}

// groupEffect has how far the group has come as its effect.
func (m *member) groupEffect() {
	if !m.c.Logging() {
		return
	}
	var last [maxIDLen]byte
	var read [num.MaxIntLen]byte
	m.c.Effect([]byte("XGROUP"), []byte("SETID"), m.k.B, m.group, idText(last[:0], m.g.Last()),
		[]byte("ENTRIESREAD"), num.AppendInt(read[:0], m.g.Read()))
}
