package listpack

import (
	"encoding/binary"
	"math"

	"github.com/redstart-db/redstart/internal/num"
)

// First bytes of entries. The low bits of the first three hold more than that.
const (
	encStr6  = 0x80
	encInt13 = 0xC0
	encStr12 = 0xE0
	encStr32 = 0xF0
	encInt16 = 0xF1
	encInt24 = 0xF2
	encInt32 = 0xF3
	encInt64 = 0xF4
)

// What is read most, and told by the first byte b of an entry alone: below ShortStr
// the entry is the integer b, and takes 2 bytes; from there up to, but not
// including, LongEntry it is a string of b - ShortStr bytes, which follow.
const (
	ShortStr  = encStr6
	LongEntry = encInt13
)

// Value is the content of an entry: a string, or an integer when Str is nil.
// With a third field it would not fit into registers, and reading a listpack would
// take three times as long.
type Value struct {
	// Str, not nil even if empty, lies in the listpack, is valid until that changes,
	// and has no capacity beyond its length.
	Str []byte
	Int int64
}

// IsInt tells whether the content is an integer.
func (v Value) IsInt() bool { return v.Str == nil }

// AppendTo appends the string that was stored.
func (v Value) AppendTo(dst []byte) []byte {
	if v.IsInt() {
		return num.AppendInt(dst, v.Int)
	}
	return append(dst, v.Str...)
}

// Bytes gives the string that was stored: an integer written over dst, which has
// to have room for 20 bytes if nothing is to be allocated, and else Str itself.
func (v Value) Bytes(dst []byte) []byte {
	if v.IsInt() {
		return num.AppendInt(dst[:0], v.Int)
	}
	return v.Str
}

// Len is the length of the string that was stored, in bytes.
func (v Value) Len() int {
	if v.IsInt() {
		return num.IntLen(v.Int)
	}
	return len(v.Str)
}

// Equal tells whether b is the string that was stored.
func (v Value) Equal(b []byte) bool {
	if v.IsInt() {
		n, ok := num.ParseInt(b)
		return ok && n == v.Int
	}
	return string(v.Str) == string(b)
}

// EntrySize is the number of bytes that the entry at pos takes up.
func EntrySize(lp []byte, pos int) int {
	b := lp[pos]
	if b < encInt13 {
		return smallSize(b)
	}
	return longSize(lp, pos)
}

// smallSize is the size of an entry that starts with b, below encInt13: 2 for an
// integer and 2 more than its length for a string, without a branch and without a
// table, which passing an entry would have to wait for.
func smallSize(b byte) int { return max(int(b), encStr6) - (encStr6 - 2) }

// longSize is the size of an entry whose first byte is encInt13 or more.
func longSize(lp []byte, pos int) int {
	switch b := lp[pos]; {
	case b < encStr12:
		return 3
	case b <= encStr32:
		head, n := strHeader(lp, pos)
		return head + n + backlenSize(head+n)
	case b <= encInt32:
		return int(b-encInt16) + 4
	case b == encInt64:
		return 10
	}
	panic(ErrCorrupt)
}

// strHeader reads the header of a string of more than 63 bytes.
func strHeader(lp []byte, pos int) (head, n int) {
	switch b := lp[pos]; {
	case b&0xF0 == encStr12:
		return 2, int(b&0x0F)<<8 | int(lp[pos+1])
	case b == encStr32:
		if n := binary.LittleEndian.Uint32(lp[pos+1:]); uint64(n) < uint64(len(lp)) {
			return 5, int(n)
		}
	}
	panic(ErrCorrupt)
}

// Get is the content of the entry at pos.
func Get(lp []byte, pos int) Value {
	b := lp[pos]
	switch {
	case b < encStr6:
		return Value{Int: int64(b)}
	case b < encInt13:
		return Value{Str: payload(lp, pos+1, int(b&0x3F))}
	}
	return getLong(lp, pos)
}

// payload is the n bytes at pos. Slicing alone would let a corrupt length reach
// into the capacity.
func payload(lp []byte, pos, n int) []byte {
	to := pos + n
	_ = lp[to] // the backlen
	return lp[pos:to:to]
}

