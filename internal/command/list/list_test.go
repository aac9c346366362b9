package list_test

import (
	"fmt"
	"testing"

	"github.com/redstart-db/redstart/internal/command/commandtest"
	"github.com/redstart-db/redstart/internal/command/keys"
	"github.com/redstart-db/redstart/internal/command/list"
	families "github.com/redstart-db/redstart/internal/command/strings"
	"github.com/redstart-db/redstart/internal/exec"
	"github.com/redstart-db/redstart/internal/session"
	"github.com/redstart-db/redstart/internal/store"
)

func newServer(tb testing.TB) *commandtest.Server {
	return commandtest.New(tb, list.Specs(), keys.Specs(), families.Specs())
}

// TestSpecs compares the table with what COMMAND INFO documents.
func TestSpecs(t *testing.T) { commandtest.CheckSpecs(t, list.Specs(), "list") }

// step is a command with what it propagates and publishes.
type step struct{ line, effects, events string }

func check(t *testing.T, s *commandtest.Server, steps []step) {
	t.Helper()
	for _, c := range steps {
		s.Do(c.line)
		effects, events := s.Recorded()
		if effects != c.effects {
			t.Errorf("%s: effects %q, want %q", c.line, effects, c.effects)
		}
		if events != c.events {
			t.Errorf("%s: events %q, want %q", c.line, events, c.events)
		}
	}
}

// TestEffects compares what commands propagate and publish with what redis-server
// 7.0.15 writes to its append only file and sends to subscribers.
func TestEffects(t *testing.T) {
	s := newServer(t)
	s.Record()
	check(t, s, []step{
		{"RPUSH l a b c", "RPUSH l a b c", "new l; rpush l"},
		{"LPUSHX l z", "LPUSHX l z", "lpush l"},
		{"LPUSHX nn z", "", ""},
		{"LPOP l", "LPOP l", "lpop l"},
		{"LPOP l 2", "LPOP l 2", "lpop l"},
		{"LPOP l 0", "", ""},
		{"LPOP l 5", "LPOP l 5", "lpop l; del l"},
		{"RPUSH l a b c a", "RPUSH l a b c a", "new l; rpush l"},
		{"LTRIM l 0 -1", "", "ltrim l"},
		{"LTRIM l 1 -1", "LTRIM l 1 -1", "ltrim l"},
		{"LTRIM l 5 4", "LTRIM l 5 4", "ltrim l; del l"},
		{"RPUSH l a b c a", "RPUSH l a b c a", "new l; rpush l"},
		{"LREM l 0 a", "LREM l 0 a", "lrem l"},
		{"LREM l 0 zz", "", ""},
		{"LSET l 0 q", "LSET l 0 q", "lset l"},
		{"LINSERT l BEFORE q w", "LINSERT l BEFORE q w", "linsert l"},
		{"LINSERT l BEFORE nopiv w", "", ""},
		{"LMOVE l m LEFT RIGHT", "LMOVE l m LEFT RIGHT", "new m; rpush m; lpop l"},
		{"LMOVE l l LEFT RIGHT", "LMOVE l l LEFT RIGHT", "rpush l; lpop l"},
		{"RPOPLPUSH l m", "RPOPLPUSH l m", "lpush m; rpop l"},
		{"RPOPLPUSH l m", "RPOPLPUSH l m", "lpush m; rpop l; del l"},
		{"LRANGE nokey 0 -1", "", "keymiss nokey"},
		{"LPOS nokey a", "", "keymiss nokey"},
		{"LMPOP 2 nokey m LEFT COUNT 1", "LPOP m 1", "lpop m"},
		{"LMPOP 2 nokey m RIGHT COUNT 100", "RPOP m 2", "rpop m; del m"},
		{"RPUSH l a b c d e f g h", "RPUSH l a b c d e f g h", "new l; rpush l"},
		{"BLPOP l 0", "LPOP l", "lpop l"},
		{"BRPOP nokey l 0", "RPOP l", "rpop l"},
		{"BLMOVE l m left RIGHT 0", "LMOVE l m left RIGHT", "new m; rpush m; lpop l"},
		{"BRPOPLPUSH l m 0", "RPOPLPUSH l m", "lpush m; rpop l"},
		{"BLMPOP 0 1 l LEFT", "LPOP l 1", "lpop l"},
		{"BLMPOP 0 1 l RIGHT COUNT 100", "RPOP l 3", "rpop l; del l"},
		{"BLPOP nokey 0", "", ""},
		{"SET s x", "SET s x", "new s; set s"},
		{"LMOVE m s LEFT LEFT", "", ""},
		{"RPUSH x a a", "RPUSH x a a", "new x; rpush x"},
		{"LREM x -1 a", "LREM x -1 a", "lrem x"},
		{"LREM x 0 a", "LREM x 0 a", "lrem x; del x"},
	})
}

