package zset

import (
	"hash/maphash"

	"github.com/redstart-db/redstart/internal/ds/htable"
)

// Cover begins a walk over the elements that the set has now, as they are now, while
// it goes on changing; see dict.Dict.Cover.
func (z *ZSet) Cover(take func(Elem)) *htable.Cover { return z.dict.Cover(take) }

// Uncover ends the walk.
func (z *ZSet) Uncover() { z.dict.Uncover() }

// Print is a fingerprint of all elements; see dict.Dict.Print.
func (z *ZSet) Print(seed maphash.Seed) uint64 { return z.dict.Print(seed) }
