package qlist

import (
	"math"

	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/mem"
)

// PushBack adds an element behind the last. It panics with mem.ErrExhausted, and
// has changed nothing, when there is no memory; so do all methods that add.
func (l *List) PushBack(elem []byte) {
	at := l.lastPlace()
	if at.c < 0 {
		l.insertNode(at, l.newNode(elem))
		return
	}
	if n := l.node(at); l.fits(n, elem) {
		l.appendTo(n, elem)
		l.addCount(at, 1)
		return
	}
	fresh := l.newNode(elem)
	l.trim(l.node(at))
	at.i++
	l.insertNode(at, fresh)
}

// PushFront adds an element before the first.
func (l *List) PushFront(elem []byte) {
	at := place{}
	if l.count == 0 {
		l.insertNode(at, l.newNode(elem))
		return
	}
	if n := l.node(at); l.fits(n, elem) {
		l.prependTo(n, elem)
		l.addCount(at, 1)
		return
	}
	fresh := l.newNode(elem)
	l.trim(l.node(at))
	l.insertNode(at, fresh)
}

// PopFront removes the first element and appends it to dst; ok is false when the
// list is empty.
func (l *List) PopFront(dst []byte) (elem []byte, ok bool) {
	if l.count == 0 {
		return dst, false
	}
	at := place{}
	n := l.node(at)
	dst = l.value(n, first).AppendTo(dst)
	l.removeAt(at, first)
	return dst, true
}

// PopBack removes the last element and appends it to dst; ok is false when the
// list is empty.
func (l *List) PopBack(dst []byte) (elem []byte, ok bool) {
	if l.count == 0 {
		return dst, false
	}
	at := l.lastPlace()
	n := l.node(at)
	pos := first
	if !n.plain {
		pos, _ = listpack.Last(l.data(n))
	}
	dst = l.value(n, pos).AppendTo(dst)
	l.removeAt(at, pos)
	return dst, true
}

// removeAt removes the element at a position of a node, or with its last the node,
// and tells which.
func (l *List) removeAt(at place, pos int) (whole bool) {
	n := l.node(at)
	if n.count > 1 {
		l.cut(n, pos, 1)
		l.addCount(at, -1)
		return false
	}
	l.free(n.ref)
	l.removeNodes(at, 1)
	return true
}

// AppendNode adds a node as it is, for loading: a listpack that passed
// listpack.ValidateEach, or, with plain, the bytes of one element. An empty
// listpack adds nothing.
func (l *List) AppendNode(plain bool, data []byte) {
	if uint64(len(data)) > maxElement {
		panic(mem.ErrExhausted)
	}
	n := node{size: uint32(len(data)), count: 1, plain: plain}
	if !plain {
		n.count = uint32(listpack.Len(data))
	}
	if n.count == 0 {
		return
	}
	n.ref = l.alloc(len(data))
	copy(l.data(&n), data)
	at := l.lastPlace()
	if at.c >= 0 {
		l.trim(l.node(at))
		at.i++
	}
	l.insertNode(at, n)
}

// Walk calls visit for the nodes from one with an index among them on, in order,
// until it returns false. data is a listpack or, with plain, the bytes of one
// element, valid during the call. visit must not change the list. It is how a
// list is saved, a piece at a time.
func (l *List) Walk(from int, visit func(plain bool, data []byte) bool) {
	if from < 0 || from >= l.nodes {
		return
	}
	for at := l.locateNode(from); l.valid(at); at = l.next(at) {
		n := l.node(at)
		if !visit(n.plain, l.data(n)) {
			return
		}
	}
}

// Drop frees up to max of the last nodes and reports whether the list is empty. So
// a large list is freed in steps; between them it is whole.
func (l *List) Drop(max int) (done bool) {
	for max > 0 && l.count > 0 {
		at := l.lastPlace()
		k := min(max, at.i+1)
		at.i -= k - 1
		for _, n := range l.chunks[at.c].nodes[at.i:] {
			l.free(n.ref)
		}
		l.removeNodes(at, k)
		max -= k
	}
	return l.count == 0
}

// CopyTo adds all elements to another list, which is empty and may live in another
// arena, node by node and with the same limits. When memory is exhausted, what
// has been copied is the other's to drop.
func (l *List) CopyTo(to *List) { l.CopyPart(to, math.MaxInt) }

// CopyPart is CopyTo for a part: it adds the next nodes, of about so many bytes, and tells
// whether that was the last of them. The content must not change between the first part
// and the last.
func (l *List) CopyPart(to *List, bytes int) (done bool) {
	to.limits = l.limits
	began := to.bytes
	l.Walk(to.nodes, func(plain bool, data []byte) bool {
		to.AppendNode(plain, data)
		return to.bytes-began < bytes
	})
	return to.nodes >= l.nodes
}
