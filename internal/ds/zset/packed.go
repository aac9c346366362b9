package zset

import (
	"bytes"
	"math"

	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/num"
)

// Packed is the small form: a listpack of pairs, ordered as the large form is.
//
//	+--------+----------+---------+-----+----------+---------+-----+
//	| header | member 0 | score 0 | ... | member n | score n | end |
//	+--------+----------+---------+-----+----------+---------+-----+
//
// A score without a fraction and of at most 2^62 is an integer entry, so -0 becomes
// 0; others are the text of num.AppendFloat. Redis writes them so, and a listpack
// from elsewhere may have any text that C's strtod reads.
//
// An element is known by the position of its member. Methods that change a Packed
// give the new one and, like those of package listpack, write into its array when
// that has the capacity. Bytes that are passed to them must not lie in it.
type Packed []byte

const maxIntScore = 1 << 62

// intScore gives a score as the integer that it is written as.
func intScore(score float64) (n int64, ok bool) {
	if score < -maxIntScore || score > maxIntScore {
		return 0, false
	}
	n = int64(score)
	return n, float64(n) == score
}

// PairSize is the number of bytes by which Insert makes a Packed longer.
func PairSize(member []byte, score float64) int {
	return listpack.Size(member) + scoreSize(score)
}

func scoreSize(score float64) int {
	if n, ok := intScore(score); ok {
		return listpack.SizeInt(n)
	}
	var text [32]byte
	return listpack.Size(num.AppendFloat(text[:0], score))
}

// Len is the number of elements.
func (p Packed) Len() int { return listpack.Len(p) / 2 }

// Find gives the position of a member.
func (p Packed) Find(member []byte) (pos int, ok bool) {
	return listpack.Find(p, listpack.HeaderSize, member, 1)
}

// Score is the score of the element at pos.
func (p Packed) Score(pos int) float64 {
	return scoreOf(p.stored(pos))
}

// stored is the score of the element at pos as it is written.
func (p Packed) stored(pos int) listpack.Value {
	return listpack.Get(p, pos+listpack.EntrySize(p, pos))
}

// scoreOf reads a score. What is none is 0.
func scoreOf(v listpack.Value) float64 {
	if v.IsInt() {
		return float64(v.Int)
	}
	f, _, _ := num.Strtod(v.Str)
	if f != f {
		return 0
	}
	return f
}

// Rank is the number of elements before the one at pos.
func (p Packed) Rank(pos int) (rank int) {
	for at := listpack.HeaderSize; at < pos; rank++ {
		at = p.next(at)
	}
	return rank
}

// next is the position of the element behind the one at pos, or the end.
func (p Packed) next(pos int) int {
	pos += listpack.EntrySize(p, pos)
	if pos < listpack.End(p) { // else a member without a score
		pos += listpack.EntrySize(p, pos)
	}
	return pos
}

// place is where an element with this member and score belongs.
func (p Packed) place(member []byte, score float64) int {
	var digits [24]byte
	// Scores often are times, and what is added belongs to the end.
	if c := p.Last(); !c.Valid() || !c.behind(member, score, &digits) {
		return listpack.End(p)
	}
	c := p.First()
	for c.Valid() && !c.behind(member, score, &digits) {
		c.Next()
	}
	return c.pos
}

// behind tells whether the element at a cursor is behind the one with this member
// and score.
func (c *PackedCursor) behind(member []byte, score float64, digits *[24]byte) bool {
	s := c.Score()
	return s > score || s == score && bytes.Compare(c.Bytes(digits), member) > 0
}

// Insert adds an element that is not there.
func (p Packed) Insert(member []byte, score float64) Packed {
	return p.insertAt(p.place(member, score), member, score)
}

// Append adds an element that is not there and belongs behind all others.
func (p Packed) Append(member []byte, score float64) Packed {
	return p.insertAt(listpack.End(p), member, score)
}

func (p Packed) insertAt(pos int, member []byte, score float64) Packed {
	lp := listpack.Insert(p, pos, member)
	pos += listpack.EntrySize(lp, pos)
	if n, ok := intScore(score); ok {
		return listpack.InsertInt(lp, pos, n)
	}
	var text [32]byte
	return listpack.Insert(lp, pos, num.AppendFloat(text[:0], score))
}

// NeedSet is the size in bytes after SetScore of the element at pos.
func (p Packed) NeedSet(pos int, score float64) int {
	pos += listpack.EntrySize(p, pos)
	return len(p) - listpack.EntrySize(p, pos) + scoreSize(score)
}

