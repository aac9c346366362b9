package config

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// peerBinary returns the reference server, and skips the test without one.
func peerBinary(t *testing.T) string {
	t.Helper()
	bin, err := exec.LookPath("redis-server")
	if err == nil {
		out, verr := exec.Command(bin, "--version").Output()
		if verr == nil && bytes.Contains(out, []byte("v=7.0.")) {
			return bin
		}
		err = fmt.Errorf("not version 7.0: %s %w", out, errors.Join(verr))
	}
	if os.Getenv("REDSTART_REQUIRE_PEERS") == "1" {
		t.Fatal(err)
	}
	t.Skip("no reference server: ", err)
	return ""
}

// peer is a running reference server.
type peer struct {
	conn net.Conn
	r    *bufio.Reader
	file string
}

// startPeer runs the reference server with a configuration file that holds
// text, reachable by a Unix socket only.
func startPeer(t *testing.T, text string) *peer {
	t.Helper()
	bin := peerBinary(t)
	dir := t.TempDir()
	p := &peer{file: filepath.Join(dir, "r.conf")}
	if err := os.WriteFile(p.file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "s")
	var log bytes.Buffer
	cmd := exec.Command(bin, p.file, "--port", "0", "--unixsocket", socket)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() {
		_ = cmd.Wait() // It is killed, so this is always an error.
		close(exited)
	}()
	stop := func() {
		_ = cmd.Process.Kill() // It may have ended by itself.
		<-exited
	}
	t.Cleanup(stop)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		conn, err := net.Dial("unix", socket)
		if err == nil {
			t.Cleanup(func() { conn.Close() })
			p.conn, p.r = conn, bufio.NewReader(conn)
			return p
		}
		select {
		case <-exited:
			t.Fatalf("the reference server did not start with %q: %s", text, log.String())
		default:
		}
		if time.Now().After(deadline) {
			stop()
			t.Fatal(err, log.String())
		}
	}
}

// do runs a command and returns the strings of the reply; an error is one.
func (p *peer) do(t *testing.T, args ...string) []string {
	t.Helper()
	fmt.Fprintf(p.conn, "*%d\r\n", len(args))
	for _, a := range args {
		fmt.Fprintf(p.conn, "$%d\r\n%s\r\n", len(a), a)
	}
	reply, err := p.read()
	if err != nil {
		t.Fatal(args, err)
	}
	return reply
}

func (p *peer) read() ([]string, error) {
	head, err := p.r.ReadString('\n')
	if err != nil {
		return nil, err
	}
	head = strings.TrimSuffix(head, "\r\n")
	n, _ := strconv.Atoi(head[1:])
	switch head[0] {
	case '$':
		b := make([]byte, n+2)
		_, err := io.ReadFull(p.r, b)
		return []string{string(b[:n])}, err
	case '*':
		var all []string
		for range n {
			one, err := p.read()
			if err != nil {
				return nil, err
			}
			all = append(all, one...)
		}
		return all, nil
	}
	return []string{head[1:]}, nil
}

// values returns what CONFIG GET shows.
func (p *peer) values(t *testing.T, names ...string) map[string]string {
	t.Helper()
	flat := p.do(t, append([]string{"CONFIG", "GET"}, names...)...)
	m := make(map[string]string)
	for i := 0; i+1 < len(flat); i += 2 {
		m[flat[i]] = flat[i+1]
	}
	return m
}

// startExceptions are the directives by which startPeer differs from defaults.
var startExceptions = map[string]string{
	"port":       "the peer listens on a Unix socket only",
	"unixsocket": "the peer listens on one",
	"dir":        "the peer runs in a directory of its own",
}

func compareValues(t *testing.T, want map[string]string, c *Config) {
	t.Helper()
	for name, w := range want {
		if startExceptions[name] != "" {
			continue
		}
		if got, ok := c.Value(name); !ok || got != w {
			t.Errorf("%s is %q (known: %v), the reference has %q", name, got, ok, w)
		}
	}
}

