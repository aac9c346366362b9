package rdb

import (
	"math"

	"github.com/redstart-db/redstart/internal/ds/intset"
	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/num"
)

// The readers of collections give one element after the other, so that they can
// be kept as they come. A collection that is stored in one packed string has been
// read and checked as a whole when its reader is there: no element is twice, and
// sorted sets are in order. Of others the elements are read one by one, and
// whoever keeps them notices that one is twice; then the value is corrupt.
//
// Next gives false at the end and after an error, which is Reader.Err then. What
// it gives is valid until it is called again. A reader that is not used up to the
// end leaves the Reader somewhere in the value.

// Hash is a hash that is being read.
type Hash struct {
	r       *Reader
	packed  cursor
	step    int    // entries of a packed field: with its value, and with its deadline
	left    int    // fields to come that are stored one by one
	n       int    // fields in all
	expiry  bool   // fields are stored with deadlines
	inOrder bool   // and packed in the order of these
	behind  uint64 // what is to be added to them
	bufs    [2][]byte
}

// cursor is a place in a listpack.
type cursor struct {
	lp  []byte
	pos int
	ok  bool
}

func (c *cursor) start(lp []byte) {
	c.lp = lp
	c.pos, c.ok = listpack.First(lp)
}

// take gives the value at a valid cursor and moves on.
func (c *cursor) take() listpack.Value {
	v := listpack.Get(c.lp, c.pos)
	c.pos, c.ok = listpack.Next(c.lp, c.pos)
	return v
}

// Hash begins to read a hash of type t. The error is ErrCorrupt if t is no hash's,
// and ErrEmpty if there are no fields.
func (r *Reader) Hash(t Type) (h Hash, err error) {
	h = Hash{r: r, step: 2}
	switch t {
	case TypeHash:
		h.left, err = r.elements(2)
		h.n = h.left
		return h, err
	case TypeHashMetadata, TypeHashMetadataPreGA:
		h.expiry = true
		if t == TypeHashMetadata {
			least, _ := r.Uint64()
			h.behind = least - 1
		}
		h.left, err = r.elements(3)
		h.n = h.left
		return h, err
	case TypeHashListpackEx, TypeHashListpackExPreGA:
		h.expiry = true
		h.step = 3
		if t == TypeHashListpackEx {
			r.Uint64() // the least deadline
		}
	}
	form, ok := packedHash(t)
	if !ok {
		return h, r.Fail(ErrCorrupt)
	}
	lp, n, err := r.listpackOf(form, h.step)
	if err != nil {
		return h, err
	}
	if h.expiry {
		var valid bool
		if valid, h.inOrder = checkDeadlines(lp); !valid {
			return h, r.Fail(ErrCorrupt)
		}
	}
	h.n = n
	h.packed.start(lp)
	return h, nil
}

func packedHash(t Type) (form func([]byte) ([]byte, error), ok bool) {
	switch t {
	case TypeHashZipmap:
		return fromZipmap, true
	case TypeHashZiplist:
		return fromZiplist, true
	case TypeHashListpack, TypeHashListpackEx, TypeHashListpackExPreGA:
		return nil, true
	}
	return nil, false
}

// elements reads the number of elements, of at least size encoded bytes each.
func (r *Reader) elements(size int) (int, error) {
	n, err := r.Count(size)
	if err == nil && n == 0 {
		err = ErrEmpty
	}
	return n, err
}

// maxDeadline is the last time at which a field may expire, in Unix milliseconds:
// Redis keeps 48 bits.
const maxDeadline = 1<<48 - 2

// checkDeadlines looks at the deadlines in a listpack of fields, values and
// deadlines. They are in order when those that are 0, which stands for none, are
// last.
func checkDeadlines(lp []byte) (valid, inOrder bool) {
	inOrder = true
	index, last := 0, int64(0)
	for pos, ok := listpack.First(lp); ok; pos, ok = listpack.Next(lp, pos) {
		if index++; index%3 != 0 {
			continue
		}
		v := listpack.Get(lp, pos)
		if !v.IsInt() || v.Int < 0 || v.Int > maxDeadline {
			return false, false
		}
		at := v.Int
		if at == 0 {
			at = maxDeadline + 1
		}
		inOrder = inOrder && at >= last
		last = at
	}
	return true, inOrder
}

// Len is the number of fields that the hash says it has. It is at most that of
// the bytes that follow.
func (h *Hash) Len() int { return h.n }

// Packed gives the whole hash as a listpack of fields and values, if that is how
// it was stored, and nil otherwise. It may alias the input.
func (h *Hash) Packed() []byte {
	if h.expiry {
		return nil
	}
	return h.packed.lp
}

// Triples gives the whole hash as a listpack of fields, values and deadlines, if
// that is how it was stored and they are in the order of these, with fields without
// one last, and nil otherwise. It may alias the input.
func (h *Hash) Triples() []byte {
	if !h.inOrder {
		return nil
	}
	return h.packed.lp
}

// Next gives the next field; at is its deadline in Unix milliseconds, or 0.
func (h *Hash) Next() (field, value []byte, at int64, ok bool) { return h.NextIn(&h.bufs) }

// NextIn is Next with memory for what has to be decoded: so what it gives is valid until
// that is used again.
func (h *Hash) NextIn(bufs *[2][]byte) (field, value []byte, at int64, ok bool) {
	switch {
	case h.packed.ok:
		field = textOf(h.packed.take(), &bufs[0])
		value = textOf(h.packed.take(), &bufs[1])
		if h.expiry {
			at = h.packed.take().Int
		}
		return field, value, at, true
	case h.left == 0 || h.r.err != nil:
		return nil, nil, 0, false
	}
	h.left--
	if h.expiry {
		at = h.deadline()
	}
	field, _ = h.r.text(&bufs[0])
	value, err := h.r.text(&bufs[1])
	if err != nil {
		return nil, nil, 0, false
	}
	return field, value, at, true
}

