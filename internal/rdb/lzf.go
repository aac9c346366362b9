package rdb

import (
	"encoding/binary"
	"errors"
	"math"
	"math/bits"
	"slices"
	"sync"
)

// The LZF format is a sequence of
//
//	000lllll                       l+1 literal bytes follow
//	lllooooo oooooooo              copy l+2 bytes from o+1 bytes back, 0 < l < 7
//	111ooooo llllllll oooooooo     copy l+9 bytes from o+1 bytes back
//
// The compressor makes the choices of liblzf as Redis builds it (its hash, which
// positions it enters, when it gives up), so that DUMP gives the same bytes.
const (
	lzfMaxLiteral = 1 << 5
	lzfMaxOffset  = 1 << 13
	lzfMaxMatch   = 1<<8 + 1<<3
	lzfMinMatch   = 3
	lzfTail       = 2 // a longer match leaves these last bytes as literals

	// lzfFew is how many bytes are copied for a few of them, which is as fast. lzfSlack is
	// how many the compressor may write beyond what it keeps to.
	lzfFew   = 16
	lzfSlack = lzfFew + 8

	// lzfMaxRatio bounds what a compressed byte can become: three bytes give at
	// most lzfMaxMatch.
	lzfMaxRatio = lzfMaxMatch / 3

	// lzfMaxInput bounds what the compressor takes, so that positions fit 32
	// bits. It is beyond the longest string.
	lzfMaxInput = 1 << 30
)

var errLZF = errors.New("rdb: invalid LZF compressed string")

// lzfTable maps the hash of three bytes to the latest position at which they
// were seen. Positions are stored plus base, which moves on beyond them with
// each input: so the table need not be cleared for each, and an entry of an
// earlier input (below base) is told from one of this.
type lzfTable struct {
	base uint32
	slot [1 << 16]uint32
}

var lzfTables = sync.Pool{New: func() any { return new(lzfTable) }}

// AppendLZF appends src compressed to dst. ok is false, and nothing is appended,
// when that would take more than limit bytes; it may be false already
// when it takes a few bytes less.
func AppendLZF(dst, src []byte, limit int) (out []byte, ok bool) {
	if len(src) < lzfMinMatch || len(src) > lzfMaxInput {
		return dst, false
	}
	t := lzfTables.Get().(*lzfTable)
	if t.base > math.MaxUint32-lzfMaxInput {
		*t = lzfTable{}
	}
	out, ok = t.compress(dst, src, limit)
	t.base += uint32(len(src))
	lzfTables.Put(t)
	return out, ok
}

// compress is AppendLZF. It copies some bytes more at a time than it needs, as most runs
// of literals are short: behind where it writes there is room for that.
func (t *lzfTable) compress(dst, src []byte, limit int) (out []byte, ok bool) {
	start := len(dst)
	b := slices.Grow(dst, max(limit, 0)+lzfSlack)
	b = b[:cap(b)]
	at := start // where to write
	lit := 0    // start of the literals not yet written
	i := 0
	for {
		var ref int
		if i, ref = t.next(src, i); ref == 0 {
			break
		}
		if at-start+literalsLen(i-lit)+4 >= limit {
			return b[:start], false
		}
		at = putLiterals(b, at, src[lit:], i-lit)
		n := max(lzfMinMatch, lzfMatch(src[ref:], src[i:i+lzfLongest(len(src)-i)]))
		at = putMatch(b, at, i-ref-1, n-2)
		i += n
		lit = i
		// Of the bytes inside a match only the last two are entered.
		if i+lzfMinMatch <= len(src) {
			w := lzfWord(src, i-2)
			t.slot[lzfHash(w)] = uint32(i-2) + t.base
			t.slot[lzfHash(w<<8|uint32(src[i+1]))] = uint32(i-1) + t.base
		}
	}
	// Room is asked for the tail whatever its length, and for the header of a
	// run of literals even where none has begun.
	room := 3
	if (i-lit)%lzfMaxLiteral == 0 {
		room++
	}
	if at-start+literalsLen(i-lit)+room > limit {
		return b[:start], false
	}
	return b[:putLiterals(b, at, src[lit:], len(src)-lit)], true
}

// next gives the first position from i on that has the three bytes of an earlier one, and
// that one; or 0, and the first position that three bytes do not follow. What it passes is
// entered.
func (t *lzfTable) next(src []byte, i int) (at, ref int) {
	base := t.base
	for ; i+4 <= len(src); i++ {
		w := lzfWord(src, i)
		slot := &t.slot[lzfHash(w)]
		// Position 0 is never referred to: at base 0 that is an empty slot.
		ref := int(*slot) - int(base)
		*slot = uint32(i) + base
		if ref > 0 && i-ref <= lzfMaxOffset && lzfWord(src, ref)^w < 1<<8 {
			return i, ref
		}
	}
	if i+lzfMinMatch > len(src) {
		return i, 0
	}
	w := uint32(src[i])<<24 | uint32(src[i+1])<<16 | uint32(src[i+2])<<8
	ref = int(t.slot[lzfHash(w)]) - int(base)
	if ref > 0 && i-ref <= lzfMaxOffset && lzfWord(src, ref)^w < 1<<8 {
		return i, ref
	}
	return i + 1, 0
}

// lzfWord gives the four bytes at i, the first one highest. The limit of the slice tells the
// compiler that it is not empty.
func lzfWord(b []byte, i int) uint32 { return binary.BigEndian.Uint32(b[i : i+4 : i+4]) }

