package btree

import "github.com/redstart-db/redstart/internal/mem"

// CutRange removes the elements with ranks from to to-1, as far as there are such,
// without a look at most of them: what lies between both ends is whole subtrees,
// which are given back as trees, in order. For the few elements beside them, fewer
// than two leaves of them or all of a small tree, it calls gone, as DeleteRange does.
// It needs no memory of the arena, and time for the inner nodes of what goes: one
// in some 2500 elements.
func (t *Tree[K, V]) CutRange(from, to int, gone func(k K, v V)) []Tree[K, V] {
	from, to = max(from, 0), min(to, t.count)
	if t.height < 2 {
		t.DeleteRange(from, to, gone)
		return nil
	}
	if from >= to {
		return nil
	}
	to = t.trimEnds(from, to, gone)
	var parts []Tree[K, V]
	switch {
	case from == 0 && to == t.count && to > 0:
		parts = []Tree[K, V]{*t}
		t.Init(t.arena)
		return parts
	case from < to:
		t.detach(t.height-1, t.root, from, to, &parts)
		t.unchain(parts)
	}
	t.mend(from - 1)
	t.mend(from)
	t.collapse()
	for i := range parts {
		parts[i].collapse()
	}
	return parts
}

// trimEnds removes the elements of a range that share a leaf with others, and gives
// the end of what is left of it.
func (t *Tree[K, V]) trimEnds(from, to int, gone func(k K, v V)) int {
	var p Path[K, V]
	if t.SeekRank(&p, from); p.I > 0 {
		to -= t.cutLeaf(&p, to-from, gone)
	}
	if from < to && to < t.count {
		if t.SeekRank(&p, to); p.I > 0 {
			n := p.I
			p.I = 0
			to -= t.cutLeaf(&p, n, gone)
		}
	}
	return to
}

// detach takes the elements with ranks from to to-1 below a node, which are whole
// leaves but not all, out of it, and appends them to parts. The links between leaves
// stay as they are.
func (t *Tree[K, V]) detach(level int, ref mem.Ref, from, to int, parts *[]Tree[K, V]) {
	n := t.Inner(ref)
	first, end, at := 0, 0, 0 // kids that go, and the rank of the kid
	for i := range int(n.N) {
		count := int(n.Counts[i])
		a, b := max(from-at, 0), min(to-at, count)
		at += count
		switch {
		case a >= b:
		case b-a == count:
			if end == 0 {
				first = i
			}
			end = i + 1
			*parts = append(*parts, t.part(level-1, n.Kids[i], count))
		default:
			t.detach(level-1, n.Kids[i], a, b, parts)
			n.Counts[i] -= uint32(b - a)
			n.Keys[i], n.Vals[i] = t.firstOf(level-1, n.Kids[i])
		}
	}
	if end > 0 {
		n.removeKids(first, end)
	}
}

// part makes a tree of a node and what is below it.
func (t *Tree[K, V]) part(level int, ref mem.Ref, count int) Tree[K, V] {
	p := Tree[K, V]{arena: t.arena, root: ref, height: level + 1, count: count, bytes: t.bytesBelow(level, ref)}
	p.first, p.last = ref, ref
	for ; level > 0; level-- {
		p.first = t.Inner(p.first).Kids[0]
		last := t.Inner(p.last)
		p.last = last.Kids[last.N-1]
	}
	t.count -= p.count
	t.bytes -= p.bytes
	return p
}

// bytesBelow is the memory of a node and of all below it, in a tree whose root is no
// leaf. It does not look at leaves.
func (t *Tree[K, V]) bytesBelow(level int, ref mem.Ref) int {
	leaf, inner := mem.Usable(leafSize[K, V](Cap)), mem.Usable(innerSize[K, V]())
	switch level {
	case 0:
		return leaf
	case 1:
		return inner + int(t.Inner(ref).N)*leaf
	}
	n := t.Inner(ref)
	bytes := inner
	for _, kid := range n.Kids[:n.N] {
		bytes += t.bytesBelow(level-1, kid)
	}
	return bytes
}

// unchain takes the leaves of parts, which follow each other, out of the chain of
// leaves, and apart.
func (t *Tree[K, V]) unchain(parts []Tree[K, V]) {
	prev, next := t.Leaf(parts[0].first).prev, t.Leaf(parts[len(parts)-1].last).next
	for i := range parts {
		t.Leaf(parts[i].first).prev = 0
		t.Leaf(parts[i].last).next = 0
	}
	if prev != 0 {
		t.Leaf(prev).next = next
	} else {
		t.first = next
	}
	if next != 0 {
		t.Leaf(next).prev = prev
	} else {
		t.last = prev
	}
}
