package config

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// badLines are lines that do not load, with the message for each, as Redis 7.0
// prints it.
var badLines = []struct{ line, msg string }{
	{"nosuch x", "Bad directive or wrong number of arguments"},
	{"port=1", "Bad directive or wrong number of arguments"},
	{"port", "wrong number of arguments"},
	{"port 1 2", "wrong number of arguments"},
	{"port 1 # c", "wrong number of arguments"},
	{"port 1k", "argument couldn't be parsed into an integer"},
	{"port +1", "argument couldn't be parsed into an integer"},
	{"port 01", "argument couldn't be parsed into an integer"},
	{"port ' 1'", "argument couldn't be parsed into an integer"},
	{"port ''", "argument couldn't be parsed into an integer"},
	{"port 65536", "argument must be between 0 and 65535 inclusive"},
	{"port -1", "argument must be between 0 and 65535 inclusive"},
	{"port 'a", "Unbalanced quotes in configuration line"},
	{`port "a"b`, "Unbalanced quotes in configuration line"},
	{"databases 0", "argument must be between 1 and 2147483647 inclusive"},
	{"slowlog-log-slower-than -2", "argument must be between -1 and 9223372036854775807 inclusive"},
	{"maxclients 4294967296", "argument must be between 1 and 4294967295 inclusive"},
	{"maxmemory -1", "argument must be a memory value"},
	{"maxmemory 1.5gb", "argument must be a memory value"},
	{"maxmemory 10%", "argument must be a memory value"},
	{"maxmemory 1 gb", "wrong number of arguments"},
	{"repl-backlog-size 0", "argument must be between 1 and 9223372036854775807 inclusive"},
	{"proto-max-bulk-len 1mb\nproto-max-bulk-len 1m", "argument must be between 1048576 and 9223372036854775807 inclusive"},
	{"maxmemory-clients 101%", "percentage argument must be less or equal to 100"},
	{"maxmemory-clients -5%", "argument must be a memory or percent value"},
	{"maxmemory-clients x%", "argument must be a memory or percent value"},
	{"unixsocketperm 888", "argument couldn't be parsed as an octal number"},
	{"unixsocketperm 1000", "argument must be between 0 and 777 inclusive"},
	{"unixsocketperm -1", "argument must be between 0 and 777 inclusive"},
	{"appendonly true", "argument must be 'yes' or 'no'"},
	{"loglevel nothing", "argument(s) must be one of the following: debug, verbose, notice, warning"},
	{"enable-debug-command foo", "argument(s) must be one of the following: no, yes, local"},
	{"shutdown-on-sigint nosave save", "shutdown options SAVE and NOSAVE can't be used simultaneously"},
	{"shutdown-on-sigint nosave x", "argument(s) must be one of the following: default, save, nosave, now, force"},
	{"save 1", "Invalid save parameters"},
	{"save a b", "Invalid save parameters"},
	{"save 0 1", "Invalid save parameters"},
	{"save 1 -1", "Invalid save parameters"},
	{"save '' ''", "Invalid save parameters"},
	{"bind a a a a a a a a a a a a a a a a a", "Too many bind addresses specified."},
	{"client-output-buffer-limit normal 1 2", "Wrong number of arguments in buffer limit configuration."},
	{"client-output-buffer-limit master 1 2 3", "Invalid client class specified in buffer limit configuration."},
	{"client-output-buffer-limit normal x 2 3", "Error in hard, soft or soft_seconds setting in buffer limit configuration."},
	{"client-output-buffer-limit normal 1 2 -3", "Error in hard, soft or soft_seconds setting in buffer limit configuration."},
	{`client-output-buffer-limit ""`, "Wrong number of arguments in buffer limit configuration."},
	{"oom-score-adj-values 1 2", "wrong number of arguments"},
	{"oom-score-adj-values 1 2 3000", "Invalid oom-score-adj-values, elements must be between -2000 and 2000."},
	{"notify-keyspace-events Q", "Invalid event class character. Use 'Ag$lshzxeKEtmdn'."},
	{"latency-tracking-info-percentiles 50 101", "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]"},
	{"latency-tracking-info-percentiles 50 x", "Invalid latency-tracking-info-percentiles parameters"},
	{"user", "Bad directive or wrong number of arguments"},
	{"user a on\nuser a on", "Error in user declaration 'a': Duplicate user found. A user can only be defined once in config files"},
	{"rename-command", "Bad directive or wrong number of arguments"},
	{"rename-command get a b", "Bad directive or wrong number of arguments"},
	{"include", "Bad directive or wrong number of arguments"},
	{"include a b", "Bad directive or wrong number of arguments"},
	{"loadmodule", "Bad directive or wrong number of arguments"},
	{"sentinel foo", "sentinel directive while not in sentinel mode"},
	{"slaveof a", "wrong number of arguments"},
	{"replicaof a b", "Invalid master port"},
	{"replicaof a 70000", "Invalid master port"},
	{`replicaof ""`, "wrong number of arguments"},
	{"lua-replicate-commands", "Bad directive or wrong number of arguments"},
	{"dbfilename a/b", "dbfilename can't be a path, just a filename"},
	{"appendfilename a/b", "appendfilename can't be a path, just a filename"},
	{"appenddirname a/b", "appenddirname can't be a path, just a dirname"},
	{`appendfilename ""`, "appendfilename can't be empty"},
	{`appenddirname ""`, "appenddirname can't be empty"},
	{"dir /nonexistent", "No such file or directory"},
	{"dir /etc/passwd", "Not a directory"},
	{"dir a b", "wrong number of arguments"},
	{"proc-title-template {foo}", "template format is invalid or contains unknown variables"},
	{`proc-title-template ""`, "template format is invalid or contains unknown variables"},
	{"cluster-announce-hostname a_b", "Hostnames may only contain alphanumeric characters, hyphens or dots"},
	{"cluster-announce-hostname " + strings.Repeat("a", 256), "Hostnames must be less than 256 characters"},
}

