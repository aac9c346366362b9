//go:build !linux

package vfs

// Syncs would have the system sync files while nobody waits for it.
type Syncs struct{}

// NewSyncs makes a Syncs that syncs nothing.
func NewSyncs() *Syncs { return new(Syncs) }

// Signal gives no descriptor.
func (s *Syncs) Signal() int { return -1 }

func (s *Syncs) start(osFile) error { return ErrNoSyncs }

// Wait is never needed.
func (s *Syncs) Wait(bool) (done bool, err error) { return true, nil }

// Close does nothing.
func (s *Syncs) Close() {}
