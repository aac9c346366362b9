package rdb

import "encoding/binary"

// crcPoly is the Jones polynomial, bits reversed. The checksum starts at 0 and
// is not inverted at the end (which is why hash/crc64, which inverts, does not
// serve; it would also build its long tables anew for each call).
const crcPoly = 0x95ac9329ac4bc9b5

// crcTables is read-only: crcTables[k][b] is the checksum of the byte b
// followed by k zero bytes.
var crcTables = makeCRCTables()

func makeCRCTables() *[8][256]uint64 {
	t := new([8][256]uint64)
	for b := range 256 {
		crc := uint64(b)
		for range 8 {
			crc = crc>>1 ^ -(crc&1)&crcPoly
		}
		t[0][b] = crc
	}
	for b := range 256 {
		for k := 1; k < 8; k++ {
			prev := t[k-1][b]
			t[k][b] = prev>>8 ^ t[0][byte(prev)]
		}
	}
	return t
}

// CRC64 returns the checksum of what crc is the checksum of, followed by b. It
// starts at 0.
func CRC64(crc uint64, b []byte) uint64 {
	crc, b = fold(crc, b)
	return tableCRC(crc, b)
}

// tableCRC is CRC64 by tables, eight bytes at a time.
func tableCRC(crc uint64, b []byte) uint64 {
	t := crcTables
	for len(b) >= 8 {
		crc ^= binary.LittleEndian.Uint64(b)
		crc = t[7][byte(crc)] ^ t[6][byte(crc>>8)] ^ t[5][byte(crc>>16)] ^ t[4][byte(crc>>24)] ^
			t[3][byte(crc>>32)] ^ t[2][byte(crc>>40)] ^ t[1][byte(crc>>48)] ^ t[0][byte(crc>>56)]
		b = b[8:]
	}
	for _, c := range b {
		crc = crc>>8 ^ t[0][byte(crc)^c]
	}
	return crc
}
