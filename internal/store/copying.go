package store

import (
	"fmt"
	"slices"

	"github.com/redstart-db/redstart/internal/ds/dict"
	"github.com/redstart-db/redstart/internal/ds/qlist"
	"github.com/redstart-db/redstart/internal/ds/stream"
	"github.com/redstart-db/redstart/internal/ds/zset"
	"github.com/redstart-db/redstart/internal/invariants"
)

// Copying is a copy of a large collection that is made in steps, in the arena of the shard
// that it is for, while commands go on: so nobody waits for millions of elements. It ends
// with Offer, which has the next Copy or Take of the collection use what was made.
//
// # Invariants
//
//   - Until the end it is in the list of the keyspace of its source. There it is spoiled
//     by whatever changes or removes the source (see before), and is of no use then. Its
//     source may be freed as soon as it is spoiled, and is not touched any more.
//   - What was made is no key's. The arena of its shard is not reset meanwhile, and its
//     bytes do not count for the limit of memory until a key has it.
//
// Both shards must be locked for all methods but Shards.
type Copying struct {
	ks      *Keyspace // of the source
	hash    uint64    // of its key
	from    Object
	sh      *Shard // that the copy is for
	to      Object // nil when it was accepted or given up
	part    func() (done bool)
	counted int // bytes of it in Shard.unfinished
	spoiled bool
	ended   bool
}

// Bounds of a step: some 0.2 ms.
const (
	copyElements = 128
	copyBytes    = 256 << 10
	copyPlenty   = 128 << 10 // bytes from which on a copy is worth steps
)

// CopyInSteps begins a copy of the value of e, the entry of k, for the shard of another
// keyspace. It gives nil if the value may as well be copied at once, or a copy is offered.
func (ks *Keyspace) CopyInSteps(k Key, e Entry, dst *Keyspace) *Copying {
	if !e.Ok() {
		return nil
	}
	o := e.Object()
	if o == nil || o.Bytes() < copyPlenty || dst.sh.offers(o) {
		return nil
	}
	c := &Copying{ks: ks, hash: k.H, from: o, sh: dst.sh}
	c.to, _, c.part = dst.sh.copier(o)
	ks.copies, ks.told = append(ks.copies, c), true
	dst.sh.copying++
	return c
}

// Shards are those that have to be locked.
func (c *Copying) Shards() LockSet { return 1<<c.ks.sh.id | 1<<c.sh.id }

// Step copies some elements and tells whether there is nothing more to do. It panics with
// mem.ErrExhausted when there is no memory; End is to be called then.
func (c *Copying) Step() (done bool) {
	if c.spoiled {
		return true
	}
	c.sh.unmark()
	defer c.count() // also when there is no memory
	return c.part()
}

// count brings what the shard has of unfinished copies up to date.
func (c *Copying) count() {
	n := c.to.Bytes()
	c.sh.unfinished += n - c.counted
	c.counted = n
	c.sh.Note()
}

// Spoiled tells that the source has changed, so that the copy is worth nothing.
func (c *Copying) Spoiled() bool { return c.spoiled }

// Offer gives the copy to whoever copies or takes the source next, before End is called.
func (c *Copying) Offer() {
	c.leave()
	if !c.spoiled {
		if invariants.Enabled && (c.to.Len() != c.from.Len() || c.sh.offered != nil) {
			panic("store: the copy on offer is not whole")
		}
		c.sh.offered = c
	}
}

// End frees what nobody has accepted.
func (c *Copying) End() {
	c.leave()
	if c.sh.offered == c {
		c.sh.offered = nil
	}
	if c.to != nil {
		c.sh.discard(c.to)
		c.to = nil
	}
	c.sh.Note()
}

// leave has the source forget the copy.
func (c *Copying) leave() {
	if c.ended {
		return
	}
	c.ended = true
	ks := c.ks
	i := slices.Index(ks.copies, c)
	if ks.copies = slices.Delete(ks.copies, i, i+1); len(ks.copies) == 0 {
		ks.copies = nil
		ks.told = ks.moment != nil
	}
	c.sh.copying--
	c.sh.unfinished -= c.counted
}

// accept gives the copy of o that is offered, or nil.
func (sh *Shard) accept(o Object) (to Object) {
	if sh.offers(o) {
		to, sh.offered.to = sh.offered.to, nil
		sh.offered = nil
	}
	return to
}

// offers tells whether a copy of o is offered.
func (sh *Shard) offers(o Object) bool { return sh.offered != nil && sh.offered.from == o }

// spoilCopies is called when a keyspace is emptied.
func (ks *Keyspace) spoilCopies() {
	for _, c := range ks.copies {
		c.spoiled = true
	}
}

// copier gives an empty collection of the kind of o in the arena of the shard, and how to
// make it a copy of o: as a whole, or step by step.
func (sh *Shard) copier(o Object) (to Object, whole func(), part func() (done bool)) {
	switch o := o.(type) {
	case *dict.Dict:
		to, pos := new(dict.Dict), uint32(0)
		to.Init(sh.arena, o.Kind())
		return to, func() { o.CopyTo(to) }, func() (done bool) {
			pos, done = o.CopyPart(to, pos, copyElements, copyBytes)
			return done
		}
	case *qlist.List:
		to := new(qlist.List)
		to.Init(sh.arena, 0)
		return to, func() { o.CopyTo(to) }, func() bool { return o.CopyPart(to, copyBytes) }
	case *stream.Stream:
		to := new(stream.Stream)
		to.Init(sh.arena)
		c := o.CopyInto(to)
		return to, func() { o.CopyTo(to) }, func() bool { return c.Part(copyElements, copyBytes) }
	case *zset.ZSet:
		to := new(zset.ZSet)
		to.Init(sh.arena)
		return to, func() { o.CopyTo(to) }, func() bool { return o.CopyPart(to, copyElements, copyBytes) }
	}
	panic(fmt.Sprintf("store: no way to copy a %T", o))
}
