package store

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/redstart-db/redstart/internal/num"
	"pgregory.net/rapid"
)

// value is what the model holds for a key.
type value struct {
	text     string
	enc      string
	deadline int64
}

func encodingOf(text string) string {
	if _, ok := num.ParseInt([]byte(text)); ok {
		return "int"
	}
	if len(text) <= 44 {
		return "embstr"
	}
	return "raw"
}

const modelDBs = 3

// machine runs the same actions on a store and on plain maps.
type machine struct {
	st    *Store
	gone  gone
	dbs   [modelDBs]map[string]value
	now   int64
	rnd   *rand.Rand
	names []string
}

func newMachine(t *testing.T, rt *rapid.T) *machine {
	m := &machine{now: 1_700_000_000_000}
	m.st = newStore(t, Options{
		Shards: 1 << rapid.IntRange(0, 3).Draw(rt, "shards"), Databases: modelDBs, Hooks: &m.gone, Reserve: 64 << 20,
	})
	m.st.SetTime(m.now)
	for i := range m.dbs {
		m.dbs[i] = map[string]value{}
	}
	m.rnd = rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
	m.names = []string{"", "a", "\x00", strings.Repeat("k", 254), strings.Repeat("l", 255), strings.Repeat("m", 256), strings.Repeat("n", 5000)}
	for i := range rapid.SampledFrom([]int{0, 5, 40, 400}).Draw(rt, "names") {
		m.names = append(m.names, "key:"+strconv.Itoa(i))
	}
	return m
}

var lengths = []int{0, 1, 2, 10, 19, 20, 21, 43, 44, 45, 46, 100, 253, 254, 255, 256, 500, 2047, 2048, 2049, 4096, 9000, 40000}

func (m *machine) length() int {
	if m.rnd.IntN(3) == 0 {
		return m.rnd.IntN(300)
	}
	return lengths[m.rnd.IntN(len(lengths))]
}

func (m *machine) text() string {
	switch m.rnd.IntN(4) {
	case 0:
		n := []int64{0, 1, -1, 9999, math.MaxInt64, math.MinInt64, m.rnd.Int64()}[m.rnd.IntN(7)]
		return strconv.FormatInt(n, 10)
	case 1:
		return []string{"+1", "01", "-0", "9223372036854775808", "1.5", " 1"}[m.rnd.IntN(6)]
	}
	b := make([]byte, m.length())
	for i := range b {
		b[i] = byte(m.rnd.Uint32())
	}
	return string(b)
}

// at is a deadline: none, soon, or so late that it never comes.
func (m *machine) at() int64 {
	switch m.rnd.IntN(5) {
	case 0, 1:
		return 0
	case 2:
		return m.now + 1 + m.rnd.Int64N(100)
	case 3:
		return m.now + 1<<m.rnd.IntN(40)
	default:
		return []int64{1 << 50, 1 << 62, math.MaxInt64, m.now + 3_600_000}[m.rnd.IntN(4)]
	}
}

func (m *machine) pick() (db int, name string) {
	return m.rnd.IntN(modelDBs), m.names[m.rnd.IntN(len(m.names))]
}

// drop removes from the model what has expired, as Lookup does.
func (m *machine) drop(db int, name string) {
	if v, ok := m.dbs[db][name]; ok && v.deadline != 0 && v.deadline <= m.now {
		delete(m.dbs[db], name)
	}
}

func (m *machine) lookup(db int, name string) (*Keyspace, Key, Entry) {
	ks, k := m.st.at(db, name)
	m.drop(db, name)
	return ks, k, ks.Lookup(k, m.now)
}

