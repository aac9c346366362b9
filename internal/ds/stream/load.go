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

// checked is what a node turned out to have.
type checked struct {
	first          ID // of the first entry that is not deleted
	id             ID // of the last entry
	count, deleted int64
}

// maxFields is more than a node has; so numbers do not overflow.
const maxFields = 1 << 32

func validate(master ID, lp []byte) (v checked, err error) {
	c := listpack.Check(lp)
	v.count, v.deleted = c.Int(), c.Int()
	fields := c.Int()
	if v.count < 0 || v.deleted < 0 || fields < 0 || fields >= maxFields {
		return v, ErrCorrupt
	}
	c.Pass(fields)
	if c.Int() != 0 {
		return v, ErrCorrupt
	}
	var live, marked int64
	for c.More() {
		flags, ms, seq := c.Ints3()
		id := ID{MS: master.MS + uint64(ms), Seq: master.Seq + uint64(seq)}
		first := live+marked == 0
		if flags&^(flagDeleted|flagSame) != 0 || first && id != master || !first && !v.id.Less(id) {
			return v, ErrCorrupt
		}
		v.id = id
		if flags&flagDeleted != 0 {
			marked++
		} else {
			if live == 0 {
				v.first = id
			}
			live++
		}
		elements := fields + extraSame
		if flags&flagSame != 0 {
			c.Pass(fields)
		} else {
			n := c.Int()
			if n < 0 || n >= maxFields {
				return v, ErrCorrupt
			}
			elements = 2*n + extra
			c.Pass(2 * n)
		}
		if c.Int() != elements {
			return v, ErrCorrupt
		}
	}
	if c.End() != nil || live+marked == 0 || live != v.count || marked != v.deleted {
		return v, ErrCorrupt
	}
	return v, nil
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
