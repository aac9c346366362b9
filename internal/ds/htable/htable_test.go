package htable

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/redstart-db/redstart/internal/mem"
	"pgregory.net/rapid"
)

// records is a set of records that are 8-byte keys; its hash is the identity
// or a mix, so that tests can choose positions.
type records struct {
	a   *mem.Arena
	mix bool
}

func (r *records) hash(k uint64) uint64 {
	if !r.mix {
		return k
	}
	k ^= k >> 33
	k *= 0xff51afd7ed558ccd
	k ^= k >> 33
	k *= 0xc4ceb9fe1a85ec53
	return k ^ k>>33
}

func (r *records) key(ref mem.Ref) uint64  { return binary.LittleEndian.Uint64(r.a.Bytes(ref, 8)) }
func (r *records) Hash(ref mem.Ref) uint64 { return r.hash(r.key(ref)) }
func (r *records) Equal(ref mem.Ref, key []byte) bool {
	return binary.LittleEndian.Uint64(key) == r.key(ref)
}

func (r *records) add(k uint64) mem.Ref {
	ref := r.a.Alloc(8)
	binary.LittleEndian.PutUint64(r.a.Bytes(ref, 8), k)
	return ref
}

func bytesOf(k uint64) []byte { return binary.LittleEndian.AppendUint64(nil, k) }

func newTable(t testing.TB, mix bool) (*Table, *records) {
	a, err := mem.New(mem.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	r := &records{a, mix}
	tab := new(Table)
	tab.Init(a, r)
	return tab, r
}

// check verifies the invariants that the package states.
func check(t testing.TB, tab *Table) {
	total, size, deep := 0, 0, 0
	for i := 0; i < len(tab.dir); {
		s := tab.dir[i]
		width := 1 << (tab.depth - s.local())
		if i%width != 0 {
			t.Fatalf("segment at %d of width %d is not aligned", i, width)
		}
		for k := range width {
			if tab.dir[i+k] != s {
				t.Fatalf("directory entries %d and %d differ", i, i+k)
			}
		}
		if s.local() == tab.depth {
			deep++
		}
		count := 0
		over := make([]int, s.n())
		for b := range s.n() {
			bk := tab.at(s, b)
			for j := range slots {
				if bk.tags[j] == 0 {
					continue
				}
				count++
				hash := tab.recs.Hash(bk.refs[j])
				if bk.tags[j] != tagOf(hash) {
					t.Fatalf("tag %d of hash %x", bk.tags[j], hash)
				}
				if tab.segmentOf(Pos(hash)) != s {
					t.Fatalf("hash %x is in the wrong segment", hash)
				}
				for h := s.home(Pos(hash)); h != b; h = s.next(h) {
					over[h]++
				}
			}
		}
		for b := range s.n() {
			if got := int(tab.at(s, b).over); got != over[b] {
				t.Fatalf("bucket %d: over is %d, want %d", b, got, over[b])
			}
		}
		if got := int(tab.at(s, 0).seg); got != count || count > fill*int(s.n()) {
			t.Fatalf("segment count is %d, want %d of at most %d", got, count, fill*int(s.n()))
		}
		total += count
		size += int(s.n())
		i += width
	}
	if total != tab.count || size != tab.size || deep != tab.deep {
		t.Fatalf("count %d size %d deep %d, want %d %d %d", tab.count, tab.size, tab.deep, total, size, deep)
	}
}

func TestAgainstMap(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		tab, r := newTable(t, rapid.Bool().Draw(rt, "mix"))
		model := map[uint64]mem.Ref{}
		phases := rapid.SliceOfN(rapid.IntRange(-3000, 3000), 1, 6).Draw(rt, "phases")
		seed := rapid.Uint64().Draw(rt, "seed")
		rnd := rand.New(rand.NewPCG(seed, 1))
		for _, n := range phases {
			for range max(n, -n) {
				k := rnd.Uint64N(4000) << 50
				if r.mix {
					k = rnd.Uint64N(8000)
				}
				slot, ref := tab.Find(r.hash(k), bytesOf(k))
				want, ok := model[k]
				if ok != (ref != 0) || ref != want {
					rt.Fatalf("key %d: found %d, want %d", k, ref, want)
				}
				switch {
				case n > 0 && !ok:
					ref = r.add(k)
					tab.Insert(r.hash(k), ref)
					model[k] = ref
				case n < 0 && ok:
					tab.Remove(r.hash(k), slot)
					delete(model, k)
					r.a.Free(ref)
				case ok:
					again := r.add(k)
					tab.Replace(slot, again)
					r.a.Free(ref)
					model[k] = again
				}
			}
			check(t, tab)
		}
		seen := map[mem.Ref]bool{}
		for pos, done := uint32(0), false; !done; {
			pos, done = tab.Scan(pos, func(ref mem.Ref) {
				if seen[ref] {
					rt.Fatalf("scan visits record %d twice", ref)
				}
				seen[ref] = true
			})
		}
		if len(seen) != len(model) || tab.Len() != len(model) {
			rt.Fatalf("scan found %d, Len %d, want %d", len(seen), tab.Len(), len(model))
		}
	})
}

