package exec_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redstart-db/redstart/internal/exec"
	"github.com/redstart-db/redstart/internal/resp"
	"github.com/redstart-db/redstart/tests/peer"
)

// request gives words as a request.
func request(words string) []byte { return resp.AppendCommand(nil, bytes.Fields([]byte(words))...) }

// pipeline has a client process requests all at once.
func pipeline(t *testing.T, cl *exec.Client, all ...string) string {
	t.Helper()
	var in []byte
	for _, words := range all {
		in = append(in, request(words)...)
	}
	n, out, _ := cl.Process(in, nil)
	if n != len(in) {
		t.Fatalf("%d of %d bytes were processed", n, len(in))
	}
	return string(out)
}

// tally is what the statistics say of calls.
func tally(x *exec.Exec) string {
	var b strings.Builder
	w := x.World.Workers()[0]
	w.Locked(func() {
		for _, spec := range x.Table.Specs() {
			if s := w.Stats.CommandStats(spec.ID); s.Used() {
				fmt.Fprintln(&b, spec.Name, s.Calls, s.Rejected, s.Failed, s.Latencies.Count())
			}
		}
		fmt.Fprintln(&b, w.Stats.Commands, w.Stats.Hits, w.Stats.Misses, w.Stats.Errors, w.Changes)
	})
	return b.String()
}

// TestSeriesIsAsSingles compares pipelines, which have series in them, with the same
// commands one by one.
func TestSeriesIsAsSingles(t *testing.T) {
	seed := peer.Seed(t)
	if s := os.Getenv("REDSTART_SEED"); s != "" {
		seed, _ = strconv.ParseUint(s, 10, 64)
	}
	t.Logf("REDSTART_SEED=%d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	many, one := newExec(t, 1), newExec(t, 1)
	for _, x := range []*exec.Exec{many, one} {
		x.World.Workers()[0].Stats.TrackLatency = true
	}
	a, b := many.NewClient(nil, 0), one.NewClient(nil, 0)
	commands := []string{"INCR k%d", "GET k%d", "SET k%d 5", "SET k%d abc", "SET k%d 7 PX 100000 NX", "LPUSH k%d x", "LPUSH k%d x y z", "RPOP k%d",
		"RPOP k%d 2", "SADD k%d x", "SADD k%d", "GETDEL k%d", "STRLEN k%d", "MULTI", "EXEC", "GETDEL k%d", "APPEND k%d y", "LRANGE k%d 0 -1"}
	for round := range 2000 {
		var all []string
		for len(all) < 40 {
			c := commands[rnd.IntN(len(commands))]
			for range 1 + rnd.IntN(9) {
				words := c
				if strings.Contains(c, "%d") {
					words = fmt.Sprintf(c, rnd.IntN(6))
				}
				all = append(all, words)
			}
		}
		got := pipeline(t, a, all...)
		want := ""
		for _, words := range all {
			want += pipeline(t, b, words)
		}
		if got != want {
			t.Fatalf("round %d: %q gave\n%q, one by one\n%q", round, all, got, want)
		}
	}
	if got, want := tally(many), tally(one); got != want {
		t.Errorf("counted\n%s, one by one\n%s", got, want)
	}
}

// TestSeriesTimesWhoWaited has the slow log name the command that waited for a shard,
// not those before and after it.
func TestSeriesTimesWhoWaited(t *testing.T) {
	x := newExec(t, 1)
	cl := x.NewClient(nil, 0)
	held := x.Store.ShardOf(x.Store.Key([]byte("held")).H)
	free := "free"
	for i := 0; x.Store.ShardOf(x.Store.Key([]byte(free)).H) == held; i++ {
		free = fmt.Sprint("free", i)
	}
	x.Config.SlowlogLogSlowerThan = 100_000 // how long a slow machine may take for others
	pipeline(t, cl, "INCR held", "INCR "+free)
	held.Lock()
	done := make(chan bool)
	go func() {
		defer close(done)
		pipeline(t, cl, "INCR "+free, "INCR "+free, "INCR held", "INCR "+free, "INCR "+free)
	}()
	time.Sleep(300 * time.Millisecond)
	held.Unlock()
	<-done
	entries := x.Slow.Get(10)
	if len(entries) != 1 || len(entries[0].Args) != 2 || string(entries[0].Args[1]) != "held" {
		t.Errorf("the slow log has %+v", entries)
	}
}

// TestEachIsLoggedIfAsked has every command in the slow log when its threshold is 0.
func TestEachIsLoggedIfAsked(t *testing.T) {
	x := newExec(t, 1)
	x.Config.SlowlogLogSlowerThan = 0
	pipeline(t, x.NewClient(nil, 0), "INCR a", "INCR a", "INCR a")
	if n := x.Slow.Len(); n != 3 {
		t.Errorf("%d of 3 commands are in the slow log", n)
	}
}

// TestSeriesWhileAlertsComeAndGo runs series while the disk fails every now and then,
// also from when one was found until it begins.
func TestSeriesWhileAlertsComeAndGo(t *testing.T) {
	x := newExec(t, 1)
	cl := x.NewClient(nil, 0)
	stop, done := make(chan bool), make(chan bool)
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
				x.Alert(exec.AlertDisk, true)
				x.Alert(exec.AlertDisk, false)
			}
		}
	}()
	const rounds = 20_000
	for range rounds {
		if out := pipeline(t, cl, "GET a", "GET a", "STRLEN a"); out != "$-1\r\n$-1\r\n:0\r\n" {
			t.Fatalf("replied %q", out)
		}
	}
	close(stop)
	<-done
	if calls := x.World.Workers()[0].Stats.Commands; calls != 3*rounds {
		t.Errorf("%d calls were counted, not %d", calls, 3*rounds)
	}
}

// TestSeriesOfElements looks members of a large set up, which are fetched ahead.
func TestSeriesOfElements(t *testing.T) {
	x := newExec(t, 1)
	cl := x.NewClient(nil, 0)
	const have = 40_000
	for i := 0; i < have; i += 10 {
		var all []string
		for j := range 10 {
			all = append(all, fmt.Sprint("SADD s m", i+j))
		}
		pipeline(t, cl, all...)
	}
	var all []string
	want := ""
	for i := range 50 {
		m := i * have / 40 // from the middle on there are none
		all = append(all, fmt.Sprint("SISMEMBER s m", m))
		if m < have {
			want += ":1\r\n"
		} else {
			want += ":0\r\n"
		}
		if i%20 == 9 { // another key in between
			all = append(all, "SISMEMBER t m0")
			want += ":0\r\n"
		}
	}
	if got := pipeline(t, cl, all...); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, r := range x.World.Workers()[0].Elements()[:16] {
		if r != nil {
			t.Errorf("the worker keeps %q", r)
		}
	}
}
