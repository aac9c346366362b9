package store

import (
	"math/rand/v2"

	"github.com/redstart-db/redstart/internal/mem"
)

// ExpiredKeys is the number of keys that were removed because their deadline had
// passed, when they were asked for or by the expiry cycle. The shard must be
// locked.
func (sh *Shard) ExpiredKeys() uint64 { return sh.expiredKeys }

// ExpiredFields is the number of fields of hashes that were removed for the same
// reason.
func (sh *Shard) ExpiredFields() uint64 { return sh.expiredFields }

// ResetExpiredKeys sets both to zero.
func (sh *Shard) ResetExpiredKeys() { sh.expiredKeys, sh.expiredFields = 0, 0 }

// Address is a number that tells records apart, for display. It stays the same
// while the record stays where it is.
func (e Entry) Address() uint64 { return uint64(e.ks.sh.id+1)<<40 | uint64(e.ref)<<3 }

// SampleTTL looks at up to max keys at random and gives the sum of the times to
// live, in milliseconds, of those that have one, and their number. When it meets
// none it looks at those that expire first.
func (ks *Keyspace) SampleTTL(rnd *rand.Rand, now int64, max int) (sum float64, n int) {
	if ks.volatile == 0 {
		return 0, 0
	}
	add := func(deadline int64) {
		if deadline > now {
			sum += float64(deadline - now)
		}
		n++
	}
	for range max {
		if d := ks.Random(rnd).Deadline(); d != 0 {
			add(d)
		}
	}
	if n > 0 {
		return sum, n
	}
	for slot := 0; slot < len(ks.wheel.heads) && n < max; slot++ {
		for ref := ks.wheel.heads[slot]; ref != mem.Ref(0) && n < max; ref = nextOf(ks.links(ref)) {
			if d := ks.expiring(ref); d != 0 {
				add(d)
			}
		}
	}
	return sum, n
}
