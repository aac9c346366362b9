//go:build !linux || heaparena

package mem

import "unsafe"

// Where there is no mmap, an arena is made of extents from the Go heap (large objects without pointers, which the
// collector neither scans nor moves). Page numbers are given out in chunks of 1 MiB; a chunk table turns them into
// addresses, so extents need not be neighbours. The first page of each extent is a guard that belongs to no span, so
// that no run crosses from one extent into the next.
//
// Nothing can be returned to the system before Reset or Close. The tag `heaparena` selects this file on Linux too.
const (
	chunkPages = 1 << 20 >> pageShift
	chunkShift = 20 - refShift
	chunkMask  = 1<<chunkShift - 1
)

type space struct {
	chunks []unsafe.Pointer // address of each chunk; keeps its extent alive
}

// ptr is the address of r. It is valid while the arena is open.
func (a *Arena) ptr(r Ref) unsafe.Pointer {
	return unsafe.Add(a.chunks[r>>chunkShift], uintptr(r&chunkMask)<<refShift)
}

func (a *Arena) reserve(n uint64) error {
	n = min(n+pageSize, maxReserve)
	a.maxPages = uint32(n >> pageShift)
	a.resetSpace()
	return nil
}

func (a *Arena) unreserve() error { return nil }

// extend makes sure that n pages from top on are accessible. Unless inPlace, top may move to another extent.
func (a *Arena) extend(n uint32, inPlace bool) bool {
	if n <= a.end-a.top {
		return true
	}
	start := uint32(len(a.chunks)) * chunkPages
	if inPlace || start >= a.maxPages || n >= a.maxPages-start {
		return false
	}
	size := min(a.maxPages-start, (n+1+chunkPages-1)/chunkPages*chunkPages)
	if !a.allow(size) {
		if size == n+1 || !a.allow(n+1) {
			return false
		}
		size = n + 1
	}
	a.addExtent(start, size)
	return true
}

func (a *Arena) addExtent(start, size uint32) {
	extent := make([]byte, int(size)<<pageShift)
	for off := 0; off < len(extent); off += chunkPages << pageShift {
		a.chunks = append(a.chunks, unsafe.Pointer(&extent[off]))
	}
	pages := (start + size + chunkPages - 1) / chunkPages * chunkPages
	a.pageMap = lengthen(a.pageMap, pages)
	a.spans = lengthen(a.spans, pages)
	a.dirty = lengthen(a.dirty, pages/64)
	if a.top < a.end { // what is left of the last extent
		rest := a.newSpan(a.top, a.end-a.top)
		a.spans[rest].state = usedSpan
		a.freeRun(rest)
	}
	if start == 0 {
		a.first = 1
	}
	a.top, a.end = start+1, start+size
	a.committed += uint64(size) << pageShift
}

func lengthen[T any](s []T, n uint32) []T { return append(s, make([]T, int(n)-len(s))...) }

func (a *Arena) release(p, n uint32) bool { return false }

// resetSpace drops all extents.
func (a *Arena) resetSpace() {
	a.chunks, a.pageMap, a.dirty = nil, nil, nil
	a.spans = make([]span, 1)
	a.first, a.top, a.end = 0, 0, 0
	a.resident, a.committed = 0, 0
}
