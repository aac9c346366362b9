package node

import (
	"strings"
	"testing"

	"github.com/redstart-db/redstart/internal/config"
)

// TestClientsAreEvictedBeforeKeys has subscribers that read nothing take more than
// clients may: no key makes room for what their eviction will free, though memory is
// exceeded while they are there.
func TestClientsAreEvictedBeforeKeys(t *testing.T) {
	k := newTalk(t, func(c *config.Config) {
		c.MaxMemoryPolicy = config.AllKeysLRU
	})
	k.want("+OK", "CLIENT", "NO-EVICT", "on")
	k.do("SET", "key", strings.Repeat("x", 1000))
	k.want("+OK", "CONFIG", "SET", "maxmemory-clients", "3mb", "maxmemory", "8mb")
	message := strings.Repeat("x", 500_000)
	for range 10 {
		for range 20 {
			k.another().do("SUBSCRIBE", "channel")
		}
		before := k.info("evicted_clients")
		until(t, "a client is evicted", func() bool {
			k.do("PUBLISH", "channel", message)
			k.do("GET", "key")
			return k.info("evicted_clients") != before
		})
	}
	k.wantInfo("0", "evicted_keys")
	k.want("1", "EXISTS", "key")
}

// TestKeysMakeRoomForClientsThatStay is the opposite: where no client may be evicted keys
// are, also for what clients take beyond their limit.
func TestKeysMakeRoomForClientsThatStay(t *testing.T) {
	k := newTalk(t, func(c *config.Config) {
		c.MaxMemoryPolicy = config.AllKeysLRU
	})
	k.want("+OK", "CLIENT", "NO-EVICT", "on")
	for i := range 40 {
		k.do("SET", strings.Repeat("k", i+1), strings.Repeat("x", 100_000))
	}
	k.want("+OK", "CONFIG", "SET", "maxmemory-clients", "1mb", "maxmemory", "8mb")
	stays := k.another()
	stays.want("+OK", "CLIENT", "NO-EVICT", "on")
	stays.do("SUBSCRIBE", "channel")
	until(t, "a key is evicted", func() bool {
		k.do("PUBLISH", "channel", strings.Repeat("x", 500_000))
		return k.info("evicted_keys") != "0"
	})
	k.wantInfo("0", "evicted_clients")
}
