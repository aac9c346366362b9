package stream

import (
	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/mem"
)

// Delete removes the entry with an ID, and tells whether it was there. Groups for
// which it is pending do not notice.
func (s *Stream) Delete(id ID) bool {
	e, node, ok := s.find(id)
	if !ok || e.deleted() {
		return false
	}
	ref := node.Value()
	lp := s.node(ref)
	if m := readMaster(lp, node.ID()); m.count == 1 {
		s.nodes.Delete(m.id)
		s.free(ref)
	} else {
		s.writing(ref)
		mark(lp, &e)
		s.countDeleted(ref, 1)
	}
	s.length--
	if s.deleted.Less(id) {
		s.deleted = id
	}
	if id == s.first {
		s.findFirst()
	}
	return true
}

// mark marks an entry as deleted. What is behind its flags may move forward.
func mark(lp []byte, e *entry) []byte {
	return listpack.ReplaceInt(lp, e.at, int64(e.flags|flagDeleted))
}

// countDeleted counts n more deleted entries in a node, which there is room for.
func (s *Stream) countDeleted(ref mem.Ref, n int64) {
	lp := s.node(ref)
	m := readMaster(lp, ID{})
	lp = listpack.ReplaceInt(lp, listpack.HeaderSize, m.count-n)
	listpack.ReplaceInt(lp, skip(lp, listpack.HeaderSize, 1), m.deleted+n)
}

// findFirst brings the first ID up to date.
func (s *Stream) findFirst() {
	s.first = ID{}
	if c := s.Range(ID{}, MaxID); c.Next() {
		s.first = c.ID()
	}
}

// Trim says what trimming removes: by number if MaxLen is not negative, else by
// ID.
type Trim struct {
	MaxLen int64 // so many entries stay
	MinID  ID    // entries below it go
	// Approx removes whole nodes only, so that some more entries stay.
	Approx bool
	// Limit is how many entries are removed at most, 0 for any number. A node
	// is not begun if it has more than are left.
	Limit int64
}

// Trim removes first entries, and gives their number.
func (s *Stream) Trim(t Trim) int64 {
	var removed int64
	nodes, partly := 0, false
	for c := s.nodes.First(); c.Valid(); c.Next() {
		length := int64(s.length) - removed
		if t.MaxLen >= 0 && length <= t.MaxLen {
			break
		}
		lp, id := s.at(&c)
		m := readMaster(lp, id)
		if t.Limit > 0 && removed+m.count > t.Limit {
			break
		}
		if !t.takesNode(&m, lp, length) {
			partly = !t.Approx
			break
		}
		removed += m.count
		nodes++
	}
	s.dropNodes(nodes)
	s.length -= int(removed)
	if partly {
		n := s.trimFirst(t)
		s.length -= int(n)
		removed += n
	}
	if removed > 0 {
		s.findFirst()
	}
	return removed
}

// takesNode tells whether trimming removes all entries of a node, the first of a
// stream of some length.
func (t Trim) takesNode(m *master, lp []byte, length int64) bool {
	if t.MaxLen >= 0 {
		return length-m.count >= t.MaxLen
	}
	return m.last(lp).Less(t.MinID)
}

// dropNodes removes the first n nodes.
func (s *Stream) dropNodes(n int) {
	if n > 0 {
		s.nodes.DeleteRange(0, n, func(_ ID, ref mem.Ref) { s.free(ref) })
	}
}

// trimFirst removes the first entries of the first node, and gives their number.
// By ID it may find that only deleted entries stay. Such a node remains.
func (s *Stream) trimFirst(t Trim) (removed int64) {
	c := s.nodes.First()
	s.writing(c.Value())
	lp, id := s.at(&c)
	m := readMaster(lp, id)
	var e entry
	for pos := m.entries(lp); lp[pos] != lpEnd; pos = e.end(lp) {
		e = m.readEntry(lp, pos)
		if t.MaxLen >= 0 && int64(s.length)-removed <= t.MaxLen || t.MaxLen < 0 && !e.id.Less(t.MinID) {
			break
		}
		if !e.deleted() {
			lp = mark(lp, &e)
			e = m.readEntry(lp, pos)
			removed++
		}
	}
	s.countDeleted(c.Value(), removed)
	return removed
}

// makeWay forgets deleted entries behind the last ID, if an entry with this ID
// would not come behind them.
func (s *Stream) makeWay(id ID) {
	if c := s.nodes.Last(); c.Valid() {
		lp, masterID := s.at(&c)
		if m := readMaster(lp, masterID); !m.last(lp).Less(id) {
			s.forgetBehind(s.last)
		}
	}
}

// forgetBehind removes what is left of deleted entries behind an ID. No others are
// there.
func (s *Stream) forgetBehind(id ID) {
	for c := s.nodes.Last(); c.Valid() && id.Less(c.ID()); c = s.nodes.Last() {
		ref, _ := s.nodes.Delete(c.ID())
		s.free(ref)
	}
	c := s.nodes.Last()
	if !c.Valid() {
		return
	}
	s.writing(c.Value())
	lp, masterID := s.at(&c)
	m := readMaster(lp, masterID)
	entries, pos := int64(0), m.entries(lp)
	for ; lp[pos] != lpEnd; entries++ {
		e := m.readEntry(lp, pos)
		if id.Less(e.id) {
			lp = listpack.DeleteRange(lp, pos, len(lp))
			listpack.ReplaceInt(lp, skip(lp, listpack.HeaderSize, 1), entries-m.count)
			return
		}
		pos = e.end(lp)
	}
}

// Drop frees up to max nodes and pending entries, and reports whether nothing is
// left. Between the steps nothing but Drop and Len may be called.
func (s *Stream) Drop(max int) (done bool) {
	n := min(s.nodes.Len(), max)
	s.dropNodes(n)
	for max -= n; max > 0 && len(s.groups) > 0; {
		last := len(s.groups) - 1
		n = s.groups[last].Len() + 1
		if !s.groups[last].Drop(max) {
			return false
		}
		max -= n
		s.groups[last] = nil
		s.groups = s.groups[:last]
	}
	return s.nodes.Len() == 0 && len(s.groups) == 0
}
