//go:build linux && !heaparena

package mem

import (
	"os"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Huge pages. A random access to a large arena misses the processor's TLB as
// well as its caches; pages of 2 MiB end most of the former. But a policy of huge
// pages for the whole mapping would make the first byte of an arena cost 2 MiB,
// 64 times over. So regions are turned into huge pages one by one, when every
// page in them is resident anyway: that moves data, but takes no memory.
const (
	hugeSize      = 2 << 20
	madvCollapse  = 25 // MADV_COLLAPSE, since Linux 6.1; on others it fails, and nothing changes
	thpSetting    = "/sys/kernel/mm/transparent_hugepage/enabled"
	thpNever      = "[never]"
	hugePageCount = hugeSize >> pageShift

	regionsPerCall = 64
)

// Region is a part of an arena that can become a huge page.
type Region []byte

// NextRegion gives a region that is full of resident pages and was not given
// since that became so, or nil. It looks at a limited number of regions and goes
// on where the last call ended. Like all methods it needs the arena's lock;
// collapsing the region does not.
func (a *Arena) NextRegion() Region {
	first := (a.first + a.misfit() + hugePageCount - 1) / hugePageCount
	end := (a.top + a.misfit()) / hugePageCount
	for range min(regionsPerCall, int(end)-int(first)) {
		if a.nextHuge < first || a.nextHuge >= end {
			a.nextHuge = first
		}
		r := a.nextHuge
		a.nextHuge++
		for int(r/64) >= len(a.huge) {
			a.huge = append(a.huge, 0)
		}
		page := r*hugePageCount - a.misfit()
		if a.huge[r/64]>>(r%64)&1 == 0 && a.countDirty(page, hugePageCount) == hugePageCount {
			a.huge[r/64] |= 1 << (r % 64)
			return a.raw(uintptr(page)<<pageShift, hugeSize)
		}
	}
	return nil
}

// misfit is the number of pages between the last boundary of a huge page and
// the arena's base. Region r begins at page r*hugePageCount - misfit.
func (a *Arena) misfit() uint32 {
	return uint32(uintptr(a.base)>>pageShift) & (hugePageCount - 1)
}

// splitRegions notes that pages were returned to the system, which splits the
// huge pages they were part of.
func (a *Arena) splitRegions(p, n uint32) {
	for r := (p + a.misfit()) / hugePageCount; r <= (p+n-1+a.misfit())/hugePageCount; r++ {
		if int(r/64) < len(a.huge) {
			a.huge[r/64] &^= 1 << (r % 64)
		}
	}
}

// Collapse makes a region one huge page, while others read and write it. It
// takes the time of copying it. The arena must not be closed meanwhile.
func (r Region) Collapse() error {
	_, _, errno := unix.Syscall(unix.SYS_MADVISE, uintptr(unsafe.Pointer(unsafe.SliceData(r))), uintptr(len(r)), madvCollapse)
	if errno != 0 {
		return errno
	}
	return nil
}

// HugePages tells whether the system's administrator allows huge pages.
func HugePages() bool {
	b, err := os.ReadFile(thpSetting)
	return err == nil && !strings.Contains(string(b), thpNever)
}
