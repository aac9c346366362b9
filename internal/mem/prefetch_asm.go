//go:build linux && !heaparena && (amd64 || arm64)

package mem

import (
	"unsafe"

	"github.com/redstart-db/redstart/internal/invariants"
)

// CanPrefetch tells whether Prefetch does anything, and whether blocks may be
// read without a lock for the sake of it: not where every view is checked
// against the blocks that are live.
const CanPrefetch = !invariants.Enabled

// Prefetch asks the processor to bring the 64 bytes at r into its cache. It is a
// hint that cannot fault: r may be stale or never have been a block, so it may
// be used without the lock that guards the arena.
func (a *Arena) Prefetch(r Ref) { prefetch(a.ptr(r)) }

// Prefetch2 is Prefetch of the 128 bytes at r.
func (a *Arena) Prefetch2(r Ref) { prefetch2(a.ptr(r)) }

//go:noescape
func prefetch(p unsafe.Pointer)

//go:noescape
func prefetch2(p unsafe.Pointer)
