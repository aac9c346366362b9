package intset_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/redstart-db/redstart/internal/ds/intset"
	"github.com/redstart-db/redstart/internal/rdb"
	"github.com/redstart-db/redstart/tests/peer"
)

// TestAgainstReference adds to sets and removes from them.
func TestAgainstReference(t *testing.T) {
	c := peer.Start(t, peer.Options{Args: []string{"--rdbcompression", "no"}}).Dial(t)
	seed := peer.Seed(t)
	r := rand.New(rand.NewPCG(seed, 0))
	for i := range 60 {
		key := fmt.Sprint("s", i)
		width := 8 * (1 + r.IntN(8))
		s := intset.New(0)
		for range 60 {
			n := int64(r.Uint64()) >> (64 - width)
			if intset.Len(s) > 0 && r.IntN(3) == 0 {
				n = intset.Get(s, r.IntN(intset.Len(s)))
			}
			var changed bool
			command := "SADD"
			if r.IntN(4) == 0 {
				command = "SREM"
				s, changed = intset.Remove(s, n)
			} else {
				s, changed = intset.Add(s, n)
			}
			if got := c.Must(t, command, key, fmt.Sprint(n)).Int; (got == 1) != changed {
				t.Fatalf("%s %d gives %d, want %v", command, n, got, changed)
			}
			if intset.Len(s) == 0 {
				s = intset.New(0) // the reference has no empty sets and starts anew
				continue
			}
			same(t, c, key, s)
		}
	}
}

// same fails unless the reference's key holds got.
func same(t *testing.T, c *peer.Conn, key string, got []byte) {
	t.Helper()
	body, err := rdb.VerifyDump(c.Must(t, "DUMP", key).Str, true)
	if err != nil {
		t.Fatal(err)
	}
	rd := rdb.NewReader(body)
	if typ, _ := rd.Type(); typ != rdb.TypeSetIntset {
		t.Fatalf("the reference has type %d", typ)
	}
	want, err := rd.String()
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%v\ngot  %x\nwant %x", err, got, want)
	}
}
