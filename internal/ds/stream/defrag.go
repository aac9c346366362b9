package stream

// defragStep is how many nodes or pending entries a call of Defrag looks at.
const defragStep = 32

// Defrag moves what keeps sparsely filled spans of the arena alive among some of
// the nodes and pending entries. It begins with pos 0 and goes on with what it
// gives, whatever has changed meanwhile, until done.
func (s *Stream) Defrag(pos uint32) (next uint32, done bool) {
	next = pos + defragStep
	at := int(pos)
	if at < s.nodes.Len() {
		c := s.nodes.At(at)
		for range defragStep {
			if !c.Valid() {
				break
			}
			if ref := c.Value().ref(); s.arena.Sparse(ref) {
				s.move(c.ID(), ref, s.arena.Usable(ref))
			}
			c.Next()
		}
		return next, false
	}
	at -= s.nodes.Len()
	for _, g := range s.groups {
		n := g.pending.Len()
		if at < n {
			g.defrag(at)
			return next, false
		}
		at -= n
	}
	return 0, true
}

// defrag moves records of the pending entries with some ranks.
func (g *Group) defrag(at int) {
	c := g.pending.At(at)
	for range defragStep {
		if !c.Valid() {
			return
		}
		if from := c.Value(); g.arena.Sparse(from) {
			ref, ok := g.arena.TryAlloc(recordSize)
			if !ok {
				return
			}
			r := *g.record(from)
			*g.record(ref) = r
			g.pending.Insert(c.ID(), ref) // in the place of the old, which needs no memory
			g.slots[r.consumer].pending.Insert(c.ID(), ref)
			g.arena.Free(from)
		}
		c.Next()
	}
}
