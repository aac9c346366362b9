package node

import (
	"cmp"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/redstart-db/redstart/internal/config"
	"github.com/redstart-db/redstart/internal/invariants"
	"github.com/redstart-db/redstart/internal/store"
)

// threadTime is the processor time of the calling thread: what other threads and the
// hypervisor take does not count.
func threadTime(t *testing.T) time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
		t.Fatal(err)
	}
	return time.Duration(ts.Nano())
}

// step is what one hold of a shard's lock took.
type step struct {
	cpu, wall time.Duration
	faults    int64 // pages that the system had to find or to clear
	lost      int64 // how often the thread had to give way to another
	at        int   // its place among others
}

// stopwatch begins to measure what the calling thread does.
func stopwatch(t *testing.T) (stop func() step) {
	var before, after unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_THREAD, &before); err != nil {
		t.Fatal(err)
	}
	wall, cpu := time.Now(), threadTime(t)
	return func() step {
		s := step{cpu: threadTime(t) - cpu, wall: time.Since(wall)}
		if err := unix.Getrusage(unix.RUSAGE_THREAD, &after); err != nil {
			t.Fatal(err)
		}
		s.faults, s.lost = after.Minflt-before.Minflt, after.Nivcsw-before.Nivcsw
		return s
	}
}

// holds is a server of which a test knows how long commands hold their shards.
type holds struct {
	t     *testing.T
	n     *Node
	l     *Local
	count int            // elements of each collection
	tries int            // how often something is measured at most
	slow  map[string]int // how often a command held its shards for too long
}

func (h *holds) do(args ...string) {
	h.t.Helper()
	b := make([][]byte, len(args))
	for i, a := range args {
		b[i] = []byte(a)
	}
	reply, err := h.l.Do(h.t.Context(), b...)
	if err != nil {
		h.t.Fatal(err)
	}
	if reply.IsError() {
		h.t.Fatalf("%.60q: %v", args, reply)
	}
}

// fill sends a command with many elements at a time.
func (h *holds) fill(command, key string, element func(i int) []string) {
	args := []string{command, key}
	for i := range h.count {
		if args = append(args, element(i)...); len(args) > 2000 || i == h.count-1 {
			h.do(args...)
			args = args[:2]
		}
	}
}

// limit is how long a shard may be held.
func (h *holds) limit() time.Duration {
	if raceBuild || invariants.Enabled {
		return 50 * time.Millisecond
	}
	return time.Millisecond
}

// measure runs a command, and then frees what it left to the background, and checks
// how long each holds its shard at most.
func (h *holds) measure(command ...string) {
	h.t.Helper()
	h.measureAs(strings.Join(command, " "), command...)
}

// measureAs is measure with a name.
func (h *holds) measureAs(name string, command ...string) {
	h.t.Helper()
	if h.took(name, command) > h.limit() {
		h.slow[name]++
	}
}

// took runs a command and tells how long it held its shard at most, in processor time. It
// checks how long each step holds it that frees what the command left.
func (h *holds) took(name string, command []string) time.Duration {
	h.t.Helper()
	stop := stopwatch(h.t)
	h.do(command...)
	took := stop()
	h.t.Logf("%-40.60s %10v, %v by the clock, %d faults", name, took.cpu, took.wall, took.faults)
	h.free(name)
	return took.cpu
}

// free frees what a command has left.
func (h *holds) free(name string) {
	h.t.Helper()
	h.steps(name+": freeing", func(sh *store.Shard) (more bool) { return sh.Reclaim(reclaimStep) })
}

// steps takes steps in all shards until there are no more, and checks how long each holds
// its shard.
func (h *holds) steps(name string, part func(sh *store.Shard) (more bool)) {
	h.t.Helper()
	var all []step
	for more := true; more; {
		more = false
		for i := range h.n.store.Shards() {
			sh := h.n.store.Shard(i)
			sh.Lock()
			stop := stopwatch(h.t)
			again := part(sh)
			if s := stop(); again {
				all = append(all, s)
			}
			more = again || more
			sh.Unlock()
		}
	}
	h.judge(name, all)
}

