package set

import (
	"hash/maphash"

	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/num"
)

// index finds the members of a listpack in the time of a few comparisons: a table
// of their positions, by hash, at most half full. 0 is a free place. It is made for
// one command that looks many members up.
type index struct {
	seed  maphash.Seed
	slots []uint32 // a power of two
}

// Indexing costs about as much for a member as passing so many others in a search.
const indexCost = 16

// worthIndex tells whether a listpack of n members is to be indexed for a number of
// lookups: a search passes half of them.
func worthIndex(n, lookups int) bool {
	return n >= 8 && lookups/2 > indexCost && uint64(n) < 1<<30
}

// build indexes a listpack of n members. It keeps the room it had before.
func (x *index) build(lp []byte, n int, seed maphash.Seed) {
	size := 16
	for size < 2*n {
		size *= 2
	}
	if cap(x.slots) < size {
		x.slots = make([]uint32, size)
	} else {
		x.slots = x.slots[:size]
		clear(x.slots)
	}
	x.seed = seed
	var buf [num.MaxIntLen]byte
	for pos, end := listpack.HeaderSize, listpack.End(lp); pos < end; pos += listpack.EntrySize(lp, pos) {
		i := x.home(listpack.Get(lp, pos).Bytes(buf[:]))
		for x.slots[i] != 0 {
			i = x.next(i)
		}
		x.slots[i] = uint32(pos)
	}
}

func (x *index) home(m []byte) int {
	return int(maphash.Bytes(x.seed, m)) & (len(x.slots) - 1)
}

func (x *index) next(i int) int { return (i + 1) & (len(x.slots) - 1) }

func (x *index) has(lp, m []byte) bool {
	for i := x.home(m); x.slots[i] != 0; i = x.next(i) {
		if listpack.Get(lp, int(x.slots[i])).Equal(m) {
			return true
		}
	}
	return false
}
