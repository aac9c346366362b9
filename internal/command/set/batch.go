package set

import (
	"math/bits"

	"github.com/redstart-db/redstart/internal/ds/dict"
	"github.com/redstart-db/redstart/internal/ds/intset"
	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/num"
	"github.com/redstart-db/redstart/internal/resp"
)

// batchSize is the number of members that are looked up at once, so that what they
// lead to can be fetched from memory all at once.
const batchSize = 48

// batch is members of one set that are looked for in others. A set of members is a
// mask with a bit for each.
type batch struct {
	n    int
	text [batchSize][]byte // nil: an integer whose digits are not written yet
	num  [batchSize]int64
	ints uint64 // those that are integers, with their num
	read uint64 // those of which that is known

	digits [batchSize][num.MaxIntLen]byte
}

// first is the mask of the first n members.
func first(n int) uint64 { return 1<<n - 1 }

func (b *batch) all() uint64 { return first(b.n) }

func (b *batch) clear() { b.n, b.ints, b.read = 0, 0, 0 }

func (b *batch) addInt(n int64) {
	b.text[b.n], b.num[b.n] = nil, n
	b.ints |= 1 << b.n
	b.read |= 1 << b.n
	b.n++
}

func (b *batch) addText(m []byte) {
	b.text[b.n] = m
	b.n++
}

func (b *batch) addValue(v listpack.Value) {
	if v.IsInt() {
		b.addInt(v.Int)
	} else {
		// No string of a listpack is an integer.
		b.read |= 1 << b.n
		b.addText(v.Str)
	}
}

// bytes gives member i as text.
func (b *batch) bytes(i int) []byte {
	if b.text[i] == nil {
		b.text[i] = num.AppendInt(b.digits[i][:0], b.num[i])
	}
	return b.text[i]
}

// parse finds out which of some members are integers.
func (b *batch) parse(mask uint64) {
	for m := mask &^ b.read; m != 0; m &= m - 1 {
		i := bits.TrailingZeros64(m)
		if n, ok := num.ParseInt(b.text[i]); ok {
			b.num[i] = n
			b.ints |= 1 << i
		}
	}
	b.read |= mask
}

// appendTo appends member i as a RESP string.
func (b *batch) appendTo(out []byte, i int) []byte {
	if t := b.text[i]; t != nil {
		return resp.AppendBulk(out, t)
	}
	return resp.AppendBulkInt(out, b.num[i])
}

// in tells which of some members are in a set.
func (b *batch) in(v *view, mask uint64) (there uint64) {
	switch {
	case v.big != nil:
		for m := mask; m != 0; m &= m - 1 {
			b.bytes(bits.TrailingZeros64(m))
		}
		return v.big.FindEach(b.text[:b.n], mask)
	case v.ints != nil:
		b.parse(mask)
		for m := mask & b.ints; m != 0; m &= m - 1 {
			i := bits.TrailingZeros64(m)
			if _, ok := intset.Find(v.ints, b.num[i]); ok {
				there |= 1 << i
			}
		}
	case v.lp != nil:
		for m := mask; m != 0; m &= m - 1 {
			i := bits.TrailingZeros64(m)
			if v.has(b.bytes(i)) {
				there |= 1 << i
			}
		}
	}
	return there
}

// walk calls visit with all members of a set, batch by batch, until it returns
// false.
func (b *batch) walk(v *view, visit func() bool) {
	var w dict.Walk
	i, pos := 0, listpack.HeaderSize
	for {
		b.clear()
		switch {
		case v.big != nil:
			b.n = v.big.NextMembers(&w, b.text[:])
		case v.ints != nil:
			for n := intset.Len(v.ints); i < n && b.n < batchSize; i++ {
				b.addInt(intset.Get(v.ints, i))
			}
		case v.lp != nil:
			for end := listpack.End(v.lp); pos < end && b.n < batchSize; {
				b.addValue(listpack.Get(v.lp, pos))
				pos += listpack.EntrySize(v.lp, pos)
			}
		}
		if b.n == 0 || !visit() {
			return
		}
	}
}
