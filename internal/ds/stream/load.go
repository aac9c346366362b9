package stream

import (
	"errors"
	"math"

	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/mem"
)

// ErrCorrupt reports data from outside that is not a stream.
var ErrCorrupt = errors.New("stream: corrupt")

// Walk calls visit for the nodes in order, from the first whose master ID is not
// below from on, until it returns false. lp is valid during the call. visit must
// not change the stream. It is how a stream is saved, a piece at a time.
func (s *Stream) Walk(from ID, visit func(id ID, lp []byte) bool) {
	for c := s.nodes.Seek(from); c.Valid(); c.Next() {
		if lp, id := s.at(&c); !visit(id, lp) {
			return
		}
	}
}

// LoadNode adds a node behind the last, for loading. Any bytes may be given; what
// is not a node that can follow is ErrCorrupt. Length, first and last ID follow
// the nodes; the last ID may then be set higher, and the other numbers as well.
func (s *Stream) LoadNode(id ID, lp []byte) error {
	if s.nodes.Len() > 0 && !s.last.Less(id) {
		return ErrCorrupt
	}
	v, err := validate(id, lp)
	if err != nil {
		return err
	}
	ref, ok := s.take(len(lp) + room(v.count, v.deleted))
	if !ok {
		panic(mem.ErrExhausted)
	}
	copy(s.arena.Bytes(ref, len(lp)), lp)
	s.addNode(id, placeOf(ref, v.count))
	if s.length == 0 && v.count > 0 {
		s.first = v.first
	}
	s.length += int(v.count)
	s.last = v.id
	return nil
}

// LoadLast is SetLast for loading. An ID below that of the last entry is
// ErrCorrupt.
func (s *Stream) LoadLast(id ID) error {
	if c := s.RangeBack(MaxID, ID{}); c.Next() && id.Less(c.ID()) {
		return ErrCorrupt
	}
	s.SetLast(id)
	return nil
}

// Validate checks the bytes of a node with a master ID. Those that pass are safe
// to load. The error is ErrCorrupt.
func Validate(id ID, lp []byte) error {
	_, err := validate(id, lp)
	return err
}

func validate(id ID, lp []byte) (v validator, err error) {
	v = validator{master: id, id: id, want: wantCount}
	if listpack.ValidateEach(lp, v.element) != nil || v.want != wantFlags || v.entries == 0 ||
		v.entries-v.marked != v.count || v.marked != v.deleted {
		return v, ErrCorrupt
	}
	return v, nil
}

// want is what the next element of a node has to be.
type want uint8

const (
	wantCount want = iota
	wantDeleted
	wantMasterFields
	wantMasterField
	wantZero
	wantFlags
	wantMS
	wantSeq
	wantFields
	wantData
	wantElements
)

// validator goes through the elements of a node.
type validator struct {
	master         ID
	first          ID // of the first entry that is not deleted
	id             ID // of the last entry
	count, deleted int64
	entries        int64 // that were seen
	marked         int64 // of these, as deleted
	fields         int64 // of the master entry
	left           int64 // fields and values that follow
	elements       int64 // what lp-count must be
	flags          int64
	ms             int64
	want           want
}

// maxFields is more than a node has; so numbers do not overflow.
const maxFields = 1 << 32

// element takes the next element.
func (v *validator) element(_ int, e listpack.Value) error {
	if v.want == wantMasterField || v.want == wantData {
		v.pass()
		return nil
	}
	if !e.IsInt() || !v.number(e.Int) {
		return ErrCorrupt
	}
	return nil
}

// pass takes a field or a value.
func (v *validator) pass() {
	if v.left--; v.left == 0 {
		v.want++
	}
}

// expect says that n fields and values follow.
func (v *validator) expect(n int64) {
	if v.left = n; n == 0 {
		v.want++
	}
}

// number takes one of the numbers that a node has beside fields and values, and
// tells whether it may be that.
func (v *validator) number(n int64) (ok bool) {
	at := v.want
	v.want++
	switch at {
	case wantCount:
		v.count = n
		return n >= 0
	case wantDeleted:
		v.deleted = n
		return n >= 0
	case wantMasterFields:
		v.fields = n
		v.expect(n)
		return n >= 0 && n < maxFields
	case wantZero:
		return n == 0
	case wantFlags:
		v.flags = n
		return n >= 0 && n <= flagDeleted|flagSame
	case wantMS:
		v.ms = n
		return true
	case wantSeq:
		return v.entry(n)
	case wantFields:
		v.elements = 2*n + extra
		v.expect(2 * n)
		return n >= 0 && n < maxFields
	case wantElements:
		v.want = wantFlags
		return n == v.elements
	}
	return false
}

// entry takes the second part of an ID.
func (v *validator) entry(seq int64) (ok bool) {
	id := ID{MS: v.master.MS + uint64(v.ms), Seq: v.master.Seq + uint64(seq)}
	if v.entries == 0 && id != v.master || v.entries > 0 && !v.id.Less(id) {
		return false
	}
	v.id = id
	v.entries++
	if v.flags&flagDeleted != 0 {
		v.marked++
	} else if v.entries-v.marked == 1 {
		v.first = id
	}
	if v.flags&flagSame != 0 {
		v.want = wantData
		v.elements = v.fields + extraSame
		v.expect(v.fields)
	}
	return true
}

// LoadPending makes an entry pending for no consumer yet, for loading. When it is
// pending already the error is ErrCorrupt. Until CheckOwned returned nil, nothing
// but LoadOwner, Drop and methods of the stream may be called.
func (g *Group) LoadPending(id ID, time int64, count uint64) error {
	if _, ok := g.pending.Get(id); ok {
		return ErrCorrupt
	}
	ref := g.arena.Alloc(recordSize)
	done := false
	defer func() {
		if !done {
			g.arena.Free(ref)
		}
	}()
	g.pending.Insert(id, ref)
	done = true
	*g.record(ref) = record{time: time, count: count, consumer: noConsumer}
	return nil
}

// noConsumer is the number of no consumer.
const noConsumer = 1<<32 - 1

// LoadOwner makes an entry that LoadPending added a consumer's. When there is no
// such entry, or it has a consumer, the error is ErrCorrupt.
func (g *Group) LoadOwner(id ID, c *Consumer) error {
	ref, ok := g.pending.Get(id)
	if !ok || g.record(ref).consumer != noConsumer {
		return ErrCorrupt
	}
	c.pending.Insert(id, ref)
	g.record(ref).consumer = c.slot
	return nil
}

// CheckOwned tells, by ErrCorrupt, if an entry has no consumer.
func (g *Group) CheckOwned() error {
	owned := 0
	for _, c := range g.consumers {
		owned += c.pending.Len()
	}
	if owned != g.pending.Len() {
		return ErrCorrupt
	}
	return nil
}

// CopyTo makes to, which was prepared by Init and is empty, a copy of the stream,
// in its own arena. When that is exhausted, to is not whole, and has to be dropped.
func (s *Stream) CopyTo(to *Stream) {
	c := s.CopyInto(to)
	for !c.Part(math.MaxInt, math.MaxInt) {
	}
}
