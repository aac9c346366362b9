package dict

import "math/bits"

// MaxBatch is the number of members that FindEach looks up at once.
const MaxBatch = 64

// cached is the number of elements up to which a Dict is likely to be in the
// processor's cache, so that nothing is gained from fetching ahead.
const cached = 2000

// FindEach tells which of up to MaxBatch members or fields are there: bit i of the
// result is that of members[i]. Only those whose bits are set in wanted are looked
// up, each hashed once, and what they lead to is fetched for all at once.
func (d *Dict) FindEach(members [][]byte, wanted uint64) (there uint64) {
	if d.Len() <= cached {
		for m := wanted; m != 0; m &= m - 1 {
			i := bits.TrailingZeros64(m)
			if _, ok := d.Find(members[i]); ok {
				there |= 1 << i
			}
		}
		return there
	}
	var hashes [MaxBatch]uint64
	for m := wanted; m != 0; m &= m - 1 {
		i := bits.TrailingZeros64(m)
		hashes[i] = d.hash(members[i])
		d.table.Hint(hashes[i])
	}
	for m := wanted; m != 0; m &= m - 1 {
		d.table.HintRecord(hashes[bits.TrailingZeros64(m)])
	}
	for m := wanted; m != 0; m &= m - 1 {
		i := bits.TrailingZeros64(m)
		if _, ref := d.table.Find(hashes[i], members[i]); ref != 0 {
			there |= 1 << i
		}
	}
	return there
}

// HintEach has fetched what looking up to MaxBatch members up will need.
func (d *Dict) HintEach(members [][]byte) {
	if d.Len() <= cached || len(members) == 1 {
		return
	}
	var hashes [MaxBatch]uint64
	for i, m := range members {
		hashes[i] = d.hash(m)
		d.table.Hint(hashes[i])
	}
	for i := range members {
		d.table.HintRecord(hashes[i])
	}
}
