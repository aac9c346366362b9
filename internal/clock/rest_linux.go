package clock

import (
	"time"

	"golang.org/x/sys/unix"
)

// Rest has the thread sleep. time.Sleep would take a millisecond at the least when no
// other goroutine runs, as the Go scheduler waits in the kernel in such steps.
func Rest(d time.Duration) {
	ts := unix.NsecToTimespec(int64(d))
	_ = unix.Nanosleep(&ts, nil) // a signal ends it early: no harm
}
