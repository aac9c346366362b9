package qlist

import (
	"slices"

	"github.com/redstart-db/redstart/internal/ds/listpack"
)

// InsertBefore adds an element before that at a valid cursor, which stays at its
// element.
func (l *List) InsertBefore(c *Cursor, elem []byte) {
	l.insert(c.at, c.pos, elem)
	*c = l.Seek(c.index + 1)
}

// InsertAfter adds an element behind that at a valid cursor, which stays at its
// element.
func (l *List) InsertAfter(c *Cursor, elem []byte) {
	pos := c.pos + 1
	if !c.plain {
		pos, _ = listpack.Next(c.lp, c.pos)
	}
	l.insert(c.at, pos, elem)
	*c = l.Seek(c.index)
}

// insert adds an element before a position of a node: to this node, to a neighbour
// if the place is between two nodes, to a node of its own there, or by making two
// or three of the node.
func (l *List) insert(at place, pos int, elem []byte) {
	n := l.node(at)
	switch {
	case l.fits(n, elem):
		l.insertInto(n, pos, elem)
		l.addCount(at, 1)
	case pos == n.end():
		if right := l.next(at); l.valid(right) && l.fits(l.node(right), elem) {
			l.prependTo(l.node(right), elem)
			l.addCount(right, 1)
			return
		}
		at.i++
		l.insertNode(at, l.newNode(elem))
	case pos == first:
		if left := l.prev(at); l.valid(left) && l.fits(l.node(left), elem) {
			l.appendTo(l.node(left), elem)
			l.addCount(left, 1)
			return
		}
		l.insertNode(at, l.newNode(elem))
	default:
		l.split(at, pos, elem)
	}
}

// split makes two nodes of one and adds an element to one of them, or makes it a
// node between them. pos is between two elements of a listpack.
func (l *List) split(at place, pos int, elem []byte) {
	old := *l.node(at)
	lp := l.data(&old)
	// Halves, that both can grow, if one of them can take the element.
	cut := middle(lp)
	left, right := parts(&old, lp, cut)
	join := &left
	if pos > cut {
		join = &right
	}
	if !l.fits(join, elem) {
		cut = pos
		left, right = parts(&old, lp, cut)
		switch {
		case l.fits(&left, elem):
			join = &left
		case l.fits(&right, elem):
			join = &right
		default:
			join = nil
		}
	}

	sizes := [3]int{int(left.size), int(right.size)}
	switch join {
	case &left:
		sizes[0] += listpack.Size(elem)
	case &right:
		sizes[1] += listpack.Size(elem)
	default:
		sizes[2] = l.nodeSize(elem)
	}
	refs := l.takeAll(sizes)

	left.ref, right.ref = refs[0], refs[1]
	b := l.data(&left)
	copy(b, lp[:cut])
	b[cut] = lp[len(lp)-1]
	putHeader(b, left.size, left.count)
	b = l.data(&right)
	copy(b[first:], lp[cut:])
	putHeader(b, right.size, right.count)
	switch join {
	case &left:
		left.close(listpack.Insert(l.open(&left), pos, elem), 1)
	case &right:
		right.close(listpack.Insert(l.open(&right), pos-cut+first, elem), 1)
	}

	l.setNode(at, left)
	at = l.insertNode(place{at.c, at.i + 1}, right)
	if join == nil {
		l.insertNode(at, l.makeNode(refs[2], elem))
	}
	l.free(old.ref)
}

// parts describes the two nodes, without blocks, that a cut makes of one.
func parts(n *node, lp []byte, cut int) (left, right node) {
	left = node{size: uint32(cut) + 1, count: uint32(entries(lp, first, cut))}
	right = node{size: n.size - uint32(cut) + first, count: n.count - left.count}
	return left, right
}

// middle is the position in a listpack of two or more elements, but not the first
// or the end, that is closest behind half of its bytes, or else the last.
func middle(lp []byte) int {
	pos, _ := listpack.Next(lp, first)
	for pos < len(lp)/2 {
		next, ok := listpack.Next(lp, pos)
		if !ok {
			break
		}
		pos = next
	}
	return pos
}

// Set replaces the element with an index from 0 to Len()-1.
func (l *List) Set(i int, elem []byte) {
	at, rest := l.locate(i)
	n := l.node(at)
	if !n.plain && !l.isLarge(elem) {
		pos := l.seek(n, rest)
		lp := l.data(n)
		extra := listpack.Size(elem) - listpack.EntrySize(lp, pos)
		if extra <= 0 || extra <= l.limit-len(lp) {
			l.makeRoom(n, max(extra, 0), false)
			n.close(listpack.Replace(l.open(n), pos, elem), 0)
			l.shrink(n)
			return
		}
	}
	if n.count == 1 {
		fresh := l.newNode(elem)
		l.free(n.ref)
		*n = fresh
		return
	}
	c := l.Seek(i)
	l.InsertBefore(&c, elem)
	l.Remove(&c)
}

