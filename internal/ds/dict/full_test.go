package dict

import (
	"fmt"
	"maps"
	"testing"

	"github.com/redstart-db/redstart/internal/mem"
)

// almostFull is an arena that, once it is closed, has blocks of up to 64 bytes
// only: records, but not the next longer node of the index of deadlines.
type almostFull struct {
	*mem.Arena
	closed bool
	hog    []mem.Ref
}

func newAlmostFull(t testing.TB) *almostFull {
	f := new(almostFull)
	f.Arena = newArena(t, mem.Options{Limit: func(int) bool { return !f.closed }})
	return f
}

func (f *almostFull) close() {
	for n := 8; n <= 64; n += 8 {
		// A span of each of these sizes, with room in it.
		f.hog = append(f.hog, f.Alloc(n))
	}
	f.closed = true
	for n := 1 << 20; n > 64; n -= max(8, n/16) {
		for ref, ok := f.TryAlloc(n); ok; ref, ok = f.TryAlloc(n) {
			f.hog = append(f.hog, ref)
		}
	}
}

func (f *almostFull) open() {
	for _, ref := range f.hog {
		f.Free(ref)
	}
	f.hog, f.closed = nil, false
}

// TestIndexExhausted has memory for a record, but none for the fourth place of
// the index, which every change of a deadline or of its record needs for a time.
func TestIndexExhausted(t *testing.T) {
	f := newAlmostFull(t)
	m := newModel(t, f.Arena, Hash)
	for i := range 2000 {
		// Records of one size, with a deadline or without.
		k := fmt.Sprintf("field:%04d", i)
		if i == 0 || i == 1000 || i == 1999 {
			m.set(k, elem{value: "value"})
			m.expire(k, int64(1+i))
		} else {
			m.set(k, elem{value: "a longer value"})
		}
	}
	for i := range 2000 {
		if i%100 != 0 && i != 1999 {
			m.remove(fmt.Sprintf("field:%04d", i))
		}
	}
	want := maps.Clone(m.elems)
	f.close()
	m.expire("field:0100", 7)
	m.expire("field:1000", 8)
	m.keep("field:1000", "a value of another size class")
	if !maps.Equal(m.elems, want) {
		t.Error("a change came through")
	}
	m.set("field:0200", elem{value: "a value of another size class"})
	if maps.Equal(m.elems, want) {
		t.Error("there was no memory for a record")
	}

	e, _ := m.d.Find([]byte("field:1000"))
	was := e.Ref()
	if !f.Sparse(was) {
		t.Fatal("the record is not to be moved")
	}
	// Defrag itself may free a span first, which depends on the order of hashes.
	m.d.moveRecord(e, nil)
	if e, _ = m.d.Find([]byte("field:1000")); e.Ref() != was {
		t.Error("a record has moved that had no place in the index")
	}
	if m.defrag() == 0 {
		t.Error("no record has moved")
	}
	f.open()
	m.check()
	e, _ = m.d.Find([]byte("field:1000"))
	was = e.Ref()
	m.d.moveRecord(e, nil)
	if e, _ = m.d.Find([]byte("field:1000")); e.Ref() == was {
		t.Error("the record is still where it was")
	}
	m.defrag()
	m.check()
	m.drop(10)
}

// TestCopyIndexExhausted is the same for a copy.
func TestCopyIndexExhausted(t *testing.T) {
	m := newModel(t, newArena(t, mem.Options{}), Hash)
	for i := range 4 {
		m.set(fmt.Sprint(i), elem{value: "value"})
		m.expire(fmt.Sprint(i), 5)
	}
	f := newAlmostFull(t)
	to := newModel(t, f.Arena, Hash)
	// The first node of the index is longer than 64 bytes: it is there already.
	f.Free(f.Alloc(80))
	first := f.Alloc(80)
	f.close()
	f.Free(first)
	if try(func() { m.d.CopyTo(&to.d) }) {
		t.Error("the copy fits where it should not")
	}
	f.open()
	to.check()
	if f.Live() != 0 {
		t.Errorf("%d bytes are left", f.Live())
	}
}
