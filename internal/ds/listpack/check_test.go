package listpack

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/redstart-db/redstart/tests/peer"
)

// TestChecker goes through listpacks with a Checker in all ways, and through damaged ones:
// it finds what Validate finds.
func TestChecker(t *testing.T) {
	rnd := rand.New(rand.NewPCG(peer.Seed(t), 0))
	ints := []int64{0, 1, 100, 127, 128, 4095, -1, -4096, 4096, 32767, 32768, 1 << 22, 1 << 23, 1 << 30, math.MinInt64, math.MaxInt64}
	refused, passed := 0, 0
	for range 3000 {
		var want []int64 // math.MinInt64 + 1 stands for a string
		lp := []byte(Empty)
		for range rnd.IntN(12) {
			if n := rnd.IntN(4); n == 0 {
				lp = Append(lp, []byte(strings.Repeat("x", []int{0, 1, 63, 64, 126, 127, 4095, 4096}[rnd.IntN(8)])))
				want = append(want, math.MinInt64+1)
			} else {
				x := ints[rnd.IntN(len(ints))]
				if n == 1 {
					x = int64(rnd.IntN(128))
				}
				lp = Append(lp, fmt.Append(nil, x))
				want = append(want, x)
			}
		}
		if err := goThrough(rnd, lp, want); err != nil {
			t.Fatalf("%v: %v", want, err)
		}
		bad := append([]byte(nil), lp...)
		bad[rnd.IntN(len(bad))] = byte(rnd.Uint32())
		c := Check(bad)
		n := int64(0)
		for c.More() {
			c.Pass(1)
			n++
		}
		if got, want := c.End(), Validate(bad, true); got != want {
			t.Fatalf("%x: %v, want %v", bad, got, want)
		}
		if c.End() == nil {
			passed++
		} else {
			refused++
		}
	}
	if refused == 0 || passed == 0 {
		t.Errorf("%d refused, %d passed", refused, passed)
	}
}

// goThrough takes entries one by one, three at once, or many.
func goThrough(rnd *rand.Rand, lp []byte, want []int64) error {
	c := Check(lp)
	isInt := func(x int64) bool { return x != math.MinInt64+1 }
	for len(want) > 0 {
		switch {
		case len(want) >= 3 && isInt(want[0]) && isInt(want[1]) && isInt(want[2]) && rnd.IntN(2) == 0:
			if x, y, z := c.Ints3(); x != want[0] || y != want[1] || z != want[2] {
				return fmt.Errorf("took %d %d %d, want %d", x, y, z, want[:3])
			}
			want = want[3:]
		case isInt(want[0]) && rnd.IntN(2) == 0:
			if x := c.Int(); x != want[0] {
				return fmt.Errorf("took %d, want %d", x, want[0])
			}
			want = want[1:]
		default:
			if !isInt(want[0]) {
				if other := c; other.Int() != 0 || other.End() == nil {
					return fmt.Errorf("a string is taken for an integer")
				}
			}
			n := 1 + rnd.IntN(len(want))
			c.Pass(int64(n))
			want = want[n:]
		}
	}
	if other := c; c.More() || func() error { other.Pass(1); return other.End() }() == nil {
		return fmt.Errorf("there is more")
	}
	return c.End()
}
