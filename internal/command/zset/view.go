package zset

import (
	"github.com/redstart-db/redstart/internal/bulks"
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/ds/zset"
	"github.com/redstart-db/redstart/internal/store"
)

// view is a sorted set in either form, to be read. It is valid while its entry is.
type view struct {
	big   *zset.ZSet // nil when it is packed
	small zset.Packed
}

// open gives the view of an entry, which must be a sorted set.
func open(e store.Entry) view {
	if e.Packed() {
		return view{small: e.Pack()}
	}
	return view{big: e.Object().(*zset.ZSet)}
}

func (v *view) len() int {
	if v.big != nil {
		return v.big.Len()
	}
	return v.small.Len()
}

func (v *view) score(member []byte) (score float64, ok bool) {
	if v.big != nil {
		return v.big.Score(member)
	}
	pos, ok := v.small.Find(member)
	if !ok {
		return 0, false
	}
	return v.small.Score(pos), true
}

func (v *view) rank(member []byte) (rank int, score float64, ok bool) {
	if v.big != nil {
		return v.big.Rank(member)
	}
	pos, ok := v.small.Find(member)
	if !ok {
		return 0, 0, false
	}
	return v.small.Rank(pos), v.small.Score(pos), true
}

// byScore gives the ranks from to to-1 of what is in a range.
func (v *view) byScore(r *zset.ScoreRange) (from, to int) {
	if v.big != nil {
		return v.big.ByScore(r)
	}
	return v.small.ByScore(r)
}

// byLex is byScore for a range of members, which is to be read in reverse or not:
// where scores differ, that is not the same.
func (v *view) byLex(r *zset.LexRange, reverse bool) (from, to int) {
	if v.big != nil {
		return v.big.ByLex(r)
	}
	return v.small.ByLex(r, reverse)
}

// seek is the cursor at the element of a rank.
func (v *view) seek(rank int) cursor {
	if v.big != nil {
		return cursor{big: v.big.Seek(rank), isBig: true}
	}
	return cursor{small: v.small.Seek(rank)}
}

// cursor is a place in the order of a view.
type cursor struct {
	big   zset.Cursor
	small zset.PackedCursor
	isBig bool
}

func (at *cursor) valid() bool {
	if at.isBig {
		return at.big.Valid()
	}
	return at.small.Valid()
}

func (at *cursor) next() {
	if at.isBig {
		at.big.Next()
	} else {
		at.small.Next()
	}
}

func (at *cursor) prev() {
	if at.isBig {
		at.big.Prev()
	} else {
		at.small.Prev()
	}
}

func (at *cursor) score() float64 {
	if at.isBig {
		return at.big.Score()
	}
	return at.small.Score()
}

// member is the member at the cursor: a view, or digits written into buf.
func (at *cursor) member(buf *[24]byte) []byte {
	if at.isBig {
		return at.big.Member()
	}
	return at.small.Bytes(buf)
}

// reply appends the member at the cursor.
func (at *cursor) reply(c *command.Ctx) {
	if at.isBig {
		c.Bulk(at.big.Member())
		return
	}
	c.Out, _ = bulks.AppendOne(c.Out, at.small.Packed(), at.small.Pos())
}

// replyRange appends the elements with ranks from to to-1: a whole reply, in which
// elements with scores are pairs in RESP3 and not told apart in RESP2.
func replyRange(c *command.Ctx, v *view, from, to int, reverse, scores bool) {
	replyHeader(c, to-from, scores)
	replyElements(c, v, from, to, reverse, scores, scores && c.Resp3())
}

// replyHeader begins an array of n elements.
func replyHeader(c *command.Ctx, n int, scores bool) {
	if scores && !c.Resp3() {
		n *= 2
	}
	c.Array(n)
}

// replyElements is replyRange without a header, and with pairs as nested says.
func replyElements(c *command.Ctx, v *view, from, to int, reverse, scores, nested bool) {
	if from == to {
		return
	}
	if v.big == nil {
		replyPacked(c, v.small, from, to, reverse, scores, nested)
		return
	}
	at := v.big.Seek(from)
	if reverse {
		at = v.big.Seek(to - 1)
	}
	for n := to - from; n > 0; n-- {
		if nested {
			c.Array(2)
		}
		c.Bulk(at.Member())
		if scores {
			c.Double(at.Score())
		}
		if reverse {
			at.Prev()
		} else {
			at.Next()
		}
	}
}

// replyPacked is replyElements of a packed set.
func replyPacked(c *command.Ctx, p zset.Packed, from, to int, reverse, scores, nested bool) {
	at := p.Seek(from)
	if reverse {
		at = p.Seek(to - 1)
	}
	for n := to - from; n > 0; n-- {
		if nested {
			c.Array(2)
		}
		c.Out, _ = bulks.AppendOne(c.Out, p, at.Pos())
		if scores {
			replyScore(c, &at)
		}
		if reverse {
			at.Prev()
		} else {
			at.Next()
		}
	}
}

// replyScore replies with the score at a cursor, which mostly is stored as it is
// replied.
func replyScore(c *command.Ctx, at *zset.PackedCursor) {
	const exact = 1 << 53 // up to here a float can be any integer
	if v := at.Stored(); v.IsInt() && -exact < v.Int && v.Int < exact && !c.Resp3() {
		c.BulkInt(v.Int)
		return
	}
	c.Double(at.Score())
}
