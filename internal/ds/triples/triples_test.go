package triples

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/redstart-db/redstart/internal/ds/listpack"
	"pgregory.net/rapid"
)

type field struct {
	name, value string
	at          int64
}

// check compares a listpack with fields in the order in which they came, and
// verifies that it is in the order of deadlines.
func check(t *rapid.T, p []byte, want []field) {
	t.Helper()
	if err := listpack.Validate(p, true); err != nil {
		t.Fatal(err)
	}
	// Among equal deadlines the one that came last is last.
	sorted := slices.Clone(want)
	slices.SortStableFunc(sorted, func(a, b field) int {
		switch {
		case a.at == b.at:
			return 0
		case b.at == 0, a.at != 0 && a.at < b.at:
			return -1
		}
		return 1
	})
	var got []field
	for pos := listpack.HeaderSize; pos < listpack.End(p); pos = Next(p, pos) {
		name := string(listpack.Get(p, pos).AppendTo(nil))
		got = append(got, field{name, string(Value(p, pos).AppendTo(nil)), Deadline(p, pos)})
		if at, ok := Find(p, []byte(name)); !ok || at != pos {
			t.Fatalf("%q is at %d, found at %d, %v", name, pos, at, ok)
		}
	}
	if !slices.Equal(got, sorted) || Len(p) != len(want) {
		t.Fatalf("%v, want %v", got, sorted)
	}
	first := int64(0)
	if len(sorted) > 0 {
		first = sorted[0].at
	}
	if First(p) != first {
		t.Fatalf("the first deadline is %d, want %d", First(p), first)
	}
}

func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		var all []field
		pairs := listpack.New(0)
		text := func() string {
			switch rnd.IntN(3) {
			case 0:
				return fmt.Sprint(rnd.Int64() >> rnd.IntN(64))
			case 1:
				return strings.Repeat("z", rnd.IntN(5000))
			}
			return fmt.Sprintf("text:%d", rnd.IntN(100))
		}
		for i := range rapid.IntRange(0, 10).Draw(t, "pairs") {
			f := field{name: fmt.Sprintf("f%d", i), value: text()}
			all = append(all, f)
			pairs = listpack.Append(listpack.Append(pairs, []byte(f.name)), []byte(f.value))
		}
		room := make([]byte, NeedFromPairs(pairs))
		p := FromPairs(room[:0], pairs)
		if len(p) != len(room) || len(p) > 0 && &p[0] != &room[0] {
			t.Fatalf("%d bytes for %d", len(p), len(room))
		}
		check(t, p, all)
		if got := ToPairs(slices.Clone(p)); !bytes.Equal(got, pairs) {
			t.Fatalf("%q, want %q", got, pairs)
		}
		deadline := func() int64 { return []int64{0, 1, 5, 70, 1 << 40, 1<<46 - 1}[rnd.IntN(6)] }
		for i := range rapid.IntRange(0, 60).Draw(t, "steps") {
			n := rnd.IntN(len(all) + 1)
			if n == len(all) {
				f := field{fmt.Sprintf("g%d", i), text(), deadline()}
				p = slices.Grow(p, Need(p, []byte(f.name), []byte(f.value))-len(p))
				was := &p[0]
				if p = Insert(p, []byte(f.name), []byte(f.value), f.at); &p[0] != was {
					t.Fatal("it was not in place")
				}
				all = append(all, f)
				check(t, p, all)
				continue
			}
			f := all[n]
			all = slices.Delete(all, n, n+1)
			pos, _ := Find(p, []byte(f.name))
			if rnd.IntN(2) == 0 {
				p = Delete(p, pos)
			} else {
				f.at = deadline()
				p = slices.Grow(p, NeedDeadline(p)-len(p))
				was := &p[0]
				if p = SetDeadline(p, pos, f.at); &p[0] != was {
					t.Fatal("it was not in place")
				}
				all = append(all, f)
			}
			check(t, p, all)
			now := deadline()
			due := 0
			for _, f := range all {
				if f.at != 0 && f.at <= now {
					due++
				}
			}
			if got, end := Due(p, now); got != due || Len(p)-got != lenFrom(p, end) {
				t.Fatalf("%d are due at %d, want %d", got, now, due)
			}
		}
	})
}

func lenFrom(p []byte, pos int) (n int) {
	for ; pos < listpack.End(p); pos = Next(p, pos) {
		n++
	}
	return n
}
