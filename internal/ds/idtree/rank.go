package idtree

import "github.com/redstart-db/redstart/internal/ds/zindex/btree"

// At is the cursor at the entry with a rank, from 0 to Len()-1; behind the last
// for greater ones.
func (t *Tree[V]) At(rank int) Cursor[V] {
	var p btree.Path[ID, V]
	switch {
	case t.Len() == 0:
	case rank < t.Len():
		t.core.SeekRank(&p, rank)
	default:
		t.core.SeekEnd(&p)
	}
	return Cursor[V]{t.core.Cursor(&p)}
}