// deadline reads the deadline of a field: 0 for none. Others are absolute, or one
// more than what they are behind the least.
func (h *Hash) deadline() int64 {
	n, encoded, err := h.r.Len()
	if err != nil || n == 0 && !encoded {
		return 0
	}
	at := n + h.behind
	if encoded || n > maxDeadline || at == 0 || at > maxDeadline {
		h.r.Fail(ErrCorrupt)
		return 0
	}
	return int64(at)
}

// Set is a set that is being read.
type Set struct {
	r      *Reader
	packed cursor
	ints   []byte // intset
	next   int    // index in ints
	left   int
	n      int
	buf    []byte
}

// Set begins to read a set of type t. The error is ErrCorrupt if t is no set's, and
// ErrEmpty if there are no members.
func (r *Reader) Set(t Type) (s Set, err error) {
	s.r = r
	switch t {
	case TypeSet:
		s.left, err = r.elements(1)
		s.n = s.left
	case TypeSetIntset:
		if s.ints, err = r.blob(); err != nil {
			return s, err
		}
		if intset.Validate(s.ints, true) != nil {
			return s, r.Fail(ErrCorrupt)
		}
		s.n = intset.Len(s.ints)
	case TypeSetListpack:
		lp, n, err := r.listpackOf(nil, 1)
		if err != nil {
			return s, err
		}
		s.n = n
		s.packed.start(lp)
	default:
		err = r.Fail(ErrCorrupt)
	}
	return s, err
}

// Len is the number of members that the set says it has, as Hash.Len.
func (s *Set) Len() int { return s.n }

// Intset gives the whole set as an intset, if that is how it was stored, and nil
// otherwise. It may alias the input.
func (s *Set) Intset() []byte { return s.ints }

// Packed gives the whole set as a listpack in the same way.
func (s *Set) Packed() []byte { return s.packed.lp }

// Next gives the next member.
func (s *Set) Next() (member []byte, ok bool) { return s.NextIn(&s.buf) }

// NextIn is Next in the way of Hash.NextIn.
func (s *Set) NextIn(buf *[]byte) (member []byte, ok bool) {
	switch {
	case s.next < len(s.ints) && s.next < s.n:
		*buf = num.AppendInt((*buf)[:0], intset.Get(s.ints, s.next))
		s.next++
		return *buf, true
	case s.packed.ok:
		return textOf(s.packed.take(), buf), true
	case s.left == 0 || s.r.err != nil:
		return nil, false
	}
	s.left--
	member, err := s.r.text(buf)
	return member, err == nil
}

// ZSet is a sorted set that is being read.
type ZSet struct {
	r      *Reader
	packed cursor
	left   int
	n      int
	asText bool // scores are
	buf    []byte
}

// ZSet begins to read a sorted set of type t. The error is ErrCorrupt if t is no
// sorted set's, and ErrEmpty if there are no members.
func (r *Reader) ZSet(t Type) (z ZSet, err error) {
	z.r = r
	var form func([]byte) ([]byte, error)
	switch t {
	case TypeZset:
		z.asText = true
		z.left, err = r.elements(2)
		z.n = z.left
		return z, err
	case TypeZset2:
		z.left, err = r.elements(1 + 8)
		z.n = z.left
		return z, err
	case TypeZsetZiplist:
		form = fromZiplist
	case TypeZsetListpack:
	default:
		return z, r.Fail(ErrCorrupt)
	}
	lp, n, err := r.listpackOf(form, 2)
	if err != nil {
		return z, err
	}
	if !ascending(lp) {
		return z, r.Fail(ErrCorrupt)
	}
	z.n = n
	z.packed.start(lp)
	return z, nil
}

// Len is the number of members that the sorted set says it has, as Hash.Len.
func (z *ZSet) Len() int { return z.n }

// Packed gives the whole sorted set as a listpack of members and scores, if that
// is how it was stored, and nil otherwise. It may alias the input.
func (z *ZSet) Packed() []byte { return z.packed.lp }

// Next gives the next member. They come in no order to rely on, unless they are
// packed. The score is not NaN.
func (z *ZSet) Next() (member []byte, score float64, ok bool) { return z.NextIn(&z.buf) }

// NextIn is Next in the way of Hash.NextIn.
func (z *ZSet) NextIn(buf *[]byte) (member []byte, score float64, ok bool) {
	switch {
	case z.packed.ok:
		member = textOf(z.packed.take(), buf)
		score, _ = scoreOf(z.packed.take())
		return member, score, true
	case z.left == 0 || z.r.err != nil:
		return nil, 0, false
	}
	z.left--
	member, _ = z.r.text(buf)
	var err error
	if z.asText {
		score, err = z.r.textScore()
	} else {
		score, err = z.r.Float64()
	}
	if err != nil {
		return nil, 0, false
	}
	if math.IsNaN(score) {
		z.r.Fail(ErrCorrupt)
		return nil, 0, false
	}
	return member, score, true
}

// textScore reads a score as old versions wrote it: a byte for the infinities and
// NaN, or else for the length of the text that follows.
func (r *Reader) textScore() (float64, error) {
	c, err := r.Byte()
	if err != nil {
		return 0, err
	}
	switch c {
	case 253:
		return math.NaN(), nil
	case 254:
		return math.Inf(1), nil
	case 255:
		return math.Inf(-1), nil
	}
	b, err := r.Bytes(uint64(c))
	if err != nil {
		return 0, err
	}
	score, ok := parseScore(b)
	if !ok {
		return 0, r.Fail(ErrCorrupt)
	}
	return score, nil
}
