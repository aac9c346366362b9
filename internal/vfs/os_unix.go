//go:build unix

package vfs

import (
	"errors"
	"math"
	"os"

	"golang.org/x/sys/unix"
)

func syncDir(d *os.File) error { return d.Sync() }

func lock(f *os.File, shared bool) error {
	how := unix.LOCK_EX
	if shared {
		how = unix.LOCK_SH
	}
	err := unix.Flock(int(f.Fd()), how|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return errLocked
	}
	return err
}

// lockless tells whether an error of locking is that of a place where it is impossible.
func lockless(err error) bool {
	for _, e := range []error{
		unix.EACCES, unix.EPERM, unix.EROFS, unix.ENOTSUP, unix.ENOSYS, unix.ENOLCK, unix.EINVAL, unix.ENAMETOOLONG,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// Map gives the contents of a file without reading it: what is not looked at costs
// nothing, and what was looked at is the system's to drop. The file may be closed before
// the mapping is; whoever cuts it short meanwhile ends this process.
func Map(f File) (*Mapping, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	real, ok := f.(osFile)
	if size := info.Size(); !ok || size == 0 || size > math.MaxInt {
		return readAll(f)
	}
	b, err := unix.Mmap(int(real.Fd()), 0, int(info.Size()), unix.PROT_READ, unix.MAP_PRIVATE)
	if err != nil {
		return readAll(f) // a file system that maps nothing
	}
	// A hint that may be ignored.
	_ = unix.Madvise(b, unix.MADV_SEQUENTIAL)
	return &Mapping{B: b, mapped: true}, nil
}

// Close ends the mapping.
func (m *Mapping) Close() {
	if m.mapped {
		unix.Munmap(m.B)
	}
	m.B, m.mapped = nil, false
}

// Done tells that the bytes before end are not needed again soon. It belongs to one
// goroutine.
func (m *Mapping) Done(end int) {
	if end &^= os.Getpagesize() - 1; m.mapped && end > m.done && end <= len(m.B) {
		_ = unix.Madvise(m.B[m.done:end], unix.MADV_DONTNEED) // a hint; what is read all the same is read from the file
		m.done = end
	}
}
