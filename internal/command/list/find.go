package list

import (
	"math"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/ds/qlist"
	"github.com/redstart-db/redstart/internal/num"
	"github.com/redstart-db/redstart/internal/store"
)

// needle is an element that is looked for.
type needle struct {
	b     []byte
	n     int64
	isInt bool // n is its form
}

func newNeedle(b []byte) needle {
	n, ok := num.ParseInt(b)
	return needle{b, n, ok}
}

func (d *needle) is(x listpack.Value) bool {
	if x.IsInt() {
		return d.isInt && d.n == x.Int
	}
	return string(x.Str) == string(d.b)
}

// remove removes up to most elements that are elem, from the end on or from the
// front, and gives their number.
func (v *value) remove(elem []byte, most int, back bool) (removed int) {
	if v.q == nil {
		p := v.e.Pack()
		skip := 0
		if back {
			skip = max(listpack.CountEqual(p, elem)-most, 0)
		}
		_, removed = listpack.DeleteEqual(p, elem, skip, most)
		return removed
	}
	rest := new(qlist.List)
	rest.Init(v.ks.Arena(), 0)
	removed = v.q.RemoveEqual(elem, most, back, rest)
	v.ks.Discard(rest)
	return removed
}

// search is what LPOS is asked for.
type search struct {
	rank   int64 // the first match that counts, from 1; negative from the end
	count  int64 // of matches; 0: all, -1: not given
	maxLen int64 // elements to look at; 0: all
}

// searchArgs reads the options.
func searchArgs(c *command.Ctx) (s search, ok bool) {
	s.rank, s.count = 1, -1
	for i := 3; i < len(c.Args); i += 2 {
		switch {
		case i+1 == len(c.Args):
			c.Err(command.ErrSyntax)
			return s, false
		case c.Is(i, "RANK"):
			if s.rank, ok = c.IntArg(i + 1); !ok {
				return s, false
			}
			if s.rank == 0 {
				c.Err("ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... " +
					"or use negative to start from the end of the list")
				return s, false
			}
		case c.Is(i, "COUNT"):
			if s.count, ok = num.ParseInt(c.Args[i+1]); !ok || s.count < 0 {
				c.Err("ERR COUNT can't be negative")
				return s, false
			}
		case c.Is(i, "MAXLEN"):
			if s.maxLen, ok = num.ParseInt(c.Args[i+1]); !ok || s.maxLen < 0 {
				c.Err("ERR MAXLEN can't be negative")
				return s, false
			}
		default:
			c.Err(command.ErrSyntax)
			return s, false
		}
	}
	return s, true
}

func lpos(c *command.Ctx) {
	s, ok := searchArgs(c)
	if !ok {
		return
	}
	k := c.Key(1)
	e, ok := c.ReadType(k, store.List)
	if !ok {
		return
	}
	many := s.count >= 0
	v := value{}
	if e.Ok() {
		v = open(k, e)
	}
	switch {
	case e.Ok() && many:
		m, n := c.Defer(), 0
		s.run(&v, c.Args[2], func(i int) bool {
			c.Int(int64(i))
			n++
			return true
		})
		c.End(m, n)
	case e.Ok():
		found := -1
		s.run(&v, c.Args[2], func(i int) bool {
			found = i
			return false
		})
		if found < 0 {
			c.Null()
		} else {
			c.Int(int64(found))
		}
	case many:
		c.Array(0)
	default:
		c.Null()
	}
}

// run calls match with the index of each match that counts, until it returns false.
func (s *search) run(v *value, elem []byte, match func(i int) bool) {
	f := newFinder(v, elem, s.rank < 0)
	skip := s.rank
	if skip < 0 {
		skip = -skip // the smallest integer stays, and skips nothing
	}
	limit := math.MaxInt
	if s.maxLen > 0 {
		limit = int(min(s.maxLen, math.MaxInt))
	}
	for n := int64(1); ; n++ {
		i, ok := f.next(&limit)
		if !ok {
			return
		}
		if n >= skip && (!match(i) || s.count > 0 && n-skip+1 >= s.count) {
			return
		}
	}
}

// finder walks over a list from one of its ends.
type finder struct {
	needle
	back bool
	cur  qlist.Cursor // in a list of nodes
	lp   []byte       // or a list that is a listpack, with the next element
	pos  int          // there
	i    int          // and its index
	more bool         // if there is one
}

func newFinder(v *value, elem []byte, back bool) finder {
	f := finder{needle: newNeedle(elem), back: back}
	switch {
	case v.q != nil && back:
		f.cur = v.q.Last()
	case v.q != nil:
		f.cur = v.q.First()
	case back:
		f.lp = v.e.Pack()
		f.i = v.len() - 1
		f.pos, f.more = listpack.Last(f.lp)
	default:
		f.lp = v.e.Pack()
		f.pos, f.more = listpack.First(f.lp)
	}
	return f
}

// next gives the index of the next match among no more than limit elements, which
// it counts down.
func (f *finder) next(limit *int) (i int, ok bool) {
	if f.lp != nil {
		return f.nextPacked(limit)
	}
	if *limit <= 0 || !f.cur.Valid() {
		return 0, false
	}
	from := f.cur.Index()
	if f.back {
		ok = f.cur.FindBack(f.b, *limit)
	} else {
		ok = f.cur.Find(f.b, *limit)
	}
	if !ok {
		return 0, false
	}
	i = f.cur.Index()
	if f.back {
		*limit -= from - i + 1
		f.cur.Prev()
	} else {
		*limit -= i - from + 1
		f.cur.Next()
	}
	return i, true
}

func (f *finder) nextPacked(limit *int) (i int, ok bool) {
	for !ok && f.more && *limit > 0 {
		i, ok = f.i, f.is(listpack.Get(f.lp, f.pos))
		*limit--
		if f.back {
			f.i--
			f.pos, f.more = listpack.Prev(f.lp, f.pos)
		} else {
			f.i++
			f.pos, f.more = listpack.Next(f.lp, f.pos)
		}
	}
	return i, ok
}
