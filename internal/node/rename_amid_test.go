package node

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redstart-db/redstart/internal/store"
)

// begin has another connection rename from to to, and stops in the middle of the copy. The
// reply comes from end, which goes on with it.
func (m *movers) begin(from, to string) (l *Local, end func() string) {
	m.t.Helper()
	l, err := m.n.NewLocal()
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { l.Close(nil) })
	m.do("DEBUG", "PAUSE-CRON", "1")
	replies := make(chan string, 1)
	go func() {
		reply, err := l.Do(context.Background(), words("RENAME", from, to)...)
		if err != nil {
			replies <- err.Error()
		} else {
			replies <- fmt.Sprint(reply)
		}
	}()
	await(m.t, "RENAME waits", func() bool { return strings.Contains(m.do("INFO", "clients"), "blocked_clients:1") })
	for range 5 {
		m.step()
	}
	return l, func() string {
		m.t.Helper()
		m.do("DEBUG", "PAUSE-CRON", "0")
		select {
		case reply := <-replies:
			return reply
		case <-time.After(time.Minute):
			m.t.Fatal("RENAME does not end")
			return ""
		}
	}
}

// step goes on with the copy for a moment: the background does nothing while the cron is
// paused.
func (m *movers) step() { m.n.Exec.GoOnCopying(m.n.env.Clock.Nano() + 1) }

// TestRenameAmid has others do something in the middle of RENAME.
func TestRenameAmid(t *testing.T) {
	const done, gone = "+OK", "-ERR no such key"
	for _, c := range []struct {
		name string
		do   func(m *movers, l *Local, from, to string)
		want string // the reply to RENAME
		lost bool   // the value is gone
	}{
		{"nothing", func(*movers, *Local, string, string) {}, done, false},
		{"FLUSHALL", func(m *movers, _ *Local, _, _ string) { m.want("+OK", "FLUSHALL") }, gone, true},
		{"FLUSHDB of another", func(m *movers, _ *Local, _, _ string) {
			m.want("+OK", "SELECT", "1")
			m.want("+OK", "FLUSHDB")
			m.want("+OK", "SELECT", "0")
		}, done, false},
		{"FLUSHALL and a new value", func(m *movers, _ *Local, from, _ string) {
			m.want("+OK", "FLUSHALL")
			m.large("set", from)
		}, done, false},
		{"SWAPDB", func(m *movers, _ *Local, _, _ string) { m.want("+OK", "SWAPDB", "0", "1") }, gone, true},
		{"SWAPDB and back", func(m *movers, _ *Local, _, _ string) {
			m.want("+OK", "SWAPDB", "0", "1")
			m.step()
			m.want("+OK", "SWAPDB", "0", "1")
		}, done, false},
		{"DEL", func(m *movers, _ *Local, from, _ string) { m.want("1", "UNLINK", from) }, gone, true},
		{"overwriting", func(m *movers, _ *Local, from, _ string) {
			m.want("+OK", "SET", from, "value")
			m.want("1", "DEL", from)
			m.large("set", from)
		}, done, false},
		{"expiry", func(m *movers, _ *Local, from, _ string) {
			m.want("1", "PEXPIRE", from, "1")
			time.Sleep(3 * time.Millisecond)
		}, gone, true},
		{"an exclusive command", func(m *movers, _ *Local, _, _ string) { m.want("+OK", "DEBUG", "RELOAD") }, done, false},
		{"CLIENT UNBLOCK", func(m *movers, l *Local, _, _ string) {
			m.want("0", "CLIENT", "UNBLOCK", fmt.Sprint(l.client.Sess.ID), "ERROR")
		}, done, false},
		{"CLIENT KILL", func(m *movers, l *Local, _, _ string) {
			m.want("1", "CLIENT", "KILL", "ID", fmt.Sprint(l.client.Sess.ID))
		}, ErrKilled.Error(), false},
		{"a new name that exists", func(m *movers, _ *Local, _, to string) { m.want("+OK", "SET", to, "value") }, done, false},
		{"defragmentation", func(m *movers, _ *Local, _, _ string) {
			for range 20 {
				for i := range m.n.store.Shards() {
					sh := m.n.store.Shard(i)
					sh.Lock()
					for range 10 {
						sh.Compact().Work(sh, 1000, defragHold)
					}
					sh.Unlock()
				}
				m.step()
			}
		}, done, false},
		{"CLIENT PAUSE", func(m *movers, _ *Local, _, to string) {
			m.want("+OK", "CLIENT", "PAUSE", "100000", "WRITE")
			for range 1000 {
				m.step()
			}
			m.want("0", "EXISTS", to)
			m.want("+OK", "CLIENT", "UNPAUSE")
		}, done, false},
		{"CONFIG SET appendonly", func(m *movers, _ *Local, _, _ string) {
			m.want("+OK", "CONFIG", "SET", "appendonly", "yes")
		}, done, false},
		{"BGSAVE", func(m *movers, _ *Local, _, _ string) {
			m.want("+OK", "CONFIG", "SET", "rdb-key-save-delay", "100")
			m.do("BGSAVE")
		}, done, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newMovers(t)
			m.large("set", "from")
			to := m.apart("to", "from")
			digest := m.do("DEBUG", "DIGEST-VALUE", "from")
			l, end := m.begin("from", to)
			c.do(m, l, "from", to)
			if got := end(); got != c.want {
				t.Fatalf("RENAME replies %s, want %s", got, c.want)
			}
			if c.lost {
				m.want("0", "EXISTS", "from", to)
				m.do("FLUSHALL")
				m.noneLeft()
				return
			}
			await(t, "it is renamed", func() bool { return m.do("EXISTS", to) == "1" })
			m.want("0", "EXISTS", "from")
			m.want(digest, "DEBUG", "DIGEST-VALUE", to)
			switch c.name {
			case "CONFIG SET appendonly":
				m.await("aof_rewrite_in_progress:0")
				m.want("+OK", "DEBUG", "LOADAOF")
				m.want(digest, "DEBUG", "DIGEST-VALUE", to)
				m.want("0", "EXISTS", "from")
			case "BGSAVE":
				m.await("rdb_bgsave_in_progress:0")
				m.want("+OK", "DEBUG", "RELOAD", "NOSAVE")
				m.want("0", "EXISTS", to)
				m.want(digest, "DEBUG", "DIGEST-VALUE", "from")
			}
			m.do("FLUSHALL")
			m.noneLeft()
		})
	}
}

