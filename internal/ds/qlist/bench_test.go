package qlist

import (
	"fmt"
	"testing"
)

func filled(b *testing.B, n int) *List {
	l := newList(b, -2)
	for i := range n {
		l.PushBack(fmt.Appendf(nil, "item:%08d", i))
	}
	return l
}

// BenchmarkQueue pushes to one end and pops from the other.
func BenchmarkQueue(b *testing.B) {
	for _, n := range []int{10, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			l := filled(b, n)
			elem, dst := []byte("item:12345678"), make([]byte, 0, 64)
			for b.Loop() {
				l.PushBack(elem)
				dst, _ = l.PopFront(dst[:0])
			}
		})
		b.Run(fmt.Sprint(n, "/back"), func(b *testing.B) {
			l := filled(b, n)
			elem, dst := []byte("item:12345678"), make([]byte, 0, 64)
			for b.Loop() {
				l.PushFront(elem)
				dst, _ = l.PopBack(dst[:0])
			}
		})
	}
}

func BenchmarkIndex(b *testing.B) {
	l := filled(b, 2_000_000)
	i := 0
	for b.Loop() {
		i = (i + 1_234_567) % l.Len()
		l.Index(i)
	}
}

// BenchmarkNext is the time for an element of a walk.
func BenchmarkNext(b *testing.B) {
	l := filled(b, 100_000)
	c := l.First()
	n := 0
	for b.Loop() {
		if !c.Valid() {
			c = l.First()
		}
		n += len(c.Value().Str)
		c.Next()
	}
}
