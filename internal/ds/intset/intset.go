// Package intset reads and edits intsets: sets of integers packed into one block
// of bytes, which hold small sets. The bytes are those of Redis, so that saving,
// loading, DUMP and replication copy them.
//
// # Bytes
//
//	+----------+----------+-----------+-----+-----------+
//	| width, 4 | count, 4 | integer 0 | ... | integer n |
//	+----------+----------+-----------+-----+-----------+
//
// width is the size of every integer in bytes: 2, 4 or 8. The integers are two's
// complement in ascending order, none twice. All numbers are little endian. A set
// becomes wider when an integer needs it, and never narrower.
//
// # Use
//
// These are functions over slices. An intset is a slice s with len(s) equal to
// Bytes(s). Integers are known by their index, in ascending order.
//
// Add and Remove work like append: they write into s's array when its capacity
// suffices and else into a new one from the Go heap, and return the result. Whoever
// keeps sets in memory of another kind asks for the size first (NeedAdd) and
// supplies the capacity.
//
// Only Validate may be given any bytes. The others want a set that passed its deep
// form, or Empty; given anything else they may return nonsense or panic, but do not
// read or write outside the slice, and end.
package intset

import (
	"encoding/binary"
	"errors"
	"math"
	"math/bits"
	"slices"
)

const (
	// HeaderSize is the size of a set without its integers.
	HeaderSize = 8

	// Empty is the set without integers, to be copied.
	Empty = "\x02\x00\x00\x00\x00\x00\x00\x00"
)

// ErrCorrupt reports bytes that are not an intset.
var ErrCorrupt = errors.New("intset: corrupt")

// New returns an empty set with room for a total of capacity bytes.
func New(capacity int) []byte {
	return append(make([]byte, 0, max(capacity, len(Empty))), Empty...)
}

// Bytes is the total size in bytes, as the header says.
func Bytes(s []byte) int { return HeaderSize + Len(s)*Width(s) }

// Len is the number of integers.
func Len(s []byte) int { return int(binary.LittleEndian.Uint32(s[4:])) }

// Width is the size of each integer in bytes: 2, 4 or 8.
func Width(s []byte) int { return int(binary.LittleEndian.Uint32(s)) }

// Get is the integer with an index from 0 to Len(s)-1. A random one makes a random
// member.
func Get(s []byte, index int) int64 {
	return get(integers(s), Width(s), index)
}

// integers is s without its header, and without capacity that get might read.
func integers(s []byte) []byte { return s[HeaderSize:len(s):len(s)] }

// Min is the least integer of a set that is not empty.
func Min(s []byte) int64 { return Get(s, 0) }

// Max is the greatest integer of a set that is not empty.
func Max(s []byte) int64 { return Get(s, Len(s)-1) }

// Find is the index of n, or if ok is false, the one it would get.
func Find(s []byte, n int64) (index int, ok bool) {
	count := Len(s)
	if count == 0 {
		return 0, false
	}
	if n > Max(s) {
		return count, false // integers are often added in order
	}
	ints, width := integers(s), Width(s)
	// The result is never before index and never behind index+count. Which half it
	// is in cannot be guessed, so there is no branch on it.
	for count > 1 {
		half := count / 2
		index += half & below(get(ints, width, index+half-1), n)
		count -= half
	}
	at := get(ints, width, index)
	index -= below(at, n)
	return index, at == n
}

// Seek is the index of the first integer that is not below n, or Len(s). It looks
// from index from on, all before which are below n, and takes the longer the farther
// it has to go: so two sets are compared by walking along both.
func Seek(s []byte, from int, n int64) int {
	count := Len(s)
	if from >= count {
		return count
	}
	ints, width := integers(s), Width(s)
	step := 1
	for from+step < count && get(ints, width, from+step-1) < n {
		from += step
		step *= 2
	}
	to := min(from+step, count)
	for from < to {
		half := int(uint(from+to) / 2)
		if get(ints, width, half) < n {
			from = half + 1
		} else {
			to = half
		}
	}
	return from
}

// below is -1, all bits set, if a < b, and else 0.
func below(a, b int64) int {
	_, less := bits.Sub64(uint64(a)^1<<63, uint64(b)^1<<63, 0)
	return -int(less)
}

// NeedAdd is the total size in bytes after Add of an n that is not there yet.
func NeedAdd(s []byte, n int64) int {
	return HeaderSize + (Len(s)+1)*max(Width(s), widthOf(n))
}

