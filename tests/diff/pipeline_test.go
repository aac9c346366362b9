package diff

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/redstart-db/redstart/internal/resp"
	"github.com/redstart-db/redstart/tests/peer"
)

const (
	defaultPipelines = 400
	pipelineConns    = 3
	longestPipeline  = 60
	longestRun       = 20 // calls of one command that follow each other
)

// piped is a command of a pipeline.
type piped struct {
	args []string
	how  how
	mute bool // it has no reply
}

// TestPipelines sends random commands in pipelines, each in one write, over several
// connections in turn: commands of one kind behind each other, transactions that begin
// in one pipeline and end in another, replies that are not wanted, requests without
// words and inline ones. REDSTART_SEED replays a run, REDSTART_PIPELINES sets its length.
func TestPipelines(t *testing.T) {
	seed := peer.Seed(t)
	n := int(peer.Number(t, "REDSTART_PIPELINES", defaultPipelines))
	for _, proto := range []int{2, 3} {
		t.Run(fmt.Sprintf("resp%d", proto), func(t *testing.T) {
			t.Logf("replay with REDSTART_SEED=%d REDSTART_PIPELINES=%d", seed, n)
			p, _ := startPair(t)
			g := &piper{generator: &generator{rand.New(rand.NewPCG(seed, uint64(proto)))}, p: p}
			// Left out is SORT, see sortsPacked, and what waits: then others may come first.
			g.templates = slices.DeleteFunc(templates(), func(t template) bool {
				name, _, _ := strings.Cut(t.words, " ")
				return p.missing[strings.ToLower(name)] || strings.HasPrefix(name, "SORT") ||
					strings.HasPrefix(name, "B") && !strings.HasPrefix(name, "BIT")
			})
			if err := p.reset(); err != nil {
				t.Fatal(err)
			}
			for i := range n {
				g.turn(t, i, proto)
			}
		})
	}
}

// piper makes pipelines.
type piper struct {
	*generator
	p         *pair
	templates []template
	multi     [pipelineConns]bool // the connection is in a transaction
}

// turn sends one pipeline and compares all its replies.
func (g *piper) turn(t *testing.T, i, proto int) {
	conn := g.r.IntN(pipelineConns)
	if err := g.p.use(conn, proto); err != nil {
		t.Fatal(err)
	}
	all := g.pipeline(conn)
	var raw []byte
	for k := range all {
		c := &all[k]
		if empty := g.r.IntN(40); empty < 2 {
			raw = append(raw, []string{"\r\n", "*0\r\n"}[empty]...)
			c.mute = c.args[0] == "CLIENT" // a reply that is skipped is that of the empty request
		}
		raw = appendWords(raw, c.args)
	}
	if err := g.p.sendRaw(string(raw)); err != nil {
		t.Fatal(err)
	}
	for k, c := range all {
		if c.mute {
			continue
		}
		if diff, err := g.p.compare(c.how); err != nil || diff != "" {
			var b strings.Builder
			for n, c := range all {
				fmt.Fprintf(&b, "  %d %q\n", n, c.args)
			}
			t.Fatalf("pipeline %d, connection %d:\n%sreply to %d: %v\n%s", i, conn, &b, k, err, diff)
		}
	}
	if i%20 == 19 {
		if diff, err := g.p.compareState(); diff != "" || err != nil {
			t.Fatalf("after pipeline %d: %s %v", i, diff, err)
		}
	}
}

func appendWords(b []byte, words []string) []byte {
	args := make([][]byte, len(words))
	for i, w := range words {
		args[i] = []byte(w)
	}
	return resp.AppendCommand(b, args...)
}

// pipeline makes the commands of one pipeline.
func (g *piper) pipeline(conn int) (all []piped) {
	for n := 1 + g.r.IntN(longestPipeline); len(all) < n; {
		if !g.multi[conn] && g.r.IntN(12) == 0 {
			all = append(all, piped{args: []string{"CLIENT", "REPLY", "SKIP"}, mute: true})
			pick := g.pickTemplate(conn, false)
			all = append(all, piped{args: g.command(pick), how: pick.how, mute: true})
			g.note(conn, all[len(all)-1].args)
			continue
		}
		run := 1
		if g.r.IntN(2) == 0 {
			run = 1 + g.r.IntN(longestRun)
		}
		pick := g.pickTemplate(conn, true)
		for range run {
			if g.multi[conn] && (pick.how.kind || pick.how.near > 0) {
				break
			}
			c := piped{args: g.command(pick), how: pick.how}
			g.note(conn, c.args)
			all = append(all, c)
		}
	}
	return all
}

// pickTemplate picks one whose replies can be compared, in a transaction or not; some are
// more frequent.
func (g *piper) pickTemplate(conn int, transactions bool) template {
	for {
		pick := g.templates[g.r.IntN(len(g.templates))]
		if g.r.IntN(8) == 0 && transactions {
			w := g.piece()
			pick = template{w, how{sort: w == "EXEC"}}
		}
		ends := pick.words == "EXEC" || pick.words == "MULTI" || pick.words == "DISCARD"
		if ends && !transactions || g.multi[conn] && (pick.how.kind || pick.how.near > 0) {
			continue
		}
		return pick
	}
}

// piece is a command of those that pipelines have more often.
func (g *piper) piece() string {
	return g.pick("MULTI", "EXEC", "EXEC", "WATCH <any> <any>", "UNWATCH", "SET <any> <value> PXAT 1",
		"SET <key> <value> PXAT 1", "SELECT <db>", "SELECT 0", "SWAPDB <db> <db>", "MOVE <any> <db>", "COPY <any> <any> DB <db>",
		"RENAMENX <any> <any>", "EXISTS <any>", "PERSIST <any>", "TYPE <any>", "GETEX <any> PXAT 1",
		"PEXPIREAT <any> 1", "FLUSHDB", "DEL <any>")
}

// note follows whether the connection is in a transaction.
func (g *piper) note(conn int, args []string) {
	switch strings.ToUpper(args[0]) {
	case "MULTI":
		g.multi[conn] = g.multi[conn] || len(args) == 1
	case "EXEC", "DISCARD":
		g.multi[conn] = g.multi[conn] && len(args) > 1
	}
}
