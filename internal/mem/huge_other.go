//go:build !linux || heaparena

package mem

// Region is a part of an arena that can become a huge page; not on this system.
type Region []byte

// NextRegion gives the next region that can become a huge page.
func (a *Arena) NextRegion() Region { return nil }

// Collapse makes a region one huge page.
func (r Region) Collapse() error { return nil }

// HugePages tells whether huge pages may be used.
func HugePages() bool { return false }

func (a *Arena) splitRegions(p, n uint32) {}
