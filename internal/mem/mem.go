// Package mem is the arena that holds the data of one shard outside the Go heap.
//
// An arena is one reserved range of address space, cut into pages of 4 KiB. Runs of pages are spans; a span is either
// free, or one large block, or blocks of one size class:
//
//	page     0      16             20       21                26           top          end             maxPages
//	         ├guard─┼──────────────┼────────┼─────────────────┼──── ... ───┼────────────┼───────────────┤
//	         │ none │ span: 48 B   │ free   │ span: one large │            │ committed, │ reserved only │
//	         │      │ ▪▪▪▫▪▪▫▪▪┄┄┄ │ run    │ block           │            │ never used │ (PROT_NONE)   │
//	         └──────┴──────────────┴────────┴─────────────────┴──── ... ───┴────────────┴───────────────┘
//	                  ▪ live  ▫ freed  ┄ not carved yet (its pages are untouched)
//
//	pageMap  []uint32  4 B per page   page -> span number; 0 is "no span"
//	spans    []span   32 B per span   what lies there
//	dirty    bitmap    1 b per page   the page may be resident
//
// Nothing but the block itself lies in a block: a live block of class size c costs c bytes and its part of the span's
// bookkeeping (under 0.3% for spans of 16 KiB). A freed block keeps the link of its span's free list in its first four bytes.
//
// Invariants
//
//   - Spans tile the pages [first, top) without gaps, but for guard pages, which belong to no span. No two free runs touch.
//   - pageMap names the span at the first and at the last page of every span; at all pages of a span that is divided into
//     blocks. Other entries may be stale and are never read.
//   - A span of blocks has carved blocks that were ever handed out; carved = live + length of its free list. Blocks are
//     carved page by page, so a page of a span is not touched before it is needed.
//   - Each class allocates from one current span only. Every other span of the class is full, or in the list of its
//     fullness (eighths). So live rises only in the current span, and Free needs one comparison, with span.low, to
//     notice that a span has become listable, emptier by an eighth, or empty. The current span may be empty: it is the
//     one spare that a class keeps.
//   - dirty has a bit for every page that was handed out since it was last returned to the system; the resident and
//     freeDirty counters are sums over it.
//   - Whatever can fail (growing) happens before anything is changed.
//
// Rejected alternatives
//
//   - The Go heap with one []byte per record: 16 to 24 bytes of slice header, a size class above the record, and a
//     collector that visits each of them.
//   - A header of four bytes per block (dlmalloc, jemalloc's prefix mode): 5% at the sizes that matter. The page map
//     answers the same question for 0.1%.
//   - A buddy system: up to half of each block is lost to rounding.
//   - A bitmap per span in place of free lists: no link to corrupt, but finding a free bit costs more than a pop, and
//     the bitmap more bytes than a list head.
//   - A log with compaction (as LSM memtables or Memcached's slab mover): every overwrite moves the record, and
//     compaction is work that an idle server would have to do. Size classes plus Sparse move only what frees a span.
//   - Spans of one page: the tail of each is lost, and so is 1% for bookkeeping.
//   - Returning pages as soon as they are free: a system call per span. Trim does it later and in steps.
//
// An Arena is not safe for concurrent use; the lock of its shard guards it.
package mem

import (
	"errors"
	"math"
	"unsafe"

	"github.com/redstart-db/redstart/internal/invariants"
)

const (
	pageShift    = 12
	pageSize     = 1 << pageShift
	refShift     = 3 // a Ref counts units of 8 bytes
	pageRefShift = pageShift - refShift

	defaultReserve = 16 << 30
	maxReserve     = 32 << 30 // what 32 bits of 8-byte units reach
)

// ErrExhausted is the value that Alloc panics with when the arena can grow no further.
var ErrExhausted = errors.New("mem: arena exhausted")

// Ref is the address of a block in units of 8 bytes from the arena's base. 0 is no block.
type Ref uint32

// Options of New. The zero value is a good choice.
type Options struct {
	// Reserve is how many bytes of address space the arena may grow to, at most 32 GiB; 0 stands for 16 GiB. The
	// reservation costs no memory. Where the system refuses, New settles for less.
	Reserve uint64
	// Limit, if set, is asked before n more bytes are committed, and refuses by returning false. It is asked again with
	// a smaller n before the arena gives up. Pages that were returned to the system stay committed.
	Limit func(n int) bool
}

// Arena allocates blocks from memory that the garbage collector does not see.
type Arena struct {
	space   // base address and mapping; depends on the system
	pageMap []uint32
	spans   []span
	live    uint64
	bins    [numClasses]bin // per size class; bins[0] counts large blocks

	dirty     []uint64 // bit per page: may be resident
	resident  uint32   // pages whose bit is set
	freeDirty uint32   // of these, pages in free runs

	first     uint32   // first page that is no guard
	top       uint32   // pages from here on were never used
	end       uint32   // pages from here on are not committed
	maxPages  uint32   // end of the reservation
	committed uint64   // bytes
	huge      []uint64 // bit per region: given by NextRegion
	nextHuge  uint32   // region to look at next

	nspans  uint32     // span numbers from here on were never used
	freeIDs uint32     // list of unused span numbers below nspans
	runs    [2]runBins // free runs: without and with dirty pages

	tried Tried // what Sparse was asked

	mark   uint64 // live bytes above which marked is called
	marked func()
	limit  func(n int) bool
	blocks map[Ref]struct{} // live blocks, only in builds with invariants
}

// New reserves the address space of an arena. It holds no memory yet but for this struct.
func New(o Options) (*Arena, error) {
	if o.Reserve == 0 {
		o.Reserve = defaultReserve
	}
	a := &Arena{limit: o.Limit, nspans: 1, mark: math.MaxUint64}
	if err := a.reserve(min(o.Reserve, maxReserve, math.MaxInt/4)); err != nil {
		return nil, err
	}
	a.initBins()
	if invariants.Enabled {
		a.blocks = map[Ref]struct{}{}
	}
	return a, nil
}