func getLong(lp []byte, pos int) Value {
	b := lp[pos]
	p := lp[pos+1:]
	var n int64
	switch {
	case b < encStr12:
		n = int64(b&0x1F)<<8 | int64(p[0])
		n = n << (64 - 13) >> (64 - 13)
	case b == encInt16:
		n = int64(int16(binary.LittleEndian.Uint16(p)))
	case b == encInt24:
		n = int64(binary.LittleEndian.Uint16(p)) | int64(int8(p[2]))<<16
	case b == encInt32:
		n = int64(int32(binary.LittleEndian.Uint32(p)))
	case b == encInt64:
		n = int64(binary.LittleEndian.Uint64(p))
	default:
		head, length := strHeader(lp, pos)
		return Value{Str: payload(lp, pos+head, length)}
	}
	return Value{Int: n}
}

// Size is the number of bytes that elem takes up as an entry.
func Size(elem []byte) int {
	if n, ok := num.ParseInt(elem); ok {
		return SizeInt(n)
	}
	return strSize(len(elem))
}

// SizeInt is the number of bytes that n takes up as an entry.
func SizeInt(n int64) int {
	switch {
	case 0 <= n && n <= 127:
		return 2
	case -1<<12 <= n && n < 1<<12:
		return 3
	case math.MinInt16 <= n && n <= math.MaxInt16:
		return 4
	case -1<<23 <= n && n < 1<<23:
		return 5
	case math.MinInt32 <= n && n <= math.MaxInt32:
		return 6
	}
	return 10
}

// strSize is the size of the entry for a string of n bytes.
func strSize(n int) int {
	if n < 64 {
		return n + 2
	}
	n += strHead(n)
	return n + backlenSize(n)
}

// strHead is the size of the encoding of a string of n bytes.
func strHead(n int) int {
	switch {
	case n < 1<<6:
		return 1
	case n < 1<<12:
		return 2
	}
	return 5
}

// backlenSize is the size of a backlen that says n. The limits above 127 are one
// lower than what fits, so that a value such as 16383 has a byte more than it
// needs: Redis writes it so.
func backlenSize(n int) int {
	switch {
	case n <= 1<<7-1:
		return 1
	case n < 1<<14-1:
		return 2
	case n < 1<<21-1:
		return 3
	case n < 1<<28-1:
		return 4
	}
	return 5
}

// putBacklen fills dst, which has the right length, with a backlen that says n.
func putBacklen(dst []byte, n int) {
	for i := len(dst) - 1; i > 0; i-- {
		dst[i] = byte(n) | 0x80
		n >>= 7
	}
	dst[0] = byte(n)
}

// putStr fills dst, which has the right length, with the entry for a string.
func putStr(dst, elem []byte) {
	n := len(elem)
	if n < 64 {
		dst[0] = encStr6 | byte(n)
		copy(dst[1:], elem)
		dst[n+1] = byte(n + 1)
		return
	}
	head := strHead(n)
	if head == 2 {
		dst[0], dst[1] = encStr12|byte(n>>8), byte(n)
	} else {
		dst[0] = encStr32
		binary.LittleEndian.PutUint32(dst[1:], uint32(n))
	}
	copy(dst[head:], elem)
	putBacklen(dst[head+n:], head+n)
}

// putInt fills dst, which has the right length, with the entry for an integer.
func putInt(dst []byte, n int64) {
	size := len(dst) - 1
	dst[size] = byte(size)
	switch size {
	case 1:
		dst[0] = byte(n)
	case 2:
		dst[0], dst[1] = encInt13|byte(n>>8)&0x1F, byte(n)
	case 3:
		dst[0] = encInt16
		binary.LittleEndian.PutUint16(dst[1:], uint16(n))
	case 4:
		dst[0] = encInt24
		binary.LittleEndian.PutUint16(dst[1:], uint16(n))
		dst[3] = byte(n >> 16)
	case 5:
		dst[0] = encInt32
		binary.LittleEndian.PutUint32(dst[1:], uint32(n))
	default:
		dst[0] = encInt64
		binary.LittleEndian.PutUint64(dst[1:], uint64(n))
	}
}
