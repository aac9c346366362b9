package btree

import "github.com/redstart-db/redstart/internal/mem"

// Delete removes the element at p. It never fails.
func (t *Tree[K, V]) Delete(p *Path[K, V]) {
	level := t.cut(p, 1)
	for ; level < t.height-1 && t.isLow(p, level); level++ {
		t.join(p.up[level+1].n, level, p.up[level+1].i, t.atEdge(p, level))
	}
	t.collapse()
}

// isLow tells whether the node of p on a level has few elements or kids.
func (t *Tree[K, V]) isLow(p *Path[K, V], level int) bool {
	if level == 0 {
		return p.Leaf.n < low
	}
	return p.up[level].n.N < low
}

// atEdge tells whether the node of p on a level is the first or the last there.
func (t *Tree[K, V]) atEdge(p *Path[K, V], level int) bool {
	first, last := true, true
	for level++; level < t.height; level++ {
		first = first && p.up[level].i == 0
		last = last && p.up[level].i == int(p.up[level].n.N)-1
	}
	return first || last
}

// cut removes n elements from p on, which are in one leaf, and the nodes that
// are empty then. It gives the lowest level on which p still leads to a node.
func (t *Tree[K, V]) cut(p *Path[K, V], n int) (level int) {
	l := p.Leaf
	keys, vals := l.Keys(), l.Vals()
	copy(keys[p.I:], keys[p.I+n:])
	copy(vals[p.I:], vals[p.I+n:])
	l.n -= uint16(n)
	t.count -= n
	for level := 1; level < t.height; level++ {
		p.up[level].n.Counts[p.up[level].i] -= uint32(n)
	}
	if l.n == 0 {
		return t.removeEmpty(p)
	}
	if p.I == 0 {
		t.setFirst(p, 0, keys[0], vals[0])
	}
	if t.height == 1 {
		t.shorten(p)
	}
	return 0
}

// removeEmpty removes the leaf of p, which is empty, and the nodes above that
// are left without kids.
func (t *Tree[K, V]) removeEmpty(p *Path[K, V]) (level int) {
	for ; level < t.height-1; level++ {
		n, i := p.up[level+1].n, p.up[level+1].i
		t.freeNode(level, n.Kids[i])
		n.removeKids(i, i+1)
		if n.N > 0 {
			if i == 0 {
				t.setFirst(p, level+1, n.Keys[0], n.Vals[0])
			}
			return level + 1
		}
	}
	t.freeNode(level, t.root)
	t.root, t.height = 0, 0
	return 0
}

// shorten gives a root that is a leaf with few elements less memory, if there
// is a block to be had: removal never fails.
func (t *Tree[K, V]) shorten(p *Path[K, V]) {
	l := p.Leaf
	if l.cap == minCap || l.n > l.cap/4 {
		return
	}
	less := int(l.cap) / 2
	if ref, ok := t.arena.TryAlloc(leafSize[K, V](less)); ok {
		t.bytes += mem.Usable(leafSize[K, V](less))
		t.resize(p, ref, less)
	}
}

// join gives the low kid i of up, which is on this level, more elements: its
// neighbours and it become fewer nodes, or share their elements evenly. At the
// edge it only becomes one with its neighbour.
func (t *Tree[K, V]) join(up *Inner[K, V], level, i int, edge bool) {
	n := int(up.N)
	from := max(0, min(i-1, n-3))
	to := min(from+3, n)
	if edge {
		from = max(0, min(i, n-2))
		to = min(from+2, n)
	}
	if to-from < 2 {
		return
	}
	total := 0
	for j := from; j < to; j++ {
		total += t.sizeOf(level, up, j)
	}
	keep := (total + dense - 1) / dense
	if edge && keep > 1 {
		return
	}
	t.spread(up, level, from, to, keep)
}

// collapse removes roots that have but one kid.
func (t *Tree[K, V]) collapse() {
	for t.height > 1 {
		n := t.Inner(t.root)
		if n.N > 1 {
			return
		}
		root := n.Kids[0]
		t.freeNode(t.height-1, t.root)
		t.root = root
		t.height--
	}
}

// DeleteRange removes the elements with ranks from to to-1, as far as there are
// such, a leaf at a time, and calls gone, unless it is nil, for each before
// that. gone must not use the tree.
func (t *Tree[K, V]) DeleteRange(from, to int, gone func(k K, v V)) {
	from, to = max(from, 0), min(to, t.count)
	if from >= to {
		return
	}
	for n := to - from; n > 0; {
		var p Path[K, V]
		t.SeekRank(&p, from)
		n -= t.cutLeaf(&p, n, gone)
	}
	t.mend(from - 1)
	t.mend(from)
	t.collapse()
}

// cutLeaf removes up to n elements from p on in its leaf.
func (t *Tree[K, V]) cutLeaf(p *Path[K, V], n int, gone func(k K, v V)) int {
	n = min(n, p.Leaf.N()-p.I)
	if gone != nil {
		keys, vals := p.Leaf.Keys()[p.I:p.I+n], p.Leaf.Vals()[p.I:p.I+n]
		for i, v := range vals {
			gone(keys[i], v)
		}
	}
	t.cut(p, n)
	return n
}

// mend joins what is low on the way to the element of this rank, if there is
// one, from the root down, so that there are neighbours to join with.
func (t *Tree[K, V]) mend(rank int) {
	if rank < 0 || rank >= t.count {
		return
	}
	first, last := true, true
	ref := t.root
	for level := t.height - 1; level > 0; level-- {
		up := t.Inner(ref)
		i, rest := up.kidAt(rank)
		if t.sizeOf(level-1, up, i) < low {
			t.join(up, level-1, i, first && i == 0 || last && i == int(up.N)-1)
			i, rest = up.kidAt(rank)
		}
		first, last = first && i == 0, last && i == int(up.N)-1
		ref, rank = up.Kids[i], rest
	}
}

// Drop removes the last elements, up to max leaves of them (63 elements each),
// calls gone for each, and reports whether the tree is empty. So a large tree
// can be freed in steps, between which it is whole.
//
// Of a tree that Prepend was building, all goes at once, and gone is not called.
func (t *Tree[K, V]) Drop(max int, gone func(k K, v V)) (done bool) {
	if t.height == 0 {
		t.abandon()
	}
	for ; max > 0 && t.count > 0; max-- {
		var p Path[K, V]
		t.SeekEnd(&p)
		p.I = 0
		t.cutLeaf(&p, Cap, gone)
		t.collapse()
	}
	return t.count == 0
}
