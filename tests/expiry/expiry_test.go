package expiry

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redstart-db/redstart/internal/resp"
	"github.com/redstart-db/redstart/tests/peer"
)

const (
	maxLag    = 100 * time.Millisecond // for 99% of the removals
	batch     = 1000                   // commands sent together
	readers   = 4
	readBatch = 50
)

// TestLag spreads the deadlines of many keys over some time, reads all the
// while, and counts the keys that are still there too long after their
// deadlines. REDSTART_FULL=1 makes it a million keys over ten seconds.
func TestLag(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a server")
	}
	keys, spread := 50_000, 2*time.Second
	if os.Getenv("REDSTART_FULL") == "1" {
		keys, spread = 1_000_000, 10*time.Second
	}
	s := peer.StartRedstart(t, peer.Options{})
	c := s.Dial(t)
	first := load(t, c, keys, spread)

	var stop atomic.Bool
	var reads atomic.Int64
	var wg sync.WaitGroup
	for range readers {
		conn := s.Dial(t)
		wg.Go(func() { read(t, conn, keys, &stop, &reads) })
	}
	late, worst := watch(t, c, keys, first, spread)
	stop.Store(true)
	wg.Wait()

	info := string(c.Must(t, "INFO", "redstart").Str)
	count, p99 := field(t, info, "expire_lag_count"), field(t, info, "expire_lag_p99_ms")
	t.Logf("%d keys over %v: %d removed by the cycle, 99%% of them within %d ms, the last after %d ms; "+
		"at most %d keys seen later than %v; %d reads", keys, spread, count, p99,
		field(t, info, "expire_lag_max_ms"), worst, maxLag, reads.Load())
	if late > keys/100 {
		t.Errorf("%d of %d keys were there more than %v after their deadline", late, keys, maxLag)
	}
	if time.Duration(p99)*time.Millisecond > maxLag {
		t.Errorf("INFO tells of %d ms for 99%% of the removals", p99)
	}
	if expired := field(t, string(c.Must(t, "INFO", "stats").Str), "expired_keys"); expired != keys {
		t.Errorf("%d keys have expired, want %d", expired, keys)
	}
	if count == 0 || count > keys {
		t.Errorf("INFO counts %d removals of %d keys", count, keys)
	}
	if reads.Load() == 0 {
		t.Error("nothing was read meanwhile")
	}
}

// load stores the keys; it gives the first deadline, which is ahead still.
func load(t *testing.T, c *peer.Conn, keys int, spread time.Duration) time.Time {
	t.Helper()
	// Loading takes some time: the first deadline has to be behind it.
	first := time.Now().Add(time.Second + time.Duration(keys)*20*time.Microsecond)
	var buf []byte
	for i := 0; i < keys; {
		buf = buf[:0]
		n := 0
		for ; n < batch && i < keys; n, i = n+1, i+1 {
			at := first.Add(spread * time.Duration(i) / time.Duration(keys)).UnixMilli()
			buf = resp.AppendCommandString(buf, "SET", name(i), "some value of some length", "PXAT", strconv.FormatInt(at, 10))
		}
		if err := c.SendRaw(buf); err != nil {
			t.Fatal(err)
		}
		for range n {
			if r, err := c.Read(); err != nil || r.IsError() {
				t.Fatalf("SET: %v %v", r, err)
			}
		}
	}
	if left := time.Until(first); left <= 0 {
		t.Skipf("loading took %v too long", -left)
	}
	return first
}

func name(i int) string { return fmt.Sprintf("key:%09d", i) }

// read sends GETs of random keys, which find expired ones by themselves, and
// PINGs until it is told to stop.
func read(t *testing.T, c *peer.Conn, keys int, stop *atomic.Bool, reads *atomic.Int64) {
	rnd := rand.New(rand.NewPCG(rand.Uint64(), 1))
	var buf []byte
	for !stop.Load() {
		buf = buf[:0]
		for range readBatch {
			// Keys that do not exist, too: most removals are to be the cycle's.
			buf = resp.AppendCommandString(buf, "GET", name(rnd.IntN(keys*10)))
		}
		if err := c.SendRaw(buf); err != nil {
			t.Error(err)
			return
		}
		for range readBatch {
			if _, err := c.Read(); err != nil {
				t.Error(err)
				return
			}
		}
		reads.Add(readBatch)
	}
}

// watch counts the keys that are there longer than they may. late is an upper
// bound on how many there were in all: those of samples that are further apart
// than maxLag cannot be the same.
func watch(t *testing.T, c *peer.Conn, keys int, first time.Time, spread time.Duration) (late, worst int) {
	t.Helper()
	time.Sleep(time.Until(first))
	end := first.Add(spread + 4*maxLag)
	window := 0
	next := first
	for time.Now().Before(end) {
		before := time.Now()
		size := int(c.Must(t, "DBSIZE").Int)
		// Keys whose deadline was more than maxLag ago when DBSIZE ran at the
		// earliest.
		due := int(int64(keys) * int64(before.Add(-maxLag).Sub(first)) / int64(spread))
		over := max(size-(keys-min(max(due, 0), keys)), 0)
		worst = max(worst, over)
		window = max(window, over)
		if before.After(next) {
			late += window
			window, next = 0, before.Add(maxLag)
		}
		time.Sleep(5 * time.Millisecond)
	}
	if size := c.Must(t, "DBSIZE").Int; size != 0 {
		t.Errorf("%d keys are still there", size)
	}
	return late + window, worst
}

func field(t *testing.T, info, name string) int {
	t.Helper()
	_, rest, ok := strings.Cut(info, name+":")
	if !ok {
		t.Fatalf("INFO has no %s:\n%s", name, info)
	}
	text, _, _ := strings.Cut(rest, "\r\n")
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
