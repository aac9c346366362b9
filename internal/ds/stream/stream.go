// Package stream is a stream: entries in the order of their IDs, packed into
// nodes in an arena, and the consumer groups that read them.
//
// # Nodes
//
// A node is a block with a listpack, found through a tree by its master ID. The
// listpack is Redis's, byte for byte, so that saving, DUMP and replication copy
// it. It begins with the master entry, which has the fields of the node's first
// entry:
//
//	+-------+---------+------------+---------+-----+---------+---+
//	| count | deleted | num-fields | field 1 | ... | field n | 0 |
//	+-------+---------+------------+---------+-----+---------+---+
//
// count entries are there, and deleted ones that are marked. An entry with the
// same fields leaves them out, and its ID is the difference to the master ID:
//
//	+-------+---------+----------+---------+-----+---------+----------+
//	| flags | ms-diff | seq-diff | value 1 | ... | value n | lp-count |
//	+-------+---------+----------+---------+-----+---------+----------+
//	+-------+---------+----------+------------+---------+---------+-----+----------+
//	| flags | ms-diff | seq-diff | num-fields | field 1 | value 1 | ... | lp-count |
//	+-------+---------+----------+------------+---------+---------+-----+----------+
//
//	flags     bit 0: deleted; bit 1: the fields are those of the master entry
//	lp-count  how many elements of the listpack the entry has, itself not
//	          counted, for walking backwards
//
// Differences wrap around: they are those of unsigned numbers, stored as signed.
//
// # Pending entries
//
// What a group has delivered and nobody has acknowledged is a record of 24
// bytes in the arena (time, count, consumer), to which two trees map the entry's
// ID: that of the group and that of the consumer. So a pending entry takes 64
// bytes, and the Go heap has an object for a group and for a consumer only. A consumer
// that was removed keeps both for a while, hidden (see removed.go).
//
// # Invariants
//
//   - Master IDs ascend, and IDs within a node ascend from the master ID, which
//     is that of its first entry, to below the next. None is above the last ID,
//     unless that was set back, and then only of deleted entries (see SetLast).
//   - A node has an entry, but perhaps only deleted ones: Redis, too, keeps such
//     nodes in one case (see trimFirst).
//   - Length is the sum of the counts of the nodes; the first ID is that of the
//     first entry that is not deleted, 0-0 in an empty stream.
//   - A node's block has room for both counters of the master entry to become
//     as wide as their sum, so deleting needs no memory. The blocks of all nodes
//     but the last are no larger than that, as far as there was memory to move to.
//   - An ID is in the tree of a group if and only if it is in that of exactly
//     one of its consumers, removed ones with them, with the same record.
//   - Whatever can fail is allocated before anything changes.
//
// # Rejected
//
// A radix tree of nodes, which is Redis's: a B+tree takes 20 bytes for a node
// of 3 KB, and the depth is the same. Records of pending entries inside the
// group's tree: four bytes less, but claiming would have to look for them
// there a second time.
package stream

import (
	"math"

	"github.com/redstart-db/redstart/internal/ds/idtree"
	"github.com/redstart-db/redstart/internal/ds/kept"
	"github.com/redstart-db/redstart/internal/mem"
)

// ID is the ID of an entry.
type ID = idtree.ID

// MaxID is the greatest ID there can be. It is read-only.
var MaxID = ID{MS: math.MaxUint64, Seq: math.MaxUint64}

// Unknown stands for a number of entries that nobody can tell.
const Unknown = -1

// Stream is the stream. The zero value is not usable; see Init. It is not safe
// for concurrent use. Methods that add panic with mem.ErrExhausted when there is
// no memory, and then have changed nothing; those that remove never fail. None
// keeps the bytes it is given.
type Stream struct {
	arena   *mem.Arena
	nodes   idtree.Tree[place]   // by master ID
	gone    []idtree.Tree[place] // nodes that trimming removed, for Purge to free
	groups  []*Group             // by name
	length  int
	bytes   int // of the nodes' blocks, gone ones with them
	added   uint64
	first   ID
	last    ID
	deleted ID           // the greatest that was ever deleted by Delete
	setBack bool         // there may be deleted entries behind last
	kept    *kept.Blocks // what a snapshot has of it; nil while none is taken

	unpurged bool // there may be something for Purge to free
}

