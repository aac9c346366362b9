package stream

import (
	"github.com/redstart-db/redstart/internal/ds/kept"
	"github.com/redstart-db/redstart/internal/mem"
)

// Keep gives the nodes that the stream has now, in order and with what they hold now,
// and their master IDs, while the stream goes on changing. It goes on until Unkeep.
func (s *Stream) Keep() (nodes *kept.Blocks, ids []ID) {
	s.kept = kept.New(s.arena, s.nodes.Len())
	ids = make([]ID, 0, s.nodes.Len())
	for c := s.nodes.First(); c.Valid(); c.Next() {
		ref := c.Value().ref()
		s.kept.Add(ref, 0, uint32(len(s.node(ref))), false)
		ids = append(ids, c.ID())
	}
	return s.kept, ids
}

// Unkeep ends that.
func (s *Stream) Unkeep() {
	s.kept.Close()
	s.kept = nil
}

// writing is called before a node is written to.
func (s *Stream) writing(ref mem.Ref) {
	if s.kept != nil {
		s.kept.Before(ref)
	}
}
