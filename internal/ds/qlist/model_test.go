package qlist

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/redstart-db/redstart/internal/mem"
)

// machine is a list, and the same as a slice.
type machine struct {
	l    *List
	want []string
}

func element(t *rapid.T) string {
	switch rapid.IntRange(0, 9).Draw(t, "kind") {
	case 0:
		return strings.Repeat("L", rapid.SampledFrom([]int{63, 64, 127, 4095, 4096, 8183, 8184, 9000, 16383, 70000}).Draw(t, "size"))
	case 1, 2:
		return rapid.SampledFrom([]string{"0", "127", "-1", "4096", "70000", "-9223372036854775808", "007", ""}).Draw(t, "integer")
	case 3, 4:
		return strings.Repeat("m", rapid.IntRange(0, 600).Draw(t, "size"))
	}
	return rapid.StringMatching(`[a-d]{0,3}`).Draw(t, "elem")
}

func (m *machine) index(t *rapid.T) int { return rapid.IntRange(0, len(m.want)-1).Draw(t, "index") }

// many pushes several elements, so that there are nodes to speak of.
func (m *machine) many(t *rapid.T) {
	elem, back := element(t), rapid.Bool().Draw(t, "back")
	for range rapid.IntRange(1, 150).Draw(t, "n") {
		if back {
			m.l.PushBack([]byte(elem))
			m.want = append(m.want, elem)
		} else {
			m.l.PushFront([]byte(elem))
			m.want = slices.Insert(m.want, 0, elem)
		}
	}
}

func (m *machine) pop(t *rapid.T) {
	pop, at := m.l.PopFront, 0
	if rapid.Bool().Draw(t, "back") {
		pop, at = m.l.PopBack, len(m.want)-1
	}
	got, ok := pop([]byte("dst"))
	if ok != (len(m.want) > 0) || ok && string(got) != "dst"+m.want[at] {
		t.Fatalf("popped %.50q", got)
	}
	if ok {
		m.want = slices.Delete(m.want, at, at+1)
	}
}

func (m *machine) insert(t *rapid.T) {
	i, elem, after := m.index(t), element(t), rapid.IntRange(0, 1).Draw(t, "after")
	for range rapid.SampledFrom([]int{1, 1, 40}).Draw(t, "n") {
		c := m.l.Seek(i)
		if after == 1 {
			m.l.InsertAfter(&c, []byte(elem))
		} else {
			m.l.InsertBefore(&c, []byte(elem))
		}
		if c.Index() != i+1-after || !c.Value().Equal([]byte(m.want[i])) {
			t.Fatalf("after an insertion at %d the cursor is at %d", i, c.Index())
		}
		m.want = slices.Insert(m.want, i+after, elem)
	}
}

func (m *machine) set(t *rapid.T) {
	i, elem := m.index(t), element(t)
	m.l.Set(i, []byte(elem))
	m.want[i] = elem
}

// remove removes all that equal an element, in one direction.
func (m *machine) remove(t *rapid.T) {
	elem := m.want[m.index(t)]
	limit := rapid.SampledFrom([]int{1, 2, 1 << 40}).Draw(t, "limit")
	forth := rapid.Bool().Draw(t, "forth")
	c, find := m.l.Last(), (*Cursor).FindBack
	if forth {
		c, find = m.l.First(), (*Cursor).Find
	}
	for ; limit > 0 && find(&c, []byte(elem), 1<<40); limit-- {
		i := c.Index()
		if m.want[i] != elem {
			t.Fatalf("found %d", i)
		}
		m.l.Remove(&c)
		m.want = slices.Delete(m.want, i, i+1)
		if c.Index() != i || c.Valid() != (i < len(m.want)) || c.Valid() && !c.Value().Equal([]byte(m.want[i])) {
			t.Fatalf("after the removal of %d the cursor is at %d", i, c.Index())
		}
		if !forth {
			c.Prev()
		}
	}
	if limit > 0 && slices.Contains(m.want, elem) {
		t.Fatalf("%.50q is left", elem)
	}
}

