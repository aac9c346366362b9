package hash_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	gostrings "strings"
	"testing"

	"pgregory.net/rapid"
)

type modelField struct {
	value string
	at    int64 // deadline, or 0
}

type modelHash struct {
	fields map[string]modelField
	at     int64
}

// model is hashes as maps. Commands run on it and on a server, and what that
// propagates on another one, which has to end with the same: there time stands still,
// so that nothing expires by itself.
type model struct {
	t       *rapid.T
	s, r    *server
	rnd     *rand.Rand
	hashes  map[string]*modelHash
	keys    []string
	fields  []string
	longest int // of values
}

func (m *model) now() int64 { return m.s.fake.NowMilli() }

func (m *model) do(words ...string) string {
	m.t.Helper()
	args := make([][]byte, len(words))
	for i, w := range words {
		args[i] = []byte(w)
	}
	reply := string(m.s.Client.Do(nil, args...))
	m.replay()
	return show(m.s.tb, reply)
}

// replay runs on the replica what the server has propagated.
func (m *model) replay() {
	effects, _ := m.s.Recorded()
	if effects == "" {
		return
	}
	for _, line := range gostrings.Split(effects, "; ") {
		if reply := m.r.Do(line); reply[0] == '-' {
			m.t.Fatalf("the replica says %q to %q", reply, line)
		}
	}
}

func (m *model) expect(want string, words ...string) {
	m.t.Helper()
	if got := m.do(words...); got != want {
		m.t.Fatalf("%.200q at %d: %.200s, want %.200s", words, m.now(), got, want)
	}
}

// get gives a hash without what has expired, or nil.
func (m *model) get(key string) *modelHash {
	h := m.hashes[key]
	if h == nil {
		return nil
	}
	for f, v := range h.fields {
		if v.at != 0 && v.at <= m.now() {
			delete(h.fields, f)
		}
	}
	if len(h.fields) == 0 || h.at != 0 && h.at <= m.now() {
		delete(m.hashes, key)
		return nil
	}
	return h
}

func (m *model) make(key string) *modelHash {
	h := m.get(key)
	if h == nil {
		h = &modelHash{fields: map[string]modelField{}}
		m.hashes[key] = h
	}
	return h
}

func (m *model) key() string   { return m.keys[m.rnd.IntN(len(m.keys))] }
func (m *model) field() string { return m.fields[m.rnd.IntN(len(m.fields))] }

func (m *model) value() string {
	switch m.rnd.IntN(4) {
	case 0:
		return strconv.FormatInt(m.rnd.Int64()>>m.rnd.IntN(64)-1000, 10)
	case 1:
		return gostrings.Repeat("v", m.rnd.IntN(m.longest))
	}
	return fmt.Sprintf("value:%d", m.rnd.IntN(1000))
}

func (m *model) some() (names []string) {
	for range 1 + m.rnd.IntN(4) {
		names = append(names, m.field())
	}
	return names
}

func counted(words, names []string) []string {
	return append(append(words, "FIELDS", strconv.Itoa(len(names))), names...)
}

func (m *model) set() {
	key, created := m.key(), 0
	h := m.make(key)
	words := []string{"HSET", key}
	for range 1 + m.rnd.IntN(4)*m.rnd.IntN(3) {
		f, v := m.field(), m.value()
		if _, ok := h.fields[f]; !ok {
			created++
		}
		h.fields[f] = modelField{value: v}
		words = append(words, f, v)
	}
	m.expect(strconv.Itoa(created), words...)
}

func (m *model) setNX() {
	key, f, v := m.key(), m.field(), m.value()
	h := m.make(key)
	if _, ok := h.fields[f]; ok {
		m.expect("0", "HSETNX", key, f, v)
		return
	}
	h.fields[f] = modelField{value: v}
	m.expect("1", "HSETNX", key, f, v)
}

func (m *model) incr() {
	key, f := m.key(), m.field()
	h := m.make(key)
	old := h.fields[f]
	n := int64(0)
	if old.value != "" || old.at != 0 {
		var err error
		if n, err = strconv.ParseInt(old.value, 10, 32); err != nil {
			return
		}
	} else if _, ok := h.fields[f]; ok {
		return // an empty value
	}
	n += 7
	old.value = strconv.FormatInt(n, 10)
	h.fields[f] = old
	m.expect(old.value, m.pick("HINCRBY", "HINCRBYFLOAT"), key, f, "7")
}

func (m *model) pick(words ...string) string { return words[m.rnd.IntN(len(words))] }

func (m *model) del() {
	key, names, n := m.key(), m.some(), 0
	if h := m.get(key); h != nil {
		for _, f := range names {
			if _, ok := h.fields[f]; ok {
				delete(h.fields, f)
				n++
			}
		}
	}
	m.expect(strconv.Itoa(n), append([]string{"HDEL", key}, names...)...)
}

// at is a time: past, soon or late.
func (m *model) at() int64 {
	return m.now() + []int64{0, 1, 1 + m.rnd.Int64N(60), 1 + m.rnd.Int64N(60), m.rnd.Int64N(100_000), 1 << 40}[m.rnd.IntN(6)]
}

