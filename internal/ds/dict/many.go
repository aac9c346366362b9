package dict

import (
	"math/bits"

	"github.com/redstart-db/redstart/internal/ds/htable"
	"github.com/redstart-db/redstart/internal/mem"
)

// MaxBatch is the number of members that are looked up, or walked over, at once.
const MaxBatch = 64

// cached is the number of elements up to which a Dict is likely to be in the
// processor's cache, so that nothing is gained from fetching ahead.
const cached = 30000

// Expect prepares an empty Dict for about n elements: it takes the memory that finding
// them needs at once, instead of step by step. A Dict that has it and stays empty
// must be dropped.
func (d *Dict) Expect(n int) { d.table.Expect(n) }

// FindEach tells which of up to MaxBatch members or fields are there: bit i of the
// result is that of members[i]. Only those whose bits are set in wanted are looked
// up. Each is hashed once, and none waits for the memory of another.
func (d *Dict) FindEach(members [][]byte, wanted uint64) uint64 {
	var hashes [MaxBatch]uint64
	var refs [MaxBatch]mem.Ref
	n := len(members)
	d.hashEach(members, wanted, &hashes)
	return d.table.FindEach(hashes[:n], members, wanted, refs[:n])
}

// hashEach hashes members and, where that is of use, has fetched what they lead to.
func (d *Dict) hashEach(members [][]byte, wanted uint64, hashes *[MaxBatch]uint64) {
	if d.Len() <= cached {
		for m := wanted; m != 0; m &= m - 1 {
			i := bits.TrailingZeros64(m)
			hashes[i] = d.hash(members[i])
		}
		return
	}
	for m := wanted; m != 0; m &= m - 1 {
		i := bits.TrailingZeros64(m)
		hashes[i] = d.hash(members[i])
		d.table.Hint(hashes[i])
	}
	for m := wanted; m != 0; m &= m - 1 {
		d.table.HintRecord(hashes[bits.TrailingZeros64(m)])
	}
}

// HintEach has fetched what looking up to MaxBatch members up will need.
func (d *Dict) HintEach(members [][]byte) {
	if d.Len() > cached && len(members) > 1 {
		var hashes [MaxBatch]uint64
		d.hashEach(members, 1<<len(members)-1, &hashes)
	}
}

// Walk is a walk over the members of a Dict, which must not change meanwhile. The
// zero value stands before the first.
type Walk = htable.Walk

// NextMembers writes members to dst, whose length is at least 12 and at most
// MaxBatch, and gives their number, which is 0 when the walk is over. They are valid
// until their elements are changed or removed.
func (d *Dict) NextMembers(w *Walk, dst [][]byte) int {
	var room [MaxBatch]mem.Ref
	refs := d.table.Next(w, room[:0:len(dst)], d.Len() > cached)
	for i, ref := range refs {
		dst[i] = d.Member(ref)
	}
	return len(refs)
}
