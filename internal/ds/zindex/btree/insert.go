package btree

import (
	"unsafe"

	"github.com/redstart-db/redstart/internal/mem"
)

// Insert puts an element at the place p; for an empty tree p is the zero value.
// It panics with mem.ErrExhausted, and has changed nothing, when there is no
// memory.
func (t *Tree[K, V]) Insert(p *Path[K, V], k K, v V) {
	if t.height == 0 {
		ref, l := t.newLeaf(t.take(leafSize[K, V](minCap)), minCap)
		t.root, t.first, t.last, t.height = ref, ref, ref, 1
		p.Leaf, p.I = l, 0
	} else if p.Leaf.n == p.Leaf.cap {
		t.makeRoom(p)
	}
	l := p.Leaf
	l.n++
	insert(l.Keys(), p.I, k)
	insert(l.Vals(), p.I, v)
	for level := 1; level < t.height; level++ {
		p.up[level].n.Counts[p.up[level].i]++
	}
	t.count++
	if p.I == 0 {
		t.setFirst(p, 0, k, v)
	}
}

// Set replaces the element at p by one that belongs in the same place.
func (t *Tree[K, V]) Set(p *Path[K, V], k K, v V) {
	p.Leaf.Keys()[p.I] = k
	p.Leaf.Vals()[p.I] = v
	if p.I == 0 {
		t.setFirst(p, 0, k, v)
	}
}

// Move replaces the element at p by one that belongs in the same leaf, where
// it is to have index to.
func (t *Tree[K, V]) Move(p *Path[K, V], to int, k K, v V) {
	keys, vals := p.Leaf.Keys(), p.Leaf.Vals()
	if to > p.I {
		copy(keys[p.I:to], keys[p.I+1:])
		copy(vals[p.I:to], vals[p.I+1:])
	} else {
		copy(keys[to+1:p.I+1], keys[to:])
		copy(vals[to+1:p.I+1], vals[to:])
	}
	keys[to], vals[to] = k, v
	if p.I == 0 || to == 0 {
		t.setFirst(p, 0, keys[0], vals[0])
	}
}

// insert makes room at i in s, whose last element is void, and fills it.
func insert[T any](s []T, i int, x T) {
	copy(s[i+1:], s[i:])
	s[i] = x
}

// setFirst enters what is now the first element of the node of p on a level
// into the nodes above.
func (t *Tree[K, V]) setFirst(p *Path[K, V], level int, k K, v V) {
	for level++; level < t.height; level++ {
		n, i := p.up[level].n, p.up[level].i
		n.Keys[i], n.Vals[i] = k, v
		if i > 0 {
			return
		}
	}
}

func (t *Tree[K, V]) take(size int) mem.Ref {
	ref := t.arena.Alloc(size)
	t.bytes += mem.Usable(size)
	return ref
}

func (t *Tree[K, V]) give(ref mem.Ref, size int) {
	t.arena.Free(ref)
	t.bytes -= mem.Usable(size)
}

func innerSize[K, V any]() int { return int(unsafe.Sizeof(Inner[K, V]{})) }

func (t *Tree[K, V]) newLeaf(ref mem.Ref, cap int) (mem.Ref, *Leaf[K, V]) {
	l := mem.At[Leaf[K, V]](t.arena, ref)
	*l = Leaf[K, V]{cap: uint16(cap)}
	return ref, l
}

// resize gives the leaf of p, which is the root, the memory at ref, enough for
// cap elements.
func (t *Tree[K, V]) resize(p *Path[K, V], ref mem.Ref, cap int) {
	old := p.Leaf
	_, l := t.newLeaf(ref, cap)
	l.n = old.n
	copy(l.keys(), old.Keys())
	copy(l.vals(), old.Vals())
	t.give(t.root, leafSize[K, V](int(old.cap)))
	t.root, t.first, t.last = ref, ref, ref
	p.Leaf = l
}

// spares is memory for the nodes that one insertion may add.
type spares struct {
	leaf   mem.Ref
	inners [maxHeight]mem.Ref
	n      int // of inners
}

// reserve takes memory for n nodes, of which the first is a leaf, or panics
// and takes none.
func (t *Tree[K, V]) reserve(n int) (s spares) {
	if n == 0 {
		return s
	}
	s.leaf = t.take(leafSize[K, V](Cap))
	for s.n < n-1 {
		ref, ok := t.arena.TryAlloc(innerSize[K, V]())
		if !ok {
			t.release(&s)
			panic(mem.ErrExhausted)
		}
		t.bytes += mem.Usable(innerSize[K, V]())
		s.inners[s.n] = ref
		s.n++
	}
	return s
}

// release gives back what reserve took.
func (t *Tree[K, V]) release(s *spares) {
	t.give(s.leaf, leafSize[K, V](Cap))
	for ; s.n > 0; s.n-- {
		t.give(s.inners[s.n-1], innerSize[K, V]())
	}
}

// node makes an empty node for a level.
func (s *spares) node(level int) (ref mem.Ref) {
	if level == 0 {
		ref, s.leaf = s.leaf, 0
		return ref
	}
	s.n--
	return s.inners[s.n]
}

func (t *Tree[K, V]) newInner(s *spares) (mem.Ref, *Inner[K, V]) {
	ref := s.node(1)
	n := t.Inner(ref)
	n.N = 0
	return ref, n
}

// makeRoom makes sure that p is in a leaf that is not full.
func (t *Tree[K, V]) makeRoom(p *Path[K, V]) {
	l := p.Leaf
	switch {
	case l.cap < Cap:
		more := 2*int(l.cap) + 1
		t.resize(p, t.take(leafSize[K, V](more)), more)
	case l.next == 0 && p.I == Cap:
		t.addEdge(p, true)
	case l.prev == 0 && p.I == 0:
		t.addEdge(p, false)
	default:
		s := t.reserve(t.added(p))
		t.room(p, 0, &s)
	}
}

