// Package listpack reads and edits listpacks: sequences of strings and integers
// packed into one block of bytes, which hold small hashes, sorted sets and the
// nodes of lists and streams. The bytes are those of Redis, whose specification
// of the format is https://github.com/antirez/listpack, so that saving, loading,
// DUMP and replication copy them.
//
// # Bytes
//
//	+--------------+----------+---------+-----+---------+------+
//	| total, 4     | count, 2 | entry 0 | ... | entry n | 0xFF |
//	+--------------+----------+---------+-----+---------+------+
//
// total is the size of all of it in bytes and count the number of entries, both
// little endian. A count of 65535 means that there are that many or more, or that
// there were once and nobody has counted since.
//
//	+------------------+----------------+-------------+
//	| encoding, 1 to 5 | payload        | backlen 1-5 |
//	+------------------+----------------+-------------+
//
//	0nnnnnnn                       integer 0 to 127
//	10llllll  payload              string of up to 63 bytes
//	110nnnnn nnnnnnnn              integer of 13 bits, big endian, two's complement
//	1110llll llllllll  payload     string of up to 4095 bytes, length big endian
//	11110000  length, 4  payload   string, length little endian
//	11110001  2 bytes              integer, little endian, two's complement
//	11110010  3 bytes              "
//	11110011  4 bytes              "
//	11110100  8 bytes              "
//	11111111                       the end, not an entry
//
// backlen is the size of encoding and payload, for walking backwards. It is read
// from its last byte to its first, seven bits from each, the lowest first; every
// byte but the first has its top bit set. How many bytes it takes depends on the
// size alone (see backlenSize, which keeps a quirk).
//
// A string that is the canonical decimal form of an int64 is stored as an integer,
// and every encoding is the shortest that fits: so do all functions here, and so
// does Redis. What is read may be encoded in a longer way.
//
// # Use
//
// These are functions over slices. A listpack is a slice lp with len(lp) equal to
// Bytes(lp). An entry is known by its position, its offset in lp; the position of
// the end byte, End(lp), stands for "behind the last entry". Every change makes the
// positions at and behind its place stand for something else.
//
// Functions that change a listpack work like append: they write into lp's array
// when its capacity suffices and else into a new one from the Go heap, and return
// the result. Whoever keeps listpacks in memory of another kind asks for the size
// first (NeedInsert, NeedReplace) and supplies the capacity.
//
// Only Validate and ValidateEach may be given any bytes. The others want a
// listpack that passed the deep form; given anything else they may return nonsense
// or panic, but do not read or write outside the slice, and end.
package listpack

import (
	"encoding/binary"
	"errors"
	"math"
)

const (
	// HeaderSize is the position of the first entry.
	HeaderSize = 6

	// Empty is the listpack without entries, to be copied.
	Empty = "\x07\x00\x00\x00\x00\x00\xff"

	// MaxOverhead is how many bytes more than its own an element can take up.
	MaxOverhead = 10

	// SafeSize is the size in bytes beyond which SafeToAdd lets nothing grow.
	SafeSize = 1 << 30

	unknownLen = math.MaxUint16 // a count that has to be counted
	end        = 0xFF
)

// ErrCorrupt reports bytes that are not a listpack.
var ErrCorrupt = errors.New("listpack: corrupt")

// New returns an empty listpack with room for a total of capacity bytes.
func New(capacity int) []byte {
	return append(make([]byte, 0, max(capacity, len(Empty))), Empty...)
}

// Bytes is the total size in bytes, the end byte included, as the header says.
func Bytes(lp []byte) int { return int(binary.LittleEndian.Uint32(lp)) }

// Len is the number of entries. It walks over all of them when the header does not
// know; Recount helps against that.
func Len(lp []byte) int {
	if n := headerLen(lp); n != unknownLen {
		return n
	}
	return count(lp, HeaderSize)
}

// Recount is Len, and writes the number into the header if it fits again. Redis
// does so whenever it asks for the number, thus after removing from a hash or
// sorted set.
func Recount(lp []byte) int {
	n := Len(lp)
	setHeaderLen(lp, n)
	return n
}

// count is the number of entries from pos on.
func count(lp []byte, pos int) int {
	n := 0
	for lp[pos] != end {
		pos += EntrySize(lp, pos)
		n++
	}
	return n
}

func headerLen(lp []byte) int { return int(binary.LittleEndian.Uint16(lp[4:])) }

func setHeaderLen(lp []byte, n int) {
	binary.LittleEndian.PutUint16(lp[4:], uint16(min(n, unknownLen)))
}

// addLen adjusts the count, unless it is not known.
func addLen(lp []byte, d int) {
	if n := headerLen(lp); n != unknownLen {
		setHeaderLen(lp, n+d)
	}
}

// End is the position behind the last entry.
func End(lp []byte) int { return len(lp) - 1 }

// First is the position of the first entry; ok is false when there is none, and
// pos is End.
func First(lp []byte) (pos int, ok bool) { return HeaderSize, lp[HeaderSize] != end }

// Last is the position of the last entry; ok is false when there is none.
func Last(lp []byte) (pos int, ok bool) { return Prev(lp, End(lp)) }

// Next is the position of the entry behind the one at pos; ok is false when that
// was the last, and next is End.
func Next(lp []byte, pos int) (next int, ok bool) {
	pos += EntrySize(lp, pos)
	return pos, lp[pos] != end
}

// Prev is the position of the entry before pos, which may be End; ok is false when
// pos is that of the first.
func Prev(lp []byte, pos int) (prev int, ok bool) {
	if pos <= HeaderSize {
		return HeaderSize, false
	}
	i := pos - 1
	n := int(lp[i])
	if n >= 0x80 {
		n, i = backlen(lp, i)
	}
	if n > i-HeaderSize {
		panic(ErrCorrupt)
	}
	return i - n, true
}

// backlen reads a length that ends at lp[i] and gives the index of its first byte.
func backlen(lp []byte, i int) (n, first int) {
	for shift := 0; shift < 35; shift += 7 {
		b := lp[i]
		if n |= int(b&0x7F) << shift; n < 0 {
			break
		}
		if b < 0x80 {
			return n, i
		}
		i--
	}
	panic(ErrCorrupt)
}

// Seek is the position of the entry with an index, counted from 0, or from the end
// with -1 as the last. ok is false when there is none. It walks from the closer
// end, if the header knows the number of entries.
func Seek(lp []byte, index int) (pos int, ok bool) {
	if n := headerLen(lp); n != unknownLen {
		if index < 0 {
			index += n
		}
		if index < 0 || index >= n {
			return 0, false
		}
		if index > n/2 {
			index -= n
		}
	}
	if index < 0 {
		pos, ok = Last(lp)
		for ; ok && index < -1; index++ {
			pos, ok = Prev(lp, pos)
		}
		return pos, ok
	}
	pos, ok = First(lp)
	for ; ok && index > 0; index-- {
		pos, ok = Next(lp, pos)
	}
	return pos, ok
}
