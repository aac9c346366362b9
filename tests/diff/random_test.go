package diff

import (
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/redstart-db/redstart/tests/peer"
)

const (
	defaultCommands = 20000
	defaultState    = 500 // commands between two comparisons of all data
	exchangeEvery   = 40  // commands between two values that go to the other server
	historyLength   = 10
	maxDifferences  = 5
)

// TestRandom sends the same random commands to both servers, and now and then has
// each restore what the other has dumped. REDSTART_SEED replays a run,
// REDSTART_COMMANDS sets its length, REDSTART_STATE after how many commands all data
// is compared, and REDSTART_PREFIX leaves out commands whose names do not begin with
// it.
func TestRandom(t *testing.T) {
	seed := peer.Seed(t)
	commands := int(peer.Number(t, "REDSTART_COMMANDS", defaultCommands))
	for _, proto := range []int{2, 3} {
		t.Run(fmt.Sprintf("resp%d", proto), func(t *testing.T) {
			t.Logf("replay with REDSTART_SEED=%d REDSTART_COMMANDS=%d", seed, commands)
			p, _ := startPair(t)
			g := &generator{rand.New(rand.NewPCG(seed, uint64(proto)))}
			p.random(t, g, proto, commands/2)
		})
	}
}

func (p *pair) random(t *testing.T, g *generator, proto, commands int) {
	ts := slices.DeleteFunc(templates(), func(t template) bool {
		name, _, _ := strings.Cut(t.words, " ")
		return p.missing[strings.ToLower(name)] || !strings.HasPrefix(name, os.Getenv("REDSTART_PREFIX"))
	})
	var history []string // since all data was compared
	differences, multi := 0, false
	stateEvery := int(peer.Number(t, "REDSTART_STATE", defaultState))
	differs := func(i int, diff string) {
		t.Errorf("after command %d:\n  %s\n%s", i, strings.Join(relevant(history, diff), "\n  "), diff)
		differences++
		history = history[:0]
		multi = false
		if err := p.reset(); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.reset(); err != nil {
		t.Fatal(err)
	}
	for i := range commands {
		if err := p.use(0, proto); err != nil {
			t.Fatal(err)
		}
		pick := ts[g.r.IntN(len(ts))]
		for multi && (pick.how.kind || pick.how.near > 0) {
			pick = ts[g.r.IntN(len(ts))] // EXEC compares more closely
		}
		args := g.command(pick)
		if skip, err := p.sortsPacked(args, multi); err != nil {
			t.Fatal(err)
		} else if skip {
			continue
		}
		history = append(history, fmt.Sprintf("%q", args))
		if err := p.send(args); err != nil {
			t.Fatalf("%q: %v", args, err)
		}
		diff, err := p.compare(pick.how)
		if err != nil {
			t.Fatalf("after command %d:\n  %s\n%v", i, strings.Join(relevant(history, ""), "\n  "), err)
		}
		switch strings.ToUpper(args[0]) {
		case "MULTI":
			multi = multi || len(args) == 1
		case "EXEC", "DISCARD":
			multi = multi && len(args) > 1
		}
		if diff == "" && i%exchangeEvery == exchangeEvery-1 && !multi {
			from, to := g.one("<any>"), g.one("<any>")
			history = append(history, fmt.Sprintf("(%q is restored as %q from the other server)", from, to))
			if diff, err = p.exchange(from, to); err != nil {
				t.Fatal(err)
			}
		}
		if diff == "" && i%stateEvery == stateEvery-1 {
			if diff, err = p.compareState(); err != nil {
				t.Fatal(err)
			}
			if diff == "" {
				history = history[:0]
			}
		}
		if diff != "" {
			differs(i, diff)
		}
		if differences == maxDifferences {
			t.Fatal("too many differences")
		}
	}
}

// sortsPacked tells whether a command is a SORT of a small sorted set: the reference
// gives that another encoding for good, only because it was looked at.
func (p *pair) sortsPacked(args []string, multi bool) (bool, error) {
	if !strings.HasPrefix(args[0], "SORT") || len(args) < 2 {
		return false, nil
	}
	if multi {
		return true, nil // it cannot be asked now
	}
	// It also takes an ERANGE that an earlier command left behind for one of its own;
	// this has it forgotten.
	if _, err := p.cur.reference.Do("INCRBYFLOAT", "no such key", "nan"); err != nil {
		return false, err
	}
	r, err := p.cur.reference.Do("OBJECT", "ENCODING", args[1])
	if err != nil || string(r.Str) != "listpack" {
		return false, err
	}
	r, err = p.cur.reference.Do("TYPE", args[1])
	return string(r.Str) == "zset", err
}

// relevant picks from the history what a difference may come from: the last
// commands, and before them those with a word that stands in the difference's first
// line or in the last command, or that concern all keys.
func relevant(history []string, diff string) (some []string) {
	line, _, _ := strings.Cut(diff, "\n")
	if len(history) > 0 && !strings.HasPrefix(line, "database") {
		line = history[len(history)-1]
	}
	words := append(quoted.FindAllString(line, -1), `"MULTI"`, `"EXEC"`, `"SELECT"`, `"SWAPDB"`, `"CONFIG"`)
	for i, h := range history {
		if i >= len(history)-historyLength || slices.ContainsFunc(words, func(w string) bool { return strings.Contains(h, w) }) {
			some = append(some, h)
		}
	}
	return some
}

var quoted = regexp.MustCompile(`"[^"]*"`)

// exchange has each server restore what the other has under a key.
func (p *pair) exchange(from, to string) (diff string, err error) {
	mine, err := p.cur.redstart.Do("DUMP", from)
	if err != nil {
		return "", err
	}
	theirs, err := p.cur.reference.Do("DUMP", from)
	if err != nil {
		return "", err
	}
	if mine.Null != theirs.Null || mine.IsError() || theirs.IsError() {
		return describe(mine, theirs), nil
	}
	if mine.Null {
		return "", nil
	}
	a, err := p.cur.redstart.Do("RESTORE", to, "0", string(theirs.Str), "REPLACE")
	if err != nil {
		return "", err
	}
	b, err := p.cur.reference.Do("RESTORE", to, "0", string(mine.Str), "REPLACE")
	if err != nil || same(a, b, how{}) && !a.IsError() {
		return "", err
	}
	return describe(a, b) + fmt.Sprintf("\n  redstart dumped %.600q\n  reference %.600q", mine.Str, theirs.Str), nil
}
