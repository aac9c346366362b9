package node

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/redstart-db/redstart/internal/resp"
	"github.com/redstart-db/redstart/tests/peer"
)

// streamFiller makes commands on streams that take memory, and some that give it
// back.
type streamFiller struct{ rnd *rand.Rand }

const fillStreams = 12

func (f streamFiller) key() string      { return "s" + strconv.Itoa(f.rnd.IntN(fillStreams)) }
func (f streamFiller) consumer() string { return "c" + strconv.Itoa(f.rnd.IntN(20)) }
func (f streamFiller) id() string {
	return strconv.Itoa(f.rnd.IntN(900)) + "-" + strconv.Itoa(f.rnd.IntN(3))
}

func (f streamFiller) value() string { return strings.Repeat("v", f.rnd.IntN(60)) }

func (f streamFiller) command() []string {
	switch f.rnd.IntN(24) {
	case 0:
		return []string{"XGROUP", "CREATE", f.key(), "g", "0", "MKSTREAM"}
	case 1, 2:
		return []string{"XREADGROUP", "GROUP", "g", f.consumer(), "COUNT", "50", "STREAMS", f.key(), ">"}
	case 3:
		return []string{"XREADGROUP", "GROUP", "g", f.consumer(), "NOACK", "COUNT", "5", "STREAMS", f.key(), ">"}
	case 4:
		return []string{"XCLAIM", f.key(), "g", f.consumer(), "0", f.id(), f.id(), f.id(), "FORCE", "LASTID", f.id()}
	case 5:
		return []string{"XAUTOCLAIM", f.key(), "g", f.consumer(), "0", f.id(), "COUNT", "40"}
	case 6:
		return []string{"XACK", f.key(), "g", f.id(), f.id(), f.id()}
	case 7:
		return []string{"XDEL", f.key(), f.id(), f.id(), f.id()}
	case 8:
		return []string{"XTRIM", f.key(), "MAXLEN", "~", strconv.Itoa(f.rnd.IntN(900))}
	case 9:
		return []string{"COPY", f.key(), f.key(), "REPLACE"}
	case 10:
		return []string{"XGROUP", "SETID", f.key(), "g", f.id()}
	case 11:
		if f.rnd.IntN(20) == 0 {
			return []string{"DEL", f.key()}
		}
		return []string{"XGROUP", "DELCONSUMER", f.key(), "g", f.consumer()}
	case 12:
		return []string{"XADD", f.key(), "MINID", "~", f.id(), "LIMIT", "50", f.id(), "a", f.value()}
	}
	return []string{"XADD", f.key(), strconv.Itoa(f.rnd.IntN(900)) + "-*", "field", f.value(), "n", strconv.Itoa(f.rnd.IntN(1000))}
}

// expected tells whether an error is one of those that these commands may give
// beside that of exhausted memory.
func (f streamFiller) expected(r resp.Value) bool {
	for _, text := range []string{"NOGROUP ", "BUSYGROUP ", "ERR The ID specified in XADD", "ERR The XGROUP subcommand requires"} {
		if r.IsError() && strings.HasPrefix(string(r.Str), text) {
			return true
		}
	}
	return false
}

// streamState is all of the streams that effects tell: not when a consumer was
// seen.
func streamState(w *wire) string {
	var b strings.Builder
	for i := range fillStreams {
		key := "s" + strconv.Itoa(i)
		if v := w.run("XINFO", "STREAM", key, "FULL", "COUNT", "0"); !v.IsError() {
			fmt.Fprintln(&b, key, v.String())
		}
	}
	return regexp.MustCompile(`("seen-time", )\d+`).ReplaceAllString(b.String(), "$1")
}

// TestExhaustedStreams is TestExhausted with streams. What their effects make
// elsewhere is compared with groups and all that is pending.
func TestExhaustedStreams(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	f := streamFiller{rand.New(rand.NewPCG(peer.Seed(t), 0))}
	n, w := fullNode(t, 96<<10)
	defer n.Close()
	var j journal
	n.env.Log.Attach(&j)
	rounds := 8000
	if testing.Short() {
		rounds = 3000
	}
	full := 0
	for range rounds {
		cmd := f.command()
		if r := w.run(cmd...); !f.expected(r) {
			full += countOOM(t, cmd, r)
		}
	}
	t.Logf("%d commands found no room", full)
	if full < rounds/100 {
		t.Errorf("only %d commands found no room", full)
	}
	want := streamState(w)
	if len(want) < 1000 {
		t.Errorf("there is nothing to compare: %q", want)
	}
	there, tw := fullNode(t, 0)
	defer there.Close()
	go tw.nc.Write(j.b)
	for range j.cmd {
		tw.nc.SetReadDeadline(time.Now().Add(time.Minute))
		if v, err := resp.ReadValue(tw.br, 8, 64<<20); err != nil || v.IsError() {
			t.Fatalf("an effect: %v %v", v, err)
		}
	}
	if got := streamState(tw); got != want {
		at := 0
		for at < min(len(got), len(want)) && got[at] == want[at] {
			at++
		}
		from := max(0, at-300)
		t.Errorf("the effects make other data:\n%.400s\nwant\n%.400s", got[from:], want[from:])
	}
	for i := range fillStreams {
		w.run("DEL", fmt.Sprint("s", i))
	}
	emptyArenas(t, n)
	w.nc.Close()
	tw.nc.Close()
}
