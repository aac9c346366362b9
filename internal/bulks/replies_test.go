package bulks_test

import (
	"fmt"
	"testing"

	"github.com/redstart-db/redstart/internal/command/commandtest"
	"github.com/redstart-db/redstart/internal/command/hash"
	"github.com/redstart-db/redstart/internal/command/list"
	"github.com/redstart-db/redstart/internal/command/set"
	"github.com/redstart-db/redstart/internal/command/stream"
	"github.com/redstart-db/redstart/internal/command/strings"
	"github.com/redstart-db/redstart/internal/command/zset"
)

// BenchmarkReplies is what commands with long replies take without the kernel.
func BenchmarkReplies(b *testing.B) {
	s := commandtest.New(b, strings.Specs(), hash.Specs(), list.Specs(), set.Specs(), zset.Specs(), stream.Specs())
	mget := "MGET"
	for i := range 1000 {
		s.Do(fmt.Sprintf("SET key:%03d value:%08d", i, i))
		if i < 100 {
			mget += fmt.Sprintf(" key:%03d", i)
		}
		s.Do(fmt.Sprintf("RPUSH list item:%08d", i))
		s.Do(fmt.Sprintf("RPUSH numbers %d", i*7919))
		s.Do(fmt.Sprintf("XADD stream 1700000000000-%d user_id %012d action purchase amount 99.99", i+1, i*7919))
		s.Do(fmt.Sprintf("ZADD zset %d player:%012d", i, i))
		s.Do(fmt.Sprintf("HSET bighash field:%d value:%d", i, i))
		s.Do(fmt.Sprintf("SADD set member:%08d", i))
		s.Do(fmt.Sprintf("SADD other member:%08d", i+500))
		if i < 500 {
			s.Do(fmt.Sprintf("SADD intset %d", i*7919))
		}
		if i < 100 {
			s.Do(fmt.Sprintf("ZADD packed %d player:%012d", i, i))
		}
		if i < 20 {
			s.Do(fmt.Sprintf("HSET hash field:%02d value:%08d", i, i))
		}
	}
	for _, line := range []string{
		"GET key:007", mget, "HGETALL hash", "HVALS hash", "HGETALL bighash", "LRANGE list 0 99", "LRANGE numbers 0 99",
		"SMEMBERS intset", "SMEMBERS set", "SINTER set other", "ZRANGE packed 0 -1 WITHSCORES", "ZRANGE packed 0 -1 REV",
		"ZRANGE zset 500 599 WITHSCORES", "ZRANGE zset 500 599", "XRANGE stream - + COUNT 100",
	} {
		b.Run(fmt.Sprintf("%.30s", line), func(b *testing.B) { commandtest.BenchmarkPipeline(b, s, line, 160) })
	}
}
