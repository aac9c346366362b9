package bulks_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/redstart-db/redstart/internal/bulks"
	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/tests/peer"
)

// TestAppend compares replies with what fmt makes of the elements, for all lengths
// up to 300, for integers of every encoding, and with buffers that are too small.
func TestAppend(t *testing.T) {
	elems := [][]byte{nil}
	for n := range 300 {
		elems = append(elems, bytes.Repeat([]byte{byte('a' + n%26)}, n))
	}
	elems = append(elems, bytes.Repeat([]byte("x"), 5000))
	for shift := range 64 {
		for d := int64(-2); d <= 2; d++ {
			n := int64(1)<<shift + d
			elems = append(elems, strconv.AppendInt(nil, n, 10), strconv.AppendInt(nil, -n, 10))
		}
	}
	for p := int64(1); p <= 1e18; p *= 10 {
		elems = append(elems, strconv.AppendInt(nil, p-1, 10), strconv.AppendInt(nil, p, 10), strconv.AppendInt(nil, -p, 10))
	}
	seed := peer.Seed(t)
	rnd := rand.New(rand.NewPCG(seed, 0))
	for round := range 200 {
		rnd.Shuffle(len(elems), func(i, j int) { elems[i], elems[j] = elems[j], elems[i] })
		lp, want := listpack.New(0), []byte("before")
		some := elems[:1+rnd.IntN(len(elems))]
		for _, e := range some {
			lp = listpack.Append(lp, e)
			want = fmt.Appendf(want, "$%d\r\n%s\r\n", len(e), e)
		}
		lp = lp[:len(lp):len(lp)]
		out := append(make([]byte, 0, 6+rnd.IntN(len(want))), "before"...)
		if round%2 == 0 {
			out = append(make([]byte, 0, 2*len(want)), "before"...)
		}
		pos, left := listpack.HeaderSize, len(some)
		for left > 0 {
			n := 1 + rnd.IntN(left)
			out, pos = bulks.Append(out, lp, pos, n)
			left -= n
		}
		if !bytes.Equal(out, want) {
			t.Fatalf("seed %d: %d elements differ from what they should be", seed, len(some))
		}
		if pos != listpack.End(lp) {
			t.Fatalf("seed %d: position %d of %d at the end", seed, pos, listpack.End(lp))
		}
	}
}

// TestAppendCorrupt: an element that reaches out of its listpack is not shown.
func TestAppendCorrupt(t *testing.T) {
	lp := listpack.Append(listpack.New(64), []byte("abcdefgh"))
	lp[listpack.HeaderSize] = listpack.ShortStr | 40
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	bulks.Append(make([]byte, 0, 1024), lp, listpack.HeaderSize, 1)
}
