package htable

import (
	"math/rand/v2"
	"sync/atomic"

	"github.com/redstart-db/redstart/internal/mem"
)

// trySegment makes an empty segment, if there is memory for it.
func (t *Table) trySegment(n int, local uint8) (segment, bool) {
	ref, ok := t.arena.TryAlloc(n * bucketSize)
	if !ok {
		return 0, false
	}
	clear(t.arena.Bytes(ref, n*bucketSize))
	t.size += n
	return newSegment(ref, n, local), true
}

func (t *Table) newSegment(n int, local uint8) segment {
	s, ok := t.trySegment(n, local)
	if !ok {
		panic(mem.ErrExhausted)
	}
	return s
}

func (t *Table) freeSegment(s segment) {
	t.size -= int(s.n())
	t.arena.Free(s.base())
}

// bucketsFor is the smallest size that holds count records at no more than
// per records in a bucket, or the largest size there is.
func bucketsFor(count, per int) int {
	for _, n := range ladder {
		if count <= int(n)*per {
			return int(n)
		}
	}
	return maxBuckets
}

// first is the directory index of the first entry of the segment at pos.
func (t *Table) first(pos uint32, s segment) int {
	i := uint64(pos) >> (lineBits - t.depth)
	return int(i &^ (1<<(t.depth-s.local()) - 1))
}

// set makes s the segment of all directory entries that it covers, from i on.
func (t *Table) set(i int, s segment) {
	for k := range 1 << (t.depth - s.local()) {
		atomic.StoreUint64((*uint64)(&t.dir[i+k]), uint64(s))
	}
}

// each calls f for every record of a segment.
func (t *Table) each(s segment, f func(hash uint64, ref mem.Ref)) {
	t.walk(s, true, func(ref mem.Ref) bool {
		f(t.recs.Hash(ref), ref)
		return true
	})
}

// walk calls yield for every record of a segment until it returns false, and
// tells whether it never did. With fetch, the records of the next buckets are fetched
// while those of one are looked at.
func (t *Table) walk(s segment, fetch bool, yield func(ref mem.Ref) bool) bool {
	const ahead = 2
	for i := range min(ahead, s.n()) {
		if fetch {
			t.fetch(t.at(s, i))
		}
	}
	for i := range s.n() {
		if fetch && i+ahead < s.n() {
			t.fetch(t.at(s, i+ahead))
		}
		b := t.at(s, i)
		for j := range slots {
			if b.tags[j] != 0 && !yield(b.refs[j]) {
				return false
			}
		}
	}
	return true
}

func (t *Table) fetch(b *bucket) {
	if !mem.CanPrefetch {
		return
	}
	for j := range slots {
		if b.tags[j] != 0 {
			t.arena.Prefetch(b.refs[j])
		}
	}
}

// grow gives the segment at pos more buckets, or splits it in two. All memory
// is taken before anything changes.
func (t *Table) grow(pos uint32, s segment) {
	at := t.first(pos, s)
	if s.n() < maxBuckets {
		to := t.newSegment(bucketsFor(int(s.n())*fill+1, fill), s.local())
		t.each(s, func(hash uint64, ref mem.Ref) { t.place(to, Pos(hash), tagOf(hash), ref) })
		t.set(at, to)
		t.freeSegment(s)
		return
	}
	if s.local() == t.depth {
		t.double()
		at *= 2
	}
	bit := uint32(1) << (lineBits - 1 - s.local())
	var hashes [maxBuckets * fill]uint64 // in the order in which each comes to them
	n, inLo := 0, 0
	t.each(s, func(hash uint64, _ mem.Ref) {
		hashes[n] = hash
		n++
		if Pos(hash)&bit == 0 {
			inLo++
		}
	})
	lo := t.newSegment(bucketsOfHalf(inLo), s.local()+1)
	hi, ok := t.trySegment(bucketsOfHalf(n-inLo), s.local()+1)
	if !ok {
		t.freeSegment(lo)
		panic(mem.ErrExhausted)
	}
	if lo.local() == t.depth {
		t.deep += 2
	}
	n = 0
	t.walk(s, false, func(ref mem.Ref) bool {
		hash, to := hashes[n], lo
		n++
		if Pos(hash)&bit != 0 {
			to = hi
		}
		t.place(to, Pos(hash), tagOf(hash), ref)
		return true
	})
	t.set(at, lo)
	t.set(at+1<<(t.depth-lo.local()), hi)
	t.freeSegment(s)
	// One that is full at once grows on.
	if s := t.segmentOf(pos); int(t.at(s, 0).seg) >= fill*int(s.n()) {
		t.grow(pos, s)
	}
}

