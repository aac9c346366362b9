package vfs

import "errors"

// ErrNoSyncs is the error of Start where files can be synced by Sync only.
var ErrNoSyncs = errors.New("vfs: the system syncs no files in the background")

// starter is a file that Syncs can sync.
type starter interface{ startSync(s *Syncs) error }

// Start begins to bring everything to disk that was written to f; none is underway. When
// it is done Signal can be read, once, and Wait tells how it went. An error that is not
// ErrNoSyncs is that of the sync, which is not underway then. The file may be closed
// meanwhile.
func (s *Syncs) Start(f File) error {
	if f, ok := f.(starter); ok {
		return f.startSync(s)
	}
	return ErrNoSyncs
}

func (f osFile) startSync(s *Syncs) error { return s.start(f) }

func (f *faultyFile) startSync(s *Syncs) error {
	if err := f.fs.ask(OpSync, f.Name()); err != nil {
		return err
	}
	return s.Start(f.File)
}
