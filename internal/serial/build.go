package serial

import (
	"bytes"
	"cmp"
	"math"
	"slices"

	"github.com/redstart-db/redstart/internal/ds/dict"
	"github.com/redstart-db/redstart/internal/ds/intset"
	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/ds/qlist"
	"github.com/redstart-db/redstart/internal/ds/stream"
	"github.com/redstart-db/redstart/internal/ds/triples"
	"github.com/redstart-db/redstart/internal/ds/zset"
	"github.com/redstart-db/redstart/internal/num"
	"github.com/redstart-db/redstart/internal/rdb"
)

// What is stored packed stays so if it has few elements, whatever their size, but
// for zipmaps: so it is in Redis.
//
// What is read one by one is packed on the Go heap as long as it is small. There,
// elements are put one behind the other, and whether one is twice is looked at in
// the end, at once: the limits may be so high that looking each time would take
// the square of their number.

// expected is for how many elements of n room is made at once. The input may say that
// there are more than there are, so it is one for each 4 bytes of it at the most: a place in a table takes 7. A segment of the table that gets more than others grows
// by itself; to make all so large would take a tenth more for ever.
func (b *builder) expected(n int) int { return min(n, b.size/4) * 10 / 11 }

// newDict begins a table of about n elements.
func (b *builder) newDict(kind dict.Kind, n int) *dict.Dict {
	d := new(dict.Dict)
	d.Init(b.ks.Arena(), kind)
	b.object = d
	d.Expect(b.expected(n))
	return d
}

func (b *builder) hash(t rdb.Type) error {
	h, err := b.r.Hash(t)
	if err != nil {
		return err
	}
	small := h.Len() <= b.lim.HashEntries
	if p := h.Packed(); p != nil && small && len(p) <= listpack.SafeSize &&
		(t != rdb.TypeHashZipmap || longest(p) <= b.lim.HashValue) {
		b.packed = p
		return nil
	}
	if p := h.Triples(); p != nil && small && len(p) <= listpack.SafeSize && triples.First(p) != 0 {
		b.packed, b.timed = p, true
		return nil
	}
	f := hashFill{b: b, lp: b.empty()}
	if !small {
		f.dict = b.newDict(dict.Hash, h.Len())
	}
	for f.dict == nil {
		field, value, at, ok := h.Next()
		if !ok {
			return f.end()
		}
		if !f.add(field, value, at) {
			return b.r.Fail(rdb.ErrTwice)
		}
	}
	return b.fillHash(f.dict, &h)
}

// longest is the length of the longest entry of a listpack.
func longest(lp []byte) (n int) {
	for pos, ok := listpack.First(lp); ok; pos, ok = listpack.Next(lp, pos) {
		n = max(n, listpack.Get(lp, pos).Len())
	}
	return n
}

// hashFill fills a hash that is a listpack of fields and values, then a table, if
// it gets that large.
type hashFill struct {
	b         *builder
	lp        []byte
	deadlines []int64 // of the fields in lp; nil when none has one
	dict      *dict.Dict
}

// add adds a field; false says that it was there already.
func (f *hashFill) add(field, value []byte, at int64) bool {
	if f.dict == nil {
		if max(len(field), len(value)) <= f.b.lim.HashValue &&
			listpack.SafeToAdd(f.lp, len(field)+len(value)+3*listpack.MaxOverhead) {
			if at != 0 && f.deadlines == nil {
				f.deadlines = make([]int64, listpack.Len(f.lp)/2)
			}
			if f.deadlines != nil {
				f.deadlines = append(f.deadlines, at)
			}
			f.lp = listpack.Append(listpack.Append(f.lp, field), value)
			return true
		}
		if !f.unpack() {
			return false
		}
	}
	e, created := f.dict.Set(field, value)
	if created && at != 0 {
		f.dict.SetDeadline(e, at)
	}
	return created
}

// pairs calls visit for the fields of the listpack, until it returns false, and
// tells whether it did not.
func (f *hashFill) pairs(visit func(i int, field, value []byte) bool) bool {
	var bufs [2][num.MaxIntLen]byte
	i := 0
	for pos, ok := listpack.First(f.lp); ok; i++ {
		field := listpack.Get(f.lp, pos).Bytes(bufs[0][:])
		pos, _ = listpack.Next(f.lp, pos)
		if !visit(i, field, listpack.Get(f.lp, pos).Bytes(bufs[1][:])) {
			return false
		}
		pos, ok = listpack.Next(f.lp, pos)
	}
	return true
}

