package proctitle

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"sync"
	"unsafe"
)

// The system shows the memory in which it has put the arguments and, behind them,
// the environment. When the byte that ended the arguments is no longer zero, it
// takes all of that for one text. Go refers to that memory by os.Args only: of the
// environment it has a copy.
var area = sync.OnceValue(findArea)

// findArea gives the memory of arguments and environment, and has os.Args refer to
// a copy; nil when it cannot be told where it is.
func findArea() []byte {
	stat, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return nil
	}
	// The second field, the name of the program, may hold anything but ends
	// with the last parenthesis.
	f := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	const argStart, argEnd, envStart, envEnd = 48 - 3, 49 - 3, 50 - 3, 51 - 3
	if len(f) <= envEnd || len(os.Args) == 0 {
		return nil
	}
	var at [4]uintptr
	for i, n := range [4]int{argStart, argEnd, envStart, envEnd} {
		v, err := strconv.ParseUint(f[n], 10, 64)
		if err != nil {
			return nil
		}
		at[i] = uintptr(v)
	}
	first := unsafe.StringData(os.Args[0])
	if uintptr(unsafe.Pointer(first)) != at[0] || at[1] != at[2] || at[3] <= at[0] {
		return nil
	}
	args := make([]string, len(os.Args))
	for i, a := range os.Args {
		args[i] = strings.Clone(a)
	}
	os.Args = args
	return unsafe.Slice(first, at[3]-at[0])
}

// Set shows a title, as far as there is room. It tells whether that is possible.
// Nothing may read os.Args at the time of the first call.
func Set(title string) bool {
	b := area()
	if len(b) < 2 {
		return false
	}
	n := copy(b[:len(b)-1], title)
	clear(b[n:])
	return true
}
