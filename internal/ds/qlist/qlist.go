// Package qlist is a large list: a sequence of listpacks in an arena, with
// counts, so that an element is found by its index without a walk over the
// nodes.
//
// # Nodes
//
// A node is a block with a listpack of one or more elements. What the block has
// beyond that may lie on both sides, so that pushing to and popping from either
// end of a list moves no other element: the header of the listpack moves.
//
//	0        off                       off+size       usable
//	+--------+--------+-------+---+----+--------------+
//	| unused | header | entry | … | FF | unused       |
//	+--------+--------+-------+---+----+--------------+
//
// An element of a gigabyte (see SetPackedThreshold) is a plain node: a block with
// its bytes alone.
//
// How full a node may become is said as by Redis's list-max-listpack-size, and
// counted as there, so that a list that is pushed to has the same nodes as
// Redis's, byte by byte. The limits in bytes are size classes of the arena, and a
// node that is full by them loses less than an element.
//
// # Index
//
// Nodes are described in chunks of up to 256, and chunks in one slice, with the
// number of elements of each. Finding an index takes a look at the chunks, from the
// closer end, and at the nodes of one: at most 450 steps for 100,000 nodes.
//
// # Invariants
//
//   - No chunk and no node is empty. Counts are exact.
//   - A listpack of more than one element is within the limits, unless it was
//     loaded so (AppendNode).
//   - A node's block is at most a quarter larger than its content when that grew,
//     is exact when the next node is begun at an end, and is at most twice as
//     large after removals; each rounded up to a size class, and as far as there
//     was memory to move to.
//   - Whatever can fail is allocated before anything changes. What makes a list
//     smaller never fails.
//
// # Rejected
//
// A linked list of nodes, which is Redis's: an index is found node by node, and
// the links are as large as a description here. A B+tree of nodes: less work only
// for lists of many gigabytes. Chunks in the arena: a short list would need a
// second block, and a gigabyte of nodes has only 500 chunks.
package qlist

import (
	"math"
	"slices"
	"unsafe"

	"github.com/redstart-db/redstart/internal/ds/kept"
	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/mem"
)

const (
	chunkNodes = 256 // most nodes of a chunk

	// What Redis counts for an element beside its bytes; integers need less.
	overhead = 8

	safetyLimit     = 8192    // bytes of a node whose limit is a number of elements
	smallestLimit   = 4096    // bytes of a node with Fill -1; each lower one doubles it
	lowestFill      = -5      // lower ones stand for it
	highestFill     = 1 << 15 // higher ones stand for the number below it
	packedThreshold = 1 << 30

	// What the descriptions allow, with room for an entry's overhead.
	maxElement = math.MaxUint32 - 64
)

// node describes a node. It has no pointers.
type node struct {
	ref   mem.Ref
	off   uint32 // bytes of the block before the listpack
	size  uint32 // bytes of the listpack, or of the element of a plain node
	count uint32 // elements
	plain bool
}

// chunk describes nodes that follow each other.
type chunk struct {
	nodes []node
	count int // elements of all nodes
}

// place is a node: its chunk, and its index there. The place behind the last node
// of a chunk stands for the end of the list only, or for where to insert.
type place struct{ c, i int }

// List is the list. The zero value is not usable; see Init. It is not safe for
// concurrent use. Elements that are passed to it must not lie in it.
type List struct {
	arena  *mem.Arena
	chunks []chunk
	count  int // elements
	nodes  int
	bytes  int          // of the blocks
	kept   *kept.Blocks // what a snapshot has of it; nil while none is taken

	limits
}

// Init prepares an empty list whose nodes live in arena. It allocates nothing.
// fill is the value of list-max-listpack-size, as for NewFill.
func (l *List) Init(arena *mem.Arena, fill int) {
	*l = List{arena: arena, limits: newLimits(fill, 0)}
}

// SetPackedThreshold changes the size in bytes from which on an element that is
// added becomes a plain node; 0 stands for 1 GiB.
func (l *List) SetPackedThreshold(bytes int) {
	if bytes <= 0 {
		bytes = packedThreshold
	}
	l.plainAt = bytes
}

// Len is the number of elements.
func (l *List) Len() int { return l.count }

// NodeCount is the number of nodes.
func (l *List) NodeCount() int { return l.nodes }

// Bytes is the memory of the list's nodes and their descriptions.
func (l *List) Bytes() int {
	n := l.bytes + cap(l.chunks)*int(unsafe.Sizeof(chunk{}))
	for i := range l.chunks {
		n += cap(l.chunks[i].nodes) * int(unsafe.Sizeof(node{}))
	}
	return n
}

// Index is the element with an index from 0 to Len()-1, valid until the list
// changes.
func (l *List) Index(i int) (v listpack.Value, ok bool) {
	if i < 0 || i >= l.count {
		return v, false
	}
	at, rest := l.locate(i)
	n := l.node(at)
	return l.value(n, l.seek(n, rest)), true
}

func (l *List) node(at place) *node { return &l.chunks[at.c].nodes[at.i] }

// valid tells whether there is a node at a place.
func (l *List) valid(at place) bool {
	return at.c >= 0 && at.c < len(l.chunks) && at.i < len(l.chunks[at.c].nodes)
}

func (l *List) lastPlace() place {
	c := len(l.chunks) - 1
	if c < 0 {
		return place{c: -1}
	}
	return place{c, len(l.chunks[c].nodes) - 1}
}