// judge checks how long steps held a shard.
func (h *holds) judge(name string, all []step) {
	h.t.Helper()
	if len(all) == 0 {
		return
	}
	var sum time.Duration
	for i := range all {
		all[i].at = i
		sum += all[i].cpu
	}
	slices.SortFunc(all, func(a, b step) int { return cmp.Compare(a.cpu, b.cpu) })
	// Now and then the system has the thread do something else.
	usual := all[len(all)*99/100].cpu
	h.t.Logf("%-40.60s %d steps, 99%% within %v, all within %v, %v together", name, len(all), usual, all[len(all)-1].cpu, sum)
	for _, s := range all[max(len(all)-5, 0):] {
		if s.cpu > h.limit()/2 {
			h.t.Logf("    step %d: %v, %v by the clock, %d faults, gave way %d times", s.at, s.cpu, s.wall, s.faults, s.lost)
		}
	}
	if usual > h.limit() {
		h.slow[name]++
	}
}

// reply runs a command that replies with all that it removes, which takes as long as in
// Redis: how long is for those who read the log. What it leaves is freed in steps.
func (h *holds) reply(command ...string) {
	h.t.Helper()
	h.do("CONFIG", "RESETSTAT")
	h.do(command...)
	stats, err := h.l.Do(h.t.Context(), []byte("INFO"), []byte("commandstats"))
	if err != nil {
		h.t.Fatal(err)
	}
	name := strings.Join(command, " ")
	for line := range strings.Lines(string(stats.Str)) {
		if _, usec, ok := strings.Cut(line, "cmdstat_"+strings.ToLower(command[0])+":calls=1,usec="); ok {
			usec, _, _ = strings.Cut(usec, ",")
			h.t.Logf("%-40.60s %8sµs, with its reply", name, usec)
		}
	}
	h.free(name)
}

// expire removes what is due at a time in Unix milliseconds.
func (h *holds) expire(name string, at int64) {
	h.t.Helper()
	h.steps(name, func(sh *store.Shard) (more bool) {
		_, more = sh.DB(0).Expire(at, expireStep)
		return more
	})
}

// try measures something, up to h.tries times: what is the command's comes back; what is the
// machine's does not.
func (h *holds) try(t *testing.T, all func()) {
	h.t = t
	h.slow = make(map[string]int)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	tries := 0
	for ok := false; !ok && tries < h.tries; {
		tries++
		all()
		ok = true
		for _, times := range h.slow {
			ok = ok && times < tries
		}
	}
	for what, times := range h.slow {
		if times == tries {
			t.Errorf("%s holds its shard for too long, each of %d times", what, tries)
		}
	}
}

func openHolds(t *testing.T) *holds { return openHoldsWith(t, config.Default()) }

