package zset_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	gostrings "strings"
	"testing"

	"github.com/redstart-db/redstart/internal/command/commandtest"
	"github.com/redstart-db/redstart/internal/command/keys"
	"github.com/redstart-db/redstart/internal/command/strings"
	"github.com/redstart-db/redstart/internal/command/zset"
	"github.com/redstart-db/redstart/tests/peer"
)

// TestSpecs compares the table with what COMMAND INFO documents: of ZRANK and ZREVRANK
// that they take no WITHSCORE, which Redis 7.0 does not have.
func TestSpecs(t *testing.T) {
	specs := zset.Specs()
	for i := range specs {
		if s := &specs[i]; s.Name == "zrank" || s.Name == "zrevrank" {
			if s.Arity != -3 {
				t.Errorf("%s takes no WITHSCORE", s.Name)
			}
			s.Arity = 3
		}
	}
	commandtest.CheckSpecs(t, specs, "sorted-set")
}

// TestEffects compares what commands propagate and publish with what
// redis-server 7.0.15 sends to replicas and subscribers for the same list.
func TestEffects(t *testing.T) {
	s := commandtest.New(t, zset.Specs())
	s.Record()
	for _, c := range []struct{ line, reply, effects, events string }{
		{"ZADD z 1 a 2 b 3 c", ":3", "ZADD z 1 a 2 b 3 c", "new z; zadd z"},
		{"ZADD z 1 a", ":0", "", ""},
		{"ZADD z XX CH 5 a", ":1", "ZADD z XX CH 5 a", "zadd z"},
		{"ZINCRBY z 1 a", "$1\r\n6", "ZINCRBY z 1 a", "zincr z"},
		{"ZINCRBY z 0 a", "$1\r\n6", "", ""},
		{"ZADD z INCR 1 q", "$1\r\n1", "ZADD z INCR 1 q", "zincr z"},
		{"ZADD z NX INCR 1 q", "$-1", "", ""},
		{"ZREM z nope", ":0", "", ""},
		{"ZREM z q", ":1", "ZREM z q", "zrem z"},
		{"ZRANGESTORE d z 0 -1", ":3", "ZRANGESTORE d z 0 -1", "new d; zrangestore d"},
		{"ZREMRANGEBYRANK d 0 0", ":1", "ZREMRANGEBYRANK d 0 0", "zremrangebyrank d"},
		{"ZREMRANGEBYSCORE d -inf 3", ":1", "ZREMRANGEBYSCORE d -inf 3", "zremrangebyscore d"},
		{"ZREMRANGEBYLEX d - +", ":1", "ZREMRANGEBYLEX d - +", "zremrangebylex d; del d"},
		{"ZUNIONSTORE d 1 z", ":3", "ZUNIONSTORE d 1 z", "new d; zunionstore d"},
		{"ZINTERSTORE d 1 z", ":3", "ZINTERSTORE d 1 z", "zinterstore d"},
		{"ZDIFFSTORE d 1 z", ":3", "ZDIFFSTORE d 1 z", "zdiffstore d"},
		{"ZDIFFSTORE d 2 z z", ":0", "ZDIFFSTORE d 2 z z", "del d"},
		{"ZDIFFSTORE d 2 z z", ":0", "", ""},
		{"ZPOPMIN z", "*2\r\n$1\r\nb\r\n$1\r\n2", "ZPOPMIN z", "zpopmin z"},
		{"ZPOPMAX z 5", "*4\r\n$1\r\na\r\n$1\r\n6\r\n$1\r\nc\r\n$1\r\n3", "ZPOPMAX z 5", "zpopmax z; del z"},
		{"ZPOPMIN z", "*0", "", ""},
		{"ZADD z 1 a 2 b 3 c 4 d", ":4", "ZADD z 1 a 2 b 3 c 4 d", "new z; zadd z"},
		{"ZMPOP 2 z none MAX", "*2\r\n$1\r\nz\r\n*1\r\n*2\r\n$1\r\nd\r\n$1\r\n4", "ZPOPMAX z 1", "zpopmax z"},
		{"BZPOPMIN z 0", "*3\r\n$1\r\nz\r\n$1\r\na\r\n$1\r\n1", "ZPOPMIN z", "zpopmin z"},
		{"BZMPOP 0 1 z MIN COUNT 9", "*2\r\n$1\r\nz\r\n*2\r\n*2\r\n$1\r\nb\r\n$1\r\n2\r\n*2\r\n$1\r\nc\r\n$1\r\n3",
			"ZPOPMIN z 2", "zpopmin z; del z"},
		{"ZSCORE z a", "$-1", "", "keymiss z"},
	} {
		if reply := s.Do(c.line); reply != c.reply+"\r\n" {
			t.Errorf("%s replies %q, want %q", c.line, reply, c.reply)
		}
		if effects, events := s.Recorded(); effects != c.effects || events != c.events {
			t.Errorf("%s\n has %s / %s\nwant %s / %s", c.line, effects, events, c.effects, c.events)
		}
	}
}

