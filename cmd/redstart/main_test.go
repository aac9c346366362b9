//go:build unix

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// binary is the program under test, in a folder of its own with links.
var binary string

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "redstart-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "redstart")
	build := exec.Command("go", "build", "-o", binary, ".")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	for _, name := range []string{"redis-server", "redis-cli", "redis-check-rdb", "redis-check-aof"} {
		if err := os.Symlink(binary, filepath.Join(dir, name)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return m.Run()
}

func named(name string) string { return filepath.Join(filepath.Dir(binary), name) }

// output runs a program that ends by itself.
func output(t *testing.T, stdin string, name string, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	cmd := exec.Command(name, args...)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	cmd.Dir = t.TempDir()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop := time.AfterFunc(10*time.Second, func() { cmd.Process.Kill() })
	defer stop.Stop()
	cmd.Wait() // The status says how it ended.
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// server is a started program.
type server struct {
	t    *testing.T
	cmd  *exec.Cmd
	port int
	dir  string
	log  string
	over chan struct{}
}

func freePort(t *testing.T) int {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port
}

func launch(t *testing.T, env []string, args ...string) *server {
	t.Helper()
	s := &server{t: t, port: freePort(t), dir: t.TempDir(), over: make(chan struct{})}
	s.log = filepath.Join(s.dir, "stdout")
	f, err := os.Create(s.log)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s.cmd = exec.Command(binary, append([]string{"--port", strconv.Itoa(s.port), "--bind", "127.0.0.1", "--save", "", "--dir", s.dir}, args...)...)
	s.cmd.Dir = s.dir
	s.cmd.Env = append(os.Environ(), env...)
	s.cmd.Stdout, s.cmd.Stderr = f, f
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		s.cmd.Wait() // The status says how it ended.
		close(s.over)
	}()
	t.Cleanup(func() {
		s.cmd.Process.Kill() // It may be gone.
		<-s.over
	})
	s.awaits("Ready to accept connections")
	return s
}

// awaits waits for a text in the log.
func (s *server) awaits(text string) {
	s.t.Helper()
	until(s.t, text, func() bool { return strings.Contains(s.output(), text) })
}

func until(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !f(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited for %q in vain", what)
		}
	}
}

func (s *server) output() string {
	b, err := os.ReadFile(s.log)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(b)
}

// signal ends the server and gives its exit status.
func (s *server) signal(sig os.Signal) int {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
	select {
	case <-s.over:
	case <-time.After(time.Minute):
		s.t.Fatalf("it does not end\n%s", s.output())
	}
	return s.cmd.ProcessState.ExitCode()
}

// ask sends one inline command and gives the first line of the reply.
func ask(port int, command string) string {
	c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return err.Error()
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Minute))
	fmt.Fprintf(c, "%s\r\n", command)
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(line)
}

func TestStartAndStop(t *testing.T) {
	for _, sig := range []os.Signal{syscall.SIGTERM, syscall.SIGINT} {
		s := launch(t, nil, "--always-show-logo", "yes", "--unixsocket", "sock", "--pidfile", "pid")
		if got := ask(s.port, "PING"); got != "+PONG" {
			t.Errorf("PING: %q", got)
		}
		pid := strconv.Itoa(s.cmd.Process.Pid)
		if b, err := os.ReadFile(filepath.Join(s.dir, "pid")); string(b) != pid+"\n" {
			t.Errorf("pid file: %q, %v", b, err)
		}
		if status := s.signal(sig); status != 0 {
			t.Errorf("%v: status %d", sig, status)
		}
		log := s.output()
		for _, want := range []string{" PID: " + pid + "\n", "Server initialized", "ready to exit, bye bye..."} {
			if !strings.Contains(log, want) {
				t.Errorf("the log is without %q:\n%s", want, log)
			}
		}
		for _, name := range []string{"sock", "pid"} {
			if _, err := os.Stat(filepath.Join(s.dir, name)); err == nil {
				t.Errorf("%s is left behind", name)
			}
		}
	}
}

