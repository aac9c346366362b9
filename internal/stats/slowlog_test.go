package stats

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
)

func args(n int) [][]byte {
	out := [][]byte{[]byte("mget")}
	for i := 1; i < n; i++ {
		out = append(out, []byte(strconv.Itoa(i)))
	}
	return out
}

func ids(entries []SlowEntry) string {
	var out []string
	for _, e := range entries {
		out = append(out, strconv.FormatUint(e.ID, 10))
	}
	return strings.Join(out, " ")
}

func TestSlowLogOrderAndLimit(t *testing.T) {
	l := NewSlowLog(3)
	for i := range 5 {
		l.Add(int64(100+i), int64(i), args(2), "127.0.0.1:1", "me")
	}
	if got := ids(l.Get(-1)); got != "4 3 2" || l.Len() != 3 {
		t.Errorf("entries %q, length %d", got, l.Len())
	}
	if got := ids(l.Get(2)); got != "4 3" {
		t.Errorf("the first two are %q", got)
	}
	if got := ids(l.Get(99)); got != "4 3 2" {
		t.Errorf("99 are %q", got)
	}
	if got := ids(l.Get(0)); got != "" {
		t.Errorf("none are %q", got)
	}
	e := l.Get(1)[0]
	if e.Unix != 104 || e.Usec != 4 || e.Addr != "127.0.0.1:1" || e.Name != "me" || fmt.Sprintf("%s", e.Args) != "[mget 1]" {
		t.Errorf("entry %+v", e)
	}
	l.SetMaxLen(1)
	if got := ids(l.Get(-1)); got != "4" {
		t.Errorf("after SetMaxLen(1): %q", got)
	}
	l.SetMaxLen(2)
	l.Add(0, 0, args(1), "", "")
	if got := ids(l.Get(-1)); got != "5 4" {
		t.Errorf("after SetMaxLen(2): %q", got)
	}
	l.Reset()
	l.Add(0, 0, args(1), "", "")
	if got := ids(l.Get(-1)); got != "6" {
		t.Errorf("after Reset: %q", got)
	}
	l.SetMaxLen(0)
	l.Add(0, 0, args(1), "", "")
	if l.Len() != 0 {
		t.Errorf("%d entries kept of none", l.Len())
	}
	if l.SetMaxLen(-1); l.Len() != 0 {
		t.Error("a negative limit must mean none")
	}
}

func TestSlowLogMemoryIsBounded(t *testing.T) {
	l := NewSlowLog(10)
	for range 10000 {
		l.Add(0, 0, args(1), "", "")
	}
	if c := cap(l.entries); c > 64 {
		t.Errorf("room for %d entries", c)
	}
}

// The shortened forms are those of a Redis 7.0.15.
func TestSlowLogShortens(t *testing.T) {
	long := bytes.Repeat([]byte("x"), 140)
	for _, tc := range []struct {
		args [][]byte
		n    int
		last string
	}{
		{args(32), 32, "31"},
		{args(33), 32, "... (2 more arguments)"},
		{args(41), 32, "... (10 more arguments)"},
		{[][]byte{[]byte("set"), long}, 2, strings.Repeat("x", 128) + "... (12 more bytes)"},
		{[][]byte{[]byte("set"), long[:129]}, 2, strings.Repeat("x", 128) + "... (1 more bytes)"},
		{[][]byte{[]byte("set"), long[:128]}, 2, strings.Repeat("x", 128)},
		{nil, 0, ""},
	} {
		got := shorten(tc.args)
		if len(got) != tc.n {
			t.Errorf("%d arguments, want %d", len(got), tc.n)
			continue
		}
		if tc.n == 0 {
			continue
		}
		if last := string(got[tc.n-1]); last != tc.last {
			t.Errorf("last is %q, want %q", last, tc.last)
		}
		if string(got[0]) != string(tc.args[0]) {
			t.Errorf("first is %q", got[0])
		}
	}
	in := [][]byte{[]byte("get"), []byte("key")}
	out := shorten(in)
	copy(in[1], "XXX")
	_ = append(out[0], "overwrites"...)
	if string(out[1]) != "key" {
		t.Errorf("the copy changed to %q", out[1])
	}
}

func TestSlowLogConcurrently(t *testing.T) {
	l := NewSlowLog(50)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 500 {
				l.Add(1, 1, args(3), "a", "b")
				if i%50 == 0 {
					for j, e := range l.Get(-1) {
						if string(e.Args[2]) != "2" {
							t.Errorf("entry %d: %+v", j, e)
						}
					}
					l.SetMaxLen(10 + i%7)
				}
			}
		})
	}
	wg.Wait()
	l.Reset()
	l.Add(0, 0, nil, "", "")
	if got := ids(l.Get(1)); got != "2000" {
		t.Errorf("next id is %s, want 2000", got)
	}
}
