package listpack

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/redstart-db/redstart/internal/num"
)

// SafeToAdd tells whether a listpack may grow by so many bytes. What would be
// larger than SafeSize has to be held in another way. Functions that grow a
// listpack do not ask it, for one that was loaded may be larger already; they panic
// beyond the 4 GiB that the header can say.
func SafeToAdd(lp []byte, bytes int) bool {
	return len(lp) <= SafeSize && bytes <= SafeSize-len(lp)
}

// NeedInsert is the total size in bytes after Insert, Append or Prepend of elem.
func NeedInsert(lp, elem []byte) int { return len(lp) + Size(elem) }

// NeedReplace is the total size in bytes after Replace of the entry at pos by elem.
func NeedReplace(lp []byte, pos int, elem []byte) int {
	return len(lp) - EntrySize(lp, pos) + Size(elem)
}

// Insert puts elem before the entry at pos, which may be End; pos then is its
// position. Neither elem here nor that of the functions below may lie in lp.
func Insert(lp []byte, pos int, elem []byte) []byte {
	return store(lp, pos, 0, 1, elem)
}

// InsertInt is Insert of n's decimal form.
func InsertInt(lp []byte, pos int, n int64) []byte {
	return storeInt(lp, pos, 0, 1, n)
}

// Append puts elem behind the last entry.
func Append(lp, elem []byte) []byte {
	return store(lp, End(lp), 0, 1, elem)
}

// AppendInt is Append of n's decimal form.
func AppendInt(lp []byte, n int64) []byte {
	return storeInt(lp, End(lp), 0, 1, n)
}

// Prepend puts elem before the first entry.
func Prepend(lp, elem []byte) []byte {
	return store(lp, HeaderSize, 0, 1, elem)
}

// PrependInt is Prepend of n's decimal form.
func PrependInt(lp []byte, n int64) []byte {
	return storeInt(lp, HeaderSize, 0, 1, n)
}

// Replace puts elem in the place of the entry at pos; pos then is its position.
func Replace(lp []byte, pos int, elem []byte) []byte {
	return store(lp, pos, EntrySize(lp, pos), 0, elem)
}

// ReplaceInt is Replace by n's decimal form.
func ReplaceInt(lp []byte, pos int, n int64) []byte {
	return storeInt(lp, pos, EntrySize(lp, pos), 0, n)
}

// Delete removes the entry at pos. pos then is the position of the one that was
// behind it, or End.
func Delete(lp []byte, pos int) []byte {
	lp = splice(lp, pos, EntrySize(lp, pos), 0)
	addLen(lp, -1)
	return lp
}

// DeleteRange removes up to count entries from pos on, which may be End. pos then
// is the position of what was behind them, or End.
func DeleteRange(lp []byte, pos, count int) []byte {
	to, n := pos, 0
	for n < count && lp[to] != end {
		to += EntrySize(lp, to)
		n++
	}
	if n == 0 {
		return lp
	}
	lp = splice(lp, pos, to-pos, 0)
	addLen(lp, -n)
	return lp
}

// Merge appends the entries of b to a. b must not lie in a's array.
func Merge(a, b []byte) []byte {
	n := Len(a) + Len(b)
	at := End(a)
	a = splice(a, at, 0, len(b)-len(Empty))
	copy(a[at:], b[HeaderSize:])
	setHeaderLen(a, n)
	return a
}

// Split cuts before the entry at pos, which may be End. left stays in lp's array.
// right is written over dst, or into a new array when dst's capacity does not
// suffice: it has len(lp)-pos+HeaderSize bytes. dst must not lie in lp's array.
func Split(lp []byte, pos int, dst []byte) (left, right []byte) {
	n, moved := Len(lp), count(lp, pos)
	right = slices.Grow(dst[:0], len(lp)-pos+HeaderSize)
	right = append(append(right, Empty[:HeaderSize]...), lp[pos:]...)
	setBytes(right)
	setHeaderLen(right, moved)
	left = lp[:pos+1]
	left[pos] = end
	setBytes(left)
	setHeaderLen(left, n-moved)
	return left, right
}

// store puts an entry for elem in the place of old bytes at pos and adjusts the
// count by d.
func store(lp []byte, pos, old, d int, elem []byte) []byte {
	if n, ok := num.ParseInt(elem); ok {
		return storeInt(lp, pos, old, d, n)
	}
	size := strSize(len(elem))
	lp = splice(lp, pos, old, size)
	addLen(lp, d)
	putStr(lp[pos:pos+size], elem)
	return lp
}

// storeInt is store for an integer.
func storeInt(lp []byte, pos, old, d int, n int64) []byte {
	size := SizeInt(n)
	lp = splice(lp, pos, old, size)
	addLen(lp, d)
	putInt(lp[pos:pos+size], n)
	return lp
}

// splice replaces old bytes at pos by size bytes of any content.
func splice(lp []byte, pos, old, size int) []byte {
	if old == size {
		return lp
	}
	rest := lp[pos+old:]
	now := pos + size + len(rest)
	if uint64(now) > math.MaxUint32 {
		panic("listpack: larger than 4 GiB")
	}
	if now > cap(lp) {
		lp = slices.Grow(lp, now-len(lp))
	}
	lp = lp[:now]
	if len(rest) == 1 {
		lp[pos+size] = end // appending is common, and a byte not worth a call
	} else {
		copy(lp[pos+size:], rest)
	}
	setBytes(lp)
	return lp
}

// setBytes writes the size into the header.
func setBytes(lp []byte) { binary.LittleEndian.PutUint32(lp, uint32(len(lp))) }
