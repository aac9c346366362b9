package node

import (
	"bufio"
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redstart-db/redstart/internal/aof"
	"github.com/redstart-db/redstart/internal/config"
	"github.com/redstart-db/redstart/internal/resp"
	"github.com/redstart-db/redstart/internal/serial"
	"github.com/redstart-db/redstart/internal/store"
	"github.com/redstart-db/redstart/internal/vfs"
	"github.com/redstart-db/redstart/tests/peer"
)

// contents is all that an instance has, expired or not, by database and key, in a form that
// does not depend on how it is kept. The instance is frozen.
func contents(n *Node) map[string]string {
	all := make(map[string]string)
	for i := range n.store.Shards() {
		for db := range n.store.Databases() {
			n.store.Shard(i).DB(db).Each(func(e store.Entry) {
				all[fmt.Sprint(db, "/", string(e.Key()))] = written(e)
			})
		}
	}
	for i, code := range n.scripts.Libraries() {
		all[fmt.Sprint("library ", i)] = code
	}
	return all
}

// written is an entry as the commands that make it, one for each element, in an order that
// depends on the elements only.
func written(e store.Entry) string {
	var b bytes.Buffer
	w := serial.NewCommands(&b)
	w.Entry(e)
	w.Flush()
	var lines []string
	for r := bufio.NewReader(&b); ; {
		v, err := resp.ReadValue(r, 1, 64<<20)
		if err != nil {
			break
		}
		name, args := string(v.Elems[0].Str), v.Elems[2:]
		group := len(args)
		switch name {
		case "RPUSH", "SADD":
			group = 1
		case "HMSET", "ZADD":
			group = 2
		}
		for ; len(args) > 0; args = args[group:] {
			line := name
			for _, a := range args[:group] {
				line += fmt.Sprintf(" %q", a.Str)
			}
			lines = append(lines, line)
		}
	}
	switch e.Type() {
	case store.Set, store.ZSet, store.Hash:
		slices.Sort(lines)
	}
	return strings.Join(lines, "\n")
}

