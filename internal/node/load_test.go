package node

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/redstart-db/redstart/internal/config"
	"github.com/redstart-db/redstart/internal/rdb"
)

const fileKeys = 2000

// someFile is an RDB file with keys "key:N" of value "value N" that says it has hint keys.
// After the middle comes what is given.
func someFile(hint int, middle string) []byte {
	b := rdb.AppendFileHeader(nil, 10)
	b = rdb.AppendAux(b, "redis-ver", "7.0.15")
	b = rdb.AppendAux(b, "used-mem", "123456")
	b = rdb.AppendResizeDB(rdb.AppendSelectDB(b, 0), hint, 0)
	for i := range fileKeys {
		if i == fileKeys/2 {
			b = append(b, middle...)
		}
		b = rdb.AppendString(append(b, byte(rdb.TypeString)), fmt.Append(nil, "key:", i), false)
		b = rdb.AppendString(b, fmt.Append(nil, "value ", i), false)
	}
	b = append(b, byte(rdb.OpEOF))
	return rdb.AppendFileEnd(b, rdb.CRC64(0, b))
}

// TestLoadingWhileClientsAsk loads files, sound ones and others, while clients ask: they
// get -LOADING until all is there, and what needs no data is answered.
func TestLoadingWhileClientsAsk(t *testing.T) {
	sound := someFile(fileKeys, "")
	for name, c := range map[string]struct {
		file []byte
		err  string
	}{
		"sound":          {sound, ""},
		"hint too large": {someFile(1<<50, ""), ""},
		"hint too small": {someFile(1, ""), ""},
		"key twice":      {someFile(fileKeys, "\x00\x05key:7\x01x"), "duplicated key \"key:7\", at offset "},
		"cut":            {sound[:len(sound)/2], "unexpected end"},
		"damaged":        {someFile(fileKeys, "\x0b\x03set\x01x"), "bad data format (key \"set\", type Intset), at offset "},
	} {
		for _, delay := range []int{0, 150} {
			t.Run(fmt.Sprintf("%s, %d µs", name, delay), func(t *testing.T) {
				cfg := inTemp(t)
				cfg.KeyLoadDelay = delay
				if err := os.WriteFile(filepath.Join(cfg.Dir, cfg.DBFilename), c.file, 0o600); err != nil {
					t.Fatal(err)
				}
				loadAndAsk(t, cfg, c.err, delay > 0)
			})
		}
	}
}

