package set

import (
	"hash/maphash"
	"math"
	"math/bits"
	"slices"
	"sync"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/ds/intset"
	"github.com/redstart-db/redstart/internal/num"
	"github.com/redstart-db/redstart/internal/store"
)

// family is what the commands on several sets share: what they work with, which is
// used again and again.
type family struct{ pool sync.Pool }

// operation is one command on several sets.
type operation struct {
	c     *command.Ctx
	sets  []view
	batch batch
	to    target
	found int
	limit int // members after which to stop
	built builder
	aside builder  // another set, while the operation runs
	idx   []*index // of sets; kept from command to command
	used  int      // how many of them this one has
	seed  maphash.Seed
}

// index prepares a set for a number of lookups.
func (o *operation) index(v *view, lookups int) {
	if v.lp == nil || v.idx != nil || !worthIndex(v.len(), lookups) {
		return
	}
	if o.used == len(o.idx) {
		o.idx = append(o.idx, new(index))
	}
	v.idx = o.idx[o.used]
	o.used++
	v.idx.build(v.lp, v.len(), o.seed)
}

// target is what is done with the members of the result.
type target uint8

const (
	reply target = iota
	count
	assign
)

// keptIndexes is the number of indexes that are kept from command to command.
const keptIndexes = 8

// begin looks up the sets c.Args[from:to]. ok is false, and the error is in the
// reply, when one of them is something else. end must be called.
func (f *family) begin(c *command.Ctx, from, to int) (o *operation, ok bool) {
	o = f.pool.Get().(*operation)
	o.c, o.found, o.limit, o.to = c, 0, math.MaxInt, reply
	for i := from; i < to; i++ {
		e, ok := c.ReadType(c.Key(i), store.Set)
		if !ok {
			f.end(o)
			return nil, false
		}
		o.sets = append(o.sets, open(e))
	}
	return o, true
}

// end frees what the operation has built, also when memory was exhausted.
func (f *family) end(o *operation) {
	o.built.drop()
	o.aside.drop()
	for _, x := range o.idx[:o.used] {
		if len(x.slots) > keptRoom/4 {
			x.slots = nil
		}
	}
	o.idx, o.used = o.idx[:min(len(o.idx), keptIndexes)], 0
	clear(o.sets)
	o.sets, o.c = o.sets[:0], nil
	o.batch.text = [batchSize][]byte{}
	f.pool.Put(o)
}

// emit adds some members of the batch to the result. It tells whether more are
// wanted.
func (o *operation) emit(mask uint64) (more bool) {
	switch o.to {
	case reply:
		out := o.c.Out
		for m := mask; m != 0; m &= m - 1 {
			out = o.batch.appendTo(out, bits.TrailingZeros64(m))
		}
		o.c.Out = out
	case assign:
		for m := mask; m != 0; m &= m - 1 {
			o.built.add(o.batch.bytes(bits.TrailingZeros64(m)))
		}
	}
	o.found += bits.OnesCount64(mask)
	return o.found < o.limit
}

// replied runs an operation whose result is the reply.
func (o *operation) replied(run func()) {
	if len(o.sets) == 1 {
		v := &o.sets[0]
		o.c.Set(v.len())
		o.c.Out = v.appendAll(o.c.Out)
		return
	}
	m := o.c.Defer()
	run()
	o.c.EndSet(m, o.found)
}

// stored runs an operation whose result becomes the value of c.Args[1]. An empty
// result removes the key.
func (o *operation) stored(event string, run func()) {
	c := o.c
	k := c.Key(1)
	ks := c.Keyspace(k)
	o.to = assign
	o.built.start(c, ks)
	run()
	e := ks.Lookup(k, c.Now())
	n := o.built.len()
	switch {
	case n > 0:
		existed := e.Ok()
		o.built.install(k, e, 0)
		if !existed {
			c.Event(k, command.NotifyNew, "new")
		}
		c.Changed(k, command.NotifySet, event)
	case e.Ok():
		ks.Remove(k, e)
		c.Changed(k, command.NotifyGeneric, "del")
	}
	c.Int(int64(n))
}

