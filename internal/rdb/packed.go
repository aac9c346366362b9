package rdb

import (
	"bytes"
	"hash/maphash"
	"math"
	"math/bits"

	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/num"
)

// blob reads a string that holds a whole collection. It aliases the input unless
// it was compressed.
func (r *Reader) blob() ([]byte, error) {
	v, err := r.str(nil)
	if err != nil {
		return nil, err
	}
	if v.IsInt {
		return nil, r.Fail(ErrCorrupt)
	}
	return v.Bytes, nil
}

// blobIn is blob for one of several: what was compressed is valid until *buf is used again.
func (r *Reader) blobIn(buf *[]byte) ([]byte, error) {
	if len(r.b) > 0 && r.b[0]&0xc0 == lenEnc && r.b[0] != lenEnc|encLZF {
		return nil, r.Fail(ErrCorrupt)
	}
	return r.text(buf)
}

// text reads a string that is valid until *buf is used again.
func (r *Reader) text(buf *[]byte) ([]byte, error) {
	if len(r.b) > 0 && r.b[0]&0xc0 != lenEnc {
		return r.String()
	}
	b, err := r.AppendString((*buf)[:0])
	*buf = b[:0]
	return b, err
}

// textOf is the string that v stands for, valid until *buf is used again.
func textOf(v listpack.Value, buf *[]byte) []byte {
	if !v.IsInt() {
		return v.Str
	}
	*buf = num.AppendInt((*buf)[:0], v.Int)
	return *buf
}

// listpackOf reads a packed collection of elements of step entries each, as a
// ziplist, zipmap or listpack, and gives it as a listpack. No element is twice.
func (r *Reader) listpackOf(form func([]byte) ([]byte, error), step int) (lp []byte, n int, err error) {
	lp, n, unique, err := r.packed(form, step)
	if err == nil && !unique && !Distinct(lp, step) {
		err = r.Fail(ErrPackedTwice)
	}
	return lp, n, err
}

// packed is listpackOf, but elements may be twice, unless it is found out by the way that
// they are not.
func (r *Reader) packed(form func([]byte) ([]byte, error), step int) (lp []byte, n int, unique bool, err error) {
	b, err := r.blob()
	if err != nil {
		return nil, 0, false, err
	}
	if form == nil {
		lp = b
		n, unique, err = listpack.ValidateUnique(b, step)
	} else if lp, err = form(b); err == nil {
		n = listpack.Len(lp)
	}
	switch {
	case err != nil || n%step != 0:
		return nil, 0, false, r.Fail(ErrCorrupt)
	case n == 0:
		return nil, 0, false, ErrEmpty
	}
	return lp, n / step, unique, nil
}

// Distinct tells whether of the entries of a listpack every step-th, from the
// first on, is there once only. It takes linear time, whatever the entries are.
func Distinct(lp []byte, step int) bool {
	n := (listpack.Len(lp) + step - 1) / step
	// A table of positions, open addressing, at most half full; 0 is no position.
	var small [64]uint32
	table := small[:]
	if size := 1 << bits.Len(uint(2*n)); size > len(small) {
		table = make([]uint32, size)
	}
	mask := uint64(len(table) - 1)
	seed := maphash.MakeSeed()
	var buf, other [num.MaxIntLen]byte
	index := 0
	for pos, ok := listpack.First(lp); ok; pos, ok = listpack.Next(lp, pos) {
		index++
		if (index-1)%step != 0 {
			continue
		}
		elem := listpack.Get(lp, pos).Bytes(buf[:])
		slot := maphash.Bytes(seed, elem) & mask
		for ; table[slot] != 0; slot = (slot + 1) & mask {
			if bytes.Equal(listpack.Get(lp, int(table[slot])).Bytes(other[:]), elem) {
				return false
			}
		}
		table[slot] = uint32(pos)
	}
	return true
}

// ascending tells whether a listpack of members and scores has them in order.
func ascending(lp []byte) bool {
	var bufs [2][num.MaxIntLen]byte
	var before []byte
	lowest := math.Inf(-1)
	turn := 0
	for pos, ok := listpack.First(lp); ok; pos, ok = listpack.Next(lp, pos) {
		member := listpack.Get(lp, pos).Bytes(bufs[turn][:])
		pos, _ = listpack.Next(lp, pos)
		score, isScore := scoreOf(listpack.Get(lp, pos))
		if !isScore || score < lowest || score == lowest && before != nil && bytes.Compare(member, before) <= 0 {
			return false
		}
		lowest, before, turn = score, member, 1-turn
	}
	return true
}

// scoreOf reads a score that is kept as an integer or as text.
func scoreOf(v listpack.Value) (score float64, ok bool) {
	if v.IsInt() {
		return float64(v.Int), true
	}
	return parseScore(v.Str)
}

func parseScore(b []byte) (score float64, ok bool) {
	if len(b) == 0 || b[0] <= ' ' {
		return 0, false
	}
	score, n, _ := num.Strtod(b)
	return score, n == len(b) && !math.IsNaN(score)
}