// bucketsOfHalf is the size of a half that gets count records. Halves are about
// even, unless records come in the order of their hashes, as they do when
// another table is walked that hashes the same way; then one gets all.
func bucketsOfHalf(count int) int {
	switch {
	case count > halfSplit*fill:
		return bucketsFor(count, fill)
	case count < halfSplit*sparse:
		return bucketsFor(count, dense)
	default:
		return halfSplit
	}
}

// double makes the directory twice as long.
func (t *Table) double() {
	dir := make([]segment, 2*len(t.dir))
	for i, s := range t.dir {
		dir[2*i], dir[2*i+1] = s, s
	}
	t.setDir(dir, t.depth+1, 0)
}

// halve makes the directory half as long, as often as no segment needs its
// last bit.
func (t *Table) halve() {
	for t.depth > 0 && t.deep == 0 {
		dir := make([]segment, len(t.dir)/2)
		for i := range dir {
			dir[i] = t.dir[2*i]
		}
		depth, deep := t.depth-1, 0
		for i := 0; i < len(dir); i += 1 << (depth - dir[i].local()) {
			if dir[i].local() == depth {
				deep++
			}
		}
		t.setDir(dir, depth, deep)
	}
}

// shrink merges a sparse segment with its neighbour when both fit in one, and
// otherwise gives it fewer buckets. When there is no memory for that it leaves
// things as they are: removal never fails.
func (t *Table) shrink(pos uint32, s segment) {
	at := t.first(pos, s)
	count := int(t.at(s, 0).seg)
	if s.local() > 0 {
		width := 1 << (t.depth - s.local())
		buddyAt := at ^ width
		buddy := t.dir[buddyAt]
		if buddy.local() == s.local() {
			total := count + int(t.at(buddy, 0).seg)
			if total <= halfSplit*dense {
				t.merge(min(at, buddyAt), s, buddy, bucketsFor(total, dense))
				return
			}
		}
	}
	n := bucketsFor(count, dense)
	if n >= int(s.n()) {
		return
	}
	to, ok := t.trySegment(n, s.local())
	if !ok {
		return
	}
	t.each(s, func(hash uint64, ref mem.Ref) { t.place(to, Pos(hash), tagOf(hash), ref) })
	t.set(at, to)
	t.freeSegment(s)
}

func (t *Table) merge(at int, a, b segment, n int) {
	to, ok := t.trySegment(n, a.local()-1)
	if !ok {
		return
	}
	put := func(hash uint64, ref mem.Ref) { t.place(to, Pos(hash), tagOf(hash), ref) }
	t.each(a, put)
	t.each(b, put)
	if a.local() == t.depth {
		t.deep -= 2
	}
	t.set(at, to)
	t.freeSegment(a)
	t.freeSegment(b)
	t.halve()
}

// Scan calls visit for the records of one bucket's stretch of the line, from
// position pos on, and gives the position at which to go on, or done. visit
// must not change the table. A scan from 0 until done visits every record that
// stays in the table for that time exactly once, whatever is inserted or
// removed between two calls.
func (t *Table) Scan(pos uint32, visit func(ref mem.Ref)) (next uint32, done bool) {
	return t.scan(pos, lineSize-1, visit)
}

// All calls yield for every record, in no order to rely on, until it returns
// false. yield must not change the table. It hashes nothing, and has the records
// fetched ahead, so it takes a fraction of the time of a Scan of everything.
func (t *Table) All(yield func(ref mem.Ref) bool) {
	for i := 0; i < len(t.dir); i += 1 << (t.depth - t.dir[i].local()) {
		if !t.walk(t.dir[i], true, yield) {
			return
		}
	}
}

// Walk is a walk over all records of a table, which must not change meanwhile. The
// zero value stands before the first.
type Walk struct {
	dir    int    // of the segment in the directory
	bucket uint32 // in the segment
}

