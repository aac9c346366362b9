//go:build unix

package aof

import "golang.org/x/sys/unix"

// mapChunk gives an empty buffer with a capacity of n > 0 bytes outside the Go heap, if it can.
func mapChunk(n int) []byte {
	if b, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON); err == nil {
		return b[:0]
	}
	return make([]byte, 0, n)
}

// unmapChunk gives the memory of b back, if mapChunk took it: unix.Munmap knows what
// unix.Mmap has mapped, and refuses any other memory.
func unmapChunk(b []byte) {
	if cap(b) > 0 {
		unix.Munmap(b[:cap(b)])
	}
}
