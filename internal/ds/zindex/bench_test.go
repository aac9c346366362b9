package zindex

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/redstart-db/redstart/internal/mem"
)

func benchTree(b *testing.B, n int) (*Tree, []elem, *rand.Rand) {
	tree, m := newTree(b, mem.Options{})
	rnd := rand.New(rand.NewPCG(1, 2))
	elems := make([]elem, n)
	for i := range elems {
		elems[i] = elem{rnd.Float64(), m.e.add(fmt.Appendf(nil, "player:%08d", i))}
		tree.Insert(elems[i].score, elems[i].ref)
	}
	b.ReportMetric(float64(tree.Bytes())/float64(n), "B/elem")
	b.ResetTimer()
	return tree, elems, rnd
}

const million = 1_000_000

func BenchmarkDeleteInsert(b *testing.B) {
	tree, elems, rnd := benchTree(b, million)
	for range b.N {
		x := &elems[rnd.IntN(million)]
		tree.Delete(x.score, x.ref)
		x.score = rnd.Float64()
		tree.Insert(x.score, x.ref)
	}
}

func BenchmarkInsertDelete(b *testing.B) {
	for _, name := range []string{"insert", "delete"} {
		b.Run(name, func(b *testing.B) {
			tree, elems, rnd := benchTree(b, million)
			for i := 0; i < b.N; i += 50_000 {
				n := min(50_000, b.N-i)
				part := make([]elem, n)
				perm := rnd.Perm(million)
				b.StopTimer()
				for j := range part {
					part[j] = elems[perm[j]]
				}
				if name == "insert" {
					for _, x := range part {
						tree.Delete(x.score, x.ref)
					}
				}
				b.StartTimer()
				for _, x := range part {
					if name == "insert" {
						tree.Insert(x.score, x.ref)
					} else {
						tree.Delete(x.score, x.ref)
					}
				}
				b.StopTimer()
				if name == "delete" {
					for _, x := range part {
						tree.Insert(x.score, x.ref)
					}
				}
				b.StartTimer()
			}
		})
	}
}

func BenchmarkUpdateNear(b *testing.B) {
	tree, elems, rnd := benchTree(b, million)
	for range b.N {
		x := &elems[rnd.IntN(million)]
		to := x.score + 1e-6
		tree.Update(x.score, x.ref, to)
		x.score = to
	}
}

func BenchmarkRank(b *testing.B) {
	tree, elems, rnd := benchTree(b, million)
	for range b.N {
		x := elems[rnd.IntN(million)]
		tree.Rank(x.score, tree.entries.Member(x.ref))
	}
}

func BenchmarkAt(b *testing.B) {
	tree, _, rnd := benchTree(b, million)
	for range b.N {
		tree.At(rnd.IntN(million))
	}
}

func BenchmarkRange100(b *testing.B) {
	tree, _, rnd := benchTree(b, million)
	sum := 0
	for range b.N {
		c := tree.SeekScore(rnd.Float64(), false)
		for i := 0; i < 100 && c.Valid(); i++ {
			sum += len(tree.entries.Member(c.Ref()))
			c.Next()
		}
	}
	_ = sum
}

func BenchmarkAppend(b *testing.B) {
	tree, m := newTree(b, mem.Options{})
	ref := m.e.add([]byte("a"))
	for i := range b.N {
		tree.Append(float64(i), ref)
	}
}

func BenchmarkInsertEqualScores(b *testing.B) {
	tree, m := newTree(b, mem.Options{})
	refs := make([]mem.Ref, million)
	for i := range refs {
		refs[i] = m.e.add(fmt.Appendf(nil, "player:%08d", i*7%1000003))
	}
	b.ResetTimer()
	for i := range b.N {
		if i%million == 0 {
			tree.Drop(1<<30, nil)
		}
		tree.Insert(0, refs[i%million])
	}
}

func BenchmarkDeleteRange(b *testing.B) {
	tree, m := newTree(b, mem.Options{})
	ref := m.e.add([]byte("a"))
	for i := range b.N {
		tree.Append(float64(i), ref)
	}
	b.ResetTimer()
	tree.DeleteRange(b.N/3, b.N-b.N/3, func(float64, mem.Ref) {})
}