// Next appends records to refs, as many as its capacity has room for but for less
// than a bucket, of which it has to hold one; none when the walk is over. It hashes
// nothing, and has the records of the following buckets fetched if ahead is set,
// which is of use in a table that is too large for the cache.
func (t *Table) Next(w *Walk, refs []mem.Ref, ahead bool) []mem.Ref {
	for w.dir < len(t.dir) {
		s := t.dir[w.dir]
		for ; w.bucket < s.n(); w.bucket++ {
			if len(refs)+slots > cap(refs) {
				return refs
			}
			if next := w.bucket + 4; ahead && next < s.n() {
				t.fetch(t.at(s, next))
			}
			b := t.at(s, w.bucket)
			for j := range slots {
				if b.tags[j] != 0 {
					refs = append(refs, b.refs[j])
				}
			}
		}
		w.dir += 1 << (t.depth - s.local())
		w.bucket = 0
	}
	return refs
}

// Random gives a record, each with the same probability, or 0 when the table is
// empty.
func (t *Table) Random(rnd *rand.Rand) mem.Ref {
	if t.count == 0 {
		return 0
	}
	if len(t.dir) == 1 {
		s := t.dir[0]
		for {
			b := t.at(s, uint32(rnd.IntN(int(s.n()))))
			if j := rnd.IntN(slots); b.tags[j] != 0 {
				return b.refs[j]
			}
		}
	}
	for {
		// Each bucket belongs to one of the directory entries of its segment,
		// by turns, so that none is chosen more often because its segment has
		// more entries or fewer buckets.
		k := rnd.IntN(len(t.dir))
		s := t.dir[k]
		shift := t.depth - s.local()
		i := rnd.IntN(maxBuckets)<<shift | k&(1<<shift-1)
		if i >= int(s.n()) {
			continue
		}
		b := t.at(s, uint32(i))
		if j := rnd.IntN(slots); b.tags[j] != 0 {
			return b.refs[j]
		}
	}
}

// Near calls visit for the records that lie in one bucket, that of position pos, and gives
// a position in the bucket that follows, or done: so it goes over all records from 0 on,
// and hashes none. visit may replace references, and change nothing else. Where the table
// changes between two calls some records are left out, or come twice.
func (t *Table) Near(pos uint32, visit func(ref mem.Ref)) (next uint32, done bool) {
	if t.count == 0 {
		return 0, true
	}
	s := t.segmentOf(pos)
	h := s.home(pos)
	b := t.at(s, h)
	t.fetch(b)
	for j := range slots {
		if b.tags[j] != 0 {
			visit(b.refs[j])
		}
	}
	return t.behind(pos, lineSize-1, s, h)
}

// Move moves the segment that begins at pos, if one does and it keeps a sparse span of the
// arena alive, and tells whether it did. Where there is no memory it stays where it is. A
// walk with Near that calls it at each position tries all segments.
func (t *Table) Move(pos uint32) bool {
	if t.count == 0 {
		return false
	}
	s := t.segmentOf(pos)
	if s.home(pos) != 0 || !t.arena.Sparse(s.base()) {
		return false
	}
	to, ok := t.trySegment(int(s.n()), s.local())
	if !ok {
		return false
	}
	n := int(s.n()) * bucketSize
	copy(t.arena.Bytes(to.base(), n), t.arena.Bytes(s.base(), n))
	t.set(t.first(pos, s), to)
	t.freeSegment(s)
	return true
}

// Some appends records to refs, up to its capacity, that lie beside each other in a place
// chosen at random, and has them fetched. They are as good as chosen one by one where it
// does not matter that some are chosen together, since hashes order them; and it takes
// fewer accesses to memory. It may be fewer than there is room for.
func (t *Table) Some(rnd *rand.Rand, refs []mem.Ref) []mem.Ref {
	if t.count == 0 {
		return refs
	}
	pos := rnd.Uint32()
	s := t.segmentOf(pos)
	i, from := s.home(pos), int(pos%slots)
	for range min(s.n(), 2+uint32(cap(refs)-len(refs))/sparse) {
		b := t.at(s, i)
		for j := range slots {
			if len(refs) == cap(refs) {
				return refs
			}
			if k := (from + j) % slots; b.tags[k] != 0 {
				refs = append(refs, b.refs[k])
				t.arena.Prefetch(b.refs[k])
			}
		}
		i, from = s.next(i), 0
	}
	return refs
}