func (m *movers) want(want string, args ...string) {
	m.t.Helper()
	if got := m.do(args...); got != want {
		m.t.Fatalf("%q: %s, want %s", args, got, want)
	}
}

// await waits until INFO has a line.
func (m *movers) await(line string) {
	m.t.Helper()
	await(m.t, line, func() bool { return strings.Contains(m.do("INFO", "persistence"), line+`\r\n`) })
}

// TestRenameTells has those who watch, track or listen learn of RENAME once, when it has
// happened, and the statistics count it once.
func TestRenameTells(t *testing.T) {
	m := newMovers(t)
	m.large("set", "from")
	to := m.apart("to", "from")
	m.want("+OK", "CONFIG", "RESETSTAT")
	_, end := m.begin("from", to)
	m.want("+OK", "WATCH", "from")
	if got := end(); got != "+OK" {
		t.Fatal(got)
	}
	m.want("+OK", "MULTI")
	m.want("+QUEUED", "PING")
	if got := m.do("EXEC"); got != "nil" && got != "<nil>" && got != "_" {
		t.Errorf("EXEC behind a watched key that was renamed: %s", got)
	}
	if got := m.do("INFO", "commandstats"); !strings.Contains(got, "cmdstat_rename:calls=1,") || !strings.Contains(got, "rejected_calls=0,failed_calls=0") {
		t.Errorf("statistics: %s", got)
	}
	if got := m.do("INFO", "stats"); !strings.Contains(got, `keyspace_hits:0\r\nkeyspace_misses:0\r\n`) {
		t.Errorf("statistics: %s", got)
	}
}

