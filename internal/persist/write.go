package persist

import (
	"path/filepath"
	"strconv"
	"time"

	"github.com/redstart-db/redstart/internal/rdb"
	"github.com/redstart-db/redstart/internal/vfs"
)

// Source gives the keys of one moment as items of an RDB file.
type Source interface {
	// Next appends some items, or a part of one, to dst. done tells that there is
	// nothing more.
	Next(dst []byte) (out []byte, done bool)
	// Version is that of the format that what Next has given so far needs.
	Version() int
}

// Header is what stands in a file before the keys.
type Header struct {
	Version     string   // of the server
	Bits        int      // of a word
	Created     int64    // Unix seconds
	UsedMemory  uint64   // bytes
	AOFBase     bool     // what comes behind continues in an append only file
	Functions   [][]byte // the code of libraries
	Compress    bool
	CheckSum    bool
	Incremental bool // sync while writing
	// Delay, if set, is asked how long to wait for each of Keys keys, for tests
	// (rdb-key-save-delay). It may change its mind.
	Delay func() time.Duration
	Keys  int
}

// append appends the header of a file of a version.
func (h *Header) append(dst []byte, version int) []byte {
	dst = rdb.AppendFileHeader(dst, version)
	dst = rdb.AppendAux(dst, "redis-ver", h.Version)
	dst = rdb.AppendAux(dst, "redis-bits", strconv.Itoa(h.Bits))
	dst = rdb.AppendAux(dst, "ctime", strconv.FormatInt(h.Created, 10))
	dst = rdb.AppendAux(dst, "used-mem", strconv.FormatUint(h.UsedMemory, 10))
	base := "0"
	if h.AOFBase {
		base = "1"
	}
	dst = rdb.AppendAux(dst, "aof-base", base)
	for _, code := range h.Functions {
		dst = rdb.AppendFunction(dst, code, h.Compress)
	}
	return dst
}

const (
	writeSize = 256 << 10 // bytes written at once, more or less
	syncEvery = 4 << 20   // bytes after which what was written is synced, if that is wanted
)

// WriteMemory is what Write takes for a buffer, in bytes, more or less.
const WriteMemory = writeSize + 192<<10

// Write writes a file and syncs it. stop, if it is not nil, is asked now and then; when
// it is true Write ends with ErrStopped.
func Write(f vfs.File, h *Header, src Source, stop func() bool) (size int64, err error) {
	w := fileWriter{f: f, h: h}
	buf := h.append(make([]byte, 0, WriteMemory), rdb.Version)
	for done := false; !done; {
		buf, done = src.Next(buf)
		h.wait(stop)
		if len(buf) < writeSize && !done {
			continue
		}
		if stop != nil && stop() {
			return w.size, ErrStopped
		}
		if done {
			buf = append(buf, byte(rdb.OpEOF))
		}
		if err := w.write(buf); err != nil {
			return w.size, err
		}
		buf = buf[:0]
	}
	return w.size, w.end(src.Version())
}

// How often the delay for tests is looked at again, and how long it is at most.
const (
	waitStep = 5 * time.Millisecond
	waitMost = 5 * time.Second // nobody waits for ever
)

// wait takes as long as all keys are to take, once.
func (h *Header) wait(stop func() bool) {
	if h.Delay == nil {
		return
	}
	for begin := time.Now(); time.Since(begin) < min(h.Delay()*time.Duration(h.Keys), waitMost) && (stop == nil || !stop()); {
		time.Sleep(waitStep)
	}
	h.Delay = nil
}

// fileWriter is a file that is being written.
type fileWriter struct {
	f      vfs.File
	h      *Header
	size   int64
	sum    uint64
	synced int64
}

func (w *fileWriter) write(b []byte) error {
	if _, err := w.f.Write(b); err != nil {
		return err
	}
	if w.h.CheckSum {
		w.sum = rdb.CRC64(w.sum, b)
	}
	w.size += int64(len(b))
	if w.h.Incremental && w.size-w.synced >= syncEvery {
		w.synced = w.size
		return w.f.Sync()
	}
	return nil
}

// end writes the checksum, and mends the version if one newer than usual is needed.
func (w *fileWriter) end(version int) error {
	if version != rdb.Version {
		if _, err := w.f.Seek(0, 0); err != nil {
			return err
		}
		if _, err := w.f.Write(rdb.AppendFileHeader(nil, version)); err != nil {
			return err
		}
		if _, err := w.f.Seek(0, 2); err != nil {
			return err
		}
		if w.h.CheckSum {
			w.sum = rdb.Reversioned(w.sum, w.size, rdb.Version, version)
		}
	}
	n, err := w.f.Write(rdb.AppendFileEnd(nil, w.sum))
	w.size += int64(n)
	if err != nil {
		return err
	}
	return w.f.Sync()
}

// writeFile writes a file under the name temp, which is beside name, and renames it, unless
// stop says not to.
func (m *Manager) writeFile(name, temp string, h *Header, src Source, stop func() bool) (size int64, err error) {
	f, err := m.FS.Create(temp)
	if err != nil {
		return 0, err
	}
	size, err = Write(f, h, src, stop)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = m.name(temp, name, stop)
	}
	if err != nil {
		m.FS.Remove(temp) // it may not be there
		return size, err
	}
	return size, m.FS.SyncDir(filepath.Dir(name))
}

// name gives a file its name, unless stop says not to.
func (m *Manager) name(temp, name string, stop func() bool) error {
	m.naming.Lock()
	defer m.naming.Unlock()
	if stop != nil && stop() {
		return ErrStopped
	}
	return m.FS.Rename(temp, name)
}
