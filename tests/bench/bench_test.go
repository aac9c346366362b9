package main

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"
)

func TestSelectLoads(t *testing.T) {
	speed, memory, err := selectLoads("get-p16,strings")
	if err != nil || len(speed) != 1 || speed[0].name != "get-p16" || len(memory) != 3 {
		t.Errorf("got %v, %d memory loads, %v", speed, len(memory), err)
	}
	if _, _, err := selectLoads("get,nosuch"); err == nil || !strings.Contains(err.Error(), "nosuch") {
		t.Errorf("an unknown load: %v", err)
	}
}

func TestParseRate(t *testing.T) {
	got, err := parseRate("\"test\",\"rps\",\"avg_latency_ms\"\n\"MSET (10 keys)\",\"30983.73\",\"25.373\"\n")
	if err != nil || got != 30983.73 {
		t.Errorf("got %v, %v", got, err)
	}
	got, err = parseRate("\"test\",\"rps\",\"avg_latency_ms\"\n\"EVAL f({\"a\",\"b\"})\n 0\",\"12.5\",\"25.373\"\n")
	if err != nil || got != 12.5 {
		t.Errorf("with quotes: %v, %v", got, err)
	}
	for _, bad := range []string{"", "Could not connect\n", "\"test\",\"rps\"\n"} {
		if _, err := parseRate(bad); err == nil {
			t.Errorf("no error for %q", bad)
		}
	}
}

func TestSpread(t *testing.T) {
	if got, want := spreadOf([]float64{3, 1, 10}), (spread{1, 3, 10}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if got, want := spreadOf([]float64{4, 1, 3, 2}), (spread{1, 2.5, 4}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestCPUTimeGrows(t *testing.T) {
	before, err := cpuTime(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	sum := 0
	for i := range 50_000_000 {
		sum ^= i
	}
	after, err := cpuTime(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if after <= before {
		t.Errorf("%v, then %v (%d)", before, after, sum)
	}
	if rss, err := residentBytes(os.Getpid()); err != nil || rss < 1<<20 {
		t.Errorf("resident: %d, %v", rss, err)
	}
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

func TestWriteCommands(t *testing.T) {
	var b bytes.Buffer
	if err := writeCommands(nopCloser{&b}, memoryLoads()[1].command, 2); err != nil {
		t.Fatal(err)
	}
	want := "*3\r\n$3\r\nSET\r\n$16\r\nkey:000000000000\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$16\r\nkey:000000000001\r\n$1\r\n1\r\n"
	if b.String() != want {
		t.Errorf("got %q", b.String())
	}
}
