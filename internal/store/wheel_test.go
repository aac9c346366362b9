package store

import (
	"maps"
	"math"
	"math/rand/v2"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

const tickMs = 1 << tickShift

// wheelModel is one keyspace, the deadlines that it should have, and a time
// that the test moves.
type wheelModel struct {
	st        *Store
	ks        *Keyspace
	gone      gone
	deadlines map[string]int64
	setIn     map[string]int64 // the tick in which it was set
	now       int64
	rnd       *rand.Rand
	names     int
}

func newWheelModel(t testing.TB, seed uint64) *wheelModel {
	m := &wheelModel{now: 1_700_000_000_000, deadlines: map[string]int64{}, setIn: map[string]int64{}, names: 500}
	m.rnd = rand.New(rand.NewPCG(seed, 3))
	m.st = newStore(t, Options{Shards: 1, Databases: 1, Hooks: &m.gone, Reserve: 256 << 20})
	m.st.SetTime(m.now)
	m.ks = m.st.Shard(0).DB(0)
	return m
}

func (m *wheelModel) set(name string, at int64) {
	k := m.st.Key([]byte(name))
	m.ks.SetString(k, m.ks.Find(k), []byte("v"), at)
	m.note(name, at)
}

func (m *wheelModel) note(name string, at int64) {
	m.deadlines[name], m.setIn[name] = at, m.now>>tickShift
}

// expire runs the cycle until it has nothing to do, limit records at a time, and
// lets between do what it likes in the pauses.
func (m *wheelModel) expire(t tb, limit int, between func()) {
	t.Helper()
	m.gone.keys = nil
	rounds := 0
	for {
		n, more := m.ks.Expire(m.now, limit)
		for _, name := range m.gone.keys {
			if d, ok := m.deadlines[name]; !ok || d > m.now {
				t.Fatalf("%q went at %d, its deadline is %d (%v)", name, m.now, d, ok)
			}
			delete(m.deadlines, name)
		}
		if n != len(m.gone.keys) {
			t.Fatalf("%d keys went, %d were counted", len(m.gone.keys), n)
		}
		m.gone.keys = m.gone.keys[:0]
		if !more {
			break
		}
		if rounds++; rounds > 100_000 {
			t.Fatalf("the cycle does not end")
		}
		if between != nil {
			between()
		}
	}
	for name, d := range m.deadlines {
		// What was past when it was set goes at the end of that tick.
		if tick := m.now >> tickShift; d>>tickShift < tick && m.setIn[name] != tick {
			t.Fatalf("%q is still there at %d, its deadline was %d", name, m.now, d)
		}
	}
	if m.ks.Volatile() != len(m.deadlines) {
		t.Fatalf("%d volatile keys, want %d", m.ks.Volatile(), len(m.deadlines))
	}
}

// some gives a deadline of any kind.
func (m *wheelModel) some() int64 {
	switch m.rnd.IntN(8) {
	case 0:
		return m.now + m.rnd.Int64N(8)
	case 1:
		return m.now - m.rnd.Int64N(1<<m.rnd.IntN(40)+1) // in the past
	case 2:
		return []int64{1, 1 << 40, 1 << 50, 1<<50 - 1, 1<<50 + 1, 1 << 62, math.MaxInt64}[m.rnd.IntN(7)]
	case 3:
		return (m.now>>16 + 1) << 16 // many are equal, at the start of a list
	case 4:
		return m.now>>tickShift<<tickShift + m.rnd.Int64N(3) - 1 + tickMs*64 // around the edge of a tick
	default:
		return m.now + m.rnd.Int64N(1<<m.rnd.IntN(45)+1)
	}
}

func (m *wheelModel) change() {
	name := strconv.Itoa(m.rnd.IntN(m.names))
	k := m.st.Key([]byte(name))
	e := m.ks.Find(k)
	switch m.rnd.IntN(5) {
	case 0:
		if e.Ok() {
			m.ks.Remove(k, e)
			delete(m.deadlines, name)
		}
	case 1:
		if e.Ok() {
			m.ks.SetDeadline(k, e, 0)
			delete(m.deadlines, name)
		}
	case 2:
		if e.Ok() {
			at := m.some()
			m.ks.SetDeadline(k, e, at)
			m.note(name, at)
		}
	default:
		m.set(name, m.some())
	}
}

// move lets time pass: a little, a lot, up to the edge of a list, or back.
func (m *wheelModel) move() {
	switch m.rnd.IntN(6) {
	case 0:
		m.now += 1 << m.rnd.IntN(42)
	case 1:
		shift := tickShift + 6*m.rnd.IntN(5)
		m.now = (m.now>>shift + 1) << shift // just the start of a list
	case 2:
		m.now -= m.rnd.Int64N(1 << m.rnd.IntN(36))
	case 3:
		if due := m.ks.NextDue(); due > m.now && due < 1<<45 {
			m.now = due
		}
	default:
		m.now += m.rnd.Int64N(300)
	}
	m.now = min(max(m.now, 1_000_000_000_000), 1<<48)
}

func TestWheelAgainstModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := newWheelModel(t, rapid.Uint64().Draw(rt, "seed"))
		limit := rapid.SampledFrom([]int{1, 2, 7, 100, 10_000}).Draw(rt, "limit")
		busy := rapid.Bool().Draw(rt, "busy")
		for range rapid.IntRange(1, 120).Draw(rt, "rounds") {
			for range m.rnd.IntN(60) {
				m.change()
			}
			m.move()
			pauses := 0
			m.expire(rt, limit, func() {
				if pauses++; busy && pauses < 200 {
					m.change()
				}
			})
			checkWheel(rt, m.ks)
		}
		checkShard(rt, m.st.Shard(0))
	})
}

