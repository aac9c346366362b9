// Package btree is the B+tree under package zindex and package idtree: a
// sequence of elements (a key and a value of fixed size) in leaves of an arena,
// with counts, so that an element is also found by its rank.
//
// The package knows nothing of order. Its users find a place by their own
// comparisons, going down from Root and noting the way in a Path, and then
// change the tree there. So their inner loops see plain arrays of known types.
//
// # Nodes
//
// A leaf has room for 63 elements, as two arrays, so that a binary search of
// the keys touches few cache lines. A leaf that is the root may be shorter (3,
// 7, 15 or 31); sizes are chosen to fill the arena's size classes.
//
//	 0      4      8   10    12 (or 16)
//	+------+------+---+-----+----------------+----------------+
//	| prev | next | n | cap | cap values     | cap keys       |
//	+------+------+---+-----+----------------+----------------+
//
// An inner node has 1 to 63 kids and describes each in four arrays: its
// reference, the number of elements below it, and the value and the key of the
// first of them.
//
// # Invariants
//
//   - All leaves are on level 0; they are linked in order, first to last.
//   - What an inner node says of a kid is always exact. A value may be a
//     reference that dies with its element, so no separator outlives it.
//   - A node is at an edge if no other is left, or none is right of it on its
//     level. Nodes that are not have at least 21 elements or kids; those at an
//     edge have one or more. Only so a tree that grows at an end is full, and one that
//     is consumed from an end is not rearranged all the time.
//   - The root is a leaf, or has at least two kids; an empty tree has no nodes.
//   - Whatever an insertion allocates is allocated before anything changes.
//
// # Fill
//
// A full node gives elements to a neighbour with at least 8 free places; when
// there is none, up to three full nodes become one more, filled to three
// quarters. Insertion in random order leaves leaves filled to about 85%; at an
// end, to 100%. A node with fewer than 31 elements is joined with its neighbours, which
// are left filled to 7/8 at most.
//
// # Rejected
//
// A skip list: 1.33 pointers and as many spans per element, 20 bytes at least,
// and a cache miss for each step. Splits in halves: 69% fill. Nodes without
// links: a cursor would need a path, which every change would spoil anyway.
package btree

import (
	"unsafe"

	"github.com/redstart-db/redstart/internal/invariants"
	"github.com/redstart-db/redstart/internal/mem"
)

// Cap is the number of elements in a full leaf and of kids in a full inner node.
const Cap = 63

const (
	slack     = 8       // free places for which a neighbour gets elements
	low       = Cap / 2 // elements below which a node is joined with its neighbours
	dense     = 55      // most elements of a node after that
	floor     = Cap / 3 // fewest elements of a node that is at no edge
	minCap    = 3       // of the root
	group     = 4       // most neighbours that share their elements out anew
	maxHeight = 8       // 61 * 21^6 elements are more than fit into an arena
	header    = 12      // bytes before the arrays of a leaf
)

// Leaf is the first part of a leaf; see Keys and Vals for the rest.
type Leaf[K, V any] struct {
	prev, next mem.Ref
	n, cap     uint16
}

// Inner is an inner node. Users of this package only read it. The first N
// places of each array are in use.
type Inner[K, V any] struct {
	N      uint32
	Kids   [Cap]mem.Ref
	Counts [Cap]uint32 // elements below each kid
	Vals   [Cap]V      // first element below each kid
	Keys   [Cap]K
}

// Tree is a sequence of elements. The zero value is not usable; see Init. K
// and V must contain no pointers. It is not safe for concurrent use.
type Tree[K, V any] struct {
	arena       *mem.Arena
	root        mem.Ref
	first, last mem.Ref // leaves
	height      int     // levels; 0 for an empty tree
	count       int
	bytes       int
}

// Path is the way from the root to a place in a leaf: before element I, or at
// it. It is valid until the tree changes.
type Path[K, V any] struct {
	Leaf *Leaf[K, V]
	I    int
	up   [maxHeight]step[K, V] // by level; up[0] is not used
}

type step[K, V any] struct {
	n *Inner[K, V]
	i int
}

