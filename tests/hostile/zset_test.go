package hostile

import (
	"strings"
	"testing"
)

// TestZSetNumbers is TestNumbers for sorted sets, packed and large.
func TestZSetNumbers(t *testing.T) {
	s := start(t)
	c := s.Dial(t)
	for _, entries := range []string{"128", "0"} {
		c.Must(t, "CONFIG", "SET", "zset-max-listpack-entries", entries)
		for _, form := range []string{
			"ZRANGE z %1 %2", "ZRANGE z %1 %2 REV WITHSCORES", "ZREVRANGE z %1 %2", "ZRANGE z -inf +inf BYSCORE LIMIT %1 %2",
			"ZREVRANGEBYSCORE z +inf -inf LIMIT %1 %2", "ZRANGEBYSCORE z %1 %2", "ZCOUNT z (%1 (%2", "ZRANGEBYLEX z - + LIMIT %1 %2",
			"ZREVRANGEBYLEX z + - LIMIT %1 %2", "ZREMRANGEBYRANK z %1 %2", "ZREMRANGEBYSCORE z %1 %2", "ZRANDMEMBER z %1",
			"ZRANDMEMBER z %1 WITHSCORES", "ZPOPMIN z %1", "ZPOPMAX z %1", "ZMPOP %1 z MIN COUNT %2", "BZMPOP 0.001 %1 z MAX COUNT %2",
			"BZPOPMIN z %1", "ZUNION %1 z", "ZDIFF %1 z z", "ZINTERCARD %1 z LIMIT %2", "ZUNIONSTORE d %1 z WEIGHTS %2",
			"ZRANGESTORE d z %1 %2", "ZSCAN z %1 COUNT %2", "ZADD z %1 m %2 n", "ZADD z INCR %1 a", "ZINCRBY z %1 b",
		} {
			for _, a := range extremes {
				for _, b := range extremes {
					args := strings.Split(form, " ")
					for i := range args {
						args[i] = strings.ReplaceAll(strings.ReplaceAll(args[i], "%1", a), "%2", b)
					}
					for _, line := range [][]string{strings.Fields("ZADD z 1 a 2 b -9223372036854775808 c inf d"), args, {"DEL", "z", "d"}} {
						if err := c.Send(line...); err != nil {
							t.Fatal(err)
						}
					}
					for range 3 {
						if _, err := c.Read(); err != nil {
							t.Fatalf("%q: %v\n%s", args, err, s.Log())
						}
					}
					if !strings.Contains(form, "%2") {
						break
					}
				}
			}
		}
	}
	s.expect(c, "ZADD z 1 a", "1", "ZSCORE z a", `"1"`)
}

// TestZDiffOfMany takes many small sets away from a large one: looking for each
// element in each of them would take minutes.
func TestZDiffOfMany(t *testing.T) {
	s := start(t)
	c := s.Dial(t)
	for i := range 100 {
		args := []string{"ZADD", "big"}
		for j := range 1000 {
			args = append(args, "1", "member:"+strings.Repeat("x", i)+string(rune('A'+j%26))+strings.Repeat("y", j/26))
		}
		c.Must(t, args...)
	}
	c.Must(t, "ZADD", "small", "1", "nothing")
	args := []string{"ZDIFFSTORE", "dst", "20000", "big"}
	for range 19999 {
		args = append(args, "small")
	}
	if r, err := c.Do(args...); err != nil || r.Int != 100_000 {
		t.Errorf("%v %v", r, err)
	}
}
