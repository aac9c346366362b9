// Package zset is a sorted set: members with scores, ordered by score and then by
// the bytes of the member. ZSet is its large form, Packed the small one; both
// answer the same questions, and so does Redis's, in the same order.
//
// # Large form
//
// An element is a record in a dict.Dict, where it is found by its member, and has
// a place in a zindex.Tree, which refers to the record and has the score once
// more:
//
//	dict   member ─► record: score 8, head 1, member        in the arena
//	                    ▲
//	tree   (score 8, reference 4) in order, with counts      in the arena
//
// A member of 15 bytes takes 24 for its record, about 6.4 of the table and 14 of
// the tree.
//
// # Invariants
//
//   - Every record has exactly one place in the tree, or in what was cut out of it
//     (see buried.go), with the same score, bit by bit, but for a ZSet of which Drop
//     has freed a part.
//   - No score is NaN. -0 and 0 are equal in order and each is kept as it is.
//   - Whatever can fail is undone: after a panic with mem.ErrExhausted the set is
//     what it was.
package zset

import (
	"bytes"
	"math"
	"math/rand/v2"

	"github.com/redstart-db/redstart/internal/ds/dict"
	"github.com/redstart-db/redstart/internal/ds/zindex"
	"github.com/redstart-db/redstart/internal/mem"
)

// MaxMember is the greatest length of a member in bytes. Callers refuse longer
// ones.
const MaxMember = dict.MaxLength

// ZSet is the large form. The zero value is not usable; see Init. It must not be
// copied after that, and is not safe for concurrent use. It is a constant number
// of objects on the Go heap, whatever is in it.
//
// Methods that add or change elements panic with mem.ErrExhausted when there is
// no memory, and then have changed nothing. None keeps the bytes it is given.
type ZSet struct {
	dict   dict.Dict
	tree   zindex.Tree
	buried []*zindex.Cut // what CutRange has removed, and Purge has not
	dead   int           // elements of it
}

// perNode is about how many elements a node of the tree has.
const perNode = 63

// Elem is an element of a ZSet, valid until another is added or removed. A change
// of its score leaves it valid.
type Elem = dict.Elem

// Init prepares an empty set that lives in arena. It takes nothing from it.
func (z *ZSet) Init(arena *mem.Arena) {
	z.dict.Init(arena, dict.ZSet)
	z.tree.Init(arena, &z.dict)
}

// Len is the number of elements.
func (z *ZSet) Len() int { return z.dict.Len() - z.dead }

// Bytes is the memory that the set has of its arena.
func (z *ZSet) Bytes() int { return z.dict.Bytes() + z.tree.Bytes() + z.bytesBuried() }

// Find gives the element with this member.
func (z *ZSet) Find(member []byte) (e Elem, ok bool) {
	e, ok = z.dict.Find(member)
	if ok && z.isDead(e) {
		return Elem{}, false
	}
	return e, ok
}

// Score is the score of a member.
func (z *ZSet) Score(member []byte) (score float64, ok bool) {
	e, ok := z.Find(member)
	if !ok {
		return 0, false
	}
	return e.Score(), true
}

// Add adds a member with a score. One that is there is given as it is.
func (z *ZSet) Add(member []byte, score float64) (e Elem, created bool) {
	e, created = z.addRecord(member, score)
	if created {
		z.index(e, score, false)
	}
	return e, created
}

// addRecord adds a record, unless a live one is there.
func (z *ZSet) addRecord(member []byte, score float64) (e Elem, created bool) {
	e, created = z.dict.AddScored(member, score)
	if !created && len(z.buried) > 0 && z.exhume(e) {
		return z.dict.AddScored(member, score)
	}
	return e, created
}

// index gives a new record its place in the tree, which may be known to be behind
// all others, or removes it again.
func (z *ZSet) index(e Elem, score float64, last bool) {
	done := false
	defer func() {
		if !done {
			z.dict.Remove(e)
		}
	}()
	if last {
		z.tree.Append(score, e.Ref())
	} else {
		z.tree.Insert(score, e.Ref())
	}
	done = true
}

// SetScore gives an element another score.
func (z *ZSet) SetScore(e Elem, score float64) {
	z.tree.Update(e.Score(), e.Ref(), score)
	e.SetScore(score)
}

// Set gives a member a score, and adds it if it is not there.
func (z *ZSet) Set(member []byte, score float64) (created bool) {
	e, created := z.Add(member, score)
	if !created {
		z.SetScore(e, score)
	}
	return created
}

