package aof

import (
	"time"

	"github.com/redstart-db/redstart/internal/vfs"
)

// syncEvery is how often Everysec syncs, and failed writes are tried again.
const syncEvery = time.Second

// run is the syncer.
func (l *Log) run() {
	defer close(l.done)
	tick := time.NewTicker(syncEvery)
	defer tick.Stop()
	for {
		select {
		case <-l.stop:
			return
		case <-l.kick:
			if l.always() {
				l.commit()
			} else {
				l.idle()
				l.flush(false)
				l.endTurn()
			}
		case <-tick.C:
			l.everySecond()
		}
	}
}

// everySecond syncs for Everysec, and tries again what failed.
func (l *Log) everySecond() {
	if !l.on.Load() || l.broken.Load() {
		return
	}
	if l.always() {
		l.commit()
		return
	}
	l.flush(true)
	l.endTurn()
	if !l.is(Everysec) && !l.syncFailed() || l.noSync.Load() {
		return // with Always the latter means that nobody waits
	}
	l.syncAside()
}

// syncAside brings what is written to disk, without keeping writers from the file, and then
// writes what has waited for that.
func (l *Log) syncAside() error {
	l.syncOne.Lock()
	defer l.syncOne.Unlock()
	l.syncing.Store(true)
	end := l.written.Load()
	var err error
	if end > l.synced.Load() || l.syncFailed() {
		err = l.syncOutside()
	}
	l.syncing.Store(false)
	l.setSyncError(err)
	if err == nil {
		l.advance(end)
	}
	l.flush(true)
	return err
}

func (l *Log) syncFailed() bool {
	l.syncMu.Lock()
	defer l.syncMu.Unlock()
	return l.syncErr != nil
}

// setSyncError notes how the sync of Everysec went.
func (l *Log) setSyncError(err error) {
	l.syncMu.Lock()
	was := l.syncErr
	l.syncErr = err
	l.syncMu.Unlock()
	if (was == nil) == (err == nil) {
		return
	}
	if err != nil {
		l.log.Warn("Fail to fsync the AOF file: " + reason(err))
	}
	l.fileMu.Lock()
	l.tell()
	l.fileMu.Unlock()
}

// syncOutside syncs without keeping writers from the file. The lock syncOne is held, so
// nobody closes it meanwhile.
func (l *Log) syncOutside() error {
	l.fileMu.Lock()
	file := l.file
	l.fileMu.Unlock()
	if file == nil {
		return nil
	}
	return file.Sync()
}

// endTurn brings the old file of a turn to disk, so that the log can go over to the new
// one. It is the syncer's.
func (l *Log) endTurn() {
	l.syncOne.Lock()
	defer l.syncOne.Unlock()
	l.fileMu.Lock()
	c := l.crossing()
	l.fileMu.Unlock()
	if c == nil {
		return
	}
	err := l.syncOutside()
	l.setSyncError(err)
	if err != nil {
		return // tried again in a second
	}
	l.fileMu.Lock()
	c.synced = true
	l.write()
	l.fileMu.Unlock()
}

// crossing gives the turn that waits only for the old file to be on disk, or nil. The
// lock fileMu is held.
func (l *Log) crossing() *cut {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c := l.cut; c != nil && len(c.sealed)+len(l.taken) == 0 && l.written.Load() >= c.end {
		return c
	}
	return nil
}

// syncHeld writes and syncs everything that was appended, and gives the offset that it
// came to. The lock fileMu is held.
func (l *Log) syncHeld() (end uint64, err error) {
	if err := l.write(); err != nil {
		return 0, err
	}
	if l.turning() {
		if err := l.write(); err != nil { // it may have come just now
			return 0, err
		}
	}
	if c := l.crossing(); c != nil && l.file != nil {
		if err := l.file.Sync(); err != nil {
			return 0, err
		}
		c.synced = true
		if err := l.write(); err != nil {
			return 0, err
		}
	}
	end = l.written.Load()
	if l.file != nil {
		err = l.file.Sync()
	}
	return end, err
}

// SetPolicy chooses when files are synced. With Always, what was written before
// is on disk when it returns.
func (l *Log) SetPolicy(p Policy) {
	if l.is(p) {
		return
	}
	if p == Always {
		l.Sync()
	}
	l.policy.Store(uint32(p))
	l.advance(0) // nobody waits any more, or looks anew
	l.wake()
}

// Flush writes what was appended, without bringing it to disk.
func (l *Log) Flush() error { return l.flush(true) }

// SetTimestamps has the log note when effects happened, or no longer.
func (l *Log) SetTimestamps(on bool) { l.stamps.Store(on) }

// SetPause makes every write take so long, for tests (DEBUG AOF-FLUSH-SLEEP).
func (l *Log) SetPause(d time.Duration) { l.pause.Store(int64(d)) }

// SetNoSync stops syncing while a base is written, or takes it up again.
func (l *Log) SetNoSync(on bool) {
	if l.noSync.Load() == on {
		return
	}
	if !on {
		l.Sync()
	}
	l.noSync.Store(on)
	l.advance(0)
}

// Sync brings everything to disk that was appended before the call.
func (l *Log) Sync() error {
	l.syncOne.Lock()
	defer l.syncOne.Unlock()
	l.fileMu.Lock()
	defer l.fileMu.Unlock()
	l.land(true)
	end, err := l.syncHeld()
	if err == nil {
		l.advance(end)
	}
	return err
}

// begin has the log write to a file of a size.
func (l *Log) begin(f vfs.File, size int64, at uint64) {
	l.fileMu.Lock()
	l.mu.Lock()
	l.file = f
	l.size.Store(size)
	l.drop()
	l.dropTaken()
	l.db, l.stamp = -1, 0
	l.appended.Store(at)
	l.written.Store(at)
	l.mu.Unlock()
	l.fileMu.Unlock()
	l.on.Store(true)
	l.advance(at)
}

// turn has what is appended from now on go to another file. Nothing may be
// appended meanwhile. It does no I/O.
func (l *Log) turn(f vfs.File) {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.wake()
	l.cut = &cut{sealed: l.full, end: l.appended.Load(), file: f}
	if cap(l.buf.b) > 0 {
		l.cut.sealed = append(l.cut.sealed, l.buf)
		l.buf = chunk{}
	}
	l.full, l.db, l.stamp = nil, -1, 0
}

// turning tells whether the last turn is not done yet.
func (l *Log) turning() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cut != nil
}

// end closes the file, with everything in it on disk if that is possible.
func (l *Log) end() error {
	err := l.Sync()
	l.syncOne.Lock()
	defer l.syncOne.Unlock()
	l.fileMu.Lock()
	l.land(true)
	l.on.Store(false)
	var files []vfs.File
	if l.file != nil {
		files = append(files, l.file)
	}
	l.file = nil
	l.dropTaken()
	l.mu.Lock()
	if l.cut != nil {
		files = append(files, l.cut.file)
	}
	l.drop()
	l.mu.Unlock()
	l.failing = nil
	l.fileMu.Unlock()
	for _, f := range files {
		f.Close()
	}
	l.setSyncError(nil)
	l.advance(0)
	return err
}

// close ends the syncer. The log has no file any more.
func (l *Log) close() {
	close(l.stop)
	<-l.done
	l.flight.syncs.Close()
}

func capital(s string) string {
	if s != "" && 'a' <= s[0] && s[0] <= 'z' {
		return string(s[0]-'a'+'A') + s[1:]
	}
	return s
}
