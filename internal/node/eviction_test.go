package node

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/config"
	"github.com/redstart-db/redstart/internal/vfs"
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

// used is the memory in use as INFO tells it, in bytes.
func (k *talk) used() int {
	k.t.Helper()
	n, err := strconv.Atoi(k.info("used_memory"))
	if err != nil {
		k.t.Fatal(err)
	}
	return n
}

// fillKeys sets keys prefix:0 to prefix:n-1 to 1000 bytes each.
func (k *talk) fillKeys(prefix string, n int, more ...string) {
	k.t.Helper()
	value := strings.Repeat("x", 1000)
	for i := range n {
		k.want("+OK", append([]string{"SET", prefix + ":" + strconv.Itoa(i), value}, more...)...)
	}
}

// left is how many of these keys there are.
func (k *talk) left(prefix string, n int) int {
	k.t.Helper()
	words := []string{"EXISTS"}
	for i := range n {
		words = append(words, prefix+":"+strconv.Itoa(i))
	}
	return int(k.do(words...).Int)
}

// Evictions are in the append only file as what lazyfree-lazy-eviction says, and events
// tell of each; a start from the file gives the data that was there at the end.
func TestEvictionsAreLogged(t *testing.T) {
	for _, c := range []struct {
		lazy        bool
		name, other string
	}{{false, "DEL", "UNLINK"}, {true, "UNLINK", "DEL"}} {
		cfg := inTemp(t)
		cfg.EnableDebugCommand = config.ProtectYes
		cfg.MaxMemoryPolicy = config.AllKeysLRU
		cfg.LazyfreeLazyEviction = c.lazy
		k := keeperOn(t, vfs.OS{}, cfg)
		k.want("+OK", "CONFIG", "SET", "notify-keyspace-events", "Ee")
		events := k.another()
		events.do("SUBSCRIBE", "__keyevent@0__:evicted")
		k.fillKeys("string", 200)
		for i := range 20 {
			for j := range 10 {
				k.do("RPUSH", "list:"+strconv.Itoa(i), strings.Repeat("y", 500)+strconv.Itoa(j))
			}
		}
		k.want("+OK", "CONFIG", "SET", "maxmemory", strconv.Itoa(k.used()))
		k.fillKeys("more", 300)
		k.want("+OK", "CONFIG", "SET", "maxmemory", "0")
		evicted, _ := strconv.Atoi(k.info("evicted_keys"))
		if evicted < 100 {
			t.Errorf("%d keys were evicted", evicted)
		}
		for range evicted {
			const begin, end = `["message", "__keyevent@0__:evicted", "`, `"]`
			event := events.get()
			if !strings.HasPrefix(event, begin) {
				t.Fatalf("event %s", event)
			}
			k.want("0", "EXISTS", strings.TrimSuffix(event[len(begin):], end))
		}
		events.silent()
		size, digest := k.do("DBSIZE").String(), k.do("DEBUG", "DIGEST").String()
		if err := k.n.Close(); err != nil {
			t.Fatal(err)
		}
		logged := map[string]int{}
		names, _ := filepath.Glob(filepath.Join(cfg.Dir, cfg.AppendDirname, "*.incr.aof"))
		for _, name := range names {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, word := range []string{"DEL", "UNLINK"} {
				logged[word] += strings.Count(string(b), "\r\n"+word+"\r\n")
			}
		}
		if logged[c.name] != evicted || logged[c.other] != 0 {
			t.Errorf("lazyfree-lazy-eviction %v, %d keys were evicted: the file has %v", c.lazy, evicted, logged)
		}
		k = keeperOn(t, vfs.OS{}, cfg)
		k.want(size, "DBSIZE")
		k.want(digest, "DEBUG", "DIGEST")
	}
}

