package stats

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func TestCountersAddEveryField(t *testing.T) {
	var a, b Counters
	va, vb := reflect.ValueOf(&a).Elem(), reflect.ValueOf(&b).Elem()
	for i := range va.NumField() {
		va.Field(i).SetUint(uint64(i + 1))
		vb.Field(i).SetUint(uint64(1000 * (i + 1)))
	}
	a.add(&b)
	for i := range va.NumField() {
		if got, want := va.Field(i).Uint(), uint64(1001*(i+1)); got != want {
			t.Errorf("%s = %d, want %d", va.Type().Field(i).Name, got, want)
		}
	}
}

func TestCommandInfo(t *testing.T) {
	w := NewWorker(3)
	for _, us := range []int64{13066, 50070, 1100075, 30072, 200271} {
		w.Command(1, us*1000)
	}
	w.Rejected(2)
	w.Failed(1)
	w.Failed(1)
	// The sum is one that a Redis 7.0.15 showed; its mean is 278710.8 exactly and shows single precision.
	for id, want := range []string{
		"",
		"cmdstat_debug:calls=5,usec=1393554,usec_per_call=278710.81,rejected_calls=0,failed_calls=2\r\n",
		"cmdstat_debug:calls=0,usec=0,usec_per_call=0.00,rejected_calls=1,failed_calls=0\r\n",
	} {
		s := w.CommandStats(id)
		if s.Used() != (want != "") {
			t.Errorf("command %d: Used = %v", id, s.Used())
		}
		if got := string(s.AppendInfo(nil, "debug")); s.Used() && got != want {
			t.Errorf("command %d: got %q, want %q", id, got, want)
		}
	}
	if w.Commands != 5 {
		t.Errorf("Commands = %d, want 5", w.Commands)
	}
	if w.CommandStats(1).Latencies != nil {
		t.Error("a histogram without TrackLatency")
	}
	w.Command(0, -7)
	if got := w.CommandStats(0).Nanos; got != 0 {
		t.Errorf("a negative duration counted as %d", got)
	}
}

// The replies and the lines are those of a Redis 7.0.15.
func TestErrorStats(t *testing.T) {
	w := NewWorker(0)
	for _, reply := range []string{
		"-ERR MYERR",
		"-A#b:c=1,x text",
		"-ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 text",
		"-ABCDEFGHIJKLMNOPQRSTUVWXYZ0123 text",
		"-ABCDEFGHIJKLMNOPQRSTUVWXYZ01234 text",
		"-ERR ",
		"- x",
	} {
		w.Error([]byte(reply))
	}
	want := "errorstat_:count=1\r\n" +
		"errorstat_A_b_c=1,x:count=1\r\n" +
		"errorstat_ABCDEFGHIJKLMNOPQRSTUVWXYZ0123:count=1\r\n" +
		"errorstat_ERR:count=4\r\n"
	if got := string(w.AppendErrorStats(nil)); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	w.Error([]byte("WRONGTYPE Operation against a key"))
	w.Error(nil)
	if w.ErrorCount("WRONGTYPE") != 1 || w.ErrorCount("ERR") != 5 || w.ErrorCount("NOPE") != 0 || w.Errors != 9 {
		t.Errorf("WRONGTYPE %d, ERR %d, all %d", w.ErrorCount("WRONGTYPE"), w.ErrorCount("ERR"), w.Errors)
	}
}

func TestErrorPrefixesAreBounded(t *testing.T) {
	sum := NewWorker(0)
	for i := range 3 {
		w := NewWorker(0)
		for j := range 1000 {
			w.Error(fmt.Appendf(nil, "-W%dP%d x", i, j))
		}
		if n := strings.Count(string(w.AppendErrorStats(nil)), "\n"); n != maxErrorPrefixes+1 {
			t.Fatalf("%d lines", n)
		}
		if n := w.ErrorCount(errorOverflow); n != 1000-maxErrorPrefixes {
			t.Fatalf("overflow %d", n)
		}
		sum.Merge(w, false)
	}
	if n := strings.Count(string(sum.AppendErrorStats(nil)), "\n"); n != maxErrorPrefixes+1 {
		t.Errorf("%d lines in the sum", n)
	}
	if n := sum.ErrorCount(errorOverflow); n < 3*(1000-maxErrorPrefixes) || n > 3000 {
		t.Errorf("overflow %d in the sum", n)
	}
	var total uint64
	for _, n := range sum.errors {
		total += *n
	}
	if total != 3000 || sum.Errors != 3000 {
		t.Errorf("the prefixes sum to %d, all errors to %d, want 3000", total, sum.Errors)
	}
}

