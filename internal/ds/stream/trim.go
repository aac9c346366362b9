package stream

import (
	"math"
	"slices"

	"github.com/redstart-db/redstart/internal/ds/idtree"
	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/mem"
)

// cutFrom is how many nodes are freed at once; more are left to Purge.
const cutFrom = 256

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

// Trim removes first entries, and gives their number. Of very many, most are left to
// Purge.
func (s *Stream) Trim(t Trim) int64 {
	nodes, removed := s.nodesBefore(t)
	s.cutNodes(nodes)
	s.length -= int(removed)
	if !t.Approx && s.nodes.Len() > 0 && (t.MaxLen < 0 || int64(s.length) > t.MaxLen) {
		n := s.trimFirst(t)
		s.length -= int(n)
		removed += n
	}
	if removed > 0 {
		s.findFirst()
	}
	return removed
}

// nodesBefore is how many first nodes trimming removes, and how many entries they
// have. It looks at the places of nodes only, from the end that is closer to where
// they part.
func (s *Stream) nodesBefore(t Trim) (nodes int, entries int64) {
	if t.MaxLen < 0 {
		n := s.nodesBelow(t.MinID)
		switch {
		case t.Limit > 0:
			return s.nodesFront(n, t.Limit, math.MaxInt64)
		case n > s.nodes.Len()/2:
			return n, int64(s.length) - s.entriesBehind(n)
		}
		return s.nodesFront(n, math.MaxInt64, math.MaxInt64)
	}
	excess := int64(s.length) - t.MaxLen
	switch {
	case t.Limit > 0:
		return s.nodesFront(s.nodes.Len(), min(excess, t.Limit), excess)
	case excess > int64(s.length)/2:
		return s.nodesLeaving(t.MaxLen)
	}
	return s.nodesFront(s.nodes.Len(), excess, excess)
}

// nodesFront counts first nodes, up to a number, that have no more than some entries
// together. Once they have enough, it goes on no more.
func (s *Stream) nodesFront(maxNodes int, most, enough int64) (nodes int, entries int64) {
	counts := s.counts()
	for c := s.nodes.First(); nodes < maxNodes && entries < enough; c.Next() {
		n := counts.at(&c)
		if entries+n > most {
			break
		}
		entries += n
		nodes++
	}
	return nodes, entries
}

// nodesLeaving counts first nodes behind which there are at least left entries.
func (s *Stream) nodesLeaving(left int64) (nodes int, entries int64) {
	counts := s.counts()
	nodes = s.nodes.Len()
	behind := int64(0)
	for c := s.nodes.Last(); nodes > 0; c.Prev() {
		n := counts.at(&c)
		if behind >= left && behind+n > left {
			break
		}
		behind += n
		nodes--
	}
	return nodes, int64(s.length) - behind
}

// entriesBehind is how many entries are behind a number of first nodes.
func (s *Stream) entriesBehind(nodes int) (entries int64) {
	counts := s.counts()
	for c := s.nodes.At(nodes); c.Valid(); c.Next() {
		entries += counts.at(&c)
	}
	return entries
}

// nodesBelow is how many first nodes have only entries with IDs below one.
func (s *Stream) nodesBelow(id ID) int {
	c := s.nodes.SeekBack(id)
	if !c.Valid() {
		return 0
	}
	n := s.nodes.Rank(c.ID())
	lp, master := s.at(&c)
	if m := readMaster(lp, master); m.last(lp).Less(id) {
		n++
	}
	return n
}

// counter tells how many entries a node has.
type counter struct {
	last  ID // of the last node, of which the place does not tell it
	count int64
}

func (s *Stream) counts() (c counter) {
	if at := s.nodes.Last(); at.Valid() {
		lp, id := s.at(&at)
		m := readMaster(lp, id)
		c = counter{id, m.count}
	}
	return c
}

func (n *counter) at(c *idtree.Cursor[place]) int64 {
	if c.ID() == n.last {
		return n.count
	}
	return c.Value().count()
}

// cutNodes removes the first n nodes. When they are many, most are freed by Purge.
func (s *Stream) cutNodes(n int) {
	if n <= cutFrom {
		s.dropNodes(n)
		return
	}
	s.gone = append(s.gone, s.nodes.CutRange(0, n, s.freeNode)...)
	s.unpurged = s.unpurged || len(s.gone) > 0
}

// Unpurged tells whether there is something for Purge to free.
func (s *Stream) Unpurged() bool { return s.unpurged }

// Purge frees about max nodes of those that trimming has removed, or entries that were
// pending for consumers that are removed, and reports whether none is left.
func (s *Stream) Purge(max int) (done bool) {
	if len(s.gone) > 0 {
		s.purgeNodes(max)
	} else {
		for _, g := range s.groups {
			if len(g.removed) > 0 {
				g.purge(max)
				break
			}
		}
	}
	s.unpurged = len(s.gone) > 0 || slices.ContainsFunc(s.groups, func(g *Group) bool { return len(g.removed) > 0 })
	return !s.unpurged
}

// purgeNodes is Purge for nodes.
func (s *Stream) purgeNodes(max int) {
	const perLeaf = 63
	for n := max/perLeaf + 1; n > 0 && len(s.gone) > 0; n-- {
		last := len(s.gone) - 1
		if s.gone[last].Drop(1, s.freeNode) {
			s.gone = s.gone[:last]
		}
	}
	if len(s.gone) == 0 {
		s.gone = nil
	}
}

// dropNodes removes the first n nodes.
func (s *Stream) dropNodes(n int) {
	if n > 0 {
		s.nodes.DeleteRange(0, n, s.freeNode)
	}
}

func (s *Stream) freeNode(_ ID, at place) { s.free(at.ref()) }

// trimFirst removes the first entries of the first node, and gives their number.
// By ID it may find that only deleted entries stay. Such a node remains.
func (s *Stream) trimFirst(t Trim) (removed int64) {
	c := s.nodes.First()
	s.writing(c.Value().ref())
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
	if removed > 0 {
		s.countDeleted(id, c.Value().ref(), removed)
	}
	return removed
}

// countDeleted counts n more deleted entries in a node, which there is room for.
func (s *Stream) countDeleted(id ID, at mem.Ref, n int64) {
	lp := s.node(at)
	m := readMaster(lp, ID{})
	lp = listpack.ReplaceInt(lp, listpack.HeaderSize, m.count-n)
	listpack.ReplaceInt(lp, skip(lp, listpack.HeaderSize, 1), m.deleted+n)
	s.nodes.Insert(id, placeOf(at, m.count-n)) // in the place of the old
}
