package zset_test

import (
	"fmt"
	"testing"

	"github.com/redstart-db/redstart/internal/command/commandtest"
	"github.com/redstart-db/redstart/internal/command/zset"
)

// BenchmarkCombine runs commands on two sets of which half is the same.
func BenchmarkCombine(b *testing.B) {
	for _, n := range []int{100, 1000} {
		for _, line := range []string{
			"ZUNIONSTORE d 2 x y", "ZINTERSTORE d 2 x y", "ZDIFFSTORE d 2 x y", "ZINTERCARD 2 x y", "ZRANGESTORE d x 0 -1",
			"ZCOUNT x 20 80", "ZRANDMEMBER x 20",
		} {
			b.Run(fmt.Sprintf("%s/%d", line, n), func(b *testing.B) {
				s := commandtest.New(b, zset.Specs())
				for i := range n {
					s.Do(fmt.Sprintf("ZADD x %d m%d", i, i))
					s.Do(fmt.Sprintf("ZADD y %d m%d", i, i+n/2))
				}
				commandtest.BenchmarkPipeline(b, s, line, 16)
			})
		}
	}
}

// BenchmarkPop pops from a set in which all scores are the same.
func BenchmarkPop(b *testing.B) {
	for _, line := range []string{"ZPOPMIN z", "ZPOPMAX z", "ZPOPMIN z 10"} {
		b.Run(line, func(b *testing.B) {
			s := commandtest.New(b, zset.Specs())
			const n = 300_000
			for i := range n {
				s.Do(fmt.Sprintf("ZADD z 0 element:%012d", i*7919%n))
			}
			in, out := []byte(line+"\r\n"), make([]byte, 0, 1<<16)
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				s.Client.Process(in, out[:0])
			}
		})
	}
}