// Remove removes an element. Without elements, a set has nothing of its arena.
func (z *ZSet) Remove(e Elem) {
	z.tree.Delete(e.Score(), e.Ref())
	z.dict.Remove(e)
}

// Delete removes a member, if it is there.
func (z *ZSet) Delete(member []byte) bool {
	e, ok := z.Find(member)
	if ok {
		z.Remove(e)
	}
	return ok
}

// RemoveRange removes the elements with ranks from to to-1, as far as there are
// such.
func (z *ZSet) RemoveRange(from, to int) {
	z.tree.DeleteRange(from, to, z.gone)
}

// RemoveAt removes the element of this rank, which must be there. Unlike Remove it
// compares nothing.
func (z *ZSet) RemoveAt(rank int) {
	_, ref := z.tree.At(rank)
	z.tree.DeleteRange(rank, rank+1, nil)
	z.dict.Remove(z.dict.At(ref))
}

func (z *ZSet) gone(_ float64, ref mem.Ref) { z.dict.Remove(z.dict.At(ref)) }

// Rank is the number of elements before a member, and its score.
func (z *ZSet) Rank(member []byte) (rank int, score float64, ok bool) {
	if e, ok := z.Find(member); ok {
		score = e.Score()
		rank, ok = z.tree.Rank(score, member)
		return rank, score, ok
	}
	return 0, 0, false
}

// ByScore gives the ranks from to to-1 of the elements with scores in a range.
func (z *ZSet) ByScore(r *ScoreRange) (from, to int) {
	if r.empty() {
		return 0, 0
	}
	to = z.Len()
	if r.Min > math.Inf(-1) || r.MinEx {
		from = z.tree.RankScore(r.Min, r.MinEx)
	}
	if r.Max < math.Inf(1) || r.MaxEx {
		to = z.tree.RankScore(r.Max, !r.MaxEx)
	}
	return from, max(from, to)
}

// ByLex gives the ranks from to to-1 of the elements with members in a range, in
// a set of elements of one score. Where scores differ, it looks among those with
// the lowest.
func (z *ZSet) ByLex(r *LexRange) (from, to int) {
	from, to = z.place(&r.Min, r.Min.Ex), z.place(&r.Max, !r.Max.Ex)
	return from, max(from, to)
}

// place is the number of elements before a bound, or, with after, before what is
// behind it.
func (z *ZSet) place(b *LexBound, after bool) int {
	switch {
	case b.Inf < 0:
		return 0
	case b.Inf > 0:
		return z.Len()
	}
	return z.tree.RankLex(b.Member, after)
}

// Random gives an element, each with the same probability; ok is false when there
// is none.
func (z *ZSet) Random(rnd *rand.Rand) (e Elem, ok bool) {
	if z.dead > 0 && z.Len() > 0 {
		c := z.Seek(rnd.IntN(z.Len()))
		return c.Elem(), true
	}
	return z.dict.Random(rnd)
}

// RandomDistinct calls visit for n different elements, or for all if there are no
// more, in no order to rely on; see dict.Dict.RandomDistinct.
func (z *ZSet) RandomDistinct(rnd *rand.Rand, n int, visit func(Elem)) {
	if z.dead > 0 {
		z.randomRanks(rnd, n, visit)
		return
	}
	z.dict.RandomDistinct(rnd, n, visit)
}

// Scan calls visit for the elements of a stretch of the table, from position pos
// on; see dict.Dict.Scan.
func (z *ZSet) Scan(pos uint32, visit func(Elem)) (next uint32, done bool) {
	if z.dead > 0 {
		return z.dict.Scan(pos, func(e Elem) {
			if !z.isDead(e) {
				visit(e)
			}
		})
	}
	return z.dict.Scan(pos, visit)
}

// Drop frees a part of the set, of about max elements, and reports whether nothing
// is left. So a large set is freed in steps; nothing else may be done with it
// between them.
func (z *ZSet) Drop(max int) (done bool) {
	if !z.Purge(max) {
		return false
	}
	if z.tree.Len() > 0 {
		if !z.tree.Drop(max/perNode+1, nil) {
			return false
		}
	}
	return z.dict.Drop(max)
}

// Append is Add without a result, and faster for an element that belongs behind
// all others.
func (z *ZSet) Append(member []byte, score float64) {
	if e, created := z.addRecord(member, score); created {
		last, ref, ok := z.tree.Max()
		z.index(e, score, !ok || last < score || last == score && bytes.Compare(z.dict.Member(ref), member) < 0)
	}
}

// Expect tells an empty set about how many elements it will have, so that it need
// not grow step by step. If none is added, Drop frees what that took.
func (z *ZSet) Expect(n int) { z.dict.Expect(n) }

