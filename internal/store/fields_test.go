package store

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/redstart-db/redstart/internal/ds/dict"
	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/ds/triples"
	"pgregory.net/rapid"
)

// hashes makes hashes with n fields, f0 and so on, packed or as tables.
func (ks *Keyspace) newHash(k Key, n int, packed bool, deadline int64) Entry {
	e := ks.Find(k)
	if !packed {
		d := new(dict.Dict)
		d.Init(ks.Arena(), dict.Hash)
		for i := range n {
			d.Set(fmt.Appendf(nil, "f%d", i), fmt.Appendf(nil, "value %d", i))
		}
		return ks.NewObject(k, e, Hash, d, deadline)
	}
	p := listpack.New(0)
	for i := range n {
		p = listpack.Append(listpack.Append(p, fmt.Appendf(nil, "f%d", i)), fmt.Appendf(nil, "value %d", i))
	}
	return ks.NewPacked(k, e, Hash, p, 0, deadline)
}

// setField gives a field a deadline.
func (ks *Keyspace) setField(e Entry, field string, at int64) Entry {
	e = ks.MakeTimed(e)
	if e.Packed() {
		e = ks.Grow(e, triples.NeedDeadline(e.Pack()))
		pos, ok := triples.Find(e.Pack(), []byte(field))
		if !ok {
			panic("no such field")
		}
		triples.SetDeadline(e.Pack(), pos, at)
	} else {
		d := e.Object().(*dict.Dict)
		el, _ := d.Find([]byte(field))
		d.SetDeadline(el, at)
	}
	return ks.Retime(e)
}

// checkTimed verifies the invariants of timed hashes.
func checkTimed(t tb, ks *Keyspace) {
	t.Helper()
	ks.Each(func(e Entry) {
		if !e.Timed() {
			return
		}
		next := e.NextField()
		if next == 0 {
			t.Fatalf("%q has no field with a deadline", e.Key())
		}
		if at := e.filing(e.Deadline()); e.due() > at {
			t.Fatalf("%q is filed at %d, but due at %d", e.Key(), e.due(), at)
		}
		if e.Type() != Hash || e.Volatile() != (e.Deadline() != 0) {
			t.Fatalf("%q: a %s, volatile %v, until %d", e.Key(), e.Type(), e.Volatile(), e.Deadline())
		}
	})
}

type timedModel struct {
	at     int64
	fields map[string]int64 // deadlines
}

// TestTimedHashes moves, copies, defragments and overwrites hashes of which fields
// have deadlines, and lets time pass in steps.
func TestTimedHashes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		g := &gone{}
		st, err := New(Options{Shards: 2, Databases: 2, Reserve: 64 << 20, Hooks: g})
		if err != nil {
			rt.Fatal(err)
		}
		defer st.Close()
		rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
		now := int64(1_700_000_000_000)
		st.SetTime(now)
		model := map[string]*timedModel{}
		name := func() string { return fmt.Sprintf("key:%d", rnd.IntN(30)) }
		when := func() int64 { return now + []int64{0, 1 + rnd.Int64N(50), 1 + rnd.Int64N(1<<20), 1 << 44}[rnd.IntN(4)] }
		later := func() int64 { return now + 1 + rnd.Int64N(100_000)*rnd.Int64N(2) }
		// look looks a key up, in the model too.
		look := func(key string) (*Keyspace, Key, Entry, *timedModel) {
			ks, k := st.at(0, key)
			e := ks.Lookup(k, now)
			m := model[key]
			if m != nil {
				for f, at := range m.fields {
					if at != 0 && at <= now {
						delete(m.fields, f)
					}
				}
				if len(m.fields) == 0 || m.at != 0 && m.at <= now {
					delete(model, key)
					m = nil
				}
			}
			if e.Ok() != (m != nil) || e.Ok() && e.Deadline() != m.at {
				rt.Fatalf("%s: %v until %d, want %+v", key, e.Ok(), e.Deadline(), m)
			}
			return ks, k, e, m
		}
		var defrag Defrag
		for range rapid.IntRange(1, 400).Draw(rt, "steps") {
			key, to := name(), name()
			ks, k, e, m := look(key)
			switch rnd.IntN(10) {
			case 0, 1:
				n := 1 + rnd.IntN(50)
				m = &timedModel{fields: map[string]int64{}}
				if rnd.IntN(3) == 0 {
					m.at = later()
				}
				for i := range n {
					m.fields[fmt.Sprintf("f%d", i)] = 0
				}
				model[key] = m
				ks.newHash(k, n, rnd.IntN(2) == 0, m.at)
			case 2, 3, 4:
				if m == nil {
					continue
				}
				for f := range m.fields {
					if m.fields[f] = when(); rnd.IntN(2) == 0 {
						m.fields[f] = 0
					}
					e = ks.setField(e, f, m.fields[f])
					if rnd.IntN(3) == 0 {
						break
					}
				}
			case 5:
				if m != nil {
					if m.at = 0; rnd.IntN(2) == 0 {
						m.at = later()
					}
					ks.SetDeadline(k, e, m.at)
				}
			case 6:
				if m == nil || key == to {
					continue
				}
				look(to)
				other, k2 := st.at(0, to)
				if rnd.IntN(2) == 0 {
					c := &timedModel{m.at, map[string]int64{}}
					for f, at := range m.fields {
						c.fields[f] = at
					}
					model[to] = c
					other.Copy(k2, other.Find(k2), ks.Find(k), m.at)
				} else {
					model[to] = m
					delete(model, key)
					other.Take(k2, other.Find(k2), k, ks.Find(k))
				}
			case 7:
				if m != nil {
					delete(model, key)
					ks.Remove(k, e)
				}
			case 8:
				now += rnd.Int64N(100) * rnd.Int64N(1000)
				for i := range st.shards {
					for more := rnd.IntN(2) == 0; more; {
						_, more = st.shards[i].DB(0).Expire(now, 1+rnd.IntN(20))
						checkTimed(rt, st.shards[i].DB(0))
					}
				}
			case 9:
				defrag.Step(&st.shards[rnd.IntN(2)])
			}
		}
		for key := range model {
			look(key)
		}
		for i := range st.shards {
			checkTimed(rt, st.shards[i].DB(0))
			checkShard(rt, &st.shards[i])
		}
		if st.Len(0) != len(model) {
			rt.Fatalf("%d keys, want %d", st.Len(0), len(model))
		}
		for i := range st.shards {
			ks := st.shards[i].DB(0)
			ks.Expire(math.MaxInt64>>1, math.MaxInt)
			ks.Each(func(e Entry) {
				if e.Perishable() {
					rt.Fatalf("%q has not expired", e.Key())
				}
			})
		}
		st.Flush(0)
		checkEmpty(rt, st)
	})
}

