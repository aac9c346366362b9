package clock

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

// running returns a real clock that has had the time to calibrate.
func running(t testing.TB) *Clock {
	t.Helper()
	c := New()
	time.Sleep(60 * time.Millisecond)
	c.Sync()
	t.Logf("time-stamp counter in use: %v", c.counter.Load() != nil)
	return c
}

func TestFollowsTheSystem(t *testing.T) {
	c := running(t)
	for range 5 {
		n0, t0 := c.Nano(), time.Now()
		time.Sleep(55 * time.Millisecond)
		n1, t1 := c.Nano(), time.Now()
		if d := time.Duration(n1-n0) - t1.Sub(t0); d > time.Millisecond || d < -time.Millisecond {
			t.Errorf("elapsed %v differs by %v from the system's %v", time.Duration(n1-n0), d, t1.Sub(t0))
		}
		lo := time.Now().UnixMilli()
		got := c.NowMilli()
		if hi := time.Now().UnixMilli(); got < lo-1 || got > hi+1 {
			t.Errorf("UnixMilli = %d, want within 1 of [%d, %d]", got, lo, hi)
		}
		if us := c.UnixMicro(n1); us/1000 != c.UnixMilli(n1) {
			t.Errorf("UnixMicro %d and UnixMilli %d disagree", us, c.UnixMilli(n1))
		}
		c.Sync()
	}
}

func TestMonotonicAcrossGoroutines(t *testing.T) {
	c := running(t)
	stop := make(chan struct{})
	var syncer, readers sync.WaitGroup
	syncer.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(10 * time.Millisecond):
				c.Sync()
			}
		}
	})
	// A token that passes between goroutines carries the last reading: a later one must not be less by more than noise.
	token := make(chan int64, 1)
	token <- c.Nano()
	for range 4 {
		readers.Go(func() {
			for range 20000 {
				last := <-token
				now := c.Nano()
				if now < last-1000 {
					t.Errorf("went back by %d ns", last-now)
				}
				token <- now
			}
		})
	}
	readers.Wait()
	close(stop)
	syncer.Wait()
}

func TestFake(t *testing.T) {
	c := NewFake(1_700_000_000_123)
	n := c.Nano()
	if n <= 0 || c.Nano() != n {
		t.Fatalf("a fake clock must stand still at a positive reading, got %d then %d", n, c.Nano())
	}
	c.Advance(2500 * time.Millisecond)
	if d := Since(n, c.Nano()); d != 2.5e9 {
		t.Errorf("advanced %d ns, want 2.5e9", d)
	}
	if got := c.NowMilli(); got != 1_700_000_002_623 {
		t.Errorf("NowMilli = %d", got)
	}
	c.SetUnixMilli(5000)
	if got := c.NowMilli(); got != 1_700_000_002_623 {
		t.Errorf("a step must not show before Sync, NowMilli = %d", got)
	}
	c.Sync()
	if got := c.NowMilli(); got != 5000 {
		t.Errorf("after Sync NowMilli = %d, want 5000", got)
	}
	if d := Since(c.Nano(), c.Nano()-50); d != 0 {
		t.Errorf("Since of an earlier reading = %d, want 0", d)
	}
}

// simulate runs nextScale over pairs taken from a counter of tickRate GHz, against a system clock that is slewed.
func simulate(t *testing.T, seed uint64, tickRate float64, interval int64) {
	r := rand.New(rand.NewPCG(seed, 1))
	var cur *scale
	cal := calibration{state: calWait, ticks: 1 << 40, system: 7e9}
	ticks, system, slew := cal.ticks, cal.system, 0.0
	for i := range 300 {
		if i%50 == 0 {
			slew = (r.Float64() - 0.5) * 1e-3 // up to 500 ppm, the most NTP does
		}
		real := interval + r.Int64N(interval)
		ticks += uint64(float64(real) * tickRate)
		system += int64(float64(real) * (1 + slew))
		noisy := system + r.Int64N(200) - 100
		next, ok := nextScale(cur, cal, ticks, noisy)
		if !ok || next == nil {
			t.Fatalf("seed %d: step %d: scale %v, ok %v", seed, i, next, ok)
		}
		if cur != nil {
			if a, b := cur.nano(ticks), next.nano(ticks); a != b {
				t.Fatalf("seed %d: step %d: not continuous, %d then %d", seed, i, a, b)
			}
		}
		cur, cal = next, calibration{calRun, ticks, noisy}
		if off := cur.nano(ticks) - system; i > 0 && max(off, -off) > interval/250+1000 {
			t.Fatalf("seed %d: step %d: %d ns from the system's clock", seed, i, off)
		}
	}
}

func TestScaleFollowsSlewedClock(t *testing.T) {
	seed := rand.Uint64()
	for _, rate := range []float64{0.025, 1, 2.1, 5.3} {
		for _, interval := range []int64{1e8, 1e9, 2e10} {
			simulate(t, seed, rate, interval)
		}
	}
}

func TestScaleGivesUp(t *testing.T) {
	cur := &scale{origin: 1000, base: 1000, mult: 1 << 32}
	last := calibration{calRun, 1000, 1000}
	for _, tc := range []struct {
		name   string
		ticks  uint64
		system int64
		ok     bool
		scale  bool
	}{
		{"agrees", 1000 + 1e8, 1000 + 1e8, true, true},
		{"too early", 1000 + 1e7, 1000 + 1e7, true, false},
		{"counter reset", 5, 1000 + 1e8, false, false},
		{"counter stands", 1000, 1000 + 1e8, false, false},
		{"counter jumped ahead", 1000 + 5e9, 1000 + 1e8, false, false},
		{"counter lags", 1000 + 9e7, 1000 + 1e8, false, false},
	} {
		got, ok := nextScale(cur, last, tc.ticks, tc.system)
		if ok != tc.ok || (got != nil) != tc.scale {
			t.Errorf("%s: scale %v, ok %v", tc.name, got, ok)
		}
	}
	if got := cur.nano(900); got != 1000 {
		t.Errorf("a reading before the origin = %d, want the base", got)
	}
}

func TestGivingUpIsContinuous(t *testing.T) {
	c := running(t)
	s := c.counter.Load()
	if s == nil {
		t.Skip("the time-stamp counter is not usable here")
	}
	// A scale that is 20 s ahead: Sync must see it, and readings go on from there.
	c.counter.Store(&scale{origin: s.origin, base: s.base + 20e9, mult: s.mult})
	before := c.Nano()
	time.Sleep(55 * time.Millisecond)
	c.Sync()
	if c.counter.Load() != nil {
		t.Fatal("the counter is still in use")
	}
	if d := c.Nano() - before; d < 0 || d > 10e9 {
		t.Errorf("moved by %d ns", d)
	}
	if d := c.NowMilli() - time.Now().UnixMilli(); d > 1 || d < -1 {
		t.Errorf("wall clock is %d ms off", d)
	}
}

var sink int64

func BenchmarkNano(b *testing.B) {
	c := running(b)
	for b.Loop() {
		sink += c.Nano()
	}
}

func BenchmarkNanoUnixMilli(b *testing.B) {
	c := running(b)
	for b.Loop() {
		sink += c.UnixMilli(c.Nano())
	}
}

func BenchmarkSystem(b *testing.B) {
	c := New()
	for b.Loop() {
		sink += c.systemNano()
	}
}

func BenchmarkTimeNow(b *testing.B) {
	for b.Loop() {
		sink += time.Now().UnixMilli()
	}
}

func BenchmarkSync(b *testing.B) {
	c := running(b)
	for b.Loop() {
		c.Sync()
	}
}
