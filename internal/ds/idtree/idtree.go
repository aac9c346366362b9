// Package idtree is an ordered map from stream IDs to a number or a reference:
// the entries of a consumer group that are pending, or the nodes of a stream.
// It is a B+tree in an arena; an entry takes 16 bytes and its value.
package idtree

import (
	"math/bits"

	"github.com/redstart-db/redstart/internal/ds/zindex/btree"
	"github.com/redstart-db/redstart/internal/mem"
)

// ID is the ID of a stream entry: milliseconds of Unix time and a sequence
// number. Its order is that of the 128-bit number of both.
type ID struct{ MS, Seq uint64 }

// Less tells whether a is before b.
func (a ID) Less(b ID) bool { return a.less(b) != 0 }

// less is 1 if a is before b: the borrow of their difference.
func (a ID) less(b ID) uint64 {
	_, borrow := bits.Sub64(a.Seq, b.Seq, 0)
	_, borrow = bits.Sub64(a.MS, b.MS, borrow)
	return borrow
}

// Value is what a Tree may map to.
type Value interface{ ~uint32 | ~uint64 }

// Tree is the map. The zero value is not usable; see Init. It is not safe for
// concurrent use.
type Tree[V Value] struct {
	core btree.Tree[ID, V]
}

// Cursor is a place in a tree: at an entry, before the first, or behind the
// last. It is valid until the tree changes.
type Cursor[V Value] struct {
	at btree.Cursor[ID, V]
}

// Init prepares an empty tree whose nodes live in arena. It allocates nothing.
func (t *Tree[V]) Init(arena *mem.Arena) { t.core.Init(arena) }

// Len is the number of entries.
func (t *Tree[V]) Len() int { return t.core.Len() }

// Bytes is the memory of the tree's nodes.
func (t *Tree[V]) Bytes() int { return t.core.Bytes() }

// notAfter counts the IDs in ascending order that are not after id. The halves
// are chosen without branches, which could not be foreseen.
func notAfter(ids []ID, id ID) int {
	lo, n := 0, len(ids)
	for n > 1 {
		half := n / 2
		lo += half & (int(id.less(ids[lo+half-1])) - 1)
		n -= half
	}
	if n == 1 {
		lo += 1 - int(id.less(ids[lo]))
	}
	return lo
}

// seek leads p behind the last entry that is not after id; nowhere in an empty
// tree. That entry, if there is one, is in p's leaf.
func (t *Tree[V]) seek(p *btree.Path[ID, V], id ID) {
	ref, levels := t.core.Root()
	if levels == 0 {
		return
	}
	for level := levels - 1; level > 0; level-- {
		n := t.core.Inner(ref)
		i := max(0, notAfter(n.Keys[:n.N], id)-1)
		p.Note(level, n, i)
		ref = n.Kids[i]
	}
	p.Leaf = t.core.LeafSoon(ref)
	p.I = notAfter(p.Leaf.Keys(), id)
}

// find leads p to the entry of id; without one, to where it belongs.
func (t *Tree[V]) find(p *btree.Path[ID, V], id ID) bool {
	t.seek(p, id)
	if p.I == 0 || p.Leaf.Keys()[p.I-1] != id {
		return false
	}
	p.I--
	return true
}

// Insert maps id to v, and gives the value that this replaces, if there is one.
// It panics with mem.ErrExhausted, and has changed nothing, when there is no
// memory.
func (t *Tree[V]) Insert(id ID, v V) (old V, replaced bool) {
	var p btree.Path[ID, V]
	if t.find(&p, id) {
		old = p.Leaf.Vals()[p.I]
		t.core.Set(&p, id, v)
		return old, true
	}
	t.core.Insert(&p, id, v)
	return 0, false
}

// Get is the value of id.
func (t *Tree[V]) Get(id ID) (v V, ok bool) {
	var p btree.Path[ID, V]
	if !t.find(&p, id) {
		return 0, false
	}
	return p.Leaf.Vals()[p.I], true
}

// Delete removes id and gives its value, if there is one.
func (t *Tree[V]) Delete(id ID) (v V, ok bool) {
	var p btree.Path[ID, V]
	if !t.find(&p, id) {
		return 0, false
	}
	v = p.Leaf.Vals()[p.I]
	t.core.Delete(&p)
	return v, true
}

// Rank is the number of entries before id.
func (t *Tree[V]) Rank(id ID) int {
	if t.Len() == 0 {
		return 0
	}
	var p btree.Path[ID, V]
	t.find(&p, id)
	return t.core.Rank(&p)
}

// Seek is the cursor at the first entry that is not before id.
func (t *Tree[V]) Seek(id ID) Cursor[V] {
	var p btree.Path[ID, V]
	t.find(&p, id)
	return Cursor[V]{t.core.Cursor(&p)}
}

// SeekBack is the cursor at the last entry that is not after id.
func (t *Tree[V]) SeekBack(id ID) Cursor[V] {
	var p btree.Path[ID, V]
	t.seek(&p, id)
	p.I--
	return Cursor[V]{t.core.Cursor(&p)}
}

// First is the cursor at the first entry.
func (t *Tree[V]) First() Cursor[V] { return Cursor[V]{t.core.First()} }

// Last is the cursor at the last entry.
func (t *Tree[V]) Last() Cursor[V] { return Cursor[V]{t.core.Last()} }

// DeleteRange removes the entries with ranks from to to-1, as far as there are
// such, many at a time, and calls gone, unless it is nil, for each before. gone
// must not use the tree.
func (t *Tree[V]) DeleteRange(from, to int, gone func(id ID, v V)) {
	t.core.DeleteRange(from, to, gone)
}

// CutRange is DeleteRange without a look at most of the entries: those are given back
// as trees, in order, and gone is called for the few others.
func (t *Tree[V]) CutRange(from, to int, gone func(id ID, v V)) []Tree[V] {
	var parts []Tree[V]
	for _, core := range t.core.CutRange(from, to, gone) {
		parts = append(parts, Tree[V]{core})
	}
	return parts
}

// Drop removes some of the last entries, up to 63 for each of max nodes, calls
// gone for each as DeleteRange does, and reports whether the tree is empty. So
// a large tree is freed in steps; between them it is whole.
func (t *Tree[V]) Drop(max int, gone func(id ID, v V)) (done bool) {
	return t.core.Drop(max, gone)
}

// Valid tells whether the cursor is at an entry.
func (c *Cursor[V]) Valid() bool { return c.at.Valid() }

// ID is the ID of the entry at a valid cursor.
func (c *Cursor[V]) ID() ID { return c.at.Key() }

// Value is the value of the entry at a valid cursor.
func (c *Cursor[V]) Value() V { return c.at.Val() }

// Next goes to the next entry, or behind the last. There it stays.
func (c *Cursor[V]) Next() { c.at.Next() }

// Prev goes to the entry before, or before the first. There it stays.
func (c *Cursor[V]) Prev() { c.at.Prev() }
