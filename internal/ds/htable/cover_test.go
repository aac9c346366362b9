package htable

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/redstart-db/redstart/internal/mem"
)

// A walk hands over exactly what was there at its moment, as it was then, whatever
// happens between its steps.
func TestCover(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		tab, r := newTable(t, rapid.Bool().Draw(rt, "mix"))
		live := map[uint64]mem.Ref{}
		changed := map[mem.Ref]bool{}
		spread := rapid.Uint64Range(1, 1<<20).Draw(rt, "spread")
		key := rapid.Custom(func(t *rapid.T) uint64 {
			return rapid.Uint64Range(0, 3000).Draw(t, "key") * spread << 26
		})
		insert := func(k uint64) {
			live[k] = r.add(k)
			tab.Insert(r.hash(k), live[k])
		}
		remove := func(k uint64) {
			slot, ref := tab.Find(r.hash(k), bytesOf(k))
			tab.Remove(r.hash(k), slot)
			r.a.Free(ref)
			delete(changed, ref)
			delete(live, k)
		}
		for i := range rapid.Uint64Range(0, 3000).Draw(rt, "size") {
			insert(i * spread << 26)
		}
		want := map[uint64]bool{}
		for k := range live {
			want[k] = true
		}
		var c Cover
		c.Start(tab, func(ref mem.Ref) {
			k := r.key(ref)
			if !want[k] || changed[ref] {
				rt.Fatalf("%x was handed over twice, or was not there, or had been changed (%v)", k, changed[ref])
			}
			delete(want, k)
		})
		flip := func(k uint64) {
			c.Before(r.hash(k))
			if live[k] != 0 {
				remove(k)
			} else {
				insert(k)
				changed[live[k]] = true
			}
		}
		for steps := 0; !c.Done(); steps++ {
			switch rapid.IntRange(0, 20).Draw(rt, "what") {
			case 0: // so many that segments are split or merged
				from := rapid.Uint64Range(0, 3000).Draw(rt, "from")
				for i := range rapid.Uint64Range(0, 1500).Draw(rt, "many") {
					flip((from + i) * spread << 26)
				}
			case 1, 2, 3, 4, 5:
				flip(key.Draw(rt, "flip"))
			case 6, 7, 8:
				k := key.Draw(rt, "change")
				c.Before(r.hash(k))
				if !c.Covered(r.hash(k)) {
					rt.Fatal("Before has not covered")
				}
				if live[k] != 0 {
					changed[live[k]] = true
				}
			default:
				c.Step()
			}
			if steps > 300 {
				for !c.Step() {
				}
			}
		}
		check(t, tab)
		if len(want) > 0 {
			rt.Fatalf("%d records were not handed over", len(want))
		}
		for _, ref := range live {
			r.a.Free(ref)
		}
		tab.Clear()
	})
}