// copyFiles copies what the manifest of an instance names to a folder.
func copyFiles(t *testing.T, n *Node, dir string) error {
	from := filepath.Join(n.Config.Dir, n.Config.AppendDirname)
	name := aof.ManifestName(n.Config.AppendFilename)
	text, err := os.ReadFile(filepath.Join(from, name))
	if err != nil {
		return err
	}
	m, err := aof.ParseManifest(text)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, f := range m.Files() {
		b, err := os.ReadFile(filepath.Join(from, f.Name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, f.Name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return nil
}

// replayed checks that the files of a frozen instance, brought into the folder dir, give
// what it has.
func replayed(t *testing.T, n *Node, dir string) {
	t.Helper()
	want := map[string]string(nil)
	cfg := config.Default()
	n.stopped(func() {
		if n.aof.State() != aof.On {
			t.Fatal("there is no append only file")
		}
		if err := n.aof.Sync(); err != nil {
			t.Fatal(err)
		}
		for copyFiles(t, n, dir) != nil { // a rewrite has just ended
		}
		want = contents(n)
	})
	cfg.Dir, cfg.AppendDirname, cfg.AppendOnly, cfg.RedstartShards = filepath.Dir(dir), filepath.Base(dir), true, 2
	other, err := open(cfg, nil, 1, 0, vfs.OS{})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	other.KeepFiles()
	other.BeginLoad()
	if err := other.aof.ReadManifest(); err != nil {
		t.Fatal(err)
	}
	if _, err := other.loadAppendFile(); err != nil {
		t.Fatal(err)
	}
	if failed := other.unreplayed.Load() + n.unreplayed.Load(); failed > 0 {
		t.Errorf("%d commands have failed when they were replayed", failed)
	}
	got := map[string]string(nil)
	other.stopped(func() { got = contents(other) })
	wrong := 0
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if g, ok := got[key]; !ok || g != want[key] {
			if wrong++; wrong <= 5 {
				t.Errorf("%s: the file gives\n%.600s\nand there was\n%.600s", key, g, want[key])
			}
		}
		delete(got, key)
	}
	for key, g := range got {
		if wrong++; wrong <= 5 {
			t.Errorf("%s: the file gives\n%.600s\nand it was gone", key, g)
		}
	}
	if wrong > 5 {
		t.Errorf("%d keys differ in all", wrong)
	}
}

// busy is one of those who change an instance.
type busy struct {
	*talk
	rnd *rand.Rand
}

// common are commands whose keys, fields and numbers are filled in: s, h, l, t and z with
// keys of the types, x with one of a stream, f with a field, n with a number.
const common = `SET s n|SET s n PX p|SET s n EX 100|INCR s|INCRBYFLOAT s 0.1|APPEND s n|GETEX s PX p|GETEX s PERSIST|GETDEL s|SET s n KEEPTTL|SET s n NX PX p
PEXPIRE s p|PEXPIRE h p|PEXPIRE l p|PEXPIRE s 0|PERSIST s|PERSIST h|DEL s h|UNLINK l|RENAME s s|RENAME h h|RENAMENX h h|RENAME l l|COPY h h REPLACE|COPY s s DB 1 REPLACE
MOVE h 1|MOVE s 1|SETRANGE s 9 n|SETBIT s 99 1|MSET s n s n|MSETNX s n s n
HSET h f n f n f n|HSET h f n|HSETNX h f n|HINCRBY h f 1|HINCRBYFLOAT h f 0.5|HDEL h f f|HPEXPIRE h p FIELDS 3 f f f|HPEXPIRE h p NX FIELDS 2 f f
HPEXPIRE h 0 FIELDS 1 f|HPERSIST h FIELDS 2 f f|HSETEX h PX p FIELDS 2 f n f n|HSETEX h KEEPTTL FIELDS 1 f n|HSETEX h FNX FIELDS 1 f n|HGETEX h PX p FIELDS 1 f|HGETDEL h FIELDS 2 f f|HGETALL h|HLEN h
HRANDFIELD h 3|LPUSH l n n|RPUSH l n n n|LPOP l 2|RPOP l|LMOVE l l LEFT RIGHT|LTRIM l 0 20|LREM l 0 n|LINSERT l BEFORE n n|BLPOP l l 0.01|BLMOVE l l LEFT LEFT 0.01|BLMPOP 0.01 2 l l LEFT
SADD t n n n|SREM t n|SPOP t|SPOP t 3|SMOVE t t n|SUNIONSTORE t t t|SDIFFSTORE t t t|SORT l ALPHA STORE l|SORT t BY h->f ALPHA STORE l|SORT l BY nosort GET s GET h->f STORE l
ZADD z n n n n|ZINCRBY z 1 n|ZPOPMIN z 2|ZREM z n|ZUNIONSTORE z 2 z z|ZRANGESTORE z z 0 5|BZPOPMIN z z 0.01|ZREMRANGEBYRANK z 0 1|PFADD s n|PFMERGE s s
XADD x * f n|XADD x MAXLEN ~ 20 * f n|XTRIM x MAXLEN 10|XGROUP CREATE x g 0 MKSTREAM|XREADGROUP GROUP g f COUNT 2 STREAMS x >|XREADGROUP GROUP g f BLOCK 5 STREAMS x >|XAUTOCLAIM x g f 0 0|XGROUP DESTROY x g
SELECT 0|SELECT 0|SELECT 1|WATCH s h|MULTI|MULTI|EXEC|EXEC|EXEC|DISCARD
EVAL incr 0|EVAL moves 0|FCALL f 0`

// rare are those that concern all, and what they are about.
const rare = `DEBUG RELOAD|DEBUG RELOAD|DEBUG LOADAOF|DEBUG LOADAOF|DEBUG LOADAOF|DEBUG RELOAD NOSAVE|DEBUG SET-ACTIVE-EXPIRE 0|DEBUG SET-ACTIVE-EXPIRE 1
BGREWRITEAOF|BGREWRITEAOF|BGREWRITEAOF|BGREWRITEAOF|CONFIG SET appendonly no|CONFIG SET appendonly yes|CONFIG SET appendonly yes|CONFIG SET appendonly yes|BGSAVE|BGSAVE SCHEDULE
CONFIG SET appendfsync always|CONFIG SET appendfsync everysec|CONFIG SET appendfsync no|CONFIG SET aof-use-rdb-preamble no|CONFIG SET aof-use-rdb-preamble yes|CONFIG SET aof-timestamp-enabled yes
CONFIG SET maxmemory-policy allkeys-lru|CONFIG SET maxmemory-policy volatile-ttl|CONFIG SET maxmemory-policy allkeys-random|CONFIG SET maxmemory 1|CONFIG SET maxmemory 0|CONFIG SET maxmemory 0|CONFIG SET maxmemory 0
CONFIG SET hash-max-listpack-entries 4|CONFIG SET hash-max-listpack-entries 128|CONFIG SET lazyfree-lazy-expire yes|CONFIG SET lazyfree-lazy-eviction yes|CONFIG SET save 1-1|CONFIG SET save -
SWAPDB 0 1|SWAPDB 0 1|FLUSHDB|FLUSHALL ASYNC|CLIENT PAUSE 5 WRITE|CLIENT PAUSE 5|CLIENT UNPAUSE|FUNCTION FLUSH|FUNCTION LOAD REPLACE lib|SCRIPT FLUSH
EVAL long 0|EVAL moves 0`

func lists(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == '|' || r == '\n' })
}