// same compares an entry with the model.
func (m *machine) same(t tb, db int, name string, e Entry) {
	t.Helper()
	v, ok := m.dbs[db][name]
	if ok != e.Ok() {
		t.Fatalf("key %.20q of %d: found is %v, want %v", name, db, e.Ok(), ok)
	}
	if !ok {
		return
	}
	var scratch Scratch
	if string(e.Key()) != name || string(e.Bytes(&scratch)) != v.text {
		t.Fatalf("key %.20q of %d: %d bytes %.40q, want %d bytes %.40q", name, db, len(e.Bytes(&scratch)), e.Bytes(&scratch), len(v.text), v.text)
	}
	if e.Len() != len(v.text) || e.Deadline() != v.deadline || e.Encoding() != v.enc || e.Type() != String {
		t.Fatalf("key %.20q of %d: length %d deadline %d %s, want %+v", name, db, e.Len(), e.Deadline(), e.Encoding(), v)
	}
	if n, ok := e.Int(); ok != (v.enc == "int") || ok && strconv.FormatInt(n, 10) != v.text {
		t.Fatalf("key %.20q of %d: integer %d %v, want %q", name, db, n, ok, v.text)
	}
	if u := e.MemoryUsage(); u < len(name)+min(len(v.text), 8) {
		t.Fatalf("key %.20q of %d: %d bytes used", name, db, u)
	}
}

func (m *machine) set(t *rapid.T) {
	db, name := m.pick()
	ks, k, e := m.lookup(db, name)
	text, at := m.text(), m.at()
	e = ks.SetString(k, e, []byte(text), at)
	m.dbs[db][name] = value{text, encodingOf(text), at}
	m.same(t, db, name, e)
}

func (m *machine) setInt(t *rapid.T) {
	db, name := m.pick()
	ks, k, e := m.lookup(db, name)
	n, at := m.rnd.Int64(), m.at()
	e = ks.SetInt(k, e, n, at)
	m.dbs[db][name] = value{strconv.FormatInt(n, 10), "int", at}
	m.same(t, db, name, e)
}

// resize also writes behind what was there, as APPEND and SETRANGE do.
func (m *machine) resize(t *rapid.T) {
	db, name := m.pick()
	ks, k, e := m.lookup(db, name)
	old := m.dbs[db][name]
	n := m.length()
	if m.rnd.IntN(2) == 0 {
		n = min(len(old.text)+n, 200_000)
	}
	e, b := ks.Resize(k, e, n)
	if len(b) < n {
		t.Fatalf("a view of %d bytes, want %d", len(b), n)
	}
	b = b[:n]
	want := make([]byte, n)
	copy(want, old.text)
	if !bytes.Equal(b, want) {
		t.Fatalf("%d bytes became %d: %.60q, want %.60q", len(old.text), n, b, want)
	}
	for i := min(len(old.text), n); i < n; i++ {
		b[i] = byte(i * 7)
		want[i] = byte(i * 7)
	}
	m.dbs[db][name] = value{string(want), "raw", old.deadline}
	m.same(t, db, name, e)
}

func (m *machine) remove(t *rapid.T) {
	db, name := m.pick()
	ks, k, e := m.lookup(db, name)
	m.same(t, db, name, e)
	if e.Ok() {
		ks.Remove(k, e)
		delete(m.dbs[db], name)
	}
}

func (m *machine) expire(t *rapid.T) {
	db, name := m.pick()
	ks, k, e := m.lookup(db, name)
	m.same(t, db, name, e)
	if !e.Ok() {
		return
	}
	v := m.dbs[db][name]
	v.deadline = m.at()
	e = ks.SetDeadline(k, e, v.deadline)
	m.dbs[db][name] = v
	m.same(t, db, name, e)
}

func (m *machine) copy(t *rapid.T) {
	fromDB, from := m.pick()
	toDB, to := m.pick()
	if fromDB == toDB && from == to {
		return
	}
	dst, k, _ := m.lookup(toDB, to)
	_, _, src := m.lookup(fromDB, from)
	if !src.Ok() {
		return
	}
	v := m.dbs[fromDB][from]
	if m.rnd.IntN(2) == 0 {
		v.deadline = m.at()
	}
	e := dst.Copy(k, dst.Find(k), src, v.deadline)
	m.dbs[toDB][to] = v
	m.same(t, toDB, to, e)
}

