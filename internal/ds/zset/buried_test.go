package zset

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/redstart-db/redstart/internal/mem"
	"github.com/redstart-db/redstart/tests/peer"
)

// burier is a set from which ranges are cut and purged, and what it has to equal.
type burier struct {
	t     *testing.T
	z     ZSet
	rnd   *rand.Rand
	elems []elem
}

func (b *burier) set(member string, score float64) {
	i := slices.IndexFunc(b.elems, func(x elem) bool { return x.member == member })
	if created := b.z.Set([]byte(member), score); created != (i < 0) {
		b.t.Fatalf("Set(%q) has created it: %v", member, created)
	}
	if i >= 0 {
		b.elems = slices.Delete(b.elems, i, i+1)
	}
	x := elem{member, score}
	i, _ = slices.BinarySearchFunc(b.elems, x, elem.compare)
	b.elems = slices.Insert(b.elems, i, x)
}

func (b *burier) cut() {
	from := b.rnd.IntN(len(b.elems) + 1)
	to := from + b.rnd.IntN(len(b.elems)-from+1)
	b.z.CutRange(from, to)
	b.elems = slices.Delete(b.elems, from, to)
}

// check verifies that the set has what it should, however it is asked, and that
// every record is in just one place.
func (b *burier) check(member func() string) {
	b.t.Helper()
	if b.z.Len() != len(b.elems) || b.z.tree.Len() != len(b.elems) {
		b.t.Fatalf("%d elements, %d in the order, want %d", b.z.Len(), b.z.tree.Len(), len(b.elems))
	}
	there := make(map[string]float64)
	c := b.z.First()
	for rank, x := range b.elems {
		there[x.member] = x.score
		if string(c.Member()) != x.member || c.Score() != x.score {
			b.t.Fatalf("element %d is %q %v, want %q %v", rank, c.Member(), c.Score(), x.member, x.score)
		}
		c.Next()
	}
	for range 200 {
		m := member()
		want, ok := there[m]
		if got, found := b.z.Score([]byte(m)); found != ok || got != want {
			b.t.Fatalf("score of %q is %v %v, want %v %v", m, got, found, want, ok)
		}
		if _, _, found := b.z.Rank([]byte(m)); found != ok {
			b.t.Fatalf("%q has a rank: %v", m, found)
		}
	}
	seen := 0
	for pos, done := uint32(0), false; !done; {
		pos, done = b.z.Scan(pos, func(e Elem) {
			if want, ok := there[string(e.Member())]; !ok || want != e.Score() {
				b.t.Fatalf("a scan finds %q %v", e.Member(), e.Score())
			}
			seen++
		})
	}
	if seen != len(there) {
		b.t.Fatalf("a scan finds %d of %d", seen, len(there))
	}
	for _, n := range []int{3, len(there) / 2, len(there)} {
		drawn := make(map[string]bool)
		b.z.RandomDistinct(b.rnd, n, func(e Elem) {
			if _, ok := there[string(e.Member())]; !ok || drawn[string(e.Member())] {
				b.t.Fatalf("%q is drawn", e.Member())
			}
			drawn[string(e.Member())] = true
		})
		if len(drawn) != min(n, len(there)) {
			b.t.Fatalf("%d drawn, want %d", len(drawn), n)
		}
	}
	dead := 0
	for _, c := range b.z.buried {
		dead += c.Len()
	}
	if records := b.z.dict.Len(); records != len(there)+dead || b.z.dead != dead {
		b.t.Fatalf("%d records, %d alive, %d dead of %d counted", records, len(there), dead, b.z.dead)
	}
	if live := b.z.dict.Bytes() + b.z.tree.Bytes() + b.z.bytesBuried(); live != b.z.Bytes() {
		b.t.Fatalf("%d bytes, want %d", b.z.Bytes(), live)
	}
}

// TestBuried cuts ranges out of a set, and has members come back, change and go
// while what was cut is purged.
func TestBuried(t *testing.T) {
	seed := peer.Seed(t)
	for kind, scores := range []int{1, 5, 1 << 40} {
		t.Run(fmt.Sprint(scores), func(t *testing.T) {
			a := newArena(t, mem.Options{})
			b := &burier{t: t, rnd: rand.New(rand.NewPCG(seed, uint64(kind)))}
			b.z.Init(a)
			member := func() string { return fmt.Sprintf("m%d", b.rnd.IntN(9000)) }
			for round := range 12 {
				// What a snapshot that begins now has to get.
				want, got := slices.Clone(b.elems), []elem{}
				cover := b.z.Cover(func(e Elem) { got = append(got, elem{string(e.Member()), e.Score()}) })
				for range 2500 {
					b.set(member(), float64(b.rnd.IntN(scores)))
				}
				for range b.rnd.IntN(3) {
					b.cut()
				}
				b.check(member)
				for range 300 {
					m := member()
					i := slices.IndexFunc(b.elems, func(x elem) bool { return x.member == m })
					if b.z.Delete([]byte(m)) != (i >= 0) {
						t.Fatalf("%q was there: %v", m, i >= 0)
					}
					if i >= 0 {
						b.elems = slices.Delete(b.elems, i, i+1)
					}
				}
				if round%3 == 0 {
					for pos, done := uint32(0), false; !done; {
						pos, done = b.z.Defrag(pos)
					}
				}
				for range b.rnd.IntN(20) {
					b.z.Purge(200)
				}
				b.check(member)
				for !cover.Done() {
					cover.Step()
				}
				b.z.Uncover()
				if slices.SortFunc(got, elem.compare); !slices.Equal(got, want) {
					t.Fatalf("a walk had %d elements, want %d", len(got), len(want))
				}
				// The table counts its directory, which is on the Go heap.
				if live, counted := int(a.Live()), b.z.Bytes(); live > counted || live < counted-counted/50-64 {
					t.Fatalf("%d bytes live, %d counted", live, counted)
				}
			}
			b.cut()
			if kind == 1 {
				for !b.z.Purge(100) {
				}
				b.check(member)
			}
			for !b.z.Drop(1000) {
			}
			if live := a.Live(); live != 0 {
				t.Fatalf("%d bytes are left", live)
			}
		})
	}
}
