package qlist

import (
	"encoding/binary"
	"math"

	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/mem"
)

// Positions in a node are those in its listpack. In a plain node the element is at
// first, too, and first+1 is the end.
const first = listpack.HeaderSize

// smallBlock is the size in bytes below which a block is not made smaller.
const smallBlock = 64

// data is a node's listpack, or the element of a plain node.
func (l *List) data(n *node) []byte {
	to := int(n.off) + int(n.size)
	return l.arena.Bytes(n.ref, to)[n.off:to:to]
}

// block is all of a node's block, to be written to.
func (l *List) block(n *node) []byte {
	l.writing(n)
	return l.arena.Bytes(n.ref, l.arena.Usable(n.ref))
}

// open is a node's listpack with the capacity that the block has, to be changed.
func (l *List) open(n *node) []byte { return l.block(n)[n.off : n.off+n.size] }

// close notes what became of a listpack that was opened; d is the change of the
// number of elements.
func (n *node) close(lp []byte, d int) {
	n.size = uint32(len(lp))
	n.count += uint32(d)
}

// end is the position behind the last element.
func (n *node) end() int {
	if n.plain {
		return first + 1
	}
	return int(n.size) - 1
}

// seek is the position of an element of a node.
func (l *List) seek(n *node, i int) (pos int) {
	if n.plain {
		return first
	}
	if i > int(n.count)/2 { // also where the header does not know the number
		i -= int(n.count)
	}
	pos, _ = listpack.Seek(l.data(n), i)
	return pos
}

// value is the element at a position.
func (l *List) value(n *node, pos int) listpack.Value {
	if n.plain {
		return listpack.Value{Str: l.data(n)}
	}
	return listpack.Get(l.data(n), pos)
}

// isLarge tells whether an element has to be a plain node.
func (l *List) isLarge(elem []byte) bool { return len(elem) >= l.plainAt }

// fits tells whether a node may take one more element.
func (l *List) fits(n *node, elem []byte) bool {
	return len(elem) <= l.limit-overhead-int(n.size) && int(n.count) < l.maxCount && !n.plain && !l.isLarge(elem)
}

// alloc is Arena.Alloc, counted.
func (l *List) alloc(size int) mem.Ref {
	r := l.arena.Alloc(size)
	l.bytes += l.arena.Usable(r)
	return r
}

// tryAlloc is Arena.TryAlloc, counted.
func (l *List) tryAlloc(size int) (mem.Ref, bool) {
	r, ok := l.arena.TryAlloc(size)
	if ok {
		l.bytes += l.arena.Usable(r)
	}
	return r, ok
}

func (l *List) free(r mem.Ref) {
	l.bytes -= l.arena.Usable(r)
	if l.kept != nil && l.kept.Take(r) {
		return
	}
	l.arena.Free(r)
}

// takeAll allocates a block of each size but 0. If that fails it panics and has
// allocated none.
func (l *List) takeAll(sizes [3]int) (refs [3]mem.Ref) {
	for i, size := range sizes {
		if size == 0 {
			continue
		}
		r, ok := l.tryAlloc(size)
		if !ok {
			for _, r := range refs[:i] {
				if r != 0 {
					l.free(r)
				}
			}
			panic(mem.ErrExhausted)
		}
		refs[i] = r
	}
	return refs
}

// nodeSize is the size of the block of a node for one element.
func (l *List) nodeSize(elem []byte) int {
	if uint64(len(elem)) > maxElement {
		panic(mem.ErrExhausted)
	}
	if l.isLarge(elem) {
		return len(elem)
	}
	return len(listpack.Empty) + listpack.Size(elem)
}

// makeNode is the node for one element in a block of nodeSize bytes.
func (l *List) makeNode(ref mem.Ref, elem []byte) node {
	n := node{ref: ref, count: 1, plain: l.isLarge(elem)}
	if n.plain {
		n.size = uint32(len(elem))
		copy(l.data(&n), elem)
		return n
	}
	n.close(listpack.Append(append(l.block(&n)[:0], listpack.Empty...), elem), 0)
	return n
}

func (l *List) newNode(elem []byte) node { return l.makeNode(l.alloc(l.nodeSize(elem)), elem) }

// putHeader writes the header of a listpack of that size and number of elements.
func putHeader(lp []byte, size, count uint32) {
	binary.LittleEndian.PutUint32(lp, size)
	binary.LittleEndian.PutUint16(lp[4:], uint16(min(count, math.MaxUint16)))
}

// withSlack is the size of a block for a listpack that has grown to size bytes.
func (l *List) withSlack(size int) int {
	if size >= l.limit {
		return size
	}
	return min(size+size/4, l.limit)
}

