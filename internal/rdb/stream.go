package rdb

import (
	"encoding/binary"
	"math"

	"github.com/redstart-db/redstart/internal/ds/idtree"
)

// A stream is
//
//	nodes      count, and for each: the ID of its master entry (16 bytes), listpack
//	state      see StreamState
//	groups     count, and for each:
//	  group      see StreamGroup
//	  pending    count, and for each: ID, time (8 bytes), deliveries
//	  consumers  count, and for each:
//	    consumer   see StreamConsumer
//	    pending    count, and for each: ID
//
// IDs of 16 bytes are two big endian numbers, so that they are in the order of
// their bytes; times are little endian; all other numbers are lengths.

// Stream is a stream that is being read, in the order in which the methods stand
// here: Next... until it gives false, then what follows. What it gives has the
// structure of a stream; that the parts agree is for the caller to find, or rather
// for package stream, as it takes them.
type Stream struct {
	r       *Reader
	t       Type
	left    [5]int // parts to come, by level
	inGroup bool   // the number of the group's consumers has been read
	bufs    [2][]byte
}

const (
	levelNodes = iota
	levelGroups
	levelPending
	levelConsumers
	levelOwned
)

// StreamState is what a stream is besides its entries and groups.
type StreamState struct {
	Length     uint64 // entries
	Last       idtree.ID
	First      idtree.ID // of the first entry; 0-0 when there is none, or the type does not say
	MaxDeleted idtree.ID
	Added      uint64 // entries that ever were
}

// NoEntriesRead stands for a number of entries that is not known.
const NoEntriesRead = math.MaxUint64

// StreamGroup is a consumer group.
type StreamGroup struct {
	Name []byte // valid until the next group
	Last idtree.ID
	// Read is the number of entries up to Last that ever were, or NoEntriesRead.
	// ReadKnown is false when the type did not store it.
	Read      uint64
	ReadKnown bool
	Pending   int // entries to come
}

// StreamPending is an entry that was delivered and not acknowledged.
type StreamPending struct {
	ID         idtree.ID
	Delivered  int64 // Unix milliseconds
	Deliveries uint64
}

// StreamConsumer is a consumer of a group.
type StreamConsumer struct {
	Name   []byte // valid until the next consumer
	Seen   int64  // Unix milliseconds
	Active int64  // the same; -1 when not stored, or never
	Owned  int    // pending entries to come
}

// Stream begins to read a stream of type t. The error is ErrCorrupt if t is no
// stream's. A stream may be empty.
func (r *Reader) Stream(t Type) (s Stream, err error) {
	s = Stream{r: r, t: t}
	switch t {
	case TypeStreamListpacks, TypeStreamListpacks2, TypeStreamListpacks3:
		err = s.enter(levelNodes, 2)
	default:
		err = r.Fail(ErrCorrupt)
	}
	return s, err
}

// enter reads the number of parts of a level.
func (s *Stream) enter(level, size int) error {
	n, err := s.r.Count(size)
	s.left[level] = n
	return err
}

// more tells whether there is another part at a level.
func (s *Stream) more(level int) bool {
	if s.r.err != nil || s.left[level] == 0 {
		return false
	}
	s.left[level]--
	return true
}

func (s *Stream) fail() { s.r.Fail(ErrCorrupt) }

// NextNode gives the next node: the ID of its master entry and its listpack, any
// bytes, which may alias the input and are valid until the next node.
func (s *Stream) NextNode() (master idtree.ID, lp []byte, ok bool) {
	if !s.more(levelNodes) {
		return master, nil, false
	}
	key, err := s.r.text(&s.bufs[0])
	if err != nil || len(key) != 16 {
		s.fail()
		return master, nil, false
	}
	master = idOf(key)
	if s.left[levelNodes] == 0 { // most streams have one node, and the Reader has memory
		lp, err = s.r.blob()
	} else {
		lp, err = s.r.blobIn(&s.bufs[1])
	}
	return master, lp, err == nil
}

// State gives the state, once there is no further node. MaxDeleted is 0-0, and
// Added is Length, if the type does not say them.
func (s *Stream) State() (st StreamState, err error) {
	st.Length = s.number()
	st.Last = s.id()
	st.Added = st.Length
	if s.t != TypeStreamListpacks {
		st.First = s.id()
		st.MaxDeleted = s.id()
		st.Added = s.number()
	}
	err = s.enter(levelGroups, 5)
	return st, err
}

// NextGroup gives the next group.
func (s *Stream) NextGroup() (g StreamGroup, ok bool) {
	if !s.more(levelGroups) {
		return g, false
	}
	g.Name, _ = s.r.text(&s.bufs[0])
	g.Last = s.id()
	if s.t != TypeStreamListpacks {
		g.Read, g.ReadKnown = s.number(), true
		if g.Read > math.MaxInt64 && g.Read != NoEntriesRead {
			s.fail()
		}
	}
	s.enter(levelPending, 16+8+1)
	s.inGroup = false
	g.Pending = s.left[levelPending]
	return g, s.r.err == nil
}

// NextPending gives the group's next pending entry.
func (s *Stream) NextPending() (p StreamPending, ok bool) {
	if !s.more(levelPending) {
		return p, false
	}
	p.ID = s.rawID()
	p.Delivered = s.time()
	p.Deliveries = s.number()
	return p, s.r.err == nil
}

// NextConsumer gives the group's next consumer, once there is no further pending
// entry.
func (s *Stream) NextConsumer() (c StreamConsumer, ok bool) {
	if !s.inGroup {
		s.inGroup = true
		s.enter(levelConsumers, 1+8+1)
	}
	if !s.more(levelConsumers) {
		return c, false
	}
	c.Name, _ = s.r.text(&s.bufs[1])
	c.Seen, c.Active = s.time(), -1
	if s.t == TypeStreamListpacks3 {
		c.Active = s.time()
	}
	s.enter(levelOwned, 16)
	c.Owned = s.left[levelOwned]
	return c, s.r.err == nil
}

// NextOwned gives the ID of the consumer's next pending entry.
func (s *Stream) NextOwned() (id idtree.ID, ok bool) {
	if !s.more(levelOwned) {
		return id, false
	}
	id = s.rawID()
	return id, s.r.err == nil
}

func (s *Stream) number() uint64 {
	n, encoded, _ := s.r.Len()
	if encoded {
		s.fail()
		return 0
	}
	return n
}

func (s *Stream) id() idtree.ID {
	ms := s.number()
	return idtree.ID{MS: ms, Seq: s.number()}
}

func (s *Stream) rawID() idtree.ID {
	b, err := s.r.Bytes(16)
	if err != nil {
		return idtree.ID{}
	}
	return idOf(b)
}

func (s *Stream) time() int64 {
	u, _ := s.r.Uint64()
	return int64(u)
}

func idOf(b []byte) idtree.ID {
	return idtree.ID{MS: binary.BigEndian.Uint64(b), Seq: binary.BigEndian.Uint64(b[8:])}
}
