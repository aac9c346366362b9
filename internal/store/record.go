package store

import (
	"encoding/binary"

	"github.com/redstart-db/redstart/internal/mem"
)

// Type is a data type.
type Type uint8

// The types, in the order of Redis's RDB numbers.
const (
	String Type = iota
	List
	Set
	ZSet
	Hash
	Stream
)

var typeNames = [...]string{"string", "list", "set", "zset", "hash", "stream"}

func (t Type) String() string { return typeNames[t] }

// A record is one block of the arena with a key and, when it is small, its
// value:
//
//	 0        1             5                  21       +1|4     +k
//	+--------+-------------+------------------+--------+--------+----------+
//	| kind 1 | access 4    | deadline 8       | key    | key    | value    |
//	|        |             | prev 4, next 4   | length |        |          |
//	+--------+-------------+------------------+--------+--------+----------+
//
//	kind    bits 0-2 type, 3-5 encoding, 6 volatile, 7 long key
//	access  when or how often the key was used, see access.go
//	deadline, prev, next: only when volatile; Unix time in milliseconds and
//	        the links of the expiry wheel
//	type    those of Type, and timedHash, see fields.go, whose value has the
//	        deadline of the key in front of it
//	key length: one byte, or four with the long key bit
//	value   encInt          8 bytes, little endian
//	        encEmbstr,
//	        encRaw          length (1 byte below 255, else 255 and 4 bytes), bytes
//	        encBlock        reference of a block (4), length (4)
//	        encPacked       a listpack or an intset
//	        encPackedBlock  reference of a block (4) with one
//	        encObject       handle of an Object (4)
//
// encEmbstr and encRaw differ in name only: what OBJECT ENCODING tells.
// Exactly one table slot refers to a record, so a record may move.
const (
	kindType     = 7
	kindEnc      = 7 << 3
	kindVolatile = 1 << 6
	kindLongKey  = 1 << 7

	offAccess   = 1
	offDeadline = 5
	offPrev     = 13
	offNext     = 17
	offPlain    = 5  // key length of a record without deadline
	offVolatile = 21 // the same with deadline
)

type encoding uint8

const (
	encInt encoding = iota
	encEmbstr
	encRaw
	encBlock
	encPacked
	encPackedBlock
	encObject
)

const (
	embstrMax = 44   // bytes that Redis calls embstr
	inlineMax = 2048 // longer values have a block of their own
	// MaxString is the longest string: its length is kept in 32 bits.
	MaxString = 1<<32 - 1
)

// record is a parsed view of a record's header. It is one word; see Entry.
type record struct {
	kind uint8
	off  uint8  // of the key
	size uint32 // of the key
}

func (r record) keyOff() int { return int(r.off) }
func (r record) keyEnd() int { return int(r.off) + int(r.size) }

func (r record) enc() encoding { return encoding(r.kind & kindEnc >> 3) }

// raw is the type as the record has it, typ as everybody else knows it.
func (r record) raw() Type { return Type(r.kind & kindType) }

func (r record) typ() Type {
	if t := r.raw(); t != timedHash {
		return t
	}
	return Hash
}

func (r record) valOff() int {
	if r.raw() == timedHash {
		return r.keyEnd() + ownSize
	}
	return r.keyEnd()
}

// header gives the header of a record up to the first byte of the key's length,
// and its offset.
func header(a *mem.Arena, ref mem.Ref) (h []byte, off int) {
	h = a.Bytes(ref, offPlain+1)
	if h[0]&kindVolatile != 0 {
		return a.Bytes(ref, offVolatile+1), offVolatile
	}
	return h, offPlain
}

// longKey is the length of a key that has four bytes for it, at off.
func longKey(a *mem.Arena, ref mem.Ref, off int) uint32 {
	return binary.LittleEndian.Uint32(a.Bytes(ref, off+4)[off:])
}

func parse(a *mem.Arena, ref mem.Ref) record {
	h, off := header(a, ref)
	if h[0]&kindLongKey != 0 {
		return record{h[0], uint8(off + 4), longKey(a, ref, off)}
	}
	return record{h[0], uint8(off + 1), uint32(h[off])}
}

func (r record) key(a *mem.Arena, ref mem.Ref) []byte {
	return a.Bytes(ref, r.keyEnd())[r.keyOff():]
}

// headerSize is the size of everything before the value.
func headerSize(keyLen int, volatile bool) int {
	n := offPlain + 1 + keyLen
	if volatile {
		n += offVolatile - offPlain
	}
	if keyLen > 255 {
		n += 3
	}
	return n
}

// putHeader writes kind, access field and key, and gives the offset of the
// value. Deadline and links are the wheel's to write.
func putHeader(b []byte, t Type, enc encoding, volatile bool, access uint32, key []byte) int {
	kind := uint8(t) | uint8(enc)<<3
	off := offPlain
	if volatile {
		kind |= kindVolatile
		off = offVolatile
	}
	if len(key) > 255 {
		kind |= kindLongKey
		binary.LittleEndian.PutUint32(b[off:], uint32(len(key)))
		off += 4
	} else {
		b[off] = uint8(len(key))
		off++
	}
	b[0] = kind
	binary.LittleEndian.PutUint32(b[offAccess:], access)
	return off + copy(b[off:], key)
}

// frontSize is headerSize for any type, with what a timed hash has in front of its
// value.
func frontSize(t Type, keyLen int, deadline int64) int {
	if t == timedHash {
		return headerSize(keyLen, true) + ownSize
	}
	return headerSize(keyLen, deadline != 0)
}

// putFront is putHeader with that.
func putFront(b []byte, t Type, enc encoding, deadline int64, access uint32, key []byte) int {
	if t != timedHash {
		return putHeader(b, t, enc, deadline != 0, access, key)
	}
	off := putHeader(b, t, enc, true, access, key)
	binary.LittleEndian.PutUint64(b[off:], uint64(deadline))
	return off + ownSize
}

// lengthSize is the size of an inline value's length.
func lengthSize(n int) int {
	if n < 255 {
		return 1
	}
	return 5
}

func putLength(b []byte, n int) int {
	if n < 255 {
		b[0] = uint8(n)
		return 1
	}
	b[0] = 255
	binary.LittleEndian.PutUint32(b[1:], uint32(n))
	return 5
}

// inline gives the offset and length of an inline value whose length field is
// at off.
func inline(a *mem.Arena, ref mem.Ref, off int) (at, n int) {
	if n := a.Bytes(ref, off+1)[off]; n < 255 {
		return off + 1, int(n)
	}
	return off + 5, int(binary.LittleEndian.Uint32(a.Bytes(ref, off+5)[off+1:]))
}

// block gives the reference and length of a value outside the record.
func block(a *mem.Arena, ref mem.Ref, off int) (mem.Ref, int) {
	b := a.Bytes(ref, off+8)[off:]
	return mem.Ref(binary.LittleEndian.Uint32(b)), int(binary.LittleEndian.Uint32(b[4:]))
}

func putBlock(b []byte, ref mem.Ref, n int) {
	binary.LittleEndian.PutUint32(b, uint32(ref))
	binary.LittleEndian.PutUint32(b[4:], uint32(n))
}
