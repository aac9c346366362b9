package zindex

import (
	"bytes"

	"github.com/redstart-db/redstart/internal/mem"
)

// Prepend adds an element that belongs in front of all others to a tree that is empty or
// was built by Prepend alone; see btree.Tree.Prepend. It makes no comparisons.
func (t *Tree) Prepend(score float64, ref mem.Ref) {
	checkScore(score)
	t.core.Prepend(score, ref)
}

// Raise makes a tree of what Prepend has built. Drop gives it back, before and after that.
func (t *Tree) Raise() { t.core.Raise() }

// Elem is an element: a score and the reference of an entry.
type Elem struct {
	Score float64
	Ref   mem.Ref
}

// Compare orders two elements.
func (t *Tree) Compare(a, b Elem) int {
	switch {
	case a.Score < b.Score:
		return -1
	case a.Score > b.Score:
		return 1
	}
	return bytes.Compare(t.entries.Member(a.Ref), t.entries.Member(b.Ref))
}