func TestMergeAndReset(t *testing.T) {
	a, b := NewWorker(2), NewWorker(2)
	a.TrackLatency, b.TrackLatency = true, true
	a.Command(0, 5000)
	b.Command(0, 7000)
	b.Command(1, 9000)
	b.Rejected(1)
	b.Failed(0)
	b.Hits = 3
	b.Error([]byte("-NOAUTH Authentication required."))
	sum := NewWorker(2)
	for _, w := range []*Worker{a, b} {
		sum.Merge(w, true)
	}
	s := sum.CommandStats(0)
	if s.Calls != 2 || s.Nanos != 12000 || s.Failed != 1 || s.Latencies.Count() != 2 || s.Latencies.Percentile(100) != 7007 {
		t.Errorf("command 0: %+v", s)
	}
	if s := sum.CommandStats(1); s.Calls != 1 || s.Rejected != 1 || s.Latencies.Count() != 1 {
		t.Errorf("command 1: %+v", s)
	}
	if sum.Commands != 3 || sum.Hits != 3 || sum.Errors != 1 || sum.ErrorCount("NOAUTH") != 1 {
		t.Errorf("sum: %+v", sum.Counters)
	}
	// The sum has its own memory: counting on must not reach into it, nor back.
	b.Command(1, 9000)
	sum.Command(1, 1)
	if a, b := sum.CommandStats(1), b.CommandStats(1); a.Latencies.Count() != 1 || b.Latencies.Count() != 2 {
		t.Errorf("histograms are shared: %d, %d", a.Latencies.Count(), b.Latencies.Count())
	}

	plain := NewWorker(2)
	plain.Merge(b, false)
	if s := plain.CommandStats(0); s.Latencies != nil || s.Calls != 1 {
		t.Errorf("merged without histograms: %+v", s)
	}

	b.Reset()
	if b.Counters != (Counters{}) || b.CommandStats(0).Used() || b.CommandStats(0).Latencies != nil || b.ErrorCount("NOAUTH") != 0 {
		t.Errorf("after Reset: %+v", b)
	}
	if !b.TrackLatency {
		t.Error("Reset turned latency tracking off")
	}
}

func TestHotPathDoesNotAllocate(t *testing.T) {
	w := NewWorker(4)
	w.TrackLatency = true
	reply := []byte("-WRONGTYPE Operation against a key holding the wrong kind of value")
	w.Command(2, 500)
	w.Error(reply)
	if n := testing.AllocsPerRun(100, func() { w.Command(2, 500); w.Error(reply) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func benchmarkCommand(b *testing.B, track bool) {
	w := NewWorker(256)
	w.TrackLatency = track
	ns, id := int64(700), 0
	for b.Loop() {
		w.Command(id&255, ns)
		ns, id = (ns*5+301)&0xffff, id+3
	}
}

func BenchmarkCommand(b *testing.B)        { benchmarkCommand(b, false) }
func BenchmarkCommandTracked(b *testing.B) { benchmarkCommand(b, true) }
func BenchmarkOneCommandTracked(b *testing.B) {
	w := NewWorker(256)
	w.TrackLatency = true
	ns := int64(700)
	for b.Loop() {
		w.Command(7, ns)
		ns = 600 + (ns*5+301)&0xff
	}
}

func BenchmarkError(b *testing.B) {
	w := NewWorker(1)
	reply := []byte("-WRONGTYPE Operation against a key holding the wrong kind of value")
	for b.Loop() {
		w.Error(reply)
	}
}
