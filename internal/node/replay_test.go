package node

import (
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/redstart-db/redstart/internal/config"
	"github.com/redstart-db/redstart/internal/resp"
)

// Files of before Redis 7 have scripts as they were called. They run when the file is
// loaded, alone and in a transaction, with keys that they do not name too.
func TestReplayOfScripts(t *testing.T) {
	var b []byte
	add := func(args ...string) { b = resp.AppendCommandString(b, args...) }
	add("EVAL", "for i = 1, 100 do redis.call('RPUSH', 'undeclared' .. i % 7, i) end", "0")
	add("EVAL", "redis.call('SET', KEYS[1], ARGV[1]); return redis.call('GET', 'other')", "1", "k", "v")
	add("MULTI")
	add("SET", "before", "1")
	add("EVAL", "redis.call('INCR', 'before'); redis.call('SET', 'in', 'transaction')", "1", "x")
	add("SET", "after", "1")
	add("EXEC")
	add("EVAL", "while redis.call('INCR', 'long') < 20000 do end", "0") // longer than busy-reply-threshold
	add("SET", "last", "1")
	k := newKeeper(t, func(c *config.Config) {
		c.BusyReplyThreshold = 1
		appended(t, c, b)
	})
	for key, want := range map[string]string{"k": "v", "before": "2", "in": "transaction", "after": "1", "last": "1", "long": "20000"} {
		if got := string(k.do("GET", key).Str); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	for i, want := range []int64{14, 15, 15, 14, 14, 14, 14} {
		if got := k.do("LLEN", "undeclared"+string(rune('0'+i))).Int; got != want {
			t.Errorf("undeclared%d has %d elements, want %d", i, got, want)
		}
	}
	k.want("+OK", "CONFIG", "SET", "maxmemory", "0") // which stops the workers
	k.want(`"1"`, "EVAL", "return redis.call('GET', 'last')", "0")
}

// appended has the folder of an instance hold an append only file with commands.
func appended(t *testing.T, c *config.Config, commands []byte) {
	t.Helper()
	c.AppendOnly = true
	dir := filepath.Join(c.Dir, c.AppendDirname)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	name := c.AppendFilename + ".1.incr.aof"
	for file, text := range map[string]string{
		name:                           string(commands),
		c.AppendFilename + ".manifest": "file " + name + " seq 1 type i\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// While a script of a file runs for long clients may watch keys and do what else needs no
// data, and neither waits for the other for ever.
func TestWatchDuringReplayOfScripts(t *testing.T) {
	for _, tx := range []bool{false, true} {
		var b []byte
		add := func(args ...string) { b = resp.AppendCommandString(b, args...) }
		if tx {
			add("MULTI")
		}
		add("EVAL", "while redis.call('INCR', 'long') < 100000 do end", "0")
		if tx {
			add("EXEC")
		}
		cfg := inTemp(t)
		cfg.BusyReplyThreshold = 1
		appended(t, cfg, b)
		n := aboutToLoad(t, cfg)
		defer n.Close()
		var clients sync.WaitGroup
		loaded := make(chan struct{})
		for i := range 8 { // of all workers
			k := (&talk{t: t, n: n}).another()
			clients.Go(func() {
				for {
					for _, cmd := range [][]string{
						{"WATCH", "long", "key" + strconv.Itoa(i)}, {"MULTI"}, {"GET", "long"}, {"EXEC"},
						{"WATCH", "long"}, {"UNWATCH"}, {"INFO", "all"}, {"CONFIG", "SET", "maxmemory-samples", "5"}, {"CLIENT", "LIST"},
					} {
						k.do(cmd...)
					}
					k.another().nc.Close()
					select {
					case <-loaded:
						return
					default:
					}
				}
			})
		}
		if err := n.Load(); err != nil {
			t.Fatal(err)
		}
		close(loaded)
		clients.Wait()
		k := (&talk{t: t, n: n}).another()
		k.want(`"100000"`, "GET", "long")
		k.want("+OK", "WATCH", "long")
		k.want("100001", "INCR", "long")
		k.want("+OK", "MULTI")
		k.want("+QUEUED", "GET", "long")
		k.want("nil*", "EXEC")
	}
}

// A start can be given up while a file is replayed, also where a script of it never ends.
func TestReplayIsGivenUp(t *testing.T) {
	for _, words := range [][]string{
		{"EVAL", "while true do redis.call('INCR', 'n') end", "0"},
		{"EVAL", "while true do end", "0"},
	} {
		cfg := inTemp(t)
		cfg.BusyReplyThreshold = 1
		appended(t, cfg, resp.AppendCommandString(resp.AppendCommandString(nil, words...), "SET", "k", "v"))
		n := aboutToLoad(t, cfg)
		over := make(chan struct{})
		go func() {
			n.Load() // an error is that of an end
			close(over)
		}()
		until(t, "the script runs", func() bool { return n.Exec.RunningScript() != nil })
		n.QuitLoading()
		<-over
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	}
}

// While a long piece of a file is replayed, its worker has time for others: also for who
// stops all workers.
func TestReplayLetsOthersIn(t *testing.T) {
	k := newKeeper(t, nil)
	cmds := make([][][]byte, 50_000)
	for i := range cmds {
		cmds[i] = [][]byte{[]byte("INCR"), []byte("n")}
	}
	w := &k.n.Exec.World
	stop, asked := make(chan struct{}), make(chan struct{})
	var others atomic.Int64
	go func() {
		defer close(asked)
		for {
			select {
			case <-stop:
				return
			default:
				w.Stop()
				w.Go()
				others.Add(1)
			}
		}
	}()
	defer func() {
		close(stop)
		<-asked
	}()
	r := k.n.Exec.NewReplay()
	defer r.Close()
	most := int64(0)
	for range 20 {
		before := others.Load()
		if n, err := r.Run(cmds); n != len(cmds) || err != nil {
			t.Fatal(n, err)
		}
		if most = max(most, others.Load()-before); most > 5 {
			return
		}
	}
	t.Errorf("%d others at the most during %d commands", most, len(cmds))
}
