package stream

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/ds/stream"
)

// errNoSuchGroup is the error of commands that need a key with a group.
func errNoSuchGroup(key, group []byte) string {
	return "NOGROUP No such key '" + string(cut(key)) + "' or consumer group '" + string(cut(group)) + "'"
}

// groupArgs finds the group that arguments 1 and 2 name, nil if there is none or
// no such key. The error is in the reply when ok is false.
func groupArgs(c *command.Ctx) (s *stream.Stream, g *stream.Group, ok bool) {
	s, ok = reading(c, 1)
	if s != nil {
		k := c.Key(1)
		c.Keyspace(k).Announce(k) // what is pending may change
		g = s.Group(c.Args[2])
	}
	return s, g, ok
}

// needGroup is groupArgs, and an error if there is no group.
func needGroup(c *command.Ctx) (s *stream.Stream, g *stream.Group, ok bool) {
	s, g, ok = groupArgs(c)
	if ok && g == nil {
		c.Err(errNoSuchGroup(c.Args[1], c.Args[2]))
		return nil, nil, false
	}
	return s, g, ok
}

func xack(c *command.Ctx) {
	_, g, ok := groupArgs(c)
	if !ok {
		return
	}
	if g == nil {
		c.Int(0)
		return
	}
	if !checkIDs(c, 3) {
		return
	}
	n := 0
	for _, b := range c.Args[3:] {
		if id, _, _ := parseID(b, firstSeq); g.Ack(id) {
			n++
		}
	}
	c.Dirty(n)
	c.Int(int64(n))
}

// summary replies with what XPENDING says of all pending entries.
func summary(c *command.Ctx, g *stream.Group) {
	c.Array(4)
	c.Int(int64(g.Len()))
	first, last := g.PendingFrom(stream.ID{}, nil), g.PendingLast()
	if !first.Valid() {
		c.Null()
		c.Null()
		c.NullArray()
		return
	}
	replyID(c, first.ID())
	replyID(c, last.ID())
	m := c.Defer()
	n := 0
	for _, consumer := range g.Consumers() {
		if consumer.Len() > 0 {
			c.Array(2)
			c.Str(consumer.Name())
			c.BulkInt(int64(consumer.Len()))
			n++
		}
	}
	c.End(m, n)
}

// pendingQuery is the arguments of the long form of XPENDING.
type pendingQuery struct {
	minIdle  int64
	from, to stream.ID
	count    int64
	consumer int // argument with its name, 0 without
}

func parsePending(c *command.Ctx) (q pendingQuery, ok bool) {
	if len(c.Args) < 6 || len(c.Args) > 9 {
		c.Err(command.ErrSyntax)
		return q, false
	}
	at := 3
	if c.Is(3, "IDLE") {
		if q.minIdle, ok = c.IntArg(4); !ok {
			return q, false
		}
		if len(c.Args) < 8 {
			c.Err(command.ErrSyntax)
			return q, false
		}
		at = 5
	}
	if q.count, ok = c.IntArg(at + 2); !ok {
		return q, false
	}
	if q.from, ok = startArg(c, at); !ok {
		return q, false
	}
	if q.to, ok = endArg(c, at+1); !ok {
		return q, false
	}
	if at+3 < len(c.Args) {
		q.consumer = at + 3
	}
	return q, true
}

func xpending(c *command.Ctx) {
	if len(c.Args) == 3 {
		if _, g, ok := needGroup(c); ok {
			summary(c, g)
		}
		return
	}
	q, ok := parsePending(c)
	if !ok {
		return
	}
	_, g, ok := needGroup(c)
	if !ok {
		return
	}
	var consumer *stream.Consumer
	if q.consumer != 0 {
		if consumer = g.Consumer(c.Args[q.consumer]); consumer == nil {
			c.Array(0)
			return
		}
	}
	m := c.Defer()
	n := 0
	for p := g.PendingFrom(q.from, consumer); p.Valid() && !q.to.Less(p.ID()) && int64(n) < q.count; p.Next() {
		e := p.Pending()
		idle := c.Now() - e.Time
		if q.minIdle != 0 && idle < q.minIdle {
			continue
		}
		c.Array(4)
		replyID(c, e.ID)
		c.Str(e.Consumer.Name())
		c.Int(max(idle, 0))
		c.Int(int64(e.Count))
		n++
	}
	c.End(m, n)
}