func TestPeerDefaults(t *testing.T) {
	p := startPeer(t, "")
	all := p.values(t, "*")
	if len(all) < 180 {
		t.Fatalf("the reference showed %d directives", len(all))
	}
	for _, r := range Reference() {
		if r.Hidden && !r.Newer {
			h := p.values(t, r.Name)
			if len(h) != 1 {
				t.Errorf("the reference does not know %s", r.Name)
			}
			all[r.Name] = h[r.Name]
		}
	}
	compareValues(t, all, Default())
	ours := make(map[string]bool)
	for _, pair := range Default().Get([]string{"*"}, glob) {
		ours[pair[0]] = true
		if r, _ := Lookup(pair[0]); !r.Newer {
			if _, ok := all[pair[0]]; !ok {
				t.Errorf("the reference does not show %s", pair[0])
			}
		}
	}
	for name := range all {
		if r, ok := Lookup(name); ok && !r.Hidden && !ours[name] {
			t.Errorf("%s is not shown", name)
		}
	}
	testPeerFlags(t, p)
}

// testPeerFlags compares what may be set: every directive is set to its own
// value, which changes nothing.
func testPeerFlags(t *testing.T, p *peer) {
	c := Default()
	for _, r := range Reference() {
		// The peer would listen on the addresses, and load the certificates.
		if r.Newer || r.FileOnly || r.Name == "bind" || strings.HasPrefix(r.Name, "tls-") {
			continue
		}
		v := p.values(t, r.Name)[r.Name]
		want := p.do(t, "CONFIG", "SET", r.Name, v)[0]
		if got := setReply(c, [][2]string{{r.Name, v}}); got != want {
			t.Errorf("CONFIG SET %s %q: %q, the reference has %q", r.Name, v, got, want)
		}
	}
}

func setReply(c *Config, pairs [][2]string) string {
	if err := c.Set(pairs, nil); err != nil {
		return "ERR " + err.Error()
	}
	return "OK"
}

func TestPeerSet(t *testing.T) {
	p := startPeer(t, "")
	both := Default()
	check := func(pairs [][2]string) {
		args := []string{"CONFIG", "SET"}
		for _, pair := range pairs {
			args = append(args, pair[0], pair[1])
		}
		want := p.do(t, args...)[0]
		if got := setReply(both, pairs); got != want {
			t.Errorf("%q: %q, the reference has %q", pairs, got, want)
		}
		for _, pair := range pairs {
			if r, ok := Lookup(pair[0]); ok && !r.FileOnly {
				compareValues(t, p.values(t, strings.ToLower(pair[0])), both)
			}
		}
	}
	for _, tt := range badSets {
		check(tt.pairs)
	}
	for _, tt := range goodSets {
		check(tt.pairs)
	}
	// Ranges and kinds, at their edges. Left out is what the peer would act on.
	acts := []string{"port", "tls-port", "bind", "maxclients", "maxmemory", "watchdog-period", // raised later by a timer
		"activedefrag", "dir",
		"maxmemory-clients", "repl-backlog-size", "requirepass", "appendonly", "cluster-announce-hostname"}
	for _, r := range Reference() {
		if r.Newer || r.FileOnly || !r.Mutable || slices.Contains(acts, r.Name) || strings.HasPrefix(r.Name, "tls-") {
			continue
		}
		before := p.values(t, r.Name)[r.Name]
		for _, v := range []string{"", "-1", "0", "1", "1kb", "100", "65536", "2147483648", "-2147483649", "9223372036854775808", "YES", "x y"} {
			check([][2]string{{r.Name, v}})
		}
		check([][2]string{{r.Name, before}})
	}
}

func TestPeerLoad(t *testing.T) {
	for _, tt := range goodLines {
		r, _ := Lookup(tt.name)
		if r.Newer || startExceptions[tt.name] != "" || tt.name == "requirepass" { // It would not let us ask.
			continue
		}
		p := startPeer(t, tt.text+"\n")
		if got := p.values(t, tt.name)[tt.name]; got != tt.want {
			t.Errorf("%q: %s is %q at the reference, want %q", tt.text, tt.name, got, tt.want)
		}
		p.conn.Close()
	}
}

var fatalVersion = regexp.MustCompile(`ERROR \((Redis [0-9.]+)\)`)

