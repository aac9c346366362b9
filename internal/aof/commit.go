package aof

import (
	"errors"
	"sync"
	"sync/atomic"

	"github.com/redstart-db/redstart/internal/vfs"
)

// flight is a sync of Always that the system does while nobody waits for it.
type flight struct {
	mu    sync.Mutex // after fileMu
	syncs *vfs.Syncs
	on    bool   // becomes true with fileMu held too
	end   uint64 // the offset that will be on disk
	began int64  // monotonic nanoseconds
	count uint64 // commands that it is for

	missed atomic.Bool // somebody was told that it is done while another had mu
}

// gathering is how commands come together for the next sync of Always.
type gathering struct {
	took     int64  // what syncs have taken lately, nanoseconds
	expected uint64 // commands that are worth waiting for; 0 for none
	until    int64  // how long, monotonic nanoseconds
}

// perCommand is what it takes, in nanoseconds, to tell a client, to have it answer and to
// run its command. While the system syncs what was written by some clients, the others are
// served. If a sync takes less than to serve all, that keeps the processor busy; if it
// takes more, fewer syncs for more of them at once are better.
const perCommand = 8000

// Press implements loop.Barrier: it is the group commit of Always. An event loop writes
// what all have appended, and has the system sync it; the loop that hears first that
// this is done lets all go on. Meanwhile they serve others, and what those append is
// for the next time. What is unusual is left to the syncer.
func (l *Log) Press() (done, soon bool) {
	if l.synced.Load() >= l.appended.Load() {
		return true, false
	}
	if l.committing.Load() {
		return false, false
	}
	if !l.ripe() {
		return false, true
	}
	if !l.committing.CompareAndSwap(false, true) {
		return false, false
	}
	if !l.launch() {
		l.wake()
	}
	return true, false
}

// ripe tells whether what was appended should be synced now, rather than together with
// what the clients will send that have just been told of the last sync.
func (l *Log) ripe() bool {
	l.mu.Lock()
	n, g := l.pending, l.gather
	l.mu.Unlock()
	return n >= g.expected || l.clock.Nano() > g.until
}

// commands is how many wait to be written.
func (l *Log) commands() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pending
}

// measure notes how long a sync took that began at a time, for so many commands.
func (l *Log) measure(began int64, count uint64) {
	now := l.clock.Nano()
	l.mu.Lock()
	defer l.mu.Unlock()
	g := &l.gather
	g.took += (now - began - g.took) / 4
	g.expected = 0
	if n := count + l.pending; g.took > int64(n)*perCommand {
		g.expected, g.until = n, now+g.took/2
	}
}

// Underway implements loop.Barrier.
func (l *Log) Underway() uint64 { return l.written.Load() }

// Signal implements loop.Barrier.
func (l *Log) Signal() int { return l.flight.syncs.Signal() }

// Landed implements loop.Barrier.
func (l *Log) Landed() { l.land(false) }

// launch writes what was appended and has it synced, and tells whether it did.
func (l *Log) launch() bool {
	if !l.on.Load() || !l.always() || l.pause.Load() > 0 || !l.fileMu.TryLock() {
		return false
	}
	defer l.fileMu.Unlock()
	if l.file == nil || l.broken.Load() || len(l.taken) > 0 || l.turning() {
		return false
	}
	began, n := l.clock.Nano(), l.commands()
	if l.write() != nil {
		return true // it has been said that this is the end
	}
	f := &l.flight
	f.mu.Lock()
	defer func() {
		f.mu.Unlock()
		if f.missed.Swap(false) {
			l.land(false)
		}
	}()
	if f.on {
		return false
	}
	end := l.written.Load()
	switch err := f.syncs.Start(l.file); {
	case errors.Is(err, vfs.ErrNoSyncs):
		return false
	case err != nil:
		l.unsynced(err)
	default:
		f.on, f.end, f.began, f.count = true, end, began, n
	}
	return true
}

// land ends the sync that is underway, if there is one and it is done, or when it is.
func (l *Log) land(wait bool) {
	f := &l.flight
	if wait {
		f.mu.Lock()
	} else if !f.mu.TryLock() {
		// Whoever has the lock sees to it: one that waits, or one that has just begun it.
		if f.missed.Store(true); !f.mu.TryLock() {
			return
		}
	}
	defer f.mu.Unlock()
	if !f.on {
		return
	}
	done, err := f.syncs.Wait(wait)
	if !done {
		return
	}
	f.on = false
	l.measure(f.began, f.count)
	l.committing.Store(false)
	if err != nil {
		l.unsynced(err)
		return
	}
	l.advance(f.end)
}

// commit is Press where it is unusual: the syncer's.
func (l *Log) commit() {
	if l.on.Load() && !l.broken.Load() && l.synced.Load() < l.appended.Load() {
		l.fileMu.Lock()
		l.land(true)
		l.committing.Store(true)
		began, n := l.clock.Nano(), l.commands()
		end, err := l.syncHeld()
		l.measure(began, n)
		l.committing.Store(false)
		switch {
		case err == nil:
			l.advance(end)
		case l.failing == nil: // else it has been said
			l.unsynced(err)
		}
		l.fileMu.Unlock()
		return
	}
	l.idle()
}

// idle says that nothing is being synced after all.
func (l *Log) idle() {
	if l.committing.Swap(false) {
		l.events.Synced()
	}
}

// unsynced ends the process, because nobody knows what the disk has.
func (l *Log) unsynced(err error) {
	l.fail(errors.New("Can't persist AOF for fsync error when the AOF fsync policy is 'always': " + reason(err) + ". Exiting..."))
}