// conn is a connection that nobody reads.
type conn struct{ session.Conn }

func (conn) SetInputLimit(int)  {}
func (conn) Resume()            {}
func (conn) RemoteAddr() string { return "" }
func (conn) InputCap() int      { return 0 }
func (conn) Pending() int       { return 0 }
func (conn) Waiting() int       { return 0 }

// waiter is a client that waits.
func waiter(t *testing.T, s *commandtest.Server, words ...string) *exec.Client {
	args := make([][]byte, len(words))
	for i, w := range words {
		args[i] = []byte(w)
	}
	cl := s.NewClient(conn{}, 0)
	if out := cl.Do(nil, args...); len(out) > 0 {
		t.Fatalf("%s does not wait: %q", words, out)
	}
	return cl
}

// TestServedEffects is TestEffects for what those cause who wait.
func TestServedEffects(t *testing.T) {
	for _, c := range []struct {
		waits []string
		step
		left    string
		changes uint64 // the waiter's own
	}{
		{[]string{"BLPOP", "l", "0"}, step{"RPUSH l a", "RPUSH l a; LPOP l", "new l; rpush l; lpop l; del l"}, "*0", 0},
		{[]string{"BRPOP", "x", "l", "0"}, step{"RPUSH l a b", "RPUSH l a b; RPOP l", "new l; rpush l; rpop l"}, "*1 $1 a", 0},
		{[]string{"BLMOVE", "l", "m", "LEFT", "right", "0"},
			step{"RPUSH l a b", "RPUSH l a b; LMOVE l m left right", "new l; rpush l; new m; rpush m; lpop l"}, "*1 $1 b", 0},
		{[]string{"BLMOVE", "l", "l", "LEFT", "RIGHT", "0"},
			step{"RPUSH l a b", "RPUSH l a b; LMOVE l l left right", "new l; rpush l; rpush l; lpop l"}, "*2 $1 b $1 a", 0},
		{[]string{"BRPOPLPUSH", "l", "m", "0"},
			step{"RPUSH l a b", "RPUSH l a b; RPOPLPUSH l m", "new l; rpush l; new m; lpush m; rpop l"}, "*1 $1 a", 0},
		{[]string{"BLMPOP", "0", "1", "l", "LEFT", "COUNT", "2"},
			step{"RPUSH l a b c", "RPUSH l a b c; LPOP l 2", "new l; rpush l; lpop l"}, "*1 $1 c", 2},
		{[]string{"BLMOVE", "l", "s", "LEFT", "LEFT", "0"}, step{"RPUSH l a", "RPUSH l a", "new l; rpush l"}, "*1 $1 a", 0},
	} {
		t.Run(c.waits[0], func(t *testing.T) {
			s := newServer(t)
			s.Do("SET s string")
			s.Record()
			cl := waiter(t, s, c.waits...)
			w := s.World.Workers()[0]
			before := w.Changes
			check(t, s, []step{c.step})
			if got := w.Changes - before - uint64(len(c.line)-len("RPUSH l"))/2; got != c.changes {
				t.Errorf("the waiter counts %d changes, want %d", got, c.changes)
			}
			if got := lines(s.Do("LRANGE l 0 -1")); got != c.left {
				t.Errorf("left: %s, want %s", got, c.left)
			}
			cl.Closed(nil)
		})
	}
}

// TestForms checks when a list is one listpack: while it fits a node, and again
// when it is at most half of one.
func TestForms(t *testing.T) {
	s := newServer(t)
	packed := func() bool {
		k := s.Store.Key([]byte("l"))
		sh := s.Store.ShardOf(k.H)
		sh.Lock()
		defer sh.Unlock()
		return sh.DB(0).Find(k).Packed()
	}
	for _, c := range []struct {
		do     string
		times  int
		packed bool
	}{
		{"RPUSH l 0123456789", 600, true},
		{"RPUSH l 0123456789", 200, false},
		{"LPOP l", 400, false},
		{"RPUSH l 0123456789", 600, false},
		{"LTRIM l 0 399", 1, false},
		{"LTRIM l 0 320", 1, true},
		{"LPUSH l 0123456789", 300, true},
		{"RPUSH l 0123456789", 100, false},
		{"LREM l 600 0123456789", 1, true},
		{"RPOP l 1000", 1, false},
	} {
		for range c.times {
			s.Do(c.do)
		}
		if n := s.Do("LLEN l"); n != ":0\r\n" && packed() != c.packed {
			t.Errorf("after %s: packed is %v with %s elements", c.do, !c.packed, n)
		}
	}
	// The deadline stays with the form changing both ways.
	s.Do("RPUSH l a")
	s.Do("PEXPIREAT l 4102444800000")
	for range 1000 {
		s.Do("RPUSH l 0123456789")
	}
	s.Do("LTRIM l 0 10")
	if got := s.Do("PEXPIRETIME l"); got != ":4102444800000\r\n" || !packed() {
		t.Errorf("deadline %s, packed %v", got, packed())
	}
}

