package qlist

import "github.com/redstart-db/redstart/internal/ds/listpack"

// RemoveEqual removes up to most elements that are elem, the first ones or, with
// back, the last ones, and gives their number. It takes the time of looking at the
// elements, however many go. rest is as for RemoveRange.
func (l *List) RemoveEqual(elem []byte, most int, back bool, rest *List) (removed int) {
	at := place{}
	if back {
		at = l.lastPlace()
	}
	for removed < most && l.valid(at) {
		n := l.node(at)
		k := l.removeEqualHere(n, elem, most-removed, back)
		removed += k
		if k < int(n.count) {
			if k > 0 {
				l.shrinkBy(at, k)
			}
			at = l.step(at, back)
			continue
		}
		at = l.takeOut(at, 1, rest)
		if back {
			if l.valid(at) {
				at = l.prev(at)
			} else {
				at = l.lastPlace()
			}
		}
	}
	if removed > 0 {
		l.settleAll()
	}
	return removed
}

func (l *List) step(at place, back bool) place {
	if back {
		return l.prev(at)
	}
	return l.next(at)
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
	lp := l.open(n)
	matches := listpack.CountEqual(lp, elem)
	if matches == 0 || matches == int(n.count) && matches <= most {
		return matches
	}
	skip := 0
	if back {
		skip = max(matches-most, 0)
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

// settleAll is settle for every node.
func (l *List) settleAll() {
	for i := 0; i < l.nodes; {
		if !l.settle(l.locateNode(i)) {
			i++
			continue
		}
		// What came of two nodes may be joined with a third.
		i = max(i-1, 0)
	}
}
