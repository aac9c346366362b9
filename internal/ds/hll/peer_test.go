package hll_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/redstart-db/redstart/internal/ds/hll"
	"github.com/redstart-db/redstart/tests/peer"
)

// TestAgainstReference adds elements and compares the bytes after each, until the
// value is dense; and estimates.
func TestAgainstReference(t *testing.T) {
	c := peer.Start(t, peer.Options{}).Dial(t)
	seed := peer.Seed(t)
	r := rand.New(rand.NewPCG(seed, 0))
	for _, limit := range []int64{100, 3000} {
		c.Must(t, "CONFIG", "SET", "hll-sparse-max-bytes", fmt.Sprint(limit))
		key := fmt.Sprint("h", limit)
		b, e := []byte(hll.Empty), hll.Editor{Max: limit}
		hll.Invalidate(b)
		c.Must(t, "PFADD", key)
		outcome := hll.Unchanged
		for outcome != hll.Full {
			elem := fmt.Sprint(r.Uint64() >> r.IntN(64))
			index, rank := hll.Position([]byte(elem))
			b, outcome = e.Raise(b, index, rank)
			c.Must(t, "PFADD", key, elem)
			if got := c.Must(t, "GET", key).Str; outcome != hll.Full && string(got) != string(b) {
				t.Fatalf("%q\ngot  %s\nwant %s", elem, hll.AppendRuns(nil, b), hll.AppendRuns(nil, got))
			}
		}
		dense := c.Must(t, "GET", key).Str
		if !hll.Check(dense) || !hll.Dense(dense) {
			t.Fatalf("the reference has %d bytes", len(dense))
		}
		for range 20 {
			for range r.IntN(20000) {
				elem := fmt.Append(nil, r.Uint64())
				index, rank := hll.Position(elem)
				hll.SetDense(dense, index, rank)
			}
			c.Must(t, "SET", key, string(dense))
			want := c.Must(t, "PFCOUNT", key).Int
			if got, ok := hll.Count(dense); !ok || int64(got) != want {
				t.Fatalf("%d, want %d", got, want)
			}
		}
	}
}