// Records that were pushed on stay where they are when those that pushed them
// go, so every bucket can have been passed: a search must end all the same.
func TestSearchEndsWhenEveryBucketWasPassed(t *testing.T) {
	tab, r := newTable(t, false)
	next := uint64(0)
	add := func(bucket uint64) uint64 {
		k := bucket<<57 | next<<26 | 7 // position in the lower or upper half of the line
		next++
		tab.Insert(k, r.add(k))
		return k
	}
	remove := func(k uint64) {
		slot, ref := tab.Find(k, bytesOf(k))
		tab.Remove(k, slot)
		r.a.Free(ref)
	}
	var low []uint64
	for range 13 {
		low = append(low, add(0)) // the last goes on to bucket 1
	}
	for _, k := range low[:4] {
		remove(k)
	}
	for range 12 {
		add(1) // the last goes round to bucket 0
	}
	check(t, tab)
	if tab.Buckets() != 2 || tab.at(tab.dir[0], 0).over == 0 || tab.at(tab.dir[0], 1).over == 0 {
		t.Fatalf("%d buckets; not every one was passed", tab.Buckets())
	}
	if _, ref := tab.Find(8, bytesOf(8)); ref != 0 {
		t.Fatal("found what is not there")
	}
	if _, ok := tab.FindRef(8, 1); ok {
		t.Fatal("found a reference that is not there")
	}
}

// A scan must meet every record that stays, once, while others come and go.
func TestScanWhileChanging(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		tab, r := newTable(t, true)
		stay := rapid.IntRange(0, 3000).Draw(rt, "stay")
		for k := range stay {
			tab.Insert(r.hash(uint64(k)), r.add(uint64(k)))
		}
		rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 2))
		extra := []uint64{}
		next := uint64(1 << 32)
		grow := rapid.Bool().Draw(rt, "grow")
		if !grow {
			for range 8000 {
				tab.Insert(r.hash(next), r.add(next))
				extra = append(extra, next)
				next++
			}
		}
		times := map[uint64]int{}
		for pos, done := uint32(0), false; !done; {
			pos, done = tab.Scan(pos, func(ref mem.Ref) { times[r.key(ref)]++ })
			for range rnd.IntN(40) {
				if grow {
					tab.Insert(r.hash(next), r.add(next))
					next++
				} else if len(extra) > 0 {
					i := rnd.IntN(len(extra))
					k := extra[i]
					extra[i] = extra[len(extra)-1]
					extra = extra[:len(extra)-1]
					slot, ref := tab.Find(r.hash(k), bytesOf(k))
					tab.Remove(r.hash(k), slot)
					r.a.Free(ref)
				}
			}
		}
		for k := range stay {
			if times[uint64(k)] != 1 {
				rt.Fatalf("record %d was visited %d times", k, times[uint64(k)])
			}
		}
		check(t, tab)
	})
}

