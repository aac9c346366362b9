package qlist

import "github.com/redstart-db/redstart/internal/ds/listpack"

// RemoveEqual removes up to most elements that are elem, the first ones or, with
// back, the last ones, and gives their number. It takes the time of looking at the
// elements, however many go. rest is as for RemoveRange.
func (l *List) RemoveEqual(elem []byte, most int, back bool, rest *List) (removed int) {
	if rest != nil {
		rest.kept = l.kept
	}
	at, i := place{}, 0 // a node, and its index
	if back {
		at, i = l.lastPlace(), l.nodes-1
	}
	lo, hi := l.nodes, -1 // the nodes that changed, or whose neighbour went
	for removed < most && l.valid(at) {
		n := l.node(at)
		k := l.removeEqualHere(n, elem, most-removed, back)
		removed += k
		whole := k == int(n.count)
		if whole && back && hi >= 0 {
			lo, hi = lo-1, hi-1
		}
		if k > 0 {
			lo, hi = min(lo, i), max(hi, i)
		}
		switch {
		case !whole:
			if k > 0 {
				l.shrinkBy(at, k)
			}
			at, i = l.step(at, i, back)
		case back:
			if at = l.takeOut(at, 1, rest); l.valid(at) {
				at = l.prev(at)
			} else {
				at = l.lastPlace()
			}
			i--
		default:
			at = l.takeOut(at, 1, rest)
		}
	}
	l.settleFrom(lo, hi)
	return removed
}

// step goes to the next node or, with back, to the one before.
func (l *List) step(at place, i int, back bool) (place, int) {
	if back {
		return l.prev(at), i - 1
	}
	return l.next(at), i + 1
}

// removeEqualHere is RemoveEqual in one node. If it gives the number of all its
// elements the node is as it was; else its count is, and is left to shrinkBy.
func (l *List) removeEqualHere(n *node, elem []byte, most int, back bool) (removed int) {
	if n.plain {
		if string(l.data(n)) == string(elem) {
			return 1
		}
		return 0
	}
	if l.kept != nil {
		if _, ok := listpack.Find(l.data(n), first, elem, 0); !ok {
			return 0 // and so the node is not written to
		}
	}
	lp := l.open(n)
	skip := 0
	if back || most >= int(n.count) {
		matches := listpack.CountEqual(lp, elem)
		if matches == 0 || matches == int(n.count) && matches <= most {
			return matches
		}
		if back {
			skip = max(matches-most, 0)
		}
	}
	lp, removed = listpack.DeleteEqual(lp, elem, skip, most)
	n.size = uint32(len(lp))
	return removed
}

// shrinkBy notes that a node has k elements less, and gives back what it does not
// need.
func (l *List) shrinkBy(at place, k int) {
	n := l.node(at)
	n.count -= uint32(k)
	l.addCount(at, -k)
	l.shrink(n)
}

// settleFrom is settle for the nodes with an index from lo to hi, as far as there
// are such.
func (l *List) settleFrom(lo, hi int) {
	for i := lo; i <= min(hi, l.nodes-1); {
		if !l.settle(l.locateNode(i)) {
			i++
			continue
		}
		// What came of two nodes may be joined with a third.
		i = max(i-1, 0)
		hi--
	}
}
