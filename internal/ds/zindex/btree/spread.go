package btree

import "github.com/redstart-db/redstart/internal/mem"

// spread shares the elements of up's kids [from, to), which are on this level,
// out evenly over the first keep of them, and removes the others. At least one
// of the kids has elements, and the first of all must be that which up names.
func (t *Tree[K, V]) spread(up *Inner[K, V], level, from, to, keep int) {
	var have, want [group]int
	n, total := to-from, 0
	for j := range n {
		have[j] = t.sizeOf(level, up, from+j)
		total += have[j]
	}
	for j := range keep {
		want[j] = total / keep
		if j < total%keep {
			want[j]++
		}
	}
	if level == 0 {
		t.spreadLeaves(up, from, have[:n], want[:n])
	} else {
		t.spreadInners(up, from, have[:n], want[:n])
	}
	for j := from; j < from+keep; j++ {
		up.Keys[j], up.Vals[j] = t.firstOf(level, up.Kids[j])
	}
	for j := from + keep; j < to; j++ {
		t.freeNode(level, up.Kids[j])
	}
	up.removeKids(from+keep, to)
}

func (t *Tree[K, V]) spreadLeaves(up *Inner[K, V], from int, have, want []int) {
	var keys [group][]K
	var vals [group][]V
	for j := range have {
		l := t.Leaf(up.Kids[from+j])
		keys[j], vals[j] = l.keys(), l.vals()
		l.n = uint16(want[j])
		up.Counts[from+j] = uint32(want[j])
	}
	deal(&keys, have, want)
	deal(&vals, have, want)
}

func (t *Tree[K, V]) spreadInners(up *Inner[K, V], from int, have, want []int) {
	var keys [group][]K
	var vals [group][]V
	var kids [group][]mem.Ref
	var counts [group][]uint32
	for j := range have {
		n := t.Inner(up.Kids[from+j])
		keys[j], vals[j], kids[j], counts[j] = n.Keys[:], n.Vals[:], n.Kids[:], n.Counts[:]
		n.N = uint32(want[j])
	}
	deal(&keys, have, want)
	deal(&vals, have, want)
	deal(&kids, have, want)
	deal(&counts, have, want)
	for j := range have {
		up.Counts[from+j] = uint32(sum(counts[j][:want[j]]))
	}
}

// deal collects the first have[j] elements of each array and deals them out in
// portions of want[j].
func deal[T any](arrays *[group][]T, have, want []int) {
	var room [group * Cap]T
	all := room[:0]
	for j, n := range have {
		all = append(all, arrays[j][:n]...)
	}
	for j, n := range want {
		copy(arrays[j], all[:n])
		all = all[n:]
	}
}

// removeKids takes the kids [from, to) out of a node.
func (n *Inner[K, V]) removeKids(from, to int) {
	copy(n.Kids[from:], n.Kids[to:n.N])
	copy(n.Counts[from:], n.Counts[to:n.N])
	copy(n.Vals[from:], n.Vals[to:n.N])
	copy(n.Keys[from:], n.Keys[to:n.N])
	n.N -= uint32(to - from)
}

// freeNode frees a node without elements, and unlinks it if it is a leaf.
func (t *Tree[K, V]) freeNode(level int, ref mem.Ref) {
	if level > 0 {
		t.give(ref, innerSize[K, V]())
		return
	}
	l := t.Leaf(ref)
	if l.prev != 0 {
		t.Leaf(l.prev).next = l.next
	} else {
		t.first = l.next
	}
	if l.next != 0 {
		t.Leaf(l.next).prev = l.prev
	} else {
		t.last = l.prev
	}
	t.give(ref, leafSize[K, V](int(l.cap)))
}
