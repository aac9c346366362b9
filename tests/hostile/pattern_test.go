package hostile

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// TestPatterns has patterns for which matching by trying everything takes longer than
// the world has been there, in each command that takes one.
func TestPatterns(t *testing.T) {
	s := start(t)
	c := s.Dial(t)
	const many = 30_000
	name := strings.Repeat("a", many)
	c.Must(t, "MSET", name, "1", strings.Repeat("ab", many/2), "1", "short", "1")
	c.Must(t, "HSET", "h", name, "1", "f", "2")
	c.Must(t, "SADD", "s", name, "1")
	c.Must(t, "ZADD", "z", "1", name, "2", "m")
	sub := s.Dial(t)
	for _, pattern := range []string{
		strings.Repeat("*?", 5000) + "b",
		strings.Repeat("*a", 900) + "*b",
		strings.Repeat("*a", many) + "*b",
		strings.Repeat("*?a", 300) + "[^a]",
		strings.Repeat("*[a-z]", 900) + "c",
		strings.Repeat("*", many) + "b",
		strings.Repeat("?", many) + "?",
		strings.Repeat("*ab", 900) + "aa",
		"*" + strings.Repeat("[", many), "*" + strings.Repeat("[^", many/2), strings.Repeat("[a", many/2), strings.Repeat(`\`, many+1),
		"*[" + strings.Repeat("a-", many/2), "[z-a]*[^z-a]*[--]", "*[" + strings.Repeat("\x00", 100) + "]",
	} {
		for _, args := range [][]string{
			{"KEYS", pattern}, {"SCAN", "0", "MATCH", pattern, "COUNT", "1000"}, {"HSCAN", "h", "0", "MATCH", pattern},
			{"SSCAN", "s", "0", "MATCH", pattern}, {"ZSCAN", "z", "0", "MATCH", pattern}, {"CONFIG", "GET", pattern},
			{"PUBSUB", "CHANNELS", pattern}, {"COMMAND", "LIST", "FILTERBY", "PATTERN", pattern},
			{"SORT", "s", "BY", pattern, "ALPHA"}, {"SORT", "s", "BY", "nosort", "GET", pattern},
			{"PUBLISH", name, "x"},
		} {
			began := time.Now()
			if _, err := c.Do(args...); err != nil {
				t.Fatalf("%.60q: %v\n%s", args, err, s.Log())
			}
			if took := time.Since(began); took > replyLimit {
				t.Errorf("%.60q took %v", args, took)
			}
		}
		if _, err := sub.Do("PSUBSCRIBE", pattern); err != nil {
			t.Fatal(err)
		}
	}
	// A message may have been taken for the reply to PSUBSCRIBE: the last of them may run yet.
	for end := time.Now().Add(replyLimit); c.Must(t, "PUBSUB", "NUMPAT").Int != 15 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	s.expect(c, "PUBSUB NUMPAT", "15", "GET short", `"1"`)
}

// TestGetKeysOfAnything asks for the keys of commands with any arguments.
func TestGetKeysOfAnything(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	s := start(t)
	c := s.Dial(t)
	var names []string
	for _, v := range c.Must(t, "COMMAND", "LIST").Elems {
		names = append(names, strings.Split(string(v.Str), "|")...)
	}
	words := append([]string{"k", "STORE", "KEYS", "STREAMS", "BY", "GET", "LIMIT", "1", "2", "WEIGHTS", "COUNT", "MIGRATE", "*", "\x00", "3"}, extremes...)
	for i := range 20_000 {
		args := []string{"COMMAND", []string{"GETKEYS", "GETKEYSANDFLAGS", "INFO", "DOCS"}[r.IntN(4)], names[i%len(names)]}
		for range r.IntN(10) {
			args = append(args, words[r.IntN(len(words))])
		}
		if _, err := c.Do(args...); err != nil {
			t.Fatalf("%q: %v\n%s", args, err, s.Log())
		}
	}
	s.expect(c, "COMMAND GETKEYS SORT a BY b STORE d", `["a", "d"]`)
}
