package stream

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/redstart-db/redstart/internal/mem"
)

// item is an entry as the model has it. The model also knows of deleted ones, by
// which the nodes are told apart that go as a whole.
type item struct {
	id    ID
	pairs []string
}

type owner struct {
	consumer string
	time     int64
	count    uint64
}

type modelGroup struct {
	pending   map[ID]owner
	consumers map[string]bool
}

// machine is a stream, and the same as plain Go values.
type machine struct {
	s       *Stream
	limits  Limits
	want    []item
	last    ID
	deleted ID
	added   uint64
	groups  map[string]*modelGroup
}

func drawPart(t *rapid.T) string {
	switch rapid.IntRange(0, 9).Draw(t, "kind") {
	case 0:
		return strings.Repeat("L", rapid.SampledFrom([]int{63, 64, 127, 600, 4095, 5000}).Draw(t, "size"))
	case 1, 2:
		return rapid.SampledFrom([]string{"0", "127", "128", "-1", "4096", "70000", "-9223372036854775808", "007", ""}).Draw(t, "integer")
	}
	return rapid.StringMatching(`[a-d]{0,3}`).Draw(t, "text")
}

func (m *machine) draw(t *rapid.T) (pairs []string) {
	switch rapid.IntRange(0, 3).Draw(t, "fields") {
	case 0:
		for range rapid.IntRange(1, 4).Draw(t, "n") {
			pairs = append(pairs, drawPart(t), drawPart(t))
		}
	case 1:
		pairs = []string{"x", drawPart(t)}
	default:
		pairs = []string{"user", drawPart(t), "17", drawPart(t)}
	}
	return pairs
}

func (m *machine) nextID(t *rapid.T) ID {
	next, ok := Next(m.last)
	switch rapid.IntRange(0, 4).Draw(t, "id") {
	case 0:
		next.MS += rapid.SampledFrom([]uint64{1, 100, 5000, 1 << 20, 1 << 40}).Draw(t, "ms")
		next.Seq = rapid.SampledFrom([]uint64{0, 0, 5, 1 << 63, 1<<64 - 1}).Draw(t, "seq")
	case 1:
		next, ok = m.s.NextID(next.MS + 1)
	case 2:
		if n, fits := m.s.NextIn(m.last.MS); fits {
			next = n
		}
	}
	if !ok || !m.last.Less(next) {
		t.Skip("no more IDs")
	}
	return next
}

func (m *machine) append(t *rapid.T) {
	for range rapid.SampledFrom([]int{1, 1, 3, 40, 150}).Draw(t, "n") {
		it := item{m.nextID(t), m.draw(t)}
		if !m.s.Append(it.id, bytesOf(it.pairs...), m.limits) {
			t.Fatalf("too large")
		}
		m.want = append(m.want, it)
		m.last = it.id
		m.added++
	}
}

// anID is that of an entry, or one close to it.
func (m *machine) anID(t *rapid.T) ID {
	if len(m.want) == 0 {
		return ID{MS: 1}
	}
	id := m.want[rapid.IntRange(0, len(m.want)-1).Draw(t, "index")].id
	switch rapid.IntRange(0, 7).Draw(t, "near") {
	case 0:
		id, _ = Next(id)
	case 1:
		id, _ = Prev(id)
	case 2:
		return rapid.SampledFrom([]ID{{}, MaxID}).Draw(t, "end")
	}
	return id
}

func (m *machine) find(id ID) (int, bool) {
	return slices.BinarySearchFunc(m.want, id, func(it item, id ID) int {
		switch {
		case it.id.Less(id):
			return -1
		case it.id == id:
			return 0
		}
		return 1
	})
}

func (m *machine) delete(t *rapid.T) {
	for range rapid.SampledFrom([]int{1, 1, 60}).Draw(t, "n") {
		id := m.anID(t)
		i, want := m.find(id)
		if m.s.Has(id) != want || m.s.Delete(id) != want || m.s.Has(id) {
			t.Fatalf("deleting %v: not %v", id, want)
		}
		if want {
			m.want = slices.Delete(m.want, i, i+1)
			if m.deleted.Less(id) {
				m.deleted = id
			}
		}
	}
}

