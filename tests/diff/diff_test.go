package diff

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redstart-db/redstart/tests/peer"
)

// options are those both servers are started with.
func options() peer.Options {
	return peer.Options{Args: []string{
		"--enable-debug-command", "yes", "--enable-protected-configs", "yes",
		"--latency-monitor-threshold", "0", "--databases", fmt.Sprint(databases),
	}}
}

func startPair(t *testing.T) *pair {
	t.Helper()
	if testing.Short() {
		t.Skip("starts servers")
	}
	reference := peer.Start(t, options())
	return newPair(peer.StartRedstart(t, options()), reference)
}

// restart replaces servers that a failed script may have left in any state.
func (p *pair) restart(t *testing.T) {
	t.Helper()
	p.redstart.Stop()
	p.reference.Stop()
	*p = *startPair(t)
}

func TestScripts(t *testing.T) {
	p := startPair(t)
	names, err := filepath.Glob("testdata/*/*.txt")
	if err != nil || len(names) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, name := range names {
		steps, err := parseScript(name)
		if err != nil {
			t.Error(err)
			continue
		}
		short := strings.TrimSuffix(strings.TrimPrefix(filepath.ToSlash(name), "testdata/"), ".txt")
		for _, proto := range []int{2, 3} {
			passed := t.Run(fmt.Sprintf("%s/resp%d", short, proto), func(t *testing.T) {
				if err := p.reset(); err != nil {
					t.Fatal(err)
				}
				fail := func(s step, diff string) { t.Errorf("%s:%d: %s\n%s", name, s.line, s.text, diff) }
				if err := p.run(steps, proto, fail); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if diff, err := p.compareState(); err != nil {
					t.Fatal(err)
				} else if diff != "" {
					t.Errorf("the data differs at the end: %s", diff)
				}
			})
			if !passed {
				p.restart(t)
			}
		}
	}
}
