package zset

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/ds/zset"
	"github.com/redstart-db/redstart/internal/store"
)

// result is a sorted set in the making, which is to be stored or shown. It is in
// the arena of the shard of its key, and copies what it is made of.
type result struct {
	c  *command.Ctx
	k  store.Key
	ks *store.Keyspace
	z  *zset.ZSet // nil until fill
}

func newResult(c *command.Ctx, k store.Key) result {
	return result{c: c, k: k, ks: c.Keyspace(k)}
}

// fill runs f, which adds elements to r.z.
func (r *result) fill(f func()) {
	r.z = new(zset.ZSet)
	r.z.Init(r.ks.Arena())
	r.ks.Build(r.z, f)
}

// show replies with the elements and ends the result.
func (r *result) show(scores bool) {
	v := view{big: r.z}
	replyRange(r.c, &v, 0, v.len(), false, scores)
	r.ks.Discard(r.z)
}

// store puts the result in the place of what the key has, and replies with the
// number of elements. Without any, the key is removed.
func (r *result) store(event string) {
	c := r.c
	e := c.Write(r.k)
	there, n := e.Ok(), 0
	if r.z != nil {
		n = r.z.Len()
	}
	c.Int(int64(n))
	if n > 0 {
		r.put(e)
		if !there {
			c.Event(r.k, command.NotifyNew, "new")
		}
		c.Changed(r.k, command.NotifyZSet, event)
		return
	}
	if r.z != nil {
		r.ks.Discard(r.z)
	}
	if there {
		r.ks.Remove(r.k, e)
		c.Changed(r.k, command.NotifyGeneric, "del")
	}
}

// put makes the elements the value of the key, in the place of e.
func (r *result) put(e store.Entry) {
	room, ok := r.packedSize()
	if !ok {
		r.ks.NewObject(r.k, e, store.ZSet, r.z, 0)
		return
	}
	r.ks.Build(r.z, func() {
		e = r.ks.NewPacked(r.k, e, store.ZSet, []byte(listpack.Empty), room, 0)
	})
	p := zset.Packed(e.Pack())
	for at := r.z.First(); at.Valid(); at.Next() {
		p = p.Append(at.Member(), at.Score())
	}
	r.ks.Discard(r.z)
}

// packedSize is the size in bytes of the small form, if the elements may have
// that.
func (r *result) packedSize() (size int, ok bool) {
	cfg := r.c.Config
	if int64(r.z.Len()) > cfg.ZsetMaxListpackEntries {
		return 0, false
	}
	size = len(listpack.Empty)
	for at := r.z.First(); at.Valid(); at.Next() {
		member := at.Member()
		if size += zset.PairSize(member, at.Score()); int64(len(member)) > cfg.ZsetMaxListpackValue || size > listpack.SafeSize {
			return 0, false
		}
	}
	return size, true
}
