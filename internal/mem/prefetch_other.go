//go:build !linux || heaparena || !(amd64 || arm64)

package mem

// CanPrefetch tells whether Prefetch does anything.
const CanPrefetch = false

// Prefetch is a hint that this system or processor has no use for.
func (a *Arena) Prefetch(Ref) {}

// Prefetch2 is a hint that this system or processor has no use for.
func (a *Arena) Prefetch2(Ref) {}
