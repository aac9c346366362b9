package stream

import (
	"github.com/redstart-db/redstart/internal/ds/idtree"
	"github.com/redstart-db/redstart/internal/ds/listpack"
)

// Cursor walks over the entries of a range of IDs, without those that are
// deleted. It is valid until the stream changes.
//
//	for c := s.Range(from, to); c.Next(); {
//		id, n := c.ID(), c.Fields()
//		for range n {
//			field, value := c.Pair()
//		}
//	}
type Cursor struct {
	s     *Stream
	node  idtree.Cursor[place]
	limit ID // of the last entry, inclusive
	back  bool

	m  master
	lp []byte // of the node; nil at the end
	// at is where the next entry begins or, backwards, ends. left is negative
	// then; else it is the pairs of the entry that were not read yet, pos is the
	// next of its elements, and at where it begins.
	at, pos, left int
	field         int // position of the next field in the master entry
	entry         entry
}

// lpEnd is the byte at the end of a listpack.
const lpEnd = 0xFF

// Range is the cursor before the first entry whose ID is not below from, up to
// and with the ID to.
func (s *Stream) Range(from, to ID) Cursor {
	c := Cursor{s: s, limit: to, node: s.nodes.SeekBack(from)}
	if !c.node.Valid() {
		c.node = s.nodes.First()
	}
	if to.Less(from) {
		return c
	}
	if c.enter(); c.lp != nil {
		c.at = c.m.seek(c.lp, from)
	}
	return c
}

// RangeBack is the cursor behind the last entry whose ID is not above from, down
// to and with the ID to.
func (s *Stream) RangeBack(from, to ID) Cursor {
	c := Cursor{s: s, limit: to, node: s.nodes.SeekBack(from), back: true}
	if from.Less(to) {
		return c
	}
	c.enter()
	if behind, ok := Next(from); ok && c.lp != nil {
		c.at = c.m.seek(c.lp, behind)
	}
	return c
}

// enter goes to the node at the node cursor.
func (c *Cursor) enter() {
	c.left = -1
	if !c.node.Valid() {
		c.lp = nil
		return
	}
	lp, id := c.s.at(&c.node)
	c.lp, c.m = lp, readMaster(lp, id)
	c.at = listpack.End(lp)
	if !c.back {
		c.at = c.m.entries(lp)
	}
}

func (c *Cursor) nextNode() {
	if c.back {
		c.node.Prev()
	} else {
		c.node.Next()
	}
	c.enter()
}

// step goes to the next entry of the node, deleted or not, and tells whether there
// is one.
func (c *Cursor) step() bool {
	if c.back {
		// The zero that ends the master entry is where other entries have a
		// count, which is never 0.
		if n, _ := listpack.Prev(c.lp, c.at); c.lp[n] == 0 {
			return false
		}
		c.at = before(c.lp, c.at)
	} else {
		if c.left >= 0 {
			if !c.entry.same() {
				c.left *= 2
			}
			c.at = skip(c.lp, c.pos, c.left+1)
		}
		if c.lp[c.at] == lpEnd {
			c.left = -1
			return false
		}
	}
	c.entry = c.m.readEntry(c.lp, c.at)
	c.pos, c.left, c.field = c.entry.data, c.entry.fields, c.m.fieldsAt
	return true
}

// Next goes to the next entry of the range, and tells whether there is one.
func (c *Cursor) Next() bool {
	for c.lp != nil {
		switch {
		case !c.step():
			c.nextNode()
		case c.entry.deleted():
		case c.back && c.entry.id.Less(c.limit), !c.back && c.limit.Less(c.entry.id):
			c.lp = nil
		default:
			return true
		}
	}
	return false
}

// ID is the ID of the entry.
func (c *Cursor) ID() ID { return c.entry.id }

// Fields is the number of fields of the entry.
func (c *Cursor) Fields() int { return c.entry.fields }

// Pair gives the next field of the entry and its value. It may be called Fields
// times after each Next.
func (c *Cursor) Pair() (field, value listpack.Value) {
	lp := c.lp
	c.left--
	if c.entry.same() {
		field = listpack.Get(lp, c.field)
		c.field += listpack.EntrySize(lp, c.field)
	} else {
		field = listpack.Get(lp, c.pos)
		c.pos += listpack.EntrySize(lp, c.pos)
	}
	value = listpack.Get(lp, c.pos)
	c.pos += listpack.EntrySize(lp, c.pos)
	return field, value
}

// Places gives where the fields and the values of the entry are, for those who read
// all of them on their own, and then call Passed: lp is a listpack in which the
// elements from field on are the fields and those from value on the values, one after
// another; or, if both are the same, fields and values by turns.
func (c *Cursor) Places() (lp []byte, field, value int) {
	if c.entry.same() {
		return c.lp, c.field, c.pos
	}
	return c.lp, c.pos, c.pos
}

// Passed says that all fields of the entry were read; pos is behind its last element.
func (c *Cursor) Passed(pos int) { c.pos, c.left = pos, 0 }

// find gives the entry with an ID, deleted or not, and its node.
func (s *Stream) find(id ID) (e entry, node idtree.Cursor[place], ok bool) {
	if node = s.nodes.SeekBack(id); !node.Valid() {
		return e, node, false
	}
	lp, masterID := s.at(&node)
	m := readMaster(lp, masterID)
	pos := m.seek(lp, id)
	if lp[pos] == lpEnd {
		return e, node, false
	}
	e = m.readEntry(lp, pos)
	return e, node, e.id == id
}

// Has tells whether there is an entry with this ID that is not deleted.
func (s *Stream) Has(id ID) bool {
	e, _, ok := s.find(id)
	return ok && !e.deleted()
}
