package store

import (
	"fmt"
	"testing"

	"github.com/redstart-db/redstart/internal/ds/dict"
)

// TestCopyInSteps makes copies of a large set for another shard: one that is taken, one
// that a change spoils, one that a flush does, and one that is given up.
func TestCopyInSteps(t *testing.T) {
	st, err := New(Options{Shards: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	st.Lock(st.All())
	defer st.Unlock(st.All())
	key := func(shard int) (k Key) {
		for i := 0; k.B == nil || st.ShardOf(k.H).ID() != shard; i++ {
			k = st.Key(fmt.Append(nil, "key", i))
		}
		return k
	}
	from, to := key(0), key(1)
	src, dst := st.Shard(0).DB(0), st.Shard(1).DB(0)
	const n = 10_000
	fill := func() {
		d := new(dict.Dict)
		d.Init(src.Arena(), dict.Set)
		for i := range n {
			d.Add(fmt.Append(nil, "member:", i))
		}
		src.NewObject(from, src.Find(from), Set, d, 0)
	}
	begin := func(steps int) *Copying {
		c := src.CopyInSteps(from, src.Find(from), dst)
		for range steps {
			if c.Step() {
				t.Fatalf("done after less than %d steps", steps)
			}
		}
		return c
	}
	empty := func(what string) {
		t.Helper()
		for i := range 2 {
			for st.Shard(i).Reclaim(1000) {
			}
			if live := st.Shard(i).Arena().Live(); live > 512 {
				t.Fatalf("%s: %d bytes are left in shard %d", what, live, i)
			}
		}
	}

	fill()
	c := begin(n / copyElements / 2)
	for !c.Step() {
	}
	c.Offer()
	o := c.to
	dst.Take(to, dst.Find(to), from, src.Find(from))
	c.End()
	if e := dst.Find(to); e.Object() != o || o.Len() != n || src.Find(from).Ok() {
		t.Fatal("the copy was not taken")
	}
	dst.Remove(to, dst.Find(to))
	empty("taken")

	fill()
	c = begin(10)
	src.Announce(from)
	if !c.Step() || !c.Spoiled() {
		t.Fatal("a change does not spoil the copy")
	}
	c.Offer()
	if dst.Copy(to, dst.Find(to), src.Find(from), 0).Object() == c.to || !src.Find(from).Ok() {
		t.Fatal("a spoiled copy was taken")
	}
	c.End()
	if src.told || src.copies != nil {
		t.Fatal("the source still tells of changes")
	}
	src.Remove(from, src.Find(from))
	dst.Remove(to, dst.Find(to))
	empty("spoiled")

	fill()
	c = begin(10)
	st.Flush(0)
	if !c.Step() {
		t.Fatal("a flush does not spoil the copy")
	}
	c.Offer()
	c.End()
	src, dst = st.Shard(0).DB(0), st.Shard(1).DB(0) // they are new ones
	empty("flushed")

	fill()
	c = begin(10)
	c.End()
	if src.Remove(from, src.Find(from)); dst.Len() != 0 {
		t.Fatal("a copy came to be that was given up")
	}
	empty("given up")
}
