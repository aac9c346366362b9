package node

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// heap is the Go heap, in bytes. live is what the last collection found in use: unlike
// objects it does not grow with garbage. free is kept for objects to come, and held is all
// that the runtime has of the system.
type heap struct{ live, objects, unused, free, held uint64 }

func readHeap() heap {
	samples := []metrics.Sample{
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/unused:bytes"},
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
		{Name: "/gc/heap/live:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
	}
	metrics.Read(samples)
	at := func(i int) uint64 { return samples[i].Value.Uint64() }
	return heap{live: at(4), objects: at(0), unused: at(1), free: at(5), held: at(2) - at(3)}
}

// releaseStep is how many bytes the runtime is asked to give back at a time. Nothing
// interrupts one time, and a collection that begins meanwhile has everybody wait for its end:
// debug.FreeOSMemory gives back all at once, and a gigabyte takes 70 ms.
const releaseStep = 4 << 20

// releaseHeap collects garbage and gives free memory of the Go heap back to the system. Only
// whoever has the process for himself may call it.
//
// The runtime has a memory limit, and whenever it takes pages for an object it gives back as
// much as it has beyond that. So the limit is set a step below what it has, for as long as one
// object of some pages is made. The limit that the user has set (GOMEMLIMIT) comes back.
func releaseHeap() {
	runtime.GC()
	limit := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(limit)
	for range readHeap().free / releaseStep {
		debug.SetMemoryLimit(int64(readHeap().held - releaseStep))
		takePages()
		debug.SetMemoryLimit(limit)
		runtime.Gosched()
	}
}

// takePages makes an object that is too large for the pages that are begun. It does not stay
// on the stack, as it is returned.
//
//go:noinline
func takePages() []byte { return make([]byte, 64<<10) }