// TestRenameIsShown has MONITOR, the slow log, keyspace events and those who track show a
// RENAME that waits for its copy: MONITOR when it comes, as it does with all that wait, the
// others once and when it has happened.
func TestRenameIsShown(t *testing.T) {
	m := newMovers(t)
	m.large("set", "from")
	to := m.apart("to", "from")
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := m.n.Serve(ln); err != nil {
		t.Fatal(err)
	}
	dial := func() *wire {
		nc, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { nc.Close() })
		return &wire{t, nc, bufio.NewReader(nc)}
	}
	monitor, tracker, listener := dial(), dial(), dial()
	m.do("CONFIG", "SET", "notify-keyspace-events", "EA", "slowlog-log-slower-than", "0")
	m.do("SLOWLOG", "RESET")
	tracker.ask("HELLO 3")
	tracker.ask("CLIENT TRACKING ON")
	tracker.ask("SCARD from")
	tracker.ask("EXISTS " + to)
	listener.ask("HELLO 3")
	listener.ask("PSUBSCRIBE __keyevent@0__:rename*")
	monitor.ask("MONITOR")
	renames := func() (n int) {
		for _, entry := range strings.Split(m.do("SLOWLOG", "GET", "-1"), "] [") {
			if strings.Contains(entry, "RENAME") {
				n++
			}
		}
		return n
	}

	_, end := m.begin("from", to)
	shown := `"RENAME" "from" "` + to + `"`
	for line := ""; !strings.HasSuffix(line, shown); {
		line = string(monitor.read().Str)
	}
	if n := renames(); n != 0 {
		t.Errorf("the slow log has %d RENAME before it has happened", n)
	}
	for _, w := range []*wire{tracker, listener} {
		if got := w.ask("PING amid"); string(got.Str) != "amid" {
			t.Errorf("%v is told before it has happened", got)
		}
	}

	if got := end(); got != "+OK" {
		t.Fatal(got)
	}
	messages := func(w *wire, want ...string) {
		t.Helper()
		var got []string
		for v := w.ask("PING done"); string(v.Str) != "done"; v = w.read() {
			got = append(got, v.String())
		}
		if !slices.Equal(got, want) {
			t.Errorf("told %q, want %q", got, want)
		}
	}
	messages(tracker, `>["invalidate", ["from"]]`, fmt.Sprintf(`>["invalidate", [%q]]`, to))
	messages(listener, `>["pmessage", "__keyevent@0__:rename*", "__keyevent@0__:rename_from", "from"]`,
		fmt.Sprintf(`>["pmessage", "__keyevent@0__:rename*", "__keyevent@0__:rename_to", %q]`, to))
	if n := renames(); n != 1 {
		t.Errorf("the slow log has %d RENAME", n)
	}
	m.do("PING", "the end")
	for line := ""; !strings.HasSuffix(line, `"the end"`); {
		if line = string(monitor.read().Str); strings.HasSuffix(line, shown) {
			t.Error("MONITOR shows it twice")
		}
	}
}

