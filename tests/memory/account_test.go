package memory

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redstart-db/redstart/internal/resp"
	"github.com/redstart-db/redstart/tests/peer"
)

// The account has to match what is resident, less what the program has resident before
// there is data (the baseline), to within this share; and beside that to within a slack that
// the account of a small server keeps for what a runtime does by itself, as docs/adr/0027 has
// it. In others there are the pages of the program that are touched later than the baseline is
// taken.
const tolerance = 0.05

func slack(bytes int64) int64 {
	if bytes < 40<<20 {
		return 10 << 20
	}
	return 1 << 20
}

// limitSlack is what an instance may have beyond its limit for a moment, while values of other
// sizes take the place of those that are there: in small instances the pages that shards
// have begun are more of it.
func limitSlack(limit int64) int64 { return 4<<20 + max(12<<20-limit/8, 0) }

// watched is a server and what it is watched with.
type watched struct {
	testing.TB
	server   *peer.Server
	c        *peer.Conn
	baseline int64 // resident bytes that are not in the account of the empty server
	data     int   // bytes that each load is to have resident, about
}

func watch(t testing.TB, args ...string) *watched {
	w := &watched{TB: t, data: 24 << 20}
	if os.Getenv("REDSTART_FULL") == "1" {
		w.data = 400 << 20
	}
	w.server = peer.StartRedstart(t, peer.Options{Args: args})
	w.c = w.server.Dial(t)
	time.Sleep(300 * time.Millisecond) // for what the start takes to be there
	w.baseline = w.resident() - w.info("used_memory")
	return w
}

// resident is VmRSS of the server, in bytes.
func (w *watched) resident() int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", w.server.Pid))
	if err != nil {
		w.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) >= 2 && f[0] == "VmRSS:" {
			kb, err := strconv.ParseInt(f[1], 10, 64)
			if err != nil {
				w.Fatal(err)
			}
			return kb << 10
		}
	}
	w.Fatalf("the server has no VmRSS:\n%s", w.server.Log())
	return 0
}

// info is a field of INFO.
func (w *watched) info(field string) int64 {
	w.Helper()
	text := string(w.c.Must(w, "INFO", "everything").Str)
	_, after, ok := strings.Cut(text, "\n"+field+":")
	if !ok {
		w.Fatalf("INFO has no %s", field)
	}
	n, err := strconv.ParseInt(strings.TrimSpace(strings.SplitN(after, "\n", 2)[0]), 10, 64)
	if err != nil {
		w.Fatal(err)
	}
	return n
}

// off gives the account, what is resident beyond the baseline, and by how much of the
// latter the former is off.
func (w *watched) off() (used, resident int64, off float64) {
	used, resident = w.info("used_memory"), w.resident()-w.baseline
	return used, resident, float64(used-resident) / float64(max(resident, 1))
}

func (w *watched) within(used, resident int64) bool {
	miss := max(used-resident, resident-used)
	return float64(miss) <= tolerance*float64(resident)+float64(slack(resident))
}

// matches waits for the account to match what is resident.
func (w *watched) matches(what string) {
	w.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		used, resident, off := w.off()
		ok := w.within(used, resident)
		if ok || time.Now().After(end) {
			w.Logf("| %s | %d | %d | %+.1f%% |", what, used>>20, resident>>20, 100*off)
			if !ok {
				w.Errorf("%s: used_memory is off by %.1f%%\n%s", what, 100*off, w.c.Must(w, "INFO", "memory", "redstart").Str)
			}
			return
		}
	}
}

// pipe sends n commands and waits for all replies.
func (w *watched) pipe(n int, command func(words []string, i int) []string) {
	w.Helper()
	nc, err := net.Dial("tcp", w.server.Addr)
	if err != nil {
		w.Fatal(err)
	}
	defer nc.Close()
	go func() {
		out := bufio.NewWriterSize(nc, 1<<16)
		var words []string
		var b []byte
		for i := range n {
			words = command(words[:0], i)
			b = resp.AppendCommandString(b[:0], words...)
			out.Write(b)
		}
		out.Write(resp.AppendCommandString(b[:0], "ECHO", "the end"))
		out.Flush()
	}()
	in := bufio.NewReaderSize(nc, 1<<16)
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			w.Fatal(err)
		}
		if line[0] == '-' {
			w.Fatalf("%s", line)
		}
		if bytes.HasPrefix(line, []byte("the end")) {
			return
		}
	}
}