// fill puts in what single letters stand for.
func (a busy) fill(line string) []string {
	words := strings.Fields(line)
	for i, w := range words {
		switch {
		case i == 0:
		case w == "f" && words[0] == "FCALL":
		case w == "f":
			words[i] = "f" + strconv.Itoa(a.rnd.IntN(8))
		case w == "n":
			words[i] = strconv.Itoa(a.rnd.IntN(50))
		case w == "p":
			words[i] = strconv.Itoa(1 + a.rnd.IntN(60))
		case w == "h->f":
			words[i] = "h*->f" + strconv.Itoa(a.rnd.IntN(8))
		case len(w) == 1 && strings.Contains("shltzx", w):
			words[i] = w + strconv.Itoa(a.rnd.IntN(12))
		case w == "1-1":
			words[i] = "1 1"
		case w == "-":
			words[i] = ""
		case w == "lib":
			words[i] = "#!lua name=l\nredis.register_function('f', function() return redis.call('INCR', 's0') end) -- " + strconv.Itoa(a.rnd.IntN(9))
		case w == "incr":
			words[i] = "for i = 1, 20 do redis.pcall('INCR', 's' .. i % 12) end"
		case w == "moves":
			words[i] = "for i = 0, 11 do redis.pcall('HPEXPIRE', 'h' .. i, 2, 'FIELDS', 1, 'f1') redis.pcall('RENAME', 'h' .. i, 'h' .. 11 - i) " +
				"redis.pcall('LPUSH', 'l' .. i, i) end"
		case w == "long":
			words[i] = "for i = 1, 3000 do redis.pcall('INCR', 'n') redis.pcall('HSET', 'h' .. i % 12, 'f' .. i % 8, i) end"
		}
	}
	return words
}

// TestReplayGivesWhatThereWas has clients change an instance in all ways at once, whatever
// happens to its append only file meanwhile. Whenever they rest, the file has to give what
// there is, and nothing in it may fail. REDSTART_REPLAY is for how long, such as 10m.
func TestReplayGivesWhatThereWas(t *testing.T) {
	length := 2 * time.Second
	if s := os.Getenv("REDSTART_REPLAY"); s != "" {
		length, _ = time.ParseDuration(s)
	}
	s := peer.Seed(t)
	k := newKeeper(t, func(c *config.Config) {
		c.AppendOnly, c.Save, c.BusyReplyThreshold, c.ProtoMaxBulkLen = true, nil, 2, 1<<20
	})
	var agents []busy
	for i := range 6 {
		agents = append(agents, busy{k.another(), rand.New(rand.NewPCG(s, uint64(i)))})
	}
	usual, seldom := lists(common), lists(rare)
	for round, end := 0, time.Now().Add(length); time.Now().Before(end) && !t.Failed(); round++ {
		var all sync.WaitGroup
		for i, a := range agents {
			all.Go(func() {
				n, of := 40+a.rnd.IntN(200), usual
				if i < 2 {
					n, of = 3+a.rnd.IntN(12), seldom
				}
				for range n {
					a.do(a.fill(of[a.rnd.IntN(len(of))])...)
					if i < 2 {
						time.Sleep(time.Duration(a.rnd.IntN(6)) * time.Millisecond)
					}
				}
			})
		}
		all.Wait()
		k.do("CLIENT", "UNPAUSE")
		k.do("CONFIG", "SET", "maxmemory", "0", "appendonly", "yes")
		until(t, "there is an append only file", func() bool { return k.n.aof.State() == aof.On })
		replayed(t, k.n, filepath.Join(t.TempDir(), "files"))
		if t.Failed() {
			t.Logf("in round %d", round)
		}
	}
}
