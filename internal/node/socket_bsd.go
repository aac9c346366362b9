//go:build unix && !linux

package node

import "golang.org/x/sys/unix"

// limitMode gives files that are made now no more permissions than perm. That
// holds for the whole process, but this is done before anything else runs.
func limitMode(_ int, perm uint32) (restore func()) {
	old := unix.Umask(int(0o777 &^ perm))
	return func() { unix.Umask(old) }
}

// markSocket does nothing: sockets have no marks here.
func markSocket(int, uint32) error { return nil }
