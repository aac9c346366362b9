package zset

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/ds/zset"
	"github.com/redstart-db/redstart/internal/num"
	"github.com/redstart-db/redstart/internal/store"
)

// addOptions are the words of ZADD between the key and the first score.
type addOptions struct {
	nx, xx, gt, lt, ch, incr bool
}

// parse reads the options, and gives the index of the first score.
func (o *addOptions) parse(c *command.Ctx) (first int, ok bool) {
	first = 2
words:
	for ; first < len(c.Args); first++ {
		switch {
		case c.Is(first, "NX"):
			o.nx = true
		case c.Is(first, "XX"):
			o.xx = true
		case c.Is(first, "GT"):
			o.gt = true
		case c.Is(first, "LT"):
			o.lt = true
		case c.Is(first, "CH"):
			o.ch = true
		case c.Is(first, "INCR"):
			o.incr = true
		default:
			break words
		}
	}
	n := len(c.Args) - first
	switch {
	case n == 0 || n%2 != 0:
		c.Err(command.ErrSyntax)
	case o.nx && o.xx:
		c.Err("ERR XX and NX options at the same time are not compatible")
	case o.gt && o.nx || o.lt && o.nx || o.gt && o.lt:
		c.Err("ERR GT, LT, and/or NX options at the same time are not compatible")
	case o.incr && n > 2:
		c.Err("ERR INCR option supports a single increment-element pair")
	default:
		return first, true
	}
	return 0, false
}

func zadd(c *command.Ctx)    { add(c, addOptions{}) }
func zincrBy(c *command.Ctx) { add(c, addOptions{incr: true}) }

func add(c *command.Ctx, o addOptions) {
	first, ok := o.parse(c)
	if !ok {
		return
	}
	var few [16]float64
	scores := few[:0]
	for i := first; i < len(c.Args); i += 2 {
		score, ok := num.ParseFloat(c.Args[i])
		if !ok {
			c.Err(command.ErrNotFloat)
			return
		}
		scores = append(scores, score)
	}
	k := c.Key(1)
	e, ok := c.WriteType(k, store.ZSet)
	if !ok {
		return
	}
	a := adder{c: c, ks: c.Keyspace(k), k: k, e: e, addOptions: o, first: first, step: 2}
	a.all(scores)
}

// outcome is what became of an element.
type outcome uint8

const (
	nop       outcome = iota // an option forbids it
	unchanged                // it has the score already
	updated
	added
	notANumber
)

// adder is one call of ZADD.
type adder struct {
	addOptions
	c     *command.Ctx
	ks    *store.Keyspace
	k     store.Key
	e     store.Entry
	first int                 // the argument with which the first element begins
	step  int                 // arguments for an element, of which the member is the last
	count [notANumber + 1]int // by outcome
	room  int                 // bytes of a new packed set that takes all elements, 0 if not known
}

// member is the member of the element i.
func (a *adder) member(i int) []byte { return a.c.Args[a.first+a.step*(i+1)-1] }

// all adds the elements whose scores are given, and replies. What was added before
// memory ends stays; the effect tells of no more than that.
func (a *adder) all(scores []float64) {
	if !a.e.Ok() && a.xx {
		a.reply(nop, 0)
		return
	}
	done := 0
	defer func() {
		if done < len(scores) && a.finish() {
			a.c.Effect(a.c.Args[:a.first+a.step*done]...)
		}
	}()
	if !a.e.Ok() {
		a.room = a.estimate(scores)
	}
	var last outcome
	var score float64
	for i := range scores {
		last, score = a.one(a.member(i), scores[i])
		if last == notANumber {
			a.c.Err("ERR resulting score is not a number (NaN)")
			return
		}
		a.count[last]++
		done++
	}
	a.finish()
	a.reply(last, score)
}

// estimate is the size of a packed set of several elements, if they may be that
// many.
func (a *adder) estimate(scores []float64) (room int) {
	if len(scores) == 1 || int64(len(scores)) > a.c.Config.ZsetMaxListpackEntries {
		return 0
	}
	room = len(listpack.Empty)
	for i, score := range scores {
		member := a.member(i)
		if int64(len(member)) > a.c.Config.ZsetMaxListpackValue {
			return 0
		}
		room += zset.PairSize(member, score)
	}
	return room
}