// A limit below what is used has keys evicted while nobody sends commands: those that
// the policy means, and no others.
func TestPoliciesWhileIdle(t *testing.T) {
	const some, used = 300, 60
	for _, policy := range []string{"noeviction", "allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-lru", "volatile-lfu",
		"volatile-random", "volatile-ttl"} {
		t.Run(policy, func(t *testing.T) {
			k := newTalk(t, nil)
			k.want("+OK", "CONFIG", "SET", "maxmemory", "1gb", "maxmemory-policy", policy)
			k.fillKeys("plain", some)
			k.fillKeys("volatile", some, "EX", "1000000")
			for i := range some {
				k.do("EXPIRE", "volatile:"+strconv.Itoa(i), strconv.Itoa(1000*(i+1)))
			}
			time.Sleep(20 * time.Millisecond) // which the clock of uses can tell
			for range 20 {
				for i := some - used; i < some; i++ {
					k.do("GET", "plain:"+strconv.Itoa(i))
					k.do("GET", "volatile:"+strconv.Itoa(i))
				}
			}
			most := k.used() - some/2*1000
			k.want("+OK", "CONFIG", "SET", "maxmemory", strconv.Itoa(most))
			if policy == "noeviction" {
				k.want("-"+command.ErrOOM, "SET", "k", "v")
				k.want("600", "DBSIZE")
				k.wantInfo("0", "evicted_keys")
				return
			}
			until(t, "memory is within its limit", func() bool { return k.used() <= most })
			k.want("+OK", "CONFIG", "SET", "maxmemory", "1gb") // so that what replies take evicts no more
			plain, volatile := k.left("plain", some), k.left("volatile", some)
			evicted := 2*some - plain - volatile
			k.wantInfo(strconv.Itoa(evicted), "evicted_keys")
			if evicted < some/4 || evicted > some {
				t.Errorf("%d keys were evicted", evicted)
			}
			switch {
			case strings.HasPrefix(policy, "volatile-") && plain != some:
				t.Errorf("%d keys without a deadline were evicted", some-plain)
			case strings.HasPrefix(policy, "allkeys-") && plain == some:
				t.Error("no key without a deadline was evicted")
			}
			if strings.HasSuffix(policy, "-lru") || strings.HasSuffix(policy, "-lfu") {
				for _, prefix := range []string{"plain", "volatile"} {
					n := 0
					for i := some - used; i < some; i++ {
						n += int(k.do("EXISTS", prefix+":"+strconv.Itoa(i)).Int)
					}
					if n < used-3 {
						t.Errorf("%d of %d keys that were used were evicted", used-n, used)
					}
				}
			}
			if policy == "volatile-ttl" && k.left("volatile", some/4) > 5 {
				t.Error("keys that expire later were evicted")
			}
		})
	}
}

// What may be evicted can change while memory is short.
func TestPolicyChangesWhileMemoryIsShort(t *testing.T) {
	k := newTalk(t, func(c *config.Config) { c.MaxMemoryPolicy = config.VolatileLRU })
	k.fillKeys("plain", 300)
	most := k.used() - 100_000
	k.want("+OK", "CONFIG", "SET", "maxmemory", strconv.Itoa(most))
	for _, policy := range []string{"volatile-lru", "volatile-ttl", "noeviction", "volatile-random", "volatile-lfu"} {
		k.want("+OK", "CONFIG", "SET", "maxmemory-policy", policy)
		k.want("-"+command.ErrOOM, "SET", "plain:0", "v")
		k.want("300", "DBSIZE")
	}
	k.want("1", "EXPIRE", "plain:0", "1000") // this one may go, and is not enough
	until(t, "the key with a deadline is gone", func() bool { return k.do("EXISTS", "plain:0").Int == 0 })
	k.want("-"+command.ErrOOM, "SET", "plain:0", "v")
	k.want("299", "DBSIZE")
	k.want("+OK", "CONFIG", "SET", "maxmemory-policy", "allkeys-lfu")
	until(t, "memory is within its limit", func() bool { return k.used() <= most })
	k.want("+OK", "SET", "plain:0", "v")
	k.want("+OK", "CONFIG", "SET", "maxmemory", "1", "maxmemory-policy", "allkeys-random")
	until(t, "all keys are gone", func() bool { return k.do("DBSIZE").Int == 0 })
	k.want("-"+command.ErrOOM, "SET", "k", "v")
	k.want("+OK", "CONFIG", "SET", "maxmemory", "0")
	k.want("+OK", "SET", "k", "v")
}

// A script keeps what it has written while it runs, though it takes more than there may
// be; its keys make room for others afterwards.
func TestScriptsAreNotEvictedFrom(t *testing.T) {
	k := newTalk(t, func(c *config.Config) { c.MaxMemoryPolicy = config.AllKeysLRU })
	k.fillKeys("plain", 100)
	most := k.used() + 200_000
	k.want("+OK", "CONFIG", "SET", "maxmemory", strconv.Itoa(most))
	k.want("1100", "EVAL", `for i = 1, 1000 do redis.call('SET', 'script:' .. i, string.rep('x', 1000)) end
		return redis.call('DBSIZE')`, "0")
	until(t, "memory is within its limit", func() bool { return k.used() <= most })
	if n := k.do("DBSIZE").Int; n < 100 || n > 400 {
		t.Errorf("%d keys are left", n)
	}
}

// With maxmemory-eviction-tenacity 100 a command evicts all that has to be, whatever the
// time, before it runs.
func TestMostTenacity(t *testing.T) {
	k := newTalk(t, func(c *config.Config) {
		c.MaxMemoryPolicy, c.MaxMemoryEvictionTenacity = config.AllKeysRandom, 100
	})
	k.fillKeys("plain", 1000)
	most := k.used() - 900_000
	k.want("+OK", "CONFIG", "SET", "maxmemory", strconv.Itoa(most))
	k.do("PING")
	if now := k.used(); now > most {
		t.Errorf("%d bytes are in use, maxmemory is %d", now, most)
	}
}
