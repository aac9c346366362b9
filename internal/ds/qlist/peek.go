package qlist

import "github.com/redstart-db/redstart/internal/ds/listpack"

// Front is the first element of a list that is not empty, valid until the list
// changes.
func (l *List) Front() listpack.Value { return l.value(l.node(place{}), first) }

// Back is the last element of a list that is not empty, valid until the list
// changes.
func (l *List) Back() listpack.Value {
	n := l.node(l.lastPlace())
	return l.value(n, l.lastOf(n))
}

// lastOf is the position of the last element of a node.
func (l *List) lastOf(n *node) int {
	if n.plain {
		return first
	}
	pos, _ := listpack.Last(l.data(n))
	return pos
}

// RemoveFront removes the first element of a list that is not empty.
func (l *List) RemoveFront() { l.removeAt(place{}, first) }

// RemoveBack removes the last element of a list that is not empty.
func (l *List) RemoveBack() {
	at := l.lastPlace()
	l.removeAt(at, l.lastOf(l.node(at)))
}

// Stretch gives what a valid cursor stands in: a listpack, in which the element is
// at pos and n elements follow from there on, itself included, and before before
// it; or, with plain, the bytes of one element. It is valid as long as the cursor.
func (c *Cursor) Stretch() (lp []byte, pos, n, before int, plain bool) {
	before = c.index - c.base
	return c.lp, c.pos, c.count() - before, before, c.plain
}

// NextNode goes to the first element of the next node, or behind the last.
func (c *Cursor) NextNode() { c.nextNode() }

// PrevNode goes to the last element of the node before, or before the first.
func (c *Cursor) PrevNode() { c.prevNode() }
