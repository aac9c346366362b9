package zset

import (
	"hash/maphash"
	"slices"

	"github.com/redstart-db/redstart/internal/ds/htable"
)

// Cover begins a walk over the elements that the set has now, as they are now, while
// it goes on changing; see dict.Dict.Cover.
func (z *ZSet) Cover(take func(Elem)) *htable.Cover {
	if len(z.buried) == 0 {
		return z.dict.Cover(take)
	}
	// Records of what was removed before are none of these elements, as opposed to
	// what is removed from now on. They are handed over before Purge removes them from
	// what tells that.
	before := slices.Clone(z.buried)
	return z.dict.Cover(func(e Elem) {
		score, ref := e.Score(), e.Ref()
		for _, c := range before {
			if c.Has(score, ref) {
				return
			}
		}
		take(e)
	})
}

// Uncover ends the walk.
func (z *ZSet) Uncover() { z.dict.Uncover() }

// Print is a fingerprint of all elements; see dict.Dict.Print.
func (z *ZSet) Print(seed maphash.Seed) (sum uint64) {
	z.dict.Each(func(e Elem) {
		if !z.isDead(e) {
			sum += e.Print(seed)
		}
	})
	return sum
}
