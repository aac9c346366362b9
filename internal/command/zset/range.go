package zset

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/ds/zset"
	"github.com/redstart-db/redstart/internal/store"
)

// order is what the bounds of a range are.
type order uint8

const (
	anyOrder order = iota // not said yet
	byRank
	byScore
	byLex
)

// selection is what a command of the ZRANGE kind asks for.
type selection struct {
	by          order
	reverse     bool
	scores      bool // WITHSCORES
	start, stop int64
	score       zset.ScoreRange
	lex         zset.LexRange
	offset      int64
	limit       int64 // negative: all
}

// ranks gives the ranks from to to-1 of the selected elements.
func (s *selection) ranks(v *view) (from, to int) {
	switch s.by {
	case byScore:
		from, to = v.byScore(&s.score)
	case byLex:
		from, to = v.byLex(&s.lex, s.reverse)
	default:
		n := v.len()
		if from, to = rankRange(s.start, s.stop, n); s.reverse {
			from, to = n-to, n-from
		}
		return from, to
	}
	skip, limit := int64(to-from), int64(to-from)
	if s.offset >= 0 {
		skip = min(skip, s.offset)
	}
	if limit -= skip; s.limit >= 0 {
		limit = min(limit, s.limit)
	}
	if s.reverse {
		to -= int(skip)
		return to - int(limit), to
	}
	from += int(skip)
	return from, from + int(limit)
}

// parse reads the arguments from the source's key on. What is set already cannot
// be chosen. The error is in the reply when ok is false.
func (s *selection) parse(c *command.Ctx, source int, store bool) (ok bool) {
	s.limit = -1
	if !s.options(c, source+3, store) {
		return false
	}
	lo, hi := source+1, source+2
	switch s.by {
	case byScore, byLex:
		if s.reverse {
			lo, hi = hi, lo
		}
	default:
		if s.start, ok = c.IntArg(lo); ok {
			s.stop, ok = c.IntArg(hi)
		}
		return ok
	}
	if s.by == byScore {
		s.score, ok = scoreRange(c, c.Args[lo], c.Args[hi])
	} else {
		s.lex, ok = lexRange(c, c.Args[lo], c.Args[hi])
	}
	return ok
}

// options reads the words behind the bounds. Only where the order is left open
// may it be chosen, and the direction too.
func (s *selection) options(c *command.Ctx, i int, store bool) (ok bool) {
	open := s.by == anyOrder
	for ; i < len(c.Args); i++ {
		switch {
		case !store && c.Is(i, "WITHSCORES"):
			s.scores = true
		case i+2 < len(c.Args) && c.Is(i, "LIMIT"):
			if s.offset, ok = c.IntArg(i + 1); ok {
				s.limit, ok = c.IntArg(i + 2)
			}
			if !ok {
				return false
			}
			i += 2
		case open && !s.reverse && c.Is(i, "REV"):
			s.reverse = true
		case s.by == anyOrder && c.Is(i, "BYLEX"):
			s.by = byLex
		case s.by == anyOrder && c.Is(i, "BYSCORE"):
			s.by = byScore
		default:
			c.Err(command.ErrSyntax)
			return false
		}
	}
	switch {
	case s.limit != -1 && s.by != byScore && s.by != byLex:
		c.Err("ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX")
		return false
	case s.scores && s.by == byLex:
		c.Err("ERR syntax error, WITHSCORES not supported in combination with BYLEX")
		return false
	}
	return true
}

func zrange(c *command.Ctx)           { replySelection(c, selection{}) }
func zrevRange(c *command.Ctx)        { replySelection(c, selection{by: byRank, reverse: true}) }
func zrangeByScore(c *command.Ctx)    { replySelection(c, selection{by: byScore}) }
func zrevRangeByScore(c *command.Ctx) { replySelection(c, selection{by: byScore, reverse: true}) }
func zrangeByLex(c *command.Ctx)      { replySelection(c, selection{by: byLex}) }
func zrevRangeByLex(c *command.Ctx)   { replySelection(c, selection{by: byLex, reverse: true}) }

func replySelection(c *command.Ctx, s selection) {
	if !s.parse(c, 1, false) {
		return
	}
	e, ok := c.ReadType(c.Key(1), store.ZSet)
	switch {
	case !ok:
	case e.Ok():
		v := open(e)
		from, to := s.ranks(&v)
		replyRange(c, &v, from, to, s.reverse, s.scores)
	default:
		c.Array(0)
	}
}

// zrangeStore reads the source to its end before anything is changed: it may be
// the destination as well.
func zrangeStore(c *command.Ctx) {
	var s selection
	if !s.parse(c, 2, true) {
		return
	}
	r := newResult(c, c.Key(1))
	src, ok := c.ReadType(c.Key(2), store.ZSet)
	if !ok {
		return
	}
	if src.Ok() {
		v := open(src)
		from, to := s.ranks(&v)
		r.fill(func() { s.copyTo(&r, &v, from, to) })
	}
	r.store("zrangestore")
}

// copyTo adds the elements with ranks from to to-1 to a result.
func (s *selection) copyTo(r *result, v *view, from, to int) {
	r.expect(to-from, false)
	signless := s.signless(r.c, v, from, to)
	var buf [24]byte
	at := v.seek(from)
	for i := from; i < to; i++ {
		score, read := at.score(), i-from
		if s.reverse {
			read = to - 1 - i
		}
		if score == 0 && read < signless {
			score = 0 // not -0
		}
		r.add(at.member(&buf), score)
		at.next()
	}
}

// signless is the number of elements, in the order in which they are read, that Redis
// has in a packed set at first, where zeros lose their sign, even if others that
// come later do not fit it.
func (s *selection) signless(c *command.Ctx, v *view, from, to int) (n int) {
	entries := c.Config.ZsetMaxListpackEntries
	known := s.by != byScore && s.by != byLex // their number, in advance
	if v.big == nil || from == to || known && int64(to-from) > entries {
		return 0
	}
	at := v.seek(from)
	if s.reverse {
		at = v.seek(to - 1)
	}
	var buf [24]byte
	for most := min(int64(to-from), entries); int64(n) < most; n++ {
		if int64(len(at.member(&buf))) > c.Config.ZsetMaxListpackValue {
			break
		}
		if s.reverse {
			at.prev()
		} else {
			at.next()
		}
	}
	return n
}
