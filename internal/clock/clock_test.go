package clock

import (
	"sync"
	"testing"
	"time"
)

func TestFollowsTheSystem(t *testing.T) {
	c := New()
	for range 5 {
		n0, t0 := c.Nano(), time.Now()
		time.Sleep(5 * time.Millisecond)
		t1, n1 := time.Now(), c.Nano()
		if n1-n0 < int64(t1.Sub(t0)) {
			t.Errorf("elapsed %d ns is less than the %d ns within", n1-n0, t1.Sub(t0))
		}
		lo := time.Now().UnixMilli()
		got := c.NowMilli()
		if hi := time.Now().UnixMilli(); got < lo-1 || got > hi+1 {
			t.Errorf("NowMilli = %d, want within 1 of [%d, %d]", got, lo, hi)
		}
		if us := c.UnixMicro(n1); us/1000 != c.UnixMilli(n1) {
			t.Errorf("UnixMicro %d and UnixMilli %d disagree", us, c.UnixMilli(n1))
		}
		c.Sync()
	}
}

func TestMonotonicAcrossGoroutines(t *testing.T) {
	c := New()
	// A token that passes between goroutines carries the last reading: a later one must not be less, whoever
	// synchronises in between.
	token := make(chan int64, 1)
	token <- c.Nano()
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for i := range 5000 {
				last := <-token
				now := c.Nano()
				if now < last {
					t.Errorf("went back by %d ns", last-now)
				}
				token <- now
				if i%100 == 0 {
					c.Sync()
				}
			}
		})
	}
	readers.Wait()
}

func TestSyncFollowsStepsOnly(t *testing.T) {
	c := New()
	true0 := c.wall.Load()
	c.wall.Store(true0 + wallTolerance/2)
	c.Sync()
	if got := c.wall.Load(); got != true0+wallTolerance/2 {
		t.Errorf("noise was followed: offset moved by %d", got-true0)
	}
	c.wall.Store(true0 + 3600e9)
	c.Sync()
	if d := c.wall.Load() - true0; d > 50e6 || d < -50e6 {
		t.Errorf("a step of an hour was not followed, offset is still %d ns off", d)
	}
}

func TestFake(t *testing.T) {
	c := NewFake(1_700_000_000_123)
	n := c.Nano()
	if n <= 0 || c.Nano() != n {
		t.Fatalf("a fake clock must stand still at a positive reading, got %d then %d", n, c.Nano())
	}
	c.Advance(2500 * time.Millisecond)
	if d := c.Nano() - n; d != 2.5e9 {
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
}

func BenchmarkNano(b *testing.B) {
	c := New()
	var sum int64
	for b.Loop() {
		sum += c.Nano()
	}
}

func BenchmarkNanoUnixMilli(b *testing.B) {
	c := New()
	var sum int64
	for b.Loop() {
		sum += c.UnixMilli(c.Nano())
	}
}

func BenchmarkTimeNow(b *testing.B) {
	var sum int64
	for b.Loop() {
		sum += time.Now().UnixMilli()
	}
}

func BenchmarkSync(b *testing.B) {
	c := New()
	for b.Loop() {
		c.Sync()
	}
}
