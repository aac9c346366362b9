package node

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/redstart-db/redstart/internal/config"
	"github.com/redstart-db/redstart/internal/resp"
	"github.com/redstart-db/redstart/tests/peer"
)

// chaos is an instance that everybody uses in every way at once.
type chaos struct {
	t     *testing.T
	n     *Node
	ports [2]int
	end   time.Time
	done  atomic.Int64 // replies received
}

// agent is one of those who do.
type agent struct {
	*chaos
	rnd *rand.Rand
}

func (a agent) pick(list ...string) string { return list[a.rnd.IntN(len(list))] }

func (a agent) key() string { return "k" + strconv.Itoa(a.rnd.IntN(40)) }

func (a agent) value() string { return strings.Repeat("v", a.rnd.IntN(30)*a.rnd.IntN(200)) + "1" }

// words are a command, most often a valid one.
func (a agent) words() []string {
	if a.rnd.IntN(12) == 0 {
		return a.fill(a.pick(hard()...))
	}
	return a.fill(a.pick(
		"SET k v", "SET k v", "GET k", "GET k", "GET k", "SET k v PX 3", "SET k v EX 100 GET", "INCR k", "APPEND k v",
		"DEL k k k", "UNLINK k", "MSET k v k v k v", "MSETNX k v k v", "MGET k k k k", "GETDEL k", "SETRANGE k 70 v", "STRLEN k",
		"EXPIRE k 1", "PEXPIRE k 2", "PERSIST k", "TTL k", "RENAME k k", "COPY k k DB 2 REPLACE", "MOVE k 1", "BITOP OR k k k",
		"SETBIT k 9999 1", "BITCOUNT k", "BITFIELD k INCRBY u8 #3 9", "OBJECT ENCODING k", "DUMP k", "LCS k k", "EXISTS k k", "TYPE k",
		"SCAN 0 COUNT 50", "KEYS *", "KEYS k", "RANDOMKEY", "DBSIZE", "SELECT 0", "SELECT 1", "SELECT 2", "SWAPDB 0 1", "SWAPDB 1 2",
		"FLUSHDB", "FLUSHALL ASYNC", "FLUSHDB SYNC",
		"HSET k v v v v", "HDEL k v", "HGETALL k", "HINCRBY k v 1", "HRANDFIELD k 3", "LPUSH k v v v", "RPUSH k v", "LPOP k 2", "RPOP k",
		"LRANGE k 0 -1", "LTRIM k 0 5", "LMOVE k k LEFT RIGHT", "LREM k 0 v", "SADD k v n n", "SREM k n", "SPOP k", "SINTERSTORE k k k",
		"SUNION k k", "SMOVE k k n", "ZADD k n v n v", "ZREM k v", "ZRANGE k 0 -1 WITHSCORES", "ZPOPMIN k", "ZUNIONSTORE k 2 k k",
		"ZRANGESTORE k k 0 3", "XADD k * v v", "XADD k MAXLEN 10 * v v", "XRANGE k - +", "XGROUP CREATE k g 0", "XREADGROUP GROUP g c STREAMS k >",
		"XTRIM k MAXLEN 3", "PFADD k v", "PFCOUNT k k", "PFMERGE k k", "GEOADD k 1 2 v", "SORT k ALPHA STORE k", "SORT k BY k->x GET #",
		"BLPOP k k 0.01", "BRPOP k 0.02", "BLMOVE k k LEFT RIGHT 0.01", "BLMPOP 0.01 2 k k LEFT", "BZPOPMIN k 0.01", "BZMPOP 0.01 1 k MAX",
		"XREAD BLOCK 5 STREAMS k $", "XREADGROUP GROUP g c BLOCK 5 STREAMS k >", "CLIENT UNBLOCK n", "CLIENT UNBLOCK n ERROR", "WAIT 1 5",
		"MULTI", "MULTI", "EXEC", "EXEC", "EXEC", "EXEC", "DISCARD", "WATCH k k", "WATCH k", "UNWATCH",
		"CLIENT INFO", "CLIENT SETNAME x", "CLIENT NO-TOUCH ON", "HELLO 3", "HELLO 2", "AUTH secret", "COMMAND COUNT",
		"NOSUCH a b", "GET", "SET k", "CLIENT NOSUCH", "PING", "PING v", "ECHO v", "SLOWLOG GET 3",
	))
}

