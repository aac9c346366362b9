package snapshot_test

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/redstart-db/redstart/internal/config"
	"github.com/redstart-db/redstart/internal/invariants"
	"github.com/redstart-db/redstart/internal/rdb"
	"github.com/redstart-db/redstart/internal/serial"
	"github.com/redstart-db/redstart/internal/snapshot"
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

// many is an RDB body with n keys, and collections of n elements each.
func many(n int) []byte {
	b := rdb.AppendSelectDB(nil, 0)
	str := func(format string, args ...any) { b = rdb.AppendString(b, fmt.Appendf(nil, format, args...), false) }
	for i := range n {
		b = append(b, byte(rdb.TypeString))
		str("key:%012d", i)
		str("a value of about sixty bytes, as they often are, of key %d", i)
	}
	collection := func(typ rdb.Type, name string, element func(i int)) {
		b = append(b, byte(typ))
		str("%s", name)
		b = rdb.AppendLen(b, uint64(n))
		for i := range n {
			element(i)
		}
	}
	collection(rdb.TypeSet, "numbers", func(i int) { str("%d", i*7) })
	collection(rdb.TypeSet, "set", func(i int) { str("member:%08d", i) })
	collection(rdb.TypeList, "list", func(i int) { str("item:%08d", i) })
	collection(rdb.TypeHash, "hash", func(i int) {
		str("field:%08d", i)
		str("%d", i)
	})
	collection(rdb.TypeZset, "zset", func(i int) {
		str("player:%08d", i)
		b = append(b, fmt.Sprintf("%c%d", len(strconv.Itoa(i*7)), i*7)...)
	})
	return b
}

// TestHolds measures how long a snapshot holds a shard at most, and all of them when it
// begins. REDSTART_SCALE is the number of keys, and of elements of each collection.
func TestHolds(t *testing.T) {
	n := 100_000
	if s := os.Getenv("REDSTART_SCALE"); s != "" {
		n, _ = strconv.Atoi(s)
	}
	limit := time.Millisecond
	if raceBuild || invariants.Enabled {
		limit = 2 * time.Second // everything is checked at the begin
	}
	st, err := store.New(store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	lim := serial.LimitsOf(config.Default(), 0)
	if err := load(st, many(n), &lim); err != nil {
		t.Fatal(err)
	}
	// What is the snapshot's comes back; what is the machine's does not.
	begin, usual, end := holdsOf(t, st)
	for try := 1; try < 3 && max(begin, usual, end) > limit; try++ {
		b, u, e := holdsOf(t, st)
		begin, usual, end = min(begin, b), min(usual, u), min(end, e)
	}
	if max(begin, usual, end) > limit {
		t.Fatalf("a snapshot holds all shards for %v, one for %v, and all for %v in the end", begin, usual, end)
	}
}

// holdsOf takes a snapshot, and tells how long it holds all shards at its begin, one in 99
// of 100 steps, and all at its end.
func holdsOf(t *testing.T, st *store.Store) (begin, usual, end time.Duration) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var steps []time.Duration
	timed := func(f func()) {
		before := threadTime(t)
		f()
		steps = append(steps, threadTime(t)-before)
	}
	var s *snapshot.Snapshot
	var err error
	timed(func() {
		s, err = snapshot.BeginSized(st, snapshot.Options{Compress: true}, 16<<10, 1, 16<<10, 1<<20, 128<<10)
	})
	if err != nil {
		t.Fatal(err)
	}
	var buf []byte
	for done := false; !done; {
		timed(func() { buf, done = s.Next(buf[:0]) }) // the least there is: one hold of a lock
	}
	timed(s.Close)
	begin, end = steps[0], steps[len(steps)-1]
	steps = steps[1 : len(steps)-1]
	slices.Sort(steps)
	// Now and then the system has the thread do something else.
	usual = steps[len(steps)*99/100]
	most := steps[len(steps)-1]
	t.Logf("begin %v, %d holds, 99%% within %v, all within %v, end %v", begin, len(steps), usual, most, end)
	return begin, usual, end
}
