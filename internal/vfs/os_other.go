//go:build !unix

package vfs

import "os"

// syncDir does nothing: these systems have no way to sync a folder.
func syncDir(*os.File) error { return nil }

// lock does nothing: nobody is kept from starting twice.
func lock(*os.File, bool) error { return nil }

// lockless tells whether an error of locking is that of a place where it is impossible:
// here it always is.
func lockless(error) bool { return true }

// Map gives the contents of a file.
func Map(f File) (*Mapping, error) { return readAll(f) }

// Close ends the mapping.
func (m *Mapping) Close() { m.B = nil }

// Done tells that the bytes before end are not needed again soon. It belongs to one
// goroutine.
func (m *Mapping) Done(int) {}