// Whatever NextDue says: when it is asked for the next time and Expire is called
// at just that time, every key goes within a tick of its deadline.
func TestNextDueIsEnough(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := newWheelModel(t, rapid.Uint64().Draw(rt, "seed"))
		for range 200 {
			m.set(strconv.Itoa(m.rnd.IntN(400)), m.now+m.rnd.Int64N(1<<m.rnd.IntN(30)+1))
		}
		for rounds := 0; m.ks.Volatile() > 0; rounds++ {
			due := m.ks.NextDue()
			if rounds > 5000 {
				rt.Fatalf("the wheel does not come to its end: due at %d, now %d", due, m.now)
			}
			m.now = max(m.now, due)
			m.expire(rt, 1000, nil)
			if m.rnd.IntN(3) == 0 && rounds < 500 {
				m.set(strconv.Itoa(m.rnd.IntN(400)), m.now+m.rnd.Int64N(1<<m.rnd.IntN(30)+1))
			}
		}
		if m.ks.NextDue() != 0 {
			rt.Fatalf("due at %d without volatile keys", m.ks.NextDue())
		}
	})
}

// A list of a higher level whose start is just now must be dealt out now, or
// what is linked later hides it.
func TestListStartingNow(t *testing.T) {
	m := newWheelModel(t, 1)
	m.now = 1_700_000_000_000 >> (tickShift + 6) << (tickShift + 6)
	m.set("anchor", 1<<50)
	m.expire(t, 100, nil)
	m.set("hidden", m.now+tickMs*65)
	m.now += tickMs * 64
	m.expire(t, 100, nil)
	m.set("nearer", m.now+tickMs*20)
	m.now += tickMs * 10
	m.expire(t, 100, nil)
}

func TestClockSetBack(t *testing.T) {
	m := newWheelModel(t, 1)
	m.set("late", m.now+7_200_000)
	m.now += 3_600_000
	m.expire(t, 100, nil)
	m.now -= 3_600_000
	m.set("soon", m.now+100)
	m.expire(t, 100, nil)
	for range 40 {
		m.now += 3
		m.expire(t, 100, nil)
	}
	if m.ks.Len() != 1 {
		t.Fatalf("%d keys are left, want 1", m.ks.Len())
	}
	m.now += 7_200_000
	m.expire(t, 100, nil)
}

