package stream

import (
	"github.com/redstart-db/redstart/internal/ds/listpack"
)

// Delete removes the entry with an ID, and tells whether it was there. Groups for
// which it is pending do not notice.
func (s *Stream) Delete(id ID) bool {
	e, node, ok := s.find(id)
	if !ok || e.deleted() {
		return false
	}
	ref := node.Value().ref()
	lp := s.node(ref)
	if m := readMaster(lp, node.ID()); m.count == 1 {
		s.nodes.Delete(m.id)
		s.free(ref)
	} else {
		s.writing(ref)
		mark(lp, &e)
		s.countDeleted(m.id, ref, 1)
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

// findFirst brings the first ID up to date.
func (s *Stream) findFirst() {
	s.first = ID{}
	if c := s.Range(ID{}, MaxID); c.Next() {
		s.first = c.ID()
	}
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
		at, _ := s.nodes.Delete(c.ID())
		s.free(at.ref())
	}
	c := s.nodes.Last()
	if !c.Valid() {
		return
	}
	s.writing(c.Value().ref())
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
	if s.purgeNodes(max); len(s.gone) > 0 {
		return false
	}
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
