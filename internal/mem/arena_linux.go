//go:build linux && !heaparena

package mem

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// On Linux an arena is one private mapping without access, of which parts are made accessible as they are needed:
//
//	blocks (maxPages * 4 KiB) | pageMap (4 B per page) | spans (32 B per page) | dirty (1 bit per page)
//
// There can be no more spans than pages, so the tables are as large as they can ever get; their untouched pages cost
// nothing. The first granule of the blocks stays without access: using Ref 0 faults.
//
// The granule of what is made accessible is 64 KiB, a multiple of every page size that Linux has. Whether huge pages
// are used is left to the system's policy.
const (
	granule      = 64 << 10
	granulePages = granule >> pageShift
	minStep      = granulePages         // least number of pages to commit at once
	maxStep      = 1 << 20 >> pageShift // most, unless one block needs more
	metaStep     = 64 << 20 >> pageShift
)

type space struct {
	base    unsafe.Pointer
	mapped  uintptr // bytes from base
	mapOff  uintptr // offset of each table from base
	spanOff uintptr
	bitOff  uintptr
	metaEnd uint32  // pages that the accessible part of the tables covers
	osPage  uintptr // bytes of a page of the system
}

// ptr is the address of r. It is valid while the arena is open.
func (a *Arena) ptr(r Ref) unsafe.Pointer { return unsafe.Add(a.base, uintptr(r)<<refShift) }

func roundUp(n, to uintptr) uintptr { return (n + to - 1) &^ (to - 1) }

// reserve maps n bytes for blocks, or a half, quarter... of it where the system has less to give.
func (a *Arena) reserve(n uint64) error {
	n = min((n+granule-1)&^(granule-1)+granule, maxReserve)
	for {
		pages := uintptr(n >> pageShift)
		a.mapOff = uintptr(n)
		a.spanOff = a.mapOff + roundUp(pages*4, granule)
		a.bitOff = a.spanOff + roundUp(pages*unsafe.Sizeof(span{}), granule)
		a.mapped = a.bitOff + roundUp((pages+63)/64*8, granule)
		p, err := unix.MmapPtr(-1, 0, nil, a.mapped, unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE)
		if err == nil {
			a.base = p
			break
		}
		if n < 4*granule {
			return fmt.Errorf("mem: reserving address space: %w", err)
		}
		n = n / 2 &^ (granule - 1)
	}
	a.maxPages = uint32(n >> pageShift)
	a.first, a.top, a.end = granulePages, granulePages, granulePages
	a.osPage = uintptr(unix.Getpagesize())
	a.pageMap = unsafe.Slice((*uint32)(unsafe.Add(a.base, a.mapOff)), a.maxPages)
	a.spans = unsafe.Slice((*span)(unsafe.Add(a.base, a.spanOff)), a.maxPages)
	a.dirty = unsafe.Slice((*uint64)(unsafe.Add(a.base, a.bitOff)), (a.maxPages+63)/64)
	if !a.commitTables(a.end) {
		a.unreserve()
		return fmt.Errorf("mem: committing the tables: %w", unix.ENOMEM)
	}
	return nil
}

func (a *Arena) unreserve() error { return unix.MunmapPtr(a.base, a.mapped) }

// extend makes sure that n pages from top on are accessible. With inPlace, top must stay where it is, as it always does here.
func (a *Arena) extend(n uint32, inPlace bool) bool {
	have := a.end - a.top
	if n <= have {
		return true
	}
	room := a.maxPages - a.end
	if n-have > room {
		return false
	}
	need := uint32(roundUp(uintptr(n-have), granulePages))
	step := min(room, max(need, minStep, min(maxStep, a.end/8&^(granulePages-1))))
	return a.commitPages(step) || step > need && a.commitPages(need)
}

func (a *Arena) commitPages(n uint32) bool {
	if !a.allow(n) || !a.commitTables(a.end+n) || !a.commit(uintptr(a.end)<<pageShift, uintptr(n)<<pageShift) {
		return false
	}
	a.end += n
	a.committed += uint64(n) << pageShift
	return true
}

// commitTables makes the tables accessible for pages below end.
func (a *Arena) commitTables(end uint32) bool {
	if end <= a.metaEnd {
		return true
	}
	end = min(a.maxPages, uint32(roundUp(uintptr(end), metaStep)))
	old, now := uintptr(a.metaEnd), uintptr(end)
	spanSize := unsafe.Sizeof(span{})
	if !a.commit(a.mapOff+old*4, (now-old)*4) || !a.commit(a.spanOff+old*spanSize, (now-old)*spanSize) ||
		!a.commit(a.bitOff+old/8, (now-old+7)/8) {
		return false
	}
	a.metaEnd = end
	return true
}

// commit makes the granules that hold n bytes from offset off on accessible.
func (a *Arena) commit(off, n uintptr) bool {
	from := off &^ (granule - 1)
	return unix.Mprotect(a.raw(from, roundUp(off+n, granule)-from), unix.PROT_READ|unix.PROT_WRITE) == nil
}

func (a *Arena) raw(off, n uintptr) []byte { return unsafe.Slice((*byte)(unsafe.Add(a.base, off)), n) }

// release returns n pages from p on to the system; they read as zeros when they are touched again. Where the system's
// pages are larger than ours, pieces at both ends stay.
func (a *Arena) release(p, n uint32) bool {
	from := roundUp(uintptr(p)<<pageShift, a.osPage)
	to := uintptr(p+n) << pageShift &^ (a.osPage - 1)
	return from >= to || unix.Madvise(a.raw(from, to-from), unix.MADV_DONTNEED) == nil
}

// resetSpace returns the memory of the tables, whose contents are void, but for the bitmap.
func (a *Arena) resetSpace() {
	// What stays in place is overwritten before it is read. An arena of 64 MiB has 64 KiB of map.
	if a.top < 64<<20>>pageShift {
		return
	}
	_ = unix.Madvise(a.raw(a.mapOff, a.bitOff-a.mapOff), unix.MADV_DONTNEED)
}
