package set_test

import (
	"fmt"
	"testing"

	"github.com/redstart-db/redstart/internal/command/commandtest"
	"github.com/redstart-db/redstart/internal/command/set"
)

// BenchmarkSets runs single commands on sets of different forms.
func BenchmarkSets(b *testing.B) {
	s := commandtest.New(b, set.Specs())
	fill(s, "big1", "member:%08d", 10000)
	for i := range 10000 {
		s.Do(fmt.Sprintf("SADD big2 member:%08d", i+5000))
	}
	fill(s, "int1", "%d", 512)
	for i := range 512 {
		s.Do(fmt.Sprintf("SADD int2 %d", i*2))
	}
	fill(s, "small1", "m%d", 128)
	fill(s, "small2", "m%d", 100)
	out := make([]byte, 0, 4<<20)
	for _, line := range []string{
		"SINTER big1 big2", "SUNION big1 big2", "SDIFF big1 big2", "SINTERCARD 2 big1 big2", "SMEMBERS big1",
		"SINTER int1 int2", "SINTER small1 small2", "SUNION small1 small2", "SDIFF big1 small1",
		"SADD big1 member:00000007", "SISMEMBER big1 member:00000007", "SRANDMEMBER big1", "SADD small1 m77", "SADD int1 77",
		"SUNIONSTORE d big1 big2", "SINTERSTORE d big1 big2",
	} {
		b.Run(line, func(b *testing.B) {
			request := args(line)
			b.ReportAllocs()
			for b.Loop() {
				s.Client.Do(out[:0], request...)
			}
		})
	}
	b.Run("SPOP", func(b *testing.B) {
		pop := args("SPOP pop")
		for i := range b.N {
			s.Do(fmt.Sprintf("SADD pop element:%012d", i))
		}
		b.ResetTimer()
		b.ReportAllocs()
		for range b.N {
			s.Client.Do(out[:0], pop...)
		}
	})
}

// BenchmarkAdd adds members in pipelines, as redis-benchmark does.
func BenchmarkAdd(b *testing.B) {
	s := commandtest.New(b, set.Specs())
	commandtest.BenchmarkPipeline(b, s, "SADD s element:#", 300000)
}