// Init prepares an empty tree whose nodes live in arena. It allocates nothing.
func (t *Tree[K, V]) Init(arena *mem.Arena) { *t = Tree[K, V]{arena: arena} }

// Len is the number of elements.
func (t *Tree[K, V]) Len() int { return t.count }

// Bytes is the memory of all nodes.
func (t *Tree[K, V]) Bytes() int { return t.bytes }

// Root is the node to start from and the number of levels; a node on level 1,
// counted from the bottom, has leaves for kids. The tree must not be empty.
func (t *Tree[K, V]) Root() (root mem.Ref, levels int) { return t.root, t.height }

// Inner is the inner node at ref.
func (t *Tree[K, V]) Inner(ref mem.Ref) *Inner[K, V] { return mem.At[Inner[K, V]](t.arena, ref) }

// Leaf is the leaf at ref.
func (t *Tree[K, V]) Leaf(ref mem.Ref) *Leaf[K, V] {
	l := mem.At[Leaf[K, V]](t.arena, ref)
	if invariants.Enabled {
		t.arena.Bytes(ref, leafSize[K, V](int(l.cap)))
	}
	return l
}

// LeafSoon is Leaf for a binary search of a leaf in a tree of some levels: it
// has the processor fetch its header and its keys at the same time.
func (t *Tree[K, V]) LeafSoon(ref mem.Ref) *Leaf[K, V] {
	if mem.CanPrefetch && t.height > 2 {
		t.arena.Prefetch(ref)
		const unit = 8
		for off := keysAt[K, V](Cap) &^ (unit - 1); off < uintptr(leafSize[K, V](Cap)); off += 128 {
			t.arena.Prefetch2(ref + mem.Ref(off/unit))
		}
	}
	return t.Leaf(ref)
}

// Note enters into a path that on this level it leads from n to its kid i.
func (p *Path[K, V]) Note(level int, n *Inner[K, V], i int) { p.up[level] = step[K, V]{n, i} }

func alignUp(n, align uintptr) uintptr { return (n + align - 1) &^ (align - 1) }

func valsAt[V any]() uintptr {
	var v V
	return alignUp(header, unsafe.Alignof(v))
}

func keysAt[K, V any](cap uint16) uintptr {
	var k K
	var v V
	return alignUp(valsAt[V]()+uintptr(cap)*unsafe.Sizeof(v), unsafe.Alignof(k))
}

func leafSize[K, V any](cap int) int {
	var k K
	return int(keysAt[K, V](uint16(cap)) + uintptr(cap)*unsafe.Sizeof(k))
}

// N is the number of elements.
func (l *Leaf[K, V]) N() int { return int(l.n) }

// IsFirst tells whether no leaf is before this one.
func (l *Leaf[K, V]) IsFirst() bool { return l.prev == 0 }

// IsLast tells whether no leaf is behind this one.
func (l *Leaf[K, V]) IsLast() bool { return l.next == 0 }

// Keys is the keys of the elements of a leaf, valid until the tree changes.
func (l *Leaf[K, V]) Keys() []K { return l.keys()[:l.n] }

// Vals is the values of the elements of a leaf, valid until the tree changes.
func (l *Leaf[K, V]) Vals() []V { return l.vals()[:l.n] }

func (l *Leaf[K, V]) keys() []K {
	return unsafe.Slice((*K)(unsafe.Add(unsafe.Pointer(l), keysAt[K, V](l.cap))), l.cap)
}

func (l *Leaf[K, V]) vals() []V {
	return unsafe.Slice((*V)(unsafe.Add(unsafe.Pointer(l), valsAt[V]())), l.cap)
}

// SeekRank sets p to the element of this rank, which must be there.
func (t *Tree[K, V]) SeekRank(p *Path[K, V], rank int) {
	ref := t.root
	for level := t.height - 1; level > 0; level-- {
		n := t.Inner(ref)
		var i int
		i, rank = n.kidAt(rank)
		p.Note(level, n, i)
		ref = n.Kids[i]
	}
	p.Leaf, p.I = t.Leaf(ref), rank
}

// kidAt is the kid below which the element of this rank is, and its rank there.
func (n *Inner[K, V]) kidAt(rank int) (i, rest int) {
	last := int(n.N) - 1
	for i, c := range n.Counts[:last] {
		if rank < int(c) {
			return i, rank
		}
		rank -= int(c)
	}
	return last, rank
}