func openHoldsWith(t *testing.T, cfg *config.Config) *holds {
	h := &holds{t: t, count: 100_000, tries: 3}
	if s := os.Getenv("REDSTART_SCALE"); s != "" {
		h.tries = 1
		var err error
		if h.count, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	n, err := Open(cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	h.n = n
	if h.l, err = n.NewLocal(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.l.Close(nil) })
	return h
}

// part is a share of the elements.
func (h *holds) part(share float64) string { return strconv.Itoa(int(share * float64(h.count))) }

func (h *holds) hash(k string) {
	h.fill("HSET", k, func(i int) []string { return []string{fmt.Sprintf("field:%08d", i), "value"} })
}

func (h *holds) set(k string) {
	h.fill("SADD", k, func(i int) []string { return []string{fmt.Sprintf("member:%08d", i)} })
}

func (h *holds) list(k string) {
	h.fill("RPUSH", k, func(i int) []string { return []string{fmt.Sprintf("item:%08d", i)} })
}

func (h *holds) zset(k string) {
	h.fill("ZADD", k, func(i int) []string { return []string{strconv.Itoa(i * 7 % 1_000_003), fmt.Sprintf("player:%08d", i)} })
}

func (h *holds) lexZset(k string) {
	h.fill("ZADD", k, func(i int) []string { return []string{"0", fmt.Sprintf("player:%08d", i)} })
}

func (h *holds) stream(k string) {
	for i := range h.count {
		h.do("XADD", k, strconv.Itoa(i+1)+"-0", "user_id", strconv.Itoa(i), "action", "purchase", "amount", "99.99")
	}
}

// TestHolds removes large collections, and halves, tenths and most of them, and
// checks that nobody waits for that. REDSTART_SCALE is the number of elements.
func TestHolds(t *testing.T) {
	h := openHolds(t)
	part := h.part
	some := func(command, element string) []string { // of all parts of the collection
		args := []string{command, "%k"}
		for i := range 100 {
			args = append(args, fmt.Sprintf(element, i*(h.count/100)+1))
		}
		return args
	}
	for _, c := range []struct {
		name string
		fill func(key string)
		cuts [][]string // one after the other, with %k for the key
		pops [][]string // the same, with replies of what they remove
	}{
		{"hash", h.hash, [][]string{some("HDEL", "field:%08d")}, nil},
		{"set", h.set, [][]string{some("SREM", "member:%08d")}, [][]string{{"SPOP", "%k", part(0.3)}, {"SPOP", "%k", part(0.6)}, {"SPOP", "%k", part(1)}}},
		{"list", h.list,
			[][]string{{"LTRIM", "%k", part(0.1), "-1"}, {"LTRIM", "%k", "0", part(0.5)}, {"LTRIM", "%k", part(0.2), part(0.3)},
				{"LTRIM", "%k", "100", "200"}},
			[][]string{{"LPOP", "%k", part(0.3)}, {"LMPOP", "1", "%k", "RIGHT", "COUNT", part(0.3)}, {"RPOP", "%k", part(1)}}},
		{"sorted set", h.zset,
			[][]string{{"ZREMRANGEBYRANK", "%k", "0", part(0.1)}, {"ZREMRANGEBYSCORE", "%k", "250000", "700000"},
				{"ZREMRANGEBYRANK", "%k", part(0.1), part(0.2)}, {"ZREMRANGEBYRANK", "%k", "100", "-100"}},
			[][]string{{"ZPOPMIN", "%k", part(0.3)}, {"ZMPOP", "1", "%k", "MAX", "COUNT", part(0.3)}, {"ZPOPMAX", "%k", part(1)}}},
		{"sorted set of equal scores", h.lexZset,
			[][]string{{"ZREMRANGEBYLEX", "%k", "[player:0005", "(player:0010"}, {"ZREMRANGEBYRANK", "%k", "0", part(0.5)}}, nil},
		{"stream", h.stream,
			[][]string{some("XDEL", "%d-0"), {"XTRIM", "%k", "MAXLEN", part(0.9)}, {"XTRIM", "%k", "MINID", part(0.5)},
				{"XADD", "%k", "MAXLEN", part(0.2), "*", "a", "b"}, {"XTRIM", "%k", "MAXLEN", "~", part(0.1), "LIMIT", "0"},
				{"XTRIM", "%k", "MAXLEN", "100"}}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			h.try(t, func() { h.all(c.fill, c.cuts, c.pops) })
		})
	}
}

// all measures what cuts a collection, removes it, and puts something in its place.
func (h *holds) all(fill func(key string), cuts, pops [][]string) {
	h.t.Helper()
	on := func(key string, command []string) []string {
		return strings.Split(strings.ReplaceAll(strings.Join(command, " "), "%k", key), " ")
	}
	fill("k")
	h.travel("k", "k")
	for _, cut := range cuts {
		h.measure(on("k", cut)...)
	}
	h.measure("UNLINK", "k")
	if len(pops) > 0 {
		fill("k1")
		for _, pop := range pops {
			h.reply(on("k1", pop)...)
		}
	}
	h.do("SADD", "small", "2", "1")
	payload, err := h.l.Do(h.t.Context(), []byte("DUMP"), []byte("small"))
	if err != nil {
		h.t.Fatal(err)
	}
	overs := [][]string{
		{"SET", "%k", "overwritten"}, {"PEXPIRE", "%k", "-1"}, {"SINTERSTORE", "%k", "small", "small"},
		{"SORT", "small", "STORE", "%k"}, {"COPY", "small", "%k", "REPLACE"}, {"RENAME", "small", "%k"},
	}
	if h.tries == 1 {
		overs = overs[:2] // to fill millions takes long, and all of them remove what was there in one place
	}
	for i, over := range overs {
		key := fmt.Sprintf("over%d", i)
		fill(key)
		h.measure(on(key, over)...)
	}
	fill("k2")
	if took := h.took("RESTORE REPLACE", []string{"RESTORE", "k2", "0", string(payload.Str), "REPLACE"}); took > h.limit() {
		h.slow["RESTORE REPLACE"]++
	}
	fill("k3")
	h.measure("FLUSHDB")
}