func bySize(a, b view) int { return a.len() - b.len() }

func (f *family) sinter(c *command.Ctx) {
	if o, ok := f.begin(c, 1, len(c.Args)); ok {
		defer f.end(o)
		o.replied(o.intersect)
	}
}

func (f *family) sinterStore(c *command.Ctx) {
	if o, ok := f.begin(c, 2, len(c.Args)); ok {
		defer f.end(o)
		o.stored("sinterstore", o.intersect)
	}
}

func (f *family) sinterCard(c *command.Ctx) {
	n, ok := num.ParseInt(c.Args[1])
	switch {
	case !ok || n < 1:
		c.Err("ERR numkeys should be greater than 0")
		return
	case n > int64(len(c.Args)-2):
		c.Err("ERR Number of keys can't be greater than number of args")
		return
	}
	last := 2 + int(n)
	limit := int64(0)
	for i := last; i < len(c.Args); i += 2 {
		if !c.Is(i, "LIMIT") || i+1 == len(c.Args) {
			c.Err(command.ErrSyntax)
			return
		}
		if limit, ok = num.ParseInt(c.Args[i+1]); !ok || limit < 0 {
			c.Err("ERR LIMIT can't be negative")
			return
		}
	}
	o, ok := f.begin(c, 2, last)
	if !ok {
		return
	}
	defer f.end(o)
	o.to = count
	if limit > 0 {
		o.limit = int(min(limit, math.MaxInt))
	}
	o.intersect()
	c.Int(int64(min(o.found, o.limit))) // the last batch may have gone beyond it
}

// intersect looks the members of the smallest set up in the others.
func (o *operation) intersect() {
	slices.SortFunc(o.sets, bySize)
	smallest, others := &o.sets[0], o.sets[1:]
	switch {
	case smallest.len() == 0:
		return
	case len(others) == 0 && o.to == count:
		o.found = smallest.len()
		return
	}
	if len(others) > 0 && !slices.ContainsFunc(o.sets, func(v view) bool { return v.ints == nil }) {
		o.intersectInts()
		return
	}
	for i := range others {
		o.index(&others[i], smallest.len())
	}
	o.batch.walk(smallest, func() bool {
		mask := o.batch.all()
		for i := range others {
			if mask == 0 {
				return true
			}
			mask = o.batch.in(&others[i], mask)
		}
		return o.emit(mask)
	})
}

// intersectInts walks along all of the intsets at once.
func (o *operation) intersectInts() {
	b := &o.batch
	b.clear()
	smallest, others := o.sets[0].ints, o.sets[1:]
	var few [8]int
	at := few[:]
	if len(others) > len(few) {
		at = make([]int, len(others))
	}
next:
	for i := range intset.Len(smallest) {
		n := intset.Get(smallest, i)
		for j := range others {
			s := others[j].ints
			at[j] = intset.Seek(s, at[j], n)
			if at[j] == intset.Len(s) {
				break next
			}
			if intset.Get(s, at[j]) != n {
				continue next
			}
		}
		if b.addInt(n); b.n == batchSize {
			if !o.emit(b.all()) {
				return
			}
			b.clear()
		}
	}
	o.emit(b.all())
}

func (f *family) sunion(c *command.Ctx) {
	if o, ok := f.begin(c, 1, len(c.Args)); ok {
		defer f.end(o)
		o.replied(o.unite)
	}
}

func (f *family) sunionStore(c *command.Ctx) {
	if o, ok := f.begin(c, 2, len(c.Args)); ok {
		defer f.end(o)
		o.stored("sunionstore", o.unite)
	}
}

