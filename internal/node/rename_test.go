package node

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redstart-db/redstart/internal/config"
	"github.com/redstart-db/redstart/tests/peer"
)

// movers is an instance with keys of different shards.
type movers struct {
	t *testing.T
	n *Node
	l *Local
}

func newMovers(t *testing.T) *movers {
	t.Helper()
	n, err := keeper(t, t.TempDir(), nil, func(c *config.Config) {
		c.EnableDebugCommand, c.RedstartShards, c.Save = config.ProtectYes, 0, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	l, err := n.NewLocal()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close(nil) })
	return &movers{t, n, l}
}

// apart gives a key with a prefix whose shard is not that of another key.
func (m *movers) apart(prefix, from string) string {
	st := m.n.store
	for i := 0; ; i++ {
		key := prefix + strconv.Itoa(i)
		if st.ShardOf(st.Key([]byte(key)).H) != st.ShardOf(st.Key([]byte(from)).H) {
			return key
		}
	}
}

func (m *movers) do(args ...string) string {
	m.t.Helper()
	return doLocal(m.t, m.l, args...)
}

func doLocal(t *testing.T, l *Local, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	reply, err := l.Do(ctx, words(args...)...)
	if err != nil {
		t.Fatalf("%.60q: %v", args, err)
	}
	return fmt.Sprint(reply)
}

// large makes a key of a type with more elements than are copied at once.
func (m *movers) large(kind, key string) {
	m.t.Helper()
	const n = 20_000
	add := map[string][]string{"set": {"SADD", key}, "hash": {"HSET", key}, "zset": {"ZADD", key}, "list": {"RPUSH", key}}[kind]
	args := add
	for i := range n {
		switch kind {
		case "set", "list":
			args = append(args, fmt.Sprint("element:", i))
		case "hash":
			args = append(args, fmt.Sprint("field:", i), fmt.Sprint("value:", i))
		case "zset":
			args = append(args, strconv.Itoa(i%77), fmt.Sprint("member:", i))
		case "stream":
			m.do("XADD", key, fmt.Sprintf("%d-1", i+1), "field", "value")
			continue
		}
		if i%500 == 499 {
			m.do(args...)
			args = add
		}
	}
	switch kind {
	case "hash":
		m.do("HPEXPIRE", key, "1000000", "FIELDS", "3", "field:1", "field:2", "field:19999")
	case "stream":
		for _, group := range []string{"g1", "g2"} {
			m.do("XGROUP", "CREATE", key, group, "0")
			for i := range 30 {
				m.do("XREADGROUP", "GROUP", group, fmt.Sprint("consumer", i%7), "COUNT", "150", "STREAMS", key, ">")
			}
		}
		m.do("XDEL", key, "100-1", "20000-1")
	}
}

// TestRenameAcrossShards moves and copies large values of all types to other shards.
func TestRenameAcrossShards(t *testing.T) {
	for _, kind := range []string{"set", "hash", "zset", "list", "stream"} {
		t.Run(kind, func(t *testing.T) {
			m := newMovers(t)
			m.large(kind, "from")
			m.do("PEXPIRE", "from", "1000000")
			deadline := m.do("PEXPIRETIME", "from")
			digest := m.do("DEBUG", "DIGEST-VALUE", "from")
			info := ""
			if kind == "stream" {
				info = m.do("XINFO", "STREAM", "from", "FULL", "COUNT", "0")
			}
			to, other := m.apart("to", "from"), m.apart("other", "from")
			m.do("SET", to, "overwritten")
			if got := m.do("RENAMENX", "from", to); got != "0" {
				t.Fatalf("RENAMENX to a key that exists: %s", got)
			}
			if got := m.do("RENAME", "from", to); got != "+OK" {
				t.Fatal(got)
			}
			if got := m.do("COPY", to, other); got != "1" {
				t.Fatal(got)
			}
			if got := m.do("COPY", to, to, "DB", "3"); got != "1" {
				t.Fatal(got)
			}
			if got := m.do("EXISTS", "from", to, other); got != "2" {
				t.Fatalf("%s keys are left", got)
			}
			for _, key := range []string{to, other} {
				if got := m.do("DEBUG", "DIGEST-VALUE", key); got != digest {
					t.Errorf("%s: digest %s, want %s", key, got, digest)
				}
				if got := m.do("PEXPIRETIME", key); got != deadline {
					t.Errorf("deadline of %s: %s, want %s", key, got, deadline)
				}
				if info != "" {
					if got := m.do("XINFO", "STREAM", key, "FULL", "COUNT", "0"); got != info {
						t.Errorf("%s:\n%s, want\n%s", key, got, info)
					}
				}
			}
			m.do("SELECT", "3")
			if got := m.do("DEBUG", "DIGEST-VALUE", to); got != digest {
				t.Errorf("in database 3: digest %s, want %s", got, digest)
			}
			m.do("FLUSHALL")
			m.noneLeft()
		})
	}
}

