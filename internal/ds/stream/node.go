package stream

import (
	"github.com/redstart-db/redstart/internal/ds/idtree"
	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/mem"
)

const (
	flagDeleted = 1 << iota
	flagSame    // the fields are those of the master entry
)

// elements of an entry beside fields and values, which its lp-count counts.
const (
	extraSame = 3 // flags, ms-diff, seq-diff
	extra     = 4 // and num-fields
)

// shortInt is the number of values that an integer in an element of two bytes may
// have: from 0 on.
const shortInt = 128

// place is where a node is, and how many entries it has: that is exact for all nodes
// but the last, so that adding an entry leaves it alone.
type place uint64

func placeOf(ref mem.Ref, count int64) place { return place(count)<<32 | place(ref) }

func (p place) ref() mem.Ref { return mem.Ref(p) }

func (p place) count() int64 { return int64(p >> 32) }

// master is the master entry of a node.
type master struct {
	id       ID
	count    int64
	deleted  int64
	fields   int // how many
	fieldsAt int // where the first is
}

// readInt gives the integer at a position of a listpack, and the position behind
// it.
func readInt(lp []byte, pos int) (n int64, next int) {
	if b := lp[pos]; b < shortInt {
		return int64(b), pos + 2
	}
	return listpack.Get(lp, pos).Int, pos + listpack.EntrySize(lp, pos)
}

// skip is the position n elements behind pos.
func skip(lp []byte, pos, n int) int {
	for ; n > 0; n-- {
		pos += listpack.EntrySize(lp, pos)
	}
	return pos
}

func readMaster(lp []byte, id ID) (m master) {
	var n int64
	pos := listpack.HeaderSize
	m.id = id
	m.count, pos = readInt(lp, pos)
	m.deleted, pos = readInt(lp, pos)
	n, m.fieldsAt = readInt(lp, pos)
	m.fields = int(n)
	return m
}

// entries is the position of the first entry.
func (m *master) entries(lp []byte) int { return skip(lp, m.fieldsAt, m.fields+1) }

// entry is an entry of a node, without what it holds.
type entry struct {
	id     ID
	at     int   // position of its flags
	fields int   // how many
	data   int   // position of the first field, or value if the fields are the master's
	flags  uint8 //
}

// readEntry reads the entry at a position.
func (m *master) readEntry(lp []byte, pos int) (e entry) {
	e.at = pos
	flags, pos := readInt(lp, pos)
	ms, pos := readInt(lp, pos)
	seq, pos := readInt(lp, pos)
	e.flags = uint8(flags)
	e.id = ID{MS: m.id.MS + uint64(ms), Seq: m.id.Seq + uint64(seq)}
	if e.same() {
		e.fields = m.fields
	} else {
		var n int64
		n, pos = readInt(lp, pos)
		e.fields = int(n)
	}
	e.data = pos
	return e
}

func (e *entry) same() bool { return e.flags&flagSame != 0 }

func (e *entry) deleted() bool { return e.flags&flagDeleted != 0 }

// end is the position behind the entry.
func (e *entry) end(lp []byte) int {
	n := e.fields
	if !e.same() {
		n *= 2
	}
	return skip(lp, e.data, n+1)
}

// before is the position of the entry that ends at pos.
func before(lp []byte, pos int) int {
	pos, _ = listpack.Prev(lp, pos)
	for n, _ := readInt(lp, pos); n > 0; n-- {
		pos, _ = listpack.Prev(lp, pos)
	}
	return pos
}

// last is the ID of the last entry, which may be a deleted one.
func (m *master) last(lp []byte) ID { return m.readID(lp, before(lp, listpack.End(lp))) }

// readID reads the ID of the entry at a position.
func (m *master) readID(lp []byte, pos int) ID {
	_, pos = readInt(lp, pos)
	ms, pos := readInt(lp, pos)
	seq, _ := readInt(lp, pos)
	return ID{MS: m.id.MS + uint64(ms), Seq: m.id.Seq + uint64(seq)}
}

// seek is the position of the first entry, deleted or not, whose ID is not below
// id, or the end. It comes from the end of the node that seems closer.
func (m *master) seek(lp []byte, id ID) int {
	if !m.id.Less(id) {
		return m.entries(lp)
	}
	end := listpack.End(lp)
	pos := before(lp, end)
	last := m.readID(lp, pos)
	if last.Less(id) {
		return end
	}
	way, all := id.MS-m.id.MS, last.MS-m.id.MS
	if all == 0 {
		way, all = id.Seq-m.id.Seq, last.Seq-m.id.Seq
	}
	if way > all/2 {
		for {
			prev := before(lp, pos)
			if m.readID(lp, prev).Less(id) { // as the first entry is
				return pos
			}
			pos = prev
		}
	}
	for pos = m.entries(lp); ; {
		if e := m.readEntry(lp, pos); e.id.Less(id) {
			pos = e.end(lp)
			continue
		}
		return pos
	}
}

// node is a node's listpack, with the capacity that its block has.
func (s *Stream) node(ref mem.Ref) []byte {
	b := s.arena.Bytes(ref, s.arena.Usable(ref))
	return b[:listpack.Bytes(b)]
}

// at is the listpack and the master ID of the node at a valid cursor.
func (s *Stream) at(c *idtree.Cursor[place]) ([]byte, ID) { return s.node(c.Value().ref()), c.ID() }

// room is how many bytes more than now the counters of a node may come to need
// when entries are deleted. It is 0 for nodes of up to 127 entries.
func room(count, deleted int64) int {
	total := count + deleted
	if total < shortInt {
		return 0
	}
	return max(0, 2*listpack.SizeInt(total)-listpack.SizeInt(count)-listpack.SizeInt(deleted))
}

// take allocates a block, if there is memory for it, and counts it.
func (s *Stream) take(size int) (mem.Ref, bool) {
	ref, ok := s.arena.TryAlloc(size)
	if ok {
		s.bytes += mem.Usable(size)
	}
	return ref, ok
}

// free gives the block of a node back.
func (s *Stream) free(ref mem.Ref) {
	s.bytes -= s.arena.Usable(ref)
	if s.kept != nil && s.kept.Take(ref) {
		return
	}
	s.arena.Free(ref)
}

// move gives the node of a master ID a block of that size, if there is memory,
// and tells where it is.
func (s *Stream) move(id ID, ref mem.Ref, size int) (mem.Ref, bool) {
	if used := s.arena.Usable(ref); size > used && s.arena.Grow(ref, size) {
		s.bytes += s.arena.Usable(ref) - used
		return ref, true
	}
	fresh, ok := s.take(size)
	if !ok {
		return ref, false
	}
	lp := s.node(ref)
	copy(s.arena.Bytes(fresh, size), lp)
	m := readMaster(lp, id)
	s.free(ref)
	s.nodes.Insert(id, placeOf(fresh, m.count)) // in the place of the old: needs no memory
	return fresh, true
}

// trim gives a node that does not grow any more the smallest block for it.
func (s *Stream) trim(id ID, ref mem.Ref) {
	lp := s.node(ref)
	m := readMaster(lp, id)
	if size := len(lp) + room(m.count, m.deleted); mem.Usable(size) < s.arena.Usable(ref) {
		s.move(id, ref, size)
	}
}
