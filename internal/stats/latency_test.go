package stats

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"sync"
	"testing"
)

func TestLatencyMonitor(t *testing.T) {
	var m LatencyMonitor
	if m.Latest() != nil || m.History("command") != nil || m.Reset() != 0 || m.Reset("command") != 0 {
		t.Error("a new monitor is not empty")
	}
	m.Add("fork", 100, 7)
	m.Add("command", 100, 50)
	m.Add("command", 101, 20)
	m.Add("command", 101, 30)
	m.Add("command", 101, 10)
	want := []LatencyEvent{{"command", LatencySample{101, 30}, 50}, {"fork", LatencySample{100, 7}, 7}}
	if got := m.Latest(); !reflect.DeepEqual(got, want) {
		t.Errorf("Latest = %v, want %v", got, want)
	}
	if got := m.History("command"); !reflect.DeepEqual(got, []LatencySample{{100, 50}, {101, 30}}) {
		t.Errorf("History = %v", got)
	}
	if n := m.Reset("command", "command", "nosuch"); n != 1 {
		t.Errorf("Reset = %d, want 1", n)
	}
	if m.History("command") != nil || len(m.History("fork")) != 1 {
		t.Error("Reset took the wrong event")
	}
	m.Add("command", 102, 1)
	if n := m.Reset(); n != 2 || m.Latest() != nil {
		t.Errorf("Reset of all = %d, then %v", n, m.Latest())
	}
}

func TestLatencyRingWraps(t *testing.T) {
	var m LatencyMonitor
	for i := range int64(latencySamples + 40) {
		m.Add("command", 1000+i, 900-i)
	}
	h := m.History("command")
	if len(h) != latencySamples || h[0] != (LatencySample{1040, 860}) || h[latencySamples-1] != (LatencySample{1199, 701}) {
		t.Errorf("%d samples from %v to %v", len(h), h[0], h[len(h)-1])
	}
	if got := m.Latest()[0].Worst; got != 900 {
		t.Errorf("worst is %d, want 900, though it left the ring", got)
	}
}

// testdata/graph.txt was recorded from a Redis 7.0.15: the present time, the samples, an empty line, the graph.
func TestGraphLikeRedis(t *testing.T) {
	data, err := os.ReadFile("testdata/graph.txt")
	if err != nil {
		t.Fatal(err)
	}
	head, want, _ := strings.Cut(string(data), "\n\n")
	lines := strings.Split(head, "\n")
	var now int64
	fmt.Sscan(lines[0], &now)
	var m LatencyMonitor
	for _, l := range lines[1:] {
		var unix, milli int64
		if _, err := fmt.Sscan(l, &unix, &milli); err != nil {
			t.Fatal(err)
		}
		m.Add("command", unix, milli)
	}
	if len(lines) != 99 { // more than 80 samples, so that the graph has two parts
		t.Fatalf("%d lines", len(lines))
	}
	got, ok := m.Graph("command", now)
	if !ok || got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if _, ok := m.Graph("nosuch", now); ok {
		t.Error("a graph of an unknown event")
	}
}

func TestGraphOfEqualSamplesAndOldOnes(t *testing.T) {
	var m LatencyMonitor
	m.Add("command", 0, 5)
	m.Add("command", 1_000_000-3*3600, 5)
	got, _ := m.Graph("command", 1_000_000)
	want := "command - high 5 ms, low 5 ms (all time high 5 ms)\n" + strings.Repeat("-", 80) + "\n" +
		"  \n  \n  \n__\n  \n13\n1h\nd \n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestDoctor(t *testing.T) {
	var m LatencyMonitor
	if got := m.Doctor(100, false); !strings.Contains(got, "disabled") || !strings.Contains(got, "latency-monitor-threshold") {
		t.Errorf("disabled: %s", got)
	}
	if got := m.Doctor(100, true); !strings.Contains(got, "No latency spike") {
		t.Errorf("nothing seen: %s", got)
	}
	for i, ms := range []int64{13, 50, 1100, 30, 200} {
		m.Add("command", int64(94+i), ms)
	}
	m.Add("unknown-event", 99, 3)
	got := m.Doctor(100, true)
	for _, want := range []string{
		"1. command: 5 latency spikes (average 279ms, standard deviation 416ms, mean absolute deviation 329ms, one every 1.20 sec). " +
			"Worst all time event 1100ms.\n",
		"2. unknown-event: 1 latency spikes (average 3ms, standard deviation 0ms, mean absolute deviation 0ms, one every 1.00 sec).",
		"SLOWLOG GET",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in:\n%s", want, got)
		}
	}
	if strings.Contains(got, "append-only") || strings.Contains(got, "disabled") {
		t.Errorf("advice on what did not happen:\n%s", got)
	}
	m.Add("aof-write-pending-fsync", 99, 3)
	if got := m.Doctor(100, false); !strings.Contains(got, "append-only") || !strings.Contains(got, "disabled now") {
		t.Errorf("no advice on the append-only file:\n%s", got)
	}
}

func TestLatencyMonitorConcurrently(t *testing.T) {
	var m LatencyMonitor
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range int64(500) {
				m.Add(fmt.Sprint("e", g%2), i, i)
				if i%100 == 0 {
					m.Latest()
					m.Graph("e0", i)
					m.Doctor(i, true)
				}
			}
		})
	}
	wg.Wait()
	for _, e := range m.Latest() {
		if e.Worst != 499 {
			t.Errorf("%s: worst %d", e.Name, e.Worst)
		}
	}
}

func TestMeter(t *testing.T) {
	var m Meter
	m.Reset(1000)
	count := uint64(0)
	for i := range int64(16) {
		count += 100
		m.Sample(1100+i*100, count)
		if got, want := m.Rate(), uint64(1000*(i+1)/16); got != want {
			t.Fatalf("after %d samples: %d per second, want %d", i+1, got, want)
		}
	}
	m.Sample(2700, count) // no time passed
	m.Sample(2600, count+50)
	m.Sample(2900, 0) // the counter was reset
	if got := m.Rate(); got != 13*1000/16 {
		t.Errorf("%d per second after three samples that must count as zero", got)
	}
	if got := m.Kilo(); got != 812.0/1024 {
		t.Errorf("Kilo = %v", got)
	}
	if m.Reset(5000); m.Rate() != 0 {
		t.Error("not zero after Reset")
	}
	m.Sample(5001, 1<<62)
	if m.Rate() == 0 {
		t.Error("a large step overflowed")
	}
}
