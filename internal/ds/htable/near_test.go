package htable

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/redstart-db/redstart/internal/mem"
)

// A walk with Near meets each record once, wherever it lies, while nothing changes.
func TestNear(t *testing.T) {
	for _, n := range []int{0, 1, 7, 60, 500, 1408, 2816, 20_000} {
		tab, r := newTable(t, true)
		for k := range uint64(n) {
			tab.Insert(r.hash(k), r.add(k))
		}
		seen := map[uint64]bool{}
		calls := 0
		for pos, done := uint32(0), false; !done; calls++ {
			pos, done = tab.Near(pos, func(ref mem.Ref) {
				if k := r.key(ref); seen[k] {
					t.Fatalf("%d records: %d comes twice", n, k)
				} else {
					seen[k] = true
				}
			})
		}
		if len(seen) != n || calls != max(tab.Buckets(), 1) {
			t.Errorf("%d of %d records, %d calls for %d buckets", len(seen), n, calls, tab.Buckets())
		}
	}
}

// Some gives different records, as many as asked for if there are, and each about as often
// as any other.
func TestSome(t *testing.T) {
	for _, n := range []int{1, 3, 12, 60, 500, 2816, 11_264} {
		tab, r := newTable(t, true)
		for k := range uint64(n) {
			tab.Insert(r.hash(k), r.add(k))
		}
		rnd := rand.New(rand.NewPCG(1, 2))
		times := make([]int, n)
		const size = 5
		total := 0
		for range n * 100 / size {
			refs := tab.Some(rnd, make([]mem.Ref, 0, size))
			if len(refs) != min(n, size) {
				t.Fatalf("%d of %d records", len(refs), n)
			}
			for i, ref := range refs {
				times[r.key(ref)]++
				for _, other := range refs[:i] {
					if other == ref {
						t.Fatalf("%d records: the same one twice", n)
					}
				}
			}
			total += len(refs)
		}
		// Those of a bucket that is less full than others come more often, and five at a time.
		mean, off := float64(total)/float64(n), 0.0
		for _, x := range times {
			off += (float64(x) - mean) * (float64(x) - mean)
		}
		if spread := math.Sqrt(off/float64(n)) / mean; spread > 0.5 {
			t.Errorf("%d records: the standard deviation is %.2f of the mean", n, spread)
		}
		for k, x := range times {
			if x == 0 {
				t.Errorf("%d of %d records never came", k, n)
			}
		}
	}
}

// A walk that moves segments out of sparse spans leaves the table as it was.
func TestMove(t *testing.T) {
	tab, r := newTable(t, true)
	const n = 30_000
	var tables [8]*Table
	for i := range tables {
		tables[i] = new(Table)
		tables[i].Init(r.a, r)
	}
	for k := range uint64(n) {
		ref := r.add(k)
		tab.Insert(r.hash(k), ref)
		for _, other := range tables {
			other.Insert(r.hash(k), ref)
		}
	}
	for _, other := range tables[1:] {
		other.Clear() // and so the spans that they shared are sparse
	}
	tab.Clear()
	tab = tables[0]
	held := r.a.Held()
	moved := 0
	for pos, done := uint32(0), false; !done; {
		if tab.Move(pos) {
			moved++
		}
		pos, done = tab.Near(pos, func(mem.Ref) {})
	}
	if moved == 0 || r.a.Held() >= held {
		t.Errorf("%d segments were moved, %d bytes are held after %d", moved, r.a.Held(), held)
	}
	check(t, tab)
	for k := range uint64(n) {
		if _, ref := tab.Find(r.hash(k), bytesOf(k)); ref == 0 || r.key(ref) != k {
			t.Fatalf("%d is lost", k)
		}
	}
}
