package rdb

import (
	"encoding/binary"
	"math"

	"github.com/redstart-db/redstart/internal/ds/idtree"
	"github.com/redstart-db/redstart/internal/ds/listpack"
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
// here: Next... until it gives false, then what follows.
type Stream struct {
	r     *Reader
	t     Type
	left  [5]int // parts to come, by level
	state StreamState

	entries uint64 // that the nodes have
	first   idtree.ID
	last    idtree.ID // greatest ID in the nodes, deleted or not
	before  idtree.ID // last ID of the list that is being read
	begun   bool      // before is one
	inGroup bool      // the number of the group's consumers has been read
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
	First      idtree.ID // of the first entry; 0-0 when there is none
	MaxDeleted idtree.ID
	Added      uint64 // entries that ever were
}

// StreamNode is a listpack of entries.
type StreamNode struct {
	Master idtree.ID
	// Entries is the checked listpack. It may alias the input.
	Entries []byte
	Live    int       // entries that are not deleted, at least 1
	First   idtree.ID // of the first that is not deleted
	Last    idtree.ID // of the last, deleted or not
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
	s.begun = false
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

// NextNode gives the next node. Nodes are in order.
func (s *Stream) NextNode() (n StreamNode, ok bool) {
	if !s.more(levelNodes) {
		return n, false
	}
	key, err := s.r.text(&s.bufs[0])
	if err != nil || len(key) != 16 {
		s.fail()
		return n, false
	}
	n.Master = idOf(key)
	if n.Entries, err = s.r.blob(); err != nil {
		return n, false
	}
	check := nodeCheck{master: n.Master, last: s.last, begun: s.begun}
	if listpack.ValidateEach(n.Entries, check.entry) != nil || !check.whole() {
		s.fail()
		return n, false
	}
	n.Live, n.First, n.Last = check.live, check.first, check.last
	if s.entries == 0 {
		s.first = n.First
	}
	s.entries += uint64(n.Live)
	s.last, s.begun = n.Last, true
	return n, true
}

// State gives the state, once there is no further node.
func (s *Stream) State() (StreamState, error) {
	st := &s.state
	st.Length = s.number()
	st.Last = s.id()
	st.First = s.first
	st.Added = st.Length
	if s.t != TypeStreamListpacks {
		first := s.id()
		st.MaxDeleted = s.id()
		st.Added = s.number()
		if st.Length > 0 && first != st.First {
			s.fail()
		}
	}
	if st.Length != s.entries || st.Added < st.Length || st.Last.Less(s.last) || st.Last.Less(st.MaxDeleted) {
		s.fail()
	}
	if err := s.enter(levelGroups, 5); err != nil {
		return StreamState{}, err
	}
	return *st, nil
}

// NextGroup gives the next group. That two have one name is for the caller to find.
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

// NextPending gives the group's next pending entry. They are in order.
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
// entry. That two have one name is for the caller to find.
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

// NextOwned gives the ID of the consumer's next pending entry. They are in order.
// That it is one of the group's, and of this consumer only, and that each of these
// has a consumer, is for the caller to find.
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

// rawID reads an ID of a list that is in order.
func (s *Stream) rawID() idtree.ID {
	b, err := s.r.Bytes(16)
	if err != nil {
		return idtree.ID{}
	}
	id := idOf(b)
	if s.begun && !s.before.Less(id) {
		s.fail()
	}
	s.before, s.begun = id, true
	return id
}

func (s *Stream) time() int64 {
	u, _ := s.r.Uint64()
	return int64(u)
}

func idOf(b []byte) idtree.ID {
	return idtree.ID{MS: binary.BigEndian.Uint64(b), Seq: binary.BigEndian.Uint64(b[8:])}
}

// nodeCheck checks a node's listpack, an element at a time:
//
//	master  live, deleted, fields, field ..., 0
//	entry   flags, ms, seq, value ..., back                   with flagSameFields
//	        flags, ms, seq, fields, field, value ..., back    without
//
// ms and seq are what the entry's ID has more than the master's, modulo 2^64 each;
// back is the number of elements before it in the entry. The IDs of entries,
// deleted ones too, ascend.
type nodeCheck struct {
	master idtree.ID
	last   idtree.ID // of the entry before
	first  idtree.ID // of the first that is not deleted
	begun  bool      // there is an entry before

	state  nodeState
	live   int
	dead   int
	said   [2]int64 // live and deleted entries, as the master says
	fields int64    // of the master
	flags  int64
	skip   int64 // elements to come that may be anything
	size   int64 // elements of the entry so far
	id     idtree.ID
}

type nodeState uint8

const (
	atLive nodeState = iota
	atDeleted
	atMasterFields
	atMasterEnd
	atFlags
	atMS
	atSeq
	atFields
	atBack
)

const (
	flagDeleted    = 1
	flagSameFields = 2
)

// entry takes the next element.
func (c *nodeCheck) entry(_ int, v listpack.Value) error {
	c.size++
	if c.skip > 0 {
		c.skip--
		return nil
	}
	if !v.IsInt() {
		return ErrCorrupt
	}
	n := v.Int
	next := c.state + 1
	good := true
	switch c.state {
	case atLive, atDeleted:
		c.said[c.state] = n
		good = n >= 0
	case atMasterFields:
		c.fields, c.skip = n, n
		good = n >= 0
	case atMasterEnd:
		good = n == 0
	case atFlags:
		c.flags, c.size = n, 1
		good = n&^(flagDeleted|flagSameFields) == 0
	case atMS:
		c.id.MS = c.master.MS + uint64(n)
	case atSeq:
		c.id.Seq = c.master.Seq + uint64(n)
		good = c.ordered()
		if c.flags&flagSameFields != 0 {
			next, c.skip = atBack, c.fields
		}
	case atFields:
		c.skip = n * 2
		good = n >= 0 && n < math.MaxInt32
	case atBack:
		good = n == c.size-1
		next = atFlags
		c.count()
	}
	c.state = next
	if !good {
		return ErrCorrupt
	}
	return nil
}

// ordered tells whether the entry's ID is behind that of the entry before, and not
// before the master's.
func (c *nodeCheck) ordered() bool {
	return (!c.begun || c.last.Less(c.id)) && !c.id.Less(c.master)
}

func (c *nodeCheck) count() {
	c.last, c.begun = c.id, true
	if c.flags&flagDeleted != 0 {
		c.dead++
		return
	}
	if c.live == 0 {
		c.first = c.id
	}
	c.live++
}

// whole tells whether the listpack ended where it may, with the entries that the
// master says.
func (c *nodeCheck) whole() bool {
	return c.state == atFlags && c.skip == 0 && c.live > 0 && int64(c.live) == c.said[0] && int64(c.dead) == c.said[1]
}
