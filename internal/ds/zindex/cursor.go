package zindex

import (
	"github.com/redstart-db/redstart/internal/ds/zindex/btree"
	"github.com/redstart-db/redstart/internal/mem"
)

// ahead is how many steps before an element is reached its entry is fetched: a
// walk would wait for nothing else.
const ahead = 6

// Cursor is a place in a tree: at an element, before the first, or behind the
// last. It is valid until the tree changes.
type Cursor struct {
	at btree.Cursor[float64, mem.Ref]
}

// Valid tells whether the cursor is at an element.
func (c *Cursor) Valid() bool { return c.at.Valid() }

// Score is the score of the element at a valid cursor.
func (c *Cursor) Score() float64 { return c.at.Key() }

// Ref is the reference of the element at a valid cursor.
func (c *Cursor) Ref() mem.Ref { return c.at.Val() }

// Next goes to the next element, or behind the last. There it stays. The
// entries of those that follow are fetched.
func (c *Cursor) Next() {
	c.at.Next()
	if !mem.CanPrefetch || !c.at.Valid() {
		return
	}
	refs, i := c.at.InLeaf()
	if i == 0 {
		for _, ref := range refs[:min(ahead, len(refs))] {
			c.at.Arena().Prefetch(ref)
		}
	}
	if i+ahead < len(refs) {
		c.at.Arena().Prefetch(refs[i+ahead])
	}
}

// Prev goes to the element before, or before the first. There it stays. The
// entries of those that follow are fetched.
func (c *Cursor) Prev() {
	c.at.Prev()
	if !mem.CanPrefetch || !c.at.Valid() {
		return
	}
	refs, i := c.at.InLeaf()
	if i == len(refs)-1 {
		for _, ref := range refs[max(0, i-ahead+1):] {
			c.at.Arena().Prefetch(ref)
		}
	}
	if i >= ahead {
		c.at.Arena().Prefetch(refs[i-ahead])
	}
}

// SeekScore is the cursor at the first element whose score is not less than
// this one, or, with after, is greater. Prev leads to the element before that,
// also from behind the last.
func (t *Tree) SeekScore(score float64, after bool) Cursor {
	return t.cursor(&bound{score: score, whole: true, after: after})
}

// SeekLex is the cursor at the first element whose member is not before this
// one, or, with after, is behind it, in a tree of elements of one score. Where
// scores differ, it looks among those with the lowest.
func (t *Tree) SeekLex(member []byte, after bool) Cursor {
	return t.cursor(t.lex(member, after))
}

// Seek is the cursor at the first element that is not before (score, member):
// where a walk that was interrupted there goes on, whatever was changed since.
func (t *Tree) Seek(score float64, member []byte) Cursor {
	return t.cursor(&bound{score: score, member: member})
}

// SeekRank is the cursor at the element of this rank; behind the last if the
// rank is too great.
func (t *Tree) SeekRank(rank int) Cursor {
	var p path
	if rank < t.Len() {
		t.core.SeekRank(&p, rank)
	} else if t.Len() > 0 {
		t.core.SeekEnd(&p)
	}
	return Cursor{at: t.core.Cursor(&p)}
}

// First is the cursor at the first element.
func (t *Tree) First() Cursor { return Cursor{at: t.core.First()} }

// Last is the cursor at the last element.
func (t *Tree) Last() Cursor { return Cursor{at: t.core.Last()} }

func (t *Tree) cursor(b *bound) Cursor {
	var p path
	t.seek(&p, b)
	return Cursor{at: t.core.Cursor(&p)}
}

// Walk calls visit for the elements from a rank on, in order, until it returns
// false. visit must not change the tree. The entries are fetched ahead.
func (t *Tree) Walk(rank int, visit func(score float64, ref mem.Ref) bool) {
	for c := t.SeekRank(rank); c.Valid(); c.Next() {
		if !visit(c.Score(), c.Ref()) {
			return
		}
	}
}