// unpack goes on with a table in place of a listpack.
func (f *hashFill) unpack() bool {
	f.dict = f.b.newDict(dict.Hash, listpack.Len(f.lp)/2)
	return f.pairs(func(i int, field, value []byte) bool {
		e, created := f.dict.Set(field, value)
		if created && f.deadlines != nil && f.deadlines[i] != 0 {
			f.dict.SetDeadline(e, f.deadlines[i])
		}
		return created
	})
}

func (f *hashFill) end() error {
	switch {
	case f.dict != nil:
		return nil
	case !rdb.Distinct(f.lp, 2):
		return f.b.r.Fail(rdb.ErrTwice)
	case f.deadlines == nil:
		f.b.pack(f.lp)
		return nil
	}
	f.b.packed, f.b.timed = f.triples(), true
	return nil
}

// triples is the listpack with deadlines, in their order.
func (f *hashFill) triples() []byte {
	type field struct {
		at  int64
		pos int
	}
	var fields []field
	for pos, ok := listpack.First(f.lp); ok; {
		at := f.deadlines[len(fields)]
		if at == 0 {
			at = math.MaxInt64
		}
		fields = append(fields, field{at, pos})
		pos, _ = listpack.Next(f.lp, pos)
		pos, ok = listpack.Next(f.lp, pos)
	}
	slices.SortStableFunc(fields, func(x, y field) int { return cmp.Compare(x.at, y.at) })
	var digits [num.MaxIntLen]byte
	lp := listpack.New(len(f.lp) + len(fields)*triples.DeadlineSize)
	for _, x := range fields {
		value, _ := listpack.Next(f.lp, x.pos)
		lp = listpack.Append(lp, listpack.Get(f.lp, x.pos).Bytes(digits[:]))
		lp = listpack.Append(lp, listpack.Get(f.lp, value).Bytes(digits[:]))
		lp = listpack.AppendInt(lp, x.at%math.MaxInt64) // again 0 for none
	}
	return lp
}

func (b *builder) set(t rdb.Type) error {
	s, err := b.r.Set(t)
	if err != nil {
		return err
	}
	if ints := s.Intset(); ints != nil && s.Len() <= b.lim.SetInts {
		b.packed = ints
		return nil
	}
	f := setFill{b: b, small: s.Len() <= b.lim.SetEntries}
	if p := s.Packed(); p != nil && f.small && len(p) <= listpack.SafeSize && longest(p) <= b.lim.SetValue {
		b.packed = p
		return nil
	}
	switch {
	case s.Len() <= b.lim.SetInts && s.Packed() == nil:
		f.ints = append(b.ints, 0)[:0] // not nil
	case f.small:
		f.lp = b.empty()
	default:
		f.dict = b.newDict(dict.Set, s.Len())
	}
	for f.dict == nil {
		member, ok := s.Next()
		if !ok {
			return f.end()
		}
		if !f.add(member) {
			return b.r.Fail(rdb.ErrTwice)
		}
	}
	return b.fillSet(f.dict, &s)
}

// setFill fills a set that is integers, then strings, then too large to be packed,
// as far as it gets.
type setFill struct {
	b     *builder
	small bool    // it may be a listpack by the number of its members
	ints  []int64 // one of these is not nil
	lp    []byte
	dict  *dict.Dict
}

// add adds a member; false says that it was there already.
func (f *setFill) add(member []byte) bool {
	if f.ints != nil {
		if n, ok := num.ParseInt(member); ok {
			f.ints = append(f.ints, n)
			return true
		}
		if !f.text() {
			return false
		}
	}
	if f.lp != nil {
		if len(member) <= f.b.lim.SetValue && listpack.SafeToAdd(f.lp, len(member)+listpack.MaxOverhead) {
			f.lp = listpack.Append(f.lp, member)
			return true
		}
		if !f.unpack() {
			return false
		}
	}
	_, created := f.dict.Add(member)
	return created
}

