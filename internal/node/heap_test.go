package node

import (
	"runtime"
	"runtime/debug"
	"testing"
)

// TestReleaseHeap makes garbage of 256 MB, small objects and large ones, and has it given back.
func TestReleaseHeap(t *testing.T) {
	limit := debug.SetMemoryLimit(-1)
	for _, size := range []int{4 << 10, 1 << 20, 128 << 20} {
		var all [][]byte
		for range 256 << 20 / size {
			b := make([]byte, size)
			b[0] = 1
			all = append(all, b)
		}
		before := readHeap().held
		runtime.KeepAlive(all)
		all = nil
		releaseHeap()
		h := readHeap()
		if h.held > before-200<<20 {
			t.Errorf("objects of %d bytes: %d MB held before, %d MB after, %d MB of them free", size, before>>20, h.held>>20, h.free>>20)
		}
	}
	if got := debug.SetMemoryLimit(-1); got != limit {
		t.Errorf("the limit was %d, and is %d", limit, got)
	}
}
