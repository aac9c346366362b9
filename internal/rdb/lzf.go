package rdb

import (
	"errors"
	"math"
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

// AppendLZF appends src compressed to dst. ok is false, and dst is returned as
// it was, when that would take more than limit bytes; it may be false already
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

func (t *lzfTable) compress(dst, src []byte, limit int) (out []byte, ok bool) {
	start := len(dst)
	out = dst
	lit := 0 // start of the literals not yet written
	i := 0
	for i+lzfMinMatch <= len(src) {
		slot := &t.slot[lzfHash(src[i:])]
		// Position 0 is never referred to: at base 0 that is an empty slot.
		ref := int(*slot) - int(t.base)
		*slot = uint32(i) + t.base
		if ref <= 0 || i-ref > lzfMaxOffset ||
			src[ref] != src[i] || src[ref+1] != src[i+1] || src[ref+2] != src[i+2] {
			i++
			continue
		}
		out = appendLiterals(out, src[lit:i])
		if len(out)-start+4 >= limit {
			return out[:start], false
		}
		n, most := lzfMinMatch, lzfLongest(len(src)-i)
		for n < most && src[ref+n] == src[i+n] {
			n++
		}
		out = appendMatch(out, i-ref-1, n-2)
		i += n
		lit = i
		// Of the bytes inside a match only the last two are entered.
		if i+lzfMinMatch <= len(src) {
			t.slot[lzfHash(src[i-2:])] = uint32(i-2) + t.base
			t.slot[lzfHash(src[i-1:])] = uint32(i-1) + t.base
		}
	}
	// Room is asked for the tail whatever its length, and for the header of a
	// run of literals even where none has begun.
	room := 3
	if (i-lit)%lzfMaxLiteral == 0 {
		room++
	}
	if len(out)-start+literalsLen(i-lit)+room > limit {
		return out[:start], false
	}
	return appendLiterals(out, src[lit:]), true
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

func lzfHash(b []byte) uint16 {
	return uint16(b[0])<<8 + uint16(b[1]) - 5*(uint16(b[1])<<8+uint16(b[2]))
}

func literalsLen(n int) int {
	return n + (n+lzfMaxLiteral-1)/lzfMaxLiteral
}

func appendLiterals(dst, lit []byte) []byte {
	for len(lit) > 0 {
		n := min(len(lit), lzfMaxLiteral)
		dst = append(dst, byte(n-1))
		dst = append(dst, lit[:n]...)
		lit = lit[n:]
	}
	return dst
}

func appendMatch(dst []byte, offset, length int) []byte {
	if length < 7 {
		return append(dst, byte(length<<5|offset>>8), byte(offset))
	}
	return append(dst, byte(7<<5|offset>>8), byte(length-7), byte(offset))
}

// AppendUnLZF appends to dst what src decompresses to, which must be exactly n
// bytes. dst grows with what is really produced. On an error dst is returned as
// it was.
func AppendUnLZF(dst, src []byte, n int) ([]byte, error) {
	start := len(dst)
	if n < 0 || n/lzfMaxRatio > len(src) {
		return dst, errLZF
	}
	// Most of what was compressed becomes a few times as long.
	b := slices.Grow(dst, min(n, 4*len(src)+64))
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
			if len(b)-at >= lzfMaxLiteral && len(src)-i >= lzfMaxLiteral {
				*(*[lzfMaxLiteral]byte)(b[at:]) = *(*[lzfMaxLiteral]byte)(src[i:])
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
		b = lzfRoom(b, at, length, end)
		lzfRepeat(b[at-back:], back, length)
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
