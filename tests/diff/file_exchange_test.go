package diff

import (
	"fmt"
	"testing"

	"github.com/redstart-db/redstart/tests/peer"
)

// TestFileExchange sends random data sets from Redstart to the reference and back, as
// RDB files in one folder: digests and encodings are the same at each stop.
func TestFileExchange(t *testing.T) {
	dir := t.TempDir()
	debug := []string{"--enable-debug-command", "yes"}
	x := startExchange(t)
	for round := range 4 {
		options := []string{"--rdbcompression", []string{"yes", "no"}[round%2], "--rdbchecksum", []string{"yes", "no"}[round/2%2]}
		// The folder is that of one server at a time.
		start := func(redstart bool) *peer.Server {
			o := peer.Options{Dir: dir, Args: append(options, debug...)}
			if redstart {
				return peer.StartRedstart(t, o)
			}
			return peer.Start(t, o)
		}
		mine := start(true)
		first := mine.Dial(t)
		first.Must(t, "FLUSHALL")
		for n := range 150 {
			x.fill()
			dump := string(x.reference.Must(t, "DUMP", "k").Str)
			first.Must(t, "SELECT", fmt.Sprint(n%3*7))
			first.Must(t, "RESTORE", fmt.Sprint("key", n), "0", dump)
			if x.r.IntN(3) == 0 {
				first.Must(t, "PEXPIREAT", fmt.Sprint("key", n), fmt.Sprint(8_000_000_000_000+n))
			}
		}
		digest := string(first.Must(t, "DEBUG", "DIGEST").Raw)
		encodings := encodingsOf(t, first)
		for stop := range 3 {
			server, c := mine, first
			if stop > 0 {
				server = start(stop == 2)
				c = server.Dial(t)
				if got := string(c.Must(t, "DEBUG", "DIGEST").Raw); got != digest {
					t.Fatalf("round %d, stop %d: the digest is %q, not %q", round, stop, got, digest)
				}
				if got := encodingsOf(t, c); got != encodings {
					t.Fatalf("round %d, stop %d: encodings are\n%s\nnot\n%s", round, stop, got, encodings)
				}
			}
			c.Must(t, "SAVE")
			server.Stop()
		}
	}
}

// encodingsOf lists how the values are kept.
func encodingsOf(t *testing.T, c *peer.Conn) (list string) {
	for n := range 150 {
		c.Must(t, "SELECT", fmt.Sprint(n%3*7))
		list += fmt.Sprintf("%d %s\n", n, c.Must(t, "OBJECT", "ENCODING", fmt.Sprint("key", n)).Str)
	}
	return list
}
