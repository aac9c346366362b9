package qlist

import "math"

// Fill says how full the nodes of a list may become, for those who keep a list that
// fits one node as a listpack of their own.
type Fill struct{ limits }

type limits struct {
	limit    int // bytes of its listpack
	maxCount int // elements
	plainAt  int // size of an element from which on it is a plain node
}

// NewFill gives the limits for a value of list-max-listpack-size: the most
// elements of a node, which then has at most 8 KiB, or -1 to -5 for 4, 8, 16, 32
// or 64 KiB. With 0 each element has a node, as with 1. plainAt is the size in
// bytes from which on an element is a plain node; 0 stands for 1 GiB.
func NewFill(n, plainAt int) Fill { return Fill{newLimits(n, plainAt)} }

func newLimits(n, plainAt int) limits {
	f := limits{limit: safetyLimit, maxCount: min(n, highestFill-1), plainAt: plainAt}
	if n < 0 {
		f.limit, f.maxCount = smallestLimit<<(-max(n, lowestFill)-1), math.MaxInt
	}
	if plainAt <= 0 {
		f.plainAt = packedThreshold
	}
	return f
}

// Fits tells whether a listpack of size bytes with count elements may take one
// more: for an empty one, whether the element may be in a listpack at all.
func (f Fill) Fits(size, count int, elem []byte) bool {
	if len(elem) >= f.plainAt {
		return false
	}
	return count == 0 || len(elem) <= f.limit-overhead-size && count < f.maxCount
}

// FitsAs tells whether a listpack of count elements may become one of size bytes
// by a change of an element to elem.
func (f Fill) FitsAs(size, was, count int, elem []byte) bool {
	return len(elem) < f.plainAt && (count == 1 || size <= was || size <= f.limit)
}

// Single gives the listpack of a list that is so much smaller than what a node
// may have that it need not be more than that listpack for some time: at most
// half of it. It is valid until the list changes.
func (l *List) Single() (lp []byte, ok bool) {
	if l.nodes != 1 {
		return nil, false
	}
	n := &l.chunks[0].nodes[0]
	if n.plain || int(n.size) > l.limit/2 || int(n.count) > l.maxCount/2 {
		return nil, false
	}
	return l.data(n), true
}
