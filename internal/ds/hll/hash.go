package hll

import (
	"encoding/binary"
	"math/bits"
)

// maxRank is the highest value of a register: the rank of a hash whose bits
// behind the index are all zeros.
const maxRank = 64 - indexBits + 1

// Position gives the register of an element, and its rank: the value that the
// register has to reach, which is 1 more than the number of zero bits that its
// hash has behind the index.
func Position(elem []byte) (index int, rank uint8) {
	const stop = 1 << (64 - indexBits) // ends the zeros of a hash without ones
	h := murmur(elem)
	return int(h % Registers), uint8(bits.TrailingZeros64(h>>indexBits|stop) + 1)
}

// murmur is MurmurHash64A, with little endian words, and Redis's seed.
func murmur(b []byte) uint64 {
	const (
		seed = 0xadc83b19
		mul  = 0xc6a4a7935bd1e995
		fold = 47
	)
	h := seed ^ uint64(len(b))*mul
	for ; len(b) >= 8; b = b[8:] {
		w := binary.LittleEndian.Uint64(b) * mul
		w = (w ^ w>>fold) * mul
		h = (h ^ w) * mul
	}
	if len(b) > 0 {
		var w uint64
		for i, c := range b {
			w |= uint64(c) << (8 * i)
		}
		h = (h ^ w) * mul
	}
	h = (h ^ h>>fold) * mul
	return h ^ h>>fold
}