// size is a length between least and most that depends on i.
func size(i, least, most int) int {
	x := uint64(i) * 0x9e3779b97f4a7c15
	x ^= x >> 29
	x *= 0xbf58476d1ce4e5b9
	return least + int(x>>33)%(most-least+1)
}

var text = strings.Repeat("x", 1<<20)

// fills are loads of data, each with about how many bytes a command adds.
func fills() []struct {
	name    string
	each    int
	command func(words []string, i int) []string
} {
	key := func(i int) string { return fmt.Sprintf("key:%09d", i) }
	return []struct {
		name    string
		each    int
		command func(words []string, i int) []string
	}{
		{"strings of 10 to 100 bytes", 88, func(w []string, i int) []string { return append(w, "SET", key(i), text[:size(i, 10, 100)]) }},
		{"strings of 1 to 4,000 bytes", 2100, func(w []string, i int) []string { return append(w, "SET", key(i), text[:size(i, 1, 4000)]) }},
		{"strings of 10 to 300 KB", 160_000, func(w []string, i int) []string { return append(w, "SET", key(i), text[:size(i, 10_000, 300_000)]) }},
		{"hashes of 5 fields", 140, func(w []string, i int) []string {
			return append(w, "HSET", key(i), "name", "John Doe", "email", "john@example.com", "age", "33", "city", "New York", "n", strconv.Itoa(i))
		}},
		{"one sorted set", 48, func(w []string, i int) []string {
			return append(w, "ZADD", "board", strconv.Itoa(size(i, 0, 1<<20)), "player:"+strconv.Itoa(i))
		}},
		{"one hash", 60, func(w []string, i int) []string { return append(w, "HSET", "hash", key(i), text[:size(i, 1, 40)]) }},
		{"one list", 110, func(w []string, i int) []string { return append(w, "RPUSH", "list", text[:size(i, 1, 200)]) }},
		{"one stream", 34, func(w []string, i int) []string {
			return append(w, "XADD", "stream", strconv.Itoa(i+1)+"-0", "user", strconv.Itoa(i), "action", "purchase", "amount", "99.99")
		}},
	}
}

// TestFilled compares after loads of data of each kind, and after FLUSHALL.
// REDSTART_FULL=1 makes it more data, and the tolerance exact.
func TestFilled(t *testing.T) {
	for _, f := range fills() {
		w := watch(t)
		w.matches("empty")
		w.pipe(w.data/f.each, f.command)
		w.matches(f.name)
		w.c.Must(t, "FLUSHALL")
		w.matches("after FLUSHALL")
		w.server.Stop()
	}
}

// TestDeleted compares while most of the data is gone, whose pages are full of holes.
func TestDeleted(t *testing.T) {
	w := watch(t)
	w.pipe(w.data/250, func(b []string, i int) []string { return append(b, "SET", "key:"+strconv.Itoa(i), text[:200]) })
	w.pipe(w.data/250, func(b []string, i int) []string {
		if i%4 == 0 {
			return append(b, "PING")
		}
		return append(b, "DEL", "key:"+strconv.Itoa(i))
	})
	w.matches("three of four keys deleted")
}

// dial makes connections.
func (w *watched) dial(n int) []net.Conn {
	w.Helper()
	var all []net.Conn
	w.Cleanup(func() {
		for _, nc := range all {
			nc.Close()
		}
	})
	for range n {
		nc, err := net.Dial("tcp", w.server.Addr)
		if err != nil {
			w.Fatal(err)
		}
		all = append(all, nc)
	}
	return all
}

