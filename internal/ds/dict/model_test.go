package dict

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/redstart-db/redstart/internal/ds/zindex"
	"github.com/redstart-db/redstart/internal/mem"
)

type elem struct {
	value string
	score float64
	at    int64
}

// model is a Dict and the map that it has to equal. A sorted set has its index.
type model struct {
	t     fataler
	arena *mem.Arena
	d     Dict
	tree  zindex.Tree
	elems map[string]elem
}

type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

func newArena(t testing.TB, o mem.Options) *mem.Arena {
	a, err := mem.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

func newModel(t fataler, a *mem.Arena, kind Kind) *model {
	m := &model{t: t, arena: a, elems: map[string]elem{}}
	m.d.Init(a, kind)
	m.tree.Init(a, &m.d)
	return m
}

// try runs f and reports whether it had the memory it needed.
func try(f func()) (ok bool) {
	defer func() {
		if r := recover(); r != nil && r != any(mem.ErrExhausted) {
			panic(r)
		}
	}()
	f()
	return true
}

// set gives an element a value or a score, as HSET, SADD and ZADD do.
func (m *model) set(member string, to elem) {
	m.t.Helper()
	old, there := m.elems[member]
	var created bool
	ok := try(func() {
		switch m.d.Kind() {
		case Set:
			_, created = m.d.Add([]byte(member))
			to = elem{}
		case Hash:
			_, created = m.d.Set([]byte(member), []byte(to.value))
			to = elem{value: to.value}
		case ZSet:
			created = m.zadd(member, to.score)
			to = elem{score: to.score}
		}
	})
	if !ok {
		m.same(member, old, there)
		return
	}
	if created == there {
		m.t.Fatalf("%q: created %v, was there %v", member, created, there)
	}
	m.elems[member] = to
	m.same(member, to, true)
}

func (m *model) zadd(member string, score float64) (created bool) {
	e, created := m.d.AddScored([]byte(member), score)
	if created {
		if !try(func() { m.tree.Insert(score, e.Ref()) }) {
			m.d.Remove(e)
			panic(mem.ErrExhausted)
		}
		return true
	}
	m.tree.Update(e.Score(), e.Ref(), score)
	e.SetScore(score)
	return false
}

// keep gives a hash's field a value but leaves its deadline.
func (m *model) keep(member, value string) {
	old, there := m.elems[member]
	e, ok := m.d.Find([]byte(member))
	if ok != there {
		m.t.Fatalf("%q is there: %v, want %v", member, ok, there)
	}
	if !ok {
		return
	}
	if try(func() { e = m.d.SetValue(e, []byte(value)) }) {
		old.value = value
		m.elems[member] = old
	}
	m.sameElem(e, member, old)
	m.same(member, old, true)
}

func (m *model) expire(member string, at int64) {
	old, there := m.elems[member]
	e, ok := m.d.Find([]byte(member))
	if !ok {
		m.same(member, old, there)
		return
	}
	if try(func() { e = m.d.SetDeadline(e, at) }) {
		old.at = at
		m.elems[member] = old
	}
	m.sameElem(e, member, old)
	m.same(member, old, true)
}

func (m *model) remove(member string) {
	old, there := m.elems[member]
	if there && m.d.Kind() == ZSet {
		e, _ := m.d.Find([]byte(member))
		if !m.tree.Delete(old.score, e.Ref()) {
			m.t.Fatalf("%q is not in the tree", member)
		}
	}
	if m.d.Delete([]byte(member)) != there {
		m.t.Fatalf("removal of %q: was there %v", member, there)
	}
	delete(m.elems, member)
	m.same(member, elem{}, false)
}

// same checks one element.
func (m *model) same(member string, want elem, there bool) {
	m.t.Helper()
	e, ok := m.d.Find([]byte(member))
	if ok != there {
		m.t.Fatalf("%q is there: %v, want %v", member, ok, there)
	}
	if ok {
		m.sameElem(e, member, want)
	}
}

func (m *model) sameElem(e Elem, member string, want elem) {
	m.t.Helper()
	got := elem{at: e.Deadline()}
	switch m.d.Kind() {
	case Hash:
		got.value = string(e.Value())
	case ZSet:
		got.score = e.Score()
	}
	if string(e.Member()) != member || got != want {
		m.t.Fatalf("%.50q is %.99v, want %.50q, %.99v", e.Member(), got, member, want)
	}
}

// check compares everything, and the memory with the arena's account, in which
// nobody else may have blocks.
func (m *model) check() {
	m.t.Helper()
	seen := map[string]bool{}
	m.d.Each(func(e Elem) {
		member := string(e.Member())
		want, ok := m.elems[member]
		if !ok || seen[member] {
			m.t.Fatalf("%q is there: %v, met before: %v", member, ok, seen[member])
		}
		seen[member] = true
		m.sameElem(e, member, want)
	})
	if len(seen) != len(m.elems) || m.d.Len() != len(seen) {
		m.t.Fatalf("met %d elements, Len %d, want %d", len(seen), m.d.Len(), len(m.elems))
	}
	live := m.d.used + m.d.table.Buckets()*64 + m.tree.Bytes()
	if m.d.deadlines != nil {
		live += m.d.deadlines.Bytes()
	}
	if uint64(live) != m.arena.Live() {
		m.t.Fatalf("accounts for %d bytes, the arena for %d", live, m.arena.Live())
	}
	first, count := int64(math.MaxInt64), 0
	for _, e := range m.elems {
		if e.at != 0 {
			first = min(first, e.at)
			count++
		}
	}
	if e, ok := m.d.Next(); ok != (count > 0) || ok && e.Deadline() != first || m.d.Volatile() != count {
		m.t.Fatalf("%d volatile, want %d; the first of them is wrong or missing", m.d.Volatile(), count)
	}
	if m.d.Kind() == ZSet && m.tree.Len() != len(m.elems) {
		m.t.Fatalf("%d elements in the tree, want %d", m.tree.Len(), len(m.elems))
	}
}

// drop frees everything, at most max elements at a time.
func (m *model) drop(max int) {
	m.t.Helper()
	for !m.tree.Drop(max, nil) {
	}
	for was := m.d.Len(); !m.d.Drop(max); was = m.d.Len() {
		if n := was - m.d.Len(); n < max || n > max+12 {
			m.t.Fatalf("a step dropped %d elements, want %d", n, max)
		}
	}
	clear(m.elems)
	m.check()
	if m.arena.Live() != 0 {
		m.t.Fatalf("%d bytes are left", m.arena.Live())
	}
}

// defrag walks the table once and returns the number of records moved.
func (m *model) defrag() (moved int) {
	for pos, done := uint32(0), false; !done; {
		pos, done = m.d.Defrag(pos, func(e Elem, old mem.Ref) {
			moved++
			if m.d.Kind() == ZSet && !m.tree.SetRef(e.Score(), old, e.Ref()) {
				m.t.Fatalf("%q is not in the tree", e.Member())
			}
		})
	}
	return moved
}

// source makes members and values of all lengths that matter.
type source struct{ rnd *rand.Rand }

func (s source) member() string {
	k := fmt.Sprint(s.rnd.IntN(300))
	switch s.rnd.IntN(8) {
	case 0:
		return k + strings.Repeat("x", 120+len(k)%3+s.rnd.IntN(12))
	case 1:
		return ""
	}
	return k
}

func (s source) value() string {
	n := s.rnd.IntN(40)
	switch s.rnd.IntN(8) {
	case 0:
		n = 245 + s.rnd.IntN(20)
	case 1:
		n = inlineMax - 5 + s.rnd.IntN(10)
	case 2:
		n = s.rnd.IntN(50_000)
	}
	return strings.Repeat(string(rune('a'+s.rnd.IntN(26))), n)
}

// step makes one random change.
func (m *model) step(s source) {
	m.t.Helper()
	switch op := s.rnd.IntN(16); {
	case op < 8:
		m.set(s.member(), elem{value: s.value(), score: s.rnd.NormFloat64()})
	case op < 10 && m.d.Kind() == Hash:
		m.keep(s.member(), s.value())
	case op < 12 && m.d.Kind() == Hash:
		m.expire(s.member(), s.rnd.Int64N(20))
	default:
		m.remove(s.member())
	}
}