func TestFillAndShrink(t *testing.T) {
	tab, r := newTable(t, true)
	const n = 300_000
	worst := 0.0
	for k := range uint64(n) {
		tab.Insert(r.hash(k), r.add(k))
		if k > 20000 && k%100 == 0 {
			worst = max(worst, float64(tab.Bytes())/float64(k+1))
		}
	}
	check(t, tab)
	if worst > 8 {
		t.Errorf("%.2f bytes of table for a record at the worst", worst)
	}
	for k := range uint64(n - 10) {
		slot, ref := tab.Find(r.hash(k), bytesOf(k))
		tab.Remove(r.hash(k), slot)
		r.a.Free(ref)
	}
	check(t, tab)
	if tab.Bytes() > 4096 {
		t.Errorf("%d bytes of table for 10 records", tab.Bytes())
	}
	tab.Clear()
}

func TestRandomIsFair(t *testing.T) {
	// The table is one segment of any length, or some are split and some not.
	for _, n := range []int{5, 60, 500, 800, 1000, 2000, 2816, 5632, 11_264} {
		tab, r := newTable(t, true)
		for k := range uint64(n) {
			tab.Insert(r.hash(k), r.add(k))
		}
		rnd := rand.New(rand.NewPCG(1, 2))
		times := make([]int, n)
		for range n * 100 {
			times[r.key(tab.Random(rnd))]++
		}
		chi := 0.0
		for _, x := range times {
			chi += float64((x-100)*(x-100)) / 100
		}
		// Mean n, standard deviation sqrt(2n) for a uniform choice.
		if chi > float64(n)+8*math.Sqrt(2*float64(n)) {
			t.Errorf("chi-square is %.0f for %d records", chi, n)
		}
		tab.Clear()
	}
}

func TestExhausted(t *testing.T) {
	a, err := mem.New(mem.Options{Reserve: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	r := &records{a, true}
	tab := new(Table)
	tab.Init(a, r)
	k := uint64(0)
	func() {
		defer func() {
			if recover() != mem.ErrExhausted {
				t.Fatal("the arena was never exhausted")
			}
		}()
		for ; ; k++ {
			ref := r.add(k)
			tab.Insert(r.hash(k), ref)
		}
	}()
	check(t, tab)
	for i := range k {
		if _, ref := tab.Find(r.hash(i), bytesOf(i)); ref == 0 {
			t.Fatalf("record %d of %d is lost", i, k)
		}
	}
}

func BenchmarkFind(b *testing.B) {
	for _, n := range []int{1000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			tab, r := newTable(b, true)
			for k := range uint64(n) {
				tab.Insert(r.hash(k), r.add(k))
			}
			rnd := rand.New(rand.NewPCG(1, 2))
			var key [8]byte
			b.ResetTimer()
			for range b.N {
				k := rnd.Uint64N(uint64(n))
				binary.LittleEndian.PutUint64(key[:], k)
				tab.Find(r.hash(k), key[:])
			}
		})
	}
}

func BenchmarkInsert(b *testing.B) {
	tab, r := newTable(b, true)
	for k := range uint64(b.N) {
		tab.Insert(r.hash(k), r.add(k))
	}
}

// TestInOrderOfHashes fills a table in the order in which another one that hashes
// the same way is walked.
func TestInOrderOfHashes(t *testing.T) {
	tab, r := newTable(t, false)
	const n = 30_000
	for i := range uint64(n) {
		k := i*(1<<lineBits/n)<<26 | i&255
		tab.Insert(k, r.add(k))
		if i%1000 == 0 {
			check(t, tab)
		}
	}
	check(t, tab)
	if tab.Len() != n || tab.Bytes() > 10*n {
		t.Errorf("%d records in %d bytes", tab.Len(), tab.Bytes())
	}
}