func (m *machine) flush(t *rapid.T) {
	db := m.rnd.IntN(modelDBs)
	if n := m.st.Flush(db); n != len(m.dbs[db]) {
		t.Fatalf("flushed %d keys, want %d", n, len(m.dbs[db]))
	}
	m.dbs[db] = map[string]value{}
}

func (m *machine) swap(*rapid.T) {
	a, b := m.rnd.IntN(modelDBs), m.rnd.IntN(modelDBs)
	m.st.Swap(a, b, m.now)
	m.dbs[a], m.dbs[b] = m.dbs[b], m.dbs[a]
}

func (m *machine) reclaim(*rapid.T) {
	for i := range m.st.shards {
		sh := &m.st.shards[i]
		sh.Reclaim(m.rnd.IntN(20))
		sh.arena.Trim(m.rnd.IntN(1 << 20))
	}
}

// tick lets time pass and runs the expiry cycle in small steps, mixed with
// nothing else: what it removes is exactly what is due.
func (m *machine) tick(t *rapid.T) {
	m.now += 1 << m.rnd.IntN(14)
	m.gone.keys = nil
	for i := range m.st.shards {
		for db := range modelDBs {
			for more := true; more; {
				_, more = m.st.shards[i].DB(db).Expire(m.now, 1+m.rnd.IntN(5))
			}
		}
	}
	want := map[string]int{}
	n := 0
	for db := range m.dbs {
		for name, v := range m.dbs[db] {
			if v.deadline != 0 && v.deadline>>tickShift < m.now>>tickShift {
				delete(m.dbs[db], name)
				want[name]++
				n++
			}
		}
	}
	for _, name := range m.gone.keys {
		want[name]--
	}
	for name, k := range want {
		if k > 0 {
			t.Fatalf("key %.20q was not removed in time", name)
		}
		if k < 0 {
			// In the tick that is running a key may go or stay.
			m.afterTick(t, name)
		}
	}
}

// afterTick accounts for a key that expired within the current tick.
func (m *machine) afterTick(t *rapid.T, name string) {
	for db := range m.dbs {
		ks, k := m.st.at(db, name)
		if v, ok := m.dbs[db][name]; ok && !ks.Find(k).Ok() {
			if v.deadline == 0 || v.deadline > m.now {
				t.Fatalf("key %.20q went too early: deadline %d, now %d", name, v.deadline, m.now)
			}
			delete(m.dbs[db], name)
		}
	}
}

func (m *machine) random(t *rapid.T) {
	db := m.rnd.IntN(modelDBs)
	ks := m.st.shards[m.rnd.IntN(len(m.st.shards))].DB(db)
	e := ks.Random(m.rnd)
	if e.Ok() != (ks.Len() > 0) {
		t.Fatalf("a random key of %d: %v", ks.Len(), e.Ok())
	}
	if e.Ok() {
		m.same(t, db, string(e.Key()), e)
	}
}

// check compares everything.
func (m *machine) check(t *rapid.T) {
	for db := range modelDBs {
		seen := map[string]bool{}
		volatile := 0
		for i := range m.st.shards {
			m.st.shards[i].DB(db).Each(func(e Entry) {
				name := string(e.Key())
				if seen[name] {
					t.Fatalf("key %.20q of %d was seen twice", name, db)
				}
				seen[name] = true
				m.same(t, db, name, e)
			})
		}
		for name, v := range m.dbs[db] {
			if !seen[name] {
				t.Fatalf("key %.20q of %d was not seen", name, db)
			}
			if v.deadline != 0 {
				volatile++
			}
		}
		if m.st.Len(db) != len(seen) || m.st.Volatile(db) != volatile {
			t.Fatalf("database %d: %d keys, %d volatile, want %d and %d", db, m.st.Len(db), m.st.Volatile(db), len(seen), volatile)
		}
	}
	for i := range m.st.shards {
		checkShard(t, &m.st.shards[i])
	}
}

