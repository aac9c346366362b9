package rdb

import (
	"encoding/binary"

	"github.com/redstart-db/redstart/internal/ds/listpack"
)

// A ziplist is what Redis packed small collections into before listpacks:
//
//	+----------+---------+----------+---------+-----+---------+------+
//	| total, 4 | tail, 4 | count, 2 | entry 0 | ... | entry n | 0xFF |
//	+----------+---------+----------+---------+-----+---------+------+
//
// total is the size of all of it in bytes, tail the offset of the last entry,
// and count the number of entries or 65535; all are little endian.
//
//	+------------+----------------+---------+
//	| prev, 1, 5 | encoding, 1-5  | payload |
//	+------------+----------------+---------+
//
//	prev      size of the entry before: one byte below 254, or 254 and 4 bytes
//	encoding  00llllll                  string of up to 63 bytes
//	          01llllll llllllll         string, length big endian
//	          10______ + 4 bytes        string, length big endian
//	          11000000, 11010000, 11100000, 11110000, 11111110
//	                                    integer of 2, 4, 8, 3, 1 bytes, little endian
//	          1111iiii                  integer i-1, 1 <= i <= 13
const (
	ziplistHeader  = 10
	ziplistUnknown = 0xFFFF
	ziplistPrev4   = 254
	ziplistEnd     = 0xFF
	ziplistMax     = 2 << 30 // beyond this its listpack might be too large
)

// fromZiplist gives the elements of a ziplist as a listpack.
func fromZiplist(z []byte) ([]byte, error) {
	// An entry of a listpack is at most four bytes longer, where 64 bytes or
	// more follow.
	lp := listpack.New(len(z) + len(z)/16 + listpack.HeaderSize)
	err := eachInZiplist(z, func(v listpack.Value) {
		if v.IsInt() {
			lp = listpack.AppendInt(lp, v.Int)
		} else {
			lp = listpack.Append(lp, v.Str)
		}
	})
	if err != nil {
		return nil, err
	}
	return lp, nil
}

// eachInZiplist calls visit for the elements of a ziplist, each checked before.
func eachInZiplist(z []byte, visit func(listpack.Value)) error {
	if len(z) < ziplistHeader+1 || len(z) > ziplistMax || uint64(binary.LittleEndian.Uint32(z)) != uint64(len(z)) || z[len(z)-1] != ziplistEnd {
		return ErrCorrupt
	}
	tail := uint64(binary.LittleEndian.Uint32(z[4:]))
	count := int(binary.LittleEndian.Uint16(z[8:]))
	entries := z[:len(z)-1]
	n, pos, last, prev := 0, ziplistHeader, ziplistHeader, uint64(0)
	for ; pos < len(entries); n++ {
		v, size := ziplistEntry(entries[pos:], prev)
		if size == 0 {
			return ErrCorrupt
		}
		visit(v)
		last = pos
		pos += size
		prev = uint64(size)
	}
	if tail > uint64(last) || n > 0 && tail < uint64(last) || count != n && count != ziplistUnknown {
		return ErrCorrupt
	}
	return nil
}

// ziplistEntry reads the entry that b begins with, behind one of prev bytes. Its
// size is 0 if that is none or is longer than b.
func ziplistEntry(b []byte, prev uint64) (v listpack.Value, size int) {
	r := Reader{b: b}
	c, _ := r.Byte()
	said := uint64(c)
	if c == ziplistPrev4 {
		n, _ := r.Uint32()
		said = uint64(n)
	}
	enc, err := r.Byte()
	if err != nil || c == ziplistEnd || said != prev {
		return v, 0
	}
	switch enc >> 6 {
	case 0:
		v.Str, err = r.Bytes(uint64(enc))
	case 1:
		low, _ := r.Byte()
		v.Str, err = r.Bytes(uint64(enc&0x3F)<<8 | uint64(low))
	case 2:
		n, _ := r.Bytes(4)
		if n != nil {
			v.Str, err = r.Bytes(uint64(binary.BigEndian.Uint32(n)))
		} else {
			err = ErrCorrupt
		}
	default:
		v.Int, err = r.ziplistInt(enc)
	}
	if err != nil {
		return listpack.Value{}, 0
	}
	return v, len(b) - len(r.b)
}

func (r *Reader) ziplistInt(enc byte) (int64, error) {
	size := uint64(0)
	switch enc {
	case 0xC0:
		size = 2
	case 0xD0:
		size = 4
	case 0xE0:
		size = 8
	case 0xF0:
		size = 3
	case 0xFE:
		size = 1
	case 0xFF:
		return 0, r.Fail(ErrCorrupt)
	default:
		if enc < 0xF0 {
			return 0, r.Fail(ErrCorrupt)
		}
		return int64(enc&0x0F) - 1, nil
	}
	b, err := r.Bytes(size)
	if err != nil {
		return 0, err
	}
	var full [8]byte
	copy(full[8-size:], b)
	return int64(binary.LittleEndian.Uint64(full[:])) >> (64 - 8*size), nil
}

// A zipmap is what Redis packed small hashes into before ziplists:
//
//	+-------+--------+-------+--------+------+-------+------+-----+------+
//	| count | length | field | length | free | value | free | ... | 0xFF |
//	+-------+--------+-------+--------+------+-------+------+-----+------+
//
//	count   the number of fields below 254, or 254
//	length  one byte below 254, or 254 and four bytes, little endian, from 254 on
//	free    the number of unused bytes behind the value
const (
	zipmapMany = 254
	zipmapEnd  = 0xFF
)

// fromZipmap gives the fields and values of a zipmap as a listpack.
func fromZipmap(z []byte) ([]byte, error) {
	if len(z) < 2 || len(z) > ziplistMax || z[len(z)-1] != zipmapEnd {
		return nil, ErrCorrupt
	}
	lp := listpack.New(len(z) + len(z)/8 + listpack.HeaderSize)
	r := Reader{b: z[1 : len(z)-1]}
	fields := 0
	for ; len(r.b) > 0; fields++ {
		field, _ := r.zipmapString(0)
		value, err := r.zipmapString(1)
		if err != nil {
			return nil, ErrCorrupt
		}
		lp = listpack.Append(listpack.Append(lp, field), value)
	}
	if count := int(z[0]); count > zipmapMany || count < zipmapMany && count != fields {
		return nil, ErrCorrupt
	}
	return lp, nil
}

// zipmapString reads a length, free bytes, if there is a number of them, and a
// string of that length.
func (r *Reader) zipmapString(free uint64) ([]byte, error) {
	c, err := r.Byte()
	n := uint64(c)
	switch {
	case err != nil:
		return nil, err
	case c == zipmapMany:
		n32, _ := r.Uint32()
		if n = uint64(n32); n < zipmapMany {
			return nil, r.Fail(ErrCorrupt)
		}
	case c == zipmapEnd:
		return nil, r.Fail(ErrCorrupt)
	}
	if free == 0 {
		return r.Bytes(n)
	}
	unused, _ := r.Byte()
	b, _ := r.Bytes(n)
	_, err = r.Bytes(uint64(unused))
	return b, err
}
