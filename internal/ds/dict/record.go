package dict

import (
	"encoding/binary"
	"math"

	"github.com/redstart-db/redstart/internal/mem"
)

const (
	scoreSize    = 8
	deadlineSize = 8
	blockSize    = 8 // reference and length

	lengthMask = 0x7f // of head
	longLength = 0x7f // in lengthMask: the length is in the next four bytes
	volatile   = 0x80 // of head: there is a deadline

	shortMax  = 253  // longest value whose length is its first byte
	tagInline = 254  // a longer one, length in two bytes
	tagBlock  = 255  // a value outside the record
	inlineMax = 2048 // longest value inside it
)

// content is what a new record is made of. at is the deadline, 0 for none.
type content struct {
	member, value []byte
	score         float64
	at            int64
}

// member gives the offset and the length of a record's member.
func (d *Dict) member(ref mem.Ref) (off, n int) {
	off = d.start + 1
	head := d.arena.Bytes(ref, off)[d.start]
	if n = int(head & lengthMask); n == longLength {
		n = int(binary.LittleEndian.Uint32(d.arena.Bytes(ref, off+4)[off:]))
		off += 4
	}
	if head&volatile != 0 {
		off += deadlineSize
	}
	return off, n
}

// place is where the value of a record is.
type place struct {
	at    int     // offset of the tag
	off   int     // offset of the bytes, or of the block's reference
	n     int     // length of the bytes
	block mem.Ref // where they are, if not in the record
}

// end is the offset behind the value, the size of the record.
func (v place) end() int {
	if v.block != 0 {
		return v.off + blockSize
	}
	return v.off + v.n
}

// value finds the value of a hash's record.
func (d *Dict) value(ref mem.Ref) place {
	off, n := d.member(ref)
	at := off + n
	off = at + 1
	switch tag := d.arena.Bytes(ref, off)[at]; tag {
	case tagBlock:
		b := d.arena.Bytes(ref, off+blockSize)[off:]
		return place{at, off, int(binary.LittleEndian.Uint32(b[4:])), mem.Ref(binary.LittleEndian.Uint32(b))}
	case tagInline:
		return place{at, off + 2, int(binary.LittleEndian.Uint16(d.arena.Bytes(ref, off+2)[off:])), 0}
	default:
		return place{at, off, int(tag), 0}
	}
}

// valueSize is the number of bytes that a value takes in a record.
func valueSize(n int) int {
	switch {
	case n <= shortMax:
		return 1 + n
	case n <= inlineMax:
		return 3 + n
	default:
		return 1 + blockSize
	}
}

// putValue writes a value that belongs into the record. It may lie in b itself,
// so it is moved before its length is written.
func putValue(b, value []byte) {
	if n := len(value); n <= shortMax {
		copy(b[1:], value)
		b[0] = uint8(n)
	} else {
		copy(b[3:], value)
		binary.LittleEndian.PutUint16(b[1:], uint16(n))
		b[0] = tagInline
	}
}

// putBlock writes the place of a value that has its own block.
func putBlock(b []byte, block mem.Ref, n int) {
	b[0] = tagBlock
	binary.LittleEndian.PutUint32(b[1:], uint32(block))
	binary.LittleEndian.PutUint32(b[5:], uint32(n))
}

// headSize is the size of a record up to its member.
func (d *Dict) headSize(memberLen int, at int64) int {
	n := d.start + 1
	if memberLen >= longLength {
		n += 4
	}
	if at != 0 {
		n += deadlineSize
	}
	return n
}

// putHead writes head, length and deadline, all but the score, and gives the
// offset of the member.
func (d *Dict) putHead(b []byte, memberLen int, at int64) int {
	off := d.start + 1
	head := uint8(min(memberLen, longLength))
	if memberLen >= longLength {
		binary.LittleEndian.PutUint32(b[off:], uint32(memberLen))
		off += 4
	}
	if at != 0 {
		head |= volatile
		binary.LittleEndian.PutUint64(b[off:], uint64(at))
		off += deadlineSize
	}
	b[d.start] = head
	return off
}

// size is the number of bytes of a record, its value's block not counted.
func (d *Dict) size(ref mem.Ref) int {
	if d.kind == Hash {
		return d.value(ref).end()
	}
	off, n := d.member(ref)
	return off + n
}

// alloc takes a block of the arena, if there is memory for it, and counts it.
func (d *Dict) alloc(n int) (mem.Ref, bool) {
	ref, ok := d.arena.TryAlloc(n)
	if ok {
		d.used += mem.Usable(n)
	}
	return ref, ok
}

// release gives a block back that alloc gave for n bytes, or for a number of
// the same size class.
func (d *Dict) release(ref mem.Ref, n int) {
	d.arena.Free(ref)
	d.used -= mem.Usable(n)
}

// allocValue makes a block of a value.
func (d *Dict) allocValue(value []byte) (mem.Ref, bool) {
	ref, ok := d.alloc(len(value))
	if ok {
		copy(d.arena.Bytes(ref, len(value)), value)
	}
	return ref, ok
}

// build makes a record, if there is memory for it.
func (d *Dict) build(c content) (mem.Ref, bool) {
	size := d.headSize(len(c.member), c.at) + len(c.member)
	var block mem.Ref
	if d.kind == Hash {
		size += valueSize(len(c.value))
		if len(c.value) > inlineMax {
			var ok bool
			if block, ok = d.allocValue(c.value); !ok {
				return 0, false
			}
		}
	}
	ref, ok := d.alloc(size)
	if !ok {
		if block != 0 {
			d.release(block, len(c.value))
		}
		return 0, false
	}
	b := d.arena.Bytes(ref, size)
	if d.kind == ZSet {
		binary.LittleEndian.PutUint64(b, math.Float64bits(c.score))
	}
	off := d.putHead(b, len(c.member), c.at)
	off += copy(b[off:], c.member)
	switch {
	case block != 0:
		putBlock(b[off:], block, len(c.value))
	case d.kind == Hash:
		putValue(b[off:], c.value)
	}
	return ref, true
}

// free gives a record and its value's block back.
func (d *Dict) free(ref mem.Ref) {
	size := d.size(ref)
	if d.kind == Hash {
		if v := d.value(ref); v.block != 0 {
			d.release(v.block, v.n)
		}
	}
	d.release(ref, size)
}
