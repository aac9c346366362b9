package store

import (
	"fmt"
	"slices"
	"testing"

	"github.com/redstart-db/redstart/internal/ds/dict"
	"github.com/redstart-db/redstart/internal/ds/intset"
	"github.com/redstart-db/redstart/internal/ds/listpack"
)

// TestMembers looks at sets of every form, and at a key that there is not.
func TestMembers(t *testing.T) {
	st := newStore(t, Options{Shards: 1})
	sh := st.Shard(0)
	sh.Lock()
	defer sh.Unlock()
	ks := sh.DB(0)
	ints, lp := []byte(intset.Empty), []byte(listpack.Empty)
	d := new(dict.Dict)
	d.Init(ks.Arena(), dict.Set)
	var numbers, mixed, many []string
	for i := range 50 {
		ints, _ = intset.Add(ints, int64(i-25))
		numbers = append(numbers, fmt.Sprint(i-25))
		m := fmt.Sprint(i)
		if i%2 == 0 {
			m = fmt.Sprint("member", i)
		}
		lp = listpack.Append(lp, []byte(m))
		mixed = append(mixed, m)
	}
	for i := range 3000 {
		many = append(many, fmt.Sprint("m", i))
		d.Add([]byte(many[i]))
	}
	many = append(many, "")
	d.Add(nil)

	none := ks.Find(st.Key([]byte("none")))
	for name, tc := range map[string]struct {
		e    Entry
		want []string
	}{
		"nothing":  {none, nil},
		"intset":   {ks.NewPacked(st.Key([]byte("i")), none, Set, ints, 0, 0), numbers},
		"listpack": {ks.NewPacked(st.Key([]byte("l")), none, Set, lp, 0, 0), mixed},
		"table":    {ks.NewObject(st.Key([]byte("d")), none, Set, d, 0), many},
	} {
		var buf [20]byte
		var got []string
		for m := range tc.e.Members {
			got = append(got, string(m.Bytes(buf[:])))
		}
		if tc.e.SetLen() != len(tc.want) {
			t.Errorf("%s: %d members, want %d", name, tc.e.SetLen(), len(tc.want))
		}
		slices.Sort(got)
		slices.Sort(tc.want)
		if !slices.Equal(got, tc.want) {
			t.Errorf("%s: members are %.200q", name, got)
		}
		for _, m := range tc.want {
			if !tc.e.HasMember([]byte(m)) {
				t.Errorf("%s: %q is not found", name, m)
			}
		}
		for _, m := range []string{"100000", "x", "025", "-26"} {
			if tc.e.HasMember([]byte(m)) {
				t.Errorf("%s: %q is found", name, m)
			}
		}
		n := 0
		for range tc.e.Members {
			if n++; n == 3 {
				break
			}
		}
		if n != min(3, len(tc.want)) {
			t.Errorf("%s: the walk ends after %d", name, n)
		}
	}
}