func TestShutdownCommand(t *testing.T) {
	s := launch(t, nil)
	ask(s.port, "SHUTDOWN NOSAVE")
	select {
	case <-s.over:
	case <-time.After(time.Minute):
		t.Fatal("it does not end")
	}
	if status := s.cmd.ProcessState.ExitCode(); status != 0 {
		t.Errorf("status %d\n%s", status, s.output())
	}
}

func TestPortInUse(t *testing.T) {
	s := launch(t, nil)
	out, _, status := output(t, "", binary, "--port", strconv.Itoa(s.port), "--bind", "127.0.0.1", "--save", "")
	if status != 1 || !strings.Contains(out, fmt.Sprintf("Failed listening on port %d (TCP), aborting.", s.port)) {
		t.Errorf("status %d\n%s", status, out)
	}
	if got := ask(s.port, "PING"); got != "+PONG" {
		t.Errorf("the first server: %q", got)
	}
}

// A second server does not start on the files of the first, and neither are they
// repaired meanwhile.
func TestFolderInUse(t *testing.T) {
	s := launch(t, nil, "--appendonly", "yes")
	out, _, status := output(t, "", binary, "--port", strconv.Itoa(freePort(t)), "--dir", s.dir, "--save", "", "--appendonly", "yes")
	want := fmt.Sprintf("The folder %s is in use: another server (process %d) keeps appendonly.aof there.",
		filepath.Join(s.dir, "appendonlydir"), s.cmd.Process.Pid)
	if status != 1 || !strings.Contains(out, want) {
		t.Errorf("status %d\n%s", status, out)
	}
	manifest := filepath.Join(s.dir, "appendonlydir", "appendonly.aof.manifest")
	out, _, status = output(t, "", named("redis-check-aof"), "--fix", manifest)
	if status != 1 || !strings.Contains(out, "in use by a server (locked by process "+strconv.Itoa(s.cmd.Process.Pid)+")") {
		t.Errorf("--fix: status %d\n%s", status, out)
	}
	if out, _, status = output(t, "", named("redis-check-aof"), manifest); status != 0 {
		t.Errorf("a check that changes nothing: status %d\n%s", status, out)
	}
	if got := ask(s.port, "SET k v"); got != "+OK" {
		t.Errorf("the first server: %q", got)
	}
	s.cmd.Process.Kill() // which leaves no lock
	<-s.over
	if out, _, status = output(t, "", named("redis-check-aof"), "--fix", manifest); status != 0 {
		t.Errorf("--fix after a crash: status %d\n%s", status, out)
	}
}

func TestCommandLine(t *testing.T) {
	for _, tc := range []struct {
		name   string
		args   []string
		stdin  string
		status int
		stdout string
		stderr string
	}{
		{"redis-server", []string{"--version"}, "", 0, "Redis server v=7.", ""},
		{"redstart", []string{"-v"}, "", 0, "Redstart server v=", ""},
		{"redstart", []string{"--help"}, "", 1, "", "Usage: "},
		{"redis-cli", []string{"ping"}, "", 1, "", "redis-cli is not part of this release"},
		{"redis-check-rdb", nil, "", 1, "", "Usage: redis-check-rdb <rdb-file-name>"},
		{"redis-check-rdb", []string{"--version"}, "", 0, "redis-check-rdb 7.", ""},
		{"redstart", []string{"check", "rdb", "/no/such.rdb"}, "", 1, "Checking RDB file /no/such.rdb", ""},
		{"redstart", []string{"check", "aof"}, "", 1, "Usage: ", ""},
		{"redstart", []string{"--no-such", "x"}, "", 1, "", "\n*** FATAL CONFIG FILE ERROR (Redis "},
		{"redstart", []string{"-"}, "port 1 2\n", 1, "", ">>> 'port 1 2'\nwrong number of arguments\n"},
		{"redstart", []string{"/no/such.conf"}, "", 1, "# Fatal error, can't open config file '/no/such.conf': No such file or directory", ""},
		{"redstart", []string{"--loadmodule", "x.so"}, "", 1, "", "Modules are not supported"},
		{"redstart", []string{"--port", "0", "--user", "bob", "on", "+nope"}, "", 1, "Error in user declaration '+nope': Unknown command or category name in ACL", ""},
		{"redstart", []string{"--port", "0", "--aclfile", "/no/such.acl"}, "", 1, "Error loading ACLs, opening file '/no/such.acl': No such file or directory", ""},
		{"redstart", []string{"--port", "0", "--aclfile", "x", "--user", "bob", "on"}, "", 1, "Configuring Redis with users defined in redis.conf", ""},
		{"redstart", []string{"--logfile", "/no/such/log"}, "", 1, "", "Can't open the log file: No such file or directory"},
		{"redstart", []string{"--port", "0"}, "", 1, "Configured to not listen anywhere, exiting.", ""},
		{"redstart", []string{"--port", "0", "--unixsocket", "/no/such/sock"}, "", 1, "Failed opening Unix socket: bind: No such file or directory", ""},
	} {
		stdout, stderr, status := output(t, tc.stdin, named(tc.name), tc.args...)
		if status != tc.status || !strings.Contains(stdout, tc.stdout) || !strings.Contains(stderr, tc.stderr) {
			t.Errorf("%s %q: status %d\nstdout: %s\nstderr: %s", tc.name, tc.args, status, stdout, stderr)
		}
	}
}

