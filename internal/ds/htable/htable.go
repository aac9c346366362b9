// Package htable is the hash table behind every keyspace and every large
// collection. It maps a 64-bit hash to references of records in an arena; the
// records themselves, and what their keys are, belong to the caller.
//
// # Shape
//
// The high 32 bits that remain after the caller has shifted its shard bits
// away (see Pos) order all records on a line. A directory of 2^depth entries
// cuts the line into segments, and a segment of n buckets cuts its part into n
// equal pieces: a record's home is bucket
//
//	(offset in the segment, scaled to 32 bits) * n >> 32
//
// Both steps keep the order of the line. That one property carries the rest:
//
//   - A segment may have any number of buckets, so it grows by a seventh to a
//     quarter at a time (see ladder) and the table is always about 84% full.
//   - A segment that has reached its largest size is split in two, and two
//     that have emptied are merged: no operation touches more than one or two
//     segments (some 1,400 records), whatever the size of the table.
//   - A cursor is a position on the line. Growing, splitting and merging move
//     no record along it, so a scan that remembers its position meets every
//     record that was there from its start to its end, and meets it once.
//
// # Bucket
//
// A bucket is one cache line with room for twelve records:
//
//	 0            12     14     16                                     64
//	+------------+------+------+-------------------------------------+
//	| 12 tags, 1 | over | seg  | 12 references, 4 bytes each          |
//	+------------+------+------+-------------------------------------+
//
// A tag is eight bits of the hash, never zero; zero marks a free place. A
// record whose home is full goes to the next bucket that has room, wrapping
// around in its segment. over counts the records that passed this bucket on
// their way, so a search stops at the first bucket with over == 0 (or after a
// whole round), and removal needs no tombstones. seg is used in bucket 0 only:
// the number of records in the segment.
//
// # Invariants
//
//   - A segment of n buckets holds at most 11*n records.
//   - over of bucket b is the number of records of the segment whose path from
//     home to place crosses from b to b+1.
//   - All directory entries of a segment are equal and adjacent, 2^(depth-local)
//     of them.
//
// # Rejected
//
// One array that doubles: either a stall of seconds or two arrays for the time
// of the move, and between doublings a fill that swings between 45% and 90%.
// Linear hashing: it also splits smoothly, but half of its buckets are twice as
// full as the others, so at 84% fill overflow is the rule.
package htable

import (
	"math/bits"
	"sync/atomic"

	"github.com/redstart-db/redstart/internal/mem"
)

const (
	slots      = 12     // records in a bucket
	fill       = 11     // records per bucket at which a segment grows
	sparse     = 4      // records per bucket below which a segment shrinks
	dense      = 8      // records per bucket after a segment was shrunk or merged
	maxBuckets = 128    // buckets in the largest segment: 8 KiB
	halfSplit  = 80     // buckets of each half after a split
	lineBits   = 32     // width of a position
	bucketSize = 64     // bytes
	unit       = 64 / 8 // a bucket in arena units
)

// ladder lists the sizes a segment may have, in buckets. Up to 8 the step is
// one bucket, then between 1.14 and 1.25; every size is one of the arena's size
// classes, so nothing is wasted.
var ladder = [...]uint8{1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 128}

type bucket struct {
	tags [slots]uint8
	over uint16
	seg  uint16
	refs [slots]mem.Ref
}

// segment is a directory entry: the reference of the first bucket in the low 32
// bits, then the number of buckets (16 bits) and local, the number of directory
// bits that select the segment. It is one word so that Hint can read it while
// another goroutine, which has the table's lock, replaces it.
type segment uint64

func newSegment(base mem.Ref, n int, local uint8) segment {
	return segment(base) | segment(n)<<32 | segment(local)<<48
}

func (s segment) base() mem.Ref { return mem.Ref(s) }
func (s segment) n() uint32     { return uint32(s>>32) & 0xffff }
func (s segment) local() uint8  { return uint8(s >> 48) }

// directory is what Hint reads: the entries and how many bits select one.
type directory struct {
	segments []segment
	depth    uint8
}

// Records tells a Table about the records that its references name.
type Records interface {
	// Hash gives the hash under which ref was inserted.
	Hash(ref mem.Ref) uint64
	// Equal tells whether the record has this key.
	Equal(ref mem.Ref, key []byte) bool
}

