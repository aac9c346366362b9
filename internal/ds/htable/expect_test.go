package htable

import (
	"math/rand/v2"
	"testing"
)

// TestFit expects more records than come, fewer, or none, and looks whether the table is
// sound then, has them all, and is as small as one that grew.
func TestFit(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, expected := range []int{0, 5, 100, 10_000, 1_000_000} {
		for _, n := range []int{0, 1, 10, 700, 3000, 50_000} {
			tab, recs := newTable(t, true)
			tab.Expect(expected)
			keys := make([]uint64, n)
			for i := range keys {
				keys[i] = rnd.Uint64()
				tab.Insert(recs.hash(keys[i]), recs.add(keys[i]))
			}
			tab.Fit()
			check(t, tab)
			if rnd.IntN(2) == 0 {
				tab.Resize(n * 10)
				check(t, tab)
				if n > 1000 && tab.Slots() < n*10 {
					t.Errorf("resized for ten times as many as %d records there are %d places", n, tab.Slots())
				}
				tab.Fit()
				check(t, tab)
			}
			for _, k := range keys {
				if _, ref := tab.Find(recs.hash(k), bytesOf(k)); ref == 0 {
					t.Fatalf("of %d records where %d were expected, one is gone", n, expected)
				}
			}
			if n == 0 && tab.Bytes() != 0 || n > 500 && tab.Bytes() > n*(64+10)/loose {
				t.Errorf("%d records where %d were expected take %d bytes", n, expected, tab.Bytes())
			}
		}
	}
}