func (m *machine) trim(t *rapid.T) {
	trim := Trim{MaxLen: -1, Approx: rapid.Bool().Draw(t, "approx")}
	keep := len(m.want)
	if rapid.Bool().Draw(t, "by length") {
		keep = rapid.IntRange(0, len(m.want)+1).Draw(t, "keep")
		trim.MaxLen = int64(keep)
		keep = min(keep, len(m.want))
	} else {
		trim.MinID = m.anID(t)
		i, _ := m.find(trim.MinID)
		keep -= i
	}
	if trim.Approx {
		trim.Limit = rapid.SampledFrom([]int64{0, 10, 200}).Draw(t, "limit")
	}
	nodes := m.s.Nodes()
	removed := int(m.s.Trim(trim))
	if exact := len(m.want) - keep; removed > exact || !trim.Approx && removed != exact {
		t.Fatalf("%d of %d were removed", removed, exact)
	}
	if trim.Limit > 0 && removed > int(trim.Limit) {
		t.Fatalf("%d were removed in spite of the limit", removed)
	}
	if trim.Approx && removed > 0 && nodes == m.s.Nodes() {
		t.Fatalf("a part of a node was removed")
	}
	m.want = m.want[removed:]
}

// setLast makes the last ID another one that is not below that of the last entry.
func (m *machine) setLast(t *rapid.T) {
	last := m.last
	if len(m.want) > 0 {
		last = m.want[len(m.want)-1].id
	}
	if rapid.Bool().Draw(t, "between") {
		last, _ = Next(last)
	}
	m.s.SetLast(last)
	m.last = last
}

func (m *machine) ranges(t *rapid.T) {
	from, to := m.anID(t), m.anID(t)
	var want []item
	for _, it := range m.want {
		if !it.id.Less(from) && !to.Less(it.id) {
			want = append(want, it)
		}
	}
	for _, back := range []bool{false, true} {
		c := m.s.Range(from, to)
		if back {
			c = m.s.RangeBack(to, from)
			slices.Reverse(want)
		}
		limit := rapid.IntRange(0, 3).Draw(t, "pairs") // reading them is optional
		for i, it := range want {
			if !c.Next() || c.ID() != it.id || 2*c.Fields() != len(it.pairs) {
				t.Fatalf("entry %d of %v to %v, back %v: %v, not %v", i, from, to, back, c.ID(), it.id)
			}
			for j := range min(limit, c.Fields()) {
				f, v := c.Pair()
				if show(f) != it.pairs[2*j] || show(v) != it.pairs[2*j+1] {
					t.Fatalf("entry %v: pair %d is %.50q %.50q", it.id, j, show(f), show(v))
				}
			}
		}
		for range 2 { // also when it is asked again
			if c.Next() {
				t.Fatalf("%v to %v, back %v: there are more than %d", from, to, back, len(want))
			}
		}
	}
}

var names = []string{"", "a", "b", "bc"}

func (m *machine) group(t *rapid.T) (*Group, *modelGroup) {
	name := rapid.SampledFrom(names).Draw(t, "group")
	g := m.s.Group([]byte(name))
	if (g != nil) != (m.groups[name] != nil) {
		t.Fatalf("group %q is %v", name, g)
	}
	if g == nil {
		g = m.s.NewGroup([]byte(name), ID{}, 0)
		m.groups[name] = &modelGroup{map[ID]owner{}, map[string]bool{}}
	}
	if m.s.NewGroup([]byte(name), ID{}, 0) != nil || g.Name() != name {
		t.Fatalf("group %q is there twice", name)
	}
	return g, m.groups[name]
}

func consumer(t *rapid.T, g *Group, w *modelGroup) *Consumer {
	name := rapid.SampledFrom(names).Draw(t, "consumer")
	c := g.Consumer([]byte(name))
	if (c != nil) != w.consumers[name] {
		t.Fatalf("consumer %q is %v", name, c)
	}
	if c == nil {
		c = g.NewConsumer([]byte(name), 1)
		w.consumers[name] = true
	}
	if g.NewConsumer([]byte(name), 1) != nil || c.Name() != name {
		t.Fatalf("consumer %q is there twice", name)
	}
	return c
}

func (m *machine) deliver(t *rapid.T) {
	g, w := m.group(t)
	c := consumer(t, g, w)
	from := m.anID(t)
	o := owner{c.Name(), rapid.Int64().Draw(t, "time"), rapid.Uint64().Draw(t, "count")}
	for range rapid.SampledFrom([]int{1, 1, 100}).Draw(t, "n") {
		g.Deliver(from, c, o.time, o.count)
		w.pending[from] = o
		from.Seq++
	}
}

func (m *machine) ack(t *rapid.T) {
	g, w := m.group(t)
	from := m.anID(t)
	for range 30 {
		o, want := w.pending[from]
		p, ok := g.Pending(from)
		if ok != want || ok && (owner{p.Consumer.name, p.Time, p.Count} != o || p.ID != from) {
			t.Fatalf("%v is pending as %+v, not %+v", from, p, o)
		}
		if g.Ack(from) != want {
			t.Fatalf("%v was acknowledged, or not", from)
		}
		delete(w.pending, from)
		from.Seq++
	}
}

