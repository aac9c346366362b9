package diff

import (
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redstart-db/redstart/tests/peer"
)

// appendFileRound is how many commands run between two restarts.
const appendFileRound = 2500

// appendOptions are those of a server with an append only file in a folder.
func appendOptions(dir string, more ...string) peer.Options {
	o := options()
	o.Dir = dir
	o.Args = append(o.Args, "--appendonly", "yes", "--appendfsync", "no", "--auto-aof-rewrite-percentage", "0")
	o.Args = append(o.Args, more...)
	return o
}

// TestAppendFile runs random commands on both servers, and wants what each has
// logged to give the same data again: in Redstart itself, in the other server, with
// and without a rewrite in between, and back. REDSTART_SEED replays a run.
func TestAppendFile(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	k, err := readKnown("testdata/known")
	if err != nil {
		t.Fatal(err)
	}
	reference := peer.Reference(t)
	redstart, err := peer.Redstart()
	if err != nil {
		t.Fatal(err)
	}
	seed := peer.Seed(t)
	rounds := int(peer.Number(t, "REDSTART_COMMANDS", defaultCommands)) / appendFileRound
	t.Logf("replay with REDSTART_SEED=%d", seed)
	ts := slices.DeleteFunc(templates(), func(t template) bool {
		name, _, _ := strings.Cut(t.words, " ")
		_, missing := k.commands[strings.ToLower(name)]
		return missing || name == "CONFIG" || name == "DEBUG"
	})
	for i, bin := range []string{redstart, reference} {
		other := []string{reference, redstart}[i]
		g := &generator{rand.New(rand.NewPCG(seed, uint64(i)))}
		dir := t.TempDir()
		for round := range rounds {
			preamble := []string{"yes", "no"}[g.r.IntN(2)]
			s := launchOn(t, bin, dir, "--aof-use-rdb-preamble", preamble)
			c := dialTo(t, s)
			randomCommands(t, c, g, ts, appendFileRound)
			if g.r.IntN(2) == 0 {
				rewriteAppendFile(t, c)
				randomCommands(t, c, g, ts, appendFileRound/4)
			}
			what := fmt.Sprintf("round %d of %s, preamble %s", round, filepath.Base(bin), preamble)
			want := stateOf(t, c)
			if bin == redstart {
				sameElsewhere(t, what+", itself", bin, dir, want)
			} else {
				// The reference logs an effect or two that are not quite what it did:
				// what counts is what it makes of them.
				want = loaded(t, bin, dir)
			}
			sameElsewhere(t, what+", the other", other, dir, want)
			c.Close()
			s.Stop()
			if t.Failed() {
				return
			}
		}
	}
}

func launchOn(t *testing.T, bin, dir string, more ...string) *peer.Server {
	t.Helper()
	s, err := peer.Launch(bin, appendOptions(dir, more...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s
}

func dialTo(t *testing.T, s *peer.Server) *peer.Conn {
	t.Helper()
	c := s.Dial(t)
	c.SetWait(replyLimit)
	return c
}

// randomCommands runs commands whose replies nobody looks at.
func randomCommands(t *testing.T, c *peer.Conn, g *generator, ts []template, n int) {
	t.Helper()
	for range n {
		args := g.command(ts[g.r.IntN(len(ts))])
		if _, err := c.Do(args...); err != nil {
			t.Fatalf("%q: %v", args, err)
		}
	}
	c.Do("DISCARD")
}

func rewriteAppendFile(t *testing.T, c *peer.Conn) {
	t.Helper()
	c.Must(t, "BGREWRITEAOF")
	for range 1000 {
		info := string(c.Must(t, "INFO", "persistence").Str)
		if !strings.Contains(info, "aof_rewrite_in_progress:1") && !strings.Contains(info, "aof_rewrite_scheduled:1") {
			if !strings.Contains(info, "aof_last_bgrewrite_status:ok") {
				t.Fatal("the rewrite failed")
			}
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the rewrite does not end")
}

// state is what a server has.
type state struct {
	digest string            // of everything
	keys   map[string]string // the same of every key, by its database and name
}

// stateOf gives it, without what has expired.
func stateOf(t *testing.T, c *peer.Conn) (st state) {
	t.Helper()
	for range 50 {
		before := st.digest
		st.keys = map[string]string{}
		for db := range databases {
			c.Must(t, "SELECT", strconv.Itoa(db))
			for _, k := range c.Must(t, "KEYS", "*").Elems {
				name := string(k.Str)
				st.keys[fmt.Sprintf("%d:%q", db, name)] = fmt.Sprintf("%s %s, expires at %d", c.Must(t, "TYPE", name).Str,
					c.Must(t, "DEBUG", "DIGEST-VALUE", name).Elems[0].Str, c.Must(t, "PEXPIRETIME", name).Int)
			}
		}
		if st.digest = string(c.Must(t, "DEBUG", "DIGEST").Str); st.digest == before {
			return st
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("the digest does not settle")
	return st
}

// loaded is what a server makes of a copy of the files.
func loaded(t *testing.T, bin, dir string) state {
	t.Helper()
	copied := t.TempDir()
	copyFiles(t, filepath.Join(dir, "appendonlydir"), filepath.Join(copied, "appendonlydir"))
	s := launchOn(t, bin, copied)
	defer s.Stop()
	c := dialTo(t, s)
	defer c.Close()
	return stateOf(t, c)
}

// sameElsewhere has a server load a copy of the files.
func sameElsewhere(t *testing.T, what, bin, dir string, want state) {
	t.Helper()
	var got state
	for range 3 { // a key may expire just now
		if got = loaded(t, bin, dir); got.digest == want.digest {
			return
		}
		for key, digest := range want.keys {
			at, _ := strconv.ParseInt(digest[strings.LastIndexByte(digest, ' ')+1:], 10, 64)
			if at > 0 && at <= time.Now().UnixMilli() {
				delete(want.keys, key)
			}
		}
		if maps.Equal(got.keys, want.keys) {
			return
		}
	}
	t.Errorf("%s: the digest is %s, want %s", what, got.digest, want.digest)
	for key, digest := range want.keys {
		if got.keys[key] != digest {
			t.Errorf("%s is %q, want %q", key, got.keys[key], digest)
		}
		delete(got.keys, key)
	}
	for key, digest := range got.keys {
		t.Errorf("%s is %q, want nothing", key, digest)
	}
}

func copyFiles(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Mkdir(to, 0o755); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, d.Name()), b, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
}
