package zindex

import (
	"slices"

	"github.com/redstart-db/redstart/internal/mem"
)

// Cut is a range of elements that was taken out of a Tree and is to be freed piece by
// piece. Until then it tells which elements it has: for each part the first element
// stands beside it, as in an inner node.
type Cut struct {
	scores []float64
	refs   []mem.Ref
	parts  []Tree // none is empty
	count  int
}

// Cut removes the elements with ranks from to to-1, as far as there are such, in
// much less time than it takes to look at each. For the few at both ends it calls
// gone as DeleteRange does; the others are those of the Cut, which is nil when there
// are none.
func (t *Tree) Cut(from, to int, gone func(score float64, ref mem.Ref)) *Cut {
	trees := t.core.CutRange(from, to, gone)
	if len(trees) == 0 {
		return nil
	}
	n := len(trees)
	c := &Cut{make([]float64, n), make([]mem.Ref, n), make([]Tree, n), 0}
	for i, core := range trees {
		c.parts[i] = Tree{core, t.entries}
		c.scores[i], c.refs[i], _ = c.parts[i].Min()
		c.count += core.Len()
	}
	return c
}

// Len is the number of elements.
func (c *Cut) Len() int { return c.count }

// Bytes is the memory of the nodes.
func (c *Cut) Bytes() int {
	n := 0
	for i := range c.parts {
		n += c.parts[i].Bytes()
	}
	return n
}

// part is the index of the part where an element would be, -1 before the first.
func (c *Cut) part(score float64, ref mem.Ref) int {
	last := len(c.parts) - 1
	if last < 0 || score < c.scores[0] {
		return -1
	}
	t := &c.parts[last]
	if max, _, _ := t.Max(); score > max {
		return -1
	}
	b := bound{score: score, member: t.entries.Member(ref), self: ref, after: true}
	return t.before(c.scores, c.refs, &b) - 1
}

// Has tells whether an element is there.
func (c *Cut) Has(score float64, ref mem.Ref) bool {
	i := c.part(score, ref)
	if i < 0 {
		return false
	}
	var p path
	return c.parts[i].find(&p, score, ref)
}

// Delete removes an element, if it is there. The entry must be readable still.
func (c *Cut) Delete(score float64, ref mem.Ref) bool {
	i := c.part(score, ref)
	if i < 0 || !c.parts[i].Delete(score, ref) {
		return false
	}
	c.count--
	c.refresh(i)
	return true
}

// SetRef replaces a reference, as Tree.SetRef does.
func (c *Cut) SetRef(score float64, old, ref mem.Ref) bool {
	i := c.part(score, old)
	if i < 0 || !c.parts[i].SetRef(score, old, ref) {
		return false
	}
	c.refresh(i)
	return true
}

// refresh brings what is said of a part up to date.
func (c *Cut) refresh(i int) {
	if c.parts[i].Len() > 0 {
		c.scores[i], c.refs[i], _ = c.parts[i].Min()
		return
	}
	c.scores, c.refs = slices.Delete(c.scores, i, i+1), slices.Delete(c.refs, i, i+1)
	c.parts = slices.Delete(c.parts, i, i+1)
}

// Next calls visit for the elements that Drop removes next, up to 63 of them.
func (c *Cut) Next(visit func(ref mem.Ref)) {
	if len(c.parts) == 0 {
		return
	}
	last := c.parts[len(c.parts)-1].core.Last()
	refs, _ := last.InLeaf()
	for _, ref := range refs {
		visit(ref)
	}
}

// Drop removes some of the last elements, up to 63 for each of max nodes, as
// Tree.Drop does, and reports whether none is left.
func (c *Cut) Drop(max int, gone func(score float64, ref mem.Ref)) (done bool) {
	for ; max > 0 && len(c.parts) > 0; max-- {
		last := len(c.parts) - 1
		t := &c.parts[last]
		n := t.Len()
		t.Drop(1, gone)
		c.count -= n - t.Len()
		if t.Len() == 0 {
			c.refresh(last)
		}
	}
	return len(c.parts) == 0
}
