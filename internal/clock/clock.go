// Package clock tells the time to code that asks once per command.
//
// A command needs two times: a monotonic one to measure its duration, and the wall clock's milliseconds to compare
// with deadlines. Both come from one reading: Clock.Nano reads monotonic nanoseconds, Clock.UnixMilli adds an offset
// to such a reading. Clock.Sync, called about ten times per second, keeps the offset true when the wall clock is
// stepped.
package clock

import (
	"sync"
	"sync/atomic"
	"time"
)

// wallTolerance is how far, in nanoseconds, the derived wall clock may be from the system's before Sync follows. The
// two readings that Sync compares are taken one after the other, so they always differ a little; following every such
// difference would make the milliseconds flicker backwards.
const wallTolerance = 100_000

// Clock is a source of time. Make one with New or NewFake; the zero Clock is not usable. All methods may be called
// from any goroutine.
//
// Invariants:
//   - Nano is positive, and never runs backwards on one core; between cores it may by the noise of reading the
//     time-stamp counter (tens of nanoseconds). Since hides that.
//   - A change of source (operating system to counter, or back) keeps the reading continuous.
type Clock struct {
	counter atomic.Pointer[scale] // how to read the time-stamp counter; nil: ask the operating system
	wall    atomic.Int64          // Unix time minus Nano, nanoseconds
	skew    atomic.Int64          // operating system's reading plus skew is Nano, when counter is nil
	base    time.Time             // the operating system's reading counts from here
	fake    *fakeTime             // not nil in a fake clock

	mu  sync.Mutex // guards the calibration, which only Sync uses
	cal calibration
}

type fakeTime struct {
	nano, unixNano atomic.Int64
}

// New returns a clock that follows the system's. It begins with the operating system's monotonic clock; where the
// processor's time-stamp counter can be trusted, the second call of Sync that is at least 50 ms after the first
// switches to it.
func New() *Clock {
	// One second back, so that no reading is zero and zero can mean "never".
	c := &Clock{base: time.Now().Add(-time.Second)}
	c.cal.state = calOff
	if counterUsable() {
		c.cal.state = calStart
	}
	c.Sync()
	return c
}

// NewFake returns a clock for tests that stands still at the given Unix time until it is told to move.
func NewFake(unixMilli int64) *Clock {
	c := &Clock{fake: new(fakeTime)}
	c.fake.nano.Store(int64(time.Second))
	c.fake.unixNano.Store(unixMilli * 1e6)
	c.Sync()
	return c
}

// Nano returns monotonic nanoseconds since an arbitrary moment; always positive.
func (c *Clock) Nano() int64 {
	if s := c.counter.Load(); s != nil {
		return s.nano(readCounter())
	}
	return c.systemNano() + c.skew.Load()
}

// Since returns the nanoseconds from start, a result of Nano, to now, a later one, and never less than zero.
func Since(start, now int64) int64 { return max(now-start, 0) }

// UnixMilli converts a result of Nano to milliseconds of Unix time, without a reading of its own.
func (c *Clock) UnixMilli(nano int64) int64 { return (nano + c.wall.Load()) / 1e6 }

// UnixMicro converts a result of Nano to microseconds of Unix time, without a reading of its own.
func (c *Clock) UnixMicro(nano int64) int64 { return (nano + c.wall.Load()) / 1e3 }

// NowMilli reads the clock and returns milliseconds of Unix time.
func (c *Clock) NowMilli() int64 { return c.UnixMilli(c.Nano()) }

// Sync compares the derived times with the system's clocks and follows them. The server's cron calls it about ten
// times per second; until the next call, a step of the wall clock goes unseen.
func (c *Clock) Sync() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cal.state != calOff && c.fake == nil {
		c.calibrate()
	}
	before := c.Nano()
	unix := c.systemUnixNano()
	offset := unix - (before + Since(before, c.Nano())/2)
	if d := offset - c.wall.Load(); d > wallTolerance || d < -wallTolerance {
		c.wall.Store(offset)
	}
}

func (c *Clock) systemNano() int64 {
	if c.fake != nil {
		return c.fake.nano.Load()
	}
	return int64(time.Since(c.base))
}

func (c *Clock) systemUnixNano() int64 {
	if c.fake != nil {
		return c.fake.unixNano.Load()
	}
	return time.Now().UnixNano()
}

// Advance moves a fake clock, both its monotonic and its wall time, and synchronises. It panics on a real one.
func (c *Clock) Advance(d time.Duration) {
	c.fake.nano.Add(int64(d))
	c.fake.unixNano.Add(int64(d))
	c.Sync()
}

// SetUnixMilli steps the wall time of a fake clock; like a real step, it shows after the next Sync. It panics on a
// real clock.
func (c *Clock) SetUnixMilli(ms int64) { c.fake.unixNano.Store(ms * 1e6) }
