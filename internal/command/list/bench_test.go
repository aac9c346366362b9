package list_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/redstart-db/redstart/internal/command/commandtest"
)

// BenchmarkPipeline is the path of commands without the kernel; an operation is one
// command.
func BenchmarkPipeline(b *testing.B) {
	for _, bench := range []struct {
		line string
		keys int
	}{
		{"LPUSH mylist xyz", 1 << 16},
		{"LPUSH l:# value:0000000000000000", 1 << 16},
		{"RPUSH l:# value:0000000000000000", 1 << 16},
		{"RPOP mylist", 1 << 16},
		{"LMOVE mylist mylist LEFT RIGHT", 1 << 16},
		{"LMOVE mylist other LEFT RIGHT", 1 << 16},
		{"LRANGE mylist 0 99", 1 << 10},
		{"LRANGE small 0 99", 1 << 10},
		{"LINDEX mylist 100000", 1 << 16},
	} {
		b.Run(strings.ReplaceAll(bench.line, " ", "_"), func(b *testing.B) {
			s := newServer(b)
			if !strings.Contains(bench.line, "PUSH") {
				fill := "RPUSH mylist" + strings.Repeat(" xyz", 1000)
				for range max(b.N, 1<<17)/1000 + 200 {
					s.Do(fill)
				}
				for i := range 100 {
					s.Do(fmt.Sprintf("RPUSH small element:%d", i))
				}
			}
			commandtest.BenchmarkPipeline(b, s, bench.line, bench.keys)
		})
	}
}
