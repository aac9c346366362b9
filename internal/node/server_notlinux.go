//go:build !linux

package node

import "runtime"

// pollAPI is what connections wait with.
const pollAPI = "goroutines"

// residentBytes is what the Go runtime holds, as the resident size is not known.
func residentBytes() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Sys - m.HeapReleased
}

func systemMemory() uint64 { return 0 }