// Collect adds a member with a score, without its place in the order; one that is
// there is given as it is. Between the first call and Order nothing may be called
// but Collect, Forget, Len, Drop, and SetScore of elements.
func (z *ZSet) Collect(member []byte, score float64) (e Elem, created bool) {
	return z.dict.AddScored(member, score)
}

// Forget removes a member that Collect has added, if it is there.
func (z *ZSet) Forget(member []byte) { z.dict.Delete(member) }

// Order gives all elements of a set that was collected their places. When memory
// is exhausted, nothing but Drop may be called any more.
func (z *ZSet) Order() {
	z.dict.Each(func(e Elem) { z.tree.Insert(e.Score(), e.Ref()) })
}

// CopyTo adds all elements to another set, which is empty and may live in another
// arena. When that has no memory, the other is left empty.
func (z *ZSet) CopyTo(to *ZSet) {
	done := false
	defer func() {
		if !done {
			to.Drop(math.MaxInt)
		}
	}()
	to.Expect(z.Len())
	done = z.CopyPart(to, math.MaxInt, math.MaxInt)
}

// CopyPart is CopyTo for a part: it adds the next elements, at most max and about so many
// bytes, and tells whether that was the last of them. The content must not change between
// the first part and the last. When there is no memory, the other is to be dropped.
func (z *ZSet) CopyPart(to *ZSet, max, bytes int) (done bool) {
	began := to.dict.Bytes()
	c := z.Seek(to.Len())
	for ; max > 0 && c.Valid() && to.dict.Bytes()-began < bytes; c.Next() {
		to.Append(c.Member(), c.Score())
		max--
	}
	return !c.Valid()
}

// Fill adds the elements of a small set to an empty one. What was loaded from
// elsewhere need be neither in order nor without repetitions. When there is no
// memory, the set is left empty.
func (z *ZSet) Fill(p Packed) {
	done := false
	defer func() {
		if !done {
			z.Drop(math.MaxInt)
		}
	}()
	z.Expect(p.Len() + 1)
	var digits [24]byte
	for c := p.First(); c.Valid(); c.Next() {
		z.Append(c.Bytes(&digits), c.Score())
	}
	done = true
}

// Defrag moves the records of a stretch of the table that keep sparse spans of the
// arena alive, and as large a part of the order, and gives the position at which to go on,
// or done; see dict.Dict.Defrag.
func (z *ZSet) Defrag(pos uint32) (next uint32, done bool) {
	next, done = z.dict.Defrag(pos, z.setRef)
	to := z.tree.Len()
	if !done {
		to = z.rankAt(next)
	}
	z.tree.Defrag(z.rankAt(pos), to)
	return next, done
}

// rankAt divides the order as a position does the table.
func (z *ZSet) rankAt(pos uint32) int { return int(uint64(pos) * uint64(z.tree.Len()) >> 32) }

// Cursor is a place in the order of a ZSet: at an element, before the first, or
// behind the last. It is valid until the set changes.
type Cursor struct {
	at   zindex.Cursor
	dict *dict.Dict
}

// First is the cursor at the first element.
func (z *ZSet) First() Cursor { return Cursor{z.tree.First(), &z.dict} }

// Last is the cursor at the last element.
func (z *ZSet) Last() Cursor { return Cursor{z.tree.Last(), &z.dict} }

// Seek is the cursor at the element of this rank, behind the last if there are
// not so many.
func (z *ZSet) Seek(rank int) Cursor { return Cursor{z.tree.SeekRank(rank), &z.dict} }

// Resume is the cursor at the first element that is not before (score, member):
// where a walk that was interrupted there goes on, whatever was changed since.
func (z *ZSet) Resume(score float64, member []byte) Cursor {
	return Cursor{z.tree.Seek(score, member), &z.dict}
}

// Valid tells whether the cursor is at an element.
func (c *Cursor) Valid() bool { return c.at.Valid() }

// Member is the member of the element at a valid cursor, a view that is valid
// until the set changes.
func (c *Cursor) Member() []byte { return c.dict.Member(c.at.Ref()) }

// Score is the score of the element at a valid cursor.
func (c *Cursor) Score() float64 { return c.at.Score() }

// Elem is the element at a valid cursor.
func (c *Cursor) Elem() Elem { return c.dict.At(c.at.Ref()) }

// Next goes to the next element, or behind the last.
func (c *Cursor) Next() { c.at.Next() }

// Prev goes to the element before, or before the first.
func (c *Cursor) Prev() { c.at.Prev() }
