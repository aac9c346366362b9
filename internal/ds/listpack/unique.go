package listpack

import "encoding/binary"

// maxUnique is how many elements ValidateUnique compares.
const maxUnique = 128

// ValidateUnique is Validate with deep set for a listpack of elements of step entries
// each, and in the same pass looks whether the first entries of all elements differ. If
// unique is true they do; if not, two may be the same, or there are more of them than are
// compared here: who has to know compares them one by one.
//
// n is the number of entries.
func ValidateUnique(lp []byte, step int) (n int, unique bool, err error) {
	if err := Validate(lp, false); err != nil {
		return 0, false, err
	}
	// The number in the header is only a guess: scan compares as many as there is room
	// for.
	switch elements := headerLen(lp) / step; {
	case elements <= maxUnique/8:
		var few [maxUnique / 4]uint32
		n, unique = scanUnique(lp, step, few[:])
	case elements <= maxUnique:
		var marks [2 * maxUnique]uint32
		n, unique = scanUnique(lp, step, marks[:])
	default:
		n, unique = scanUnique(lp, step, nil)
	}
	if h := headerLen(lp); n < 0 || h != n && h != unknownLen {
		return 0, false, ErrCorrupt
	}
	return n, unique, nil
}

// scanUnique checks all entries, and gives their number, or -1. marks, all 0, is a hash
// table that has marks of the first entries: it is filled up to a half.
func scanUnique(lp []byte, step int, marks []uint32) (n int, unique bool) {
	unique = len(marks) > 0
	room := len(marks) / 2
	var kinds kind
	until := 0 // entries up to the next first one
	last := End(lp)
	for pos := HeaderSize; pos < last; n++ {
		b := lp[pos]
		size := 0
		if b < encInt13 {
			if size = smallSize(b); size > last-pos || int(lp[pos+size-1]) != size-1 {
				return -1, false
			}
		} else if size = checkEntry(lp[pos:last]); size == 0 {
			return -1, false
		}
		if until == 0 {
			until = step
			if unique {
				mark, k := markOf(lp, pos, size)
				kinds |= k
				room--
				unique = room >= 0 && enter(marks, mark)
			}
		}
		until--
		pos += size
	}
	return n, unique && kinds&odd == 0 && kinds&(integer|digits) != integer|digits
}

// kind says for a first entry what else may have the same string, with another mark.
type kind uint8

const (
	integer kind = 1 << iota // it is an integer: a string of digits may be the same
	digits                   // a string that begins as an integer does: such may be the same
	odd                      // a string encoded in a longer way than it needs: any may be
)

// markOf mixes an entry, of which the size is known, to bits that are the same for the
// same string or the same integer. Strings of up to 15 bytes are taken whole; of longer
// ones the length and both ends.
func markOf(lp []byte, pos, size int) (mark uint64, k kind) {
	const mul1, mul2 = 0x9e3779b97f4a7c15, 0xd6e8feb86659fd93
	b := lp[pos]
	switch {
	case b >= encStr6 && b < encInt13:
		// The seven bytes at the end of the string, and the backlen, which tells its
		// length. If there are fewer, those before it are shifted away: there are always
		// that many, with the header.
		n := uint(b & 0x3F)
		mark = binary.LittleEndian.Uint64(lp[pos+size-8:])
		if n < 7 {
			mark >>= (7 - n) * 8 & 63
		} else {
			mark = mark*mul2 ^ binary.LittleEndian.Uint64(lp[pos+1:])
		}
		if c := lp[pos+1]; c == '-' || '0' <= c && c <= '9' {
			k = digits
		}
	case isLongStr(b):
		s := Get(lp, pos).Str
		if len(s) < 64 {
			return 0, odd
		}
		mark = binary.LittleEndian.Uint64(s[len(s)-8:])*mul2 ^ binary.LittleEndian.Uint64(s) + uint64(len(s))
	default:
		mark, k = uint64(Get(lp, pos).Int)^mul2, integer
	}
	mark *= mul1
	return mark ^ mark>>32, k
}

// enter enters a mark, unless it is there: then it gives false.
func enter(marks []uint32, mark uint64) bool {
	m := uint32(mark) | 1
	for i := int(mark>>48) & (len(marks) - 1); ; i = (i + 1) & (len(marks) - 1) {
		if marks[i] == m {
			return false
		}
		if marks[i] == 0 {
			marks[i] = m
			return true
		}
	}
}