// Table is a hash table. The zero value is not usable; see Init. It is not safe
// for concurrent use.
type Table struct {
	arena *mem.Arena
	recs  Records
	dir   []segment                 // 1<<depth entries; nil while the table is empty
	hints atomic.Pointer[directory] // the same, for Hint; nil while empty
	count int
	size  int   // buckets in all segments
	deep  int   // segments with local == depth
	depth uint8 // directory bits
}

// Slot is the place of a record. It is valid until the next insertion or
// removal. It names its bucket by reference, which makes it one word: so what
// holds a slot is small enough to be kept in registers.
type Slot struct {
	bucket mem.Ref
	i      uint8
}

// Init prepares an empty table whose buckets live in arena. It allocates
// nothing before the first insertion.
func (t *Table) Init(arena *mem.Arena, recs Records) {
	t.arena, t.recs = arena, recs
	t.reset()
}

// reset empties the table. It leaves alone what Hint reads without a lock.
func (t *Table) reset() {
	t.count, t.size = 0, 0
	t.setDir(nil, 0, 0)
}

// setDir replaces the directory.
func (t *Table) setDir(dir []segment, depth uint8, deep int) {
	t.dir, t.depth, t.deep = dir, depth, deep
	if dir == nil {
		t.hints.Store(nil)
	} else {
		t.hints.Store(&directory{dir, depth})
	}
}

// Hint asks the processor to fetch the home bucket of a hash. Unlike all other
// methods it needs no lock: what it reads may be out of date, and the worst
// that follows is that the wrong bytes are fetched.
func (t *Table) Hint(hash uint64) {
	if ref, ok := t.homeRef(hash); ok {
		t.arena.Prefetch(ref)
	}
}

// HintRecord asks the processor to fetch the record that a hash most likely
// leads to. It is called some time after Hint, and needs no lock either.
func (t *Table) HintRecord(hash uint64) {
	ref, ok := t.homeRef(hash)
	if !ok {
		return
	}
	b := mem.At[bucket](t.arena, ref)
	tag := uint64(tagOf(hash)) * ones
	if m := match(b.low(), tag); m != 0 {
		t.arena.Prefetch2(b.refs[bits.TrailingZeros64(m)>>3])
	} else if m := match(b.high(), tag) & 0x80808080; m != 0 {
		t.arena.Prefetch2(b.refs[8+bits.TrailingZeros64(m)>>3])
	}
}

func (t *Table) homeRef(hash uint64) (mem.Ref, bool) {
	d := t.hints.Load()
	if !mem.CanPrefetch || d == nil {
		return 0, false
	}
	pos := Pos(hash)
	s := segment(atomic.LoadUint64((*uint64)(&d.segments[uint64(pos)>>(lineBits-d.depth)])))
	return s.base() + mem.Ref(s.home(pos)*unit), true
}

// Len is the number of records.
func (t *Table) Len() int { return t.count }

// Buckets is the number of 64-byte buckets that the table has.
func (t *Table) Buckets() int { return t.size }

// Bytes is the memory of buckets and directory.
func (t *Table) Bytes() int { return t.size*bucketSize + len(t.dir)*8 }

// Slots is the number of records the table has room for in its buckets.
func (t *Table) Slots() int { return t.size * slots }

// Pos is the position of a hash on the line. The top six bits belong to the
// caller (they choose a shard); the low eight make the tag.
func Pos(hash uint64) uint32 { return uint32(hash >> 26) }

func tagOf(hash uint64) uint8 {
	t := uint8(hash)
	if t == 0 {
		return 1
	}
	return t
}

func (t *Table) at(s segment, i uint32) *bucket {
	return t.bucket(s.ref(i))
}

func (t *Table) bucket(ref mem.Ref) *bucket { return mem.At[bucket](t.arena, ref) }

// ref is the reference of a bucket of the segment.
func (s segment) ref(i uint32) mem.Ref { return s.base() + mem.Ref(i*unit) }

func (t *Table) segmentOf(pos uint32) segment {
	return t.dir[uint64(pos)>>(lineBits-t.depth)]
}

// home is the bucket of a segment in which a record at pos belongs.
func (s segment) home(pos uint32) uint32 {
	return uint32(uint64(pos<<s.local()) * uint64(s.n()) >> 32)
}