// added is the number of nodes that room adds.
func (t *Tree[K, V]) added(p *Path[K, V]) int {
	for level := range t.height - 1 {
		if t.sharer(p, level) >= 0 {
			return level
		}
		if p.up[level+1].n.N < Cap {
			return level + 1
		}
	}
	return t.height + 1
}

// addEdge adds an empty leaf behind the last one, or before the first, and
// leads p there. Nodes above that are full get empty neighbours likewise.
func (t *Tree[K, V]) addEdge(p *Path[K, V], behind bool) {
	levels := 1
	for levels < t.height && p.up[levels].n.N == Cap {
		levels++
	}
	if levels == t.height {
		levels++
	}
	s := t.reserve(levels)
	if levels > t.height {
		t.addRoot(p, &s)
	}
	kid := s.node(0)
	_, p.Leaf = t.newLeaf(kid, Cap)
	p.I = 0
	if behind {
		t.link(p.Leaf, kid, t.last)
	} else {
		t.link(p.Leaf, kid, 0)
	}
	for level := 1; ; level++ {
		n, ref := p.up[level].n, mem.Ref(0)
		full := n.N == Cap
		if full {
			ref, n = t.newInner(&s)
		}
		i := 0
		if behind {
			i = int(n.N)
		}
		n.insertKid(i, kid)
		p.up[level] = step[K, V]{n, i}
		if !full {
			return
		}
		kid = ref
	}
}

// addRoot puts a root above the root.
func (t *Tree[K, V]) addRoot(p *Path[K, V], s *spares) {
	ref, n := t.newInner(s)
	n.insertKid(0, t.root)
	n.Counts[0] = uint32(t.count)
	n.Keys[0], n.Vals[0] = t.firstOf(t.height-1, t.root)
	p.up[t.height] = step[K, V]{n, 0}
	t.root = ref
	t.height++
}

// firstOf is the first element below a node.
func (t *Tree[K, V]) firstOf(level int, ref mem.Ref) (K, V) {
	if level == 0 {
		l := t.Leaf(ref)
		return l.Keys()[0], l.Vals()[0]
	}
	n := t.Inner(ref)
	return n.Keys[0], n.Vals[0]
}

// insertKid adds a kid without elements to a node that is not full.
func (n *Inner[K, V]) insertKid(i int, kid mem.Ref) {
	var k K
	var v V
	n.N++
	insert(n.Kids[:n.N], i, kid)
	insert(n.Counts[:n.N], i, 0)
	insert(n.Vals[:n.N], i, v)
	insert(n.Keys[:n.N], i, k)
}

// link puts a leaf behind another, or at the front if that is 0.
func (t *Tree[K, V]) link(l *Leaf[K, V], ref, left mem.Ref) {
	l.prev, l.next = left, t.first
	if left != 0 {
		before := t.Leaf(left)
		l.next = before.next
		before.next = ref
	} else {
		t.first = ref
	}
	if l.next != 0 {
		t.Leaf(l.next).prev = ref
	} else {
		t.last = ref
	}
}

// sharer is the neighbour under the same parent with which the full node of p
// can share its elements, or -1.
func (t *Tree[K, V]) sharer(p *Path[K, V], level int) int {
	up, i := p.up[level+1].n, p.up[level+1].i
	best, least := -1, Cap-slack+1
	for _, j := range [2]int{i - 1, i + 1} {
		if j >= 0 && j < int(up.N) {
			if size := t.sizeOf(level, up, j); size < least {
				best, least = j, size
			}
		}
	}
	return best
}

// sizeOf is the number of elements or kids of a kid, which is on this level.
func (t *Tree[K, V]) sizeOf(level int, up *Inner[K, V], i int) int {
	if level == 0 {
		return int(up.Counts[i])
	}
	return int(t.Inner(up.Kids[i]).N)
}

// room makes sure that p leads to a node on this level that is not full. It
// takes the nodes that it adds from s.
func (t *Tree[K, V]) room(p *Path[K, V], level int, s *spares) {
	if level == t.height-1 {
		t.addRoot(p, s)
	}
	if j := t.sharer(p, level); j >= 0 {
		from := min(j, p.up[level+1].i)
		t.spreadPath(p, level, from, from+2)
		return
	}
	if p.up[level+1].n.N == Cap {
		t.room(p, level+1, s)
	}
	up, i := p.up[level+1].n, p.up[level+1].i
	from, to := max(i-1, 0), min(i+2, int(up.N))
	kid := s.node(level)
	if level == 0 {
		_, l := t.newLeaf(kid, Cap)
		t.link(l, kid, up.Kids[to-1])
	} else {
		t.Inner(kid).N = 0
	}
	up.insertKid(to, kid)
	t.spreadPath(p, level, from, to+1)
}

// spreadPath shares the elements of neighbours out evenly and leads p to where
// its place is then.
func (t *Tree[K, V]) spreadPath(p *Path[K, V], level, from, to int) {
	up := p.up[level+1].n
	at := p.I
	if level > 0 {
		at = p.up[level].i
	}
	for j := from; j < p.up[level+1].i; j++ {
		at += t.sizeOf(level, up, j)
	}
	t.spread(up, level, from, to, to-from)
	j := from
	for ; j < to-1 && at >= t.sizeOf(level, up, j); j++ {
		at -= t.sizeOf(level, up, j)
	}
	p.up[level+1].i = j
	if level == 0 {
		p.Leaf, p.I = t.Leaf(up.Kids[j]), at
	} else {
		p.up[level] = step[K, V]{t.Inner(up.Kids[j]), at}
	}
}
