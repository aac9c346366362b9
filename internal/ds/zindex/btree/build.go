package btree

import "github.com/redstart-db/redstart/internal/mem"

// Prepend and Raise build a tree from its last element to its first, the order in which
// Redis writes them, without a look at any node but one. Before Raise there are leaves
// only, a chain of them:
//
//	first                                        last
//	+----------------+    +----------------+    +----------------+
//	| free | 20 of 63| ─► | 63 elements    | ─► | 63 elements    |
//	+----------------+    +----------------+    +----------------+
//
// The first is filled from its end. Raise moves its elements to where they belong and
// sets inner nodes above all leaves, level by level, each full but for the last.

// Prepend puts an element in front of all others of a tree that is empty or was built by
// Prepend alone. Until Raise nothing else may be called but Len, Bytes and Drop. When
// there is no memory, it panics with mem.ErrExhausted, and has changed nothing.
func (t *Tree[K, V]) Prepend(k K, v V) {
	if t.first == 0 || t.Leaf(t.first).n == Cap {
		ref, l := t.newLeaf(t.take(leafSize[K, V](Cap)), Cap)
		if t.first == 0 {
			t.last = ref
		} else {
			t.Leaf(t.first).prev = ref
			l.next = t.first
		}
		t.first = ref
	}
	l := t.Leaf(t.first)
	l.n++
	at := Cap - int(l.n)
	l.keys()[at], l.vals()[at] = k, v
	t.count++
}

// abandon gives back what Prepend took.
func (t *Tree[K, V]) abandon() {
	for t.first != 0 {
		next := t.Leaf(t.first).next
		t.give(t.first, leafSize[K, V](Cap))
		t.first = next
	}
	t.Init(t.arena)
}

// Raise makes a tree of what Prepend has built. When there is no memory for the inner
// nodes, it panics with mem.ErrExhausted, and the tree is to be dropped.
func (t *Tree[K, V]) Raise() {
	if t.count == 0 {
		return
	}
	first := t.Leaf(t.first)
	free := Cap - int(first.n)
	copy(first.keys(), first.keys()[free:])
	copy(first.vals(), first.vals()[free:])
	if t.first == t.last {
		t.root, t.height = t.first, 1
		return
	}
	r := raiser[K, V]{t: t}
	defer r.undo()
	for ref := t.first; ref != 0; {
		l := t.Leaf(ref)
		r.add(ref, int(l.n), l.keys()[0], l.vals()[0])
		ref = l.next
	}
	height := 2
	for ; len(r.level) > 1; height++ {
		below := r.level
		r.level, r.top = nil, nil
		for _, ref := range below {
			n := t.Inner(ref)
			r.add(ref, sum(n.Counts[:n.N]), n.Keys[0], n.Vals[0])
		}
	}
	t.root, t.height = r.level[0], height
	r.all = nil
}

// raiser sets inner nodes above the nodes of a level.
type raiser[K, V any] struct {
	t     *Tree[K, V]
	level []mem.Ref    // the nodes that there are so far
	top   *Inner[K, V] // the last of them
	all   []mem.Ref    // of all levels, to be given back unless the tree is whole
}

func (r *raiser[K, V]) add(kid mem.Ref, count int, k K, v V) {
	if r.top == nil || r.top.N == Cap {
		ref := r.t.take(innerSize[K, V]())
		r.level, r.all = append(r.level, ref), append(r.all, ref)
		r.top = r.t.Inner(ref)
		r.top.N = 0
	}
	n := r.top
	n.Kids[n.N], n.Counts[n.N], n.Keys[n.N], n.Vals[n.N] = kid, uint32(count), k, v
	n.N++
}

func (r *raiser[K, V]) undo() {
	for _, ref := range r.all {
		r.t.give(ref, innerSize[K, V]())
	}
}
