package clients

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redstart-db/redstart/tests/peer"
)

// watch runs redis-cli in a mode that goes on until it is stopped, and gives what it
// printed in some time.
func watch(t *testing.T, s *peer.Server, length time.Duration, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), length)
	defer cancel()
	// Left to itself it keeps what it prints into a pipe until it ends.
	cmd := exec.CommandContext(ctx, "stdbuf", append([]string{"-oL", peer.Tool(t, "redis-cli"), "-p", strconv.Itoa(s.Port)}, args...)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.CombinedOutput()
	if ctx.Err() == nil {
		t.Errorf("redis-cli %q has ended: %v\n%s", args, err, out)
	}
	return string(out)
}

// TestRedisCliModes runs the modes in which redis-cli looks into a server, or measures
// it.
func TestRedisCliModes(t *testing.T) {
	s := start(t)
	cli := redisCli(t, s)
	var load bytes.Buffer
	for i := range 500 {
		fmt.Fprintf(&load, "SET s%d %d\r\n", i, i)
	}
	for i := range 200 {
		fmt.Fprintf(&load, "RPUSH list element:%d\r\nSADD set member:%d\r\nZADD zset %d member:%d\r\nHSET hash field:%d %d\r\nXADD stream %d-1 f v\r\n",
			i, i, i, i, i, i, i+1)
	}
	wantOutput(t, cli(load.Bytes(), "--pipe"), `^errors: 0, replies: 1500$`)

	wantOutput(t, cli(nil, "--bigkeys"), `^Sampled 505 keys in the keyspace!$`,
		`^Biggest +list found '"list"' has 200 items$`, `^Biggest +set found '"set"' has 200 members$`,
		`^Biggest +zset found '"zset"' has 200 members$`, `^Biggest +hash found '"hash"' has 200 fields$`,
		`^Biggest +stream found '"stream"' has 200 entries$`, `^500 strings with 1390 bytes`)
	wantOutput(t, cli(nil, "--memkeys"), `^Sampled 505 keys in the keyspace!$`,
		`^Biggest +stream found '"stream"' has [1-9]\d+ bytes$`, `^Biggest +zset found '"zset"' has [1-9]\d{3,} bytes$`)

	wantOutput(t, cli(nil, "CONFIG", "SET", "maxmemory-policy", "allkeys-lfu"), `^OK$`)
	wantOutput(t, cli([]byte(strings.Repeat("GET s7\r\n", 5000)), "--pipe"), `^errors: 0, replies: 5000$`)
	wantOutput(t, cli(nil, "--hotkeys"), `^Sampled 505 keys in the keyspace!$`, `^hot key found with counter: \d+\skeyname: "?s7"?$`)
	wantOutput(t, cli(nil, "CONFIG", "SET", "maxmemory-policy", "noeviction"), `^OK$`)

	wantOutput(t, watch(t, s, 2*time.Second, "--stat", "-i", "0.2"),
		`^keys +mem +clients +blocked +requests +connections`, `^505 +[\d.]+[KMG] +\d+ +0 +\d+ \(\+\d+\) +\d+`)
	wantOutput(t, cli(nil, "--latency", "-i", "1"), `^\d+ \d+ [\d.]+ [1-9]\d*$`)
	wantOutput(t, watch(t, s, 3*time.Second, "--latency-history", "-i", "1"), `\d+ \d+ [\d.]+ \d+`)
	if out := watch(t, s, 2*time.Second, "--latency-dist", "-i", "1"); !strings.Contains(out, "\x1b[48;5;") {
		t.Errorf("--latency-dist shows no spectrum: %q", out)
	}
	wantOutput(t, cli(nil, "--intrinsic-latency", "1"), `total runs \(avg latency`)
	script := filepath.Join(t.TempDir(), "sum.lua")
	if err := os.WriteFile(script, []byte("return {redis.call('get', KEYS[1]) + redis.call('get', KEYS[2]), ARGV[1]}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	wantOutput(t, cli(nil, "--eval", script, "s40", "s2", ",", "word"), `^42$`, `^word$`)
	if n := len(strings.Fields(cli(nil, "--scan", "--pattern", "s1*"))); n != 111 {
		t.Errorf("--scan found %d keys", n)
	}
}

// TestRedisCliDebugger starts the debugger of scripts, which is not to be had: that is
// said, and the server goes on.
func TestRedisCliDebugger(t *testing.T) {
	s := start(t)
	script := filepath.Join(t.TempDir(), "s.lua")
	if err := os.WriteFile(script, []byte("return 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	for _, mode := range []string{"--ldb", "--ldb-sync-mode"} {
		cmd := exec.CommandContext(ctx, peer.Tool(t, "redis-cli"), "-p", strconv.Itoa(s.Port), mode, "--eval", script)
		out, _ := cmd.CombinedOutput()
		wantOutput(t, string(out), `ERR The script debugger is not available on this server`)
	}
	wantOutput(t, redisCli(t, s)(nil, "PING"), `^PONG$`)
}