// text goes on with a listpack or a table in place of integers.
func (f *setFill) text() bool {
	ints := f.ints
	f.ints, f.lp = nil, f.b.empty()
	if !f.small && !f.unpack() {
		return false
	}
	var digits [num.MaxIntLen]byte
	for _, n := range ints {
		if !f.add(num.AppendInt(digits[:0], n)) {
			return false
		}
	}
	return true
}

// unpack goes on with a table in place of a listpack.
func (f *setFill) unpack() bool {
	lp := f.lp
	f.lp, f.dict = nil, f.b.newDict(dict.Set, listpack.Len(lp))
	var digits [num.MaxIntLen]byte
	for pos, ok := listpack.First(lp); ok; pos, ok = listpack.Next(lp, pos) {
		if _, created := f.dict.Add(listpack.Get(lp, pos).Bytes(digits[:])); !created {
			return false
		}
	}
	return true
}

func (f *setFill) end() error {
	b := f.b
	switch {
	case f.lp != nil:
		if !rdb.Distinct(f.lp, 1) {
			return b.r.Fail(rdb.ErrTwice)
		}
		b.pack(f.lp)
	case f.ints != nil:
		b.ints = f.ints[:0]
		slices.Sort(f.ints)
		if len(slices.Compact(f.ints)) != len(f.ints) {
			return b.r.Fail(rdb.ErrTwice)
		}
		set := append(b.lp[:0], intset.Empty...)
		for _, n := range f.ints {
			set, _ = intset.Add(set, n)
		}
		b.pack(set)
	}
	return nil
}

func (b *builder) zset(t rdb.Type) error {
	s, err := b.r.ZSet(t)
	if err != nil {
		return err
	}
	if p := s.Packed(); p != nil && s.Len() <= b.lim.ZSetEntries && len(p) <= listpack.SafeSize {
		b.packed = p
		return nil
	}
	if s.Len() > b.lim.ZSetEntries {
		return b.fillZSet(nil, &s)
	}
	few := b.members()
	for {
		member, score, ok := s.Next()
		if !ok {
			break
		}
		if !few.add(member, score, len(member) > b.lim.ZSetValue) {
			return b.fillZSet(few, &s)
		}
	}
	if b.r.Err() != nil {
		return nil
	}
	b.pack(few.pack(b.lp))
	if !rdb.Distinct(b.packed, 2) {
		return b.r.Fail(rdb.ErrTwice)
	}
	return nil
}

func (b *builder) newZSet(n int) *zset.ZSet {
	z := new(zset.ZSet)
	z.Init(b.ks.Arena())
	b.object = z
	z.Expect(b.expected(n))
	return z
}

// members is a few members with their scores, in any order.
type members struct {
	text []byte // of all
	list []scored
}

type scored struct {
	score    float64
	from, to int // in text
}

// members has none yet, and the memory of those before.
func (b *builder) members() *members {
	m := &b.few
	if cap(m.text) > keptSize {
		*m = members{}
	}
	m.text, m.list = m.text[:0], m.list[:0]
	return m
}

// add adds a member; false says that they do not fit a listpack, of which long says that
// the member alone does not.
func (m *members) add(member []byte, score float64, long bool) bool {
	from := len(m.text)
	m.text = append(m.text, member...)
	m.list = append(m.list, scored{score, from, len(m.text)})
	return !long && len(m.text)+len(m.list)*maxPair <= listpack.SafeSize
}

// maxPair is how many bytes beyond its member's a pair takes at most.
const maxPair = 2*listpack.MaxOverhead + 24

func (m *members) member(i int) []byte { return m.text[m.list[i].from:m.list[i].to] }

// pack writes the members over dst, as a sorted set.
func (m *members) pack(dst []byte) []byte {
	slices.SortFunc(m.list, func(x, y scored) int {
		if c := cmp.Compare(x.score, y.score); c != 0 {
			return c
		}
		return bytes.Compare(m.text[x.from:x.to], m.text[y.from:y.to])
	})
	p := zset.Packed(append(dst[:0], listpack.Empty...))
	for i := range m.list {
		p = p.Append(m.member(i), m.list[i].score)
	}
	return p
}

