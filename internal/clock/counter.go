package clock

import "math/bits"

// The time-stamp counter is read without entering the kernel or its vDSO, in less than half the time. It counts
// ticks of an unknown length, so each Sync measures that length against the operating system's monotonic clock, and
// makes the next scale begin where the last one ends and drift towards the system's reading. When the two disagree by
// more than slewing explains (a machine that was moved or suspended, counters that differ between cores), the counter
// is given up for good.

// scale converts counter ticks to nanoseconds: base + (ticks-origin) * mult / 2^32. It is immutable.
type scale struct {
	origin uint64 // ticks
	base   int64  // Nano at origin
	mult   uint64 // nanoseconds per tick, times 2^32
}

func (s *scale) nano(ticks uint64) int64 {
	// The reading may be slightly older than the scale.
	d := max(int64(ticks-s.origin), 0)
	hi, lo := bits.Mul64(uint64(d), s.mult)
	return s.base + int64(hi<<32|lo>>32)
}

const (
	calOff   = iota // the counter is not to be used
	calStart        // no pair was read yet
	calWait         // the first pair was read
	calRun          // the counter is in use
)

const (
	minInterval = 50_000_000    // nanoseconds between two pairs, so that the noise of reading them is below 1 ppm
	absorbTime  = 1_000_000_000 // a disagreement is removed over this many nanoseconds
	giveUp      = 1_000_000     // a disagreement of this many nanoseconds, plus 1/1000 of the interval, is a fault
)

// calibration holds the last pair of readings: the same moment in ticks and in the system's nanoseconds.
type calibration struct {
	state  int
	ticks  uint64
	system int64
}

// calibrate reads a pair and, from it and the last one, publishes the scale for the next interval.
func (c *Clock) calibrate() {
	ticks, system := c.readPair()
	last := c.cal
	if last.state == calStart {
		c.cal = calibration{calWait, ticks, system}
		return
	}
	next, ok := nextScale(c.counter.Load(), last, ticks, system)
	if !ok {
		if s := c.counter.Load(); s != nil {
			// Continue from what readers last saw.
			c.skew.Store(s.nano(ticks) - system)
		}
		c.counter.Store(nil)
		c.cal.state = calOff
		return
	}
	if next != nil {
		c.counter.Store(next)
		c.cal = calibration{calRun, ticks, system}
	}
}

// nextScale returns the scale to use from a pair of readings on, given the scale in use (or nil) and the last pair.
// It returns nil, true when it is too early for a good measurement, and nil, false when the counter has proved
// unusable.
func nextScale(cur *scale, last calibration, ticks uint64, system int64) (*scale, bool) {
	dt, dn := int64(ticks-last.ticks), system-last.system
	if dt <= 0 || dn < 0 {
		return nil, false
	}
	if dn < minInterval {
		return nil, true
	}
	rate := float64(dn) / float64(dt)
	if rate > 1000 || rate < 0.001 { // slower than 1 MHz or faster than 1 THz: not a clock
		return nil, false
	}
	base := system
	if cur != nil {
		base = cur.nano(ticks)
		off := system - base
		if limit := giveUp + dn/1000; off > limit || off < -limit {
			return nil, false
		}
		// Over ten intervals when they are long: a disagreement must not be corrected more than once.
		rate *= 1 + float64(off)/float64(max(absorbTime, 10*dn))
	}
	return &scale{origin: ticks, base: base, mult: uint64(rate * (1 << 32))}, true
}

// readPair reads the counter and the system's clock at the same moment, as nearly as can be: of a few attempts, the
// one with the fewest ticks around the system's reading.
func (c *Clock) readPair() (ticks uint64, system int64) {
	best := ^uint64(0)
	for range 4 {
		before := readCounter()
		n := c.systemNano()
		if d := readCounter() - before; d < best {
			best, ticks, system = d, before+d/2, n
		}
	}
	return ticks, system
}
