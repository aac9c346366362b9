package dict

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/redstart-db/redstart/internal/ds/zindex"
	"github.com/redstart-db/redstart/internal/invariants"
	"github.com/redstart-db/redstart/internal/mem"
)

// TestBytesPerElement states what an element costs, and compares that with all
// memory of the arena that is not free for others, with its bookkeeping. That is
// most when the segments of the table have just been split and the place of the
// old ones is not yet used again.
func TestBytesPerElement(t *testing.T) {
	if invariants.Enabled {
		t.Skip("the arena keeps books of its own")
	}
	var tree zindex.Tree
	for _, tc := range []struct {
		name string
		kind Kind
		max  float64
		add  func(d *Dict, i int)
	}{
		{"set of 15 bytes", Set, 24, func(d *Dict, i int) { d.Add(fmt.Appendf(nil, "member:%08d", i)) }},
		{"hash of 14 and 14 bytes", Hash, 40, func(d *Dict, i int) {
			d.Set(fmt.Appendf(nil, "field:%08d", i), fmt.Appendf(nil, "value:%08d", i))
		}},
		{"sorted set of 15 bytes", ZSet, 46, func(d *Dict, i int) {
			e, _ := d.AddScored(fmt.Appendf(nil, "player:%08d", i), float64(i*7%1000003))
			tree.Insert(e.Score(), e.Ref())
		}},
		{"hash with deadlines", Hash, 71, func(d *Dict, i int) {
			e, _ := d.Set(fmt.Appendf(nil, "field:%08d", i), fmt.Appendf(nil, "value:%08d", i))
			d.SetDeadline(e, 1_700_000_000_000+int64(i*7%1000003))
		}},
	} {
		worst, last := 0.0, 0.0
		a := newArena(t, mem.Options{})
		var d Dict
		d.Init(a, tc.kind)
		tree.Init(a, &d)
		for i := range 90_000 {
			tc.add(&d, i)
			// From one split of all segments to the next.
			if n := d.Len(); n >= 45_000 && n%2500 == 0 {
				st := a.Stats()
				last = float64(st.Resident-st.FreeDirty+st.Overhead) / float64(n)
				worst = max(worst, last)
			}
		}
		own := float64(d.Bytes()+tree.Bytes()) / float64(d.Len())
		t.Logf("%s: %.1f bytes at worst, %.1f in the end, %.1f by its own account", tc.name, worst, last, own)
		if own > tc.max {
			t.Errorf("%s: an element takes %.1f bytes, more than %.1f", tc.name, own, tc.max)
		}
		if worst > own*1.35 || last > own*1.2 || last < own {
			t.Errorf("%s: of the arena it takes %.1f bytes, %.1f at worst, by its own account %.1f", tc.name, last, worst, own)
		}
	}
}

// TestNoAllocations: neither lookups nor changes in place, nor choices, make
// garbage.
func TestNoAllocations(t *testing.T) {
	if invariants.Enabled {
		t.Skip("the arena keeps books of its own")
	}
	var d Dict
	d.Init(newArena(t, mem.Options{}), Hash)
	key := func(i int) []byte { return fmt.Appendf(nil, "field:%d", i) }
	for i := range 5000 {
		d.Set(key(i), []byte("value"))
	}
	one, none, value := key(77), []byte("none"), []byte("vALUE")
	rnd := rand.New(rand.NewPCG(1, 1))
	seen := 0
	for name, f := range map[string]func(){
		"Find":   func() { d.Find(one); d.Find(none) },
		"Set":    func() { d.Set(one, value) },
		"Delete": func() { d.Delete(one); d.Set(one, value) },
		"Random": func() { d.Random(rnd) },
		"Each":   func() { d.Each(func(e Elem) { seen += len(e.Value()) }) },
	} {
		if n := testing.AllocsPerRun(50, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	if seen == 0 {
		t.Error("Each met nothing")
	}
}

// TestHeapObjects: the Go heap does not grow with the elements.
func TestHeapObjects(t *testing.T) {
	if invariants.Enabled {
		t.Skip("the arena keeps books of its own")
	}
	var d Dict
	d.Init(newArena(t, mem.Options{}), Hash)
	objects := func() uint64 {
		var st runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&st)
		return st.HeapObjects
	}
	before := objects()
	b := make([]byte, 0, 16)
	for i := range 50_000 {
		b = fmt.Appendf(b[:0], "field:%d", i)
		e, _ := d.Set(b, b)
		d.SetDeadline(e, int64(i+1))
	}
	if after := objects(); after > before+500 {
		t.Errorf("%d objects for 50000 fields", after-before)
	}
	runtime.KeepAlive(&d)
}
