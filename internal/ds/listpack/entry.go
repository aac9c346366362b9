package listpack

import (
	"encoding/binary"
	"math"

	"github.com/redstart-db/redstart/internal/num"
)

// Encodings by their first byte; those without a number of bits have it whole.
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

// Value is the content of an entry.
type Value struct {
	// Str is the content when IsInt is false. It lies in the listpack, is valid
	// until that changes, and has no capacity beyond its length.
	Str   []byte
	Int   int64
	IsInt bool
}

// AppendTo appends the string that was stored.
func (v Value) AppendTo(dst []byte) []byte {
	if v.IsInt {
		return num.AppendInt(dst, v.Int)
	}
	return append(dst, v.Str...)
}

// Len is the length of the string that was stored, in bytes.
func (v Value) Len() int {
	if v.IsInt {
		return num.IntLen(v.Int)
	}
	return len(v.Str)
}

// Equal tells whether b is the string that was stored.
func (v Value) Equal(b []byte) bool {
	if v.IsInt {
		n, ok := num.ParseInt(b)
		return ok && n == v.Int
	}
	return string(v.Str) == string(b)
}

// sizes is the size of a whole entry by its first byte, as far as that tells; 0
// where more has to be read, or no entry starts. It is read-only.
var sizes = [256]uint8{
	2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
	2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
	2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
	2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
	2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
	2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
	2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
	2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
	2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17,
	18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33,
	34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49,
	50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64, 65,
	3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
	3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 4, 5, 6, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
}

// EntrySize is the number of bytes that the entry at pos takes up.
func EntrySize(lp []byte, pos int) int {
	if n := sizes[lp[pos]]; n != 0 {
		return int(n)
	}
	return longSize(lp, pos)
}

// longSize is EntrySize for the strings whose length is not in the first byte.
func longSize(lp []byte, pos int) int {
	head, n := strHeader(lp, pos)
	return head + n + backlenSize(head+n)
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
		return Value{Int: int64(b), IsInt: true}
	case b < encInt13:
		to := pos + 1 + int(b&0x3F)
		return Value{Str: lp[pos+1 : to : to]}
	}
	return getLong(lp, pos)
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
		to := pos + head + length
		return Value{Str: lp[pos+head : to : to]}
	}
	return Value{Int: n, IsInt: true}
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
