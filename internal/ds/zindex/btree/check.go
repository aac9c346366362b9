package btree

import (
	"fmt"

	"github.com/redstart-db/redstart/internal/mem"
)

// Check verifies the invariants that the package states; before tells whether
// an element belongs before another, and same whether two are one. For tests.
func (t *Tree[K, V]) Check(before func(k1 K, v1 V, k2 K, v2 V) bool, same func(k1 K, v1 V, k2 K, v2 V) bool) error {
	if t.height == 0 {
		if t.root|t.first|t.last != 0 || t.count|t.bytes != 0 {
			return fmt.Errorf("empty tree is %+v", *t)
		}
		return nil
	}
	c := checker[K, V]{t: t, same: same}
	if err := c.node(t.height-1, t.root, true, true); err != nil {
		return err
	}
	if c.last != t.last || c.count != t.count || c.bytes != t.bytes || t.Leaf(t.last).next != 0 {
		return fmt.Errorf("last leaf %d, %d elements, %d bytes; want %d, %d, %d", t.last, t.count, t.bytes, c.last, c.count, c.bytes)
	}
	for i := 1; i < c.count; i++ {
		if !before(c.keys[i-1], c.vals[i-1], c.keys[i], c.vals[i]) {
			return fmt.Errorf("elements %d and %d are out of order", i-1, i)
		}
	}
	return nil
}

type checker[K, V any] struct {
	t     *Tree[K, V]
	same  func(k1 K, v1 V, k2 K, v2 V) bool
	last  mem.Ref // leaf
	count int
	bytes int
	keys  []K
	vals  []V
}

func (c *checker[K, V]) node(level int, ref mem.Ref, first, last bool) error {
	if level == 0 {
		return c.leaf(ref, first || last)
	}
	n := c.t.Inner(ref)
	if n.N > Cap || n.N < 1 || !first && !last && n.N < floor || level == c.t.height-1 && n.N < 2 {
		return fmt.Errorf("node with %d kids on level %d", n.N, level)
	}
	c.bytes += mem.Usable(innerSize[K, V]())
	for i := range int(n.N) {
		count := c.count
		if err := c.node(level-1, n.Kids[i], first && i == 0, last && i == int(n.N)-1); err != nil {
			return err
		}
		if c.count-count != int(n.Counts[i]) {
			return fmt.Errorf("kid %d on level %d has %d elements, not %d", i, level-1, c.count-count, n.Counts[i])
		}
		if !c.same(n.Keys[i], n.Vals[i], c.keys[count], c.vals[count]) {
			return fmt.Errorf("kid %d on level %d is said to begin with %v, %v, not %v, %v",
				i, level-1, n.Keys[i], n.Vals[i], c.keys[count], c.vals[count])
		}
	}
	return nil
}

func (c *checker[K, V]) leaf(ref mem.Ref, edge bool) error {
	l := c.t.Leaf(ref)
	if l.prev != c.last || c.last != 0 && c.t.Leaf(c.last).next != ref || c.last == 0 && c.t.first != ref {
		return fmt.Errorf("leaf %d is linked to %d, not %d", ref, l.prev, c.last)
	}
	if l.n > l.cap || l.n < 1 || !edge && l.n < floor || c.t.height > 1 && l.cap != Cap {
		return fmt.Errorf("leaf with %d of %d elements", l.n, l.cap)
	}
	c.last = ref
	c.count += l.N()
	c.bytes += mem.Usable(leafSize[K, V](int(l.cap)))
	c.keys = append(c.keys, l.Keys()...)
	c.vals = append(c.vals, l.Vals()...)
	return nil
}