// TestHostileNumbers runs what has an index or a count with the most extreme ones.
func TestHostileNumbers(t *testing.T) {
	numbers := []string{"9223372036854775807", "-9223372036854775808", "-9223372036854775807", "4294967296", "-2147483649", "0", "-1"}
	for _, n := range []int{3, 2000} {
		s := newServer(t)
		for i := range n {
			s.Do(fmt.Sprintf("RPUSH l element:%d", i))
		}
		for _, a := range numbers {
			for _, line := range []string{"LINDEX l " + a, "LPOP none " + a, "LPOS l element:1 RANK " + a, "LPOS l element:1 COUNT " + a,
				"LPOS l element:1 MAXLEN " + a, "LSET l " + a + " x", "LREM l " + a + " none", "LMPOP " + a + " none LEFT",
				"LMPOP 1 none LEFT COUNT " + a, "BLMPOP 0 " + a + " none LEFT"} {
				s.Do(line)
			}
			for _, b := range numbers {
				s.Do("LRANGE l " + a + " " + b)
				s.Do("COPY l m REPLACE")
				s.Do("LTRIM m " + a + " " + b)
				s.Do("RPOP m " + a)
			}
		}
		if got, want := s.Do("LLEN l"), fmt.Sprintf(":%d\r\n", n); got != want {
			t.Errorf("length %s, want %s", got, want)
		}
	}
}

// TestNoAllocation checks that ordinary commands leave the Go heap alone.
func TestNoAllocation(t *testing.T) {
	s := newServer(t)
	for i := range 5000 {
		s.Do(fmt.Sprintf("RPUSH big element:%d", i))
	}
	s.Do("RPUSH small a b c d e f g h")
	out := make([]byte, 0, 1<<20)
	for _, line := range []string{
		"LPUSH big x", "RPUSH big 123", "RPUSH big a b c", "LPOP big", "RPOP big", "LPOP big 3", "LRANGE big 0 100", "LRANGE big -100 -1",
		"LINDEX big 2000", "LSET big 2000 x", "LMOVE big big LEFT RIGHT", "RPOPLPUSH big big", "LLEN big", "LPOS big x RANK 3",
		"LPUSH small x", "LPOP small", "RPUSH small 12", "RPOP small", "LRANGE small 0 -1", "LINDEX small 2", "LSET small 2 y",
		"LINSERT small BEFORE y z", "LREM small 1 z", "LMOVE small small LEFT RIGHT", "LMOVE big small LEFT RIGHT",
		"LMOVE small big LEFT RIGHT", "LTRIM small 0 100", "LPOS small y", "LPOS small y COUNT 0", "LMPOP 1 big LEFT", "BLPOP none big 0",
	} {
		var args [][]byte
		for _, w := range fields(line) {
			args = append(args, []byte(w))
		}
		if n := testing.AllocsPerRun(100, func() { s.Client.Do(out, args...) }); n != 0 {
			t.Errorf("%s: %v allocations", line, n)
		}
	}
}

// TestExhausted fills small arenas and has each command fail for lack of memory:
// then it must have changed nothing, which replaying the effects of all commands on
// another server shows.
func TestExhausted(t *testing.T) {
	for _, fill := range []int{-2, 5} {
		s := commandtest.NewStore(t, store.Options{Shards: 4, Reserve: 1 << 20}, list.Specs(), keys.Specs(), families.Specs())
		s.Config.ListMaxListpackSize = fill
		s.Record()
		other := newServer(t)
		r := newRandom(t)
		refused := 0
		for i := range 60000 {
			line := r.command(i)
			if got := s.Do(line); got == "-OOM the memory of this shard is exhausted\r\n" {
				refused++
			}
			effects, _ := s.Recorded()
			for _, e := range split(effects) {
				other.Do(e)
			}
		}
		if refused < 100 {
			t.Errorf("only %d commands lacked memory", refused)
		}
		for _, key := range r.keys {
			if got, want := s.Do("LRANGE "+key+" 0 -1"), other.Do("LRANGE "+key+" 0 -1"); got != want {
				t.Errorf("%s differs from what its effects make: %d bytes, want %d", key, len(got), len(want))
			}
		}
	}
}
