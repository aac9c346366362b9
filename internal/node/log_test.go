package node

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/redstart-db/redstart/internal/config"
)

func TestLogLines(t *testing.T) {
	cfg := config.Default()
	cfg.LogLevel = config.LogDebug
	var out bytes.Buffer
	h, err := NewLogHandler(cfg, &out)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(h)
	log.Debug("one")
	log.Log(t.Context(), LevelVerbose, "two")
	h.SetRole(RoleMaster)
	log.Info("three", "n", 3, "text", "a b")
	log.With("id", 7).WithGroup("g").Warn("four", "k", slog.GroupValue(slog.Int("x", 1)))
	log.Error("five\r\n9:M forged", "err", errors.New("x\ny"))
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	want := []string{
		`\. one`,
		`- two`,
		`\* three n=3 text="a b"`,
		`# four id=7 g\.k\.x=1`,
		`# five  9:M forged err="x\\ny"`,
	}
	if len(lines) != len(want) {
		t.Fatalf("got %q", lines)
	}
	for i, line := range lines {
		role := "M"
		if i < 2 {
			role = "C"
		}
		re := `^\d+:` + role + ` \d\d [A-Z][a-z][a-z] \d{4} \d\d:\d\d:\d\d\.\d{3} ` + want[i] + `$`
		if !regexp.MustCompile(re).MatchString(line) {
			t.Errorf("%q does not match %s", line, re)
		}
	}
}

func TestLogLevel(t *testing.T) {
	cfg := config.Default()
	var out bytes.Buffer
	h, err := NewLogHandler(cfg, &out)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(h.WithAttrs(nil))
	log.Log(t.Context(), LevelVerbose, "hidden")
	h.SetLevel(config.LogVerbose)
	log.Log(t.Context(), LevelVerbose, "seen")
	h.SetLevel(config.LogWarning)
	log.Info("hidden")
	if got := out.String(); strings.Contains(got, "hidden") || !strings.Contains(got, "- seen\n") {
		t.Errorf("got %q", got)
	}
}

// A log file that is moved away is begun anew.
func TestLogFile(t *testing.T) {
	cfg := config.Default()
	cfg.Dir = t.TempDir()
	cfg.LogFile = "log"
	h, err := NewLogHandler(cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(cfg.Dir, "log")
	slog.New(h).Info("first")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	slog.New(h).Info("second")
	b, err := os.ReadFile(path)
	if err != nil || !strings.HasSuffix(string(b), "* second\n") || strings.Contains(string(b), "first") {
		t.Errorf("got %q, %v", b, err)
	}
	cfg.LogFile = "none/log"
	if _, err := NewLogHandler(cfg, nil); err == nil {
		t.Error("a log file in no folder is accepted")
	}
}
