package clients

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redstart-db/redstart/tests/peer"
)

const (
	limit  = time.Minute // for one run of a program
	python = "/usr/bin/python3"
)

func start(t *testing.T) *peer.Server {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a server")
	}
	return peer.StartRedstart(t, peer.Options{})
}

// run runs a program to its end and gives what it printed.
func run(t *testing.T, input []byte, bin string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, bin, args...)
	cmd.Stdin = bytes.NewReader(input)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", bin, args, err, out)
	}
	return string(out)
}

// redisCli gives a function that runs redis-cli.
func redisCli(t *testing.T, s *peer.Server) func(input []byte, args ...string) string {
	t.Helper()
	bin := peer.Tool(t, "redis-cli")
	return func(input []byte, args ...string) string {
		t.Helper()
		return run(t, input, bin, append([]string{"-p", strconv.Itoa(s.Port)}, args...)...)
	}
}

func wantOutput(t *testing.T, out string, patterns ...string) {
	t.Helper()
	for _, p := range patterns {
		if !regexp.MustCompile(`(?m)` + p).MatchString(out) {
			t.Errorf("nothing matches %s in:\n%s", p, out)
		}
	}
}

func TestRedisCli(t *testing.T) {
	s := start(t)
	cli := redisCli(t, s)
	const keys = 5000

	var load bytes.Buffer
	for i := range keys {
		// The notation of requests and that of lines, mixed.
		if i%2 == 0 {
			fmt.Fprintf(&load, "*3\r\n$3\r\nSET\r\n$8\r\nkey:%04d\r\n$%d\r\n%s\r\n", i, i%200, strings.Repeat("x", i%200))
		} else {
			fmt.Fprintf(&load, "SET key:%04d %d\r\n", i, i)
		}
	}
	wantOutput(t, cli(load.Bytes(), "--pipe"), `^errors: 0, replies: 5000$`)
	wantOutput(t, cli([]byte("SET a 1\r\nGET\r\nNOSUCH\r\n"), "--no-raw"), `^OK$`, `wrong number of arguments for 'get'`, `unknown command 'NOSUCH'`)

	if got := strings.TrimSpace(cli(nil, "DBSIZE")); got != strconv.Itoa(keys+1) {
		t.Errorf("DBSIZE: %s", got)
	}
	found := strings.Fields(cli(nil, "--scan", "--pattern", "key:*"))
	slices.Sort(found)
	if found = slices.Compact(found); len(found) != keys || found[0] != "key:0000" || found[keys-1] != "key:4999" {
		t.Errorf("--scan found %d keys", len(found))
	}
	wantOutput(t, cli(nil, "--bigkeys"), `^Sampled 5001 keys in the keyspace!$`, `^Biggest string found '"key:\d+"' has 198 bytes$`,
		`^5001 strings with \d+ bytes \(100\.00% of keys`)
	wantOutput(t, cli(nil, "--memkeys", "--memkeys-samples", "5"), `^Sampled 5001 keys in the keyspace!$`, `^Biggest string found '"key:\d+"' has \d+ bytes$`)

	wantOutput(t, cli(nil, "-3", "HELLO"), `^proto 3$`)
	wantOutput(t, cli(nil, "--csv", "MGET", "a", "none"), `^"1",NULL$`)
	wantOutput(t, cli(nil, "--json", "-3", "CONFIG", "GET", "databases"), `^\{"databases":"16"\}$`)
	wantOutput(t, cli([]byte("MULTI\nINCR a\nGET a\nEXEC\n"), "--no-raw"), `^QUEUED\nQUEUED\n1\) \(integer\) 2\n2\) "2"$`)
	wantOutput(t, cli([]byte("value from input"), "-x", "SET", "x"), `^OK$`)
	wantOutput(t, cli(nil, "-r", "3", "-i", "0.01", "INCR", "n"), `^1\n2\n3$`)
	wantOutput(t, cli(nil, "-n", "3", "SET", "there", "1"), `^OK$`)
	wantOutput(t, cli(nil, "INFO", "keyspace"), `^db0:keys=5003,`, `^db3:keys=1,`)
	wantOutput(t, cli(nil, "--latency", "--raw", "-i", "1"), `^\d+ \d+ [\d.]+ \d+`)
}

func TestRedisBenchmark(t *testing.T) {
	bin := peer.Tool(t, "redis-benchmark")
	s := start(t)
	c := s.Dial(t)
	for _, extra := range [][]string{{"-P", "16"}, {"-P", "1"}, {"-P", "16", "--threads", "2", "-3", "-r", "1000", "-d", "1000"}} {
		args := append([]string{"-p", strconv.Itoa(s.Port), "-t", "ping,set,get,incr,mset", "-n", "10000", "--csv"}, extra...)
		out := run(t, nil, bin, args...)
		for _, test := range []string{"PING_INLINE", "PING_MBULK", "SET", "GET", "INCR", `MSET \(10 keys\)`} {
			wantOutput(t, out, `^"`+test+`","[\d.]+"`)
		}
		if strings.Contains(strings.ToLower(out), "err") {
			t.Errorf("%q: %s", extra, out)
		}
	}
	info := string(c.Must(t, "INFO", "everything").Str)
	wantOutput(t, info, `^total_error_replies:0\r$`, `^cmdstat_set:calls=30000,`, `^cmdstat_mset:calls=30000,`, `^db0:keys=`)
}

func TestRedisPy(t *testing.T) {
	peer.Tool(t, python)
	if out, err := exec.Command(python, "-c", "import redis").CombinedOutput(); err != nil {
		peer.Lack(t, "python3-redis: "+string(out))
	}
	s := start(t)
	out := run(t, nil, python, "-W", "error::ResourceWarning", "testdata/redis_py.py", strconv.Itoa(s.Port))
	wantOutput(t, out, `^Ran \d+ tests in`, `^OK$`)
	t.Log(out)
}
