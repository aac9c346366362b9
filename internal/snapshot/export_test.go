package snapshot

import "github.com/redstart-db/redstart/internal/store"

// BeginSized is Begin with bounds in bytes of one's own, and without pauses.
func BeginSized(st *store.Store, opt Options, piece, chunk, large, long, part int) (*Snapshot, error) {
	return begin(st, opt, sizes{piece: piece, chunk: chunk, large: large, long: long, part: part})
}
