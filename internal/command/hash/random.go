package hash

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/ds/dict"
	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/store"
)

const leastBulk = len("$0\r\n\r\n")

// readLive looks up a hash of which any field may be shown. Expired fields that
// lookups leave are removed.
func readLive(c *command.Ctx) (e store.Entry, ok bool) {
	k := c.Key(1)
	e, ok = c.ReadType(k, store.Hash)
	if ok && c.Store.KeepFields {
		e = c.Keyspace(k).ExpireFields(e, c.Now())
	}
	return e, ok
}

func hrandField(c *command.Ctx) {
	if len(c.Args) > 2 {
		randomSome(c)
		return
	}
	e, ok := readLive(c)
	switch {
	case !ok:
	case !e.Ok():
		c.Null()
	default:
		s := sample{c: c, view: open(c, e), show: names}
		if s.len() == 0 {
			c.Null()
			return
		}
		s.gather()
		s.one()
	}
}

func randomSome(c *command.Ctx) {
	n, withValues, ok := c.SampleSize("WITHVALUES")
	if !ok {
		return
	}
	e, ok := readLive(c)
	if !ok {
		return
	}
	if !e.Ok() || n == 0 {
		c.Array(0)
		return
	}
	s := sample{c: c, view: open(c, e), show: names}
	if withValues {
		s.show = both
	}
	s.gather()
	switch size := s.len(); {
	case size == 0:
		c.Array(0)
	case n < 0:
		s.repeated(-n)
	default:
		s.distinct(int(min(n, int64(size))))
	}
}

// sample is a reply with fields that are chosen at random.
type sample struct {
	view
	c    *command.Ctx
	show part
	at   []int32     // where the fields of a packed hash are, if many are to be found
	live []dict.Elem // the fields of a table that are seen, if there are others
}

// gather notes the fields of a table that are seen, if not all are.
func (s *sample) gather() {
	if s.big == nil || s.hidden == 0 {
		return
	}
	s.live = make([]dict.Elem, 0, s.len())
	s.big.Each(func(e dict.Elem) {
		if s.sees(e) {
			s.live = append(s.live, e)
		}
	})
}

// begin begins a reply of n fields: in RESP3 a field with its value is an array
// of its own.
func (s *sample) begin(n int) {
	if s.show == both && !s.c.Resp3() {
		n *= 2
	}
	s.c.Array(n)
}

// packed shows the field of a packed hash that is at pos, and gives the position of
// the next one.
func (s *sample) packed(pos int) (next int) {
	c := s.c
	if s.show == both && c.Resp3() {
		c.Array(2)
	}
	c.Out, next = s.appendField(c.Out, pos, s.show)
	return next
}

func (s *sample) elem(e dict.Elem) {
	c := s.c
	if s.show == both && c.Resp3() {
		c.Array(2)
	}
	c.Out = appendElem(c.Out, e, s.show)
}

// one shows any field.
func (s *sample) one() {
	rnd := s.c.Rand()
	switch {
	case s.live != nil:
		s.elem(s.live[rnd.IntN(len(s.live))])
	case s.big != nil:
		e, _ := s.big.Random(rnd)
		s.elem(e)
	case s.at != nil:
		s.packed(int(s.at[rnd.IntN(len(s.at))]))
	default:
		pos, _ := listpack.Seek(s.small, s.step*(s.hidden+rnd.IntN(s.len())))
		s.packed(pos)
	}
}

// repeated shows n fields, each any of all.
func (s *sample) repeated(n int64) {
	c, start := s.c, len(s.c.Out)
	if n > int64(command.MaxRepeated/leastBulk) && !c.Limited() {
		c.Err(command.ErrOutOfRange)
		return
	}
	if s.big == nil && n > 1 {
		s.locate()
	}
	s.begin(int(n))
	for ; n > 0 && !c.Overflows(); n-- {
		if len(c.Out)-start > command.MaxRepeated {
			c.Out = c.Out[:start]
			c.Err(command.ErrOutOfRange)
			return
		}
		s.one()
	}
}

// locate notes where the fields of a packed hash are.
func (s *sample) locate() {
	s.at = make([]int32, 0, s.len())
	for pos, end := s.start, listpack.End(s.small); pos < end; pos = s.next(pos) {
		s.at = append(s.at, int32(pos))
	}
}

// distinct shows n different fields, of which there are at least so many.
func (s *sample) distinct(n int) {
	s.begin(n)
	rnd, left := s.c.Rand(), s.len()
	switch {
	case s.live != nil:
		rnd.Shuffle(left, func(i, j int) { s.live[i], s.live[j] = s.live[j], s.live[i] })
		for _, e := range s.live[:n] {
			s.elem(e)
		}
		return
	case s.big != nil:
		s.big.RandomDistinct(rnd, n, s.elem)
		return
	case n == 1:
		s.one()
		return
	}
	// Each is taken with the probability that what is wanted still is to what is
	// left.
	for pos := s.start; n > 0; left-- {
		if rnd.IntN(left) < n {
			pos = s.packed(pos)
			n--
			continue
		}
		pos = s.next(pos)
	}
}
