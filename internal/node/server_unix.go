//go:build unix

package node

import (
	"bytes"
	"runtime"

	"golang.org/x/sys/unix"
)

// cpuTimes is the processor time of this process and of its children that have
// ended, in seconds.
func cpuTimes() (sys, user, childSys, childUser float64) {
	var own, children unix.Rusage
	// There is nobody to tell of an error: times that are not known are 0.
	_ = unix.Getrusage(unix.RUSAGE_SELF, &own)
	_ = unix.Getrusage(unix.RUSAGE_CHILDREN, &children)
	return seconds(own.Stime), seconds(own.Utime), seconds(children.Stime), seconds(children.Utime)
}

func seconds(t unix.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }

// systemName is the name, version and architecture of the operating system.
func systemName() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return runtime.GOOS
	}
	text := func(b []byte) string {
		b, _, _ = bytes.Cut(b, []byte{0})
		return string(b)
	}
	return text(u.Sysname[:]) + " " + text(u.Release[:]) + " " + text(u.Machine[:])
}