// Init prepares an empty stream whose nodes live in arena. It allocates nothing.
func (s *Stream) Init(arena *mem.Arena) {
	*s = Stream{arena: arena}
	s.nodes.Init(arena)
}

// Len is the number of entries.
func (s *Stream) Len() int { return s.length }

// Nodes is the number of nodes.
func (s *Stream) Nodes() int { return s.nodes.Len() }

// Bytes is the memory of the arena that the stream and its groups take.
func (s *Stream) Bytes() int {
	n := s.bytes + s.nodes.Bytes()
	for i := range s.gone {
		n += s.gone[i].Bytes()
	}
	for _, g := range s.groups {
		n += g.Bytes()
	}
	return n
}

// First is the ID of the first entry, 0-0 in an empty stream.
func (s *Stream) First() ID { return s.first }

// Last is the greatest ID that the stream ever had, and Append goes on from.
func (s *Stream) Last() ID { return s.last }

// MaxDeleted is the greatest ID that was ever deleted, but not by trimming.
func (s *Stream) MaxDeleted() ID { return s.deleted }

// Added is the number of entries that were ever added.
func (s *Stream) Added() uint64 { return s.added }

// SetLast changes what Last says. The ID must not be below that of the last
// entry. It may be below that of deleted ones, which are forgotten when an entry
// is added whose ID is not above theirs.
func (s *Stream) SetLast(id ID) {
	s.setBack = s.setBack || id.Less(s.last)
	s.last = id
}

// SetMaxDeleted changes what MaxDeleted says.
func (s *Stream) SetMaxDeleted(id ID) { s.deleted = id }

// SetAdded changes what Added says.
func (s *Stream) SetAdded(n uint64) { s.added = n }

// NextID is the ID for an entry that is added at a time in Unix milliseconds. ok
// is false when the last ID is the greatest there can be.
func (s *Stream) NextID(now uint64) (id ID, ok bool) {
	if now > s.last.MS {
		return ID{MS: now}, true
	}
	return Next(s.last)
}

// NextIn is the ID for an entry that is added with the given first part. ok is
// false when the stream has come further.
func (s *Stream) NextIn(ms uint64) (id ID, ok bool) {
	switch {
	case ms > s.last.MS:
		return ID{MS: ms}, true
	case ms < s.last.MS || s.last.Seq == math.MaxUint64:
		return ID{}, false
	}
	return ID{MS: ms, Seq: s.last.Seq + 1}, true
}

// Next is the ID behind another. ok is false, and the ID 0-0, behind the
// greatest.
func Next(id ID) (next ID, ok bool) {
	if id.Seq++; id.Seq == 0 {
		id.MS++
	}
	return id, id != ID{}
}

// Prev is the ID before another. ok is false, and the ID the greatest, before
// 0-0.
func Prev(id ID) (prev ID, ok bool) {
	if id.Seq--; id.Seq == math.MaxUint64 {
		id.MS--
	}
	return id, id != MaxID
}

// Count estimates how many entries had been added when the one with this ID
// was, which need not be there: Unknown, or exact.
func (s *Stream) Count(id ID) int64 {
	switch {
	case s.added == 0:
		return 0
	case s.length == 0 && !s.last.Less(id), id == s.last:
		return int64(s.added)
	case s.last.Less(id):
		return Unknown
	}
	if s.deleted == (ID{}) || s.deleted.Less(s.first) {
		switch {
		case id.Less(s.first):
			return int64(s.added - uint64(s.length))
		case id == s.first:
			return int64(s.added-uint64(s.length)) + 1
		}
	}
	return Unknown
}

// hasGaps tells whether entries from one on may have been deleted, so that
// those behind it cannot be counted.
func (s *Stream) hasGaps(from ID) bool {
	return s.length > 0 && s.deleted != (ID{}) && !s.deleted.Less(s.first) && !s.deleted.Less(from)
}
