package node

import (
	"fmt"
	"strings"
	"testing"

	"github.com/redstart-db/redstart/internal/config"
)

// What is evicted in favour of values of other sizes leaves no more holes than are counted,
// and most of the memory holds data. Commands evict without a limit of time here, so that
// it does not matter how fast the machine is.
func TestEvictionClosesHoles(t *testing.T) {
	limit, policies := uint64(24<<20), []config.MaxMemoryPolicy{config.AllKeysLRU, config.AllKeysRandom}
	if raceBuild {
		limit, policies = 12<<20, policies[:1]
	}
	for _, policy := range policies {
		k := newTalk(t, func(c *config.Config) {
			c.MaxMemory, c.MaxMemoryPolicy, c.MaxMemoryEvictionTenacity = limit, policy, 100
		})
		n := 0
		for _, size := range []int{40, 500, 100, 3000, 20} {
			value := strings.Repeat("v", size)
			for set := 0; set < 2*int(limit); set += 100 * (size + 40) {
				words := []string{"MSET"}
				for range 100 {
					words = append(words, fmt.Sprint("key:", n), value)
					n++
				}
				k.want("+OK", words...)
			}
			var all fragmentation
			k.n.stopped(func() {
				for i := range k.n.store.Shards() {
					sh := k.n.store.Shard(i)
					all.live += sh.Arena().Live()
					all.holes += sh.Holes()
				}
			})
			if held := all.live + all.holes; held > limit*21/20 {
				t.Errorf("%v, values of %d bytes: %d bytes in pages with a limit of %d", policy, size, held, limit)
			}
			if all.live < limit*3/5 {
				t.Errorf("%v, values of %d bytes: only %d bytes of data with a limit of %d", policy, size, all.live, limit)
			}
		}
	}
}

// An account that was never far from what is resident does not change by small steps, and
// follows large ones.
func TestAccountSteps(t *testing.T) {
	const old = 10 << 20
	for _, c := range []struct{ target, loose, tight int64 }{
		{0, 0, 0},
		{old, old, old},
		{old + leastStep, old, old},
		{old - leastStep, old, old},
		{old / 2, old / 2, old / 2},
		{3 * old, 3 * old, old + 2*old/riseShare},
		{old + leastStep + 4, old + leastStep + 4, old + leastStep},
	} {
		if got := follow(old, c.target, false); got != c.loose {
			t.Errorf("from %d to %d: %d, want %d", old, c.target, got, c.loose)
		}
		if got := follow(old, c.target, true); got != c.tight {
			t.Errorf("from %d to %d where memory is short: %d, want %d", old, c.target, got, c.tight)
		}
	}
}

// What is there for less than a second does not count.
func TestAccountLowest(t *testing.T) {
	var a account
	for i, c := range []struct{ halves, others, want int64 }{
		{1, 10, 0}, {2, 30, 0}, {3, 50, 0}, {4, 20, 0}, {5, 25, 0}, {7, 40, 20}, {9, 40, 20}, {11, 60, 40}, {12, 0, 0}, {15, 70, 0}, {17, 70, 0}, {19, 70, 70},
	} {
		if got := a.lowest(c.others, c.halves*lowTime/2); got != c.want {
			t.Errorf("step %d: %d, want %d", i, got, c.want)
		}
	}
}
