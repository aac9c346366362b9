package stream

import (
	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/mem"
)

// Limits says when a node is full, as stream-node-max-bytes and
// stream-node-max-entries do: 0 stands for no limit.
type Limits struct {
	Bytes   int64
	Entries int64
}

// MaxEntry is how many bytes the fields and values of an entry may have together.
const MaxEntry = 1 << 30

// bytes is the size in bytes that a node may not reach by growing.
func (l Limits) bytes() int {
	if l.Bytes <= 0 || l.Bytes > MaxEntry {
		return MaxEntry
	}
	return int(l.Bytes)
}

// Append adds an entry with an ID, which must be above Last. pairs are its fields,
// each with its value behind it. When they have more than MaxEntry bytes, nothing
// is done and the result is false.
//
// Which node gets the entry is decided as by Redis, so that nodes are the same.
func (s *Stream) Append(id ID, pairs [][]byte, lim Limits) bool {
	total := 0
	for _, b := range pairs {
		total += len(b)
	}
	if total > MaxEntry {
		return false
	}
	if s.setBack {
		s.makeWay(id)
	}
	if c := s.nodes.Last(); !c.Valid() {
		s.newNode(id, pairs)
	} else {
		ref := c.Value().ref()
		lp := s.node(ref)
		m := readMaster(lp, c.ID())
		if len(lp)+total < lim.bytes() && (lim.Entries <= 0 || m.count+m.deleted < lim.Entries) {
			s.extend(&m, ref, lp, &newEntry{id: id, pairs: pairs, total: total}, lim)
		} else {
			s.newNode(id, pairs)
			s.nodes.Insert(m.id, placeOf(ref, m.count)) // in its place
			s.trim(m.id, ref)
		}
	}
	if s.length++; s.length == 1 {
		s.first = id
	}
	s.last, s.setBack = id, false
	s.added++
	return true
}

// newEntry is an entry that is going to be appended.
type newEntry struct {
	id    ID
	pairs [][]byte
	total int  // bytes of pairs
	same  bool // the fields are those of the master entry
}

// step is how many pairs apart the elements are that the entry stores.
func (e *newEntry) step() int {
	if e.same {
		return 2
	}
	return 1
}

// from is the first of them.
func (e *newEntry) from() int { return e.step() - 1 }

// elements is what lp-count counts.
func (e *newEntry) elements() int {
	if e.same {
		return len(e.pairs)/2 + extraSame
	}
	return len(e.pairs) + extra
}

// size is the number of bytes that the entry takes.
func (e *newEntry) size(m *master) int {
	n := 2 + listpack.SizeInt(int64(e.id.MS-m.id.MS)) + listpack.SizeInt(int64(e.id.Seq-m.id.Seq)) +
		listpack.SizeInt(int64(e.elements()))
	if !e.same {
		n += listpack.SizeInt(int64(len(e.pairs) / 2))
	}
	for i := e.from(); i < len(e.pairs); i += e.step() {
		n += listpack.Size(e.pairs[i])
	}
	return n
}

// maxSize is the most that size can be, and the counters of the master entry can
// come to need.
func (e *newEntry) maxSize() int {
	return e.total + (len(e.pairs)+8)*listpack.MaxOverhead
}

// append writes the entry behind the last of a listpack with room for it.
func (e *newEntry) append(lp []byte, m *master) []byte {
	flags := int64(0)
	if e.same {
		flags = flagSame
	}
	lp = listpack.AppendInt(lp, flags)
	lp = listpack.AppendInt(lp, int64(e.id.MS-m.id.MS))
	lp = listpack.AppendInt(lp, int64(e.id.Seq-m.id.Seq))
	if !e.same {
		lp = listpack.AppendInt(lp, int64(len(e.pairs)/2))
	}
	for i := e.from(); i < len(e.pairs); i += e.step() {
		lp = listpack.Append(lp, e.pairs[i])
	}
	return listpack.AppendInt(lp, int64(e.elements()))
}

// hasFields tells whether pairs have the fields of the master entry.
func (m *master) hasFields(lp []byte, pairs [][]byte) bool {
	if len(pairs) != 2*m.fields {
		return false
	}
	pos := m.fieldsAt
	for i := 0; i < len(pairs); i += 2 {
		if !listpack.Get(lp, pos).Equal(pairs[i]) {
			return false
		}
		pos += listpack.EntrySize(lp, pos)
	}
	return true
}

// extend appends an entry to the last node.
func (s *Stream) extend(m *master, ref mem.Ref, lp []byte, e *newEntry, lim Limits) {
	e.same = m.hasFields(lp, e.pairs)
	if cap(lp)-len(lp) < e.maxSize() {
		need := len(lp) + e.size(m) + listpack.SizeInt(m.count+1) - listpack.SizeInt(m.count) + room(m.count+1, m.deleted)
		if need > cap(lp) {
			ref = s.grow(m.id, ref, need, lim.bytes())
			lp = s.node(ref)
		}
	}
	s.writing(ref)
	lp = listpack.ReplaceInt(lp, listpack.HeaderSize, m.count+1)
	e.append(lp, m)
}

// grow gives the last node a block of at least need bytes, and more if it may
// grow on. It panics when there is no memory.
func (s *Stream) grow(id ID, ref mem.Ref, need, limit int) mem.Ref {
	const small = 4096 // from here on a block grows by less
	want := need + need/4
	if need < small {
		want = need + need/2
	}
	want = max(need, min(want, limit))
	fresh, ok := s.move(id, ref, want)
	if !ok && want > need {
		fresh, ok = s.move(id, ref, need)
	}
	if !ok {
		panic(mem.ErrExhausted)
	}
	return fresh
}

// newNode adds a node with one entry behind the last.
func (s *Stream) newNode(id ID, pairs [][]byte) {
	m := master{id: id, fields: len(pairs) / 2}
	e := newEntry{id: id, pairs: pairs, same: true}
	size := len(listpack.Empty) + 2 + 2 + listpack.SizeInt(int64(m.fields)) + 2 + e.size(&m)
	for i := 0; i < len(pairs); i += 2 {
		size += listpack.Size(pairs[i])
	}
	ref, ok := s.take(size)
	if !ok {
		panic(mem.ErrExhausted)
	}
	lp := append(s.arena.Bytes(ref, size)[:0], listpack.Empty...)
	lp = listpack.AppendInt(lp, 1)
	lp = listpack.AppendInt(lp, 0)
	lp = listpack.AppendInt(lp, int64(m.fields))
	for i := 0; i < len(pairs); i += 2 {
		lp = listpack.Append(lp, pairs[i])
	}
	lp = listpack.AppendInt(lp, 0)
	e.append(lp, &m)
	s.addNode(id, placeOf(ref, 1))
}

// addNode enters a node into the tree, or frees it when there is no memory for
// that.
func (s *Stream) addNode(id ID, at place) {
	done := false
	defer func() {
		if !done {
			s.free(at.ref())
		}
	}()
	s.nodes.Insert(id, at)
	done = true
}