// Remove removes the element at a valid cursor, which then is at the element that
// was behind it, or behind the last.
func (l *List) Remove(c *Cursor) {
	if l.removeAt(c.at, c.pos) || l.settle(c.at) {
		*c = l.Seek(c.index)
		return
	}
	c.lp = l.data(l.node(c.at))
	if c.pos == l.node(c.at).end() {
		c.nextNode()
	}
}

// RemoveRange removes count elements from the one with an index on, as far as there
// are such. Nodes of which all is removed are moved to the end of rest, a list in
// the same arena, so that they can be freed in steps (Drop); or are freed, if rest
// is nil.
func (l *List) RemoveRange(start, count int, rest *List) {
	if start < 0 || start >= l.count {
		return
	}
	if rest != nil {
		rest.kept = l.kept
	}
	count = min(count, l.count-start)
	if count <= 0 {
		return
	}
	at, skip := l.locate(start)
	for count > 0 {
		if skip == 0 {
			if k, elems := l.wholeNodes(at, count); k > 0 {
				at = l.takeOut(at, k, rest)
				count -= elems
				continue
			}
		}
		n := l.node(at)
		k := min(count, int(n.count)-skip)
		l.cut(n, l.seek(n, skip), k)
		l.addCount(at, -k)
		count -= k
		skip = 0
		if count > 0 {
			at = l.next(at)
		}
	}
	if l.count > 0 {
		at, _ = l.locate(min(start, l.count-1))
		l.settle(at)
	}
}

// wholeNodes is how many nodes from a place on, in its chunk, have no more than
// count elements, and how many they have.
func (l *List) wholeNodes(at place, count int) (k, elems int) {
	for _, n := range l.chunks[at.c].nodes[at.i:] {
		if elems+int(n.count) > count {
			break
		}
		elems += int(n.count)
		k++
	}
	return k, elems
}

// takeOut removes k nodes of a chunk and gives the place of what is behind them.
func (l *List) takeOut(at place, k int, rest *List) place {
	if rest != nil && k == len(l.chunks[at.c].nodes) {
		l.takeChunk(at.c, rest)
		return place{at.c, 0}
	}
	for _, n := range l.chunks[at.c].nodes[at.i : at.i+k] {
		if rest == nil {
			l.free(n.ref)
			continue
		}
		size := l.arena.Usable(n.ref)
		l.bytes -= size
		rest.bytes += size
		last := rest.lastPlace()
		last.i++
		rest.insertNode(last, n)
	}
	return l.removeNodes(at, k)
}

// takeChunk moves a chunk to the end of rest.
func (l *List) takeChunk(c int, rest *List) {
	ch := l.chunks[c]
	size := 0
	for i := range ch.nodes {
		size += l.arena.Usable(ch.nodes[i].ref)
	}
	l.bytes -= size
	l.nodes -= len(ch.nodes)
	l.count -= ch.count
	l.chunks = slices.Delete(l.chunks, c, c+1)
	rest.bytes += size
	rest.nodes += len(ch.nodes)
	rest.count += ch.count
	rest.chunks = append(rest.chunks, ch)
}

// settle joins a node that lost elements with a neighbour if both together are so
// small that what is added soon does not part them again, and reports whether it
// did.
func (l *List) settle(at place) (joined bool) {
	n := l.node(at)
	if int(n.size) > l.limit/2 || int(n.count) > l.maxCount/2 {
		return false
	}
	return l.join(at, l.next(at)) || l.join(l.prev(at), at)
}

// join appends the node at right to that at left, if both are there, the limits
// allow it, and there is memory.
func (l *List) join(left, right place) bool {
	if !l.valid(left) || !l.valid(right) {
		return false
	}
	a, b := l.node(left), l.node(right)
	added := int(b.size) - len(listpack.Empty)
	size, count := int(a.size)+added, int(a.count+b.count)
	if a.plain || b.plain || size > l.limit-l.limit/4 || count > l.maxCount-l.maxCount/4 {
		return false
	}
	if l.arena.Usable(a.ref)-int(a.off)-int(a.size) < added && !l.move(a, size) {
		return false
	}
	a.close(listpack.Merge(l.open(a), l.data(b)), int(b.count))
	l.addCount(left, int(b.count))
	l.free(b.ref)
	l.removeNodes(right, 1)
	return true
}