// travel copies a value to another shard and back, as RENAME does, and checks how long each
// step holds the shards.
func (h *holds) travel(name, from string) {
	h.t.Helper()
	st := h.n.store
	to := from
	for i := 0; st.ShardOf(st.Key([]byte(to)).H) == st.ShardOf(st.Key([]byte(from)).H); i++ {
		to = fmt.Sprint("other", i)
	}
	for _, keys := range [][2]string{{from, to}, {to, from}} {
		k, other := st.Key([]byte(keys[0])), st.Key([]byte(keys[1]))
		ks, dst := st.ShardOf(k.H).DB(0), st.ShardOf(other.H).DB(0)
		locks := st.Of(k.H) | st.Of(other.H)
		var all []step
		held := func(f func()) {
			st.Lock(locks)
			defer st.Unlock(locks)
			stop := stopwatch(h.t)
			f()
			all = append(all, stop())
		}
		var c *store.Copying
		held(func() { c = ks.CopyInSteps(k, ks.Find(k), dst) })
		for done := false; !done; {
			held(func() { done = c.Step() })
		}
		held(func() {
			c.Offer()
			dst.Take(other, dst.Find(other), k, ks.Find(k))
			c.End()
		})
		h.judge(name+": copying", all)
		h.free(name + ": freeing the source")
	}
}

// TestHoldsOfDeadlines has everything expire at one time: the fields of a hash, and a tenth
// as many keys.
func TestHoldsOfDeadlines(t *testing.T) {
	h := openHolds(t)
	const at = 1 << 42 // in the future
	when := strconv.Itoa(at)
	h.try(t, func() {
		h.hash("hash")
		args := []string{"HPEXPIREAT", "hash", when, "FIELDS", "0"}
		for i := range h.count {
			if args = append(args, fmt.Sprintf("field:%08d", i)); len(args) > 1000 || i == h.count-1 {
				args[4] = strconv.Itoa(len(args) - 5)
				h.do(args...)
				args = args[:5]
			}
		}
		h.expire("fields of one deadline", at)
		for i := range h.count / 10 {
			h.do("SET", fmt.Sprintf("key:%08d", i), "value", "PXAT", when)
		}
		h.expire("keys of one deadline", at)
		h.empty()
	})
}

// TestHoldsOfGroups removes a consumer for whom half of a stream is pending, in one piece,
// and a group for which the rest is.
func TestHoldsOfGroups(t *testing.T) {
	h := openHolds(t)
	h.try(t, func() {
		h.stream("k")
		for _, group := range []string{"g", "g2"} {
			h.do("XGROUP", "CREATE", "k", group, "0")
			for i := 0; i < h.count; i += 2000 {
				h.do("XREADGROUP", "GROUP", group, fmt.Sprint("c", 2*i/h.count), "COUNT", "2000", "STREAMS", "k", ">")
			}
		}
		h.measure("XGROUP", "DELCONSUMER", "k", "g", "c0")
		h.measure("XGROUP", "DESTROY", "k", "g")
		h.measure("UNLINK", "k")
		h.empty()
	})
}

// empty fails if there are keys.
func (h *holds) empty() {
	h.t.Helper()
	n, err := h.l.Do(h.t.Context(), []byte("DBSIZE"))
	if err != nil {
		h.t.Fatal(err)
	}
	if n.Int != 0 {
		h.t.Fatalf("%d keys are left", n.Int)
	}
}
