package strings_test

import (
	"fmt"
	"slices"
	gostrings "strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/command/commandtest"
	"github.com/redstart-db/redstart/internal/command/strings"
	"github.com/redstart-db/redstart/internal/store"
)

// TestSpecs compares the table with what COMMAND INFO documents.
func TestSpecs(t *testing.T) { commandtest.CheckSpecs(t, strings.Specs(), "string") }

// encoding is what OBJECT ENCODING gives.
func encoding(s *commandtest.Server, key string) string {
	k := s.Store.Key([]byte(key))
	return s.Store.ShardOf(k.H).DB(0).Find(k).Encoding()
}

func TestEncodings(t *testing.T) {
	s := commandtest.New(t, strings.Specs())
	forty4 := gostrings.Repeat("x", 44)
	for _, c := range []struct{ line, want string }{
		{"SET k 12", "int"},
		{"SET k 012", "embstr"},
		{"SET k 12345678901234567890", "embstr"},
		{"SET k -9223372036854775808", "int"},
		{"SET k " + forty4, "embstr"},
		{"SET k " + forty4 + "x", "raw"},
		{"SET k 12", "int"},
		{`APPEND k ""`, "raw"},
		{"INCR k", "int"},
		{"SETRANGE k 0 1", "raw"},
		{"GETSET k 5", "int"},
		{"INCRBYFLOAT k 5", "embstr"},
		{"DECR k", "int"},
		{"APPEND new 5", "int"},
		{"SETRANGE new2 0 5", "raw"},
	} {
		s.Do(c.line)
		key := gostrings.Fields(c.line)[1]
		if got := encoding(s, key); got != c.want {
			t.Errorf("%s: %s, want %s", c.line, got, c.want)
		}
	}
}

// TestIncrInPlace checks that counting moves nothing.
func TestIncrInPlace(t *testing.T) {
	s := commandtest.New(t, strings.Specs())
	s.Do("SET k 20000 EX 100")
	k := s.Store.Key([]byte("k"))
	ks := s.Store.ShardOf(k.H).DB(0)
	before := ks.Find(k)
	if got := s.Do("INCR k"); got != ":20001\r\n" {
		t.Fatalf("INCR: %q", got)
	}
	if after := ks.Find(k); after != before {
		t.Error("the record moved, or lost its deadline")
	}
}

// TestUseCounter checks that a new value does not forget how often its key is
// used, while the time of the last use is renewed.
func TestUseCounter(t *testing.T) {
	s := commandtest.New(t, strings.Specs())
	find := func() store.Entry {
		k := s.Store.Key([]byte("k"))
		return s.Store.ShardOf(k.H).DB(0).Find(k)
	}
	s.Store.SetTime(1_000_000 * 1000)
	for _, v := range []string{"7", "text", gostrings.Repeat("x", 5000)} {
		s.Store.LFU.On = false
		s.Do("SET k " + v)
		find().SetIdle(500)
		s.Do("SET k " + v)
		if idle := find().Idle(); idle != 0 {
			t.Errorf("%.10s: idle for %d s after SET", v, idle)
		}
		s.Store.LFU.On = true
		find().SetFreq(200)
		s.Do("SET k " + v)
		if freq := find().Freq(); freq < 200 {
			t.Errorf("%.10s: use counter %d after SET", v, freq)
		}
	}
}

// TestLimits checks sizes that may not be, whatever the arithmetic makes of
// them.
func TestLimits(t *testing.T) {
	s := commandtest.New(t, strings.Specs())
	s.Config.ProtoMaxBulkLen = 1 << 20
	full := "SETRANGE k 1048575 x"
	if got := s.Do(full); got != ":1048576\r\n" {
		t.Fatalf("%s: %q", full, got)
	}
	tooLong := "-" + command.ErrTooLong + "\r\n"
	for _, line := range []string{
		"APPEND k x", "SETRANGE k 1048576 x", "SETRANGE new 1048576 x",
		"SETRANGE k 9223372036854775807 x", "SETRANGE new 9223372036854775807 xyz",
	} {
		if got := s.Do(line); got != tooLong {
			t.Errorf("%s: %q", line, got)
		}
	}
	s.Config.ProtoMaxBulkLen = 1<<63 - 1
	for _, line := range []string{
		"SETRANGE k 4294967295 x", "SETRANGE new 9223372036854775807 xyz", "SETRANGE new 9223372036854775806 x",
	} {
		if got := s.Do(line); got != tooLong {
			t.Errorf("%s without a limit: %q", line, got)
		}
	}
	if got := s.Do("STRLEN new"); got != ":0\r\n" {
		t.Errorf("a refused SETRANGE left %q", got)
	}
}

func TestLCSLimits(t *testing.T) {
	s := commandtest.New(t, strings.Specs())
	s.Do("SETRANGE a 11999 x")
	s.Do("SETRANGE b 11999 x")
	const over = "-ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len\r\n"
	for _, line := range []string{"LCS a b", "LCS a b LEN", "LCS a b IDX"} {
		if got := s.Do(line); got != over {
			t.Errorf("%s: %.100q", line, got)
		}
	}
	s.Do("SETRANGE long 100000000 x")
	s.Config.ProtoMaxBulkLen = 1<<63 - 1
	const failed = "-ERR Insufficient memory, failed allocating transient memory for LCS\r\n"
	if got := s.Do("LCS a long LEN"); got != failed {
		t.Errorf("no memory: %.100q", got)
	}
	if got := s.Do("LCS a long BOGUS"); got != "-ERR syntax error\r\n" {
		t.Errorf("options come first: %.100q", got)
	}
}