func TestAgainstMap(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := newMachine(t, rt)
		often := func(f func(*rapid.T)) func(*rapid.T) {
			return func(rt *rapid.T) {
				for range 1 + m.rnd.IntN(30) {
					f(rt)
				}
			}
		}
		rt.Repeat(map[string]func(*rapid.T){
			"set": often(m.set), "setInt": often(m.setInt), "resize": often(m.resize), "remove": often(m.remove),
			"expire": often(m.expire), "copy": often(m.copy), "flush": m.flush, "swap": m.swap,
			"reclaim": m.reclaim, "tick": m.tick, "random": m.random, "": m.check,
		})
		for db := range modelDBs {
			if m.rnd.IntN(2) == 0 {
				m.st.Flush(db)
				continue
			}
			for name := range m.dbs[db] {
				ks, k := m.st.at(db, name)
				ks.Remove(k, ks.Find(k))
			}
		}
		checkEmpty(rt, m.st)
	})
}

// When memory runs out, the operation fails and all is as before.
func TestExhaustedChangesNothing(t *testing.T) {
	st := newStore(t, Options{Shards: 1, Databases: 2, Reserve: 1 << 20})
	rnd := rand.New(rand.NewPCG(1, 2))
	model := map[string]string{}
	set := func(name, text string) bool {
		ks, k := st.at(0, name)
		if exhausts(func() { ks.SetString(k, ks.Find(k), []byte(text), int64(rnd.IntN(2))<<50) }) {
			return false
		}
		model[name] = text
		return true
	}
	failures := 0
	for i := 0; failures < 2000; i++ {
		name := fmt.Sprint("k", rnd.IntN(3000))
		ks, k := st.at(0, name)
		ok := true
		switch e := ks.Find(k); rnd.IntN(6) {
		case 0:
			if e.Ok() && failures > 0 {
				ks.Remove(k, e)
				delete(model, name)
			}
		case 1:
			if e.Ok() {
				ok = !exhausts(func() { ks.SetDeadline(k, e, int64(rnd.IntN(2))<<50) })
			}
		case 2:
			n := rnd.IntN(6000)
			if ok = !exhausts(func() { ks.Resize(k, e, n) }); ok {
				b := make([]byte, n)
				copy(b, model[name])
				model[name] = string(b)
			}
		case 3:
			other := fmt.Sprint("k", rnd.IntN(3000))
			to, k2 := st.at(0, other)
			if e.Ok() && other != name {
				if ok = !exhausts(func() { to.Copy(k2, to.Find(k2), e, 0) }); ok {
					model[other] = model[name]
				}
			}
		default:
			ok = set(name, strings.Repeat("x", rnd.IntN(4000)))
		}
		if !ok {
			failures++
		}
		if i%500 == 0 {
			checkShard(t, st.Shard(0))
		}
	}
	var scratch Scratch
	for name, text := range model {
		ks, k := st.at(0, name)
		e := ks.Find(k)
		if !e.Ok() || string(e.Bytes(&scratch)) != text {
			t.Fatalf("key %q changed", name)
		}
	}
	if st.Len(0) != len(model) {
		t.Fatalf("%d keys, want %d", st.Len(0), len(model))
	}
	checkShard(t, st.Shard(0))
	st.Flush(0)
	checkEmpty(t, st)
}

// A key whose memory could not be had leaves a bucket behind; a flush of another
// database that resets the arena must not leave that bucket dangling.
func TestFlushAfterFailedInsert(t *testing.T) {
	st := newStore(t, Options{Shards: 1, Databases: 2, Reserve: 1 << 20})
	fill := func(db int) {
		ks, _ := st.at(db, "")
		for i := 0; ; i++ {
			k := st.Key([]byte(fmt.Sprint(db, i)))
			if exhausts(func() { ks.SetString(k, ks.Find(k), bytes.Repeat([]byte("x"), 300), 0) }) {
				return
			}
		}
	}
	ks, k := st.at(1, "big")
	if !exhausts(func() { ks.Resize(k, ks.Find(k), 8<<20) }) {
		t.Fatal("8 MiB fit in 1 MiB")
	}
	fill(0)
	st.Flush(0)
	checkEmpty(t, st)
	fill(1)
	fill(0)
	checkShard(t, st.Shard(0))
}
