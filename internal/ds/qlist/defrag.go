package qlist

// defragStep is how many nodes one call of Defrag looks at.
const defragStep = 16

// Defrag moves what keeps sparsely filled spans of the arena alive among some of the
// nodes. It begins with pos 0 and goes on with what it gives, whatever has changed
// meanwhile, until done. Where there is no memory, nodes stay where they are.
func (l *List) Defrag(pos uint32) (next uint32, done bool) {
	at := int(pos)
	for c := range l.chunks {
		nodes := l.chunks[c].nodes
		if at >= len(nodes) {
			at -= len(nodes)
			continue
		}
		end := min(at+defragStep, len(nodes))
		for i := range nodes[at:end] {
			if n := &nodes[at+i]; l.arena.Sparse(n.ref) {
				l.relocate(n)
			}
		}
		return pos + uint32(end-at), false
	}
	return 0, true
}

// relocate moves a node to another block of the same size. What is not used lies where it
// did.
func (l *List) relocate(n *node) {
	size := l.arena.Usable(n.ref)
	ref, ok := l.tryAlloc(size)
	if !ok {
		return
	}
	copy(l.arena.Bytes(ref, size)[n.off:], l.open(n))
	l.free(n.ref)
	n.ref = ref
}
