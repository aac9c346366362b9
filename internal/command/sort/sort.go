package sort

import (
	"bytes"
	"cmp"
	"math"
	"slices"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/num"
	"github.com/redstart-db/redstart/internal/session"
	"github.com/redstart-db/redstart/internal/store"
)

func sort(c *command.Ctx)   { run(c, false) }
func sortRO(c *command.Ctx) { run(c, true) }

// sorter holds the elements while they are sorted. They are views of the store,
// which does not change meanwhile but for keys that have expired.
type sorter struct {
	c      *command.Ctx
	o      options
	elems  [][]byte
	order  []weighted
	texts  [][]byte // weights that are text, nil for none
	digits []byte   // see keep
	name   []byte   // of the key that was looked up last
	hashes [ahead]uint64
}

// weighted is an element and what it weighs as a number.
type weighted struct {
	weight float64
	at     int // index in elems
}

func run(c *command.Ctx, readOnly bool) {
	o, ok := parse(c, readOnly)
	if !ok {
		return
	}
	k := c.Key(1)
	e := c.Read(k)
	if e.Ok() && e.Type() != store.List && e.Type() != store.Set && e.Type() != store.ZSet {
		c.Err(command.ErrWrongType)
		return
	}
	s := sorter{c: c, o: o}
	n := length(e)
	start, end := o.limits(n)
	if o.asTheyAre && (o.to != 0 || c.Sess.Has(session.Script)) && e.Ok() && e.Type() == store.Set {
		// What is stored has to be the same everywhere.
		s.o.asTheyAre, s.o.alpha, s.o.by = false, true, nil
	}
	switch {
	case !e.Ok():
	case s.o.asTheyAre:
		s.load(e, start, end-start, o.desc)
		start, end = 0, len(s.elems)
	default:
		s.load(e, 0, n, false)
		if !s.sort(end) {
			c.Err("ERR One or more scores can't be converted into double")
			return
		}
	}
	if o.to != 0 {
		s.store(start, end)
		return
	}
	s.reply(start, end)
}

// limits gives the range that LIMIT means of n elements: from start to end-1.
func (o *options) limits(n int) (start, end int) {
	start = int(min(max(o.start, 0), int64(n)))
	if o.count < 0 {
		return start, n
	}
	return start, start + int(min(o.count, int64(n-start)))
}

// sort puts the first elements of the result in order, up to end; others follow in
// any. It is false when a weight is not a number.
func (s *sorter) sort(end int) (ok bool) {
	if !s.weigh() {
		return false
	}
	compare := s.compareNumbers
	if s.o.alpha {
		compare = s.compareTexts
	}
	sign := 1
	if s.o.desc {
		sign = -1
	}
	order := func(a, b weighted) int {
		if c := compare(a, b); c != 0 {
			return c * sign
		}
		return cmp.Compare(a.at, b.at) // equal ones stay in their order
	}
	if end < len(s.order)/fewOf {
		selectFirst(s.order, end, order)
		s.order = s.order[:end]
	}
	slices.SortFunc(s.order, order)
	return true
}

// fewOf is the part of the elements up to which it is worth the while to choose
// them before they are sorted.
const fewOf = 8

// selectFirst moves the first n elements of an order to the front, in any order. It
// keeps those it has found so far in a heap with the last of them on top.
func selectFirst(all []weighted, n int, order func(a, b weighted) int) {
	if n == 0 {
		return
	}
	heap := all[:n]
	down := func(i int) {
		for {
			child := 2*i + 1
			if child >= n {
				return
			}
			if child+1 < n && order(heap[child+1], heap[child]) > 0 {
				child++
			}
			if order(heap[child], heap[i]) <= 0 {
				return
			}
			heap[i], heap[child] = heap[child], heap[i]
			i = child
		}
	}
	for i := n/2 - 1; i >= 0; i-- {
		down(i)
	}
	for i := n; i < len(all); i++ {
		if order(all[i], heap[0]) < 0 {
			heap[0], all[i] = all[i], heap[0]
			down(0)
		}
	}
}

// weigh finds what the elements weigh. It is false when that is not a number.
func (s *sorter) weigh() (ok bool) {
	s.order = make([]weighted, len(s.elems))
	if s.o.alpha {
		s.texts = make([][]byte, len(s.elems))
	}
	ok = true
	for i, elem := range s.elems {
		s.order[i].at = i
		text := elem
		if s.o.by != nil {
			if i%ahead == 0 {
				s.fetch(s.o.by, s.elems[i:min(i+ahead, len(s.elems))])
			}
			var found bool
			if text, found = s.find(s.o.by, elem); !found {
				continue
			}
		}
		if s.o.alpha {
			s.texts[i] = s.collated(text)
			continue
		}
		weight, isNumber := number(text)
		s.order[i].weight = weight
		ok = ok && isNumber
	}
	return ok
}

func (s *sorter) compareNumbers(a, b weighted) int {
	if c := cmp.Compare(a.weight, b.weight); c != 0 {
		return c
	}
	return bytes.Compare(s.elems[a.at], s.elems[b.at])
}

func (s *sorter) compareTexts(a, b weighted) int {
	x, y := s.texts[a.at], s.texts[b.at]
	switch {
	case x == nil && y == nil:
		return 0
	case x == nil:
		return -1
	case y == nil:
		return 1
	}
	return bytes.Compare(x, y)
}

// collated is the part of a text that is compared: all of it if the result is
// stored, and else what C's strcoll sees, which ends at a zero byte. It is not nil.
func (s *sorter) collated(text []byte) []byte {
	if s.o.to == 0 {
		text, _, _ = bytes.Cut(text, []byte{0})
	}
	if text == nil {
		return []byte{}
	}
	return text
}

// number reads a weight as Redis does: with C's strtod, up to the end or to a zero
// byte; nothing at all is 0.
func number(text []byte) (weight float64, ok bool) {
	weight, n, inRange := num.Strtod(text)
	if !inRange || math.IsNaN(weight) || weight != 0 && math.Abs(weight) < smallest {
		return 0, false
	}
	if n == 0 {
		weight = 0
	}
	return weight, n == len(text) || text[n] == 0
}

// smallest is the least number that strtod reads without a complaint.
const smallest = 0x1p-1022

// elem gives the element with an index in the result.
func (s *sorter) elem(i int) []byte {
	if s.order != nil {
		i = s.order[i].at
	}
	return s.elems[i]
}

// each calls put for all that the result shows of its elements from start to end-1;
// value is nil for what does not exist.
func (s *sorter) each(start, end int, put func(value []byte, ok bool)) {
	for i := start; i < end; i++ {
		elem := s.elem(i)
		if s.o.get == nil {
			put(elem, true)
		}
		for j := range s.o.get {
			put(s.find(&s.o.get[j], elem))
		}
	}
}

// shown is the number of values that each calls put for.
func (s *sorter) shown(start, end int) int { return (end - start) * max(len(s.o.get), 1) }

func (s *sorter) reply(start, end int) {
	s.c.Array(s.shown(start, end))
	s.each(start, end, func(value []byte, ok bool) {
		if ok {
			s.c.Bulk(value)
		} else {
			s.c.Null()
		}
	})
}
