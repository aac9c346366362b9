package btree

import "github.com/redstart-db/redstart/internal/mem"

// Defrag moves the leaves whose first elements have ranks from from on and below to, and the
// inner nodes that begin with them, where they keep sparse spans of the arena alive. Where
// there is no memory, things stay where they are.
func (t *Tree[K, V]) Defrag(from, to int) {
	for rank := from; rank < min(to, t.count); {
		var p Path[K, V]
		t.SeekRank(&p, rank)
		first := rank - p.I
		if first >= from {
			t.moveLeaf(&p)
		}
		rank = first + p.Leaf.N()
	}
}

// moveLeaf moves the leaf of p, and the nodes above of which it is the first.
func (t *Tree[K, V]) moveLeaf(p *Path[K, V]) {
	if ref, ok := t.moved(t.at(p, 0), leafSize[K, V](int(p.Leaf.cap))); ok {
		p.Leaf = t.Leaf(ref)
		if p.Leaf.prev != 0 {
			t.Leaf(p.Leaf.prev).next = ref
		} else {
			t.first = ref
		}
		if p.Leaf.next != 0 {
			t.Leaf(p.Leaf.next).prev = ref
		} else {
			t.last = ref
		}
		t.put(p, 0, ref)
	}
	for level := 1; level < t.height && p.up[level].i == 0; level++ {
		if ref, ok := t.moved(t.at(p, level), innerSize[K, V]()); ok {
			p.up[level].n = t.Inner(ref)
			t.put(p, level, ref)
		}
	}
}

// at is the reference of the node of p on a level, and put changes it.
func (t *Tree[K, V]) at(p *Path[K, V], level int) mem.Ref {
	if level++; level < t.height {
		return p.up[level].n.Kids[p.up[level].i]
	}
	return t.root
}

func (t *Tree[K, V]) put(p *Path[K, V], level int, ref mem.Ref) {
	if level++; level < t.height {
		p.up[level].n.Kids[p.up[level].i] = ref
	} else {
		t.root = ref
	}
}

// moved gives a copy of a node of some bytes in place of it, if that helps.
func (t *Tree[K, V]) moved(old mem.Ref, size int) (ref mem.Ref, ok bool) {
	if !t.arena.Sparse(old) {
		return 0, false
	}
	if ref, ok = t.arena.TryAlloc(size); ok {
		copy(t.arena.Bytes(ref, size), t.arena.Bytes(old, size))
		t.arena.Free(old)
	}
	return ref, ok
}
