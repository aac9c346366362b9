package node

import (
	"bytes"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// pollAPI is what the loops wait with.
const pollAPI = "epoll"

// residentBytes is the resident size of this process, and what of it is not pages of
// files; 0 if it is not known.
func residentBytes() (all, anonymous uint64) {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, 0
	}
	fields := bytes.Fields(b)
	if len(fields) < 3 {
		return 0, 0
	}
	resident, err1 := strconv.ParseUint(string(fields[1]), 10, 64)
	files, err2 := strconv.ParseUint(string(fields[2]), 10, 64)
	if err1 != nil || err2 != nil || files > resident {
		return 0, 0
	}
	page := uint64(os.Getpagesize())
	return resident * page, (resident - files) * page
}

// systemMemory is the memory of the machine in bytes; 0 if it is not known.
func systemMemory() uint64 {
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) != nil {
		return 0
	}
	return uint64(info.Totalram) * uint64(info.Unit)
}