func (s segment) next(i uint32) uint32 {
	if i++; i == s.n() {
		return 0
	}
	return i
}

const (
	ones = 0x0101010101010101
	lows = 0x7f7f7f7f7f7f7f7f
)

// match gives a word with the high bit set in each byte of w that equals the
// tag, and in no other. (The shorter test for zero bytes, with a subtraction,
// also marks some bytes above a true match, which here could be free places.)
func match(w uint64, tag uint64) uint64 {
	x := w ^ tag
	return ^(x&lows + lows | x | lows)
}

func load8(p *[8]uint8) uint64 {
	return uint64(p[0]) | uint64(p[1])<<8 | uint64(p[2])<<16 | uint64(p[3])<<24 |
		uint64(p[4])<<32 | uint64(p[5])<<40 | uint64(p[6])<<48 | uint64(p[7])<<56
}

func load4(p *[4]uint8) uint64 {
	return uint64(p[0]) | uint64(p[1])<<8 | uint64(p[2])<<16 | uint64(p[3])<<24
}

func (b *bucket) low() uint64  { return load8((*[8]uint8)(b.tags[0:8])) }
func (b *bucket) high() uint64 { return load4((*[4]uint8)(b.tags[8:12])) }

// Find gives the record with this key, or reference 0.
func (t *Table) Find(hash uint64, key []byte) (Slot, mem.Ref) {
	if t.count == 0 {
		return Slot{}, 0
	}
	pos := Pos(hash)
	s := t.segmentOf(pos)
	tag := uint64(tagOf(hash)) * ones
	home := s.home(pos)
	for i := home; ; {
		b := t.at(s, i)
		for m := match(b.low(), tag); m != 0; m &= m - 1 {
			j := uint8(bits.TrailingZeros64(m) >> 3)
			if ref := b.refs[j]; t.recs.Equal(ref, key) {
				return Slot{s.ref(i), j}, ref
			}
		}
		for m := match(b.high(), tag) & 0x80808080; m != 0; m &= m - 1 {
			j := uint8(8 + bits.TrailingZeros64(m)>>3)
			if ref := b.refs[j]; t.recs.Equal(ref, key) {
				return Slot{s.ref(i), j}, ref
			}
		}
		if b.over == 0 {
			return Slot{}, 0
		}
		if i = s.next(i); i == home {
			return Slot{}, 0 // records that are gone had pushed others past every bucket
		}
	}
}

// FindEach gives the records of some keys: those that wanted has a bit for. there
// has a bit for each key that has a record, and refs that record. hashes, keys and
// refs have the same length, at most 64. It is faster than Find for one after the
// other, since no key has to wait for the memory of another, nor is there a branch on
// what cannot be foretold.
func (t *Table) FindEach(hashes []uint64, keys [][]byte, wanted uint64, refs []mem.Ref) (there uint64) {
	if t.count == 0 {
		return 0
	}
	// Those of which the home has a record with the tag, with more than one, and
	// those that may be elsewhere.
	var found, several, passed uint64
	for m := wanted; m != 0; m &= m - 1 {
		k := bits.TrailingZeros64(m)
		hash := hashes[k]
		pos := Pos(hash)
		s := t.segmentOf(pos)
		b := t.at(s, s.home(pos))
		tag := uint64(tagOf(hash)) * ones
		low, high := match(b.low(), tag), match(b.high(), tag)&0x80808080
		i := bits.TrailingZeros64(low) >> 3 // 8 when there is none
		i += i >> 3 * (bits.TrailingZeros64(high) >> 3)
		refs[k] = b.refs[min(i, slots-1)]
		all := low>>4 | high // each on bits of its own
		found |= notZero(all) << k
		several |= notZero(all&(all-1)) << k
		passed |= notZero(uint64(b.over)) << k
	}
	for m := found; m != 0; m &= m - 1 {
		if k := bits.TrailingZeros64(m); t.recs.Equal(refs[k], keys[k]) {
			there |= 1 << k
		}
	}
	for m := (passed | several) &^ there; m != 0; m &= m - 1 {
		k := bits.TrailingZeros64(m)
		if refs[k] = t.beyond(hashes[k], keys[k], several>>k&1 != 0); refs[k] != 0 {
			there |= 1 << k
		}
	}
	return there
}