// aboutToLoad is an instance that has not begun to read its files.
func aboutToLoad(t *testing.T, cfg *config.Config) *Node {
	n, err := Open(cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	n.KeepFiles()
	n.BeginLoad()
	return n
}

func loadAndAsk(t *testing.T, cfg *config.Config, wantErr string, slow bool) {
	n := aboutToLoad(t, cfg)
	defer n.Close()
	k := (&talk{t: t, n: n}).another()
	const loading = "-LOADING Redis is loading the dataset in memory"
	k.want(loading, "GET", "key:1")
	done := make(chan error)
	go func() { done <- n.Load() }()
	refused, told := 0, 0
	for err, ended := error(nil), false; !ended; {
		if got := k.do("GET", "key:"+strconv.Itoa(rand.IntN(fileKeys))).String(); got == loading {
			refused++
		} else if !strings.HasPrefix(got, `"value `) {
			t.Fatalf("while loading: %s", got)
		}
		info := string(k.do("INFO", "persistence").Str)
		if strings.Contains(info, "loading:1") && strings.Contains(info, "loading_rdb_used_mem:123456") &&
			!strings.Contains(info, "loading_loaded_bytes:0\r") {
			told++
		}
		select {
		case err = <-done:
			ended = true
			if wantErr == "" && err != nil || wantErr != "" && (err == nil || !strings.Contains(err.Error(), wantErr)) {
				t.Fatalf("loading: %v, want %q", err, wantErr)
			}
		default:
		}
	}
	if slow && (refused < 2 || told < 2) {
		t.Errorf("while loading, %d requests were refused, and INFO told of it %d times", refused, told)
	}
	if wantErr != "" {
		k.want(loading, "GET", "key:1") // nothing of it is ever served
		return
	}
	k.want(strconv.Itoa(fileKeys), "DBSIZE")
	k.want(`"value 1999"`, "GET", "key:1999")
	k.wantInfo("0", "loading")
}

// restart closes an instance and starts another one in its folder, with its files.
func (k *talk) restart(set func(*config.Config)) *talk {
	k.t.Helper()
	cfg := config.Default()
	if k.n != nil {
		cfg.Dir = k.n.Config.Dir
		if err := k.n.Close(); err != nil {
			k.t.Fatal(err)
		}
	} else {
		cfg.Dir = k.t.TempDir()
	}
	cfg.EnableDebugCommand = config.ProtectYes
	set(cfg)
	n, err := Open(cfg, nil)
	if err != nil {
		k.t.Fatal(err)
	}
	k.t.Cleanup(func() { n.Close() })
	n.KeepFiles()
	n.BeginLoad()
	if err := n.Load(); err != nil {
		k.t.Fatal(err)
	}
	return (&talk{t: k.t, n: n}).another()
}

// TestFunctionsFromAppendFile loads libraries from the commands of an append only file,
// in between others, and from its base, plain and as an RDB file.
func TestFunctionsFromAppendFile(t *testing.T) {
	lib := func(name, answer string) string {
		return "#!lua name=" + name + "\nredis.register_function('" + name + "', function() return '" + answer + "' end)"
	}
	for _, preamble := range []bool{false, true} {
		set := func(c *config.Config) { c.AppendOnly, c.AOFUseRDBPreamble = true, preamble }
		k := (&talk{t: t}).restart(set)
		k.want("+OK", "SET", "k", "v")
		k.want(`"one"`, "FUNCTION", "LOAD", lib("one", "old"))
		k.want(`"two"`, "FUNCTION", "LOAD", lib("two", "2"))
		k.want("+OK", "MULTI")
		k.want("+QUEUED", "FUNCTION", "LOAD", "REPLACE", lib("one", "1"))
		k.want("+QUEUED", "SET", "k", "w")
		k.want(`["one", +OK]`, "EXEC")
		k.want(`"gone"`, "FUNCTION", "LOAD", lib("gone", "3"))
		k.want("+OK", "FUNCTION", "DELETE", "gone")
		k = k.restart(set)
		for range 2 { // from the commands, and from the base
			k.want(`"1"`, "FCALL", "one", "0")
			k.want(`"2"`, "FCALL", "two", "0")
			k.want("-ERR Function not found", "FCALL", "gone", "0")
			k.want(`"w"`, "GET", "k")
			k.want("+Background append only file rewriting started", "BGREWRITEAOF")
			until(t, "the file is rewritten", func() bool { return !k.n.aof.Rewriting() })
			k.want("+OK", "FUNCTION", "FLUSH")
			k.want(`"one"`, "FUNCTION", "LOAD", lib("one", "1"))
			k.want(`"two"`, "FUNCTION", "LOAD", lib("two", "2"))
			k = k.restart(set)
		}
	}
}

// TestSyncFilesOnly checks that rdb-del-sync-files has nothing removed but what was
// written for a replica: not a file of an instance that keeps no other, or reads it.
func TestSyncFilesOnly(t *testing.T) {
	set := func(c *config.Config) { c.RDBDelSyncFiles, c.Save = true, nil }
	k := (&talk{t: t}).restart(set)
	k.want("+OK", "SET", "k", "v")
	k.want("+OK", "SAVE")
	for range 2 {
		k = k.restart(set)
		k.want(`"v"`, "GET", "k")
		if _, err := os.Stat(filepath.Join(k.n.Config.Dir, k.n.Config.DBFilename)); err != nil {
			t.Error(err)
		}
	}
}

// TestForesight checks that tables get room for what is still to come of an append only
// file, no more than the file can have, and give it back when it does not come.
func TestForesight(t *testing.T) {
	k := newTalk(t, nil)
	n := k.n
	places := func() (sum int) {
		for i := range n.store.Shards() {
			sum += n.store.Shard(i).DB(0).TableSlots()
		}
		return sum
	}
	r := n.Exec.NewReplay()
	defer r.Close()
	const total = 64 << 20
	n.persist.Progress.Begin(0, total)
	var f foresight
	keys := 0
	for !f.done {
		var cmds [][][]byte
		for range 1000 {
			cmds = append(cmds, [][]byte{[]byte("SET"), fmt.Append(nil, "key:", keys), make([]byte, 100)})
			keys++
		}
		n.foresee(&f, cmds)
		if _, err := r.Run(cmds); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := places(), foreseeAfter*keys; got < want*4/5 || got > want*3/2 {
		t.Errorf("after %d keys there are places for %d, want about %d", keys, got, want)
	}
	n.fit(&f)
	if got := places(); got > 2*keys {
		t.Errorf("in the end %d keys have places for %d", keys, got)
	}
	if got := k.do("DBSIZE").String(); got != fmt.Sprint(keys) {
		t.Errorf("%d keys were added, there are %s", keys, got)
	}
}

// Who connects at once is not told that little data is being loaded; who would have to wait
// long is.
func TestConnectionsWaitForLittle(t *testing.T) {
	for name, slow := range map[string]bool{"little": false, "much": true} {
		t.Run(name, func(t *testing.T) {
			cfg := inTemp(t)
			cfg.Port, cfg.UnixSocket = 0, "s"
			if slow {
				cfg.KeyLoadDelay, cfg.LoadingProcessEventsIntervalBytes = 1000, 1024
			}
			if err := os.WriteFile(filepath.Join(cfg.Dir, cfg.DBFilename), someFile(fileKeys, ""), 0o600); err != nil {
				t.Fatal(err)
			}
			n := aboutToLoad(t, cfg)
			defer n.Close()
			if err := n.Listen(); err != nil {
				t.Fatal(err)
			}
			nc, err := net.Dial("unix", filepath.Join(cfg.Dir, "s"))
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			k := &talk{t: t, n: n, nc: nc, br: bufio.NewReader(nc)}
			k.send("GET", "key:7")
			done := make(chan error)
			go func() { done <- n.Load() }()
			want := `"value 7"`
			if slow {
				want = "-LOADING Redis is loading the dataset in memory"
			}
			if got := k.get(); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			k.want(`"value 7"`, "GET", "key:7")
		})
	}
}