// TestLCSAgainstTable compares with the table of lengths that everyone knows,
// walked as Redis walks it.
func TestLCSAgainstTable(t *testing.T) {
	s := commandtest.New(t, strings.Specs())
	rapid.Check(t, func(t *rapid.T) {
		letters := rapid.SampledFrom([]string{"a", "ab", "abcd", "abcdefghijklmnopqrstuvwxyz"}).Draw(t, "letters")
		text := rapid.StringOfN(rapid.SampledFrom([]rune(letters)), 1, 200, -1)
		a, b := text.Draw(t, "a"), text.Draw(t, "b")
		minLen := rapid.IntRange(0, 4).Draw(t, "min")
		found, matches := tableLCS(a, b)
		s.Do("SET a " + a)
		s.Do("SET b " + b)
		check := func(line, want string) {
			if got := s.Do(line); got != want {
				t.Errorf("%s: %q, want %q", line, got, want)
			}
		}
		check("LCS a b", fmt.Sprintf("$%d\r\n%s\r\n", len(found), found))
		check("LCS a b LEN", fmt.Sprintf(":%d\r\n", len(found)))
		matches = slices.DeleteFunc(matches, func(m [3]int) bool { return m[2] < minLen })
		want := fmt.Sprintf("*4\r\n$7\r\nmatches\r\n*%d\r\n", len(matches))
		for _, m := range matches {
			want += fmt.Sprintf("*3\r\n*2\r\n:%d\r\n:%d\r\n*2\r\n:%d\r\n:%d\r\n:%d\r\n",
				m[0], m[0]+m[2]-1, m[1], m[1]+m[2]-1, m[2])
		}
		want += fmt.Sprintf("$3\r\nlen\r\n:%d\r\n", len(found))
		check(fmt.Sprintf("LCS a b IDX WITHMATCHLEN MINMATCHLEN %d", minLen), want)
	})
}

// tableLCS gives the subsequence and its contiguous pieces (place in a, place
// in b, length), last one first.
func tableLCS(a, b string) (found string, matches [][3]int) {
	length := make([][]int, len(a)+1)
	for i := range length {
		length[i] = make([]int, len(b)+1)
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			if a[i-1] == b[j-1] {
				length[i][j] = length[i-1][j-1] + 1
			} else {
				length[i][j] = max(length[i-1][j], length[i][j-1])
			}
		}
	}
	for i, j := len(a), len(b); i > 0 && j > 0; {
		switch {
		case a[i-1] == b[j-1]:
			found = a[i-1:i] + found
			i, j = i-1, j-1
			if n := len(matches); n > 0 && matches[n-1][0] == i+1 && matches[n-1][1] == j+1 {
				matches[n-1] = [3]int{i, j, matches[n-1][2] + 1}
			} else {
				matches = append(matches, [3]int{i, j, 1})
			}
		case length[i-1][j] > length[i][j-1]:
			i--
		default:
			j--
		}
	}
	return found, matches
}

func TestNoAllocation(t *testing.T) {
	s := commandtest.New(t, strings.Specs())
	out := make([]byte, 0, 4096)
	for _, line := range []string{
		"SET k value", "SET k value EX 100", "GET k", "INCR n", "MSET a 1 b two c 3", "MGET a b c", "GETRANGE k 1 2",
		"SETRANGE k 1 x", "STRLEN k", "GETEX k PX 100000", "GETSET k value", "INCRBYFLOAT f 1.5", "SETEX k 10 v",
	} {
		var args [][]byte
		for _, w := range gostrings.Fields(line) {
			args = append(args, []byte(w))
		}
		s.Client.Do(out, args...)
		if n := testing.AllocsPerRun(100, func() { s.Client.Do(out, args...) }); n != 0 {
			t.Errorf("%s: %v allocations", line, n)
		}
	}
}

func BenchmarkPipeline(b *testing.B) {
	for _, line := range []string{
		"GET key:#", "SET key:# xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "INCR n:#",
		"MSET a:# 1 b:# two c:# 3 d:# four", "SET key:# v EX 100",
	} {
		b.Run(gostrings.Fields(line)[0]+fmt.Sprint(len(gostrings.Fields(line))), func(b *testing.B) {
			s := commandtest.New(b, strings.Specs())
			for i := range 100_000 {
				s.Do(fmt.Sprintf("SET key:%012d xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", i))
			}
			commandtest.BenchmarkPipeline(b, s, line, 100_000)
		})
	}
}

func BenchmarkLCS(b *testing.B) {
	s := commandtest.New(b, strings.Specs())
	s.Do("SET a " + gostrings.Repeat("abcdefghij", 1000))
	s.Do("SET b " + gostrings.Repeat("fabecdhgij", 1000))
	for b.Loop() {
		s.Do("LCS a b")
	}
}
