package tracking

import (
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/redstart-db/redstart/tests/peer"
)

// TestTable compares a table with a map through random changes.
func TestTable(t *testing.T) {
	seed := peer.Seed(t)
	rnd := rand.New(rand.NewPCG(seed, 1))
	hashes := maphash.MakeSeed()
	hash := func(name string) uint64 { return maphash.String(hashes, name) }
	if rnd.IntN(2) == 0 { // names that cannot be told apart by their hashes
		hash = func(name string) uint64 { return uint64(len(name)) * 7 }
	}
	var table Table
	model := make(map[string][]uint64) // newest reader first
	gone := func(context string) {
		for _, g := range table.Gone {
			if !slices.Equal(model[string(g.Name)], g.IDs) {
				t.Fatalf("%s: %q was read by %v, told are %v", context, g.Name, model[string(g.Name)], g.IDs)
			}
			delete(model, string(g.Name))
		}
		table.Gone = nil
	}
	for range 20000 {
		name := fmt.Sprintf("%0*d", 1+rnd.IntN(30), rnd.IntN(300))
		keys := table.Keys()
		switch rnd.IntN(8) {
		case 0, 1, 2, 3:
			id := 1 + rnd.Uint64N(10)
			grown := table.Add(hash(name), []byte(name), id)
			gone("add")
			if !slices.Contains(model[name], id) {
				model[name] = append([]uint64{id}, model[name]...)
			}
			if table.Keys() != keys+grown {
				t.Fatalf("%d keys after %d%+d", table.Keys(), keys, grown)
			}
		case 4, 5, 6:
			_, has := model[name]
			if was := table.Changed(hash(name), []byte(name)); was != has {
				t.Fatalf("%q was there: %v, not %v", name, was, has)
			}
			gone("change")
			if _, still := model[name]; still {
				t.Fatalf("nobody was told of %q", name)
			}
		case 7:
			keep := hash(name)
			table.Evict(rnd.Uint64(), keep)
			for _, g := range table.Gone {
				if hash(string(g.Name)) == keep {
					t.Fatalf("%q had to stay", g.Name)
				}
			}
			gone("evict")
		}
		items := 0
		for _, ids := range model {
			items += len(ids)
		}
		if table.Keys() != len(model) || table.Items() != items {
			t.Fatalf("%d keys and %d items, not %d and %d", table.Keys(), table.Items(), len(model), items)
		}
	}
	for table.Evict(rnd.Uint64(), 1) {
	}
	gone("end")
	if len(model) != 0 || table.Keys() != 0 || table.Items() != 0 {
		t.Fatalf("%d keys are left of %d", table.Keys(), len(model))
	}
}

func TestTableCompacts(t *testing.T) {
	var table Table
	for i := range uint64(10000) {
		name := fmt.Appendf(nil, "key:%020d", i)
		table.Add(i, name, 1)
		if i >= 10 {
			table.Changed(i-10, fmt.Appendf(nil, "key:%020d", i-10))
			table.Gone = nil
		}
	}
	if n := len(table.names); n > 4*compactFrom {
		t.Errorf("names of 10 keys take %d bytes", n)
	}
}
