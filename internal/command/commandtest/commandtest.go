// Package commandtest runs the commands of some families inside a test, through
// the executor but without connections, and shows what they propagate and
// publish.
package commandtest

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/redstart-db/redstart/internal/acl"
	"github.com/redstart-db/redstart/internal/clock"
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/config"
	"github.com/redstart-db/redstart/internal/exec"
	"github.com/redstart-db/redstart/internal/num"
	"github.com/redstart-db/redstart/internal/oplog"
	"github.com/redstart-db/redstart/internal/resp"
	"github.com/redstart-db/redstart/internal/stats"
	"github.com/redstart-db/redstart/internal/store"
	"github.com/redstart-db/redstart/internal/words"
)

// Server is an executor with a client. It is for one goroutine.
type Server struct {
	*exec.Exec
	Client *exec.Client

	tb      testing.TB
	effects []string
	events  []string
}

// New makes a server with the families of commands, which ends with the test.
func New(tb testing.TB, families ...[]command.Spec) *Server {
	tb.Helper()
	return NewStore(tb, store.Options{}, families...)
}

// NewStore is New with a store of one's own choice, such as one that is soon full.
func NewStore(tb testing.TB, o store.Options, families ...[]command.Spec) *Server {
	tb.Helper()
	st, err := store.New(o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { st.Close() })
	env := &command.Env{Store: st, Config: config.Default(), Clock: clock.New(), Log: new(oplog.Log),
		Logger: slog.New(slog.DiscardHandler), Users: acl.NewUsers(), Denials: new(acl.Log)}
	s := &Server{Exec: exec.New(env, stats.NewSlowLog(128), new(stats.LatencyMonitor)), tb: tb}
	if env.Table, err = command.NewTable(nil, families...); err != nil {
		tb.Fatal(err)
	}
	s.Start(1, 0)
	s.Client = s.NewClient(nil, 0)
	return s
}

// Do runs a command, written as in redis-cli, and gives its reply in RESP.
func (s *Server) Do(line string) string {
	s.tb.Helper()
	args, ok := words.Split([]byte(line))
	if !ok {
		s.tb.Fatalf("unbalanced quotes: %s", line)
	}
	return string(s.Client.Do(nil, args...))
}

// Record begins to note effects and events.
func (s *Server) Record() {
	s.Log.Attach(s)
	s.Notify = ^command.NotifyClass(0)
	s.Publish = func(_ int, _ command.NotifyClass, event string, key []byte) {
		s.events = append(s.events, event+" "+string(key))
	}
}

// Append implements oplog.Consumer.
func (s *Server) Append(_ uint64, effects []oplog.Effect) {
	for _, e := range effects {
		s.effects = append(s.effects, requests(s.tb, e.Cmds)...)
	}
}

// Recorded gives the commands that were propagated and the events that were
// published since it was called before, each list joined by "; ".
func (s *Server) Recorded() (effects, events string) {
	effects, events = strings.Join(s.effects, "; "), strings.Join(s.events, "; ")
	s.effects, s.events = nil, nil
	return effects, events
}

// requests splits RESP requests, and shows times near the present as "soon".
func requests(tb testing.TB, b []byte) (all []string) {
	var p resp.Parser
	soon := clock.New().NowMilli()
	for len(b) > 0 {
		args, n, err := p.Next(b)
		if err != nil || n == 0 {
			tb.Fatalf("%q is no request: %v", b, err)
		}
		var words []string
		for _, a := range args {
			word := string(a)
			if t, ok := num.ParseInt(a); ok && t > soon && t < soon+1_000_000 {
				word = "soon"
			}
			if word == "" {
				word = `""`
			}
			words = append(words, word)
		}
		all = append(all, strings.Join(words, " "))
		b = b[n:]
	}
	return all
}

// BenchmarkPipeline runs requests in pipelines of 16 through the parser and the
// executor. line is a format for a key's number below keys; an operation is one
// command.
func BenchmarkPipeline(b *testing.B, s *Server, line string, keys int) {
	const depth = 16
	pipelines := make([][]byte, (keys+depth-1)/depth)
	for i := range keys {
		n := i * 7919 % keys
		args, _ := words.Split([]byte(strings.ReplaceAll(line, "#", fmt.Sprintf("%012d", n))))
		pipelines[i/depth] = resp.AppendCommand(pipelines[i/depth], args...)
	}
	out := make([]byte, 0, 1<<20)
	run := func(in []byte) {
		for len(in) > 0 {
			n, _, _ := s.Client.Process(in, out[:0])
			if n == 0 {
				b.Fatal("a request was not taken")
			}
			in = in[n:]
		}
	}
	for _, in := range pipelines {
		run(in)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; i += depth {
		run(pipelines[i/depth%len(pipelines)])
	}
}
