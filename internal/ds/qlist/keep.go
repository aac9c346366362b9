package qlist

import "github.com/redstart-db/redstart/internal/ds/kept"

// Keep gives the nodes that the list has now, in order and with what they hold now,
// while the list goes on changing: listpacks or, with the tag, plain elements. It goes
// on until Unkeep.
func (l *List) Keep() *kept.Blocks {
	l.kept = kept.New(l.arena, l.nodes)
	for c := range l.chunks {
		for i := range l.chunks[c].nodes {
			n := &l.chunks[c].nodes[i]
			l.kept.Add(n.ref, n.off, n.size, n.plain)
		}
	}
	return l.kept
}

// Unkeep ends that.
func (l *List) Unkeep() {
	l.kept.Close()
	l.kept = nil
}

// writing is called before the block of a node is written to.
func (l *List) writing(n *node) {
	if l.kept != nil {
		l.kept.Before(n.ref)
	}
}
