package loop

import (
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// crowdSize is how many connections have to be busy at the same time for a loop to let their requests come
	// together: with fewer, all of them may be waiting for it.
	crowdSize = 32
	// crowdRounds is after how many rounds they are counted anew.
	crowdRounds = 64
	// crowdFew is how many requests that are there are too many to wait for others with them.
	crowdFew = 4
	// crowdPause is how long a loop lets requests come. The kernel adds its timer slack, which is 50 µs unless the
	// process has another.
	crowdPause = time.Microsecond
)

// crowd tells how many connections a loop serves at the same time.
//
// A loop that is done with what it has, while many connections are busy, sooner finds a request or two than none: it
// would take two rounds in the kernel for three requests, be put to sleep and be woken for every other of them, and
// have its peers work in the same small portions. So it pauses, for less than it takes to serve the crowd once, and
// finds five to eight. That is less work for both sides, so that more requests are served in the same time, and each
// waits less.
//
// Whoever is alone, or comes with few others, is served at once, and so is a crowd that asks so seldom that requests
// come one by one.
type crowd struct {
	era    uint32 // of what is counted; a connection counts if its era is another one
	rounds int
	count  int // of the connections that had an event in this era
	size   int // the count of the last era
}

// joins counts a connection that has an event.
func (c *crowd) joins(s *sock) {
	if s.era != c.era {
		s.era = c.era
		c.count++
	}
}

// round ends a round.
func (c *crowd) round() {
	if c.rounds++; c.rounds >= crowdRounds {
		c.size = c.count
		c.rounds, c.count = 0, 0
		c.era++
	}
}

// letCome returns how many events there are to serve after a pause, if there is reason for one. Nothing wakes the loop
// from it, so it is not for a loop that has something else to wait for.
func (p *poller) letCome() int {
	if p.taken < 2 || p.crowd.size < crowdSize || p.held > 0 || len(p.parked) > 0 {
		return 0
	}
	n := poll(p.epfd, p.events)
	if n >= crowdFew || p.posted.Load() {
		return n
	}
	pause(crowdPause)
	return n + poll(p.epfd, p.events[n:])
}

// pause waits for d, or until a signal comes, without telling the Go scheduler.
func pause(d time.Duration) {
	ts := unix.NsecToTimespec(int64(d))
	unix.RawSyscall6(unix.SYS_CLOCK_NANOSLEEP, unix.CLOCK_MONOTONIC, 0, uintptr(unsafe.Pointer(&ts)), 0, 0, 0)
}