func (m *machine) removeRange(t *rapid.T) {
	i := m.index(t)
	n := rapid.IntRange(0, len(m.want)/2+1).Draw(t, "n")
	var rest *List
	if rapid.Bool().Draw(t, "rest") {
		rest = new(List)
		rest.Init(m.l.arena, -2)
	}
	m.l.RemoveRange(i, n, rest)
	if rest != nil {
		nodes := rest.NodeCount()
		for i := 1; !rest.Drop(3); i++ {
			if i > nodes {
				t.Fatalf("Drop does not end")
			}
		}
	}
	m.want = slices.Delete(m.want, i, min(i+n, len(m.want)))
}

func (m *machine) removeEqual(t *rapid.T) {
	elem := element(t)
	if len(m.want) > 0 && rapid.Bool().Draw(t, "there") {
		elem = m.want[m.index(t)]
	}
	most := rapid.SampledFrom([]int{1, 2, 100, 1 << 30}).Draw(t, "most")
	back := rapid.Bool().Draw(t, "back")
	var rest *List
	if rapid.Bool().Draw(t, "rest") {
		rest = new(List)
		rest.Init(m.l.arena, -2)
	}
	removed := m.l.RemoveEqual([]byte(elem), most, back, rest)
	if rest != nil {
		for !rest.Drop(3) {
		}
	}
	if back {
		slices.Reverse(m.want)
	}
	gone := 0
	m.want = slices.DeleteFunc(m.want, func(s string) bool {
		if s != elem || gone == most {
			return false
		}
		gone++
		return true
	})
	if back {
		slices.Reverse(m.want)
	}
	if removed != gone {
		t.Fatalf("removed %d of %.50q, want %d", removed, elem, gone)
	}
}

// dropEnd removes the first or last element after a look at it.
func (m *machine) dropEnd(t *rapid.T) {
	if rapid.Bool().Draw(t, "back") {
		n := len(m.want) - 1
		if v := m.l.Back(); !v.Equal([]byte(m.want[n])) {
			t.Fatalf("the last is %.50q", text(v))
		}
		m.l.RemoveBack()
		m.want = m.want[:n]
		return
	}
	if v := m.l.Front(); !v.Equal([]byte(m.want[0])) {
		t.Fatalf("the first is %.50q", text(v))
	}
	m.l.RemoveFront()
	m.want = m.want[1:]
}

// defrag moves some nodes, those that are worth it or not, and walks over all.
func (m *machine) defrag(t *rapid.T) {
	every := rapid.IntRange(1, 4).Draw(t, "every")
	for c := range m.l.chunks {
		for i := range m.l.chunks[c].nodes {
			if i%every == 0 {
				m.l.relocate(&m.l.chunks[c].nodes[i])
			}
		}
	}
	pos, done, calls := uint32(0), false, 0
	for !done {
		if pos, done = m.l.Defrag(pos); calls > m.l.NodeCount() {
			t.Fatalf("%d calls for %d nodes", calls, m.l.NodeCount())
		}
		calls++
	}
}

func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, err := mem.New(mem.Options{Reserve: 1 << 30})
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		m := &machine{l: new(List)}
		m.l.Init(a, rapid.SampledFrom(fills).Draw(t, "fill"))
		m.l.SetPackedThreshold(rapid.SampledFrom([]int{0, 100, 8000}).Draw(t, "threshold"))
		full := func(f func(*rapid.T)) func(*rapid.T) {
			return func(t *rapid.T) {
				if len(m.want) == 0 {
					t.Skip("empty")
				}
				f(t)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"many": m.many, "pop": m.pop, "insert": full(m.insert), "set": full(m.set),
			"remove": full(m.remove), "range": full(m.removeRange),
			"equal": m.removeEqual, "drop": full(m.dropEnd), "defrag": m.defrag,
			"": func(t *rapid.T) {
				check(t, m.l, m.want)
				if int(a.Live()) != m.l.bytes {
					t.Fatalf("%d bytes are live, the list knows of %d", a.Live(), m.l.bytes)
				}
				if n := len(m.want); n > 0 {
					if v, ok := m.l.Index(n / 2); !ok || !v.Equal([]byte(m.want[n/2])) {
						t.Fatalf("element %d is %.50q", n/2, text(v))
					}
				}
			},
		})
	})
}