// TestWithScore has what Redis 7.2 added to ZRANK.
func TestWithScore(t *testing.T) {
	s := commandtest.New(t, zset.Specs())
	for _, c := range []struct{ line, reply string }{
		{"ZADD z 1 a 2.5 b", ":2"},
		{"ZRANK z b withscore", "*2\r\n:1\r\n$3\r\n2.5"},
		{"ZREVRANK z b WITHSCORE", "*2\r\n:0\r\n$3\r\n2.5"},
		{"ZRANK z c WITHSCORE", "*-1"},
		{"ZRANK none a WITHSCORE", "*-1"},
		{"ZRANK z b WITHSCORES", "-ERR wrong number of arguments for 'zrank' command"},
		{"ZREVRANK z b WITHSCORE x", "-ERR wrong number of arguments for 'zrevrank' command"},
	} {
		if reply := s.Do(c.line); reply != c.reply+"\r\n" {
			t.Errorf("%s replies %q, want %q", c.line, reply, c.reply)
		}
	}
}

// TestRepeated asks for more than any reply may hold.
func TestRepeated(t *testing.T) {
	s := commandtest.New(t, zset.Specs())
	s.Do("ZADD z 1 " + gostrings.Repeat("m", 1<<20))
	for _, n := range []string{"-9223372036854775807", "-268435457", "-1000"} {
		if reply := s.Do("ZRANDMEMBER z " + n); reply != "-ERR value is out of range\r\n" {
			t.Errorf("%s: %.100q", n, reply)
		}
	}
}

// TestRandom holds the chance of each element to what it should be.
func TestRandom(t *testing.T) {
	const n, draws = 20, 20000
	for _, entries := range []int64{128, 0} {
		s := commandtest.New(t, zset.Specs())
		s.Config.ZsetMaxListpackEntries = entries
		for i := range n {
			s.Do(fmt.Sprintf("ZADD z %d m%d", i, i))
		}
		for _, form := range []string{"ZRANDMEMBER z", "ZRANDMEMBER z 5", "ZRANDMEMBER z -5"} {
			seen := map[string]int{}
			total := 0
			for range draws {
				reply := s.Do(form)
				for _, line := range gostrings.Split(reply, "\r\n") {
					if gostrings.HasPrefix(line, "m") {
						seen[line]++
						total++
					}
				}
				if form == "ZRANDMEMBER z 5" && len(gostrings.Split(reply, "\r\n")) != 12 {
					t.Fatalf("%s: %q", form, reply)
				}
			}
			// Five standard deviations.
			want := float64(total) / n
			for m, got := range seen {
				if math.Abs(float64(got)-want) > 5*math.Sqrt(want) {
					t.Errorf("%s, %d packed: %s came %d times of %d", form, entries, m, got, total)
				}
			}
			if len(seen) != n {
				t.Errorf("%s: %d of %d elements came", form, len(seen), n)
			}
		}
	}
}