// TestRenameEvictsNobody renames a value where there is memory for everything but a copy.
func TestRenameEvictsNobody(t *testing.T) {
	m := newMovers(t)
	m.large("set", "from")
	for i := range 1000 {
		m.do("SET", fmt.Sprint("key:", i), strings.Repeat("v", 100))
	}
	m.do("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
	size := m.n.store.Shard(0).Arena().Live()
	for i := 1; i < m.n.store.Shards(); i++ {
		size += m.n.store.Shard(i).Arena().Live()
	}
	m.do("CONFIG", "SET", "maxmemory", fmt.Sprint(m.used()+int(size)/4))
	to, l := m.apart("to", "from"), m.l
	for range 4 {
		_, end := m.begin("from", to)
		for range 1000 {
			m.step()
			doLocal(t, l, "SET", "key:1", strings.Repeat("v", 100))
		}
		if got := end(); got != "+OK" {
			t.Fatal(got)
		}
		m.want("+OK", "RENAME", to, "from")
	}
	if got := m.do("INFO", "stats"); !strings.Contains(got, `\r\nevicted_keys:0\r\n`) {
		t.Errorf("keys were evicted for a copy: %s", got)
	}
	m.want("1001", "DBSIZE")
}

func (m *movers) used() (n int) {
	m.t.Helper()
	for _, line := range strings.Split(m.do("INFO", "memory"), `\r\n`) {
		if _, err := fmt.Sscanf(line, "used_memory:%d", &n); err == nil {
			return n
		}
	}
	m.t.Fatal("no used_memory")
	return 0
}

// TestCloseAmidRename ends an instance in the middle of RENAME.
func TestCloseAmidRename(t *testing.T) {
	m := newMovers(t)
	m.large("zset", "from")
	l, _ := m.begin("from", m.apart("to", "from"))
	if err := m.n.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Do(t.Context(), words("PING")...); err != ErrClosed {
		t.Errorf("after the end: %v", err)
	}
}

// TestChangesSpoilCopies has every way to change a value spoil the copy of it that is being
// made, so that none gets lost.
func TestChangesSpoilCopies(t *testing.T) {
	changes := map[string][]string{
		"set": {"SADD k new", "SREM k element:7", "SPOP k", "SPOP k 5", "SMOVE k other element:7", "SUNIONSTORE k k other"},
		"hash": {"HSET k field:1 v", "HSETNX k new v", "HDEL k field:3", "HINCRBY k number 1", "HINCRBYFLOAT k number 1", "HMSET k field:1 v",
			"HPEXPIRE k 100000 FIELDS 1 field:7", "HPERSIST k FIELDS 1 field:1", "HPEXPIRE k 0 FIELDS 1 field:1"},
		"zset": {"ZADD k 1 new", "ZADD k XX 5000 member:1", "ZINCRBY k 1 member:1", "ZREM k member:1", "ZPOPMIN k", "ZPOPMAX k 2", "BZPOPMIN k 0",
			"ZMPOP 1 k MIN", "ZREMRANGEBYRANK k 0 1", "ZREMRANGEBYSCORE k 0 0", "ZREMRANGEBYLEX k [a (b", "ZUNIONSTORE k 1 k", "GEOADD k 1 1 place"},
		"list": {"LPUSH k e", "RPUSH k e", "LPUSHX k e", "LPOP k", "RPOP k 2", "LSET k 5 e", "LINSERT k BEFORE element:5 e", "LREM k 1 element:7",
			"LTRIM k 1 -1", "LMOVE k k LEFT RIGHT", "RPOPLPUSH k other", "BLPOP k 0", "BLMOVE k other LEFT LEFT 0", "LMPOP 1 k LEFT"},
		"stream": {"XADD k * f v", "XTRIM k MAXLEN 10", "XDEL k 5-1", "XSETID k 30000-1", "XGROUP CREATE k new 0", "XGROUP SETID k g1 5", "XGROUP DESTROY k g1",
			"XGROUP CREATECONSUMER k g1 new", "XGROUP DELCONSUMER k g1 consumer1", "XREADGROUP GROUP g1 consumer1 COUNT 1 STREAMS k >",
			"XREADGROUP GROUP g1 consumer1 COUNT 1 STREAMS k 0", "XACK k g1 1-1", "XCLAIM k g1 consumer2 0 2-1", "XAUTOCLAIM k g1 consumer2 0 0 COUNT 1"},
	}
	any := []string{"DEL k", "UNLINK k", "SET k v", "GETSET k v", "PEXPIRE k 100000", "PERSIST k", "MOVE k 3", "RENAME k other", "SORT k BY nosort STORE k",
		"FLUSHDB", "EVAL redis.call('unlink',KEYS[1]) 1 k"}
	m := newMovers(t)
	for kind, list := range changes {
		m.do("FLUSHALL")
		m.do("SELECT", "1")
		m.large(kind, "k")
		for _, line := range append(list, any...) {
			m.do("SELECT", "1")
			m.want("1", "COPY", "k", "k", "DB", "0")
			m.do("SELECT", "0")
			m.do("PEXPIRE", "k", "1000000")
			if kind == "hash" {
				m.do("HSET", "k", "number", "1")
			}
			if !m.spoils(strings.Split(line, " ")) {
				t.Errorf("%s does not spoil a copy of the %s", line, kind)
			}
			m.do("FLUSHDB")
		}
	}
	m.do("FLUSHALL")
	m.large("hash", "k")
	m.do("DEBUG", "PAUSE-CRON", "1")
	m.want("[1]", "HPEXPIRE", "k", "1", "FIELDS", "1", "field:9")
	time.Sleep(3 * time.Millisecond)
	if !m.spoils([]string{"HGET", "k", "field:10"}) {
		t.Error("a field that expires does not spoil a copy")
	}
}

// spoils tells whether a command spoils a copy of k, unless it refuses the type.
func (m *movers) spoils(args []string) bool {
	m.t.Helper()
	c, locks := m.copyOfK()
	reply := m.do(args...)
	wrong := strings.HasPrefix(reply, "-WRONGTYPE")
	if strings.HasPrefix(reply, "-") && !wrong && !strings.Contains(reply, "converted") {
		m.t.Fatalf("%q: %s", args, reply)
	}
	m.n.store.Lock(locks)
	defer m.n.store.Unlock(locks)
	defer c.End()
	return c.Spoiled() || wrong
}

// copyOfK begins a copy of k for another shard. locks are for what is done with it.
func (m *movers) copyOfK() (c *store.Copying, locks store.LockSet) {
	m.t.Helper()
	st := m.n.store
	k, other := st.Key([]byte("k")), st.Key([]byte(m.apart("to", "k")))
	locks = st.Of(k.H) | st.Of(other.H)
	st.Lock(locks)
	defer st.Unlock(locks)
	ks := st.ShardOf(k.H).DB(0)
	if c = ks.CopyInSteps(k, ks.Find(k), st.ShardOf(other.H).DB(0)); c == nil {
		m.t.Fatal("nothing to copy")
	}
	c.Step()
	return c, locks
}
