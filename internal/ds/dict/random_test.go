package dict

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/redstart-db/redstart/internal/mem"
)

// numbered is a set of the numbers up to n, which were not alone in it.
func numbered(t *testing.T, n int) *Dict {
	d := new(Dict)
	d.Init(newArena(t, mem.Options{}), Set)
	for i := range n + n/2 {
		d.Add(fmt.Append(nil, i))
	}
	for i := range n / 2 {
		d.Delete(fmt.Append(nil, n+i))
	}
	return d
}

func number(t *testing.T, e Elem) int {
	i, err := strconv.Atoi(string(e.Member()))
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// uniform fails when the counts are not what an even distribution gives: the
// variance of a count is that of a binomial with this share of the rounds.
func uniform(t *testing.T, what string, counts []int, rounds int, share float64) {
	t.Helper()
	mean := float64(rounds) * share
	chi := 0.0
	for _, c := range counts {
		x := float64(c) - mean
		chi += x * x / (mean * (1 - share))
	}
	n := float64(len(counts))
	if chi > n+8*math.Sqrt(2*n) {
		t.Errorf("%s: chi-square is %.0f for %d counts", what, chi, len(counts))
	}
}

// TestRandomIsFair has sizes at which the table is one segment of any length, and
// at which some of its segments are split and some are not.
func TestRandomIsFair(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{1, 2, 15, 16, 17, 31, 100, 800, 1300, 1877, 3755} {
		d := numbered(t, n)
		counts := make([]int, n)
		rounds := n * 30
		for range rounds {
			e, ok := d.Random(rnd)
			if !ok {
				t.Fatal("nothing found")
			}
			counts[number(t, e)]++
		}
		if n > 1 {
			uniform(t, fmt.Sprint(n, " elements"), counts, rounds, 1/float64(n))
		}
	}
	var empty Dict
	empty.Init(newArena(t, mem.Options{}), Set)
	if _, ok := empty.Random(rnd); ok {
		t.Error("an element of an empty set")
	}
}

// TestRandomDistinct counts how often each element is among those chosen, and,
// of a few, each pair.
func TestRandomDistinct(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for _, tc := range []struct{ of, n int }{{200, 10}, {200, 50}, {200, 51}, {200, 190}, {5, 2}, {20, 2}} {
		d := numbered(t, tc.of)
		const rounds = 2000
		counts := make([]int, tc.of)
		pairs := map[[2]int]int{}
		for range rounds {
			seen := map[int]bool{}
			d.RandomDistinct(rnd, tc.n, func(e Elem) { seen[number(t, e)] = true })
			if len(seen) != tc.n {
				t.Fatalf("%d different elements, want %d", len(seen), tc.n)
			}
			for i := range seen {
				counts[i]++
				for j := i + 1; tc.n == 2 && j < tc.of; j++ {
					if seen[j] {
						pairs[[2]int{i, j}]++
					}
				}
			}
		}
		uniform(t, fmt.Sprint(tc), counts, rounds, float64(tc.n)/float64(tc.of))
		if tc.n == 2 {
			all := tc.of * (tc.of - 1) / 2
			counts = counts[:0]
			for _, c := range pairs {
				counts = append(counts, c)
			}
			uniform(t, fmt.Sprint("pairs of ", tc.of), counts, rounds, 1/float64(all))
			if len(pairs) != all {
				t.Errorf("%d of %d pairs", len(pairs), all)
			}
		}
	}
	d := numbered(t, 10)
	for _, tc := range []struct{ n, want int }{{-5, 0}, {0, 0}, {10, 10}, {math.MaxInt, 10}, {math.MinInt, 0}} {
		got := 0
		d.RandomDistinct(rnd, tc.n, func(Elem) { got++ })
		if got != tc.want {
			t.Errorf("%d elements for a count of %d", got, tc.n)
		}
	}
}
