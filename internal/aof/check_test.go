package aof

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/redstart-db/redstart/internal/vfs"
)

// cmd encodes a command.
func cmd(args ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(args))
	for _, a := range args {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(a), a)
	}
	return b.String()
}

func put(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// checkFiles are damaged in many ways.
func checkFiles() map[string]string {
	set, multi := cmd("set", "foo", "hello"), cmd("multi")
	incr := "file appendonly.aof.1.incr.aof seq 1 type i\n"
	return map[string]string{
		"ok.aof":       set + cmd("set", "bar", "world"),
		"short.aof":    strings.TrimSuffix(set+cmd("set", "bar", "world"), "\n"),
		"bad.aof":      set + "!!!" + set,
		"multi.aof":    set + multi + set,
		"badlen.aof":   set + "*3\r\n$3\r\nset\r\n$x\r\n",
		"badarg.aof":   set + "*3\r\n$3\r\nset\r\n$1\r\nabc\r\n",
		"badcount.aof": set + "*x\r\n",
		"exec.aof":     set + cmd("exec"),
		"mm.aof":       multi + multi,
		"badts.aof":    "#TS:abc\r\n" + set,
		"empty.aof":    "",
		"a1.aof":       set + "*3\r\n",
		"a2.aof":       set + "*3\r\n$3",
		"a3.aof":       set + "*3\r\n!3\r\nset\r\n",
		"a6.aof":       set + "#TS:12",
		"a8.aof":       set + "*0\r\n" + set,
		"a9.aof":       set + "*-1\r\n" + set,
		"b1.aof":       set + "*3\r\n$-3\r\nset\r\n",
		"b2.aof":       set + "*3\r\n$9999999999999\r\nset\r\n",
		"b4.aof":       set + "*3\n$3\nset\n",
		"b5.aof":       set + "*3\r\n$3\r\nset",
		"b6.aof":       set + multi + "*1\r\n$4\r\nEX",
		"ts.aof":       "#TS:1628217470\r\n" + set + "#TS:1628217471\r\n" + set + "#TS:1628217472\r\n",

		"appendonly.aof.1.base.aof": set,
		"appendonly.aof.1.incr.aof": set + strings.TrimSuffix(set, "o\r\n"),
		"m1.manifest":               "file appendonly.aof.1.base.aof seq 1 type b\n" + incr,
		"m2.manifest":               incr + "file nope.aof seq 2 type i\n",
		"m3.manifest":               "filx appendonly.aof.1.incr.aof seq 1 type i\n",
		"m4.manifest":               "",
		"m5.manifest":               "file appendonly.aof.1.base.aof seq 1 type b\n",
		"m6.manifest":               "file nope.aof seq 1 type b\n" + incr,
		"m7.manifest": "file appendonly.aof.1.incr.aof seq 1 type b\n" +
			"file appendonly.aof.1.base.aof seq 1 type i\n",
		"m8.manifest": "#c\nfile appendonly.aof.1.base.aof seq 1 type b\nfile empty.aof seq 3 type i\n",
		"m9.manifest": "file appendonly.aof.1.base.aof seq 1 type b\nfilx appendonly.aof.1.base.aof seq 1 type i\n",
		"n1.manifest": "file ts.aof seq 1 type b\nfile ok.aof seq 2 type i\n",
		"n2.manifest": "file ok.aof seq 1 type b\nfile ts.aof seq 2 type i\n",

		"magic.aof":      "REDIS",
		"in/exec.aof":    set + cmd("exec"),
		"in/mm.aof":      multi + multi,
		"in/short.aof":   strings.TrimSuffix(set, "o\r\n"),
		"in/m1.manifest": "file exec.aof seq 1 type i\n",
		"in/m2.manifest": "file mm.aof seq 1 type i\n",
		"in/m3.manifest": "file short.aof seq 1 type i\n",
	}
}

// TestCheckAsReference compares what is told, and what is left of the files, with
// redis-check-aof.
func TestCheckAsReference(t *testing.T) {
	reference, err := exec.LookPath("redis-check-aof")
	if err != nil {
		t.Skip("redis-check-aof is not installed")
	}
	var calls [][]string
	for name := range checkFiles() {
		calls = append(calls, []string{name}, []string{"--fix", name}, []string{"--truncate-to-timestamp", "1628217471", name})
		if !strings.Contains(name, "ts") && !strings.HasPrefix(name, "n") {
			continue
		}
		for at := 1628217469; at < 1628217474; at++ {
			calls = append(calls, []string{"--truncate-to-timestamp", strconv.Itoa(at), name})
		}
	}
	calls = append(calls, nil, []string{"--help"}, []string{"a", "b"}, []string{"nofile"}, []string{"."},
		[]string{"--truncate-to-timestamp", "x", "ok.aof"}, []string{"--truncate-to-timestamp", "0", "ok.aof"},
		[]string{"--truncate-to-timestamp", "", "ok.aof"}, []string{"--truncate-to-timestamp", " ", "ok.aof"},
		[]string{"--truncate-to-timestamp", " -5", "ok.aof"}, []string{"--truncate-to-timestamp", "9223372036854775808", "ok.aof"},
		[]string{"--truncate-to-timestamp", "1"})
	stamp := regexp.MustCompile(`(?m)^\d+:C .*? # `)
	for _, args := range calls {
		for _, answer := range []string{"y\n", "n\n", ""} {
			if answer != "y\n" && (len(args) == 0 || args[0] != "--fix") {
				continue
			}
			ref, own := t.TempDir(), t.TempDir()
			put(t, ref, checkFiles())
			put(t, own, checkFiles())
			c := exec.Command(reference, args...)
			c.Dir, c.Stdin = ref, strings.NewReader(answer)
			want, _ := c.CombinedOutput()
			t.Chdir(own)
			var got bytes.Buffer
			k := Checker{FS: vfs.OS{}, In: strings.NewReader(answer), Out: &got, Err: &got, RDB: func(*bufio.Reader, string, string) bool { return false }}
			status := k.Run(reference, args)
			a, b := stamp.ReplaceAllString(string(want), "# "), stamp.ReplaceAllString(got.String(), "# ")
			if a != b || c.ProcessState.ExitCode() != status {
				t.Errorf("%q, %q: got %d\n%s\nwant %d\n%s", args, answer, status, b, c.ProcessState.ExitCode(), a)
			}
			for name := range checkFiles() {
				x, _ := os.ReadFile(filepath.Join(ref, name))
				y, _ := os.ReadFile(filepath.Join(own, name))
				if !bytes.Equal(x, y) {
					t.Errorf("%q, %q: %s has %d bytes, want %d", args, answer, name, len(y), len(x))
				}
			}
		}
	}
}

// TestCheckNamesBase has an RDB file that a manifest names checked by its path, and shown by
// its name.
func TestCheckNamesBase(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, map[string]string{"in/base.rdb": "REDIS0010", "in/m.manifest": "file base.rdb seq 1 type b\n"})
	var names []string
	k := Checker{FS: vfs.OS{}, Out: io.Discard, Err: io.Discard, RDB: func(_ *bufio.Reader, path, shown string) bool {
		names = append(names, path, shown)
		return false
	}}
	k.Run("", []string{filepath.Join(dir, "in/m.manifest")})
	if want := []string{filepath.Join(dir, "in/base.rdb"), "base.rdb"}; !slices.Equal(names, want) {
		t.Errorf("checked %q, want %q", names, want)
	}
}