func (b *builder) list(t rdb.Type) error {
	l, err := b.r.List(t)
	if err != nil {
		return err
	}
	fill := qlist.NewFill(b.lim.ListFill, b.lim.ListPlain)
	var lp []byte // while all is one listpack
	var q *qlist.List
	for {
		part, data, ok := l.Next()
		if !ok {
			break
		}
		switch {
		case q != nil:
		case part == rdb.Element && lp == nil && fill.Fits(0, 0, data):
			lp = listpack.Append(b.empty(), data)
			continue
		case part == rdb.Element && lp != nil && fill.Fits(len(lp), listpack.Len(lp), data):
			lp = listpack.Append(lp, data)
			continue
		case part == rdb.PackedNode && lp == nil && l.Len() == 1 && fill.FitsAs(len(data), 0, listpack.Len(data), nil):
			lp = data
			continue
		default:
			q = new(qlist.List)
			q.Init(b.ks.Arena(), b.lim.ListFill)
			q.SetPackedThreshold(b.lim.ListPlain)
			b.object = q
			if lp != nil {
				q.AppendNode(false, lp)
				lp = nil
			}
		}
		if part == rdb.Element {
			q.PushBack(data)
		} else {
			q.AppendNode(part == rdb.PlainNode, data)
		}
	}
	if q == nil && lp == nil && b.r.Err() == nil {
		return rdb.ErrEmpty
	}
	switch {
	case lp == nil:
	case l.Len() == 1: // it may lie in the input
		b.packed = lp
	default:
		b.pack(lp)
	}
	return nil
}

func (b *builder) stream(t rdb.Type) error {
	in, err := b.r.Stream(t)
	if err != nil {
		return err
	}
	s := new(stream.Stream)
	s.Init(b.ks.Arena())
	b.object = s
	for {
		master, lp, ok := in.NextNode()
		if !ok {
			break
		}
		if s.LoadNode(master, lp) != nil {
			return b.corrupt()
		}
	}
	st, err := in.State()
	switch {
	case err != nil:
		return err
	case st.Length != uint64(s.Len()), st.Added < st.Length, s.LoadLast(st.Last) != nil:
		return b.corrupt()
	}
	s.SetMaxDeleted(st.MaxDeleted)
	s.SetAdded(st.Added)
	for {
		g, ok := in.NextGroup()
		if !ok {
			return nil
		}
		if err := b.group(s, &in, &g); err != nil {
			return err
		}
	}
}

// maxStrays is how many groups and consumers of a stream may be out of order: Redis
// writes them by name, and each that is not moves others.
const maxStrays = 4096

// stray counts one, and tells whether there are too many.
func (b *builder) stray() bool {
	b.strays++
	return b.strays > maxStrays
}

func (b *builder) group(s *stream.Stream, in *rdb.Stream, g *rdb.StreamGroup) error {
	read := int64(stream.Unknown)
	switch {
	case !g.ReadKnown:
		read = s.Count(g.Last)
	case g.Read <= math.MaxInt64:
		read = int64(g.Read)
	}
	if n := len(s.Groups()); n > 0 && string(g.Name) < s.Groups()[n-1].Name() && b.stray() {
		return b.corrupt()
	}
	group := s.NewGroup(g.Name, g.Last, read)
	if group == nil {
		return b.r.Fail(rdb.ErrGroup)
	}
	for {
		p, ok := in.NextPending()
		if !ok {
			break
		}
		if group.LoadPending(p.ID, p.Delivered, p.Deliveries) != nil {
			return b.r.Fail(rdb.ErrPending)
		}
	}
	for {
		c, ok := in.NextConsumer()
		if !ok {
			break
		}
		if n := len(group.Consumers()); n > 0 && string(c.Name) < group.Consumers()[n-1].Name() && b.stray() {
			return b.corrupt()
		}
		consumer := group.NewConsumer(c.Name, c.Seen)
		if consumer == nil {
			return b.r.Fail(rdb.ErrConsumer)
		}
		consumer.Active = c.Active
		for {
			id, ok := in.NextOwned()
			if !ok {
				break
			}
			if group.LoadOwner(id, consumer) != nil {
				return b.r.Fail(rdb.ErrOwner)
			}
		}
	}
	if b.r.Err() == nil && group.CheckOwned() != nil {
		return b.corrupt()
	}
	return nil
}
