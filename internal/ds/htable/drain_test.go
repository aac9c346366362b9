package htable

import (
	"testing"

	"github.com/redstart-db/redstart/internal/mem"
)

// TestDrain takes all records out in steps, each of them once.
func TestDrain(t *testing.T) {
	for _, n := range []int{0, 1, 12, 150, 1000, 50_000} {
		for _, step := range []int{1, 64, 1 << 30} {
			tab, r := newTable(t, true)
			for k := range uint64(n) {
				tab.Insert(r.hash(k), r.add(k))
			}
			seen := map[uint64]bool{}
			for left, done := n, false; !done; left = tab.Len() {
				done = tab.Drain(step, func(ref mem.Ref) {
					k := r.key(ref)
					if seen[k] {
						t.Fatalf("record %d comes twice", k)
					}
					seen[k] = true
					r.a.Free(ref)
				})
				if n := left - tab.Len(); !done && (n < step || n > step+slots) {
					t.Fatalf("a step of %d took %d records", step, n)
				}
			}
			if len(seen) != n || tab.Len() != 0 || tab.Bytes() != 0 || r.a.Live() != 0 {
				t.Fatalf("%d records of %d, %d are left, and %d bytes", len(seen), n, tab.Len(), r.a.Live())
			}
			check(t, tab)
			tab.Insert(r.hash(5), r.add(5)) // it may be used again
			check(t, tab)
		}
	}
	tab, r := newTable(t, true)
	tab.Expect(5000)
	if !tab.Drain(1, nil) || r.a.Live() != 0 {
		t.Error("what was expected is left")
	}
}
