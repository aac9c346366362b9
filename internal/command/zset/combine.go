package zset

import (
	"cmp"
	"slices"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/num"
	"github.com/redstart-db/redstart/internal/store"
)

// source is one input of a union, intersection or difference.
type source struct {
	e      store.Entry
	v      view // of a sorted set
	isSet  bool
	n      int
	weight float64
}

// find gives the score of a member: 1 in a set.
func (s *source) find(member []byte) (score float64, ok bool) {
	switch {
	case s.n == 0:
		return 0, false
	case s.isSet:
		return 1, s.e.HasMember(member)
	}
	return s.v.score(member)
}

// each calls yield for every element until it returns false.
func (s *source) each(yield func(member []byte, score float64) bool) {
	var buf [24]byte
	switch {
	case s.n == 0:
	case s.isSet:
		for m := range s.e.Members {
			if !yield(m.Bytes(buf[:]), 1) {
				return
			}
		}
	default:
		for at := s.v.seek(0); at.valid(); at.next() {
			if !yield(at.member(&buf), at.score()) {
				return
			}
		}
	}
}

// weighted is a score times the weight of its source; 0 times infinity is 0.
func (s *source) weighted(score float64) float64 {
	if score *= s.weight; score != score {
		return 0
	}
	return score
}

type operation uint8

const (
	union operation = iota
	intersection
	difference
)

type aggregate uint8

const (
	sum aggregate = iota
	least
	greatest
)

// join gives the score of an element that has these two.
func (a aggregate) join(x, y float64) float64 {
	switch a {
	case least:
		if y < x {
			return y
		}
		return x
	case greatest:
		if y > x {
			return y
		}
		return x
	}
	if x += y; x != x {
		return 0 // of both infinities
	}
	return x
}

// combination is one call of ZUNION, ZINTER, ZDIFF and the like.
type combination struct {
	c      *command.Ctx
	op     operation
	dst    bool // the result is to be stored under argument 1
	card   bool // only the number of elements is wanted
	scores bool // WITHSCORES
	agg    aggregate
	limit  int64 // 0: none
	src    []source
}

func zunion(c *command.Ctx)      { combine(&combination{c: c, op: union}) }
func zinter(c *command.Ctx)      { combine(&combination{c: c, op: intersection}) }
func zdiff(c *command.Ctx)       { combine(&combination{c: c, op: difference}) }
func zinterCard(c *command.Ctx)  { combine(&combination{c: c, op: intersection, card: true}) }
func zunionStore(c *command.Ctx) { combine(&combination{c: c, op: union, dst: true}) }
func zinterStore(c *command.Ctx) { combine(&combination{c: c, op: intersection, dst: true}) }
func zdiffStore(c *command.Ctx)  { combine(&combination{c: c, op: difference, dst: true}) }

func combine(x *combination) {
	if !x.parse() {
		return
	}
	if x.card {
		x.c.Int(x.cardinality())
		return
	}
	first := 2
	if x.dst {
		first = 1
	}
	r := newResult(x.c, x.c.Key(first))
	r.fill(func() { x.run(&r) })
	if x.dst {
		r.store([...]string{"zunionstore", "zinterstore", "zdiffstore"}[x.op])
	} else {
		r.show(x.scores)
	}
}

// parse reads the arguments and looks the keys up. The error is in the reply when
// ok is false.
func (x *combination) parse() (ok bool) {
	c, at := x.c, 1
	if x.dst {
		at = 2
	}
	n, ok := c.IntArg(at)
	switch {
	case !ok:
		return false
	case n < 1:
		c.Err("ERR at least 1 input key is needed for '" + c.Spec.Name + "' command")
		return false
	case n > int64(len(c.Args)-at-1):
		c.Err(command.ErrSyntax)
		return false
	}
	if !x.lookup(at+1, int(n)) || !x.options(at+1+int(n)) {
		return false
	}
	if x.op != difference {
		slices.SortStableFunc(x.src, func(a, b source) int { return cmp.Compare(a.n, b.n) })
	}
	return true
}