// makeRoom makes extra unused bytes before or behind a listpack. Positions in it
// stay the same.
func (l *List) makeRoom(n *node, extra int, before bool) {
	have := l.arena.Usable(n.ref)
	if before && int(n.off) >= extra || !before && have-int(n.off)-int(n.size) >= extra {
		return
	}
	need := int(n.size) + extra
	want := l.withSlack(need)
	// What is unused on the other side is worth a move if it is not used up at once,
	// or if nodes do not become larger.
	if have-need < need/8 && mem.Usable(want) > have && !l.grow(n.ref, want) {
		old := *n
		n.ref = l.alloc(want)
		n.off = l.offset(n, extra, before)
		copy(l.block(n)[n.off:], l.data(&old))
		l.free(old.ref)
		return
	}
	lp := l.data(n)
	n.off = l.offset(n, extra, before)
	copy(l.block(n)[n.off:], lp)
}

// offset is where a listpack lies best in its block: at the end if it grows there,
// in the middle if it may grow at both.
func (l *List) offset(n *node, extra int, before bool) uint32 {
	if !before {
		return 0
	}
	unused := l.arena.Usable(n.ref) - int(n.size)
	if l.nodes == 1 {
		unused = extra + (unused-extra)/2
	}
	return uint32(unused)
}

// grow is Arena.Grow, counted.
func (l *List) grow(r mem.Ref, size int) bool {
	old := l.arena.Usable(r)
	ok := l.arena.Grow(r, size)
	l.bytes += l.arena.Usable(r) - old
	return ok
}

// shrink gives a node a smaller block if half of the old one is not used.
func (l *List) shrink(n *node) {
	if have := l.arena.Usable(n.ref); have > smallBlock && int(n.size) < have/2 {
		l.move(n, l.withSlack(int(n.size)))
	}
}

// trim gives a node the smallest block for what it has.
func (l *List) trim(n *node) {
	if mem.Usable(int(n.size)) < l.arena.Usable(n.ref) {
		l.move(n, int(n.size))
	}
}

// move moves a node to the start of a block of that size, if there is memory.
func (l *List) move(n *node, size int) bool {
	ref, ok := l.tryAlloc(size)
	if ok {
		copy(l.arena.Bytes(ref, size), l.data(n))
		l.free(n.ref)
		n.ref, n.off = ref, 0
	}
	return ok
}

// appendTo puts an element behind the last of a node.
func (l *List) appendTo(n *node, elem []byte) {
	lp := l.open(n)
	if cap(lp)-len(lp) < len(elem)+listpack.MaxOverhead {
		l.makeRoom(n, listpack.Size(elem), false)
		lp = l.open(n)
	}
	n.close(listpack.Append(lp, elem), 1)
}

// prependTo puts an element before the first of a node.
//
// The entry is written as that of another listpack, which begins where the node's
// is going to, and whose end byte falls on the node's first entry.
func (l *List) prependTo(n *node, elem []byte) {
	size := listpack.Size(elem)
	l.makeRoom(n, size, true)
	block := l.block(n)
	from, to := int(n.off)-size, int(n.off)+first
	kept := block[to]
	listpack.Append(append(block[from:from:to+1], listpack.Empty...), elem)
	block[to] = kept
	n.off = uint32(from)
	n.size += uint32(size)
	n.count++
	putHeader(block[from:], n.size, n.count)
}

// insertInto puts an element before a position of a node.
func (l *List) insertInto(n *node, pos int, elem []byte) {
	switch pos {
	case n.end():
		l.appendTo(n, elem)
	case first:
		l.prependTo(n, elem)
	default:
		l.makeRoom(n, listpack.Size(elem), false)
		n.close(listpack.Insert(l.open(n), pos, elem), 1)
	}
}

// cut removes count elements, but not all, from a position of a node on. What was
// behind them then is at pos.
func (l *List) cut(n *node, pos, count int) {
	if pos > first {
		n.close(listpack.DeleteRange(l.open(n), pos, count), -count)
	} else {
		l.writing(n)
		lp := l.data(n)
		for range count {
			pos += listpack.EntrySize(lp, pos)
		}
		gone := uint32(pos - first)
		n.off += gone
		n.size -= gone
		n.count -= uint32(count)
		putHeader(lp[gone:], n.size, n.count)
	}
	l.shrink(n)
}

// entries is the number of entries of a listpack between two positions.
func entries(lp []byte, from, to int) (n int) {
	for ; from < to; n++ {
		from += listpack.EntrySize(lp, from)
	}
	return n
}
