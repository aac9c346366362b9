// Package zindex is the ordered index of a large sorted set: a B+tree of
// (score, reference) ordered by score and then by the bytes of the member. The
// members are in entries that the caller owns, in the same arena; the tree
// keeps 12 bytes for an element, and looks at an entry only to tell elements
// of equal scores apart.
//
// Scores are never NaN. -0 and 0 are equal in order; each is kept as it is.
//
// Positions are ranks from 0, places between elements are given as the number
// of elements before them. So the size of a range is the difference of two
// ranks. Cursors are valid until the tree changes.
package zindex

import (
	"bytes"

	"github.com/redstart-db/redstart/internal/ds/zindex/btree"
	"github.com/redstart-db/redstart/internal/invariants"
	"github.com/redstart-db/redstart/internal/mem"
)

// Entries tells a Tree about the entries that its references name.
type Entries interface {
	// Member is the member of an entry. The tree does not keep it, nor change
	// it.
	Member(ref mem.Ref) []byte
}

// Tree is the index. The zero value is not usable; see Init. It is not safe
// for concurrent use.
type Tree struct {
	core    btree.Tree[float64, mem.Ref]
	entries Entries
}

type path = btree.Path[float64, mem.Ref]

// bound is a place in the order: before or after all elements with a score, or
// before or after one element.
type bound struct {
	score  float64
	member []byte
	self   mem.Ref // known to be the entry of member, or 0
	whole  bool    // the place is beside all elements with the score
	after  bool
}

// Init prepares an empty tree whose nodes live in arena. It allocates nothing.
func (t *Tree) Init(arena *mem.Arena, entries Entries) {
	t.core.Init(arena)
	t.entries = entries
}

// Len is the number of elements.
func (t *Tree) Len() int { return t.core.Len() }

// Bytes is the memory of the tree's nodes.
func (t *Tree) Bytes() int { return t.core.Bytes() }

// Defrag moves the nodes that begin with elements of ranks from from on and below to, where
// they keep sparse spans of the arena alive.
func (t *Tree) Defrag(from, to int) { t.core.Defrag(from, to) }