// lookup finds the sources. Looking a key up may remove it, if it has expired, and
// spoil the entries of others: so all are looked up before the first is kept.
func (x *combination) lookup(first, n int) (ok bool) {
	c := x.c
	for i := range n {
		if e := c.Read(c.Key(first + i)); e.Ok() && e.Type() != store.ZSet && e.Type() != store.Set {
			c.Err(command.ErrWrongType)
			return false
		}
	}
	x.src = make([]source, n)
	for i := range x.src {
		s := &x.src[i]
		k := c.Key(first + i)
		s.weight, s.e = 1, c.Keyspace(k).Lookup(k, c.Now())
		switch {
		case !s.e.Ok():
		case s.e.Type() == store.Set:
			s.isSet, s.n = true, s.e.SetLen()
		default:
			s.v = open(s.e)
			s.n = s.v.len()
		}
	}
	return true
}

// options reads what follows the keys.
func (x *combination) options(i int) (ok bool) {
	c := x.c
	for i < len(c.Args) {
		left := len(c.Args) - i
		switch {
		case x.op != difference && !x.card && left > len(x.src) && c.Is(i, "WEIGHTS"):
			for j := range x.src {
				if x.src[j].weight, ok = num.ParseFloat(c.Args[i+1+j]); !ok {
					c.Err("ERR weight value is not a float")
					return false
				}
			}
			i += 1 + len(x.src)
		case x.op != difference && !x.card && left >= 2 && c.Is(i, "AGGREGATE"):
			switch {
			case c.Is(i+1, "SUM"):
				x.agg = sum
			case c.Is(i+1, "MIN"):
				x.agg = least
			case c.Is(i+1, "MAX"):
				x.agg = greatest
			default:
				c.Err(command.ErrSyntax)
				return false
			}
			i += 2
		case !x.dst && !x.card && c.Is(i, "WITHSCORES"):
			x.scores = true
			i++
		case x.card && left >= 2 && c.Is(i, "LIMIT"):
			if x.limit, ok = num.ParseInt(c.Args[i+1]); !ok || x.limit < 0 {
				c.Err("ERR LIMIT can't be negative")
				return false
			}
			i += 2
		default:
			c.Err(command.ErrSyntax)
			return false
		}
	}
	return true
}

func (x *combination) run(r *result) {
	switch x.op {
	case union:
		x.unite(r)
	case intersection:
		r.few.expect(min(x.src[0].n, fewElements))
		x.intersect(func(member []byte, score float64) bool {
			r.add(member, score)
			return true
		})
	default:
		x.subtract(r)
	}
}

func (x *combination) unite(r *result) {
	r.expect(x.src[len(x.src)-1].n, true) // of the largest
	for i := range x.src {
		s := &x.src[i]
		s.each(func(member []byte, score float64) bool {
			r.join(member, s.weighted(score), x.agg)
			return true
		})
	}
}

// intersect calls yield for what is in all sources, until it returns false. The
// first source is the smallest.
func (x *combination) intersect(yield func(member []byte, score float64) bool) {
	first, rest := &x.src[0], x.src[1:]
	first.each(func(member []byte, score float64) bool {
		score = first.weighted(score)
		for i := range rest {
			other, ok := rest[i].find(member)
			if !ok {
				return true
			}
			score = x.agg.join(score, other*rest[i].weight)
		}
		return yield(member, score)
	})
}

// cardinality is the size of the intersection, counted up to the limit.
func (x *combination) cardinality() (n int64) {
	x.intersect(func([]byte, float64) bool {
		n++
		return n != x.limit
	})
	return n
}

// subtract either looks for each element of the first source in the others, or
// takes all of theirs away from it, whichever is less work. As half of the
// elements may be expected to be found early, looking for them counts half.
func (x *combination) subtract(r *result) {
	first, rest := &x.src[0], x.src[1:]
	others := 0
	for i := range rest {
		others += rest[i].n
	}
	if first.n*len(rest)/2 <= others+first.n {
		r.few.expect(min(first.n, fewElements))
		first.each(func(member []byte, score float64) bool {
			for i := range rest {
				if _, ok := rest[i].find(member); ok {
					return true
				}
			}
			r.add(member, score)
			return true
		})
		return
	}
	r.enlarge(true)
	r.z.Expect(first.n)
	first.each(func(member []byte, score float64) bool {
		r.z.Collect(member, score)
		return true
	})
	for i := range rest {
		rest[i].each(func(member []byte, _ float64) bool {
			r.z.Forget(member)
			return r.z.Len() > 0
		})
	}
}