// TestClients compares with many connections whose requests have arrived in part, with
// subscribers that do not read, and after both have gone.
func TestClients(t *testing.T) {
	w := watch(t, "--client-output-buffer-limit", "pubsub 0 0 0")
	conns := w.dial(min(w.data/20_000, 5000)) // there may be no more open files than some thousands
	part := w.data / len(conns) * 4 / 5
	for _, nc := range conns {
		fmt.Fprintf(nc, "*2\r\n$4\r\nECHO\r\n$%d\r\n%s", part+4000, text[:part])
	}
	w.matches(fmt.Sprintf("%d connections with %d KB of a request", len(conns), part>>10))
	for _, nc := range conns {
		nc.Close()
	}
	w.matches("after that")
	const subscribers = 20
	conns = w.dial(subscribers)
	for _, nc := range conns {
		io.WriteString(nc, "SUBSCRIBE news\r\n")
		if _, err := nc.Read(make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
	}
	// The system holds some megabytes for each of them.
	for i := 0; w.info("mem_clients_normal") < int64(w.data) && i < 10_000; i++ {
		w.c.Must(t, "PUBLISH", "news", text[:size(i, 1000, 100_000)])
	}
	w.matches("20 subscribers that do not read")
	for _, nc := range conns {
		nc.Close()
	}
	w.matches("after that")
}

// patience is for how many samples, 20 ms apart, the account may be off while data is saved: it
// is measured each tick then, and buffers come and go in between.
const patience = 12

// TestSaving compares before and after the data is saved and rewritten, and meanwhile, while
// it changes: what takes part in that is counted as it comes and goes.
func TestSaving(t *testing.T) {
	w := watch(t, "--appendonly", "yes", "--appendfsync", "everysec", "--auto-aof-rewrite-percentage", "0", "--rdb-key-save-delay", "25")
	keys := w.data / 650
	set := func(b []string, i int) []string {
		return append(b, "SET", "key:"+strconv.Itoa(size(i, 0, keys)), text[:size(i, 100, 1000)])
	}
	w.pipe(2*keys, set)
	w.matches("with an append only file")
	for _, how := range []string{"BGSAVE", "BGREWRITEAOF"} {
		w.c.Must(t, how)
		done := make(chan struct{})
		go func() {
			defer close(done)
			w.pipe(keys, set)
		}()
		samples, wrong, longest, most := 0, 0, 0, int64(0)
		for ; w.saving(); samples++ {
			used, resident, off := w.off()
			if wrong++; w.within(used, resident) {
				wrong = 0
			}
			if most = max(most, resident); wrong > longest {
				longest = wrong
				w.Logf("during %s: %d of %d bytes, %.1f%%, %d samples", how, used, resident, 100*off, wrong)
			}
			time.Sleep(20 * time.Millisecond)
		}
		<-done
		w.Logf("| %s and writes, up to %d MB | off in %d of %d samples in a row |", how, most>>20, longest, samples)
		if samples < patience {
			w.Errorf("%s was looked at only %d times", how, samples)
		}
		if longest >= patience {
			w.Errorf("used_memory was off while the data was saved (%s)", how)
		}
		w.matches("after " + how)
	}
}

// saving tells whether something is saved or rewritten.
func (w *watched) saving() bool {
	w.Helper()
	return w.info("rdb_bgsave_in_progress")+w.info("aof_rewrite_in_progress") > 0
}

func running(done chan struct{}) bool {
	select {
	case <-done:
		return false
	default:
		return true
	}
}

// TestChurn has a server at its limit take values of changing sizes, and watches that
// what is resident stays at the limit. The short form lets commands evict for as long as
// it takes: how far a slow machine gets in their usual time is another question.
func TestChurn(t *testing.T) {
	limit, policies, tenacity := int64(48<<20), []string{"allkeys-lru"}, "100"
	sizes := [][2]int{{50, 100}, {300, 600}, {20, 40}, {2000, 9000}}
	if os.Getenv("REDSTART_FULL") == "1" {
		limit, policies, tenacity = 200<<20, []string{"allkeys-lru", "allkeys-random"}, "10"
		sizes = append(sizes, [2]int{80, 120}, [2]int{10, 700})
	}
	for _, policy := range policies {
		w := watch(t, "--maxmemory", strconv.FormatInt(limit, 10), "--maxmemory-policy", policy, "--maxmemory-eviction-tenacity", tenacity)
		n := 0
		for _, s := range sizes {
			keys := int(limit) * 12 / 10 / ((s[0] + s[1]) / 2)
			done := make(chan struct{})
			go func() {
				defer close(done)
				w.pipe(keys, func(b []string, i int) []string {
					return append(b, "SET", "key:"+strconv.Itoa(n+i), text[:size(i, s[0], s[1])])
				})
			}()
			var most, held int64
			for samples := 0; running(done); samples++ {
				most = max(most, w.resident()-w.baseline)
				time.Sleep(20 * time.Millisecond)
			}
			<-done
			n += keys
			time.Sleep(time.Second)
			used, resident, off := w.off()
			held = w.info("arena_live_bytes")
			w.Logf("| %s, values of %d to %d bytes | %d | %d | %+.1f%% | most %d | live %d |", policy, s[0], s[1], used>>20, resident>>20, 100*off, most>>20, held>>20)
			if float64(most) > (1+tolerance)*float64(limit)+float64(limitSlack(limit)) {
				t.Errorf("%d bytes were resident with a limit of %d", most, limit)
			}
		}
		w.matches(policy + ", after all")
		w.server.Stop()
	}
}
