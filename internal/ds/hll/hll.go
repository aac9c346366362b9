// Package hll reads and edits HyperLogLogs: estimates of how many different
// elements were seen, with a standard error of 0.81%. The bytes are those of
// Redis, where they are the value of a string key, so a client may read them,
// write them and damage them.
//
// # Bytes
//
//	+--------+----------+-----------+-----------+-----------------------+
//	| "HYLL" | form, 1  | unused, 3 | cached, 8 | registers             |
//	+--------+----------+-----------+-----------+-----------------------+
//
// form is 0 for dense and 1 for sparse registers. cached is the estimate, little
// endian; its highest bit is set when the registers have changed since.
//
// There are 16384 registers with values of up to 51. Dense ones take 6 bits each,
// from the lowest bit of the first byte on:
//
//	 byte 0     byte 1     byte 2     byte 3
//	+----------+----------+----------+----------
//	| 11000000 | 22221111 | 33333322 | ...
//	+----------+----------+----------+----------
//
// Sparse ones are runs of equal registers. Every register is in exactly one:
//
//	ZERO   00nnnnnn            n+1 registers are 0
//	XZERO  01nnnnnn nnnnnnnn   n+1 registers are 0; the high bits come first
//	VAL    1vvvvvnn            n+1 registers are v+1
//
// # Use
//
// Check says whether bytes may be given to the other functions. It looks at the
// header only, as Redis does: the runs of a sparse value may still be damaged, and
// whatever meets that reports it. No bytes that pass Check make a function panic,
// or read or write outside of them.
package hll

import "encoding/binary"

const (
	// Registers is the number of registers.
	Registers = 1 << indexBits

	// HeaderSize is the number of bytes before the registers.
	HeaderSize = 16

	// DenseSize is the size of a dense value in bytes.
	DenseSize = HeaderSize + Registers*6/8

	// MaxSparse is the greatest size that a sparse value can have, in bytes, if it
	// is not damaged: each register in a run of its own, of two bytes.
	MaxSparse = HeaderSize + 2*Registers

	// Empty is a sparse value that has seen nothing, to be copied.
	Empty = magic + "\x01\x00\x00\x00" + "\x00\x00\x00\x00\x00\x00\x00\x00" + "\x7f\xff"

	magic     = "HYLL"
	indexBits = 14 // of a hash, that choose a register

	formAt   = 4
	cachedAt = 8
	staleAt  = cachedAt + 7 // the byte with the bit that says that cached is out of date
	staleBit = 0x80

	dense  = 0
	sparse = 1
)

// Check tells whether b begins like a HyperLogLog and, if it is dense, has the
// right length.
func Check(b []byte) bool {
	if len(b) < HeaderSize || string(b[:len(magic)]) != magic {
		return false
	}
	return b[formAt] == sparse || b[formAt] == dense && len(b) == DenseSize
}

// Dense tells whether the registers are dense.
func Dense(b []byte) bool { return b[formAt] == dense }

// Cached gives the estimate that was noted last; ok is false when the registers
// have changed since.
func Cached(b []byte) (n uint64, ok bool) {
	return binary.LittleEndian.Uint64(b[cachedAt:]), b[staleAt]&staleBit == 0
}

// SetCached notes an estimate.
func SetCached(b []byte, n uint64) { binary.LittleEndian.PutUint64(b[cachedAt:], n) }

// Invalidate says that the registers have changed.
func Invalidate(b []byte) { b[staleAt] |= staleBit }