// Add puts n into the set; added is false, and the set unchanged, when it was there.
func Add(s []byte, n int64) (result []byte, added bool) {
	if len(s) != Bytes(s) || Width(s) > 8 {
		panic(ErrCorrupt) // before memory is asked for on the header's word
	}
	if w := widthOf(n); w > Width(s) {
		return widen(s, n, w), true
	}
	index, ok := Find(s, n)
	if ok {
		return s, false
	}
	w := Width(s)
	s = grow(s, len(s)+w)
	at := HeaderSize + index*w
	copy(s[at+w:], s[at:])
	put(s[HeaderSize:], w, index, n)
	setLen(s, Len(s)+1)
	return s, true
}

// Remove takes n out of the set; removed is false when it was not there.
func Remove(s []byte, n int64) (result []byte, removed bool) {
	index, ok := Find(s, n)
	if !ok {
		return s, false
	}
	w := Width(s)
	at := HeaderSize + index*w
	copy(s[at:], s[at+w:])
	setLen(s, Len(s)-1)
	return s[:len(s)-w], true
}

// widen makes the integers w bytes wide and adds n, which has no less: so it comes
// before all others or behind them.
func widen(s []byte, n int64, w int) []byte {
	was, count := Width(s), Len(s)
	s = grow(s, HeaderSize+(count+1)*w)
	ints := integers(s)
	first, at := 0, count
	if n < 0 {
		first, at = 1, 0
	}
	// From the last to the first: each lands at or behind its old place.
	for i := count - 1; i >= 0; i-- {
		put(ints, w, first+i, get(ints, was, i))
	}
	put(ints, w, at, n)
	binary.LittleEndian.PutUint32(s, uint32(w))
	setLen(s, count+1)
	return s
}

// grow makes s size bytes long.
func grow(s []byte, size int) []byte {
	if size > cap(s) {
		s = slices.Grow(s, size-len(s))
	}
	return s[:size]
}

func setLen(s []byte, n int) {
	if uint64(n) > math.MaxUint32 {
		panic("intset: more than 2^32 integers")
	}
	binary.LittleEndian.PutUint32(s[4:], uint32(n))
}

// widthOf is the least width that holds n.
func widthOf(n int64) int {
	switch {
	case math.MinInt16 <= n && n <= math.MaxInt16:
		return 2
	case math.MinInt32 <= n && n <= math.MaxInt32:
		return 4
	}
	return 8
}

// get reads an integer. Slices of a constant capacity cost less than those whose
// capacity might be zero.
func get(ints []byte, width, i int) int64 {
	switch width {
	case 2:
		i *= 2
		return int64(int16(binary.LittleEndian.Uint16(ints[i : i+2 : i+2])))
	case 4:
		i *= 4
		return int64(int32(binary.LittleEndian.Uint32(ints[i : i+4 : i+4])))
	case 8:
		i *= 8
		return int64(binary.LittleEndian.Uint64(ints[i : i+8 : i+8]))
	}
	panic(ErrCorrupt)
}

func put(ints []byte, width, i int, n int64) {
	switch width {
	case 2:
		binary.LittleEndian.PutUint16(ints[i*2:], uint16(n))
	case 4:
		binary.LittleEndian.PutUint32(ints[i*4:], uint32(n))
	case 8:
		binary.LittleEndian.PutUint64(ints[i*8:], uint64(n))
	}
}

// Validate checks bytes from outside. What passes with deep set is an intset with
// at least one integer: all functions are safe on it. Without deep the order is not
// looked at. The error is ErrCorrupt.
func Validate(s []byte, deep bool) error {
	if len(s) < HeaderSize {
		return ErrCorrupt
	}
	width := binary.LittleEndian.Uint32(s)
	if width != 2 && width != 4 && width != 8 {
		return ErrCorrupt
	}
	count := binary.LittleEndian.Uint32(s[4:])
	if count == 0 || uint64(count)*uint64(width) != uint64(len(s)-HeaderSize) {
		return ErrCorrupt
	}
	if deep {
		ints, w := integers(s), int(width)
		last := get(ints, w, 0)
		for i := 1; i < int(count); i++ {
			n := get(ints, w, i)
			if n <= last {
				return ErrCorrupt
			}
			last = n
		}
	}
	return nil
}
