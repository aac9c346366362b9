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

func startPair(t *testing.T) (*pair, known) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts servers")
	}
	k, err := readKnown("testdata/known")
	if err != nil {
		t.Fatal(err)
	}
	bin := peer.Reference(t)
	p := newPair(peer.StartRedstart(t, options()), peer.Start(t, options()))
	if mine, err := peer.Redstart(); err != nil {
		t.Fatal(err)
	} else if mine == bin {
		t.Log("the reference is compared with itself")
		return &pair{redstart: p.redstart, reference: p.reference, conns: p.conns, itself: true}, known{}
	}
	p.missing = map[string]bool{}
	for name := range k.commands {
		p.missing[name] = true
	}
	return p, k
}

// restart replaces servers that a failed script may have left in any state.
func (p *pair) restart(t *testing.T) {
	t.Helper()
	p.redstart.Stop()
	p.reference.Stop()
	fresh, _ := startPair(t)
	*p = *fresh
}

func TestScripts(t *testing.T) {
	p, k := startPair(t)
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
		reason, excused := k.scripts[short]
		delete(k.scripts, short)
		for _, proto := range []int{2, 3} {
			var failures []string
			t.Run(fmt.Sprintf("%s/resp%d", short, proto), func(t *testing.T) {
				failures = p.script(name, steps, proto)
				switch {
				case excused && len(failures) == 0:
					t.Errorf("passes, but testdata/known says: %s", reason)
				case excused:
					t.Logf("known to differ (%d times): %s", len(failures), reason)
				case len(failures) > 0:
					t.Error(strings.Join(failures, "\n"))
				}
			})
			if len(failures) > 0 {
				p.restart(t)
			}
		}
	}
	for name := range k.scripts {
		t.Errorf("testdata/known names a script that is not there: %s", name)
	}
}

// script runs a script on emptied servers and returns what went wrong.
func (p *pair) script(name string, steps []step, proto int) (failures []string) {
	if err := p.reset(); err != nil {
		return []string{err.Error()}
	}
	fail := func(s step, diff string) {
		failures = append(failures, fmt.Sprintf("%s:%d: %s\n%s", name, s.line, s.text, diff))
	}
	if err := p.run(steps, proto, fail); err != nil {
		return append(failures, fmt.Sprintf("%s: %v", name, err))
	}
	diff, err := p.compareState()
	if err != nil {
		failures = append(failures, err.Error())
	} else if diff != "" {
		failures = append(failures, fmt.Sprintf("%s: the data differs at the end: %s", name, diff))
	}
	return failures
}

// TestKnownCommandsAreMissing keeps the list of missing commands true.
func TestKnownCommandsAreMissing(t *testing.T) {
	p, k := startPair(t)
	c := p.redstart.Dial(t)
	for name, reason := range k.commands {
		r, err := c.Do(name)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(r.Str), "ERR unknown command") {
			t.Errorf("%s is known: %v, but testdata/known says: %s", name, r, reason)
		}
	}
}