func TestDaemon(t *testing.T) {
	dir, port := t.TempDir(), freePort(t)
	conf := fmt.Sprintf("port %d\nbind 127.0.0.1\nsave \"\"\ndir %s\npidfile pid\nlogfile log\ndaemonize yes\n", port, dir)
	_, stderr, status := output(t, conf, binary, "-")
	if status != 0 {
		t.Fatalf("status %d\n%s", status, stderr)
	}
	b, err := os.ReadFile(filepath.Join(dir, "pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	// It is ready when the command line is back.
	if got := ask(port, "PING"); got != "+PONG" {
		t.Errorf("PING: %q", got)
	}
	if sid, err := syscall.Getpgid(pid); err != nil || sid != pid {
		t.Errorf("it is in the process group %d, %v", sid, err)
	}
	_, stderr, status = output(t, conf, binary, "-")
	if status != 1 || stderr == "" {
		t.Errorf("a second one on the same port: status %d, %q", status, stderr)
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	until(t, "its end", func() bool {
		_, err := os.Stat(filepath.Join(dir, "pid"))
		return err != nil
	})
}

func TestSystemd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s := launch(t, []string{"NOTIFY_SOCKET=" + path}, "--supervised", "auto")
	read := func() string {
		c.SetReadDeadline(time.Now().Add(time.Minute))
		b := make([]byte, 256)
		n, err := c.Read(b)
		if err != nil && err != io.EOF {
			t.Error(err)
		}
		return string(b[:n])
	}
	if got := read(); !strings.Contains(got, "READY=1\n") {
		t.Errorf("got %q", got)
	}
	s.signal(syscall.SIGTERM)
	if got := read(); got != "STOPPING=1\n" {
		t.Errorf("got %q", got)
	}
}

// Fewer open files than clients is a smaller server, not a broken one.
func TestOpenFiles(t *testing.T) {
	dir, port := t.TempDir(), freePort(t)
	log := filepath.Join(dir, "log")
	cmd := exec.Command("sh", "-c", `ulimit -n 300 && exec "$0" "$@"`, binary, "--port", strconv.Itoa(port),
		"--bind", "127.0.0.1", "--save", "", "--dir", dir, "--logfile", log, "--maxclients", "100000000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
	}()
	until(t, "PING", func() bool { return ask(port, "PING") == "+PONG" })
	b, err := os.ReadFile(log)
	if err != nil || !strings.Contains(string(b), "maxclients has been reduced to ") {
		t.Errorf("%v\n%s", err, b)
	}
}

// TestLackIsTold: a directive that asks for what is not there yet is not passed over in silence.
func TestLackIsTold(t *testing.T) {
	s := launch(t, nil, "--replicaof", "127.0.0.1", "1", "--cluster-enabled", "yes")
	for _, want := range []string{"replicaof has no effect", "cluster-enabled has no effect"} {
		if out := s.output(); !strings.Contains(out, want) {
			t.Errorf("the log lacks %q:\n%s", want, out)
		}
	}
	s = launch(t, nil)
	if out := s.output(); strings.Contains(out, "has no effect") {
		t.Errorf("a warning for no reason:\n%s", out)
	}
}
