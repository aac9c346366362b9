package stream

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/ds/stream"
)

func infoHelp(c *command.Ctx) {
	c.Help(
		"CONSUMERS <key> <groupname>",
		"    Show consumers of <groupname>.",
		"GROUPS <key>",
		"    Show the stream consumer groups.",
		"STREAM <key> [FULL [COUNT <count>]",
		"    Show information about the stream.",
	)
}

// infoOf looks up the stream of argument 2. Without one the error is in the reply.
func infoOf(c *command.Ctx) (s *stream.Stream, ok bool) {
	if s, ok = reading(c, 2); ok && s == nil {
		c.Err(command.ErrNoKey)
		return nil, false
	}
	return s, ok
}

// field replies with the name of a number, and the number.
func field(c *command.Ctx, name string, n int64) {
	c.Str(name)
	c.Int(n)
}

// countOrNull replies with a number that may not be known.
func countOrNull(c *command.Ctx, n int64, known bool) {
	if known {
		c.Int(n)
	} else {
		c.Null()
	}
}

func infoConsumers(c *command.Ctx) {
	s, ok := infoOf(c)
	if !ok {
		return
	}
	g := s.Group(c.Args[3])
	if g == nil {
		c.Err(errGroupName(c.Args[3], c.Args[2]))
		return
	}
	c.Array(len(g.Consumers()))
	for _, consumer := range g.Consumers() {
		c.Map(3)
		c.Str("name")
		c.Str(consumer.Name())
		field(c, "pending", int64(consumer.Len()))
		field(c, "idle", max(0, c.Now()-consumer.Seen))
	}
}

func infoGroups(c *command.Ctx) {
	s, ok := infoOf(c)
	if !ok {
		return
	}
	c.Array(len(s.Groups()))
	for _, g := range s.Groups() {
		c.Map(6)
		c.Str("name")
		c.Str(g.Name())
		field(c, "consumers", int64(len(g.Consumers())))
		field(c, "pending", int64(g.Len()))
		infoProgress(c, s, g)
	}
}

// infoProgress replies with how far a group has come: three fields.
func infoProgress(c *command.Ctx, s *stream.Stream, g *stream.Group) {
	c.Str("last-delivered-id")
	replyID(c, g.Last())
	c.Str("entries-read")
	countOrNull(c, g.Read(), g.Read() != stream.Unknown)
	c.Str("lag")
	lag, known := s.Lag(g)
	countOrNull(c, lag, known)
}

// fullCount is how many entries XINFO STREAM FULL shows unless COUNT says it.
const fullCount = 10

func infoStream(c *command.Ctx) {
	s, ok := infoOf(c)
	if !ok {
		return
	}
	n := len(c.Args)
	full, count := n > 3, int64(fullCount)
	if full && (n != 4 && n != 6 || !c.Is(3, "FULL") || n == 6 && !c.Is(4, "COUNT")) {
		c.UnknownSubcommand(c.Args[1])
		return
	}
	if n == 6 {
		if count, ok = c.IntArg(5); !ok {
			return
		}
		if count < 0 {
			count = fullCount
		}
	}
	if full {
		c.Map(9)
	} else {
		c.Map(10)
	}
	field(c, "length", int64(s.Len()))
	field(c, "radix-tree-keys", int64(s.Nodes()))
	field(c, "radix-tree-nodes", int64(s.RadixNodes()))
	c.Str("last-generated-id")
	replyID(c, s.Last())
	c.Str("max-deleted-entry-id")
	replyID(c, s.MaxDeleted())
	field(c, "entries-added", int64(s.Added()))
	c.Str("recorded-first-entry-id")
	replyID(c, s.First())
	if full {
		infoFull(c, s, count)
		return
	}
	field(c, "groups", int64(len(s.Groups())))
	infoEnd(c, "first-entry", s.Range(stream.ID{}, stream.MaxID))
	infoEnd(c, "last-entry", s.RangeBack(stream.MaxID, stream.ID{}))
}

// infoEnd replies with the entry at an end of the stream.
func infoEnd(c *command.Ctx, name string, it stream.Cursor) {
	c.Str(name)
	if it.Next() {
		replyEntry(c, &it)
	} else {
		c.Null()
	}
}

// infoFull replies with entries, and with groups and what is pending.
func infoFull(c *command.Ctx, s *stream.Stream, count int64) {
	c.Str("entries")
	replyRange(c, s.Range(stream.ID{}, stream.MaxID), count)
	c.Str("groups")
	c.Array(len(s.Groups()))
	for _, g := range s.Groups() {
		c.Map(7)
		c.Str("name")
		c.Str(g.Name())
		infoProgress(c, s, g)
		field(c, "pel-count", int64(g.Len()))
		c.Str("pending")
		infoPending(c, g.PendingFrom(stream.ID{}, nil), count, true)
		c.Str("consumers")
		c.Array(len(g.Consumers()))
		for _, consumer := range g.Consumers() {
			c.Map(4)
			c.Str("name")
			c.Str(consumer.Name())
			field(c, "seen-time", consumer.Seen)
			field(c, "pel-count", int64(consumer.Len()))
			c.Str("pending")
			infoPending(c, g.PendingFrom(stream.ID{}, consumer), count, false)
		}
	}
}

// infoPending replies with pending entries, at most count of them, or with all if
// that is 0.
func infoPending(c *command.Ctx, p stream.PendingCursor, count int64, named bool) {
	m := c.Defer()
	n := 0
	for ; p.Valid() && (count == 0 || int64(n) < count); p.Next() {
		e := p.Pending()
		if named {
			c.Array(4)
			replyID(c, e.ID)
			c.Str(e.Consumer.Name())
		} else {
			c.Array(3)
			replyID(c, e.ID)
		}
		c.Int(e.Time)
		c.Int(int64(e.Count))
		n++
	}
	c.End(m, n)
}
