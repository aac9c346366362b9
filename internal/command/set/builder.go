package set

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/ds/intset"
	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/num"
	"github.com/redstart-db/redstart/internal/store"
)

// builder makes a set that no key has yet. While it is small it lies on the Go heap,
// else in the arena of a keyspace. Whoever has one defers drop.
type builder struct {
	c    *command.Ctx
	ks   *store.Keyspace
	text bool // not to be an intset, whatever the members are
	set  view
	// Room of the small forms, kept from set to set.
	ints, lp []byte
}

// start begins a set in a keyspace.
func (b *builder) start(c *command.Ctx, ks *store.Keyspace) {
	b.c, b.ks, b.text, b.set = c, ks, false, view{}
}

func (b *builder) len() int { return b.set.len() }

// add adds a member, unless it is there, and tells whether it was not.
func (b *builder) add(m []byte) (added bool) {
	s := &b.set
	if s.big == nil && s.lp == nil && !b.text {
		n, ok := num.ParseInt(m)
		if s.ints == nil && ok {
			b.ints = append(b.ints[:0], intset.Empty...)
			s.ints = b.ints
		}
		if ok {
			if _, found := intset.Find(s.ints, n); found {
				return false
			}
			if int64(intset.Len(s.ints)) < b.c.Config.SetMaxIntsetEntries {
				s.ints, _ = intset.Add(s.ints, n)
				return true
			}
		}
	}
	if s.big == nil {
		if s.lp != nil {
			if _, found := listpack.Find(s.lp, listpack.HeaderSize, m, 0); found {
				return false
			}
		} else {
			b.toListpack()
		}
		if s.lp != nil && fits(b.c, s.lp, m) {
			s.lp = listpack.Append(s.lp, m)
			return true
		}
		b.toTable()
	}
	_, added = s.big.Add(m)
	return added
}

// expect says that about n members will be added to a set that has none, when it is
// known that they make a table.
func (b *builder) expect(n int) {
	if s := &b.set; s.big == nil && s.ints == nil && s.lp == nil {
		b.toTable()
		b.set.big.Expect(n)
	}
}

// toListpack leaves a listpack in the place of an intset or of nothing, or, when the
// intset has more members than that may have, leaves it alone.
func (b *builder) toListpack() {
	s := &b.set
	n := s.len()
	if int64(n) > b.c.Config.SetMaxListpackEntries {
		return
	}
	lp := append(b.lp[:0], listpack.Empty...)
	for i := range n {
		lp = listpack.AppendInt(lp, intset.Get(s.ints, i))
	}
	if s.ints != nil {
		b.ints = keep(s.ints)
	}
	s.lp, s.ints = lp, nil
}

func (b *builder) toTable() {
	s := &b.set
	d := newDict(b.ks)
	old := *s
	*s = view{big: d} // so that drop frees it
	switch {
	case old.ints != nil:
		addIntset(d, old.ints)
		b.ints = keep(old.ints)
	case old.lp != nil:
		addListpack(d, old.lp)
		b.lp = keep(old.lp)
	}
}

// keptRoom is the largest piece of the Go heap that is kept from set to set.
const keptRoom = 64 << 10

// keep gives room back unless it is too large to be kept.
func keep(p []byte) []byte {
	if cap(p) > keptRoom {
		return nil
	}
	return p[:0]
}

// install stores the set, which has members, under k in the place of e.
func (b *builder) install(k store.Key, e store.Entry, deadline int64) {
	s := b.set
	switch {
	case s.big != nil:
		b.set = view{} // it belongs to the store from now on
		b.ks.NewObject(k, e, store.Set, s.big, deadline)
	case s.ints != nil:
		b.ks.NewPacked(k, e, store.Set, s.ints, len(s.ints), deadline)
	default:
		b.ks.NewPacked(k, e, store.Set, s.lp, len(s.lp), deadline)
	}
}

// drop frees what was not installed. The builder may be used again after it.
func (b *builder) drop() {
	s := b.set
	b.set = view{}
	switch {
	case s.big != nil:
		b.ks.Discard(s.big)
	case s.ints != nil:
		b.ints = keep(s.ints)
	case s.lp != nil:
		b.lp = keep(s.lp)
	}
	b.c, b.ks = nil, nil
}
