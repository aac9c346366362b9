package dict

import "github.com/redstart-db/redstart/internal/mem"

// New is an element to be added: a member, and what belongs to it in a Dict of its kind.
type New struct {
	Member, Value []byte
	Score         float64
	Deadline      int64 // of a hash's field, in Unix milliseconds; 0 for none
}

// AddNew adds up to MaxBatch elements that are not there, and gives their number: it stops
// at the first that is there, also when it has been added just before. refs, unless it is
// nil, gets the references of what was added. None waits for the memory of another.
func (d *Dict) AddNew(elems []New, refs *[MaxBatch]mem.Ref) (added int) {
	var hashes [MaxBatch]uint64
	far := d.Bytes() > cachedBytes // with a table that was made for many, also the first few
	for i := range elems {
		hashes[i] = d.hash(elems[i].Member)
		if far {
			d.table.Hint(hashes[i])
		}
	}
	for i := range elems {
		x := &elems[i]
		if _, ref := d.table.Find(hashes[i], x.Member); ref != 0 {
			return i
		}
		e := d.insert(hashes[i], content{member: x.Member, value: x.Value, score: x.Score, at: x.Deadline})
		if refs != nil {
			refs[i] = e.ref
		}
	}
	return len(elems)
}

// cachedBytes is up to which size of its memory a Dict is likely to be in the cache.
const cachedBytes = 1 << 20
