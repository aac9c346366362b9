package rdb

import (
	"errors"
	"sync"
)

// The LZF format is a sequence of
//
//	000lllll                       l+1 literal bytes follow
//	lllooooo oooooooo              copy l+2 bytes from o+1 bytes back, 0 < l < 7
//	111ooooo llllllll oooooooo     copy l+9 bytes from o+1 bytes back
const (
	lzfMaxLiteral = 1 << 5
	lzfMaxOffset  = 1 << 13
	lzfMaxMatch   = 1<<8 + 1<<3

	// lzfMaxRatio bounds what a compressed byte can become: three bytes give at
	// most lzfMaxMatch.
	lzfMaxRatio = lzfMaxMatch / 3

	lzfHashBits = 16
)

var errLZF = errors.New("rdb: invalid LZF compressed string")

// lzfTable maps the hash of three bytes to the latest position they were seen
// at, plus one.
type lzfTable [1 << lzfHashBits]uint32

var lzfTables = sync.Pool{New: func() any { return new(lzfTable) }}

// AppendLZF appends src compressed to dst. ok is false, and dst is returned as
// it was, when that would take more than limit bytes.
func AppendLZF(dst, src []byte, limit int) (out []byte, ok bool) {
	if len(src) < 4 || uint64(len(src)) > 1<<32-2 {
		return dst, false
	}
	table := lzfTables.Get().(*lzfTable)
	clear(table[:])
	out, ok = table.compress(dst, src, limit)
	lzfTables.Put(table)
	return out, ok
}

func (t *lzfTable) compress(dst, src []byte, limit int) (out []byte, ok bool) {
	start := len(dst)
	out = dst
	lit := 0 // start of the literals not yet written
	for i := 0; i+2 < len(src); {
		slot := &t[lzfHash(src[i:])]
		ref := int(*slot) - 1
		*slot = uint32(i) + 1
		// Position 0 is never referred to, as in the original implementation:
		// it costs nothing and makes equal bytes more likely.
		if ref <= 0 || i-ref > lzfMaxOffset ||
			src[ref] != src[i] || src[ref+1] != src[i+1] || src[ref+2] != src[i+2] {
			i++
			continue
		}
		n := 3
		for most := min(len(src)-i, lzfMaxMatch); n < most && src[ref+n] == src[i+n]; n++ {
		}
		out = appendLiterals(out, src[lit:i])
		out = appendMatch(out, i-ref-1, n-2)
		i += n
		lit = i
		if len(out)-start > limit {
			return out[:start], false
		}
		// Of the bytes inside a match only the last two are entered.
		for j := i - 2; j < i && j+2 < len(src); j++ {
			t[lzfHash(src[j:])] = uint32(j) + 1
		}
	}
	out = appendLiterals(out, src[lit:])
	if len(out)-start > limit {
		return out[:start], false
	}
	return out, true
}

func lzfHash(b []byte) uint32 {
	v := uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2])
	return v * 0x9e3779b1 >> (32 - lzfHashBits)
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
	out := dst
	for i := 0; i < len(src); {
		ctrl := int(src[i])
		i++
		left := n - (len(out) - start)
		if ctrl < lzfMaxLiteral {
			ctrl++
			if ctrl > len(src)-i || ctrl > left {
				return out[:start], errLZF
			}
			out = append(out, src[i:i+ctrl]...)
			i += ctrl
			continue
		}
		length := ctrl >> 5
		if length == 7 {
			if i == len(src) {
				return out[:start], errLZF
			}
			length += int(src[i])
			i++
		}
		length += 2
		if i == len(src) {
			return out[:start], errLZF
		}
		back := ctrl&0x1f<<8 | int(src[i]) + 1
		i++
		if back > len(out)-start || length > left {
			return out[:start], errLZF
		}
		out = appendCopy(out, back, length)
	}
	if len(out)-start != n {
		return out[:start], errLZF
	}
	return out, nil
}

// appendCopy appends length bytes, starting back bytes before the end of b. The
// two may overlap: then what was just appended repeats.
func appendCopy(b []byte, back, length int) []byte {
	for length > 0 {
		from := len(b) - back
		n := min(length, back)
		b = append(b, b[from:from+n]...)
		length -= n
	}
	return b
}
