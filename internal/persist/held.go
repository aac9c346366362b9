package persist

import (
	"iter"

	"github.com/redstart-db/redstart/internal/rdb"
	"github.com/redstart-db/redstart/internal/serial"
	"github.com/redstart-db/redstart/internal/snapshot"
	"github.com/redstart-db/redstart/internal/store"
)

// HeldSource is a Source for whoever holds all shards until the end. The walk over the
// keys is a coroutine that waits whenever there is a piece: so no more than that is in
// memory, also of a large collection, and nothing else has to know where the walk is.
type HeldSource struct {
	st       *store.Store
	compress bool
	access   snapshot.Access
	version  int

	b    []byte // of Next, while the walk goes on
	next func() (struct{}, bool)
	stop func() // ends the walk; nil before the first Next
}

// Held gives a Source of what the store has. The caller holds all shards until the last
// call of Next, and calls Close.
func Held(st *store.Store, compress bool, access snapshot.Access) *HeldSource {
	return &HeldSource{st: st, compress: compress, access: access, version: rdb.Version}
}

// Version implements Source.
func (s *HeldSource) Version() int { return s.version }

// Next implements Source: it appends until there are writeSize bytes, with those of dst.
func (s *HeldSource) Next(dst []byte) (out []byte, done bool) {
	if s.stop == nil {
		s.next, s.stop = iter.Pull(s.walk)
	}
	s.b = dst
	_, more := s.next()
	out, s.b = s.b, nil
	return out, !more
}

// Close ends the walk, finished or not.
func (s *HeldSource) Close() {
	if s.stop != nil {
		s.stop()
	}
}

// walk appends all keys to what the calls of Next give, and yields when that is a piece.
func (s *HeldSource) walk(yield func(struct{}) bool) {
	ended := false // nobody wants more: what is still written is thrown away
	full := func(b []byte) []byte {
		if s.b = b; ended || !yield(struct{}{}) {
			ended = true
			return b[:0]
		}
		return s.b
	}
	for db := range s.st.Databases() {
		keys, volatile := 0, 0
		for i := range s.st.Shards() {
			ks := s.st.Shard(i).DB(db)
			keys, volatile = keys+ks.Len(), volatile+ks.Volatile()
		}
		if keys == 0 {
			continue
		}
		s.b = rdb.AppendResizeDB(rdb.AppendSelectDB(s.b, db), keys, volatile)
		for i := range s.st.Shards() {
			s.st.Shard(i).DB(db).Each(func(e store.Entry) {
				if !ended {
					s.entry(e, full)
				}
			})
		}
	}
}

func (s *HeldSource) entry(e store.Entry, full func([]byte) []byte) {
	b := s.b
	if len(b) >= writeSize {
		b = full(b)
	}
	if at := e.Deadline(); at != 0 {
		b = rdb.AppendExpire(b, at)
	}
	switch s.access {
	case snapshot.Idle:
		b = rdb.AppendLen(append(b, byte(rdb.OpIdle)), uint64(e.Idle()))
	case snapshot.Freq:
		b = append(b, byte(rdb.OpFreq), uint8(e.Freq()))
	}
	t := serial.TypeOf(e)
	s.version = max(s.version, t.Since())
	b = rdb.AppendString(append(b, byte(t)), e.Key(), false)
	s.b = serial.AppendPieces(b, e, s.compress, writeSize, full)
}
