package qlist

import (
	"fmt"
	"testing"

	"github.com/redstart-db/redstart/internal/ds/listpack"
)

// What Keep gives is what the list was, also when all of it has been moved to another
// list, freed, and its memory used again.
func TestKeep(t *testing.T) {
	l := newList(t, 5)
	var want []string
	for i := range 3000 {
		want = append(want, fmt.Sprintf("element %d", i))
		l.PushBack([]byte(want[i]))
	}
	k := l.Keep()
	rest := new(List)
	rest.Init(l.arena, 5)
	l.RemoveRange(10, 2000, rest)
	equal := new(List)
	equal.Init(l.arena, 5)
	for i := 2010; i < 2200; i++ {
		l.RemoveEqual([]byte(want[i]), 1, false, equal)
	}
	for !rest.Drop(10) || !equal.Drop(10) {
	}
	l.Set(3, []byte("other"))
	for i := range 3000 {
		l.PushFront(fmt.Appendf(nil, "new %d", i))
	}
	var got []string
	for k.Left() > 0 {
		if k.Left() == 300 {
			break
		}
		k.Next(func(data []byte, plain bool) {
			for pos, ok := listpack.First(data); ok; pos, ok = listpack.Next(data, pos) {
				v := listpack.Get(data, pos)
				got = append(got, string(v.AppendTo(nil)))
			}
		})
	}
	if len(got) != len(want)-300*5 {
		t.Fatalf("%d elements, there should be %d", len(got), len(want)-300*5)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("element %d is %q, should be %q", i, got[i], want[i])
		}
	}
	l.Unkeep()
	for !l.Drop(100) {
	}
	if live := l.arena.Live(); live != 0 {
		t.Errorf("%d bytes are live in the end", live)
	}
}
