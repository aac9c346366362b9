package qlist

import (
	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/num"
)

// Cursor is a place in a list: at an element, before the first, or behind the
// last. It is valid until the list changes by other means than this cursor.
type Cursor struct {
	l     *List
	lp    []byte // what the node holds; nil at no element
	pos   int    // in lp
	index int    // of the element; -1 before the first, Len() behind the last
	base  int    // index of the node's first element
	at    place
	plain bool
}

// First is the cursor at the first element.
func (l *List) First() Cursor { return l.Seek(0) }

// Last is the cursor at the last element.
func (l *List) Last() Cursor { return l.Seek(l.count - 1) }

// Seek is the cursor at the element with an index; before the first if the index
// is negative, and behind the last if it is too great.
func (l *List) Seek(i int) Cursor {
	c := Cursor{l: l, index: min(max(i, -1), l.count)}
	if c.index >= 0 && c.index < l.count {
		at, rest := l.locate(i)
		c.enter(at, c.index-rest)
		c.pos = l.seek(l.node(at), rest)
	}
	return c
}

// enter goes to a node whose first element has the index base. Where in it, and the
// index, is for the caller to say.
func (c *Cursor) enter(at place, base int) {
	n := c.l.node(at)
	c.at, c.base, c.lp, c.plain = at, base, c.l.data(n), n.plain
}

// Valid tells whether the cursor is at an element.
func (c *Cursor) Valid() bool { return c.lp != nil }

// Index is the index of the element at the cursor; -1 before the first, and the
// length of the list behind the last.
func (c *Cursor) Index() int { return c.index }

// Value is the element at a valid cursor, valid as long as that.
func (c *Cursor) Value() listpack.Value {
	if c.plain {
		return listpack.Value{Str: c.lp}
	}
	return listpack.Get(c.lp, c.pos)
}

// Next goes to the next element, or behind the last. There it stays.
func (c *Cursor) Next() {
	switch {
	case c.lp == nil:
		if c.index < 0 {
			*c = c.l.First()
		}
		return
	case !c.plain:
		pos, ok := listpack.Next(c.lp, c.pos)
		if ok {
			c.pos = pos
			c.index++
			return
		}
	}
	c.nextNode()
}

// Prev goes to the element before, or before the first. There it stays.
func (c *Cursor) Prev() {
	switch {
	case c.lp == nil:
		if c.index >= 0 {
			*c = c.l.Last()
		}
		return
	case c.pos > first:
		c.pos, _ = listpack.Prev(c.lp, c.pos)
		c.index--
		return
	}
	c.prevNode()
}

// nextNode goes to the first element of the next node, or behind the last.
func (c *Cursor) nextNode() {
	c.index = c.base + c.count()
	if at := c.l.next(c.at); c.l.valid(at) {
		c.enter(at, c.index)
		c.pos = first
		return
	}
	c.lp = nil
}

// prevNode goes to the last element of the node before, or before the first.
func (c *Cursor) prevNode() {
	c.index = c.base - 1
	if at := c.l.prev(c.at); c.l.valid(at) {
		c.enter(at, c.base-int(c.l.node(at).count))
		c.pos = first
		if !c.plain {
			c.pos, _ = listpack.Last(c.lp)
		}
		return
	}
	c.lp = nil
}

// count is the number of elements of the node.
func (c *Cursor) count() int { return int(c.l.node(c.at).count) }

// Find goes to the first element, from that at the cursor on, that is elem, and
// looks at no more than limit elements. When ok is false there is none, and the
// cursor is behind the last.
func (c *Cursor) Find(elem []byte, limit int) (ok bool) {
	for c.lp != nil && limit > 0 {
		from := c.index
		if c.findHere(elem) {
			if c.index-from >= limit {
				break
			}
			return true
		}
		c.nextNode()
		limit -= c.index - from
	}
	c.lp, c.index = nil, c.l.count
	return false
}

// findHere is Find in the node of a valid cursor.
func (c *Cursor) findHere(elem []byte) bool {
	if c.plain {
		return string(c.lp) == string(elem)
	}
	pos, ok := listpack.Find(c.lp, c.pos, elem, 0)
	if ok {
		c.index += entries(c.lp, c.pos, pos)
		c.pos = pos
	}
	return ok
}

// FindBack is Find towards the first element; when ok is false, the cursor is
// before it.
func (c *Cursor) FindBack(elem []byte, limit int) (ok bool) {
	n, isInt := num.ParseInt(elem)
	for c.lp != nil && limit > 0 {
		from := c.index
		// Listpacks are searched forwards: to know at once that a node has none.
		if c.index == c.base+c.count()-1 && !c.plain {
			if _, ok := listpack.Find(c.lp, first, elem, 0); !ok {
				c.prevNode()
				limit -= from - c.index
				continue
			}
		}
		v := c.Value()
		if v.IsInt() && isInt && v.Int == n || !v.IsInt() && string(v.Str) == string(elem) {
			return true
		}
		c.Prev()
		limit--
	}
	c.lp, c.index = nil, -1
	return false
}
