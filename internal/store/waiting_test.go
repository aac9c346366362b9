package store

import (
	"slices"
	"testing"

	"github.com/redstart-db/redstart/internal/ds/listpack"
)

// TestReady checks which keys are ready for those who wait, and in which order:
// that in which they came to be.
func TestReady(t *testing.T) {
	one := listpack.Append([]byte(listpack.Empty), []byte("x"))
	for _, c := range []struct {
		name string
		gone bool // those who wait want to know what is gone, too
		act  func(st *Store)
		want []string
	}{
		{"nothing", false, func(*Store) {}, nil},
		{"created", false, func(st *Store) { st.put("b", List, one); st.put("a", ZSet, one) }, []string{"b", "a"}},
		{"a string", false, func(st *Store) {
			ks, k := st.at(0, "a")
			ks.SetString(k, ks.Find(k), []byte("v"), 0)
		}, nil},
		{"in another database", false, func(st *Store) {
			ks, k := st.at(1, "a")
			ks.NewPacked(k, ks.Find(k), List, one, 0, 0)
		}, nil},
		{"changed only", false, func(st *Store) {
			st.put("old", List, one)
			st.touch("old")
			st.touch("a")
		}, nil},
		{"of another type", false, func(st *Store) { st.put("old", ZSet, one) }, []string{"old"}},
		{"removed and created", false, func(st *Store) {
			ks, k := st.at(0, "old")
			ks.Remove(k, ks.Find(k))
			ks.Touch(k.B)
			st.put("a", List, one)
			st.put("old", List, one)
		}, []string{"a", "old"}},
		{"created, removed, created", false, func(st *Store) {
			st.put("a", List, one)
			st.put("b", List, one)
			ks, k := st.at(0, "a")
			ks.Remove(k, ks.Find(k))
			st.put("a", List, one)
		}, []string{"a", "b"}},
		{"renamed", false, func(st *Store) {
			ks, k := st.at(0, "old")
			to, b := st.at(0, "b")
			to.Take(b, to.Find(b), k, ks.Find(k))
		}, []string{"b"}},
		{"flushed", false, func(st *Store) { st.Flush(0) }, nil},
		{"swapped", false, func(st *Store) {
			ks, k := st.at(1, "b")
			ks.NewPacked(k, ks.Find(k), List, one, 0, 0)
			st.Swap(0, 1, 0)
		}, []string{"b"}},
		{"any change", true, func(st *Store) { st.touch("b"); st.touch("old") }, []string{"b", "old"}},
		{"flushed, to be known", true, func(st *Store) { st.Flush(1); st.touch("a"); st.Flush(0) }, []string{"a", "b", "old"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			shards := 2
			if c.gone {
				shards = 1 // a shard without keys has none to lose
			}
			st := newStore(t, Options{Shards: shards, Databases: 2, Reserve: 16 << 20})
			st.put("old", List, one)
			for _, name := range []string{"a", "b", "old"} {
				_, k := st.at(0, name)
				q, _ := st.ShardOf(k.H).Wait(0, name, nil)
				if c.gone {
					q.Gone++
				}
			}
			c.act(st)
			var got []string
			for {
				_, q := st.NextReady(st.All())
				if q == nil {
					break
				}
				got = append(got, q.Key())
			}
			if c.name == "flushed, to be known" && len(got) > 1 {
				slices.Sort(got[1:])
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("ready are %q, want %q", got, c.want)
			}
		})
	}
}

func (st *Store) put(name string, t Type, data []byte) {
	ks, k := st.at(0, name)
	ks.NewPacked(k, ks.Find(k), t, data, 0, 0)
}

func (st *Store) touch(name string) {
	ks, k := st.at(0, name)
	ks.Touch(k.B)
}
