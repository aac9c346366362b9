// Package dict holds the elements of one large hash, set or sorted set: records
// in an arena, found by their member through a hash table of references.
//
// # Record
//
// An element is one block of the arena, and nothing else lies in it:
//
//	set          0        1
//	            +--------+-----------+--------+
//	            | head 1 | length 4? | member |
//	            +--------+-----------+--------+
//
//	sorted set   0         8        9
//	            +---------+--------+-----------+--------+
//	            | score 8 | head 1 | length 4? | member |
//	            +---------+--------+-----------+--------+
//
//	hash         0        1
//	            +--------+-----------+-------------+-------+-------+
//	            | head 1 | length 4? | deadline 8? | field | value |
//	            +--------+-----------+-------------+-------+-------+
//
//	head    bits 0-6: length of the member; 127: it is in the four bytes that
//	        follow. bit 7: the field has a deadline, in Unix milliseconds
//	value   0..253    that many bytes
//	        254       length (2), bytes; up to 2048 of them
//	        255       reference of a block (4), length (4)
//
// Numbers are little endian, the score in the bits of IEEE 754. So a set's
// member of 15 bytes takes 16 and about 6.4 of the table, a field and a value of
// 14 bytes each take 32 and as much. A value of more than 2048 bytes has a block
// of its own, so that a change of it, or of the deadline, leaves the rest alone.
//
// # Invariants
//
//   - One slot of the table refers to a record; so records may move. (The owner
//     of a sorted set keeps a second reference, see Defrag.)
//   - A record's block, and a value's, is of the size that its present length
//     asks for. So the sum of all is known without asking the arena.
//   - The table hashes with a seed that no other Dict has. A Dict that is filled
//     in the order in which another is walked would otherwise get its records in
//     order of their hashes, the one order that a table cannot take.
//   - Without deadlines there is no index of deadlines, and no byte for it.
//   - Whatever can fail (growing) happens before anything is changed.
//
// # Rejected
//
// Packed nodes of many elements: they cost some 4 bytes less for a field, but a
// lookup reads half a node, and a sorted set's index needs references that stay.
// Values in blocks of their own throughout: 12 bytes more for a field, and a
// cache miss. A timing wheel for deadlines, like the one for keys: thousands of
// lists, for each hash.
package dict

import (
	"hash/maphash"
	"math"
	"math/rand/v2"

	"github.com/redstart-db/redstart/internal/ds/htable"
	"github.com/redstart-db/redstart/internal/ds/idtree"
	"github.com/redstart-db/redstart/internal/mem"
)

// Kind says what the elements of a Dict are.
type Kind uint8

// The kinds.
const (
	Set  Kind = iota // members
	Hash             // fields with values and, possibly, deadlines
	ZSet             // members with scores
)

// MaxLength is the greatest length of a member, a field or a value. Callers
// refuse longer ones.
const MaxLength = math.MaxUint32

// Dict is the table of elements. The zero value is not usable; see Init. It must
// not be copied after that, and is not safe for concurrent use. It is a constant
// number of objects on the Go heap, whatever is in it.
//
// Methods that add or change elements panic with mem.ErrExhausted when there is
// no memory, and then have changed nothing. None keeps the bytes it is given;
// they must not be views of an element of the same Dict, unless stated.
type Dict struct {
	arena     *mem.Arena
	table     htable.Table
	deadlines *idtree.Tree[mem.Ref] // by deadline; nil until the first
	cover     *htable.Cover         // what a snapshot has of it; nil while none is taken
	seed      maphash.Seed
	used      int // bytes of records and of values' blocks
	start     int // offset of head in a record
	kind      Kind
}

// Elem is an element of a Dict, valid until the next insertion or removal.
// Methods that change an element give its new Elem; the old one is invalid then.
type Elem struct {
	d    *Dict
	hash uint64
	slot htable.Slot // the zero Slot: not known yet, nor is hash
	ref  mem.Ref
}