// notZero is 1 if x is not 0.
func notZero(x uint64) uint64 { return (x | -x) >> 63 }

// beyond is Find for a key of which it is known that its home has it only if again
// is set.
func (t *Table) beyond(hash uint64, key []byte, again bool) mem.Ref {
	pos := Pos(hash)
	s := t.segmentOf(pos)
	tag := uint64(tagOf(hash)) * ones
	home := s.home(pos)
	for i := home; ; again = true {
		b := t.at(s, i)
		if again {
			for m := match(b.low(), tag)>>4 | match(b.high(), tag)&0x80808080; m != 0; m &= m - 1 {
				// Of the low word, bit 8j+3; of the high one, bit 8j+7.
				at := bits.TrailingZeros64(m)
				if ref := b.refs[(at>>3+at&4<<1)%slots]; t.recs.Equal(ref, key) {
					return ref
				}
			}
		}
		if b.over == 0 {
			return 0
		}
		if i = s.next(i); i == home {
			return 0
		}
	}
}

// Replace puts another reference to a record of the same key in a slot.
func (t *Table) Replace(at Slot, ref mem.Ref) { t.bucket(at.bucket).refs[at.i] = ref }

// FindRef gives the slot of a record by its reference.
func (t *Table) FindRef(hash uint64, ref mem.Ref) (Slot, bool) {
	if t.count == 0 {
		return Slot{}, false
	}
	pos := Pos(hash)
	s := t.segmentOf(pos)
	home := s.home(pos)
	for i := home; ; {
		b := t.at(s, i)
		for j := range slots {
			if b.tags[j] != 0 && b.refs[j] == ref {
				return Slot{s.ref(i), uint8(j)}, true
			}
		}
		if b.over == 0 {
			return Slot{}, false
		}
		if i = s.next(i); i == home {
			return Slot{}, false
		}
	}
}

// free gives the index of a free place, or slots.
func (b *bucket) free() int {
	if m := match(b.low(), 0); m != 0 {
		return bits.TrailingZeros64(m) >> 3
	}
	if m := match(b.high(), 0) & 0x80808080; m != 0 {
		return 8 + bits.TrailingZeros64(m)>>3
	}
	return slots
}

// Reserve makes sure that the next Insert at hash allocates nothing, so that a
// caller can do whatever may fail before it changes anything.
func (t *Table) Reserve(hash uint64) {
	if t.dir == nil {
		t.setDir([]segment{t.newSegment(1, 0)}, 0, 1)
	}
	pos := Pos(hash)
	s := t.segmentOf(pos)
	if int(t.at(s, 0).seg) >= fill*int(s.n()) {
		t.grow(pos, s)
	}
}

// Insert adds a record that is not in the table and gives its slot.
func (t *Table) Insert(hash uint64, ref mem.Ref) Slot {
	t.Reserve(hash)
	pos := Pos(hash)
	t.count++
	return t.place(t.segmentOf(pos), pos, tagOf(hash), ref)
}

func (t *Table) place(s segment, pos uint32, tag uint8, ref mem.Ref) Slot {
	i := s.home(pos)
	b := t.at(s, i)
	j := b.free()
	for j == slots {
		b.over++
		i = s.next(i)
		b = t.at(s, i)
		j = b.free()
	}
	b.tags[j] = tag
	b.refs[j] = ref
	t.at(s, 0).seg++
	return Slot{s.ref(i), uint8(j)}
}

// Remove takes a record out of the table. The record's memory is the caller's.
func (t *Table) Remove(hash uint64, at Slot) {
	pos := Pos(hash)
	s := t.segmentOf(pos)
	for i := s.home(pos); s.ref(i) != at.bucket; i = s.next(i) {
		t.at(s, i).over--
	}
	t.bucket(at.bucket).tags[at.i] = 0
	first := t.at(s, 0)
	first.seg--
	t.count--
	if t.count == 0 {
		t.Clear()
	} else if int(first.seg) < sparse*int(s.n()) && s.n() > 1 {
		t.shrink(pos, s)
	}
}

// Clear empties the table and gives its buckets back.
func (t *Table) Clear() {
	for i := 0; i < len(t.dir); i += 1 << (t.depth - t.dir[i].local()) {
		t.arena.Free(t.dir[i].base())
	}
	t.reset()
}