// noneLeft checks that nothing takes memory any more.
func (m *movers) noneLeft() {
	m.t.Helper()
	for i := range m.n.store.Shards() {
		sh := m.n.store.Shard(i)
		sh.Lock()
		for sh.Reclaim(1000) {
		}
		if live := sh.Arena().Live(); live > 1<<10 {
			m.t.Errorf("shard %d has %d bytes without keys", i, live)
		}
		sh.Unlock()
	}
}

// TestRenameServes has RENAME wake who waits for the new name, end in a transaction and a
// script, and fail where the source goes meanwhile.
func TestRenameServes(t *testing.T) {
	m := newMovers(t)
	m.large("list", "from")
	to := m.apart("to", "from")
	l, err := m.n.NewLocal()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close(nil)
	popped := make(chan string)
	go func() { popped <- doLocal(t, l, "BLPOP", to, "0") }()
	await(t, "BLPOP waits", func() bool { return strings.Contains(m.do("INFO", "clients"), "blocked_clients:1") })
	if got := m.do("RENAME", "from", to); got != "+OK" {
		t.Fatal(got)
	}
	if got, want := <-popped, fmt.Sprintf(`["%s", "element:0"]`, to); got != want {
		t.Fatalf("BLPOP got %s, want %s", got, want)
	}
	m.do("MULTI")
	m.do("RENAME", to, "from")
	m.do("LLEN", "from")
	if got := m.do("EXEC"); got != "[+OK, 19999]" {
		t.Fatalf("EXEC: %s", got)
	}
	if got := m.do("EVAL", "redis.call('RENAME', KEYS[1], KEYS[2]) return redis.call('LLEN', KEYS[2])", "2", "from", to); got != "19999" {
		t.Fatalf("EVAL: %s", got)
	}
}

// TestRenameBesideWriters has clients change, remove and rename what others rename.
func TestRenameBesideWriters(t *testing.T) {
	m := newMovers(t)
	m.large("set", "a")
	b := m.apart("b", "a")
	keys := []string{"a", b, m.apart("c", b)}
	seed := peer.Seed(t)
	var wg sync.WaitGroup
	end := time.Now().Add(time.Second)
	for i := range 4 {
		l, err := m.n.NewLocal()
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close(nil)
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(seed, uint64(i)))
			key := func() string { return keys[rnd.IntN(len(keys))] }
			for n := 0; time.Now().Before(end); n++ {
				switch {
				case i < 2:
					// The set is always under one name; a member that was added goes with it.
					doLocal(t, l, "RENAMENX", key(), key())
				case i == 2 && n%50 == 0:
					doLocal(t, l, "EVAL", `for _, k in ipairs(KEYS) do if redis.call('EXISTS', k) == 1 then
						redis.call('SADD', k, ARGV[1]) return 1 end end return redis.error_reply('gone')`,
						"3", keys[0], keys[1], keys[2], fmt.Sprint("added:", n/50))
				case i == 3:
					doLocal(t, l, "SCARD", key())
					doLocal(t, l, "COPY", key(), "copy", "REPLACE")
				default:
					time.Sleep(time.Millisecond)
				}
			}
		})
	}
	wg.Wait()
	if got := m.do(append([]string{"EXISTS"}, keys...)...); got != "1" {
		t.Fatalf("the set has %s names", got)
	}
	for _, k := range keys {
		if m.do("EXISTS", k) == "1" {
			n := 0
			for ; m.do("SISMEMBER", k, fmt.Sprint("added:", n)) == "1"; n++ {
			}
			if got := m.do("SCARD", k); got != strconv.Itoa(20_000+n) {
				t.Errorf("%s members, of which %d were added to 20000", got, n)
			}
			t.Logf("%d were added meanwhile", n)
		}
	}
	m.do("FLUSHALL")
	m.noneLeft()
}