// Init prepares an empty Dict whose records and table live in arena. It takes
// nothing from the arena.
func (d *Dict) Init(arena *mem.Arena, kind Kind) {
	d.arena, d.kind, d.seed = arena, kind, maphash.MakeSeed()
	d.deadlines, d.cover, d.used, d.start = nil, nil, 0, 0
	if kind == ZSet {
		d.start = scoreSize
	}
	d.table.Init(arena, (*records)(d))
}

// records is a Dict as its table sees it.
type records Dict

// Hash is part of htable.Records.
func (r *records) Hash(ref mem.Ref) uint64 {
	d := (*Dict)(r)
	return d.hash(d.Member(ref))
}

// Equal is part of htable.Records.
func (r *records) Equal(ref mem.Ref, key []byte) bool {
	d := (*Dict)(r)
	off, n := d.member(ref)
	return n == len(key) && string(d.arena.Bytes(ref, off+n)[off:]) == string(key)
}

func (d *Dict) hash(member []byte) uint64 { return maphash.Bytes(d.seed, member) }

// Kind is what the elements are.
func (d *Dict) Kind() Kind { return d.kind }

// Len is the number of elements, with fields whose deadline has passed.
func (d *Dict) Len() int { return d.table.Len() }

// Bytes is the memory of records, values, table and deadlines.
func (d *Dict) Bytes() int {
	n := d.used + d.table.Bytes()
	if d.deadlines != nil {
		n += d.deadlines.Bytes()
	}
	return n
}

// Find gives the element with this member or field.
func (d *Dict) Find(member []byte) (e Elem, ok bool) {
	hash := d.hash(member)
	slot, ref := d.table.Find(hash, member)
	return Elem{d, hash, slot, ref}, ref != 0
}

// At is the element of a reference that Elem.Ref gave, unless that has changed.
func (d *Dict) At(ref mem.Ref) Elem { return Elem{d: d, ref: ref} }

// Member is the member or field of the record at ref. With this a Dict is the
// zindex.Entries of its sorted set.
func (d *Dict) Member(ref mem.Ref) []byte {
	off, n := d.member(ref)
	return d.arena.Bytes(ref, off+n)[off:]
}

// Ref is the element's reference. It changes with the element's value or deadline
// and by Defrag, but neither with its score nor when others come and go.
func (e Elem) Ref() mem.Ref { return e.ref }

// Kind is what the element is.
func (e Elem) Kind() Kind { return e.d.kind }

// Member is the member or field, valid until the element is changed or removed.
func (e Elem) Member() []byte { return e.d.Member(e.ref) }

// Value is the value of a hash's field, valid until the element is changed or
// removed.
func (e Elem) Value() []byte {
	v := e.d.value(e.ref)
	if v.block != 0 {
		return e.d.arena.Bytes(v.block, v.n)
	}
	return e.d.arena.Bytes(e.ref, v.off+v.n)[v.off:]
}

// Scan calls visit for the elements of a stretch of the table, from position pos
// on, and gives the position at which to go on, or done. visit must not change
// the Dict. A scan from 0 until done visits every element that stays for that
// time exactly once, whatever is inserted or removed between two calls.
func (d *Dict) Scan(pos uint32, visit func(Elem)) (next uint32, done bool) {
	return d.table.Scan(pos, func(ref mem.Ref) { visit(Elem{d: d, ref: ref}) })
}

// Each calls visit for every element. visit must not change the Dict.
func (d *Dict) Each(visit func(Elem)) {
	d.table.All(func(ref mem.Ref) bool {
		visit(Elem{d: d, ref: ref})
		return true
	})
}

// All calls yield for every element, in no order to rely on, until it returns
// false. yield must not change the Dict.
func (d *Dict) All(yield func(Elem) bool) {
	d.table.All(func(ref mem.Ref) bool { return yield(Elem{d: d, ref: ref}) })
}

// Random gives an element, each with the same probability; ok is false when
// there is none.
func (d *Dict) Random(rnd *rand.Rand) (e Elem, ok bool) {
	ref := d.table.Random(rnd)
	return Elem{d: d, ref: ref}, ref != 0
}