// hard is what concerns others too, or ends a connection.
func hard() []string {
	return []string{
		"RESET", "QUIT", "CLIENT KILL ID n", "CLIENT KILL ID n", "CLIENT KILL ID n", "CLIENT KILL TYPE normal SKIPME yes", "CLIENT LIST", "CLIENT PAUSE 3 WRITE", "CLIENT PAUSE 3",
		"CLIENT UNPAUSE", "CLIENT REPLY SKIP", "CLIENT REPLY OFF", "CLIENT REPLY ON", "MONITOR", "AUTH wrong", "INFO everything", "INFO", "MEMORY PURGE",
		"MEMORY STATS", "DEBUG SLEEP 0", "DEBUG DIGEST", "DEBUG OBJECT k", "DEBUG SET-ACTIVE-EXPIRE 1", "SLOWLOG RESET",
		"CONFIG SET slowlog-log-slower-than 0", "CONFIG SET slowlog-log-slower-than 1000000", "CONFIG GET *", "CONFIG RESETSTAT",
		"CONFIG SET notify-keyspace-events KEA", "CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0", "CONFIG SET maxmemory 0",
		"CONFIG SET maxmemory-policy allkeys-lfu", "CONFIG SET maxmemory-policy noeviction", "CONFIG SET requirepass secret",
		`CONFIG SET requirepass ""`, "CONFIG SET client-output-buffer-limit normal-10000-0-0", "CONFIG SET port p", "CONFIG SET nosuch 1",
		"CONFIG SET client-output-buffer-limit normal-0-0-0", "CONFIG SET latency-monitor-threshold 1", "LATENCY LATEST",
		"LATENCY RESET", "SHUTDOWN ABORT",
		"CLIENT TRACKING ON", "CLIENT TRACKING ON BCAST PREFIX k1", "CLIENT TRACKING ON REDIRECT n NOLOOP", "CLIENT TRACKING OFF",
		"CONFIG SET tracking-table-max-keys 5", "CLIENT TRACKINGINFO",
	}
}

// fill puts keys, values and numbers in the place of single letters.
func (a agent) fill(line string) []string {
	words := strings.Fields(line)
	for i, w := range words {
		switch w {
		case "k":
			words[i] = a.key()
		case "v":
			words[i] = a.value()
		case "n":
			words[i] = strconv.Itoa(a.rnd.IntN(3000))
		case "p":
			words[i] = strconv.Itoa(a.ports[a.rnd.IntN(2)])
		case `""`:
			words[i] = ""
		}
		if strings.HasPrefix(w, "normal-") {
			words[i] = strings.ReplaceAll(w, "-", " ")
		}
	}
	return words
}

// burst is the bytes of some requests, now and then damaged or cut short.
func (a agent) burst() []byte {
	var b []byte
	if a.rnd.IntN(3) == 0 {
		b = append(b, "AUTH secret\r\n"...)
	}
	for range 1 + a.rnd.IntN(1+a.rnd.IntN(30)) {
		words := a.words()
		if words[0] == "QUIT" && a.rnd.IntN(4) > 0 {
			continue
		}
		// A request that was cut in the middle of a value takes what follows for the rest of
		// it, so any line of a request may be one of its own later. SHUTDOWN should not.
		if (a.rnd.IntN(5) == 0 || words[0] == "SHUTDOWN") && !strings.Contains(strings.Join(words, ""), " ") && words[len(words)-1] != "" {
			b = append(b, strings.Join(words, " ")+"\r\n"...)
		} else {
			b = resp.AppendCommandString(b, words...)
		}
	}
	switch a.rnd.IntN(30) {
	case 0:
		b = append(b, a.pick("*3\r\n$x", "*99999999999\r\n", "$5\r\n", "\"", "*1\r\n$-2\r\n")...)
	case 1:
		b = b[:a.rnd.IntN(len(b)+1)]
	}
	return b
}

// dial gives a connection by any way there is, or nil where nobody listens now.
func (a agent) dial() net.Conn {
	if a.rnd.IntN(2) == 0 {
		nc, err := a.n.Dial()
		if err != nil {
			a.t.Error(err)
			return nil
		}
		return nc
	}
	nc, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(a.ports[a.rnd.IntN(2)])))
	if err != nil {
		return nil
	}
	return nc
}

