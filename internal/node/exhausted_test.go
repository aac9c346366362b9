package node

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/redstart-db/redstart/internal/config"
	"github.com/redstart-db/redstart/internal/oplog"
	"github.com/redstart-db/redstart/internal/resp"
	"github.com/redstart-db/redstart/internal/vfs"
	"github.com/redstart-db/redstart/tests/peer"
)

// journal keeps all effects as requests, with the database selected before each.
type journal struct {
	mu  sync.Mutex
	b   []byte
	cmd int
}

func (j *journal) Append(_ uint64, effects []oplog.Effect) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, e := range effects {
		j.b = resp.AppendCommand(j.b, []byte("SELECT"), strconv.AppendInt(nil, int64(e.DB), 10))
		j.b = append(j.b, e.Cmds...)
		j.cmd += 1 + e.Count
	}
}

// fullNode is an instance whose four shards have so many bytes each.
func fullNode(t *testing.T, reserve uint64) (*Node, *wire) {
	cfg := inTemp(t)
	cfg.RedstartShards, cfg.EnableDebugCommand = 4, config.ProtectYes
	n, err := open(cfg, nil, 2, reserve, vfs.OS{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	nc, err := n.Dial()
	if err != nil {
		t.Fatal(err)
	}
	return n, &wire{t, nc, bufio.NewReader(nc)}
}

func (w *wire) run(args ...string) resp.Value {
	w.t.Helper()
	w.send(string(resp.AppendCommandString(nil, args...)))
	return w.read()
}

// filler makes commands that take memory, and some that give it back.
type filler struct{ rnd *rand.Rand }

func (f filler) key() string { return "key:" + strconv.Itoa(f.rnd.IntN(3000)) }

func (f filler) value() string {
	n := f.rnd.IntN(200)
	switch f.rnd.IntN(40) {
	case 0:
		n = f.rnd.IntN(100000)
	case 1, 2, 3:
		n = f.rnd.IntN(5000)
	}
	return strings.Repeat(string(rune('a'+f.rnd.IntN(26))), n)
}

func (f filler) pairs(name string) []string {
	args := []string{name}
	for range 1 + f.rnd.IntN(6) {
		args = append(args, f.key(), f.value())
	}
	return args
}

func (f filler) command() []string {
	switch f.rnd.IntN(20) {
	case 0, 1, 2:
		return []string{"SET", f.key(), f.value()}
	case 3, 4:
		return f.pairs("MSET")
	case 5, 6:
		return f.pairs("MSETNX")
	case 7:
		return []string{"APPEND", f.key(), f.value()}
	case 8:
		return []string{"SETRANGE", f.key(), strconv.Itoa(f.rnd.IntN(30000)), f.value()}
	case 9:
		return []string{"INCR", "n" + f.key()}
	case 10:
		k := f.key()
		return []string{"BITOP", "OR", k, k, f.key(), f.key()}
	case 11:
		return []string{"COPY", f.key(), f.key(), "DB", strconv.Itoa(f.rnd.IntN(2)), "REPLACE"}
	case 12:
		return []string{"RENAME", f.key(), f.key()}
	case 13:
		return []string{"EXPIRE", f.key(), strconv.Itoa(50000 + f.rnd.IntN(50000))}
	case 14:
		return []string{"PERSIST", f.key()}
	case 15:
		return []string{"GETSET", f.key(), f.value()}
	case 16:
		return []string{"MOVE", f.key(), strconv.Itoa(f.rnd.IntN(2))}
	case 17:
		return []string{"SET", f.key(), f.value(), "EX", "70000", "GET"}
	case 18:
		return []string{"SETBIT", f.key(), strconv.Itoa(f.rnd.IntN(200000)), "1"}
	}
	if f.rnd.IntN(3000) == 0 {
		return []string{"FLUSHDB"}
	}
	return []string{"DEL", f.key(), f.key(), f.key()}
}

// TestExhausted fills the arenas again and again. A command that finds no room
// fails, whatever it had done by then is what the oplog tells of it, and when
// keys are deleted there is room again.
func TestExhausted(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	rnd := rand.New(rand.NewPCG(peer.Seed(t), 0))
	n, w := fullNode(t, 1<<20)
	defer n.Close()
	var j journal
	n.env.Log.Attach(&j)
	f := filler{rnd}
	rounds := 30000
	if testing.Short() {
		rounds = 8000
	}
	full, queued := 0, 0
	for range rounds {
		cmd := f.command()
		switch rnd.IntN(60) {
		case 0:
			w.run("SELECT", strconv.Itoa(rnd.IntN(2)))
		case 1:
			if queued == 0 {
				w.run("MULTI")
				queued = 1 + rnd.IntN(10)
			}
		}
		r := w.run(cmd...)
		if queued > 0 {
			if queued--; queued == 0 {
				r = w.run("EXEC")
			}
		}
		full += countOOM(t, cmd, r)
	}
	if queued > 0 {
		w.run("EXEC")
	}
	t.Logf("%d commands found no room", full)
	if full < rounds/100 {
		t.Errorf("only %d commands found no room", full)
	}
	replay(t, &j, w.run("DEBUG", "DIGEST").String())

	for db := range 2 {
		w.run("SELECT", fmt.Sprint(db))
		for _, k := range w.run("KEYS", "*").Elems {
			w.run("DEL", string(k.Str))
		}
	}
	for i := range 200 {
		if r := w.run("SET", fmt.Sprint("after:", i), "x"); r.IsError() {
			t.Fatalf("SET when keys are gone: %v", r)
		}
	}
	w.run("FLUSHALL")
	emptyArenas(t, n)
	for i := range 2000 {
		if r := w.run("SET", fmt.Sprint("again:", i), "x"); r.IsError() {
			t.Fatalf("SET when all keys are gone: %v", r)
		}
	}
	w.nc.Close()
}

// countOOM gives the number of errors for lack of room in a reply, and fails the
// test for those that no command here should have.
func countOOM(t *testing.T, cmd []string, r resp.Value) (n int) {
	t.Helper()
	for _, e := range r.Elems {
		n += countOOM(t, cmd, e)
	}
	if r.IsError() {
		text := string(r.Str)
		switch {
		case strings.HasPrefix(text, "OOM "):
			n++
		case text == "ERR no such key", text == "ERR source and destination objects are the same",
			text == "ERR value is not an integer or out of range":
		default:
			t.Fatalf("%.80q: %.200q", cmd, text)
		}
	}
	return n
}

// replay carries the effects out on an instance with room, and compares the data.
func replay(t *testing.T, j *journal, want string) {
	t.Helper()
	n, w := fullNode(t, 0)
	defer n.Close()
	go w.nc.Write(j.b)
	for range j.cmd {
		w.nc.SetReadDeadline(time.Now().Add(time.Minute))
		if v, err := resp.ReadValue(w.br, 8, 64<<20); err != nil || v.IsError() {
			t.Fatalf("an effect: %v %v", v, err)
		}
	}
	if got := w.run("DEBUG", "DIGEST").String(); got != want {
		t.Errorf("the effects make data with digest %s, not %s", got, want)
	}
}

// emptyArenas waits until the arenas of an instance without keys hold nothing.
func emptyArenas(t *testing.T, n *Node) {
	t.Helper()
	until(t, "the arenas are empty", func() bool {
		sum := uint64(0)
		for i := range n.store.Shards() {
			sh := n.store.Shard(i)
			sh.Lock()
			sum += sh.Arena().Live()
			sh.Unlock()
		}
		return sum == 0
	})
}
