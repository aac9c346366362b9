//go:build !unix

package vfs

import "os"

// syncDir does nothing: these systems have no way to sync a folder.
func syncDir(*os.File) error { return nil }

// lock does nothing: nobody is kept from starting twice.
func lock(*os.File) error { return nil }

// Map gives the contents of a file as memory. The bytes must not be written, and are
// gone after unmap.
func Map(f File) (b []byte, unmap func(), err error) { return readAll(f) }

// Done tells that the bytes of a mapped file before end are not needed again soon.
func Done([]byte, int) {}