// lzfMatch is how many of the first bytes of b are those of a, which is not shorter.
func lzfMatch(a, b []byte) (n int) {
	for len(b) >= 8 && len(a) >= 8 {
		if x := binary.LittleEndian.Uint64(b) ^ binary.LittleEndian.Uint64(a); x != 0 {
			return n + bits.TrailingZeros64(x)/8
		}
		n += 8
		a, b = a[8:], b[8:]
	}
	for i, c := range b {
		if a[i] != c {
			return n + i
		}
	}
	return n + len(b)
}

// lzfLongest is how long a match may be where left bytes are left. The first
// bytes are compared without regard to the tail when there are enough of them.
func lzfLongest(left int) int {
	const unchecked = 16
	most := min(left-lzfTail, lzfMaxMatch)
	if most > unchecked {
		most = max(most, lzfMinMatch+unchecked)
	}
	return most
}

// lzfHash is the hash of the first three bytes of w, which begins with its highest.
func lzfHash(w uint32) uint16 { return uint16(w>>16) - 5*uint16(w>>8) }

func literalsLen(n int) int {
	return n + (n+lzfMaxLiteral-1)/lzfMaxLiteral
}

// putLiterals writes the first n bytes of src at b[at:], and gives where that ends.
func putLiterals(b []byte, at int, src []byte, n int) int {
	if n == 0 {
		return at
	}
	if n <= lzfFew && len(src) >= lzfFew {
		b[at] = byte(n - 1)
		*(*[lzfFew]byte)(b[at+1:]) = *(*[lzfFew]byte)(src)
		return at + 1 + n
	}
	for src = src[:n]; len(src) > 0; {
		n := min(len(src), lzfMaxLiteral)
		b[at] = byte(n - 1)
		at += 1 + copy(b[at+1:], src[:n])
		src = src[n:]
	}
	return at
}

// putMatch writes a copy of length+2 bytes from offset+1 bytes back at b[at:], and gives
// where that ends.
func putMatch(b []byte, at, offset, length int) int {
	to := b[at : at+3]
	if length < 7 {
		to[0], to[1] = byte(length<<5|offset>>8), byte(offset)
		return at + 2
	}
	to[0], to[1], to[2] = byte(7<<5|offset>>8), byte(length-7), byte(offset)
	return at + 3
}

// AppendUnLZF appends to dst what src decompresses to, which must be exactly n
// bytes. dst grows with what is really produced. On an error dst is returned as
// it was.
func AppendUnLZF(dst, src []byte, n int) ([]byte, error) {
	start := len(dst)
	if n < 0 || n/lzfMaxRatio > len(src) {
		return dst, errLZF
	}
	// Most of what was compressed becomes a few times as long. With a few bytes more all
	// can be copied in steps.
	b := slices.Grow(dst, min(n, 4*len(src)+64)+lzfFew)
	b = b[:cap(b)]
	at, end := start, start+n
	for i := 0; i < len(src); {
		ctrl := int(src[i])
		i++
		if ctrl < lzfMaxLiteral {
			ctrl++
			if ctrl > len(src)-i || ctrl > end-at {
				return dst, errLZF
			}
			if ctrl <= lzfFew && len(b)-at >= lzfFew && len(src)-i >= lzfFew {
				*(*[lzfFew]byte)(b[at : at+lzfFew : at+lzfFew]) = *(*[lzfFew]byte)(src[i : i+lzfFew : i+lzfFew])
			} else {
				b = lzfRoom(b, at, ctrl, end)
				copy(b[at:], src[i:i+ctrl])
			}
			at += ctrl
			i += ctrl
			continue
		}
		length := ctrl >> 5
		if length == 7 {
			if i == len(src) {
				return dst, errLZF
			}
			length += int(src[i])
			i++
		}
		length += 2
		if i == len(src) {
			return dst, errLZF
		}
		back := ctrl&0x1f<<8 | int(src[i]) + 1
		i++
		if back > at-start || length > end-at {
			return dst, errLZF
		}
		if from := at - back; length <= lzfFew && back >= lzfFew && len(b)-at >= lzfFew {
			*(*[lzfFew]byte)(b[at : at+lzfFew : at+lzfFew]) = *(*[lzfFew]byte)(b[from : from+lzfFew : from+lzfFew])
		} else {
			b = lzfRoom(b, at, length, end)
			lzfRepeat(b[from:], back, length)
		}
		at += length
	}
	if at != end {
		return dst, errLZF
	}
	return b[:at], nil
}

// lzfRoom makes sure that n bytes of b follow at, of which the end is known.
func lzfRoom(b []byte, at, n, end int) []byte {
	if len(b)-at >= n {
		return b
	}
	b = slices.Grow(b[:at], min(end-at, max(n, at)))
	return b[:cap(b)]
}

// lzfRepeat writes to b from back on what b has from its start on, length bytes. The two may
// overlap: then what was just written repeats. Where there is room it writes some bytes more
// than that, since most copies are short: a step of many bytes takes as long as one of one.
func lzfRepeat(b []byte, back, length int) {
	const long, short = 16, 8
	to := b[back:]
	switch {
	case back >= long && len(to) >= length+long:
		for k := 0; k < length; k += long {
			*(*[long]byte)(to[k:]) = *(*[long]byte)(b[k:])
		}
	case back >= short && len(to) >= length+short:
		for k := 0; k < length; k += short {
			*(*[short]byte)(to[k:]) = *(*[short]byte)(b[k:])
		}
	default:
		for k := range to[:length] {
			to[k] = b[k]
		}
	}
}