// TestExpireManyFields removes very many fields of one hash a few at a time.
func TestExpireManyFields(t *testing.T) {
	const fields, limit = 20_000, 200
	g := &gone{}
	st := newStore(t, Options{Shards: 1, Hooks: g})
	ks, k := st.at(0, "h")
	e := ks.newHash(k, fields, false, 0)
	d := e.Object().(*dict.Dict)
	e = ks.MakeTimed(e)
	for i := range fields - 1 {
		el, _ := d.Find(fmt.Appendf(nil, "f%d", i))
		d.SetDeadline(el, 1000)
	}
	ks.Retime(e)
	steps := 0
	for more := true; more; steps++ {
		left := d.Len()
		if _, more = ks.Expire(2000, limit); left-d.Len() > limit {
			t.Fatalf("%d fields at once", left-d.Len())
		}
	}
	if d.Len() != 1 || len(g.fields) != fields-1 || st.shards[0].ExpiredFields() != fields-1 {
		t.Errorf("%d fields are left, %d were told of, %d counted", d.Len(), len(g.fields), st.shards[0].ExpiredFields())
	}
	if steps > fields/limit+2 {
		t.Errorf("%d steps", steps)
	}
	if e = ks.Find(k); e.Timed() || ks.linked != 0 {
		t.Error("the hash is still timed")
	}
}

// TestTimedExhausted finds no memory when fields are to get deadlines.
func TestTimedExhausted(t *testing.T) {
	for _, packed := range []bool{true, false} {
		st := newStore(t, Options{Shards: 1, Reserve: 4 << 20})
		ks, k := st.at(0, "h")
		ks.newHash(k, 60, packed, 5000)
		ks.newHash(Key{B: []byte("block"), H: st.Key([]byte("block")).H}, 300, packed, 0)
		for size, i := 40_000, 0; size > 0; i++ {
			filler := st.Key(fmt.Appendf(nil, "filler:%d", i))
			if exhausts(func() { ks.SetText(filler, ks.Find(filler), make([]byte, size), 0) }) {
				size = size * 9 / 10
			}
		}
		for _, key := range []string{"h", "block"} {
			_, k := st.at(0, key)
			was, deadline := ks.Find(k).MemoryUsage(), ks.Find(k).Deadline()
			if packed && !exhausts(func() { ks.MakeTimed(ks.Find(k)) }) {
				t.Errorf("%s: there was memory", key)
			}
			if e := ks.Find(k); packed && (e.Timed() || e.MemoryUsage() != was || e.Deadline() != deadline) {
				t.Errorf("%s has changed", key)
			}
		}
		checkShard(t, &st.shards[0])
	}
}
