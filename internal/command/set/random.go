package set

import (
	"math/rand/v2"

	"github.com/redstart-db/redstart/internal/bulks"
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/ds/dict"
	"github.com/redstart-db/redstart/internal/ds/intset"
	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/store"
)

// random gives any member of a set that is not empty. It is valid until the set
// changes.
func (v *view) random(rnd *rand.Rand) listpack.Value {
	switch {
	case v.big != nil:
		e, _ := v.big.Random(rnd)
		return listpack.Value{Str: e.Member()}
	case v.ints != nil:
		return listpack.Value{Int: intset.Get(v.ints, rnd.IntN(intset.Len(v.ints)))}
	}
	pos, _ := listpack.Seek(v.lp, rnd.IntN(listpack.Len(v.lp)))
	return listpack.Get(v.lp, pos)
}

func srandMember(c *command.Ctx) {
	if len(c.Args) > 2 {
		randomSome(c)
		return
	}
	e, ok := c.ReadType(c.Key(1), store.Set)
	switch {
	case !ok:
	case !e.Ok():
		c.Null()
	default:
		v := open(e)
		c.Out = bulks.AppendValue(c.Out, v.random(c.Rand()))
	}
}

func randomSome(c *command.Ctx) {
	if len(c.Args) > 3 {
		c.Err(command.ErrSyntax)
		return
	}
	n, _, ok := c.SampleSize("")
	if !ok {
		return
	}
	e, ok := c.ReadType(c.Key(1), store.Set)
	switch {
	case !ok:
	case !e.Ok() || n == 0:
		c.Array(0)
	case n < 0:
		v := open(e)
		v.repeated(c, -n)
	default:
		v := open(e)
		some := int(min(n, int64(v.len())))
		c.Array(some)
		if some == v.len() {
			c.Out = v.appendAll(c.Out)
		} else {
			v.distinct(c.Rand(), some, func(m listpack.Value) { c.Out = bulks.AppendValue(c.Out, m) })
		}
	}
}

// repeated shows n members, each any of all.
func (v *view) repeated(c *command.Ctx, n int64) {
	start, rnd := len(c.Out), c.Rand()
	if n > command.MaxRepeated && !c.Limited() {
		c.Err(command.ErrOutOfRange)
		return
	}
	var at []int32 // where the members of a listpack are
	if v.lp != nil && n > 1 {
		at = make([]int32, 0, v.len())
		for pos, end := listpack.HeaderSize, listpack.End(v.lp); pos < end; pos += listpack.EntrySize(v.lp, pos) {
			at = append(at, int32(pos))
		}
	}
	c.Array(int(n))
	for ; n > 0 && !c.Overflows(); n-- {
		if len(c.Out)-start > command.MaxRepeated {
			c.Out = c.Out[:start]
			c.Err(command.ErrOutOfRange)
			return
		}
		m := listpack.Value{}
		if at != nil {
			m = listpack.Get(v.lp, int(at[rnd.IntN(len(at))]))
		} else {
			m = v.random(rnd)
		}
		c.Out = bulks.AppendValue(c.Out, m)
	}
}

// distinct calls visit for n different members, of which there are at least so many.
// Of a packed set each is taken with the probability that what is wanted still is to
// what is left.
func (v *view) distinct(rnd *rand.Rand, n int, visit func(m listpack.Value)) {
	if v.big != nil {
		v.big.RandomDistinct(rnd, n, func(e dict.Elem) { visit(listpack.Value{Str: e.Member()}) })
		return
	}
	v.split(rnd, n, visit, func(listpack.Value) {})
}

// split shares the members of a packed set out: n, chosen at random, to visit, and
// the others to rest.
func (v *view) split(rnd *rand.Rand, n int, visit, rest func(m listpack.Value)) {
	pos := listpack.HeaderSize
	total := v.len()
	for i := range total {
		m := listpack.Value{}
		if v.ints != nil {
			m.Int = intset.Get(v.ints, i)
		} else {
			m = listpack.Get(v.lp, pos)
			pos += listpack.EntrySize(v.lp, pos)
		}
		if rnd.IntN(total-i) < n {
			n--
			visit(m)
		} else {
			rest(m)
		}
	}
}