// SetScore gives the element at pos, whose member is this, another score.
func (p Packed) SetScore(pos int, member []byte, score float64) Packed {
	return p.Remove(pos).Insert(member, score)
}

// Remove removes the element at pos.
func (p Packed) Remove(pos int) Packed { return listpack.DeleteRange(p, pos, 2) }

// RemoveRange removes the elements with ranks from to to-1, as far as there are
// such.
func (p Packed) RemoveRange(from, to int) Packed {
	pos, ok := listpack.Seek(p, 2*from)
	if !ok || to <= from {
		return p
	}
	return listpack.DeleteRange(p, pos, 2*(to-from))
}

// ByScore gives the ranks from to to-1 of the elements with scores in a range.
func (p Packed) ByScore(r *ScoreRange) (from, to int) {
	if r.empty() {
		return 0, 0
	}
	c := p.First()
	for ; c.Valid() && r.below(c.Score()); c.Next() {
		from++
	}
	if r.Max == math.Inf(1) && !r.MaxEx {
		return from, p.Len()
	}
	to = from
	for ; c.Valid() && !r.above(c.Score()); c.Next() {
		to++
	}
	return from, to
}

// ByLex gives the ranks from to to-1 of the elements with members in a range, in
// a set of elements of one score. Where scores differ, that is the first run of
// such elements, or with back the last, and nothing if the first element of all is
// behind the range or the last one before it: so Redis does with its small sets.
func (p Packed) ByLex(r *LexRange, back bool) (from, to int) {
	var digits [24]byte
	first, last := p.First(), p.Last()
	if r.empty() || !last.Valid() || r.below(last.Bytes(&digits)) || r.above(first.Bytes(&digits)) {
		return 0, 0
	}
	if back {
		for to = p.Len(); last.Valid() && r.above(last.Bytes(&digits)); last.Prev() {
			to--
		}
		for from = to; last.Valid() && !r.below(last.Bytes(&digits)); last.Prev() {
			from--
		}
		return from, to
	}
	for ; first.Valid() && r.below(first.Bytes(&digits)); first.Next() {
		from++
	}
	for to = from; first.Valid() && !r.above(first.Bytes(&digits)); first.Next() {
		to++
	}
	return from, to
}

// PackedCursor is a place in a Packed: at an element, before the first, or behind
// the last. It is valid until that changes.
type PackedCursor struct {
	lp  Packed
	pos int // -1 before the first
}

// First is the cursor at the first element.
func (p Packed) First() PackedCursor { return PackedCursor{p, listpack.HeaderSize} }

// Last is the cursor at the last element.
func (p Packed) Last() PackedCursor {
	c := PackedCursor{p, listpack.End(p)}
	c.Prev()
	return c
}

// Seek is the cursor at the element of this rank, behind the last if there are
// not so many.
func (p Packed) Seek(rank int) PackedCursor {
	if pos, ok := listpack.Seek(p, 2*rank); ok {
		return PackedCursor{p, pos}
	}
	return PackedCursor{p, listpack.End(p)}
}

// Valid tells whether the cursor is at an element.
func (c *PackedCursor) Valid() bool { return uint(c.pos) < uint(listpack.End(c.lp)) }

// Member is the member of the element at a valid cursor.
func (c *PackedCursor) Member() listpack.Value { return listpack.Get(c.lp, c.pos) }

// Bytes is the member of the element at a valid cursor: a view, or the digits of
// an integer, written into digits.
func (c *PackedCursor) Bytes(digits *[24]byte) []byte { return c.Member().Bytes(digits[:0]) }

// Score is the score of the element at a valid cursor.
func (c *PackedCursor) Score() float64 { return c.lp.Score(c.pos) }

// Stored is the score of the element at a valid cursor as it is written.
func (c *PackedCursor) Stored() listpack.Value { return c.lp.stored(c.pos) }

// Packed is what the cursor is in.
func (c *PackedCursor) Packed() Packed { return c.lp }

// Pos is the position of the element at a valid cursor.
func (c *PackedCursor) Pos() int { return c.pos }

// Next goes to the next element, or behind the last.
func (c *PackedCursor) Next() {
	if c.pos < 0 {
		c.pos = listpack.HeaderSize
	} else if c.Valid() {
		c.pos = c.lp.next(c.pos)
	}
}

// Prev goes to the element before, or before the first.
func (c *PackedCursor) Prev() {
	pos, ok := listpack.Prev(c.lp, c.pos)
	if ok {
		pos, ok = listpack.Prev(c.lp, pos)
	}
	if !ok {
		pos = -1
	}
	c.pos = pos
}
