package vfs

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
)

// LockedError is the error of Lock when another has the file.
type LockedError struct {
	PID int // of its process, or 0 if that is not known
}

func (e *LockedError) Error() string {
	if e.PID == 0 {
		return "locked by another process"
	}
	return "locked by process " + strconv.Itoa(e.PID)
}

// ErrNoLocks is the error of Lock where files cannot be locked: the file system does not
// know how, or nothing can be written there.
var ErrNoLocks = errors.New("vfs: no file can be locked there")

// lockTries bounds how often Lock begins anew because the file was removed meanwhile.
const lockTries = 100

// Lock implements FS. The file has the number of the process, for those who read it.
func (OS) Lock(name string, shared bool) (Lock, error) {
	for range lockTries {
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, fileMode)
		if err == nil {
			if err = lock(f, shared); err == nil && named(f, name) {
				// Nothing depends on it.
				_ = f.Truncate(0)
				_, _ = f.WriteAt(strconv.AppendInt(nil, int64(os.Getpid()), 10), 0)
				return osLock{f}, nil
			}
			err = lockError(f, err)
			f.Close()
		}
		switch {
		case err == nil: // whoever had it has removed it
		case lockless(err):
			return nil, fmt.Errorf("%w: %w", ErrNoLocks, err)
		default:
			return nil, err
		}
	}
	return nil, &LockedError{}
}

// lockError tells who has the file, if that is what is wrong.
func lockError(f *os.File, err error) error {
	if errors.Is(err, errLocked) {
		return &LockedError{PID: written(f)}
	}
	return err
}

type osLock struct{ *os.File }

// Exclusive implements Lock.
func (l osLock) Exclusive() error {
	err := lock(l.File, false)
	if err != nil {
		_ = lock(l.File, true) // which others may have, or there was no lock before
	}
	return lockError(l.File, err)
}

var errLocked = errors.New("vfs: locked")

// named tells whether a file still has its name.
func named(f *os.File, name string) bool {
	mine, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(name)
	return err == nil && os.SameFile(mine, there)
}

// written is the number of a process that stands in a file.
func written(f *os.File) int {
	var b [20]byte
	n, _ := f.ReadAt(b[:], 0)
	pid, err := strconv.Atoi(string(bytes.TrimSpace(b[:n])))
	if err != nil {
		return 0
	}
	return pid
}