func (m *model) expire() {
	key, names, at := m.key(), m.some(), m.at()
	words := []string{"HPEXPIREAT", key, strconv.FormatInt(at, 10)}
	if m.rnd.IntN(2) == 0 {
		words = []string{"HPEXPIRE", key, strconv.FormatInt(at-m.now(), 10)}
	}
	cond := m.pick("", "", "", "NX", "XX", "GT", "LT")
	if cond != "" {
		words = append(words, cond)
	}
	var want []string
	h := m.get(key)
	for _, f := range names {
		if h == nil {
			want = append(want, "-2")
			continue
		}
		v, ok := h.fields[f]
		switch {
		case !ok:
			want = append(want, "-2")
		case cond == "NX" && v.at != 0, cond == "XX" && v.at == 0,
			cond == "GT" && (v.at == 0 || at <= v.at), cond == "LT" && v.at != 0 && at >= v.at:
			want = append(want, "0")
		case at <= m.now():
			want = append(want, "2")
			delete(h.fields, f)
		default:
			want = append(want, "1")
			v.at = at
			h.fields[f] = v
		}
	}
	m.expect("["+gostrings.Join(want, " ")+"]", counted(words, names)...)
}

func (m *model) persist() {
	key, names := m.key(), m.some()
	var want []string
	h := m.get(key)
	for _, f := range names {
		v, ok := modelField{}, false
		if h != nil {
			v, ok = h.fields[f]
		}
		switch {
		case !ok:
			want = append(want, "-2")
		case v.at == 0:
			want = append(want, "-1")
		default:
			want = append(want, "1")
			v.at = 0
			h.fields[f] = v
		}
	}
	m.expect("["+gostrings.Join(want, " ")+"]", counted([]string{"HPERSIST", key}, names)...)
}

// setEx is HSETEX, HGETEX or HGETDEL.
func (m *model) setEx() {
	key, f, v, at := m.key(), m.field(), m.value(), m.at()
	px := []string{"PXAT", strconv.FormatInt(at, 10)}
	h := m.make(key)
	old, there := h.fields[f]
	shown := "[-]"
	if there {
		shown = "[" + old.value + "]"
	}
	gone := at <= m.now()
	switch m.rnd.IntN(4) {
	case 0:
		delete(h.fields, f)
		m.expect(shown, counted([]string{"HGETDEL", key}, []string{f})...)
	case 1:
		if there && gone {
			delete(h.fields, f)
		} else if there {
			h.fields[f] = modelField{old.value, at}
		}
		m.expect(shown, counted(append([]string{"HGETEX", key}, px...), []string{f})...)
	case 2:
		if gone {
			delete(h.fields, f)
		} else {
			h.fields[f] = modelField{v, at}
		}
		m.expect("1", append(append([]string{"HSETEX", key}, px...), "FIELDS", "1", f, v)...)
	default:
		h.fields[f] = modelField{v, old.at}
		m.expect("1", "HSETEX", key, "KEEPTTL", "FIELDS", "1", f, v)
	}
}

// generic is a command that knows nothing of fields.
func (m *model) generic() {
	key, to := m.key(), m.key()
	h := m.get(key)
	switch m.rnd.IntN(6) {
	case 0:
		at := m.now() + 1 + m.rnd.Int64N(200)
		want := "0"
		if h != nil {
			h.at, want = at, "1"
		}
		m.expect(want, "PEXPIREAT", key, strconv.FormatInt(at, 10))
	case 1:
		want := "0"
		if h != nil && h.at != 0 {
			h.at, want = 0, "1"
		}
		m.expect(want, "PERSIST", key)
	case 2:
		if h != nil && key != to {
			m.hashes[to] = &modelHash{maps.Clone(h.fields), h.at}
			m.expect("1", "COPY", key, to, "REPLACE")
		}
	case 3:
		if h != nil && key != to {
			m.hashes[to] = h
			delete(m.hashes, key)
			m.expect("OK", "RENAME", key, to)
		}
	case 4:
		delete(m.hashes, key)
		m.do("DEL", key)
	case 5:
		m.s.Config.HashMaxListpackEntries = []int64{0, 5, 512}[m.rnd.IntN(3)]
		m.r.Config.HashMaxListpackEntries = m.s.Config.HashMaxListpackEntries
	}
}

