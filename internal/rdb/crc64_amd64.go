package rdb

import "golang.org/x/sys/cpu"

// Multiplication without carries takes many bytes at once. What stands in front of D bits
// counts as its product with x^D; of 16 bytes, the first eight bytes' with x^(D+64). Both
// powers are taken modulo the polynomial, so that the products have 128 bits again, and
// are added to the 16 bytes that stand there. In the end 16 bytes have the checksum of
// all. With bits reversed a product comes out multiplied by x, so the powers are one less.
var foldBy = [4]uint64{
	powerOfX(512 + 63), powerOfX(512 - 1), // four times 16 bytes in turn
	powerOfX(128 + 63), powerOfX(128 - 1),
}

// powerOfX is x^n modulo the polynomial, bits reversed.
func powerOfX(n int) uint64 {
	v := uint64(1) << 63
	for range n {
		v = v>>1 ^ -(v&1)&crcPoly
	}
	return v
}

// foldLeast is from how many bytes on it is worth it.
const foldLeast = 128

// foldCRC has out, with what is left of b behind multiples of 16 bytes, have the checksum
// of b after crc. b has 64 bytes at least.
//
//go:noescape
func foldCRC(crc uint64, b []byte, by *[4]uint64, out *[16]byte)

// fold takes as much of b into crc as can be taken at once, and gives the rest.
func fold(crc uint64, b []byte) (uint64, []byte) {
	if len(b) < foldLeast || !cpu.X86.HasPCLMULQDQ {
		return crc, b
	}
	var out [16]byte
	foldCRC(crc, b, &foldBy, &out)
	return tableCRC(0, out[:]), b[len(b)&^15:]
}