// before counts the elements of a node that are before the bound.
func (t *Tree) before(scores []float64, refs []mem.Ref, b *bound) int {
	lo := less(scores, b.score)
	if lo == len(scores) || scores[lo] != b.score || b.whole && !b.after {
		return lo
	}
	hi := lo + 1
	if hi < len(scores) && scores[hi] == b.score {
		hi += notGreater(scores[hi:], b.score)
	}
	if b.whole {
		return hi
	}
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		c := 0
		if refs[mid] != b.self {
			c = bytes.Compare(t.entries.Member(refs[mid]), b.member)
		}
		if c < 0 || c == 0 && b.after {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// less counts the scores in ascending order that are less than x. The halves
// are chosen without branches, which could not be foreseen.
func less(scores []float64, x float64) int {
	lo, n := 0, len(scores)
	for n > 1 {
		half := n / 2
		lo += half & -one(scores[lo+half-1] < x)
		n -= half
	}
	if n == 1 {
		lo += one(scores[lo] < x)
	}
	return lo
}

// notGreater counts the scores in ascending order that are not greater than x.
func notGreater(scores []float64, x float64) int {
	lo, n := 0, len(scores)
	for n > 1 {
		half := n / 2
		lo += half & -one(scores[lo+half-1] <= x)
		n -= half
	}
	if n == 1 {
		lo += one(scores[lo] <= x)
	}
	return lo
}

// one is 1 for true.
func one(b bool) (n int) {
	if b {
		n = 1
	}
	return n
}

// seek leads p to the place of a bound; nowhere in an empty tree. The place is
// in the last leaf whose first element is before the bound, or in the first.
func (t *Tree) seek(p *path, b *bound) {
	ref, levels := t.core.Root()
	if levels == 0 {
		return
	}
	for level := levels - 1; level > 0; level-- {
		n := t.core.Inner(ref)
		i := max(0, t.before(n.Keys[:n.N], n.Vals[:n.N], b)-1)
		p.Note(level, n, i)
		ref = n.Kids[i]
	}
	p.Leaf = t.core.LeafSoon(ref)
	p.I = t.before(p.Leaf.Keys(), p.Leaf.Vals(), b)
}

// find leads p to the element with this score and reference.
func (t *Tree) find(p *path, score float64, ref mem.Ref) bool {
	t.seek(p, &bound{score: score, member: t.entries.Member(ref), self: ref, after: true})
	p.I--
	return p.I >= 0 && p.Leaf.Vals()[p.I] == ref && p.Leaf.Keys()[p.I] == score
}

// Insert adds an element that is not in the tree. It panics with
// mem.ErrExhausted, and has changed nothing, when there is no memory.
func (t *Tree) Insert(score float64, ref mem.Ref) {
	checkScore(score)
	var p path
	t.seek(&p, &bound{score: score, member: t.entries.Member(ref), self: ref})
	t.core.Insert(&p, score, ref)
}

// Append is Insert of an element that belongs behind all others. It makes no
// comparisons.
func (t *Tree) Append(score float64, ref mem.Ref) {
	checkScore(score)
	var p path
	if t.Len() > 0 {
		t.core.SeekEnd(&p)
		if invariants.Enabled && t.before(p.Leaf.Keys(), p.Leaf.Vals(), &bound{score: score, member: t.entries.Member(ref), self: ref}) != p.I {
			panic("zindex: appended element is out of order")
		}
	}
	t.core.Insert(&p, score, ref)
}

func checkScore(score float64) {
	if invariants.Enabled && score != score {
		panic("zindex: score is NaN")
	}
}

// Delete removes the element with this score and reference, if it is in the
// tree. The entry remains the caller's, and must be readable still.
func (t *Tree) Delete(score float64, ref mem.Ref) bool {
	var p path
	if !t.find(&p, score, ref) {
		return false
	}
	t.core.Delete(&p)
	return true
}

// Update gives the element with this score and reference another score. When
// it stays in its leaf, only that changes. Like Insert, it may panic with
// mem.ErrExhausted, and then has changed nothing.
func (t *Tree) Update(score float64, ref mem.Ref, to float64) bool {
	checkScore(to)
	var p path
	if !t.find(&p, score, ref) {
		return false
	}
	if to == score { // but perhaps of another sign
		t.core.Set(&p, to, ref)
		return true
	}
	b := bound{score: to, member: t.entries.Member(ref), self: ref}
	at := t.before(p.Leaf.Keys(), p.Leaf.Vals(), &b)
	if (at > 0 || p.Leaf.IsFirst()) && (at < p.Leaf.N() || p.Leaf.IsLast()) {
		if at > p.I {
			at-- // the element itself was counted
		}
		t.core.Move(&p, at, to, ref)
		return true
	}
	t.Insert(to, ref)
	return t.Delete(score, ref)
}

// SetRef replaces the reference of an element by another, of an entry with the
// same member. Both entries must be readable.
func (t *Tree) SetRef(score float64, old, ref mem.Ref) bool {
	var p path
	if !t.find(&p, score, old) {
		return false
	}
	t.core.Set(&p, p.Leaf.Keys()[p.I], ref)
	return true
}

// Rank is the number of elements before this one, if it is in the tree.
func (t *Tree) Rank(score float64, member []byte) (rank int, ok bool) {
	var p path
	t.seek(&p, &bound{score: score, member: member, after: true})
	p.I--
	if p.I < 0 || p.Leaf.Keys()[p.I] != score || !bytes.Equal(t.entries.Member(p.Leaf.Vals()[p.I]), member) {
		return 0, false
	}
	return t.core.Rank(&p), true
}

// At is the element of this rank, which must be at least 0 and less than Len.
func (t *Tree) At(rank int) (score float64, ref mem.Ref) {
	var p path
	t.core.SeekRank(&p, rank)
	return p.Leaf.Keys()[p.I], p.Leaf.Vals()[p.I]
}

// Min is the first element, if there is one.
func (t *Tree) Min() (score float64, ref mem.Ref, ok bool) { return element(t.First()) }

// Max is the last element, if there is one.
func (t *Tree) Max() (score float64, ref mem.Ref, ok bool) { return element(t.Last()) }

func element(c Cursor) (score float64, ref mem.Ref, ok bool) {
	if !c.Valid() {
		return 0, 0, false
	}
	return c.Score(), c.Ref(), true
}

// RankScore is the number of elements whose scores are less than this one, or,
// with after, not greater.
func (t *Tree) RankScore(score float64, after bool) int {
	return t.rank(&bound{score: score, whole: true, after: after})
}

// RankLex is the number of elements whose members are before this one, or,
// with after, not behind it, in a tree of elements of one score. Where scores
// differ, it counts those with the lowest score.
func (t *Tree) RankLex(member []byte, after bool) int {
	return t.rank(t.lex(member, after))
}

func (t *Tree) rank(b *bound) int {
	var p path
	t.seek(&p, b)
	if p.Leaf == nil {
		return 0
	}
	return t.core.Rank(&p)
}

func (t *Tree) lex(member []byte, after bool) *bound {
	score, _, _ := t.Min()
	return &bound{score: score, member: member, after: after}
}

// DeleteRange removes the elements with ranks from to to-1, as far as there are
// such, many at a time, and calls gone, unless it is nil, for each before. gone
// may free the entry; it must not use the tree.
func (t *Tree) DeleteRange(from, to int, gone func(score float64, ref mem.Ref)) {
	t.core.DeleteRange(from, to, gone)
}

// Drop removes some of the last elements, up to 63 for each of max nodes, calls
// gone for each as DeleteRange does, and reports whether the tree is empty. So
// a large tree is freed in steps; between them it is whole.
func (t *Tree) Drop(max int, gone func(score float64, ref mem.Ref)) (done bool) {
	return t.core.Drop(max, gone)
}