func (m *machine) removeConsumer(t *rapid.T) {
	g, w := m.group(t)
	c := consumer(t, g, w)
	n := len(w.pending)
	for id, o := range w.pending {
		if o.consumer == c.Name() {
			delete(w.pending, id)
		}
	}
	if c.Len() != n-len(w.pending) {
		t.Fatalf("%d are pending", c.Len())
	}
	delete(w.consumers, c.Name())
	m.s.RemoveConsumer(g, c)
}

// purge frees a part of what removal has left, or all of it.
func (m *machine) purge(t *rapid.T) {
	all := rapid.Bool().Draw(t, "all")
	for !m.s.Purge(20) && all {
	}
	for _, g := range m.s.groups {
		if all && (m.s.Unpurged() || g.hidden > 0) {
			t.Fatalf("there is more to free")
		}
	}
}

func (m *machine) removeGroup(t *rapid.T) {
	g, w := m.group(t)
	if g.Len() != len(w.pending) {
		t.Fatalf("%d are pending", g.Len())
	}
	delete(m.groups, g.Name())
	m.s.TakeGroup(g)
	for !g.Drop(2) {
	}
}

// copies goes on with a copy of the stream, in another arena.
func (m *machine) copies(t *rapid.T) {
	a, err := mem.New(mem.Options{Reserve: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	to := newStream(a)
	if c := m.s.CopyInto(to); rapid.Bool().Draw(t, "in parts") {
		for !c.Part(1+m.s.Len()/8, 100) {
		}
	} else {
		m.s.CopyTo(to)
	}
	old := m.s.arena
	drop(t, m.s)
	old.Close()
	m.s = to
}

func (m *machine) defrag(*rapid.T) {
	for pos, done := uint32(0), false; !done; {
		pos, done = m.s.Defrag(pos)
	}
}

func (m *machine) check(t *rapid.T) {
	check(t, m.s)
	var first ID
	if len(m.want) > 0 {
		first = m.want[0].id
	}
	got := fmt.Sprint(m.s.Len(), m.s.First(), m.s.Last(), m.s.MaxDeleted(), m.s.Added())
	if want := fmt.Sprint(len(m.want), first, m.last, m.deleted, m.added); got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
	c := m.s.Range(ID{}, MaxID)
	for _, it := range m.want {
		if !c.Next() || c.ID() != it.id || !slices.Equal(text(&c), it.pairs) {
			t.Fatalf("%v is there, not %v", c.ID(), it.id)
		}
	}
	for name, w := range m.groups {
		g := m.s.Group([]byte(name))
		if g.Len() != len(w.pending) || len(g.Consumers()) != len(w.consumers) {
			t.Fatalf("group %q: %d pending, %d consumers", name, g.Len(), len(g.Consumers()))
		}
		n, last := 0, ID{}
		for p := g.PendingFrom(ID{}, nil); p.Valid(); p.Next() {
			n++
			last = p.ID()
			e := p.Pending()
			if w.pending[p.ID()] != (owner{e.Consumer.name, e.Time, e.Count}) {
				t.Fatalf("group %q: %v is pending as %+v", name, p.ID(), e)
			}
		}
		if end := g.PendingLast(); n != len(w.pending) || end.Valid() != (n > 0) || n > 0 && end.ID() != last {
			t.Fatalf("group %q: found %d of %d pending entries, the last %v", name, n, len(w.pending), last)
		}
	}
}

func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, err := mem.New(mem.Options{Reserve: 1 << 30})
		if err != nil {
			t.Fatal(err)
		}
		m := &machine{s: newStream(a), groups: map[string]*modelGroup{}}
		defer func() { m.s.arena.Close() }()
		m.limits.Bytes = rapid.SampledFrom([]int64{0, 1, 200, 4096}).Draw(t, "bytes")
		m.limits.Entries = rapid.SampledFrom([]int64{0, 1, 10, 100, 300}).Draw(t, "entries")
		t.Repeat(map[string]func(*rapid.T){
			"append": m.append, "append more": m.append, "delete": m.delete, "trim": m.trim, "ranges": m.ranges, "set last": m.setLast,
			"deliver": m.deliver, "ack": m.ack, "remove consumer": m.removeConsumer, "purge": m.purge, "remove group": m.removeGroup,
			"copy": m.copies, "defrag": m.defrag, "": m.check,
		})
		drop(t, m.s)
	})
}
