package mem

import (
	"math/bits"
	"unsafe"

	"github.com/redstart-db/redstart/internal/invariants"
)

// span describes a run of pages (32 bytes, no pointers). Fields that do not apply to its state are undefined.
type span struct {
	start, pages uint32 // first page and length
	next, prev   uint32 // in the list of its class and fullness, of its free runs, or of unused span numbers
	free         Ref    // blocks: first of the free list, linked by the first four bytes of each block
	dirtyPages   uint32 // free run: pages that may be resident
	carved       uint16 // blocks: how many were ever handed out
	live         uint16 // blocks: how many are in use; 1 for a large block
	low          uint16 // blocks: Free has more to do when live falls below; see the table
	class        uint8
	state        uint8
}

// The size of a span is part of what a block costs.
const _ = uint(32 - unsafe.Sizeof(span{}))

// The values of span.low:
//
//	0                       current span of its class: nothing to do
//	1 .. cap-1              in the list of its fullness: the least live of that list (at least 1)
//	cap                     full, in no list (a large block is a full span of one)
const (
	unusedSpan = iota // also span 0, which owns the guard pages
	freeRun
	usedSpan
)

// fullness is how many lists of partly filled spans a class has.
const fullness = 8

// bin is the state of one size class.
type bin struct {
	cur   uint32           // the span that is allocated from; 0: none
	size  uint32           // bytes of a block; 0 for large blocks
	live  uint32           // blocks in use, in all spans
	spans uint32           // all spans of the class
	full  uint32           // of these, full and not current
	mask  uint8            // which lists are not empty
	lists [fullness]uint32 // partly filled spans by fullness, without the current one
}

func (a *Arena) initBins() {
	for c := range a.bins {
		a.bins[c] = bin{size: tables.class[c].size}
	}
}

// refill makes a span with a free block the current one of class c: what is left of the current span, else the fullest
// partly filled one, else a new one. It returns nil when the arena is exhausted.
func (a *Arena) refill(c uint8) *span {
	b, k := &a.bins[c], &tables.class[c]
	if b.cur != 0 {
		s := &a.spans[b.cur]
		if s.carved < k.cap {
			a.carve(s)
			return s
		}
		s.low = k.cap
		b.full++
		b.cur = 0
	}
	if b.mask != 0 {
		id := b.lists[bits.Len8(b.mask)-1]
		a.unlist(b, id, k.shift)
		s := &a.spans[id]
		s.low = 0
		b.cur = id
		return s
	}
	id := a.allocRun(uint32(k.pages))
	if id == 0 {
		return nil
	}
	s := &a.spans[id]
	s.class, s.free, s.carved, s.live, s.low = c, 0, 0, 0, 0
	for p := s.start; p < s.start+s.pages; p++ {
		a.pageMap[p] = id
	}
	b.cur = id
	b.spans++
	a.carve(s)
	return s
}

// carve puts the never used blocks that end on the next page, at least one, on the empty free list of s.
func (a *Arena) carve(s *span) {
	k := &tables.class[s.class]
	from := uint32(s.carved) * k.size
	pageEnd := (from + k.size + pageSize - 1) &^ (pageSize - 1)
	n := min((pageEnd-from)/k.size, uint32(k.cap-s.carved))
	firstPage := s.start + from>>pageShift
	lastPage := s.start + (from+n*k.size-1)>>pageShift
	a.markDirty(firstPage, lastPage-firstPage+1)
	r := Ref(s.start<<pageRefShift + from>>refShift)
	if invariants.Enabled {
		a.poison(r, uint64(n*k.size))
	}
	s.free = r
	step := Ref(k.size >> refShift)
	for ; n > 1; n-- {
		*(*Ref)(a.ptr(r)) = r + step
		r += step
		s.carved++
	}
	*(*Ref)(a.ptr(r)) = 0
	s.carved++
}

// freed does what Free has to do when live has fallen below low: list the span by its new fullness, or release it.
func (a *Arena) freed(id uint32) {
	s := &a.spans[id]
	b := &a.bins[s.class]
	if s.class == largeClass {
		a.live -= uint64(s.pages) << pageShift
		a.freeRun(id)
		return
	}
	k := &tables.class[s.class]
	if s.low < k.cap {
		a.unlist(b, id, k.shift)
	} else {
		b.full--
	}
	if s.live == 0 {
		a.releaseSpan(b, id)
		return
	}
	level := s.live >> k.shift
	s.low = max(1, level<<k.shift)
	s.prev, s.next = 0, b.lists[level]
	a.spans[s.next].prev = id // span 0 may be scribbled on: nobody reads its links
	b.lists[level] = id
	b.mask |= 1 << level
}

// unlist takes a span from the list of its fullness.
func (a *Arena) unlist(b *bin, id uint32, shift uint8) {
	s := &a.spans[id]
	a.spans[s.next].prev = s.prev
	if s.prev != 0 {
		a.spans[s.prev].next = s.next
		return
	}
	level := s.low >> shift
	b.lists[level] = s.next
	if s.next == 0 {
		b.mask &^= 1 << level
	}
}

// releaseSpan turns a span without live blocks, in no list, into a free run.
func (a *Arena) releaseSpan(b *bin, id uint32) {
	if invariants.Enabled {
		a.checkEmpty(&a.spans[id])
	}
	b.spans--
	a.freeRun(id)
}

// dropSpares releases the current spans that are empty, and reports whether there were any.
func (a *Arena) dropSpares() (dropped bool) {
	for c := 1; c < numClasses; c++ {
		b := &a.bins[c]
		if id := b.cur; id != 0 && a.spans[id].live == 0 {
			b.cur = 0
			a.releaseSpan(b, id)
			dropped = true
		}
	}
	return dropped
}

// Sparse reports whether moving the block at r (Alloc, copy, Free) helps to free a span: the blocks of its class would
// fit into fewer spans, and its span is not much fuller (an eighth and a block) than the average of those that are partly
// filled; without that margin, equally filled spans would wait for each other.
//
// Moving every sparse block ends: a moved block goes into the current span and never comes from it or from a full one;
// so each time the current span is filled there is one partly filled span less, and no new span is begun meanwhile.
func (a *Arena) Sparse(r Ref) bool {
	if !a.sparse(r) {
		a.tried.Dense++
		return false
	}
	a.tried.Sparse++
	a.tried.Bytes += uint64(a.Usable(r))
	return true
}

func (a *Arena) sparse(r Ref) bool {
	id := a.pageMap[r>>pageRefShift]
	s := &a.spans[id]
	if s.class == largeClass {
		return false
	}
	b, slots := &a.bins[s.class], uint64(tables.class[s.class].cap)
	if id == b.cur || uint64(s.live) == slots || uint64(b.spans)*slots < uint64(b.live)+slots {
		return false
	}
	partial := uint64(b.spans - b.full)
	partialLive := uint64(b.live) - uint64(b.full)*slots
	if b.cur != 0 {
		partial--
		partialLive -= uint64(a.spans[b.cur].live)
	}
	return 8*uint64(s.live)*partial < 9*partialLive+8*partial
}
