package crash

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redstart-db/redstart/internal/resp"
	"github.com/redstart-db/redstart/tests/peer"
)

const (
	defaultCrashes = 20
	writers        = 6
	longestLife    = 300 * time.Millisecond
	// grace is how old a write may be that everysec loses.
	grace = 2 * time.Second
)

func TestKill(t *testing.T) {
	if testing.Short() {
		t.Skip("kills servers")
	}
	crashes := int(peer.Number(t, "REDSTART_CRASHES", defaultCrashes))
	seed := peer.Seed(t)
	for i, policy := range []string{"always", "everysec"} {
		t.Run(policy, func(t *testing.T) {
			t.Logf("replay with REDSTART_SEED=%d REDSTART_CRASHES=%d", seed, crashes)
			run(t, policy, crashes/2, rand.New(rand.NewPCG(seed, uint64(i))))
		})
	}
}

// run kills a server so many times.
func run(t *testing.T, policy string, crashes int, r *rand.Rand) {
	bin, err := peer.Redstart()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var all []*writer
	for i := range writers {
		all = append(all, newWriter(i, r.Uint64()))
	}
	acked, rewrites, before := 0, 0, ""
	for crash := range crashes + 1 {
		preamble := []string{"yes", "no"}[r.IntN(2)]
		s, err := peer.Launch(bin, peer.Options{Dir: dir, Args: []string{
			"--appendonly", "yes", "--appendfsync", policy, "--aof-use-rdb-preamble", preamble, "--auto-aof-rewrite-min-size", "64kb",
		}})
		if err != nil {
			t.Fatalf("after %d crashes: %v", crash, err)
		}
		verify(t, s, policy, all)
		if t.Failed() {
			t.Logf("the server that was killed said:\n%s", before)
			t.Logf("the server that does not have everything says:\n%s", s.Log())
		}
		if t.Failed() || crash == crashes {
			s.Stop()
			break
		}
		rewrites += live(t, s, all, time.Duration(r.Int64N(int64(longestLife))), r.Uint64())
		before = s.Log() + listing(dir)
	}
	for _, w := range all {
		acked += w.acked
	}
	if t.Failed() {
		return
	}
	t.Logf("%d crashes, %d writes acknowledged, %d rewrites and snapshots begun", crashes, acked, rewrites)
	tidy(t, dir)
}

