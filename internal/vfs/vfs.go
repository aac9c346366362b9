// Package vfs is the file system as the parts that keep data see it. Everything that is
// saved, appended, renamed or removed goes through an FS, so that a test can have any
// single operation fail (Faulty) and see that nothing is lost by it.
package vfs

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// FS is a file system. Names are paths as the operating system has them; relative ones
// belong to the working folder of the process. Errors are those of package os, so
// errors.Is with fs.ErrNotExist works.
type FS interface {
	// Open opens a file for reading.
	Open(name string) (File, error)
	// Create makes a file for writing; one that is there is emptied.
	Create(name string) (File, error)
	// Append opens a file for writing at its end, and makes it if it is not there.
	Append(name string) (File, error)
	// Rename gives a file another name; one that has it already is replaced at once.
	Rename(from, to string) error
	Remove(name string) error
	// MkdirAll makes a folder and those above it.
	MkdirAll(name string) error
	Stat(name string) (fs.FileInfo, error)
	// List gives the names in a folder, sorted.
	List(name string) ([]string, error)
	// SyncDir has the names in a folder written to the disk: what was made, renamed or
	// removed there lasts only then.
	SyncDir(name string) error
	// Lock takes a file, made if it is not there, for the caller alone or together with
	// others who share it, until the lock is closed or the process ends. It does not
	// wait: the error is a *LockedError when another has it, in this process or not, and
	// ErrNoLocks where files cannot be locked. Whoever has it alone may remove it before
	// closing.
	Lock(name string, shared bool) (Lock, error)
}

// File is an open file.
type File interface {
	io.Reader
	io.ReaderAt
	io.Writer
	io.Seeker
	io.Closer
	Name() string
	Stat() (fs.FileInfo, error)
	// Sync has all that was written written to the disk, and the size of the file: what is
	// needed to read it again, not the times of its last changes.
	Sync() error
	// Truncate cuts the file, or extends it with zeros, to a size in bytes.
	Truncate(size int64) error
}

// Lock is a file that Lock has taken.
type Lock interface {
	io.Closer
	// Exclusive makes a shared lock one for the caller alone. The error is as that of
	// FS.Lock; the lock is shared then, as before.
	Exclusive() error
}

// ReadFile gives the contents of a file.
func ReadFile(fsys FS, name string) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// Mapping is the contents of a file as memory, which must not be written and is gone
// after Close.
type Mapping struct {
	B      []byte
	mapped bool // rather than read
	done   int  // what Done was last told
}

// readAll is Map for files that cannot be mapped.
func readAll(f File) (*Mapping, error) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	b, err := io.ReadAll(f)
	if err != nil {
		return nil, err
	}
	return &Mapping{B: b}, nil
}

// WriteFile replaces the contents of a file in a way that leaves the old or the new
// ones whenever the process or the machine ends: it writes to a file beside it, with
// the suffix, which it then renames.
func WriteFile(fsys FS, name, suffix string, b []byte) error {
	temp := name + suffix
	err := writeSynced(fsys, temp, b)
	if err == nil {
		err = fsys.Rename(temp, name)
	}
	if err != nil {
		fsys.Remove(temp) // it may not be there
		return err
	}
	return fsys.SyncDir(filepath.Dir(name))
}

func writeSynced(fsys FS, name string, b []byte) error {
	f, err := fsys.Create(name)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// OS is the operating system's file system.
type OS struct{}

// Files are readable by their owner and group, as umask allows: they hold all data.
const (
	fileMode = 0o644
	dirMode  = 0o755
)

// Open implements FS.
func (OS) Open(name string) (File, error) { return file(os.Open(name)) }

// Create implements FS.
func (OS) Create(name string) (File, error) {
	return file(os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, fileMode))
}

// Append implements FS.
func (OS) Append(name string) (File, error) {
	return file(os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, fileMode))
}

// file makes a File of what package os gives, and no File of no file.
func file(f *os.File, err error) (File, error) {
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

// osFile is an open file of the system.
type osFile struct{ *os.File }

// Sync implements File.
func (f osFile) Sync() error { return syncData(f.File) }

// Rename implements FS.
func (OS) Rename(from, to string) error { return os.Rename(from, to) }

// Remove implements FS.
func (OS) Remove(name string) error { return os.Remove(name) }

// MkdirAll implements FS.
func (OS) MkdirAll(name string) error { return os.MkdirAll(name, dirMode) }

// Stat implements FS.
func (OS) Stat(name string) (fs.FileInfo, error) { return os.Stat(name) }

// List implements FS.
func (OS) List(name string) ([]string, error) {
	entries, err := os.ReadDir(name)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, nil
}

// SyncDir implements FS.
func (OS) SyncDir(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(syncDir(d), d.Close())
}