// finish counts and publishes what was changed, if anything was.
func (a *adder) finish() (changed bool) {
	n := a.count[added] + a.count[updated]
	if n == 0 {
		return false
	}
	event := "zadd"
	if a.incr {
		event = "zincr"
	}
	a.c.ChangedIn(a.ks, a.k.B, command.NotifyZSet, event)
	a.c.Dirty(n - 1)
	return true
}

// reply replies; last is the outcome of the last element, and score its score.
func (a *adder) reply(last outcome, score float64) {
	switch {
	case !a.incr && a.ch:
		a.c.Int(int64(a.count[added] + a.count[updated]))
	case !a.incr:
		a.c.Int(int64(a.count[added]))
	case last == nop:
		a.c.Null()
	default:
		a.c.Double(score)
	}
}

// one adds or changes an element, and gives its score.
func (a *adder) one(member []byte, score float64) (outcome, float64) {
	if !a.e.Ok() {
		a.create(member, score)
		return added, score
	}
	if !a.e.Packed() {
		return a.inObject(a.e.Object().(*zset.ZSet), member, score)
	}
	return a.inPacked(member, score)
}

// next decides what becomes of an element that is there.
func (a *adder) next(old, score float64) (outcome, float64) {
	if a.nx {
		return nop, old
	}
	if a.incr {
		if score += old; score != score {
			return notANumber, 0
		}
	}
	switch {
	case a.lt && score >= old || a.gt && score <= old:
		return nop, score
	case score == old:
		return unchanged, score
	}
	return updated, score
}

func (a *adder) inObject(z *zset.ZSet, member []byte, score float64) (outcome, float64) {
	var el zset.Elem
	if a.xx {
		var ok bool
		if el, ok = z.Find(member); !ok {
			return nop, 0
		}
	} else {
		var created bool
		if el, created = z.Add(member, score); created {
			return added, score
		}
	}
	what, score := a.next(el.Score(), score)
	if what == updated {
		z.SetScore(el, score)
	}
	return what, score
}

func (a *adder) inPacked(member []byte, score float64) (outcome, float64) {
	p := zset.Packed(a.e.Pack())
	pos, ok := p.Find(member)
	switch {
	case ok:
		var what outcome
		if what, score = a.next(p.Score(pos), score); what == updated {
			a.e = a.ks.Grow(a.e, p.NeedSet(pos, score))
			zset.Packed(a.e.Pack()).SetScore(pos, member, score)
		}
		return what, score
	case a.xx:
		return nop, 0
	case !fits(a.c, p, member):
		a.e = unpack(a.ks, a.e)
		return a.inObject(a.e.Object().(*zset.ZSet), member, score)
	}
	a.e = a.ks.Grow(a.e, len(p)+zset.PairSize(member, score))
	zset.Packed(a.e.Pack()).Insert(member, score)
	return added, score
}

// fits tells whether a packed set may have one more member.
func fits(c *command.Ctx, p zset.Packed, member []byte) bool {
	return int64(p.Len()) < c.Config.ZsetMaxListpackEntries &&
		int64(len(member)) <= c.Config.ZsetMaxListpackValue &&
		listpack.SafeToAdd(p, len(member))
}

// unpack gives a packed set its large form.
func unpack(ks *store.Keyspace, e store.Entry) store.Entry {
	z := new(zset.ZSet)
	z.Init(ks.Arena())
	ks.Build(z, func() { z.Fill(e.Pack()) })
	return ks.Unpack(e, z)
}

// create makes the set, with its first element.
func (a *adder) create(member []byte, score float64) {
	cfg := a.c.Config
	if cfg.ZsetMaxListpackEntries == 0 || int64(len(member)) > cfg.ZsetMaxListpackValue {
		z := new(zset.ZSet)
		z.Init(a.ks.Arena())
		a.ks.Build(z, func() { z.Add(member, score) })
		a.e = a.ks.NewObject(a.k, a.e, store.ZSet, z, 0)
	} else {
		room := max(a.room, len(listpack.Empty)+zset.PairSize(member, score))
		a.e = a.ks.NewPacked(a.k, a.e, store.ZSet, []byte(listpack.Empty), room, 0)
		zset.Packed(a.e.Pack()).Append(member, score)
	}
	a.c.Event(a.k, command.NotifyNew, "new")
}
