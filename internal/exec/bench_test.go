package exec_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/redstart-db/redstart/internal/clock"
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/command/list"
	"github.com/redstart-db/redstart/internal/command/set"
	"github.com/redstart-db/redstart/internal/command/strings"
	"github.com/redstart-db/redstart/internal/config"
	"github.com/redstart-db/redstart/internal/exec"
	"github.com/redstart-db/redstart/internal/oplog"
	"github.com/redstart-db/redstart/internal/resp"
	"github.com/redstart-db/redstart/internal/stats"
	"github.com/redstart-db/redstart/internal/store"
)

// newExec is an executor with the string commands and no connections.
func newExec(tb testing.TB, loops int) *exec.Exec {
	st, err := store.New(store.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { st.Close() })
	env := &command.Env{Store: st, Config: config.Default(), Clock: clock.New(), Log: new(oplog.Log)}
	x := exec.New(env, stats.NewSlowLog(128), new(stats.LatencyMonitor))
	if env.Table, err = command.NewTable(nil, strings.Specs(), list.Specs(), set.Specs(), x.TransactionSpecs()); err != nil {
		tb.Fatal(err)
	}
	x.Start(loops, 1)
	return x
}

const (
	benchKeys  = 1_000_000
	benchDepth = 16
)

// pipelines makes requests of 16 commands over random keys.
func pipelines(n int, get bool, rnd *rand.Rand) [][]byte {
	value := make([]byte, 64)
	all := make([][]byte, n)
	for i := range all {
		for range benchDepth {
			key := []byte(fmt.Sprintf("key:%012d", rnd.IntN(benchKeys)))
			if get {
				all[i] = resp.AppendCommand(all[i], []byte("GET"), key)
			} else {
				all[i] = resp.AppendCommand(all[i], []byte("SET"), key, value)
			}
		}
	}
	return all
}

func fill(cl *exec.Client) {
	value := make([]byte, 64)
	for k := range benchKeys {
		cl.Do(nil, []byte("SET"), []byte(fmt.Sprintf("key:%012d", k)), value)
	}
}

// BenchmarkPipeline is the whole path of a command without the kernel: parser,
// gates, locks, handler, statistics, reply. An operation is one command.
func BenchmarkPipeline(b *testing.B) {
	x := newExec(b, 2)
	cl := x.NewClient(nil, 0)
	fill(cl)
	for _, get := range []bool{true, false} {
		b.Run(fmt.Sprintf("get=%v", get), func(b *testing.B) {
			reqs := pipelines(50000, get, rand.New(rand.NewPCG(1, 2)))
			out := make([]byte, 0, 64<<10)
			b.ReportAllocs()
			b.ResetTimer()
			for i := 0; i < b.N; i += benchDepth {
				in := reqs[i/benchDepth%len(reqs)]
				if n, _, _ := cl.Process(in, out[:0]); n != len(in) {
					b.Fatal("not all requests were read")
				}
			}
		})
	}
}

// BenchmarkScaling measures the throughput of two goroutines against that of one.
func BenchmarkScaling(b *testing.B) {
	x := newExec(b, 2)
	fill(x.NewClient(nil, 0))
	for _, get := range []bool{true, false} {
		for _, workers := range []int{1, 2} {
			b.Run(fmt.Sprintf("get=%v/goroutines=%d", get, workers), func(b *testing.B) {
				var wg sync.WaitGroup
				clients := make([]*exec.Client, workers)
				reqs := make([][][]byte, workers)
				for i := range clients {
					clients[i] = x.NewClient(nil, i)
					reqs[i] = pipelines(30000, get, rand.New(rand.NewPCG(uint64(i), 2)))
				}
				b.ResetTimer()
				start := time.Now()
				for g := range workers {
					wg.Add(1)
					go func() {
						defer wg.Done()
						out := make([]byte, 0, 64<<10)
						for i := 0; i < b.N; i += benchDepth {
							clients[g].Process(reqs[g][i/benchDepth%len(reqs[g])], out[:0])
						}
					}()
				}
				wg.Wait()
				b.ReportMetric(float64(b.N*workers)/time.Since(start).Seconds(), "ops/s")
			})
		}
	}
}

// footprint is the memory of all blocks, and of the tables among them.
func footprint(x *exec.Exec) (live, table int) {
	for i := range x.Store.Shards() {
		sh := x.Store.Shard(i)
		live += int(sh.Arena().Live())
		table += sh.DB(0).TableBytes()
	}
	return live, table
}

// BenchmarkOneKey is what a command costs when its data is in the caches: all but
// the data itself.
func BenchmarkOneKey(b *testing.B) {
	x := newExec(b, 2)
	cl := x.NewClient(nil, 0)
	for _, words := range []string{"INCR counter", "GET counter", "SET text 0123456789", "LPUSH list abc", "RPUSH list abc", "RPOP list", "SADD set abc"} {
		b.Run(words, func(b *testing.B) {
			var in []byte
			for range benchDepth {
				in = resp.AppendCommand(in, bytes.Fields([]byte(words))...)
			}
			out := make([]byte, 0, 64<<10)
			b.ReportAllocs()
			b.ResetTimer()
			for i := 0; i < b.N; i += benchDepth {
				if n, _, _ := cl.Process(in, out[:0]); n != len(in) {
					b.Fatalf("consumed %d of %d bytes", n, len(in))
				}
			}
		})
	}
}
