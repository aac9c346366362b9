package store

import (
	"testing"

	"github.com/redstart-db/redstart/internal/mem"
)

// tb is what *testing.T and *rapid.T share.
type tb interface {
	Helper()
	Fatalf(format string, args ...any)
}

// gone records what the store removed by itself.
type gone struct {
	keys   []string
	fields []string // as "key/field"
}

func (g *gone) Expired(_ *Keyspace, key []byte) { g.keys = append(g.keys, string(key)) }

func (g *gone) Evicted(_ *Keyspace, key []byte) { g.keys = append(g.keys, string(key)) }

func (g *gone) Full() {}

func (g *gone) Touched(*Keyspace, []byte, bool) {}

func (g *gone) FieldsExpired(_ *Keyspace, key []byte, fields [][]byte, gone bool) {
	for _, f := range fields {
		g.fields = append(g.fields, string(key)+"/"+string(f))
	}
	if gone {
		g.keys = append(g.keys, string(key))
	}
}

func newStore(t testing.TB, o Options) *Store {
	t.Helper()
	st, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	return st
}

func (st *Store) at(db int, key string) (*Keyspace, Key) {
	k := st.Key([]byte(key))
	return st.ShardOf(k.H).DB(db), k
}

// checkShard verifies that a shard's memory is just that of its tables and of
// the records that they hold, and that every wheel is whole.
func checkShard(t tb, sh *Shard) {
	t.Helper()
	want, objects := 0, 0
	var all []*Keyspace
	for _, g := range sh.garbage {
		if ks, ok := g.(*Keyspace); ok {
			all = append(all, ks)
		}
	}
	for db := range sh.dbs {
		all = append(all, sh.DB(db))
	}
	for _, ks := range all {
		want += ks.table.Buckets() * 64
		volatile, linked, timed := 0, 0, 0
		n := 0
		ks.Each(func(e Entry) {
			n++
			want += ks.arena.Usable(e.ref)
			if e.rec.enc() == encBlock {
				ref, size := block(ks.arena, e.ref, e.rec.valOff())
				want += ks.arena.Usable(ref)
				if size > ks.arena.Usable(ref) {
					t.Fatalf("a string of %d bytes in a block of %d", size, ks.arena.Usable(ref))
				}
			}
			switch e.rec.enc() {
			case encPackedBlock:
				want += ks.arena.Usable(e.blockRef())
			case encObject:
				want += e.Object().Bytes()
				objects++
			}
			if e.Deadline() != 0 {
				volatile++
			}
			if e.Perishable() {
				linked++
			}
			if e.Timed() {
				timed++
			}
			if slot, ref := ks.find(ks.st.Key(e.Key())); ref != e.ref {
				t.Fatalf("key %q is at %d, found at %d (%v)", e.Key(), e.ref, ref, slot)
			}
		})
		if n != ks.Len() || volatile != ks.volatile || linked != ks.linked || timed != ks.timed {
			t.Fatalf("%d keys, %d volatile, %d linked, %d timed; counted %d, %d, %d and %d", ks.Len(), ks.volatile, ks.linked, ks.timed, n, volatile, linked, timed)
		}
		checkWheel(t, ks)
	}
	// What objects take includes some bytes of the Go heap.
	if got := int(sh.arena.Live()); got > want || got < want-128*objects {
		t.Fatalf("%d bytes are live in the arena, %d are reachable", got, want)
	}
}

// checkWheel verifies the invariants of a wheel but the one on ticks, which does
// not hold between a step back of the clock and the next Expire.
func checkWheel(t tb, ks *Keyspace) {
	t.Helper()
	w := ks.wheel
	if w == nil {
		if ks.linked != 0 {
			t.Fatalf("%d volatile keys and no wheel", ks.linked)
		}
		return
	}
	n := 0
	for slot, head := range w.heads {
		if slot != pending && (head != 0) != (w.used[slot>>6]>>(slot&63)&1 != 0) {
			t.Fatalf("list %d: its bit does not tell whether it is empty", slot)
		}
		prev := uint32(headBit | slot)
		for ref := head; ref != 0; n++ {
			l := ks.links(ref)
			if prevOf(l) != prev {
				t.Fatalf("list %d: a record's prev is %x, not %x", slot, prevOf(l), prev)
			}
			if parse(ks.arena, ref).kind&kindVolatile == 0 {
				t.Fatalf("list %d holds a record without a deadline", slot)
			}
			prev, ref = uint32(ref), nextOf(l)
		}
	}
	if n != ks.linked {
		t.Fatalf("%d records on the wheel, %d are counted", n, ks.linked)
	}
}

// checkEmpty verifies that a store without keys holds no memory.
func checkEmpty(t tb, st *Store) {
	t.Helper()
	for i := range st.shards {
		sh := &st.shards[i]
		for sh.Reclaim(1000) {
		}
		checkShard(t, sh)
		if live := sh.arena.Live(); live != 0 {
			t.Fatalf("%d bytes are live in an empty shard", live)
		}
	}
}

// exhausts tells whether f runs out of memory.
func exhausts(f func()) (yes bool) {
	defer func() {
		if r := recover(); r == mem.ErrExhausted {
			yes = true
		} else if r != nil {
			panic(r)
		}
	}()
	f()
	return false
}
