package vfs

import (
	"errors"
	"fmt"
	"io/fs"
	"sync"
)

// ErrInjected is the error of an operation that a Faulty was told to have fail.
var ErrInjected = errors.New("vfs: injected fault")

// Op is an operation that can fail.
type Op string

// The operations.
const (
	OpOpen     Op = "open"
	OpCreate   Op = "create"
	OpAppend   Op = "append"
	OpRename   Op = "rename"
	OpRemove   Op = "remove"
	OpMkdir    Op = "mkdir"
	OpStat     Op = "stat"
	OpList     Op = "list"
	OpSyncDir  Op = "syncdir"
	OpLock     Op = "lock"
	OpRead     Op = "read"
	OpWrite    Op = "write"
	OpSync     Op = "sync"
	OpTruncate Op = "truncate"
	OpClose    Op = "close"
)

// Faulty is an FS for tests, of which operations fail. Fail is asked before each; what
// it returns is the error of the operation, which is then not carried out, but for a
// write, of which the first half is. It is called by one goroutine at a time.
type Faulty struct {
	FS
	Fail func(op Op, name string) error

	mu sync.Mutex
}

// FailNth gives a Fail that has the n-th of the operations, from 1 on, fail that match
// accepts; nil accepts all. reached tells how many there have been.
func FailNth(n int, match func(op Op, name string) bool) (fail func(Op, string) error, reached func() int) {
	var mu sync.Mutex
	count := 0
	fail = func(op Op, name string) error {
		if match != nil && !match(op, name) {
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		if count++; count == n {
			return fmt.Errorf("%s %s: %w", op, name, ErrInjected)
		}
		return nil
	}
	reached = func() int {
		mu.Lock()
		defer mu.Unlock()
		return count
	}
	return fail, reached
}

func (f *Faulty) ask(op Op, name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.Fail == nil {
		return nil
	}
	return f.Fail(op, name)
}

// Set replaces Fail while others use f.
func (f *Faulty) Set(fail func(op Op, name string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.Fail = fail
}

func (f *Faulty) open(op Op, name string, open func(string) (File, error)) (File, error) {
	if err := f.ask(op, name); err != nil {
		return nil, err
	}
	file, err := open(name)
	if err != nil {
		return nil, err
	}
	return &faultyFile{file, f}, nil
}

// Open implements FS.
func (f *Faulty) Open(name string) (File, error) { return f.open(OpOpen, name, f.FS.Open) }

// Create implements FS.
func (f *Faulty) Create(name string) (File, error) { return f.open(OpCreate, name, f.FS.Create) }

// Append implements FS.
func (f *Faulty) Append(name string) (File, error) { return f.open(OpAppend, name, f.FS.Append) }

// Rename implements FS.
func (f *Faulty) Rename(from, to string) error {
	if err := f.ask(OpRename, from); err != nil {
		return err
	}
	return f.FS.Rename(from, to)
}

// Remove implements FS.
func (f *Faulty) Remove(name string) error {
	if err := f.ask(OpRemove, name); err != nil {
		return err
	}
	return f.FS.Remove(name)
}

// MkdirAll implements FS.
func (f *Faulty) MkdirAll(name string) error {
	if err := f.ask(OpMkdir, name); err != nil {
		return err
	}
	return f.FS.MkdirAll(name)
}

// Stat implements FS.
func (f *Faulty) Stat(name string) (fs.FileInfo, error) {
	if err := f.ask(OpStat, name); err != nil {
		return nil, err
	}
	return f.FS.Stat(name)
}

// List implements FS.
func (f *Faulty) List(name string) ([]string, error) {
	if err := f.ask(OpList, name); err != nil {
		return nil, err
	}
	return f.FS.List(name)
}

// SyncDir implements FS.
func (f *Faulty) SyncDir(name string) error {
	if err := f.ask(OpSyncDir, name); err != nil {
		return err
	}
	return f.FS.SyncDir(name)
}

// Lock implements FS.
func (f *Faulty) Lock(name string, shared bool) (Lock, error) {
	if err := f.ask(OpLock, name); err != nil {
		return nil, err
	}
	l, err := f.FS.Lock(name, shared)
	if err != nil {
		return nil, err
	}
	return &faultyLock{l, f, name}, nil
}

// faultyLock is a lock of a Faulty.
type faultyLock struct {
	Lock
	fs   *Faulty
	name string
}

func (l *faultyLock) Exclusive() error {
	if err := l.fs.ask(OpLock, l.name); err != nil {
		return err
	}
	return l.Lock.Exclusive()
}

// faultyFile is an open file of a Faulty.
type faultyFile struct {
	File
	fs *Faulty
}

func (f *faultyFile) Read(b []byte) (int, error) {
	if err := f.fs.ask(OpRead, f.Name()); err != nil {
		return 0, err
	}
	return f.File.Read(b)
}

func (f *faultyFile) ReadAt(b []byte, off int64) (int, error) {
	if err := f.fs.ask(OpRead, f.Name()); err != nil {
		return 0, err
	}
	return f.File.ReadAt(b, off)
}

func (f *faultyFile) Write(b []byte) (int, error) {
	if err := f.fs.ask(OpWrite, f.Name()); err != nil {
		n, _ := f.File.Write(b[:len(b)/2])
		return n, err
	}
	return f.File.Write(b)
}

func (f *faultyFile) Sync() error {
	if err := f.fs.ask(OpSync, f.Name()); err != nil {
		return err
	}
	return f.File.Sync()
}

func (f *faultyFile) Truncate(size int64) error {
	if err := f.fs.ask(OpTruncate, f.Name()); err != nil {
		return err
	}
	return f.File.Truncate(size)
}

func (f *faultyFile) Close() error {
	if err := f.fs.ask(OpClose, f.Name()); err != nil {
		f.File.Close()
		return err
	}
	return f.File.Close()
}
