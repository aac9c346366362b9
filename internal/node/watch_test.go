package node

import (
	"fmt"
	"testing"
)

// TestManyWatched has flushes and swaps of databases abort a transaction while so many
// keys are watched that nobody is told of them.
func TestManyWatched(t *testing.T) {
	m := newMovers(t)
	others, err := m.n.NewLocal()
	if err != nil {
		t.Fatal(err)
	}
	defer others.Close(nil)
	for i := range 20 {
		args := []string{"WATCH"}
		for j := range 100 {
			args = append(args, fmt.Sprint("other:", i, ":", j))
		}
		doLocal(t, others, args...)
	}
	for _, c := range []struct {
		name    string
		before  []string // in database 0
		second  []string // in database 1
		act     [][]string
		aborted bool
	}{
		{"nothing", []string{"SET", "k", "v"}, nil, nil, false},
		{"FLUSHALL", []string{"SET", "k", "v"}, nil, [][]string{{"FLUSHALL"}}, true},
		{"FLUSHDB without the key", []string{"SET", "another", "v"}, nil, [][]string{{"FLUSHDB"}}, false},
		{"FLUSHALL of another database", []string{"PING"}, []string{"SET", "k", "v"}, [][]string{{"FLUSHALL"}}, false},
		{"swapped away", []string{"SET", "k", "v"}, nil, [][]string{{"SWAPDB", "0", "1"}}, true},
		{"swapped in", []string{"PING"}, []string{"SET", "k", "v"}, [][]string{{"SWAPDB", "0", "1"}}, true},
		{"swapped without the key", []string{"PING"}, []string{"SET", "another", "v"}, [][]string{{"SWAPDB", "0", "1"}}, false},
		{"swapped in and away", []string{"PING"}, []string{"SET", "k", "v"}, [][]string{{"SWAPDB", "0", "1"}, {"SWAPDB", "0", "1"}}, true},
		{"others swapped", []string{"SET", "k", "v"}, nil, [][]string{{"SWAPDB", "2", "3"}}, false},
		{"flushed and made anew", []string{"SET", "k", "v"}, nil, [][]string{{"FLUSHALL"}, {"SET", "k", "v"}}, true},
	} {
		m.do("FLUSHALL")
		if c.second != nil {
			m.do("SELECT", "1")
			m.do(c.second...)
			m.do("SELECT", "0")
		}
		m.do(c.before...)
		m.want("+OK", "WATCH", "k")
		for _, act := range c.act {
			doLocal(t, others, act...)
		}
		m.want("+OK", "MULTI")
		m.want("+QUEUED", "PING")
		if got := m.do("EXEC"); (got != "[+PONG]") != c.aborted {
			t.Errorf("%s: EXEC gives %s", c.name, got)
		}
	}
}