// next is the place of the node behind the one at a place; it is not valid if that
// is the last.
func (l *List) next(at place) place {
	if at.i++; at.i < len(l.chunks[at.c].nodes) {
		return at
	}
	return place{at.c + 1, 0}
}

// prev is the place of the node before the one at a place; it is not valid if that
// is the first.
func (l *List) prev(at place) place {
	if at.i > 0 {
		return place{at.c, at.i - 1}
	}
	if at.c == 0 {
		return place{c: -1}
	}
	return place{at.c - 1, len(l.chunks[at.c-1].nodes) - 1}
}

// locate finds the node with the element i, from 0 to Len()-1, and its index
// there.
func (l *List) locate(i int) (at place, rest int) {
	if i > l.count/2 {
		return l.locateBack(i)
	}
	for c := range l.chunks {
		ch := &l.chunks[c]
		if i >= ch.count {
			i -= ch.count
			continue
		}
		j := 0
		for i >= int(ch.nodes[j].count) {
			i -= int(ch.nodes[j].count)
			j++
		}
		return place{c, j}, i
	}
	panic("qlist: no such index")
}

// locateBack is locate from the end.
func (l *List) locateBack(i int) (at place, rest int) {
	i -= l.count
	for c := len(l.chunks) - 1; c >= 0; c-- {
		ch := &l.chunks[c]
		if i += ch.count; i < 0 {
			continue
		}
		i -= ch.count
		for j := len(ch.nodes) - 1; j >= 0; j-- {
			if i += int(ch.nodes[j].count); i >= 0 {
				return place{c, j}, i
			}
		}
	}
	panic("qlist: no such index")
}

// locateNode finds the node with an index among the nodes, from 0 to NodeCount().
func (l *List) locateNode(i int) place {
	c := 0
	for ; c < len(l.chunks) && i >= len(l.chunks[c].nodes); c++ {
		i -= len(l.chunks[c].nodes)
	}
	return place{c, i}
}

// insertNode puts a node before the one at a place, or behind the last of a chunk,
// and gives the place where it is. It never fails.
func (l *List) insertNode(at place, n node) place {
	if len(l.chunks) == 0 {
		l.chunks = append(l.chunks, chunk{})
		at = place{}
	} else if len(l.chunks[at.c].nodes) == chunkNodes {
		at = l.splitChunk(at)
	}
	ch := &l.chunks[at.c]
	ch.nodes = slices.Insert(ch.nodes, at.i, n)
	ch.count += int(n.count)
	l.count += int(n.count)
	l.nodes++
	return at
}

// splitChunk makes room in a full chunk for one more node at a place, and gives the
// place that this becomes. At the ends of the list chunks stay full.
func (l *List) splitChunk(at place) place {
	switch at {
	case place{len(l.chunks) - 1, chunkNodes}:
		l.chunks = append(l.chunks, chunk{})
		return place{at.c + 1, 0}
	case place{}:
		l.chunks = slices.Insert(l.chunks, 0, chunk{})
		return place{}
	}
	const half = chunkNodes / 2
	left := &l.chunks[at.c]
	right := chunk{nodes: append(make([]node, 0, chunkNodes), left.nodes[half:]...)}
	for i := range right.nodes {
		right.count += int(right.nodes[i].count)
	}
	left.nodes = left.nodes[:half]
	left.count -= right.count
	l.chunks = slices.Insert(l.chunks, at.c+1, right)
	if at.i > half {
		return place{at.c + 1, at.i - half}
	}
	return at
}

// removeNodes removes the descriptions of n nodes of one chunk and gives the place
// of what is behind them, which is not valid at the end of the list.
func (l *List) removeNodes(at place, n int) place {
	ch := &l.chunks[at.c]
	gone := 0
	for _, d := range ch.nodes[at.i : at.i+n] {
		gone += int(d.count)
	}
	ch.nodes = slices.Delete(ch.nodes, at.i, at.i+n)
	ch.count -= gone
	l.count -= gone
	l.nodes -= n
	if len(ch.nodes) == 0 {
		l.chunks = slices.Delete(l.chunks, at.c, at.c+1)
		return place{at.c, 0}
	}
	if at.c+1 < len(l.chunks) {
		at = l.joinChunks(at.c, at)
	}
	if at.c > 0 {
		at = l.joinChunks(at.c-1, at)
	}
	if at.i == len(l.chunks[at.c].nodes) {
		return place{at.c + 1, 0}
	}
	return at
}

// joinChunks makes one of chunks c and c+1 if they are small, and gives the place
// that one in them becomes.
func (l *List) joinChunks(c int, at place) place {
	left, right := &l.chunks[c], &l.chunks[c+1]
	n := len(left.nodes)
	if n+len(right.nodes) > chunkNodes/2 {
		return at
	}
	left.nodes = append(left.nodes, right.nodes...)
	left.count += right.count
	l.chunks = slices.Delete(l.chunks, c+1, c+2)
	if at.c == c+1 {
		return place{c, n + at.i}
	}
	return at
}

// setNode replaces the description of a node.
func (l *List) setNode(at place, n node) {
	old := l.node(at)
	l.addCount(at, int(n.count)-int(old.count))
	*old = n
}

// addCount notes that the node at a place has d more elements. That of the node
// itself is the caller's.
func (l *List) addCount(at place, d int) {
	l.chunks[at.c].count += d
	l.count += d
}
