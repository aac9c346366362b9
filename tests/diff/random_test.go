package diff

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	defaultCommands = 20000
	stateEvery      = 1000 // commands between two comparisons of all data
	historyLength   = 25
	maxDifferences  = 5
)

func environment(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	s := os.Getenv(name)
	if s == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// TestRandom sends the same random commands to both servers. REDSTART_SEED
// replays a run, REDSTART_COMMANDS sets its length, and REDSTART_PREFIX leaves out
// commands whose names do not begin with it.
func TestRandom(t *testing.T) {
	seed := environment(t, "REDSTART_SEED", uint64(time.Now().UnixNano()))
	commands := int(environment(t, "REDSTART_COMMANDS", defaultCommands))
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
	var history []string
	differences := 0
	differs := func(i int, diff string) {
		t.Errorf("after command %d:\n  %s\n%s", i, strings.Join(history, "\n  "), diff)
		differences++
		history = history[:0]
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
		args := g.command(pick)
		history = append(history, fmt.Sprintf("%q", args))
		if len(history) > historyLength {
			history = history[1:]
		}
		if err := p.send(args); err != nil {
			t.Fatalf("%q: %v", args, err)
		}
		diff, err := p.compare(pick.how)
		if err != nil {
			t.Fatalf("after command %d:\n  %s\n%v", i, strings.Join(history, "\n  "), err)
		}
		if diff == "" && i%stateEvery == stateEvery-1 {
			diff, err = p.compareState()
			if err != nil {
				t.Fatal(err)
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
