package zset

import (
	"math/rand/v2"

	"github.com/redstart-db/redstart/internal/mem"
)

// # Removing many elements
//
// The order gives up millions of elements at once, as whole subtrees; but each has a
// record in the table, where it would be found by its member. So what was cut out of
// the order is kept as such (buried), and a record that is found is dead if it is
// there: a search that only those pay who ask for a score between those that were
// removed, until Purge has removed the records as well. A dead member that is added
// again is removed first.

// CutRange is RemoveRange for many elements: it takes little time, whatever their
// number, and leaves most of the work to Purge.
func (z *ZSet) CutRange(from, to int) {
	if c := z.tree.Cut(from, to, z.gone); c != nil {
		z.buried = append(z.buried, c)
		z.dead += c.Len()
	}
}

// Purge frees a part of what CutRange has removed, of less than max elements, and
// reports whether none is left. It comes upon records in no order of memory, so one
// takes several times as long as in Drop.
func (z *ZSet) Purge(max int) (done bool) {
	for n := max/(4*perNode) + 1; n > 0 && len(z.buried) > 0; n-- {
		c := z.buried[0]
		c.Next(func(ref mem.Ref) { z.dict.HandOver(z.dict.At(ref)) })
		z.dead -= c.Len()
		done := c.Drop(1, z.gone)
		z.dead += c.Len()
		if done {
			z.unbury(0)
		}
	}
	return len(z.buried) == 0
}

func (z *ZSet) unbury(i int) {
	if z.buried = append(z.buried[:i], z.buried[i+1:]...); len(z.buried) == 0 {
		z.buried = nil
	}
}

// isDead tells whether an element that the table has was removed by CutRange.
func (z *ZSet) isDead(e Elem) bool {
	if len(z.buried) == 0 {
		return false
	}
	score, ref := e.Score(), e.Ref()
	for _, c := range z.buried {
		if c.Has(score, ref) {
			return true
		}
	}
	return false
}

// exhume removes an element that is dead altogether, and tells whether it was.
func (z *ZSet) exhume(e Elem) bool {
	score, ref := e.Score(), e.Ref()
	z.dict.HandOver(e)
	for i, c := range z.buried {
		if !c.Delete(score, ref) {
			continue
		}
		z.dead--
		if c.Len() == 0 {
			z.unbury(i)
		}
		z.dict.Remove(e)
		return true
	}
	return false
}

// setRef tells where the record of an element is now, dead or alive.
func (z *ZSet) setRef(e Elem, old mem.Ref) {
	score, ref := e.Score(), e.Ref()
	if z.tree.SetRef(score, old, ref) {
		return
	}
	for _, c := range z.buried {
		if c.SetRef(score, old, ref) {
			return
		}
	}
}

// randomRanks is RandomDistinct by the order, which has no dead elements.
func (z *ZSet) randomRanks(rnd *rand.Rand, n int, visit func(Elem)) {
	left := z.Len()
	n = min(n, left)
	if n > left/4 {
		for c := z.First(); n > 0; c.Next() {
			if rnd.IntN(left) < n {
				n--
				visit(c.Elem())
			}
			left--
		}
		return
	}
	seen := make(map[int]struct{}, max(n, 0))
	for len(seen) < n {
		rank := rnd.IntN(left)
		if _, again := seen[rank]; !again {
			seen[rank] = struct{}{}
			c := z.Seek(rank)
			visit(c.Elem())
		}
	}
}

// bytesBuried is the memory of what was cut out of the order.
func (z *ZSet) bytesBuried() (n int) {
	for _, c := range z.buried {
		n += c.Bytes()
	}
	return n
}