// TestScanAll changes a large set while it is scanned: what stays is found.
func TestScanAll(t *testing.T) {
	s := commandtest.New(t, zset.Specs(), keys.Specs())
	const n = 3000
	for i := range n {
		s.Do(fmt.Sprintf("ZADD z %d m%d", i, i))
	}
	seen := map[string]bool{}
	cursor := "0"
	for i := 0; ; i++ {
		lines := gostrings.Split(s.Do("ZSCAN z "+cursor+" COUNT 100"), "\r\n")
		for _, l := range lines {
			if gostrings.HasPrefix(l, "m") {
				seen[l] = true
			}
		}
		if cursor = lines[2]; cursor == "0" {
			break
		}
		s.Do(fmt.Sprintf("ZADD z 1 new%d", i))
		s.Do(fmt.Sprintf("ZREM z new%d", i-3))
	}
	for i := range n {
		if !seen[fmt.Sprintf("m%d", i)] {
			t.Fatalf("m%d was not found", i)
		}
	}
}

// TestBothForms runs random commands on a packed set and on a large one: replies
// must be the same, but for the sign of zero.
func TestBothForms(t *testing.T) {
	seed := peer.Seed(t)
	rnd := rand.New(rand.NewPCG(seed, 0))
	small := commandtest.New(t, zset.Specs(), strings.Specs(), keys.Specs())
	big := commandtest.New(t, zset.Specs(), strings.Specs(), keys.Specs())
	small.Config.ZsetMaxListpackEntries = 1 << 20
	big.Config.ZsetMaxListpackEntries = 0
	score := func() string { return strconv.Itoa(rnd.IntN(20) - 10) }
	bound := func() string { return []string{"", "("}[rnd.IntN(2)] + score() }
	lex := func() string { return []string{"[m", "(m"}[rnd.IntN(2)] + strconv.Itoa(rnd.IntN(60)) }
	member := func() string { return "m" + strconv.Itoa(rnd.IntN(60)) }
	rank := func() string { return strconv.Itoa(rnd.IntN(80) - 40) }
	for range 20000 {
		line := []string{
			"ZADD z " + score() + " " + member() + " " + score() + " " + member(),
			"ZADD z GT CH " + score() + " " + member(),
			"ZINCRBY z " + score() + " " + member(),
			"ZREM z " + member() + " " + member(),
			"ZRANK z " + member() + " WITHSCORE",
			"ZREVRANK z " + member(),
			"ZSCORE z " + member(),
			"ZRANGE z " + rank() + " " + rank() + " WITHSCORES",
			"ZRANGE z " + rank() + " " + rank() + " REV",
			"ZRANGE z " + bound() + " " + bound() + " BYSCORE LIMIT " + rank() + " " + rank(),
			"ZRANGE z " + bound() + " " + bound() + " BYSCORE REV LIMIT " + rank() + " " + rank(),
			"ZCOUNT z " + bound() + " " + bound(),
			"ZREMRANGEBYRANK z " + rank() + " " + strconv.Itoa(rnd.IntN(5)-45),
			"ZREMRANGEBYSCORE z " + bound() + " " + bound(),
			"ZPOPMIN z 2", "ZPOPMAX z",
			"ZADD l 0 " + member() + " 0 " + member(),
			"ZRANGEBYLEX l " + lex() + " " + lex(),
			"ZREVRANGEBYLEX l " + lex() + " - LIMIT " + rank() + " 5",
			"ZLEXCOUNT l " + lex() + " +",
			"ZREMRANGEBYLEX l " + lex() + " " + lex(),
			"ZUNIONSTORE u 2 z l WEIGHTS 2 3 AGGREGATE MAX",
			"ZINTER 3 z l u WITHSCORES", "ZDIFF 2 z l WITHSCORES", "ZINTERCARD 2 u l LIMIT 3",
			"ZRANGESTORE u z " + rank() + " " + rank(),
			"COPY z w REPLACE", "RENAME w u",
		}[rnd.IntN(28)]
		x, y := small.Do(line), big.Do(line)
		if x != y {
			t.Fatalf("%s\npacked %q\nlarge  %q", line, x, y)
		}
		if rnd.IntN(50) == 0 {
			small.Do("ZREMRANGEBYRANK l 0 -1")
			big.Do("ZREMRANGEBYRANK l 0 -1")
		}
	}
	small.Do("ZADD z 1 last")
	if e := small.Do("OBJECT ENCODING z"); e != "$8\r\nlistpack\r\n" {
		t.Errorf("the packed set is a %q", e)
	}
}