func TestBadLines(t *testing.T) {
	for _, tt := range badLines {
		err := Default().Load(strings.NewReader("# first\n\n  "+tt.line+"  \nport 1\n"), "")
		var fe *FileError
		if !errors.As(err, &fe) {
			t.Errorf("%q loads: %v", tt.line, err)
			continue
		}
		lines := strings.Split(tt.line, "\n")
		if fe.Msg != tt.msg || fe.Line != 2+len(lines) || fe.Text != lines[len(lines)-1] {
			t.Errorf("%q: line %d %q %q, want %q", tt.line, fe.Line, fe.Text, fe.Msg, tt.msg)
		}
	}
}

func TestReport(t *testing.T) {
	err := Default().Load(strings.NewReader("\nport  x"), "")
	var fe *FileError
	if !errors.As(err, &fe) {
		t.Fatal(err)
	}
	want := "\n*** FATAL CONFIG FILE ERROR (Redis 7.0.15) ***\nReading the configuration file, at line 2\n>>> 'port  x'\nargument couldn't be parsed into an integer\n"
	if got := fe.Report("Redis 7.0.15"); got != want {
		t.Errorf("%q", got)
	}
}

// goodLines are texts that load, with what CONFIG GET then shows.
var goodLines = []struct{ text, name, want string }{
	{"PORT 7", "port", "7"},
	{`port "\x31"`, "port", "1"},
	{"port 1\r\nport 2\r\n", "port", "2"},
	{"# port 1\n", "port", "6379"},
	{"maxmemory 1k", "maxmemory", "1000"},
	{"maxmemory 1Gb", "maxmemory", "1073741824"},
	{`maxmemory ""`, "maxmemory", "0"},
	{"maxmemory-clients 10%", "maxmemory-clients", "10%"},
	{"maxmemory-clients 1mb", "maxmemory-clients", "1048576"},
	{"unixsocketperm 0755", "unixsocketperm", "755"},
	{"appendonly YES", "appendonly", "yes"},
	{"loglevel Notice", "loglevel", "notice"},
	{"maxmemory-policy ALLKEYS-lfu", "maxmemory-policy", "allkeys-lfu"},
	{"oom-score-adj relative", "oom-score-adj", "yes"},
	{"save 1 1\nsave 5 6", "save", "1 1 5 6"},
	{"save 1 1 2 2", "save", "1 1 2 2"},
	{`save "1 2 3 4"`, "save", "1 2 3 4"},
	{`save ""`, "save", ""},
	{"save", "save", ""},
	{"save 1 1\nsave \"\"\nsave 2 2", "save", "2 2"},
	{"save 9223372036854775808 0", "save", "9223372036854775807 0"},
	{"bind a -b", "bind", "a -b"},
	{`bind "a b"`, "bind", "a b"},
	{"bind a\nbind b", "bind", "b"},
	{`bind ""`, "bind", ""},
	{"client-output-buffer-limit normal 1kb 2 3 replica 4 5 6", "client-output-buffer-limit", "normal 1024 2 3 slave 4 5 6 pubsub 33554432 8388608 60"},
	{"client-output-buffer-limit pubsub 1 2 3\nclient-output-buffer-limit slave 4 5 6", "client-output-buffer-limit", "normal 0 0 0 slave 4 5 6 pubsub 1 2 3"},
	{"notify-keyspace-events KEA", "notify-keyspace-events", "AKE"},
	{"notify-keyspace-events gxnK", "notify-keyspace-events", "gxnK"},
	{"notify-keyspace-events nmEKA", "notify-keyspace-events", "AKEm"},
	{"latency-tracking-info-percentiles 1e1 0.10 50.123456789 99.99", "latency-tracking-info-percentiles", "10 0.1 50.123457 99.99"},
	{`latency-tracking-info-percentiles ""`, "latency-tracking-info-percentiles", ""},
	{"shutdown-on-sigint force NOW", "shutdown-on-sigint", "now force"},
	{"shutdown-on-sigterm default", "shutdown-on-sigterm", "default"},
	{"slaveof host 1", "replicaof", "host 1"},
	{`replicaof "host 1"`, "slaveof", "host 1"},
	{"replicaof host 1\nreplicaof NO one", "replicaof", ""},
	{"hash-max-ziplist-entries 5", "hash-max-listpack-entries", "5"},
	{"lua-time-limit 5", "busy-reply-threshold", "5"},
	{"slave-read-only no", "replica-read-only", "no"},
	{"hz 1000", "hz", "500"},
	{"hz 0", "hz", "1"},
	{"dir /tmp\ndir ..", "dir", "/"},
	{"list-max-ziplist-entries 1\nlua-replicate-commands yes\nport 1", "port", "1"},
	{"io-threads 8\nio-threads-do-reads yes", "io-threads", "8"},
	{"requirepass 'a b'", "requirepass", "a b"},
	{"set-max-listpack-entries 12", "set-max-listpack-entries", "12"},
	{"include /nonexistent*.conf\nport 1", "port", "1"},
}