// Keys go in the order of their deadlines, up to a tick, when the cycle runs in
// time.
func TestExpiryOrder(t *testing.T) {
	m := newWheelModel(t, 7)
	for i := range 5000 {
		m.set(strconv.Itoa(i), m.now+m.rnd.Int64N(100_000))
	}
	deadlines := maps.Clone(m.deadlines)
	last := int64(0)
	for range 101_000 / tickMs {
		m.now += tickMs
		m.gone.keys = nil
		for more := true; more; {
			_, more = m.ks.Expire(m.now, 3)
		}
		for _, name := range m.gone.keys {
			if d := deadlines[name] >> tickShift; d < last {
				t.Fatalf("a key of tick %d went after one of tick %d", d, last)
			} else {
				last = d
			}
		}
	}
	if m.ks.Len() != 0 {
		t.Fatalf("%d keys are left", m.ks.Len())
	}
}

func TestManyEqualDeadlines(t *testing.T) {
	m := newWheelModel(t, 1)
	at := m.now + 123_456
	for i := range 20_000 {
		m.set(strconv.Itoa(i), at)
	}
	m.now = at - 1
	m.expire(t, 37, nil)
	if m.ks.Len() != 20_000 {
		t.Fatalf("%d keys are left a millisecond early", m.ks.Len())
	}
	m.now = at + tickMs
	for left := 20_000; left > 0; {
		n, more := m.ks.Expire(m.now, 37)
		if left -= n; n > 37 || !more && left > 0 {
			t.Fatalf("%d of at most 37 in a step, %d left, more is %v", n, left, more)
		}
	}
	if m.ks.Len() != 0 {
		t.Fatalf("%d keys are left", m.ks.Len())
	}
	checkEmpty(t, m.st)
}

func TestNoExpire(t *testing.T) {
	m := newWheelModel(t, 1)
	m.set("k", m.now+10)
	m.now += 1000
	m.st.NoExpire = true
	k := m.st.Key([]byte("k"))
	if m.ks.Lookup(k, m.now).Ok() {
		t.Error("an expired key was found")
	}
	if n, more := m.ks.Expire(m.now, 10); n != 0 || more || m.ks.Len() != 1 {
		t.Errorf("removed %d keys, more is %v", n, more)
	}
	// Who writes to it all the same, as EXEC may that has waited since before a pause, gets
	// no second one beside it.
	e := m.ks.SetString(k, m.ks.Lookup(k, m.now), []byte("new"), 0)
	if m.ks.Len() != 1 || m.ks.Volatile() != 0 || string(e.Bytes(nil)) != "new" || len(m.gone.keys) != 1 {
		t.Errorf("%d keys, %q, gone are %q", m.ks.Len(), e.Bytes(nil), m.gone.keys)
	}
	m.ks.Remove(k, m.ks.Find(k))
	if m.ks.Find(k).Ok() {
		t.Error("there were two")
	}
	m.st.NoExpire = false
	m.set("k", m.now-10)
	m.gone.keys = nil
	m.expire(t, 10, nil)
	if m.ks.Len() != 0 {
		t.Error("the key is still there")
	}
}

func TestLag(t *testing.T) {
	m := newWheelModel(t, 1)
	for i, late := range []int64{5, 6, 100, 5000} {
		m.set(strconv.Itoa(i), m.now+10_000-late)
	}
	m.now += 10_000
	sh := m.st.Shard(0)
	m.expire(t, 10, nil)
	var lag Lag
	got := sh.Lag()
	lag.Merge(&got)
	lag.Merge(&got)
	if lag.Count != 8 || lag.Sum != 2*5111 || lag.Max != 5000 || lag.Log2[3] != 4 || lag.Log2[7] != 2 || lag.Log2[13] != 2 {
		t.Errorf("lag is %+v", lag)
	}
	if sh.ResetLag(); sh.Lag() != (Lag{}) {
		t.Error("the lag was not forgotten")
	}
}