// TestNoGarbage checks that ordinary commands allocate nothing.
func TestNoGarbage(t *testing.T) {
	for _, entries := range []int64{1000, 0} {
		s := commandtest.New(t, zset.Specs())
		s.Config.ZsetMaxListpackEntries = entries
		for i := range 500 {
			s.Do(fmt.Sprintf("ZADD z %d member:%d", i, i))
		}
		out := make([]byte, 0, 1<<16)
		for _, line := range []string{
			"ZADD z 5 member:7", "ZADD z 9 member:7", "ZINCRBY z 1 member:8", "ZSCORE z member:3", "ZRANK z member:100",
			"ZRANGE z 100 199 WITHSCORES", "ZRANGEBYSCORE z 100 200 WITHSCORES LIMIT 5 20", "ZCOUNT z 10 (70", "ZREVRANGE z 0 9",
			"ZREM z none", "ZRANDMEMBER z", "ZMSCORE z member:1 member:2",
		} {
			in := []byte(line + "\r\n")
			if n := testing.AllocsPerRun(200, func() { s.Client.Process(in, out[:0]) }); n > 0 {
				t.Errorf("%s, %d packed: %v allocations", line, entries, n)
			}
		}
	}
}

// TestLargeResults makes results of all sizes around those at which they are kept
// in another way.
func TestLargeResults(t *testing.T) {
	s := commandtest.New(t, zset.Specs())
	for _, n := range []int{100, 128, 129, 340, 341, 342, 511, 512, 513, 1500} {
		s.Do("ZREMRANGEBYRANK x 0 -1")
		s.Do("ZREMRANGEBYRANK y 0 -1")
		for i := range n {
			s.Do(fmt.Sprintf("ZADD x %d m%d", i, i))
			s.Do(fmt.Sprintf("ZADD y %d m%d", 10*i, i+n/2))
		}
		both := n - n/2
		for _, c := range []struct {
			line  string
			n     int
			score func(i int) int // of the member m<i>, 1<<30 without
		}{
			{"ZUNIONSTORE d 2 x y", n + n/2, func(i int) int {
				switch {
				case i < n/2:
					return i
				case i < n:
					return i + 10*(i-n/2)
				}
				return 10 * (i - n/2)
			}},
			{"ZINTERSTORE d 2 x y WEIGHTS -1 1 AGGREGATE MIN", both, func(i int) int {
				if i < n/2 || i >= n {
					return 1 << 30
				}
				return -i
			}},
			{"ZDIFFSTORE d 2 x y", n / 2, func(i int) int {
				if i >= n/2 {
					return 1 << 30
				}
				return i
			}},
			{"ZRANGESTORE d x 0 -1 REV", n, func(i int) int {
				if i >= n {
					return 1 << 30
				}
				return i
			}},
		} {
			if reply := s.Do(c.line); reply != fmt.Sprintf(":%d\r\n", c.n) {
				t.Fatalf("%s of %d: %q, want %d", c.line, n, reply, c.n)
			}
			last := math.Inf(-1)
			lines := gostrings.Split(s.Do("ZRANGE d 0 -1 WITHSCORES"), "\r\n")
			for i := 2; i+2 < len(lines); i += 4 {
				m, _ := strconv.Atoi(lines[i][1:])
				score, _ := strconv.ParseFloat(lines[i+2], 64)
				if score != float64(c.score(m)) || score < last {
					t.Fatalf("%s of %d: m%d has %v, want %d; before was %v", c.line, n, m, score, c.score(m), last)
				}
				last = score
			}
			if len(lines) != 4*c.n+2 {
				t.Fatalf("%s of %d: %d lines", c.line, n, len(lines))
			}
		}
		line := "ZUNION 2 x y WEIGHTS 1 0 AGGREGATE MAX"
		if reply := s.Do(line); !gostrings.HasPrefix(reply, fmt.Sprintf("*%d\r\n", n+n/2)) {
			t.Errorf("%s of %d: %.20q", line, n, reply)
		}
	}
	if s.Do("ZREMRANGEBYRANK d 0 -1"); s.Do("ZCARD d") != ":0\r\n" {
		t.Error("the result cannot be removed")
	}
}
