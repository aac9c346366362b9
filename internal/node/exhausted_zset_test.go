package node

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/redstart-db/redstart/tests/peer"
)

// zsetFiller makes commands on sorted sets that take memory, and some that give
// it back.
type zsetFiller struct{ rnd *rand.Rand }

func (f zsetFiller) key() string   { return "z" + strconv.Itoa(f.rnd.IntN(40)) }
func (f zsetFiller) score() string { return strconv.Itoa(f.rnd.IntN(1000)) }

func (f zsetFiller) member() string {
	n := f.rnd.IntN(40)
	if f.rnd.IntN(100) == 0 {
		n = f.rnd.IntN(5000)
	}
	return strconv.Itoa(f.rnd.IntN(3000)) + strings.Repeat("m", n)
}

func (f zsetFiller) command() []string {
	switch f.rnd.IntN(16) {
	case 0, 1, 2, 3, 4, 5:
		args := []string{"ZADD", f.key()}
		for range 1 + f.rnd.IntN(40) {
			args = append(args, f.score(), f.member())
		}
		return args
	case 6:
		return []string{"ZINCRBY", f.key(), f.score(), f.member()}
	case 7:
		return []string{"ZUNIONSTORE", f.key(), "2", f.key(), f.key(), "WEIGHTS", "2", "1"}
	case 8:
		return []string{"ZINTERSTORE", f.key(), "2", f.key(), f.key()}
	case 9:
		return []string{"ZDIFFSTORE", f.key(), "3", f.key(), f.key(), f.key()}
	case 10:
		return []string{"ZRANGESTORE", f.key(), f.key(), "0", f.score()}
	case 11:
		return []string{"COPY", f.key(), f.key(), "REPLACE"}
	case 12:
		return []string{"RENAME", f.key(), f.key()}
	case 13:
		return []string{"ZPOPMIN", f.key(), f.score()}
	case 14:
		return []string{"EXPIRE", f.key(), "50000"}
	}
	if f.rnd.IntN(4) == 0 {
		return []string{"DEL", f.key()}
	}
	return []string{"ZUNION", "2", f.key(), f.key()}
}

// TestExhaustedZSets is TestExhausted with sorted sets.
func TestExhaustedZSets(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	f := zsetFiller{rand.New(rand.NewPCG(peer.Seed(t), 0))}
	n, w := fullNode(t, 512<<10)
	defer n.Close()
	var j journal
	n.env.Log.Attach(&j)
	rounds := 6000
	if testing.Short() {
		rounds = 1500
	}
	full := 0
	for range rounds {
		cmd := f.command()
		full += countOOM(t, cmd, w.run(cmd...))
	}
	t.Logf("%d commands found no room", full)
	if full < rounds/100 {
		t.Errorf("only %d commands found no room", full)
	}
	replay(t, &j, w.run("DEBUG", "DIGEST").String())
	for i := range 40 {
		w.run("DEL", fmt.Sprint("z", i))
	}
	emptyArenas(t, n)
	w.nc.Close()
}
