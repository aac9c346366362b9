package aof

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/redstart-db/redstart/internal/vfs"
)

// readFile reads a whole file of at most a number of bytes.
func readFile(f vfs.FS, name string, most int64) ([]byte, error) {
	r, err := f.Open(name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, most+1))
	if err == nil && int64(len(b)) > most {
		err = fmt.Errorf("%s is too large", name)
	}
	return b, err
}

// writeFile writes a file and brings it to disk.
func writeFile(f vfs.FS, name string, b []byte) error {
	w, err := f.Create(name)
	if err != nil {
		return err
	}
	_, err = w.Write(b)
	if err == nil {
		err = w.Sync()
	}
	return errors.Join(err, w.Close())
}

// fresh opens an empty file to append to.
func fresh(f vfs.FS, name string) (vfs.File, error) {
	w, err := f.Append(name)
	if err != nil {
		return nil, err
	}
	if err := w.Truncate(0); err != nil {
		w.Close()
		return nil, err
	}
	return w, nil
}

func exists(f vfs.FS, name string) (bool, error) {
	_, err := f.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

func fileSize(f vfs.FS, name string) (int64, error) {
	info, err := f.Stat(name)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

const (
	baseBuffer = 256 << 10
	// baseSync is how many bytes are written between two syncs, so that the last
	// one does not have to bring everything to disk.
	baseSync = 4 << 20
)

// BaseWriter writes a base through a buffer. Errors are kept.
type BaseWriter struct {
	f        vfs.File
	buf      []byte
	sync     bool
	unsynced int
	stop     func() bool
	err      error
}

// NewBaseWriter writes to f. With sync that is synced now and then. stop is asked
// whether to give up.
func NewBaseWriter(f vfs.File, sync bool, stop func() bool) *BaseWriter {
	return &BaseWriter{f: f, sync: sync, stop: stop}
}

// Write implements io.Writer.
func (w *BaseWriter) Write(b []byte) (int, error) {
	for n := 0; n < len(b); {
		k := min(len(b)-n, baseBuffer-len(w.buf))
		w.buf = append(w.buf, b[n:n+k]...)
		if n += k; len(w.buf) == baseBuffer {
			w.flush()
		}
	}
	return len(b), w.err
}

func (w *BaseWriter) flush() {
	if w.stop() {
		w.err = errCancelled
	}
	if w.err != nil {
		w.buf = w.buf[:0]
		return
	}
	_, w.err = w.f.Write(w.buf)
	w.unsynced += len(w.buf)
	w.buf = w.buf[:0]
	if w.sync && w.err == nil && w.unsynced >= baseSync {
		w.unsynced = 0
		w.err = w.f.Sync()
	}
}

// Finish brings everything to disk.
func (w *BaseWriter) Finish() error {
	w.flush()
	if w.err == nil {
		w.err = w.f.Sync()
	}
	return w.err
}
