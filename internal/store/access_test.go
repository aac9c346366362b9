package store

import (
	"testing"
)

func TestAccessFields(t *testing.T) {
	st := newStore(t, Options{Shards: 1})
	st.SetTime(1000 * 1000)
	ks, k := st.at(0, "k")
	e := ks.SetString(k, ks.Find(k), []byte("v"), 0)
	st.SetTime(1010 * 1000)
	if e.Idle() != 10 {
		t.Errorf("idle for %d s, want 10", e.Idle())
	}
	e.Used()
	if e.Idle() != 0 {
		t.Errorf("idle for %d s after use", e.Idle())
	}
	e.SetIdle(100)
	if e = ks.SetDeadline(k, e, 1<<50); e.Idle() != 100 {
		t.Errorf("idle for %d s after EXPIRE, want 100", e.Idle())
	}
	if e, _ = ks.Resize(k, e, 4000); e.Idle() != 100 {
		t.Errorf("idle for %d s after a resize, want 100", e.Idle())
	}
	if e.Renew(); e.Idle() != 0 {
		t.Errorf("idle for %d s when renewed", e.Idle())
	}
	st.LFU = LFU{On: true, LogFactor: 10, Decay: 1}
	st.SetTime(60_000 * 1000)
	if e.Renew(); e.Freq() != lfuInit {
		t.Errorf("counter of a new key is %d", e.Freq())
	}
	for range 100_000 {
		e.Used()
	}
	if f := e.Freq(); f < 80 || f > 200 {
		t.Errorf("counter is %d after 100,000 uses", f)
	}
	e.SetFreq(200)
	st.SetTime((60_000 + 60*50) * 1000)
	if e.Freq() != 150 {
		t.Errorf("counter is %d after 50 minutes, want 150", e.Freq())
	}
}

// TestFineClock has uses within a second tell which was first, if that is asked for.
func TestFineClock(t *testing.T) {
	const start = 1_700_000_000_000
	st := newStore(t, Options{Shards: 1})
	ks, k := st.at(0, "k")
	st.SetTime(start)
	e := ks.SetString(k, ks.Find(k), []byte("v"), 0)
	at := func(milli int64) int64 {
		st.SetTime(milli)
		e.Used()
		return e.LastUse()
	}
	if first := at(start + 100); at(start+900) != first {
		t.Error("uses within a second differ")
	}
	st.SetFine(true)
	last := at(start + 1000)
	for milli := int64(start + 1004); milli < start+3000; milli += 4 {
		use := at(milli)
		if use <= last {
			t.Fatalf("used last at %d, then at %d", last, use)
		}
		last = use
	}
	st.SetTime(start + 60_000)
	if e.LastUse() != last {
		t.Errorf("a minute later it was used last at %d, not %d", e.LastUse(), last)
	}
	if e.Idle() != 58 { // the clock of seconds went on by so many
		t.Errorf("idle for %d s", e.Idle())
	}
	if e.Access() != (start/1000+2)&(1<<24-1) {
		t.Errorf("access field %d", e.Access())
	}
	for _, seconds := range []int64{0, 1, 1000, 10_000_000} {
		if e.SetIdle(seconds); e.Idle() != seconds {
			t.Errorf("idle for %d s, want %d", e.Idle(), seconds)
		}
	}
}

// TestClockStays has a reading of the clock that comes late not make a key that is in use look
// like the one that was not used for longest.
func TestClockStays(t *testing.T) {
	const start = 1_700_000_000_000
	st := newStore(t, Options{Shards: 1})
	st.SetFine(true)
	ks, k := st.at(0, "k")
	st.SetTime(start)
	e := ks.SetString(k, ks.Find(k), []byte("v"), 0)
	st.SetTime(start + 10)
	e.Used()
	last := e.LastUse()
	for _, late := range []int64{5, -400, -990} {
		st.SetTime(start + late)
		if e.LastUse() != last || e.Idle() != 0 {
			t.Errorf("%d ms: used at %d, idle for %d s; it was used at %d", late, e.LastUse(), e.Idle(), last)
		}
	}
	st.SetTime(start - 60_000)
	if e.Used(); e.Idle() != 0 || e.LastUse() != last-60*256-2 {
		t.Errorf("set back by a minute: used at %d, %d before", e.LastUse(), last-e.LastUse())
	}
}

// TestUseCounter compares the counter with what the rule gives on average. Its parts
// make it nearly exact.
func TestUseCounter(t *testing.T) {
	st := newStore(t, Options{Shards: 1})
	ks, k := st.at(0, "k")
	st.SetTime(1_700_000_000_000)
	for _, c := range []struct{ factor, uses, want int }{
		{0, 100, 105}, {0, 1000, 255}, {1, 100, 18}, {1, 1000, 49}, {10, 100, 10}, {10, 1000, 18}, {10, 100_000, 146},
		{10, 1_000_000, 255}, {100, 100, 8}, {100, 1000, 11}, {100, 100_000, 49},
	} {
		st.LFU = LFU{On: true, LogFactor: c.factor, Decay: 1}
		e := ks.SetString(k, ks.Find(k), []byte("v"), 0)
		e.Renew()
		for range c.uses {
			e.Used()
		}
		if got := int(e.Freq()); got < c.want-2 || got > c.want+2 {
			t.Errorf("factor %d, %d uses: counter is %d, want %d", c.factor, c.uses, got, c.want)
		}
	}
	e := ks.Find(k)
	for n := 255; n >= 0; n -= 51 {
		e.SetFreq(uint8(n))
		st.LFU = LFU{On: true, LogFactor: 0, Decay: 0}
		if e.Used(); int(e.Freq()) != min(n+1, 255) {
			t.Errorf("counter is %d after a use, was %d", e.Freq(), n)
		}
	}
}

// TestSmallestRecords has keys and values of few bytes, whose records are the smallest.
func TestSmallestRecords(t *testing.T) {
	st := newStore(t, Options{Shards: 1})
	for _, key := range []string{"", "a"} {
		for _, value := range []string{"", "b", "1"} {
			ks, k := st.at(0, key)
			ks.SetString(k, ks.Find(k), []byte(value), 0)
			var scratch Scratch
			if got := string(ks.Find(k).Bytes(&scratch)); got != value {
				t.Errorf("%q is %q, want %q", key, got, value)
			}
		}
	}
}
