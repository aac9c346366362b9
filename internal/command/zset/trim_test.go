package zset

import (
	"fmt"
	"strings"
	"testing"

	"github.com/redstart-db/redstart/internal/command/commandtest"
)

// A range that is most of a large set goes at once; the others stay, in order and
// with the deadline.
func TestRemoveMost(t *testing.T) {
	const n = 20_000
	for _, rng := range [][2]int{{0, n - 11}, {10, n - 1}, {7, n - 4}, {0, n / 2}, {0, n - 1}} {
		s := commandtest.New(t, Specs())
		var line strings.Builder
		for i := range n {
			if i%1000 == 0 {
				line.WriteString("ZADD z")
			}
			fmt.Fprintf(&line, " %d m%05d", i/3, i)
			if i%1000 == 999 {
				s.Do(line.String())
				line.Reset()
			}
		}
		want := fmt.Sprintf(":%d\r\n", rng[1]-rng[0]+1)
		if got := s.Do(fmt.Sprintf("ZREMRANGEBYRANK z %d %d", rng[0], rng[1])); got != want {
			t.Errorf("%v: %q, want %q", rng, got, want)
		}
		var left []string
		for i := range n {
			if i < rng[0] || i > rng[1] {
				left = append(left, fmt.Sprintf("$6\r\nm%05d\r\n", i))
			}
		}
		if got, want := s.Do("ZRANGE z 0 -1"), fmt.Sprintf("*%d\r\n%s", len(left), strings.Join(left, "")); got != want {
			t.Errorf("%v: %d bytes are left, want %d", rng, len(got), len(want))
		}
		for i := range s.Store.Shards() {
			for s.Store.Shard(i).Reclaim(1000) {
			}
		}
	}
}
