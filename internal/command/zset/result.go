package zset

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/ds/zset"
	"github.com/redstart-db/redstart/internal/store"
)

// result is a sorted set in the making, which is to be stored or shown. It copies
// what it is made of. When it has more than a few elements it is in the arena of
// the shard of its key.
type result struct {
	c         *command.Ctx
	k         store.Key
	ks        *store.Keyspace
	few       few
	z         *zset.ZSet // nil until fill
	big       bool       // the elements are in z
	unordered bool       // collected there, and not in order yet
}

func newResult(c *command.Ctx, k store.Key) result {
	return result{c: c, k: k, ks: c.Keyspace(k)}
}

// fill runs f, which adds the elements, all by add or all by join. Behind it they
// are in order.
func (r *result) fill(f func()) {
	r.z = new(zset.ZSet)
	r.z.Init(r.ks.Arena())
	r.ks.Build(r.z, func() {
		f()
		switch {
		case r.unordered:
			r.z.Order()
		case !r.big:
			r.few.sort()
		}
	})
}

// expect says that about n elements will be added, in any order if they are to be
// joined.
func (r *result) expect(n int, unordered bool) {
	if n > fewElements {
		r.enlarge(unordered)
		r.z.Expect(n)
	} else {
		r.few.expect(n)
	}
}

// enlarge has the elements in z from now on.
func (r *result) enlarge(unordered bool) {
	r.big, r.unordered = true, unordered
	for _, e := range r.few.list {
		if unordered {
			r.z.Collect(r.few.member(e), e.score)
		} else {
			r.z.Append(r.few.member(e), e.score)
		}
	}
	r.few = few{}
}

// add adds a member that is not there, sooner if it belongs behind the others.
func (r *result) add(member []byte, score float64) {
	if !r.big {
		if r.few.fits(member) {
			r.few.add(member, score)
			return
		}
		r.enlarge(false)
	}
	r.z.Append(member, score)
}

// join adds a member, or joins the scores if it is there.
func (r *result) join(member []byte, score float64, agg aggregate) {
	if !r.big {
		e, place := r.few.find(r.c.Store.Key(member).H, member)
		if e != nil {
			e.score = agg.join(e.score, score)
			return
		}
		if r.few.fits(member) {
			r.few.add(member, score)
			*place = uint16(len(r.few.list))
			return
		}
		r.enlarge(true)
	}
	if e, created := r.z.Collect(member, score); !created {
		e.SetScore(agg.join(e.Score(), score))
	}
}

func (r *result) len() int {
	if r.big {
		return r.z.Len()
	}
	return len(r.few.list)
}

// each calls yield for all elements in order, until it returns false.
func (r *result) each(yield func(member []byte, score float64) bool) {
	for _, e := range r.few.list {
		if !yield(r.few.member(e), e.score) {
			return
		}
	}
	if r.big {
		for at := r.z.First(); at.Valid(); at.Next() {
			if !yield(at.Member(), at.Score()) {
				return
			}
		}
	}
}

// show replies with the elements and ends the result.
func (r *result) show(scores bool) {
	c := r.c
	replyHeader(c, r.len(), scores)
	nested := scores && c.Resp3()
	for member, score := range r.each {
		if nested {
			c.Array(2)
		}
		c.Bulk(member)
		if scores {
			c.Double(score)
		}
	}
	r.ks.Discard(r.z)
}

// store puts the result in the place of what the key has, and replies with the
// number of elements. Without any, the key is removed.
func (r *result) store(event string) {
	c := r.c
	e := c.Write(r.k)
	there, n := e.Ok(), r.len()
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
		if !r.big {
			r.ks.Build(r.z, func() {
				r.z.Expect(r.len())
				for member, score := range r.each {
					r.z.Append(member, score)
				}
			})
		}
		r.ks.NewObject(r.k, e, store.ZSet, r.z, 0)
		return
	}
	r.ks.Build(r.z, func() {
		e = r.ks.NewPacked(r.k, e, store.ZSet, []byte(listpack.Empty), room, 0)
	})
	p := zset.Packed(e.Pack())
	for member, score := range r.each {
		p = p.Append(member, score)
	}
	r.ks.Discard(r.z)
}

// packedSize is the size in bytes of the small form, if the elements may have
// that.
func (r *result) packedSize() (size int, ok bool) {
	cfg := r.c.Config
	if int64(r.len()) > cfg.ZsetMaxListpackEntries {
		return 0, false
	}
	size = len(listpack.Empty)
	for member, score := range r.each {
		if size += zset.PairSize(member, score); int64(len(member)) > cfg.ZsetMaxListpackValue || size > listpack.SafeSize {
			return 0, false
		}
	}
	return size, true
}