func (m *model) read() {
	key, names := m.key(), m.some()
	h := m.get(key)
	if h == nil {
		h = &modelHash{}
	}
	m.expect(strconv.Itoa(len(h.fields)), "HLEN", key)
	var got, ttl []string
	for _, f := range names {
		v, ok := h.fields[f]
		switch {
		case !ok:
			got, ttl = append(got, "-"), append(ttl, "-2")
		case v.at == 0:
			got, ttl = append(got, v.value), append(ttl, "-1")
		default:
			got, ttl = append(got, v.value), append(ttl, strconv.FormatInt(v.at-m.now(), 10))
		}
	}
	m.expect("["+gostrings.Join(got, " ")+"]", append([]string{"HMGET", key}, names...)...)
	m.expect("["+gostrings.Join(ttl, " ")+"]", counted([]string{"HPTTL", key}, names)...)
	at := h.at
	if at == 0 {
		at = -1
	}
	if len(h.fields) > 0 {
		m.expect(strconv.FormatInt(at, 10), "PEXPIRETIME", key)
	}
	want := slices.Sorted(maps.Keys(h.fields))
	for _, words := range [][]string{{"HKEYS", key}, {"HRANDFIELD", key, "1000"}} {
		shown := gostrings.Trim(m.do(words...), "[]")
		if got := slices.Sorted(slices.Values(gostrings.Fields(shown))); !slices.Equal(got, want) {
			m.t.Fatalf("%q: %q, want %q", words, got, want)
		}
	}
	if n := len(h.fields) / 2; n > 0 {
		shown := gostrings.Fields(gostrings.Trim(m.do("HRANDFIELD", key, strconv.Itoa(n)), "[]"))
		slices.Sort(shown)
		if len(slices.Compact(shown)) != n {
			m.t.Fatalf("HRANDFIELD %s %d: %q", key, n, shown)
		}
		for _, f := range shown {
			if _, ok := h.fields[f]; !ok {
				m.t.Fatalf("HRANDFIELD shows %q", f)
			}
		}
	}
}

// pass lets time pass, perhaps with the background at work.
func (m *model) pass() {
	ms := m.rnd.Int64N(30)
	m.s.pass(ms)
	if m.rnd.IntN(2) == 0 {
		m.s.expire()
		m.replay()
	}
}

// same compares the server and its replica with the model, when nothing is left that
// has expired.
func (m *model) same() {
	for _, key := range m.keys {
		m.do("TYPE", key) // what has expired goes
	}
	volatile := 0
	for _, key := range m.keys {
		h := m.get(key)
		for _, s := range []*server{m.s, m.r} {
			if h == nil {
				if got := s.do("EXISTS " + key); got != "0" {
					m.t.Fatalf("%s is there", key)
				}
				continue
			}
			for f, v := range h.fields {
				got := s.do("HMGET " + key + " " + f)
				at := s.do("HPEXPIRETIME " + key + " FIELDS 1 " + f)
				want := max(v.at, 0)
				if want == 0 {
					want = -1
				}
				if got != "["+v.value+"]" || at != fmt.Sprintf("[%d]", want) {
					m.t.Fatalf("%s: %s is %.100s until %s, want %.100s until %d (replica: %v)", key, f, got, at, v.value, v.at, s == m.r)
				}
			}
			if got := s.do("HLEN " + key); got != strconv.Itoa(len(h.fields)) {
				m.t.Fatalf("%s: %s fields, want %d", key, got, len(h.fields))
			}
		}
		if h != nil && h.at != 0 {
			volatile++
		}
	}
	if got := m.s.Store.Volatile(0); got != volatile {
		m.t.Fatalf("%d keys with a deadline, want %d", got, volatile)
	}
	if got := m.s.Store.Len(0); got != len(m.hashes) {
		m.t.Fatalf("%d keys, want %d", got, len(m.hashes))
	}
}

// scope is a test of which the cleanup is done early.
type scope struct {
	testing.TB
	cleanup []func()
}

func (s *scope) Cleanup(f func()) { s.cleanup = append(s.cleanup, f) }

func TestModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		sc := &scope{TB: t}
		defer func() {
			for _, f := range sc.cleanup {
				f()
			}
		}()
		m := &model{
			t: rt, s: newServer(sc), r: newServer(sc), hashes: map[string]*modelHash{},
			keys: []string{"h1", "h2", "h3", "a-rather-long-name-of-a-key"}, longest: rapid.SampledFrom([]int{20, 100, 4000}).Draw(rt, "longest"),
		}
		m.rnd = rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
		for i := range rapid.SampledFrom([]int{3, 12, 50}).Draw(rt, "fields") {
			m.fields = append(m.fields, []string{"f", "field:", "", "name-of-a-field-"}[i%4]+strconv.Itoa(i))
		}
		m.s.Record()
		actions := []func(){
			m.set, m.set, m.set, m.set, m.setNX, m.incr, m.del, m.expire, m.expire, m.expire, m.persist, m.setEx,
			m.generic, m.read, m.read, m.pass, m.pass,
		}
		for range rapid.IntRange(1, 300).Draw(rt, "steps") {
			actions[m.rnd.IntN(len(actions))]()
		}
		m.same()
		for _, s := range []*server{m.s, m.r} {
			s.do("DEL " + gostrings.Join(m.keys, " "))
			s.checkMemory(rt)
		}
	})
}

// checkMemory verifies that nothing but tables is left of removed keys.
func (s *server) checkMemory(t *rapid.T) {
	for i := range s.Store.Shards() {
		sh := s.Store.Shard(i)
		for sh.Reclaim(1000) {
		}
		if live, tables := int(sh.Arena().Live()), sh.DB(0).TableBytes(); live != tables {
			t.Fatalf("%d bytes are live, %d of them tables", live, tables)
		}
		if n := sh.Perishable(); n != 0 {
			t.Fatalf("%d records are on the wheel", n)
		}
	}
}
