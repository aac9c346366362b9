//go:build !linux

package loop

// On other systems large buffers are on the Go heap.

func mapMemory(n int) []byte { return make([]byte, 0, n) }

func resizeMapped(b []byte, n int) []byte { return append(make([]byte, 0, n), b...) }

func unmapMemory([]byte) {}