// unite finds the members of each set that no larger one has. When there are so many
// sets that this is more work than to build a set of all, or when that is wanted
// anyway, it does.
func (o *operation) unite() {
	slices.SortFunc(o.sets, func(a, b view) int { return b.len() - a.len() })
	lookups, total, cost := 0.0, 0.0, 0.0
	for i := range o.sets {
		v := &o.sets[i]
		lookups += float64(v.len()) * cost
		total += float64(v.len())
		cost++
	}
	switch {
	case o.to == assign:
		// emit leaves out what is there already.
		if v := &o.sets[0]; v.big != nil && int64(v.len()) > o.tableSize() {
			o.built.expect(v.len())
		}
		for i := range o.sets {
			o.batch.walk(&o.sets[i], func() bool { return o.emit(o.batch.all()) })
		}
	case lookups > addCost*total:
		o.aside.start(o.c, o.c.Keyspace(o.c.Key(1)))
		for i := range o.sets {
			o.batch.walk(&o.sets[i], func() bool { return o.emit(o.fresh()) })
		}
	default:
		left := int(total)
		for i := range o.sets {
			before := o.sets[:i]
			o.batch.walk(&o.sets[i], func() bool { return o.emit(o.newIn(before)) })
			left -= o.sets[i].len()
			o.index(&o.sets[i], left)
		}
	}
}

// tableSize is the number of members above which a set is a table for certain.
func (o *operation) tableSize() int64 {
	return max(o.c.Config.SetMaxIntsetEntries, o.c.Config.SetMaxListpackEntries)
}

// addCost is what adding a member to a set costs, if finding one in a table costs 1.
const addCost = 4

// newIn gives the members of the batch that none of some sets has.
func (o *operation) newIn(sets []view) uint64 {
	mask := o.batch.all()
	for i := range sets {
		if mask == 0 {
			break
		}
		mask &^= o.batch.in(&sets[i], mask)
	}
	return mask
}

// fresh adds the batch to the set aside, and gives those members that
// were not in it.
func (o *operation) fresh() (mask uint64) {
	for i := range o.batch.n {
		if o.aside.add(o.batch.bytes(i)) {
			mask |= 1 << i
		}
	}
	return mask
}

func (f *family) sdiff(c *command.Ctx) {
	if o, ok := f.begin(c, 1, len(c.Args)); ok {
		defer f.end(o)
		o.replied(o.subtract)
	}
}

func (f *family) sdiffStore(c *command.Ctx) {
	if o, ok := f.begin(c, 2, len(c.Args)); ok {
		defer f.end(o)
		o.stored("sdiffstore", o.subtract)
	}
}

// subtract looks the members of the first set up in the others, or, when these are
// many and small, in a set that is made of them all.
func (o *operation) subtract() {
	from, others := &o.sets[0], o.sets[1:]
	if from.len() == 0 {
		return
	}
	if o.to == assign {
		o.built.text = o.becomesTable()
	}
	slices.SortFunc(others, func(a, b view) int { return b.len() - a.len() })
	total := 0.0
	for i := range others {
		total += float64(others[i].len())
	}
	if size := float64(from.len()); size*float64(len(others)) > addCost*total+size {
		o.aside.start(o.c, o.c.Keyspace(o.c.Key(1)))
		for i := range others {
			o.batch.walk(&others[i], func() bool {
				o.fresh()
				return true
			})
		}
		others = others[:1]
		others[0] = o.aside.set
	}
	for i := range others {
		o.index(&others[i], from.len())
	}
	o.batch.walk(from, func() bool { return o.emit(o.newIn(others)) })
}

// becomesTable tells whether Redis's result of SDIFFSTORE is not an intset, even if
// it could be: when the other sets are together much smaller than the first, it is
// what they leave of a copy of that.
func (o *operation) becomesTable() bool {
	from := &o.sets[0]
	one, two := 0, 0
	for i := range o.sets {
		if n := o.sets[i].len(); n > 0 {
			one += from.len()
			two += n
		}
	}
	if one/2 <= two {
		return false
	}
	if int64(from.len()) > o.c.Config.SetMaxIntsetEntries {
		return true
	}
	if from.ints != nil {
		return false
	}
	ints := true
	o.batch.walk(from, func() bool {
		o.batch.parse(o.batch.all())
		ints = o.batch.ints == o.batch.all()
		return ints
	})
	return !ints
}
