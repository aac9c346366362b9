package zindex

import (
	"github.com/redstart-db/redstart/internal/ds/zindex/btree"
	"github.com/redstart-db/redstart/internal/mem"
)

// Cursor is a place in a tree: at an element, before the first, or behind the
// last. It is valid until the tree changes.
type Cursor struct {
	btree.Cursor[float64, mem.Ref]
}

// Score is the score of the element at a valid cursor.
func (c *Cursor) Score() float64 { return c.Key() }

// Ref is the reference of the element at a valid cursor.
func (c *Cursor) Ref() mem.Ref { return c.Val() }

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
	return Cursor{t.core.Cursor(&p)}
}

// First is the cursor at the first element.
func (t *Tree) First() Cursor { return Cursor{t.core.First()} }

// Last is the cursor at the last element.
func (t *Tree) Last() Cursor { return Cursor{t.core.Last()} }

func (t *Tree) cursor(b *bound) Cursor {
	var p path
	t.seek(&p, b)
	return Cursor{t.core.Cursor(&p)}
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
