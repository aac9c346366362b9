package proctitle

import (
	"bytes"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

func TestExpand(t *testing.T) {
	values := map[string]string{"title": "redstart", "port": "6379", "unixsocket": ""}
	for in, want := range map[string]string{
		"{title} *:{port}":     "redstart *:6379",
		"{title} {unixsocket}": "redstart",
		"x":                    "x",
		"{title":               "",
	} {
		if got := Expand(in, values); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// TestSet runs this test in a process of its own, as it changes the title.
func TestSet(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only on Linux")
	}
	if os.Getenv("PROCTITLE_TEST") != "" {
		long := strings.Repeat("long ", 20) + "title"
		for _, title := range []string{long, "short"} {
			if !Set(title) {
				t.Fatal("not possible")
			}
			shown, err := os.ReadFile("/proc/self/cmdline")
			if got := string(bytes.TrimRight(shown, "\x00")); err != nil || got != title {
				t.Errorf("%q is shown, want %q (%v)", got, title, err)
			}
		}
		if !strings.Contains(os.Args[1], "TestSet") || os.Getenv("PROCTITLE_TEST") != "yes" {
			t.Errorf("arguments %q or environment %q were lost", os.Args, os.Getenv("PROCTITLE_TEST"))
		}
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=TestSet$")
	cmd.Env = append(os.Environ(), "PROCTITLE_TEST=yes", "FILL="+strings.Repeat("x", 200))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
