package persist

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/redstart-db/redstart/internal/ds/dict"
	"github.com/redstart-db/redstart/internal/ds/qlist"
	"github.com/redstart-db/redstart/internal/ds/zset"
	"github.com/redstart-db/redstart/internal/serial"
	"github.com/redstart-db/redstart/internal/snapshot"
	"github.com/redstart-db/redstart/internal/store"
)

// Of a large collection, too, there is never more than a piece in memory, and the pieces are
// what is written at once otherwise.
func TestHeldSourceGivesPieces(t *testing.T) {
	const slack = 16 << 10 // a node of a list, and what stands before a value
	for kind, st := range largeCollections(t) {
		var e store.Entry
		for i := range st.Shards() {
			st.Shard(i).DB(0).Each(func(it store.Entry) { e = it })
		}
		value := serial.Append(nil, e, true)
		src := Held(st, true, snapshot.NoAccess)
		var all []byte
		buf, pieces := make([]byte, 0, WriteMemory), 0
		for done := false; !done; pieces++ {
			buf, done = src.Next(buf[:0])
			if len(buf) > writeSize+slack {
				t.Errorf("%s: a piece of %d bytes", kind, len(buf))
			}
			all = append(all, buf...)
		}
		if pieces < 4 || !bytes.HasSuffix(all, value) {
			t.Errorf("%s: %d pieces of %d bytes, the value has %d", kind, pieces, len(all), len(value))
		}
		src.Close()
	}
}

// A walk that is given up ends, wherever it is.
func TestHeldSourceIsGivenUp(t *testing.T) {
	for _, st := range largeCollections(t) {
		src := Held(st, true, snapshot.NoAccess)
		src.Close() // before it has begun
		src = Held(st, true, snapshot.NoAccess)
		if _, done := src.Next(nil); done {
			t.Fatal("that was all")
		}
		src.Close() // returns when the coroutine has
		if _, more := src.next(); more {
			t.Error("the walk goes on")
		}
	}
}

// largeCollections gives stores that have one collection each, by kind.
func largeCollections(t *testing.T) map[string]*store.Store {
	stores := map[string]*store.Store{}
	add := func(kind string, ty store.Type, make func(ks *store.Keyspace) store.Object) {
		st, err := store.New(store.Options{Shards: 2, Databases: 1})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { st.Close() })
		k := st.Key([]byte("k"))
		ks := st.ShardOf(k.H).DB(0)
		ks.NewObject(k, ks.Find(k), ty, make(ks), 0)
		stores[kind] = st
	}
	const n = 100_000
	add("set", store.Set, func(ks *store.Keyspace) store.Object {
		d := new(dict.Dict)
		d.Init(ks.Arena(), dict.Set)
		for i := range n {
			d.Add(fmt.Appendf(nil, "member:%08d", i))
		}
		return d
	})
	add("sorted set", store.ZSet, func(ks *store.Keyspace) store.Object {
		z := new(zset.ZSet)
		z.Init(ks.Arena())
		for i := range n {
			z.Set(fmt.Appendf(nil, "member:%08d", i), float64(i))
		}
		return z
	})
	add("list", store.List, func(ks *store.Keyspace) store.Object {
		l := new(qlist.List)
		l.Init(ks.Arena(), -2)
		for i := range n {
			l.PushBack(fmt.Appendf(nil, "%x", uint64(i)*0x9E3779B97F4A7C15))
		}
		return l
	})
	return stores
}
