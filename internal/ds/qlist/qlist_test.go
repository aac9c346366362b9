package qlist

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/mem"
)

// fills are settings of list-max-listpack-size.
var fills = []int{-9, -5, -4, -3, -2, -1, 0, 1, 2, 3, 5, 128, 1 << 20}

type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

func newArena(t testing.TB, o mem.Options) *mem.Arena {
	a, err := mem.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

func newList(t testing.TB, fill int) *List {
	l := new(List)
	l.Init(newArena(t, mem.Options{}), fill)
	return l
}

// check verifies that a list is whole and holds want.
func check(t fataler, l *List, want []string) {
	t.Helper()
	nodes, bytes := 0, 0
	for c := range l.chunks {
		ch := &l.chunks[c]
		count := 0
		for i := range ch.nodes {
			n := &ch.nodes[i]
			checkNode(t, l, n)
			count += int(n.count)
			bytes += l.arena.Usable(n.ref)
			nodes++
		}
		if len(ch.nodes) == 0 || len(ch.nodes) > chunkNodes || count != ch.count {
			t.Fatalf("chunk %d has %d nodes, and %d elements, not %d", c, len(ch.nodes), count, ch.count)
		}
	}
	if nodes != l.NodeCount() || bytes != l.bytes || l.Bytes() < bytes || l.Len() != len(want) {
		t.Fatalf("%d nodes, %d bytes, %d elements; want %d, %d, %d", l.nodes, l.bytes, l.Len(), nodes, bytes, len(want))
	}
	i := 0
	for c := l.First(); c.Valid(); c.Next() {
		if i >= len(want) || c.Index() != i || !c.Value().Equal([]byte(want[i])) {
			t.Fatalf("element %d of %d is %.50q with index %d", i, len(want), text(c.Value()), c.Index())
		}
		i++
	}
	if i != len(want) {
		t.Fatalf("the way forth ends at %d of %d", i, len(want))
	}
	for c := l.Last(); c.Valid(); c.Prev() {
		if i--; i < 0 || c.Index() != i || !c.Value().Equal([]byte(want[i])) {
			t.Fatalf("backwards, element %d is %.50q with index %d", i, text(c.Value()), c.Index())
		}
	}
	if i != 0 {
		t.Fatalf("the way back ends at %d", i)
	}
}

func checkNode(t fataler, l *List, n *node) {
	t.Helper()
	data := l.data(n)
	if n.plain {
		if n.count != 1 || n.off != 0 {
			t.Fatalf("plain node %+v", *n)
		}
		return
	}
	if err := listpack.Validate(data, true); err != nil {
		t.Fatalf("node %+v: %v", *n, err)
	}
	if listpack.Len(data) != int(n.count) || n.count == 0 {
		t.Fatalf("node %+v has %d elements", *n, listpack.Len(data))
	}
	if n.count > 1 && (len(data) > l.limit || int(n.count) > l.maxCount) {
		t.Fatalf("node with %d elements in %d bytes; the limits are %d, %d", n.count, len(data), l.maxCount, l.limit)
	}
	// Half is used, or a step of the size classes less; more may be lost only where
	// there was no memory to move to.
	if have := l.arena.Usable(n.ref); have > max(smallBlock, 2*len(data)+len(data)/4) && !lenient(t) {
		t.Fatalf("node of %d bytes in a block of %d", len(data), have)
	}
}

// short is a test in which memory runs out.
type short struct{ *testing.T }

func lenient(t fataler) bool {
	_, ok := t.(short)
	return ok
}

func text(v listpack.Value) string { return string(v.AppendTo(nil)) }

func TestEmpty(t *testing.T) {
	l := newList(t, -2)
	check(t, l, nil)
	for _, c := range []Cursor{l.First(), l.Last(), l.Seek(5), l.Seek(-5)} {
		if c.Valid() || c.Find([]byte("a"), 10) || c.FindBack([]byte("a"), 10) {
			t.Fatal("an element of an empty list")
		}
		c.Next()
		c.Prev()
		if c.Valid() {
			t.Fatal("an element of an empty list")
		}
	}
	if _, ok := l.Index(0); ok {
		t.Fatal("an empty list has an element 0")
	}
	dst, ok := l.PopFront([]byte("x"))
	if dst, ok2 := l.PopBack(dst); ok || ok2 || string(dst) != "x" {
		t.Fatalf("popped %q", dst)
	}
	l.RemoveRange(0, 1, nil)
	l.Walk(0, func(bool, []byte) bool { t.Fatal("a node"); return true })
	if l.AppendNode(false, []byte(listpack.Empty)); !l.Drop(1) || l.Len() != 0 {
		t.Fatal("not empty")
	}
}

func TestQueues(t *testing.T) {
	// Every pair of ends, so that nodes are begun, filled and emptied at both.
	for _, fill := range fills {
		for mode := range 4 {
			l := newList(t, fill)
			var want []string
			for i := range 3000 {
				elem := fmt.Sprintf("item:%08d", i)
				if i%7 == 0 {
					elem = fmt.Sprint(i)
				}
				if mode&1 == 0 {
					l.PushBack([]byte(elem))
					want = append(want, elem)
				} else {
					l.PushFront([]byte(elem))
					want = append([]string{elem}, want...)
				}
				if i%3 == 0 {
					continue
				}
				var got []byte
				var expect string
				if mode&2 == 0 {
					got, _ = l.PopFront(nil)
					expect, want = want[0], want[1:]
				} else {
					got, _ = l.PopBack(nil)
					expect, want = want[len(want)-1], want[:len(want)-1]
				}
				if string(got) != expect {
					t.Fatalf("fill %d, mode %d: popped %q, not %q", fill, mode, got, expect)
				}
			}
			check(t, l, want)
			for !l.Drop(2) {
			}
			if live := l.arena.Live(); live != 0 || l.NodeCount() != 0 || l.bytes != 0 {
				t.Fatalf("fill %d: %d bytes are left", fill, live)
			}
		}
	}
}

// TestBothEnds pushes to both ends in turn.
func TestBothEnds(t *testing.T) {
	l := newList(t, -2)
	var want []string
	for i := range 2000 {
		s := fmt.Sprint("e", i)
		if i%2 == 0 {
			l.PushFront([]byte(s))
			want = append([]string{s}, want...)
		} else {
			l.PushBack([]byte(s))
			want = append(want, s)
		}
	}
	check(t, l, want)
}

func TestMemory(t *testing.T) {
	const n = 200_000
	for _, tc := range []struct {
		fill  int
		front bool
		most  float64
	}{
		{-1, false, 15.3}, {-2, false, 15.2}, {-3, false, 15.2}, {-4, false, 15.2}, {-5, false, 15.2},
		{-2, true, 15.2}, {-5, true, 15.2}, {128, false, 16.2}, {1000, false, 15.2},
	} {
		l := newList(t, tc.fill)
		for i := range n {
			if elem := fmt.Appendf(nil, "item:%08d", i); tc.front {
				l.PushFront(elem)
			} else {
				l.PushBack(elem)
			}
		}
		got := float64(l.Bytes()) / n
		t.Logf("fill %d: %.2f bytes for an element of 13 (the arena's Live: %.2f)", tc.fill, got, float64(l.arena.Live())/n)
		if got > tc.most {
			t.Errorf("fill %d: %.2f bytes for an element, more than %.1f", tc.fill, got, tc.most)
		}
	}
}

// TestNodes compares the nodes of lists that were pushed to with those of the
// reference, which said so in DEBUG OBJECT.
func TestNodes(t *testing.T) {
	for _, tc := range []struct{ fill, nodes int }{{-2, 3}, {-1, 5}, {128, 9}, {0, 1100}, {1, 1100}} {
		l := newList(t, tc.fill)
		for i := range 1100 {
			l.PushBack(fmt.Appendf(nil, "item:%08d", i))
		}
		if l.NodeCount() != tc.nodes {
			t.Errorf("fill %d: %d nodes, not %d", tc.fill, l.NodeCount(), tc.nodes)
		}
	}
}

func TestLargeElements(t *testing.T) {
	for _, threshold := range []int{0, 100, 5000} {
		for _, fill := range fills {
			l := newList(t, fill)
			l.SetPackedThreshold(threshold)
			var want []string
			for i := range 60 {
				s := strings.Repeat(string(rune('a'+i%26)), []int{3, 99, 100, 4096, 8183, 8184, 70000, 300000}[i%8])
				switch i % 5 {
				case 0:
					l.PushFront([]byte(s))
					want = append([]string{s}, want...)
				case 1:
					l.PushBack([]byte(s))
					want = append(want, s)
				case 2:
					c := l.Seek(len(want) / 2)
					l.InsertBefore(&c, []byte(s))
					want = append(want[:len(want)/2], append([]string{s}, want[len(want)/2:]...)...)
				default:
					l.Set(i%len(want), []byte(s))
					want[i%len(want)] = s
				}
				check(t, l, want)
			}
			plain := 0
			l.Walk(0, func(is bool, data []byte) bool {
				if is {
					plain++
				}
				return true
			})
			if (plain > 0) != (threshold > 0) {
				t.Errorf("threshold %d: %d plain nodes", threshold, plain)
			}
			l.RemoveRange(1, len(want)-2, nil)
			check(t, l, []string{want[0], want[len(want)-1]})
		}
	}
}

// TestManyNodes goes through the chunks.
func TestManyNodes(t *testing.T) {
	l := newList(t, 1)
	const n = 5000
	for i := range n {
		l.PushBack(fmt.Append(nil, i))
	}
	for i := range n {
		if v, ok := l.Index(i); !ok || v.Int != int64(i) {
			t.Fatalf("element %d is %d", i, v.Int)
		}
	}
	for _, i := range []int{0, 255, 256, 3000, n - 1, n, -1} {
		k := 0
		l.Walk(i, func(_ bool, data []byte) bool {
			if v := listpack.Get(data, first); v.Int != int64(i+k) {
				t.Fatalf("node %d has %d", i+k, v.Int)
			}
			k++
			return k < 1000
		})
		if i >= 0 && k != min(n-i, 1000) || i < 0 && k != 0 {
			t.Fatalf("from node %d on %d were visited", i, k)
		}
	}
	var want []string
	for i := range n {
		want = append(want, fmt.Sprint(i))
	}
	for range n { // always at the same place, so that one chunk is split
		c := l.Seek(700)
		l.InsertAfter(&c, []byte("x"))
		if c.Index() != 700 || c.Value().Int != 700 {
			t.Fatalf("the cursor is at %d", c.Index())
		}
	}
	rest := new(List)
	rest.Init(l.arena, -2)
	l.RemoveRange(701, n, rest)
	check(t, l, want)
	if rest.Len() != n || rest.Drop(n-1) || rest.Len() != 1 || !rest.Drop(1) {
		t.Fatalf("%d elements are left of what was removed", rest.Len())
	}
	for i := 0; i < l.Len(); i++ { // every second one: chunks are joined
		c := l.Seek(i)
		l.Remove(&c)
		want = append(want[:i], want[i+1:]...)
	}
	check(t, l, want)
	if len(l.chunks) > 2*len(want)/chunkNodes+1 {
		t.Fatalf("%d chunks for %d nodes", len(l.chunks), len(want))
	}
	l.RemoveRange(0, l.Len(), nil)
	if l.arena.Live() != 0 || len(l.chunks) != 0 {
		t.Fatalf("%d bytes, %d chunks are left", l.arena.Live(), len(l.chunks))
	}
}

// TestJoin removes most elements, in different ways, and expects few nodes.
func TestJoin(t *testing.T) {
	for _, fill := range []int{-2, 64} {
		for mode := range 2 {
			l := newList(t, fill)
			var want []string
			for i := range 10_000 {
				s := fmt.Sprintf("item:%08d", i)
				l.PushBack([]byte(s))
				if i%20 == 0 {
					want = append(want, s)
				}
			}
			nodes := l.NodeCount()
			if mode == 0 {
				c := l.First()
				for i := 0; c.Valid(); i++ {
					if i%20 == 0 {
						c.Next()
					} else {
						l.Remove(&c)
					}
				}
			} else {
				for i := range want {
					l.RemoveRange(i+1, 19, nil)
				}
			}
			check(t, l, want)
			if l.NodeCount() > nodes/8 {
				t.Errorf("fill %d: %d of %d nodes are left for a twentieth", fill, l.NodeCount(), nodes)
			}
		}
	}
}

func TestFind(t *testing.T) {
	for _, fill := range []int{-2, -1, 1, 7} {
		l := newList(t, fill)
		var want []string
		for i := range 3000 {
			s := fmt.Sprint("e", i%1000)
			if i%5 == 0 {
				s = fmt.Sprint(i % 1000)
			}
			l.PushBack([]byte(s))
			want = append(want, s)
		}
		for _, elem := range []string{"e1", "e999", "0", "995", "none", "5e1", ""} {
			for _, from := range []int{0, 1, 700, 1999, 2999} {
				for _, limit := range []int{0, 1, 500, 1 << 62} {
					at, back := -1, -1
					for i := from; i < len(want) && i-from < limit && at < 0; i++ {
						if want[i] == elem {
							at = i
						}
					}
					for i := from; i >= 0 && from-i < limit && back < 0; i-- {
						if want[i] == elem {
							back = i
						}
					}
					c := l.Seek(from)
					if ok := c.Find([]byte(elem), limit); ok != (at >= 0) || ok && c.Index() != at || c.Valid() != ok {
						t.Fatalf("fill %d: %q from %d, limit %d: %v, %d, want %d", fill, elem, from, limit, ok, c.Index(), at)
					}
					c = l.Seek(from)
					if ok := c.FindBack([]byte(elem), limit); ok != (back >= 0) || ok && c.Index() != back || c.Valid() != ok {
						t.Fatalf("fill %d: %q back from %d, limit %d: %v, %d, want %d", fill, elem, from, limit, ok, c.Index(), back)
					}
				}
			}
		}
	}
}

// TestLoad saves a list by nodes and loads it under other settings.
func TestLoad(t *testing.T) {
	l := newList(t, -5)
	l.SetPackedThreshold(1000)
	var want []string
	for i := range 20_000 {
		s := fmt.Sprint("item", i)
		if i%777 == 0 {
			s = strings.Repeat("L", 1000+i)
		}
		l.PushBack([]byte(s))
		want = append(want, s)
	}
	to := new(List)
	to.Init(l.arena, 10)
	for i := 0; i < l.NodeCount(); i += 3 { // in pieces
		k := 0
		l.Walk(i, func(plain bool, data []byte) bool {
			to.AppendNode(plain, data)
			k++
			return k < 3
		})
	}
	if to.NodeCount() != l.NodeCount() {
		t.Fatalf("%d nodes of %d", to.NodeCount(), l.NodeCount())
	}
	to.limit, to.maxCount = l.limit, l.maxCount // what is loaded may be larger
	check(t, to, want)
	to.Init(l.arena, 10)

	// A node whose header does not know its length, and more than a header could.
	to.Init(newArena(t, mem.Options{}), 10)
	lp := listpack.New(0)
	want = want[:0]
	for i := range 70_000 {
		lp = listpack.AppendInt(lp, int64(i%100))
		want = append(want, fmt.Sprint(i%100))
	}
	to.AppendNode(false, lp)
	for _, i := range []int{0, 34_999, 35_001, 69_999} {
		if v, _ := to.Index(i); v.Int != int64(i%100) {
			t.Fatalf("element %d is %d", i, v.Int)
		}
	}
	to.RemoveRange(0, 100, nil)
	want = want[100:]
	to.PushFront([]byte("front"))
	to.PushBack([]byte("back"))
	c := to.Seek(30_000)
	to.InsertBefore(&c, []byte("inside"))
	want = append([]string{"front"}, want...)
	want = append(want[:30_000], append([]string{"inside"}, want[30_000:]...)...)
	want = append(want, "back")
	to.limit, to.maxCount = 1<<20, 1<<20
	check(t, to, want)
}

// TestExhausted lets every allocation fail in turn: the list stays as it was.
func TestExhausted(t *testing.T) {
	refuse := false
	a := newArena(t, mem.Options{Limit: func(int) bool { return !refuse }})
	big := bytes.Repeat([]byte("x"), 3000)
	ops := map[string]func(l *List, i int, elem []byte){
		"push back":     func(l *List, _ int, elem []byte) { l.PushBack(elem) },
		"push front":    func(l *List, _ int, elem []byte) { l.PushFront(elem) },
		"insert before": func(l *List, _ int, elem []byte) { c := l.Seek(l.Len() / 2); l.InsertBefore(&c, elem) },
		"insert after":  func(l *List, _ int, elem []byte) { c := l.Seek(l.Len() / 3); l.InsertAfter(&c, elem) },
		"set":           func(l *List, i int, elem []byte) { l.Set(i%l.Len(), elem) },
		"append node":   func(l *List, _ int, elem []byte) { l.AppendNode(true, elem) },
	}
	fillUp := func() (refs []mem.Ref) {
		refuse = true
		for n := 4 << 20; n > 0; n -= max(8, n/16) { // no class is left out
			for {
				r, ok := a.TryAlloc(n)
				if !ok {
					break
				}
				refs = append(refs, r)
			}
		}
		return refs
	}
	for _, fill := range []int{-5, -2, 1, 3} {
		for name, op := range ops {
			failed := 0
			l := new(List)
			l.Init(a, fill)
			var want []string
			for i := range 40 {
				s := fmt.Sprint("element ", i)
				if i%5 == 0 {
					s = string(big[:1000+i])
				}
				l.PushBack([]byte(s))
				want = append(want, s)
			}
			// With a few blocks of some sizes left, the operation fails at a later one.
			for keep := range 60 {
				refs := fillUp()
				for i := range keep / 2 { // of all sizes
					if j := i * len(refs) / (keep / 2); refs[j] != 0 {
						a.Free(refs[j])
						refs[j] = 0
					}
				}
				live, bytes := a.Live(), l.Bytes()
				if func() (panicked bool) {
					defer func() {
						if r := recover(); r != nil {
							if r != mem.ErrExhausted {
								panic(r)
							}
							panicked = true
						}
					}()
					op(l, keep, big[keep:])
					return false
				}() {
					failed++
					if a.Live() != live || l.Bytes() != bytes {
						t.Fatalf("%s: %d bytes became %d", name, live, a.Live())
					}
					check(short{t}, l, want)
				} else {
					want = want[:0]
					for c := l.First(); c.Valid(); c.Next() {
						want = append(want, text(c.Value()))
					}
					check(short{t}, l, want)
				}
				if l.PopBack(nil); len(want) > 0 { // never fails
					want = want[:len(want)-1]
				}
				refuse = false
				for _, r := range refs {
					if r != 0 {
						a.Free(r)
					}
				}
				l.PushBack([]byte("one more"))
				want = append(want, "one more")
				check(short{t}, l, want)
			}
			if failed == 0 {
				t.Errorf("fill %d: %s never failed", fill, name)
			}
			for !l.Drop(1) {
			}
			if a.Live() != 0 {
				t.Fatalf("%d bytes are left", a.Live())
			}
		}
	}
}

// TestNoGarbage makes sure that what commands do does not allocate.
func TestNoGarbage(t *testing.T) {
	l := newList(t, -2)
	for i := range 5000 {
		l.PushBack(fmt.Appendf(nil, "item:%08d", i))
	}
	elem, dst := []byte("item:00002500"), make([]byte, 0, 64)
	if n := testing.AllocsPerRun(300, func() {
		l.PushFront(elem)
		l.PushBack(elem)
		dst, _ = l.PopFront(dst[:0])
		dst, _ = l.PopBack(dst[:0])
		l.Index(2000)
		c := l.First()
		if !c.Find(elem, l.Len()) || !c.Valid() {
			t.Fatal("not found")
		}
		l.InsertBefore(&c, elem)
		l.Remove(&c)
		c = l.Last()
		for range 100 {
			c.Prev()
		}
		l.Set(100, elem)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