// live has all writers write until the server is killed.
func live(t *testing.T, s *peer.Server, all []*writer, d time.Duration, seed uint64) (rewrites int) {
	var wg sync.WaitGroup
	for _, w := range all {
		wg.Add(1)
		go func() {
			defer wg.Done()
			w.write(s.Addr)
		}()
	}
	end := time.Now().Add(d)
	r := rand.New(rand.NewPCG(seed, 0))
	c, err := peer.Dial(s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	for left := time.Until(end); left > 0; left = time.Until(end) {
		time.Sleep(min(left, time.Duration(r.IntN(60))*time.Millisecond))
		c.Do([]string{"BGREWRITEAOF", "BGSAVE"}[r.IntN(2)])
		rewrites++
	}
	s.Kill()
	c.Close()
	wg.Wait()
	return rewrites
}

// verify wants of each writer all that it was told is there, and nothing that it has
// not written.
func verify(t *testing.T, s *peer.Server, policy string, all []*writer) {
	c := s.Dial(t)
	c.SetWait(30 * time.Second)
	defer c.Close()
	for _, w := range all {
		text := string(c.Must(t, "GET", w.key("n")).Str)
		n, _ := strconv.Atoi(text)
		least := w.acked
		if policy == "everysec" {
			least = w.ackedBefore(time.Now().Add(-grace))
		}
		if n < least || n > w.sent {
			t.Errorf("writer %d: there are %d writes, of %d acknowledged and %d sent", w.id, n, w.acked, w.sent)
			continue
		}
		m := w.model(n)
		for key, want := range m.describe() {
			if got := describe(t, c, w.key(key)); got != want {
				t.Errorf("writer %d after %d writes: %s is %.300q, want %.300q", w.id, n, key, got, want)
			}
		}
		w.acked, w.sent = n, n
		w.times = w.times[:0]
	}
}

// tidy wants no file left that does not count, but for those of a rewrite that was
// interrupted, whose names the next one takes.
func tidy(t *testing.T, dir string) {
	t.Helper()
	sub := filepath.Join(dir, "appendonlydir")
	b, err := os.ReadFile(filepath.Join(sub, "appendonly.aof.manifest"))
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(sub)
	if err != nil {
		t.Fatal(err)
	}
	newest := map[string]int{}
	for _, line := range strings.Split(strings.TrimSpace(string(b)), "\n") {
		n, kind := numbered(strings.Fields(line)[1])
		newest[kind] = max(newest[kind], n)
	}
	for _, e := range entries {
		name := e.Name()
		n, kind := numbered(name)
		if !bytes.Contains(b, []byte("file "+name+" ")) && n != newest[kind]+1 && !strings.HasSuffix(name, ".manifest") &&
			!strings.HasSuffix(name, ".lock") {
			t.Errorf("%s is left, though it does not count", name)
		}
	}
}

// numbered gives the number in the name of a file, and what kind of file it is.
func numbered(name string) (n int, kind string) {
	if parts := strings.Split(name, "."); len(parts) == 5 {
		return atoi(parts[2]), parts[3]
	}
	return 0, ""
}

// writer writes one thing after the other: each is a transaction that also counts.
type writer struct {
	id    int
	seed  uint64
	acked int // writes
	sent  int
	times []time.Time // of the acknowledgements since the last start
}

func newWriter(id int, seed uint64) *writer { return &writer{id: id, seed: seed} }

func (w *writer) key(name string) string { return fmt.Sprintf("w%d:%s", w.id, name) }

// ackedBefore is how many writes were acknowledged before a time.
func (w *writer) ackedBefore(at time.Time) int {
	n := w.acked
	for i := len(w.times) - 1; i >= 0 && w.times[i].After(at); i-- {
		n--
	}
	return n
}

// write writes until the connection ends.
func (w *writer) write(addr string) {
	c, err := peer.Dial(addr)
	if err != nil {
		return
	}
	defer c.Close()
	for {
		var b []byte
		add := func(args ...string) {
			raw := make([][]byte, len(args))
			for i, a := range args {
				raw[i] = []byte(a)
			}
			b = resp.AppendCommand(b, raw...)
		}
		n := w.sent + 1
		add("MULTI")
		for _, args := range w.op(n) {
			args[1] = w.key(args[1])
			add(args...)
		}
		add("SET", w.key("n"), strconv.Itoa(n))
		add("EXEC")
		w.sent = n
		if c.SendRaw(b) != nil {
			return
		}
		for range 3 + len(w.op(n)) {
			r, err := c.Read()
			if err != nil {
				return
			}
			if r.IsError() {
				panic(fmt.Sprintf("writer %d: %v", w.id, r))
			}
		}
		w.acked = n
		w.times = append(w.times, time.Now())
	}
}

// op gives the commands of the n-th write.
func (w *writer) op(n int) [][]string {
	r := rand.New(rand.NewPCG(w.seed, uint64(n)))
	v, k := strconv.Itoa(n), strconv.Itoa(r.IntN(12))
	switch r.IntN(8) {
	case 0:
		return [][]string{{"SET", "s" + k, strings.Repeat(v, r.IntN(20)+1)}}
	case 1:
		return [][]string{{"INCR", "c"}}
	case 2:
		return [][]string{{"RPUSH", "l", v, v}, {"LTRIM", "l", "-200", "-1"}}
	case 3:
		return [][]string{{"HSET", "h", k, v}}
	case 4:
		return [][]string{{"SADD", "u", v}}
	case 5:
		return [][]string{{"ZADD", "z", v, k}}
	case 6:
		return [][]string{{"DEL", "u"}, {"ZPOPMIN", "z"}}
	}
	return [][]string{{"HDEL", "h", k}, {"APPEND", "a", "x"}}
}

// model is what there is after n writes.
type model struct {
	s    map[string]string
	c, a int
	l    []string
	h, z map[string]string
	u    map[string]bool
}

func (w *writer) model(n int) *model {
	m := &model{s: map[string]string{}, h: map[string]string{}, z: map[string]string{}, u: map[string]bool{}}
	for i := 1; i <= n; i++ {
		for _, op := range w.op(i) {
			m.run(op)
		}
	}
	return m
}

func (m *model) run(op []string) {
	switch op[0] {
	case "SET":
		m.s[op[1]] = op[2]
	case "INCR":
		m.c++
	case "APPEND":
		m.a++
	case "RPUSH":
		m.l = append(m.l, op[2:]...)
	case "LTRIM":
		m.l = m.l[max(len(m.l)-200, 0):]
	case "HSET":
		m.h[op[2]] = op[3]
	case "HDEL":
		delete(m.h, op[2])
	case "SADD":
		m.u[op[2]] = true
	case "DEL":
		clear(m.u)
	case "ZADD":
		m.z[op[3]] = op[2]
	case "ZPOPMIN":
		least := ""
		for member, score := range m.z {
			if a, _ := strconv.Atoi(score); least == "" || a < atoi(m.z[least]) {
				least = member
			}
		}
		delete(m.z, least)
	}
}

func atoi(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}

// listing tells what files there are.
func listing(dir string) string {
	var b strings.Builder
	sub := filepath.Join(dir, "appendonlydir")
	entries, _ := os.ReadDir(sub)
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			fmt.Fprintf(&b, "%s: %d bytes\n", e.Name(), info.Size())
		}
	}
	manifest, _ := os.ReadFile(filepath.Join(sub, "appendonly.aof.manifest"))
	return b.String() + string(manifest)
}