// Close gives the address space back. The arena and all views of its blocks must not be used any more.
func (a *Arena) Close() error {
	err := a.unreserve()
	*a = Arena{}
	return err
}

// Alloc returns a block of at least n usable bytes, aligned to 8 bytes, with undefined contents. It panics with
// ErrExhausted, and changes nothing, when the arena cannot grow; so callers allocate before they change anything.
func (a *Arena) Alloc(n int) Ref {
	r := a.alloc(n)
	if r == 0 {
		panic(ErrExhausted)
	}
	return r
}

// TryAlloc is Alloc with a report in place of a panic.
func (a *Arena) TryAlloc(n int) (Ref, bool) {
	r := a.alloc(n)
	return r, r != 0
}

func (a *Arena) alloc(n int) Ref {
	var c uint8
	switch u := uint(n); { // a negative n becomes a size that no arena has
	case u <= fineMax:
		c = tables.fine[(u+7)>>3]
	case u <= classMax:
		c = tables.coarse[(u+127)>>7]
	default:
		return a.allocLarge(u)
	}
	b := &a.bins[c]
	s := &a.spans[b.cur]
	if s.free == 0 {
		if s = a.refill(c); s == nil {
			return 0
		}
	}
	r := s.free
	if invariants.Enabled {
		a.checkPop(s, r)
	}
	s.free = *(*Ref)(a.ptr(r))
	s.live++
	b.live++
	if a.live += uint64(b.size); a.live > a.mark {
		a.marked()
	}
	return r
}

// Free gives the block at r back. r must have come from Alloc and not been freed since.
func (a *Arena) Free(r Ref) {
	if invariants.Enabled {
		a.checkFree(r)
	}
	id := a.pageMap[r>>pageRefShift]
	s := &a.spans[id]
	b := &a.bins[s.class]
	*(*Ref)(a.ptr(r)) = s.free
	s.free = r
	s.live--
	b.live--
	a.live -= uint64(b.size)
	if s.live < s.low {
		a.freed(id)
	}
}

// Bytes is the view of the first n bytes of the block at r, valid until Free(r). n must not exceed Usable(r). r may also
// point into a block, at a multiple of 8 bytes.
func (a *Arena) Bytes(r Ref, n int) []byte {
	if invariants.Enabled {
		a.checkView(r, uint64(n))
	}
	return unsafe.Slice((*byte)(a.ptr(r)), n)
}

// At is the view of the block at r as a T, valid until Free(r). T must contain no pointers. r may also point into a
// block, at a multiple of 8 bytes.
func At[T any](a *Arena, r Ref) *T {
	if invariants.Enabled {
		var t T
		a.checkView(r, uint64(unsafe.Sizeof(t)))
	}
	return (*T)(a.ptr(r))
}

// Usable is the number of bytes that may be used in the block at r: Usable(n) for a block from Alloc(n), or more after Grow.
func (a *Arena) Usable(r Ref) int {
	s := &a.spans[a.pageMap[r>>pageRefShift]]
	if s.class == largeClass {
		return int(s.pages) << pageShift
	}
	return int(a.bins[s.class].size)
}

// Usable is the number of usable bytes of the block that Alloc(n) would give.
func Usable(n int) int {
	switch u := uint(n); {
	case u <= fineMax:
		return int(tables.class[tables.fine[(u+7)>>3]].size)
	case u <= classMax:
		return int(tables.class[tables.coarse[(u+127)>>7]].size)
	}
	return (n + pageSize - 1) &^ (pageSize - 1)
}

// SetMark has f called, from within an allocation, when Live has come to be more than
// mark; f sets the next mark. math.MaxUint64 has it called never.
func (a *Arena) SetMark(mark uint64, f func()) { a.mark, a.marked = mark, f }

// Live is the sum of the usable sizes of all live blocks, in bytes.
func (a *Arena) Live() uint64 { return a.live }

// Held is how many bytes of pages the blocks lie in: what is resident but for free runs.
func (a *Arena) Held() uint64 { return uint64(a.resident-a.freeDirty) << pageShift }

// Tried counts what Sparse was asked.
type Tried struct {
	Sparse uint64 // blocks that were worth moving
	Dense  uint64 // blocks that were not
	Bytes  uint64 // sizes of the former
}

// Tried tells what Sparse was asked since the arena was made.
func (a *Arena) Tried() Tried { return a.tried }

// Stats are the sizes of an arena, in bytes but for Blocks.
type Stats struct {
	Live      uint64 // usable sizes of the live blocks
	Blocks    uint64 // number of live blocks
	Resident  uint64 // pages handed out and not returned to the system; a large block counts in full
	FreeDirty uint64 // of these, in free runs: what Trim can return, but for the spare span of each class
	Committed uint64 // what may be touched without asking the system
	Reserved  uint64 // address space
	Overhead  uint64 // bookkeeping that has been touched
}

// Stats reports the sizes at this moment. It takes a time that does not depend on the number of blocks.
func (a *Arena) Stats() Stats {
	st := Stats{
		Live:      a.live,
		Resident:  uint64(a.resident) << pageShift,
		FreeDirty: uint64(a.freeDirty) << pageShift,
		Committed: a.committed,
		Reserved:  uint64(a.maxPages) << pageShift,
		Overhead:  uint64(unsafe.Sizeof(*a)) + uint64(a.nspans)*uint64(unsafe.Sizeof(span{})) + uint64(a.top)*4 + uint64(a.top)/8,
	}
	for i := range a.bins {
		st.Blocks += uint64(a.bins[i].live)
	}
	return st
}
