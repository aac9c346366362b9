package htable

import (
	"math/bits"

	"github.com/redstart-db/redstart/internal/mem"
)

// Cover is a walk over a table that hands over the records which are in it at one
// moment, while the table goes on changing: each of them once, as it is at that
// moment, and none that comes later. It is what snapshots are made of.
//
// The line of positions is cut into stretches, about one for each record. A stretch
// is covered or it is not, one bit for each; and so is all that is before next.
//
// # Invariants
//
//   - What is not covered is as it was at the moment: the same records with the
//     same content.
//   - Of what is covered, every record of the moment has been handed over, once.
//
// The first needs help: whoever is going to insert a record, to remove one or to
// change its content has to call Before, which hands over what the stretch has and
// covers it. Nothing else needs to be said. What the table does by itself (growing,
// splitting, moving records into other buckets or blocks) moves no record along the
// line, so it may happen at any time. A record in a stretch that is covered is of no
// interest to the walk, whether it is new, changed, or was handed over.
//
// # Rejected
//
// A mark in each record, or a version of each: bytes for all records at all times,
// for what is needed now and then. A set of references of those that were handed
// over: it has to be kept up where records move, and it cannot tell that something
// new must be left out unless that is entered too. Stretches of whole buckets, as
// buckets come and go when segments grow: positions do not.
type Cover struct {
	table *Table
	take  func(ref mem.Ref)
	bits  []uint64
	next  uint64 // a position; lineSize when the walk is over
	shift uint8  // position >> shift is the stretch
}

const lineSize = 1 << lineBits

// Start begins a walk of what the table has now. take is called with each record,
// and must not change the table.
func (c *Cover) Start(t *Table, take func(ref mem.Ref)) {
	depth := bits.Len(uint(max(t.count, 64) - 1))
	*c = Cover{table: t, take: take, shift: uint8(max(lineBits-depth, 0))}
	if t.count == 0 {
		c.next = lineSize
		return
	}
	c.bits = make([]uint64, (lineSize>>c.shift+63)/64)
}

// Bytes is the memory that the walk takes of the Go heap.
func (c *Cover) Bytes() int { return len(c.bits) * 8 }

// Done tells whether everything has been covered.
func (c *Cover) Done() bool { return c.next == lineSize }

func (c *Cover) covered(pos uint32) bool {
	i := pos >> c.shift
	return c.bits[i>>6]>>(i&63)&1 != 0
}

// Before is to be called before a record with this hash is inserted, removed, or
// changed.
func (c *Cover) Before(hash uint64) {
	pos := Pos(hash)
	if uint64(pos) < c.next || c.covered(pos) {
		return
	}
	i := pos >> c.shift
	last := (uint64(i)+1)<<c.shift - 1
	for from := max(uint64(i)<<c.shift, c.next); from <= last; {
		next, done := c.table.scan(uint32(from), uint32(last), c.take)
		if done {
			break
		}
		from = uint64(next)
	}
	c.bits[i>>6] |= 1 << (i & 63)
}

// Covered tells whether Before would do nothing for this hash.
func (c *Cover) Covered(hash uint64) bool {
	pos := Pos(hash)
	return uint64(pos) < c.next || c.covered(pos)
}

// Step walks over the stretch of a bucket and tells whether everything has been
// covered.
func (c *Cover) Step() (done bool) {
	if c.Done() {
		return true
	}
	next, done := c.table.scan(uint32(c.next), lineSize-1, func(ref mem.Ref) {
		if !c.covered(Pos(c.table.recs.Hash(ref))) {
			c.take(ref)
		}
	})
	if c.next = uint64(next); done {
		c.next = lineSize
		c.bits = nil
	}
	return done
}

// scan is Scan of records with positions up to last, behind which it is done.
func (t *Table) scan(pos, last uint32, visit func(ref mem.Ref)) (next uint32, done bool) {
	if t.count == 0 {
		return 0, true
	}
	s := t.segmentOf(pos)
	h := s.home(pos)
	for i := h; ; i = s.next(i) {
		b := t.at(s, i)
		t.fetch(b)
		for j := range slots {
			if b.tags[j] == 0 {
				continue
			}
			p := Pos(t.recs.Hash(b.refs[j]))
			if p >= pos && p <= last && s.home(p) == h {
				visit(b.refs[j])
			}
		}
		if b.over == 0 || s.next(i) == h {
			break
		}
	}
	return t.behind(pos, last, s, h)
}

// behind gives the position behind what belongs to bucket h of the segment at pos, or tells
// that there is none up to last.
func (t *Table) behind(pos, last uint32, s segment, h uint32) (next uint32, done bool) {
	// The first offset that belongs to bucket h+1, rounded up to a whole
	// position; for the last bucket that is the start of the next segment.
	off := (uint64(h+1)<<32 + uint64(s.n()) - 1) / uint64(s.n())
	step := (off + 1<<s.local() - 1) >> s.local()
	start := uint64(t.first(pos, s)) << (lineBits - t.depth)
	if start+step > uint64(last) {
		return 0, true
	}
	return uint32(start + step), false
}
