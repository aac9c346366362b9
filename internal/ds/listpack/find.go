package listpack

import (
	"encoding/binary"

	"github.com/redstart-db/redstart/internal/num"
)

// Find looks for elem from pos on, which may be End. After each entry that is not
// it, skip entries go unlooked at: with 1, and pos at the first entry, it finds a
// hash's field but none of its values. When ok is false, elem is not there, and
// found is End.
func Find(lp []byte, pos int, elem []byte, skip int) (found int, ok bool) {
	if n, ok := num.ParseInt(elem); ok {
		return findInt(lp, pos, elem, n, skip)
	}
	if 0 < len(elem) && len(elem) < 64 {
		return findShort(lp, pos, elem, skip)
	}
	return findStr(lp, pos, elem, skip)
}

// findShort finds a string of 1 to 63 bytes. The first byte of its entry is known,
// and of those that share it the last eight bytes are compared at once: there are
// always eight before a string's end, if not its own then the header's, which the
// shift removes.
func findShort(lp []byte, pos int, elem []byte, skip int) (int, bool) {
	n := len(elem)
	first := encStr6 | byte(n)
	shift := uint(max(0, 8-n)) * 8
	tail := tailOf(elem)
	for {
		b := lp[pos]
		if b == first {
			to := pos + 1 + n
			if binary.LittleEndian.Uint64(lp[to-8:])>>(shift&63) == tail && (n <= 8 || string(lp[pos+1:to]) == string(elem)) {
				return pos, true
			}
		}
		if b < encInt13 {
			pos += smallSize(b)
		} else {
			if b == end {
				return pos, false
			}
			if isLongStr(b) && string(Get(lp, pos).Str) == string(elem) {
				return pos, true
			}
			pos += longSize(lp, pos)
		}
		for range skip {
			b := lp[pos]
			if b < encInt13 {
				pos += smallSize(b)
				continue
			}
			if b == end {
				return pos, false
			}
			pos += longSize(lp, pos)
		}
	}
}

// tailOf is the last eight bytes of elem, little endian, or all of it if shorter.
func tailOf(elem []byte) uint64 {
	if n := len(elem); n >= 8 {
		return binary.LittleEndian.Uint64(elem[n-8:])
	}
	var tail uint64
	for i, c := range elem {
		tail |= uint64(c) << (8 * i)
	}
	return tail
}

// isLongStr tells whether b starts a string whose length is not in b.
func isLongStr(b byte) bool { return b >= encStr12 && b <= encStr32 }

// findStr finds a string that is no integer, of any length.
func findStr(lp []byte, pos int, elem []byte, skip int) (int, bool) {
	for lp[pos] != end {
		if v := Get(lp, pos); !v.IsInt() && string(v.Str) == string(elem) {
			return pos, true
		}
		pos = skipEntries(lp, pos, skip+1)
	}
	return pos, false
}

// findInt finds elem, which is the form of n. It may be stored as a string.
func findInt(lp []byte, pos int, elem []byte, n int64, skip int) (int, bool) {
	for {
		b := lp[pos]
		if b < encInt13 {
			if b < encStr6 {
				if int64(b) == n {
					return pos, true
				}
			} else if int(b&0x3F) == len(elem) && string(payload(lp, pos+1, len(elem))) == string(elem) {
				return pos, true
			}
			pos += smallSize(b)
		} else {
			if b == end {
				return pos, false
			}
			if v := getLong(lp, pos); v.IsInt() && v.Int == n || !v.IsInt() && string(v.Str) == string(elem) {
				return pos, true
			}
			pos += longSize(lp, pos)
		}
		if skip > 0 {
			pos = skipEntries(lp, pos, skip)
		}
	}
}

// skipEntries is the position n entries behind pos, or End if there are fewer.
func skipEntries(lp []byte, pos, n int) int {
	for ; n > 0; n-- {
		b := lp[pos]
		if b < encInt13 {
			pos += smallSize(b)
			continue
		}
		if b == end {
			break
		}
		pos += longSize(lp, pos)
	}
	return pos
}
