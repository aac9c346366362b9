package hash

import (
	"math"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/ds/dict"
	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/num"
	"github.com/redstart-db/redstart/internal/store"
)

// mostRandom is how many bytes a reply may have that shows fields repeatedly. Redis
// has no such limit, and a request of a few bytes can take all memory.
const mostRandom = 256 << 20

func hrandField(c *command.Ctx) {
	if len(c.Args) > 2 {
		randomSome(c)
		return
	}
	e, ok := c.ReadType(c.Key(1), store.Hash)
	switch {
	case !ok:
	case !e.Ok():
		c.Null()
	default:
		s := sample{c: c, view: open(e), show: names}
		s.one()
	}
}

func randomSome(c *command.Ctx) {
	n, ok := num.ParseInt(c.Args[2])
	withValues := len(c.Args) == 4 && c.Is(3, "WITHVALUES")
	switch {
	case !ok:
		c.Err(command.ErrNotInteger)
		return
	case n == math.MinInt64:
		c.Err("ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807")
		return
	case len(c.Args) > 3 && !withValues:
		c.Err(command.ErrSyntax)
		return
	case withValues && (n < -math.MaxInt64/2 || n > math.MaxInt64/2):
		c.Err(command.ErrOutOfRange)
		return
	}
	e, ok := c.ReadType(c.Key(1), store.Hash)
	if !ok {
		return
	}
	if !e.Ok() || n == 0 {
		c.Array(0)
		return
	}
	s := sample{c: c, view: open(e), show: names}
	if withValues {
		s.show = both
	}
	if n < 0 {
		s.repeated(-n)
	} else {
		s.distinct(int(min(n, int64(s.len()))))
	}
}

// sample is a reply with fields that are chosen at random.
type sample struct {
	view
	c    *command.Ctx
	show part
	at   []int32 // where the fields of a packed hash are, if many are to be found
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
	case s.big != nil:
		e, _ := s.big.Random(rnd)
		s.elem(e)
	case s.at != nil:
		s.packed(int(s.at[rnd.IntN(len(s.at))]))
	default:
		pos, _ := listpack.Seek(s.small, 2*rnd.IntN(s.len()))
		s.packed(pos)
	}
}

// repeated shows n fields, each any of all.
func (s *sample) repeated(n int64) {
	c, start := s.c, len(s.c.Out)
	if n > mostRandom {
		c.Err(command.ErrOutOfRange)
		return
	}
	if s.big == nil && n > 1 {
		s.locate()
	}
	s.begin(int(n))
	for ; n > 0; n-- {
		if len(c.Out)-start > mostRandom {
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
	for pos, end := listpack.HeaderSize, listpack.End(s.small); pos < end; {
		s.at = append(s.at, int32(pos))
		pos += listpack.EntrySize(s.small, pos)
		pos += listpack.EntrySize(s.small, pos)
	}
}

// distinct shows n different fields, of which there are at least so many.
func (s *sample) distinct(n int) {
	s.begin(n)
	rnd, left := s.c.Rand(), s.len()
	switch {
	case s.big != nil:
		s.big.RandomDistinct(rnd, n, s.elem)
		return
	case n == 1:
		s.one()
		return
	}
	// Each is taken with the probability that what is wanted still is to what is
	// left.
	for pos := listpack.HeaderSize; n > 0; left-- {
		if rnd.IntN(left) < n {
			pos = s.packed(pos)
			n--
			continue
		}
		pos += listpack.EntrySize(s.small, pos)
		pos += listpack.EntrySize(s.small, pos)
	}
}