// SeekEnd sets p to the place behind the last element of a tree that is not
// empty.
func (t *Tree[K, V]) SeekEnd(p *Path[K, V]) {
	ref := t.root
	for level := t.height - 1; level > 0; level-- {
		n := t.Inner(ref)
		i := int(n.N) - 1
		p.Note(level, n, i)
		ref = n.Kids[i]
	}
	p.Leaf = t.Leaf(ref)
	p.I = p.Leaf.N()
}

// Rank is the number of elements before the place p.
func (t *Tree[K, V]) Rank(p *Path[K, V]) int {
	rank := p.I
	total := t.count
	for level := t.height - 1; level > 0; level-- {
		n, i := p.up[level].n, p.up[level].i
		if i <= int(n.N)/2 {
			rank += sum(n.Counts[:i])
		} else {
			rank += total - sum(n.Counts[i:n.N])
		}
		total = int(n.Counts[i])
	}
	return rank
}

func sum(counts []uint32) int {
	s := uint32(0) // there are fewer than 2^32 elements
	for _, c := range counts {
		s += c
	}
	return int(s)
}

// Cursor is a place in a tree: at an element, before the first, or behind the
// last. It is valid until the tree changes.
type Cursor[K, V any] struct {
	t    *Tree[K, V]
	leaf *Leaf[K, V] // nil in an empty tree
	i    int
}

// Cursor is the cursor at the element behind the place p, or behind the last.
func (t *Tree[K, V]) Cursor(p *Path[K, V]) Cursor[K, V] {
	c := Cursor[K, V]{t, p.Leaf, p.I}
	if c.leaf != nil && c.i == c.leaf.N() && c.leaf.next != 0 {
		c.leaf, c.i = t.Leaf(c.leaf.next), 0
	}
	return c
}

// First is the cursor at the first element.
func (t *Tree[K, V]) First() Cursor[K, V] {
	if t.count == 0 {
		return Cursor[K, V]{t: t}
	}
	return Cursor[K, V]{t, t.Leaf(t.first), 0}
}

// Last is the cursor at the last element.
func (t *Tree[K, V]) Last() Cursor[K, V] {
	if t.count == 0 {
		return Cursor[K, V]{t: t}
	}
	l := t.Leaf(t.last)
	return Cursor[K, V]{t, l, l.N() - 1}
}

// Valid tells whether the cursor is at an element.
func (c *Cursor[K, V]) Valid() bool { return c.leaf != nil && uint(c.i) < uint(c.leaf.n) }

// Key is the key of the element at a valid cursor.
func (c *Cursor[K, V]) Key() K { return c.leaf.Keys()[c.i] }

// Val is the value of the element at a valid cursor.
func (c *Cursor[K, V]) Val() V { return c.leaf.Vals()[c.i] }

// InLeaf is the values of the leaf in which a valid cursor is, and its index
// there.
func (c *Cursor[K, V]) InLeaf() (vals []V, i int) { return c.leaf.Vals(), c.i }

// Arena is where the nodes are.
func (c *Cursor[K, V]) Arena() *mem.Arena { return c.t.arena }

// Next goes to the next element, or behind the last. There it stays.
func (c *Cursor[K, V]) Next() {
	if c.leaf == nil || c.i == c.leaf.N() {
		return
	}
	if c.i++; c.i == c.leaf.N() && c.leaf.next != 0 {
		c.leaf, c.i = c.t.Leaf(c.leaf.next), 0
		if c.leaf.next != 0 {
			c.t.arena.Prefetch2(c.leaf.next)
		}
	}
}

// Prev goes to the element before, or before the first. There it stays.
func (c *Cursor[K, V]) Prev() {
	if c.leaf == nil || c.i < 0 {
		return
	}
	if c.i--; c.i < 0 && c.leaf.prev != 0 {
		c.leaf = c.t.Leaf(c.leaf.prev)
		c.i = c.leaf.N() - 1
		if c.leaf.prev != 0 {
			c.t.arena.Prefetch2(c.leaf.prev)
		}
	}
}
