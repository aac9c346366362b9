package hyperloglog_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/redstart-db/redstart/internal/command/commandtest"
	"github.com/redstart-db/redstart/internal/command/hyperloglog"
	families "github.com/redstart-db/redstart/internal/command/strings"
	"github.com/redstart-db/redstart/internal/ds/hll"
	"github.com/redstart-db/redstart/tests/peer"
)

func newServer(tb testing.TB) *commandtest.Server {
	return commandtest.New(tb, families.Specs(), hyperloglog.Specs())
}

// TestSpecs compares the table with what COMMAND INFO documents.
func TestSpecs(t *testing.T) { commandtest.CheckSpecs(t, hyperloglog.Specs(), "hyperloglog") }

// TestEffects compares what commands propagate, publish and count as changes with
// what redis-server 7.0.15 does for the same list.
func TestEffects(t *testing.T) {
	s := newServer(t)
	s.Record()
	w := s.World.Workers()[0]
	for _, c := range []struct {
		line, effects, events string
		changes               uint64
	}{
		{"PFADD h", "PFADD h", "new h; pfadd h", 1},
		{"PFADD h", "", "", 0},
		{"PFCOUNT h", "PFCOUNT h", "", 1},
		{"PFCOUNT h", "", "", 0},
		{"PFADD h a b c", "PFADD h a b c", "pfadd h", 3},
		{"PFADD h a b c", "", "", 0},
		{"PFADD i a d", "PFADD i a d", "new i; pfadd i", 3},
		{"PFCOUNT h i nokey", "", "keymiss nokey", 0},
		{"PFCOUNT nokey", "", "keymiss nokey", 0},
		{"PFMERGE m h i", "PFMERGE m h i", "keymiss m; new m; pfadd m", 1},
		{"PFMERGE m", "PFMERGE m", "pfadd m", 1},
		{"PFDEBUG TODENSE h", "PFDEBUG TODENSE h", "", 1},
		{"PFDEBUG TODENSE h", "", "", 0},
		{"PFDEBUG GETREG i", "PFDEBUG GETREG i", "", 1},
		{"PFDEBUG ENCODING i", "", "", 0},
		{"PFADD h a", "", "", 0},
		{"PFADD h x y", "PFADD h x y", "pfadd h", 2},
	} {
		before := w.Changes
		s.Do(c.line)
		effects, events := s.Recorded()
		if effects != c.effects {
			t.Errorf("%s: effects %q, want %q", c.line, effects, c.effects)
		}
		if events != c.events {
			t.Errorf("%s: events %q, want %q", c.line, events, c.events)
		}
		if got := w.Changes - before; got != c.changes {
			t.Errorf("%s: %d changes, want %d", c.line, got, c.changes)
		}
	}
}

// TestUnion merges random sets, sparse and dense, and compares with one that has
// seen all elements.
func TestUnion(t *testing.T) {
	s := newServer(t)
	seed := peer.Seed(t)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 50 {
		s.Do("GETDEL all")
		s.Do("PFADD all")
		sizes := []int{0, 1, 30, 500, 4000}
		for _, key := range []string{"a", "b", "c"} {
			s.Do("GETDEL " + key)
			line := "PFADD " + key
			for range sizes[r.IntN(len(sizes))] {
				line += fmt.Sprint(" ", r.IntN(10000))
			}
			s.Do(line)
			s.Do(strings.Replace(line, " "+key, " all", 1))
		}
		want := s.Do("PFCOUNT all")
		if got := s.Do("PFCOUNT a b nokey c"); got != want {
			t.Fatalf("union: %q, want %q", got, want)
		}
		s.Do("PFMERGE a b c")
		if got := s.Do("PFCOUNT a"); got != want {
			t.Fatalf("merged: %q, want %q", got, want)
		}
		// Of an estimate that is noted already.
		if got := s.Do("PFCOUNT a"); got != want {
			t.Fatalf("again: %q, want %q", got, want)
		}
	}
}

// TestDamaged puts errors into the runs of sparse values.
func TestDamaged(t *testing.T) {
	s := newServer(t)
	header := hll.Empty[:hll.HeaderSize]
	head := func(v string) string { return fmt.Sprintf("SET h %q", v) }
	corrupt := "-INVALIDOBJ Corrupted HLL object detected\r\n"
	foreign := "-WRONGTYPE Key is not a valid HyperLogLog string value.\r\n"
	half := header + "\x7f"
	for _, c := range []struct{ value, want string }{
		{"", foreign}, {"HYLL", foreign}, {header[:15], foreign}, {"123", foreign},
		{strings.Replace(header, "\x01", "\x00", 1), foreign},
		{strings.Replace(header, "\x01", "\x02", 1), foreign},
		{header, corrupt}, {half, corrupt}, {header + "\x3f\x3f", corrupt},
		{header + strings.Repeat("\x7f\xff", 1<<17), corrupt},
	} {
		v := []byte(c.value)
		if len(v) > hll.HeaderSize-1 {
			hll.Invalidate(v)
		}
		s.Do(head(string(v)))
		for _, line := range []string{
			"PFCOUNT h", "PFCOUNT h nokey", "PFMERGE m h", "PFMERGE h", "PFDEBUG GETREG h", "PFDEBUG TODENSE h",
		} {
			if got := s.Do(line); got != c.want {
				t.Errorf("%s of %.30q: %q", line, c.value, got)
			}
		}
		if c.value == half {
			// As in Redis, the registers of half a run can be raised. It is whole then.
			if got := s.Do("PFADD h a b c d e"); got != ":1\r\n" {
				t.Errorf("PFADD to %.30q: %q", c.value, got)
			}
			continue
		}
		if got := s.Do("PFADD h a b c d e"); got != c.want {
			t.Errorf("PFADD to %.30q: %q", c.value, got)
		}
		if got := s.Do("GET h"); len(v) < 1000 && got != fmt.Sprintf("$%d\r\n%s\r\n", len(v), v) {
			t.Errorf("%.30q has become %q", c.value, got)
		}
		s.Do("PFDEBUG DECODE h")
	}
}

func TestNoAllocation(t *testing.T) {
	s := newServer(t)
	out := make([]byte, 0, 4096)
	s.Do("PFADD sparse a b c")
	s.Do("PFADD dense a b c")
	s.Do("PFDEBUG TODENSE dense")
	for _, line := range []string{
		"PFADD sparse a", "PFADD dense a", "PFCOUNT sparse", "PFCOUNT dense sparse", "PFMERGE sparse", "PFMERGE dense sparse",
	} {
		var args [][]byte
		for _, w := range strings.Fields(line) {
			args = append(args, []byte(w))
		}
		s.Client.Do(out, args...)
		if n := testing.AllocsPerRun(100, func() { s.Client.Do(out, args...) }); n != 0 {
			t.Errorf("%s: %v allocations", line, n)
		}
	}
}

// BenchmarkAdd adds elements that were seen before.
func BenchmarkAdd(b *testing.B) {
	for _, n := range []int{10, 1000, 100000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			commandtest.BenchmarkPipeline(b, newServer(b), "PFADD h #", n)
		})
	}
}
