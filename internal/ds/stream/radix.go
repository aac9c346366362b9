package stream

import (
	"math/bits"

	"github.com/redstart-db/redstart/internal/ds/idtree"
)

// idBytes is the length of an ID as a key of Redis's radix tree, big endian.
const idBytes = 16

// RadixNodes is the number of nodes that Redis's radix tree would have for the
// nodes of the stream: XINFO STREAM shows it. There, every key ends in a node of
// its own, a place where keys part is one, and what is between two of these is
// another, if it is not empty.
func (s *Stream) RadixNodes() int {
	if s.nodes.Len() == 0 {
		return 1 // the root
	}
	nodes := 0
	between := func(depth, above int) {
		if nodes++; depth-above > 1 {
			nodes++
		}
	}
	var parts []int // depths where keys part above the last key, ascending
	c := s.nodes.First()
	for shared := -1; c.Valid(); {
		id := c.ID()
		c.Next()
		next := -1
		if c.Valid() {
			next = sharedBytes(id, c.ID())
		}
		between(idBytes, max(shared, next))
		for len(parts) > 0 && parts[len(parts)-1] > next {
			depth := parts[len(parts)-1]
			parts = parts[:len(parts)-1]
			above := next
			if len(parts) > 0 {
				above = max(above, parts[len(parts)-1])
			}
			between(depth, above)
		}
		if next >= 0 && (len(parts) == 0 || parts[len(parts)-1] < next) {
			parts = append(parts, next)
		}
		shared = next
	}
	return nodes
}

// sharedBytes is how many bytes two keys have in common at their beginning.
func sharedBytes(a, b idtree.ID) int {
	if x := a.MS ^ b.MS; x != 0 {
		return bits.LeadingZeros64(x) / 8
	}
	return 8 + bits.LeadingZeros64(a.Seq^b.Seq)/8
}
