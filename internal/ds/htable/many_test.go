package htable

import (
	"math/rand/v2"
	"testing"

	"github.com/redstart-db/redstart/internal/mem"
)

// TestFindEach compares it with Find, for keys that are there and that are not, in
// tables whose buckets overflow and whose tags collide.
func TestFindEach(t *testing.T) {
	for _, n := range []int{0, 1, 9, 100, 1400, 5000} {
		for _, mix := range []bool{true, false} {
			tab, r := newTable(t, mix)
			rnd := rand.New(rand.NewPCG(uint64(n), 1))
			var all []uint64
			for range n {
				k := rnd.Uint64()
				if !mix {
					// Few positions and few tags.
					k = k&0x3f<<58 | k>>8&0x7<<26 | k>>20&3
				}
				if _, ref := tab.Find(r.hash(k), bytesOf(k)); ref == 0 && len(all) < 1000 || mix {
					tab.Insert(r.hash(k), r.add(k))
					all = append(all, k)
				}
			}
			check(t, tab)
			for range 200 {
				var hashes [64]uint64
				var keys [64][]byte
				var refs [64]mem.Ref
				for i := range keys {
					k := rnd.Uint64()
					if len(all) > 0 && rnd.IntN(2) == 0 {
						k = all[rnd.IntN(len(all))]
					} else if !mix {
						k = k&0x3f<<58 | k>>8&0x7<<26 | k>>20&3
					}
					hashes[i], keys[i] = r.hash(k), bytesOf(k)
				}
				wanted := rnd.Uint64()
				there := tab.FindEach(hashes[:], keys[:], wanted, refs[:])
				for i := range keys {
					_, want := tab.Find(hashes[i], keys[i])
					if wanted>>i&1 == 0 {
						want = 0
					}
					if got := there>>i&1 != 0; got != (want != 0) || got && refs[i] != want {
						t.Fatalf("%d records: key %d is there: %v, at %d, want %d", n, i, got, refs[i], want)
					}
				}
			}
		}
	}
}

// TestNext walks over tables of all shapes.
func TestNext(t *testing.T) {
	for _, n := range []int{0, 1, 12, 13, 500, 1500, 20000} {
		for _, room := range []int{slots, 16, 48, 64} {
			tab, r := newTable(t, true)
			for k := range n {
				tab.Insert(r.hash(uint64(k)), r.add(uint64(k)))
			}
			seen := map[mem.Ref]bool{}
			var w Walk
			for {
				refs := tab.Next(&w, make([]mem.Ref, 0, room), room == 64)
				if len(refs) == 0 {
					break
				}
				for _, ref := range refs {
					if seen[ref] {
						t.Fatal("met twice")
					}
					seen[ref] = true
				}
			}
			if len(seen) != n {
				t.Fatalf("met %d of %d", len(seen), n)
			}
		}
	}
}

// TestExpect fills tables with as many records as was said, fewer, and more.
func TestExpect(t *testing.T) {
	for _, n := range []int{0, 11, 12, 100, 1000, 1001, 50_000} {
		for _, come := range []int{0, n / 3, n, 2 * n} {
			tab, r := newTable(t, true)
			tab.Expect(n)
			before := tab.Buckets()
			for k := range come {
				tab.Insert(r.hash(uint64(k)), r.add(uint64(k)))
			}
			check(t, tab)
			if come == n && n > 100 && tab.Buckets() > before+before/8 {
				t.Errorf("%d buckets for %d records, %d in the end", before, n, tab.Buckets())
			}
			for k := range come {
				slot, ref := tab.Find(r.hash(uint64(k)), bytesOf(uint64(k)))
				if ref == 0 {
					t.Fatalf("%d of %d is lost", k, come)
				}
				tab.Remove(r.hash(uint64(k)), slot)
				r.a.Free(ref)
			}
			tab.Clear()
			check(t, tab)
			if live := r.a.Live(); live != 0 {
				t.Fatalf("%d bytes are left", live)
			}
		}
	}
	small, err := mem.New(mem.Options{Reserve: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { small.Close() })
	tab := new(Table)
	tab.Init(small, &records{a: small})
	func() {
		defer func() {
			if e := recover(); e != mem.ErrExhausted {
				t.Errorf("panic %v", e)
			}
		}()
		tab.Expect(1 << 20)
	}()
	if small.Live() != 0 {
		t.Errorf("%d bytes are left", small.Live())
	}
}
