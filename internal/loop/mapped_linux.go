package loop

import (
	"bytes"
	"os"

	"golang.org/x/sys/unix"
)

// Buffers above 1 MiB are mappings of their own, outside the Go heap. There, they would be garbage that is as large as
// all the data and given back to the system minutes later; a mapping is gone at once. It also grows without a copy, and
// a page of it costs memory only from when something is written there. Whoever unmaps one answers for it that nobody
// looks at it any more: in builds with the tag `invariants` it is overwritten first, as buffers that are used again are.
//
// Huge pages are not asked for. They would make taking the memory cheaper, a third of what a value of 16 MB costs, but
// where memory is short the kernel moves other pages about to have them, while all connections of the loop wait.
//
// The functions below also take memory of the Go heap, which takes the place of a mapping where the system refuses
// one: unix.Munmap and unix.Mremap know the mappings that unix.Mmap made, and refuse any other memory.

// mapMemory returns an empty buffer with a capacity of n > 0 bytes.
func mapMemory(n int) []byte {
	if b, err := reserveMemory(n); err == nil {
		return b
	}
	return make([]byte, 0, n)
}

// reserveMemory is mapMemory, except that it fails rather than take memory of the Go heap.
func reserveMemory(n int) ([]byte, error) {
	b, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE)
	return b[:0], err
}

// resizeMapped makes the capacity of b n bytes, which are enough for what is in it. The old slice is invalid then.
func resizeMapped(b []byte, n int) []byte {
	if m, err := unix.Mremap(b[:cap(b)], n, unix.MREMAP_MAYMOVE); err == nil {
		return m[:len(b)]
	}
	g := append(mapMemory(n), b...)
	unmapMemory(b)
	return g
}

// stretchMapped is resizeMapped for an empty buffer, which is unmapped when it is no mapping that can have n bytes.
func stretchMapped(b []byte, n int) ([]byte, bool) {
	m, err := unix.Mremap(b[:cap(b)], n, unix.MREMAP_MAYMOVE)
	if err != nil {
		unmapMemory(b)
		return nil, false
	}
	return m[:0], true
}

// unmapMemory gives b's memory back. Nothing may point into it any more.
func unmapMemory(b []byte) { unix.Munmap(b[:cap(b)]) }

// discardMapped gives back the memory of b, which begins at a page, but keeps its addresses: its bytes are zero then.
func discardMapped(b []byte) { unix.Madvise(b, unix.MADV_DONTNEED) }

// fitMapped returns b with a capacity of little more than its length, if it is a mapping. It stays larger than 1 MiB,
// by which mappings are told from other buffers.
func fitMapped(b []byte) []byte {
	if cap(b) > 1<<maxClass {
		if m, err := unix.Mremap(b[:cap(b)], max(len(b), 1<<maxClass+1), 0); err == nil {
			return m[:len(b)]
		}
	}
	return b
}

// overcommitIsStrict tells whether the system sets memory aside for all address space that may be written.
func overcommitIsStrict() bool {
	mode, err := os.ReadFile("/proc/sys/vm/overcommit_memory")
	return err == nil && bytes.Equal(bytes.TrimSpace(mode), []byte{'2'})
}
