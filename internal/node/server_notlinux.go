//go:build !linux

package node

// pollAPI is what connections wait with.
const pollAPI = "goroutines"

// residentBytes is what the Go runtime holds, as the resident size is not known. The
// arenas are part of it.
func residentBytes() (all, anonymous uint64) {
	held := readHeap().held
	return held, held
}

func systemMemory() uint64 { return 0 }