func TestGoodLines(t *testing.T) {
	for _, tt := range goodLines {
		c := Default()
		if err := c.Load(strings.NewReader(tt.text), ""); err != nil {
			t.Errorf("%q: %v", tt.text, err)
		} else if got, _ := c.Value(tt.name); got != tt.want {
			t.Errorf("%q: %s is %q, want %q", tt.text, tt.name, got, tt.want)
		}
	}
}

func TestFileOnlyDirectives(t *testing.T) {
	c := Default()
	err := c.Load(strings.NewReader("rename-command CONFIG \"\"\nrename-command Get read\nuser a on '>x y' ~*\nloadmodule /m.so 1\n"), "f")
	if err != nil {
		t.Fatal(err)
	}
	if name, ok := c.RenameCommands["config"]; !ok || name != "" || c.RenameCommands["get"] != "read" || c.Renames[1].Line != 2 {
		t.Errorf("%q %v", c.RenameCommands, c.Renames)
	}
	if !slices.Equal(c.Users[0].Args, []string{"a", "on", ">x y", "~*"}) || c.UserLines[0] != `a on ">x y" ~*` {
		t.Errorf("%v %q", c.Users, c.UserLines)
	}
	if e := c.Renames[0].Error("No such command in rename-command"); e.Line != 1 || e.File != "f" || e.Text != `rename-command CONFIG ""` {
		t.Errorf("%+v", e)
	}
	if len(c.Modules) != 1 || c.Modules[0].Args[0] != "/m.so" {
		t.Errorf("%v", c.Modules)
	}
}

func TestInclude(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("a1.conf", "timeout 1\nhz 20\n")
	write("a2.conf", "timeout 2\n")
	write("self.conf", "include self.conf\n")
	write("bad.conf", "\nhz x\n")
	c := Default()
	c.Dir = dir
	if err := c.Load(strings.NewReader("timeout 9\ninclude a*.conf\nhz 30\n"), ""); err != nil || c.Timeout != 2 || c.Hz != 30 {
		t.Error(err, c.Timeout, c.Hz)
	}
	for text, want := range map[string]string{
		"include self.conf": "Too many levels of include",
		"include bad.conf":  "argument couldn't be parsed into an integer",
		"include none.conf": "Fatal error, can't open config file '" + dir + "/none.conf': No such file or directory",
	} {
		c := Default()
		c.Dir = dir
		var fe *FileError
		if err := c.Load(strings.NewReader(text), ""); !errors.As(err, &fe) || fe.Msg != want {
			t.Errorf("%s: %v", text, err)
		}
	}
	if err := Default().LoadFile(filepath.Join(dir, "bad.conf")); err == nil || !strings.Contains(err.Error(), "bad.conf:2") {
		t.Error(err)
	}
}

func TestSizeIsBounded(t *testing.T) {
	var endless endlessReader
	err := Default().Load(endless, "")
	if err == nil || !strings.Contains(err.Error(), "too large") {
		t.Error(err)
	}
}

type endlessReader struct{}

func (endlessReader) Read(p []byte) (int, error) { return len(p), nil }