// remote makes connections and leaves them in the middle of anything.
func (a agent) remote() {
	for time.Now().Before(a.end) {
		nc := a.dial()
		if nc == nil {
			continue
		}
		life := time.Now().Add(time.Duration(a.rnd.IntN(300)) * time.Millisecond)
		nc.SetDeadline(life)
		read := make(chan int64)
		if a.rnd.IntN(8) > 0 {
			go func() {
				n, _ := io.Copy(io.Discard, nc)
				read <- n
			}()
		} else {
			go func() { read <- 0 }() // one that never reads
		}
		for time.Now().Before(life) {
			if _, err := nc.Write(a.burst()); err != nil {
				break
			}
			if a.rnd.IntN(4) == 0 {
				time.Sleep(time.Duration(a.rnd.IntN(5)) * time.Millisecond)
			}
		}
		nc.Close()
		a.done.Add(<-read)
	}
}

// inside uses sessions that have no connection.
func (a agent) inside() {
	for time.Now().Before(a.end) {
		l, err := a.n.NewLocal()
		if err != nil {
			a.t.Error(err)
			return
		}
		for range a.rnd.IntN(200) {
			var args [][]byte
			for _, w := range a.words() {
				args = append(args, []byte(w))
			}
			ctx, cancel := context.WithTimeout(context.Background(), time.Duration(a.rnd.IntN(50)+1)*time.Millisecond)
			_, err := l.Do(ctx, args...)
			cancel()
			if err != nil {
				break
			}
			a.done.Add(1)
		}
		l.Stop()
	}
}

// TestChaos has clients of all kinds do what they can to each other and to the
// instance. When they are gone it has to be as good as new.
func TestChaos(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	length := 4 * time.Second
	if testing.Short() {
		length = time.Second
	}
	c := &chaos{t: t, ports: [2]int{freePort(t), freePort(t)}, end: time.Now().Add(length)}
	cfg := inTemp(t)
	cfg.RedstartShards, cfg.EnableDebugCommand = 4, config.ProtectYes
	cfg.Port, cfg.Bind, cfg.Save = c.ports[0], []string{"127.0.0.1"}, nil
	n, err := OpenLoops(cfg, nil, 3)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	if err := n.Listen(); err != nil {
		t.Fatal(err)
	}
	c.n = n
	s := peer.Seed(t)
	var wg sync.WaitGroup
	for i := range 24 {
		a := agent{c, rand.New(rand.NewPCG(s, uint64(i)))}
		wg.Add(1)
		go func() {
			defer wg.Done()
			if i%6 == 5 {
				a.inside()
			} else {
				a.remote()
			}
		}()
	}
	finished := make(chan struct{})
	go func() {
		wg.Wait()
		close(finished)
	}()
	select {
	case <-finished:
	case <-time.After(length + 60*time.Second):
		panic("the instance hangs")
	}
	if c.done.Load() == 0 {
		t.Error("nobody got a reply")
	}
	t.Logf("%d bytes of replies and replies inside", c.done.Load())
	c.calm()
}

// calm checks the instance when everybody has gone.
func (c *chaos) calm() {
	t, n := c.t, c.n
	until(t, "all connections are gone", func() bool { return n.Exec.ClientCount() == 0 })
	until(t, "nobody waits any more", func() bool { return n.Exec.Paused() == 0 })
	if m := n.Exec.Monitors(); len(m) > 0 {
		t.Errorf("%d monitors are left", len(m))
	}
	l, err := n.NewLocal()
	if err != nil {
		t.Fatal(err)
	}
	do := func(line string) resp.Value {
		t.Helper()
		var args [][]byte
		for _, w := range strings.Fields(line) {
			args = append(args, []byte(strings.Trim(w, `"`)))
		}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		v, err := l.Do(ctx, args...)
		if err != nil || v.IsError() {
			t.Fatalf("%s: %v %v", line, v, err)
		}
		return v
	}
	do("CLIENT UNPAUSE")
	do(`CONFIG SET requirepass "" maxmemory 0 maxmemory-policy noeviction`)
	nc, err := n.Dial()
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{t, nc, bufio.NewReader(nc)}
	w.do("PING\r\n", "+PONG\r\n")
	nc.Close()
	do("CLIENT PAUSE 50 WRITE") // so that nothing expires between
	for db := range 3 {
		do(fmt.Sprint("SELECT ", db))
		size, keys := do("DBSIZE"), do("KEYS *")
		if expired := int(size.Int) - len(keys.Elems); expired < 0 {
			t.Errorf("database %d has %d keys of which %d can be listed", db, size.Int, len(keys.Elems))
		}
	}
	do("CLIENT UNPAUSE")
	do("DEBUG DIGEST")
	do("FLUSHALL")
	emptyArenas(t, n)
	do("SET k v")
	if v := do("GET k"); string(v.Str) != "v" {
		t.Errorf("GET: %v", v)
	}
	l.Stop()
}
