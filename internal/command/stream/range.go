package stream

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/ds/stream"
)

func xlen(c *command.Ctx) {
	s, ok := reading(c, 1)
	switch {
	case !ok:
	case s == nil:
		c.Int(0)
	default:
		c.Int(int64(s.Len()))
	}
}

func xrange(c *command.Ctx)    { replyBetween(c, 2, 3, (*stream.Stream).Range) }
func xrevrange(c *command.Ctx) { replyBetween(c, 3, 2, reversed) }

func reversed(s *stream.Stream, from, to stream.ID) stream.Cursor { return s.RangeBack(to, from) }

// replyBetween replies with the entries between the bounds in two arguments.
func replyBetween(c *command.Ctx, first, last int, walk func(s *stream.Stream, from, to stream.ID) stream.Cursor) {
	from, ok := startArg(c, first)
	if !ok {
		return
	}
	to, ok := endArg(c, last)
	if !ok {
		return
	}
	count := int64(-1)
	for i := 4; i < len(c.Args); i += 2 {
		if !c.Is(i, "COUNT") || i+1 == len(c.Args) {
			c.Err(command.ErrSyntax)
			return
		}
		if count, ok = c.IntArg(i + 1); !ok {
			return
		}
		count = max(count, 0)
	}
	s, ok := reading(c, 1)
	switch {
	case !ok:
	case s == nil:
		c.Array(0)
	case count == 0:
		c.NullArray()
	default:
		replyRange(c, walk(s, from, to), max(count, 0))
	}
}