// peerReport runs the reference server on input that does not load, and returns
// what it printed on standard error and the version within.
func peerReport(t *testing.T, stdin string, args ...string) (text, version string) {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.Command(peerBinary(t), args...)
	cmd.Stdin, cmd.Stderr, cmd.Dir = strings.NewReader(stdin), &stderr, t.TempDir()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() }) // Should it start after all.
	defer timer.Stop()
	if err := cmd.Wait(); err == nil {
		t.Errorf("%q %q: the reference did not fail", stdin, args)
	}
	if m := fatalVersion.FindStringSubmatch(stderr.String()); m != nil {
		version = m[1]
	}
	return stderr.String(), version
}

func TestPeerBadLines(t *testing.T) {
	for _, tt := range badLines {
		text := "# first\n\n  " + tt.line + "  \nport 1\n"
		want, version := peerReport(t, text, "-")
		var fe *FileError
		if err := Default().Load(strings.NewReader(text), ""); !errors.As(err, &fe) || fe.Report(version) != want {
			t.Errorf("%q: %v, the reference has %q", tt.line, err, want)
		}
	}
}

func TestPeerArgs(t *testing.T) {
	for _, args := range [][]string{
		{"--port"}, {"--port", "--loglevel", "verbose"}, {"--save"}, {"--save", "--loglevel", "verbose"}, {"--save", "", "--loglevel", "x"},
		{"--bind", "a", "b"}, {"--proc-title-template", "--my"}, {"--replicaof", "a", "b"}, {"--replicaof", "--a", "b"},
		{"--replicaof", "--a", "--b"}, {"--oom-score-adj", "--oom-score-adj-values"}, {"--"}, {"--", "--"}, {"-x"},
		{"--requirepass", "a b\nc\"d"}, {"--PORT", "abc"}, {"--port 7000"}, {"--port 7000 8"}, {"--save 1 2"}, {"--save", "1", "2", "--save", "5", "6"},
		{"--user", "a", "on", ">x"}, {"-", "--loglevel", "x"}, {"--loglevel", "x", "-"}, {"--port 5\nhz x"}, {"--Save", "--hz", "x"},
	} {
		args = append(slices.Clone(args), "--port", "zz")
		want, version := peerReport(t, "", args...)
		var fe *FileError
		if _, err := Default().ParseArgsFrom(args, strings.NewReader("")); !errors.As(err, &fe) || fe.Report(version) != want {
			t.Errorf("%q: %v, the reference has %q", args, err, want)
		}
	}
}

// The reference and we rewrite the same file after the same changes: each can
// read the other's, and finds the same values.
func TestPeerRewrite(t *testing.T) {
	// After an include, the reference forgets its earlier save lines.
	text := strings.NewReplacer("dir /tmp\n", "", "include /nonexistent*.conf\n", "").Replace(sampleFile)
	for n, pairs := range [][][2]string{
		nil,
		{{"save", ""}, {"maxmemory", "0"}, {"hz", "20"}, {"client-output-buffer-limit", "normal 1 2 3 slave 1gb 1mb 60"}},
		{{"save", "5 5 6 6 7 7"}, {"masterauth", "x \"y\x01"}, {"notify-keyspace-events", "KEA"}, {"proto-max-bulk-len", "1048577"}},
		{{"maxmemory-clients", "5%"}, {"latency-tracking-info-percentiles", ""}, {"shutdown-on-sigint", "nosave force"}, {"oom-score-adj-values", "1 2 3"}},
		{{"maxmemory", "3000mb"}, {"maxmemory-policy", "allkeys-lru"}, {"slave-read-only", "no"}, {"timeout", "0"}},
	} {
		p := startPeer(t, text)
		c := Default()
		if err := c.LoadFile(p.file); err != nil {
			t.Fatal(err)
		}
		for _, pair := range pairs {
			if got := p.do(t, "CONFIG", "SET", pair[0], pair[1])[0]; got != "OK" {
				t.Fatal(pair, got)
			}
		}
		if err := c.Set(pairs, nil); err != nil {
			t.Fatal(err)
		}
		ours := c.rewriteText(text, "", newLoader)
		if got := p.do(t, "CONFIG", "REWRITE")[0]; got != "OK" {
			t.Fatal(got)
		}
		theirs := Default()
		if err := theirs.LoadFile(p.file); err != nil {
			t.Fatal(n, err)
		}
		compareValues(t, p.values(t, "*"), c)
		compareValues(t, p.values(t, "*"), theirs)
		compareValues(t, startPeer(t, ours).values(t, "*"), c)
	}
}
