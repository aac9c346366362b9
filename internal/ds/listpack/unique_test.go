package listpack

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/redstart-db/redstart/tests/peer"
)

// entryOf is an entry for elem: as it should be, or, of a number or a short string, in a
// longer way.
func entryOf(r *rand.Rand, elem []byte) []byte {
	var e []byte
	switch n := len(elem); {
	case r.IntN(3) > 0:
		lp := Append(New(0), elem)
		return lp[HeaderSize:End(lp)]
	case n < 64 && r.IntN(2) > 0:
		e = append([]byte{encStr6 | byte(n)}, elem...)
	case n < 4096 && r.IntN(2) > 0:
		e = append([]byte{encStr12 | byte(n>>8), byte(n)}, elem...)
	default:
		e = append(binary.LittleEndian.AppendUint32([]byte{encStr32}, uint32(n)), elem...)
	}
	back := make([]byte, backlenSize(len(e)))
	putBacklen(back, len(e))
	return append(e, back...)
}

// TestValidateUnique compares with a map, for elements that are often there twice, in one
// way or another of encoding them.
func TestValidateUnique(t *testing.T) {
	seed := peer.Seed(t)
	r := rand.New(rand.NewPCG(seed, 0))
	said := 0
	for run := range 20_000 {
		step := 1 + r.IntN(3)
		elements := r.IntN([]int{4, 40, 300}[r.IntN(3)])
		pool := []int{10, 1000, 1 << 40}[r.IntN(3)]
		lp := New(0)
		count, twice := 0, false
		seen := map[string]bool{}
		for i := range elements {
			elem := []byte(fmt.Sprint(r.IntN(pool)))
			switch r.IntN(4) {
			case 0:
				elem = []byte(strings.Repeat("x", r.IntN(80)) + string(elem))
			case 1:
				elem = []byte("-" + string(elem))
			case 2:
				elem = []byte("middle" + string(elem) + strings.Repeat("y", r.IntN(9)))
			}
			twice = twice || seen[string(elem)]
			seen[string(elem)] = true
			for j := range step {
				if j > 0 && i == elements-1 && r.IntN(9) == 0 {
					break // the last element lacks an entry
				}
				lp = slices.Insert(lp, End(lp), entryOf(r, elem)...)
				count++
			}
		}
		setBytes(lp)
		setHeaderLen(lp, count)
		if r.IntN(20) == 0 {
			setHeaderLen(lp, unknownLen)
		}
		n, unique, err := ValidateUnique(lp, step)
		if err != nil || n != count || unique && twice {
			t.Fatalf("run %d: %d entries, unique %v, %v; want %d entries, twice %v: % x", run, n, unique, err, count, twice, lp)
		}
		if unique {
			said++
		}
		// It takes as valid what Validate does.
		bad := slices.Clone(lp)
		bad[r.IntN(len(bad))] ^= 1 << r.IntN(8)
		_, _, err = ValidateUnique(bad, step)
		if want := Validate(bad, true); (err == nil) != (want == nil) {
			t.Fatalf("run %d: %v, want %v: % x", run, err, want, bad)
		}
	}
	if said < 1000 {
		t.Errorf("only %d of the listpacks were found to be without duplicates", said)
	}
}

// TestValidateUniqueSays says that elements as they commonly are do not need another
// look.
func TestValidateUniqueSays(t *testing.T) {
	for _, format := range []string{"%d", "field%d", "member:%08d", "%08d of something that is long, and ends in the same way for all of them, all"} {
		lp := New(0)
		missed := 0
		for i := range maxUnique {
			lp = AppendInt(Append(lp, fmt.Appendf(nil, format, i)), 7)
			if _, unique, err := ValidateUnique(lp, 2); err != nil {
				t.Fatal(err)
			} else if !unique {
				missed++
			}
		}
		if missed > 0 {
			t.Errorf("%s: %d of %d", format, missed, maxUnique)
		}
	}
}
