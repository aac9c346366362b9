package aof

import (
	"errors"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redstart-db/redstart/internal/clock"
	"github.com/redstart-db/redstart/internal/oplog"
	"github.com/redstart-db/redstart/internal/resp"
	"github.com/redstart-db/redstart/internal/vfs"
)

// Policy is when what was written is brought to disk (appendfsync).
type Policy uint8

// The policies.
const (
	Everysec Policy = iota // once a second, by a goroutine
	Always                 // before a client is told of it
	No                     // when the system likes
)

// Log brings effects to the last increment. It is the oplog's consumer and the
// barrier of the event loops.
//
// An effect passes three stages, each counted by the oplog's offset:
//
//	appended   copied to a chunk, under the locks of the shards that it changed
//	written    given to the system: survives the end of the process
//	synced     on disk: survives the end of the system
//
// With Everysec and No whoever is about to send replies writes first, so that a
// client is told of nothing that is not written, unless the disk is busy with a
// sync: then the one who syncs writes afterwards. With Always an event loop writes
// for all of them and has the system sync that (Press); their replies are parked
// until synced has passed what was appended before them. What a sync in the
// background cannot do, or not there, is done by the syncer, a goroutine.
//
// Locks: syncOne, fileMu, flight.mu, mu, in this order; mu is a leaf, and no I/O
// happens under it.
type Log struct {
	fs     vfs.FS
	log    *slog.Logger
	clock  *clock.Clock
	events Events

	policy   atomic.Uint32
	on       atomic.Bool   // there is a file
	stamps   atomic.Bool   // aof-timestamp-enabled
	noSync   atomic.Bool   // no-appendfsync-on-rewrite, and one goes on
	pause    atomic.Int64  // DEBUG AOF-FLUSH-SLEEP, nanoseconds before a write
	appended atomic.Uint64 // changes with mu held
	written  atomic.Uint64
	synced   atomic.Uint64
	broken   atomic.Bool // nothing is ever written any more
	syncing  atomic.Bool // the syncer of Everysec is in a sync
	delayed  atomic.Uint64
	size     atomic.Int64 // of file, changes with fileMu held
	failure  atomic.Pointer[error]
	late     atomic.Int64 // since when writes wait for a sync, monotonic nanoseconds; 0 for none

	mu      sync.Mutex
	full    []chunk // appended before buf, not taken by a writer
	buf     chunk   // appended to, not taken by a writer
	spare   []chunk // empty
	db      int     // selected in the file where buf ends; -1 for none
	stamp   int64   // Unix time of the last annotation in seconds
	pending uint64  // commands in full and buf
	cut     *cut    // full and buf begin with what is to go to a new file
	gather  gathering

	fileMu  sync.Mutex
	file    vfs.File
	taken   []chunk      // by a writer, not written
	inHand  atomic.Int64 // bytes of memory of taken
	failing error        // why the last write failed
	told    int64        // when the failure was logged last, monotonic nanoseconds

	kick chan struct{} // wakes the syncer
	stop chan struct{}
	done chan struct{}

	committing atomic.Bool // Always writes and syncs, or is about to
	flight     flight

	syncOne sync.Mutex // before fileMu: held by whoever syncs without fileMu, or closes files

	syncMu  sync.Mutex
	callers []caller  // who want to be told
	moved   sync.Cond // synced has changed, or nothing waits any more
	syncErr error     // why the last sync of Everysec failed
}

// cut is the moment from which on effects go to another file.
type cut struct {
	sealed []chunk // what still goes to the old one
	end    uint64  // the offset after it
	file   vfs.File
	synced bool // the old one is on disk up to end; guarded by fileMu
}

// Events tell of what happens in a log. They are called without its locks.
type Events struct {
	// Synced: more has come to disk than before; those who wait may look again.
	Synced func()
	// Failing: writes fail, and with them what clients write has to be refused;
	// or no longer, with nil.
	Failing func(err error)
	// Fatal: a promise cannot be kept, and the process has to end.
	Fatal func(err error)
}

// newLog makes a log without a file. stop must be called.
func newLog(fs vfs.FS, log *slog.Logger, c *clock.Clock, e Events) *Log {
	l := &Log{
		fs: fs, log: log, clock: c, events: e, db: -1,
		kick: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
	}
	l.moved.L = &l.syncMu
	l.flight.syncs = vfs.NewSyncs()
	go l.run()
	return l
}

// Append implements oplog.Consumer.
func (l *Log) Append(end uint64, effects []oplog.Effect) {
	l.mu.Lock()
	l.appended.Store(end)
	if !l.on.Load() {
		l.mu.Unlock()
		return
	}
	piles := l.reserve(room(effects)) // what happens without clients is not to pile up
	b, n := l.buf.b, 0
	for i := range effects {
		n += effects[i].Count
	}
	l.pending += uint64(n)
	if l.stamps.Load() {
		if now := l.clock.NowMilli() / 1000; now != l.stamp {
			l.stamp = now
			b = append(strconv.AppendInt(append(b, "#TS:"...), now, 10), "\r\n"...)
		}
	}
	// What belongs together is applied all or not at all.
	if n > 1 {
		b = l.selectDB(b, effects[0].DB)
		b = append(b, "*1\r\n$5\r\nMULTI\r\n"...)
	}
	for i := range effects {
		b = append(l.selectDB(b, effects[i].DB), effects[i].Cmds...)
	}
	if n > 1 {
		b = append(b, "*1\r\n$4\r\nEXEC\r\n"...)
	}
	l.buf.b = b
	l.mu.Unlock()
	if piles {
		l.wake()
	}
}

// selectDB appends SELECT unless the database is selected already.
func (l *Log) selectDB(b []byte, db int) []byte {
	if db == l.db {
		return b
	}
	l.db = db
	var digits [20]byte
	return resp.AppendCommand(b, []byte("SELECT"), strconv.AppendInt(digits[:0], int64(db), 10))
}

func (l *Log) wake() {
	select {
	case l.kick <- struct{}{}:
	default:
	}
}

func (l *Log) is(p Policy) bool { return Policy(l.policy.Load()) == p }

// always tells whether replies wait for a sync.
func (l *Log) always() bool { return l.is(Always) && !l.noSync.Load() }

// Holds implements loop.Barrier.
func (l *Log) Holds() bool { return l.on.Load() && l.always() }

// Mark implements loop.Barrier.
func (l *Log) Mark() uint64 {
	if !l.on.Load() {
		return 0
	}
	end := l.appended.Load()
	if l.always() {
		if l.synced.Load() >= end {
			return 0
		}
		return end
	}
	if l.written.Load() < end {
		l.flush(false)
		if l.piled() && l.turning() {
			l.endTurn()
		}
	}
	return 0
}

// Reached implements loop.Barrier.
func (l *Log) Reached(mark uint64) bool {
	return !l.broken.Load() && (l.synced.Load() >= mark || !l.Holds())
}

// Wait implements loop.Barrier.
func (l *Log) Wait(mark uint64) bool {
	if l.Reached(mark) {
		return true
	}
	l.wake()
	l.syncMu.Lock()
	defer l.syncMu.Unlock()
	for !l.Reached(mark) {
		if l.broken.Load() {
			return false
		}
		l.moved.Wait()
	}
	return true
}

// pileMost is how many bytes may wait while the syncer syncs: what is more is memory, of which
// clients who write as fast as they can take hundreds of megabytes a second.
const pileMost = 16 << 20

// piled tells whether more waits than that.
func (l *Log) piled() bool { return l.appended.Load() > l.written.Load()+pileMost }

// postponed tells whether a write of Everysec leaves the file to the syncer for
// now: while it syncs the system may make writers wait. Two seconds, or pileMost, are the limit.
func (l *Log) postponed() bool {
	if !l.syncing.Load() || !l.is(Everysec) || l.piled() {
		l.late.Store(0)
		return false
	}
	now := l.clock.Nano()
	since := l.late.Load()
	if since == 0 {
		l.late.CompareAndSwap(0, now)
		return true
	}
	if now-since < int64(2*time.Second) {
		return true
	}
	l.late.Store(0)
	l.delayed.Add(1)
	l.log.Info("Asynchronous AOF fsync is taking too long (disk is busy?). Writing the AOF buffer without waiting for fsync to complete, this may slow down Redis.")
	return false
}

// flush writes what was appended. With force also while the syncer syncs.
func (l *Log) flush(force bool) error {
	if !force && l.postponed() {
		return nil
	}
	l.fileMu.Lock()
	defer l.fileMu.Unlock()
	return l.write()
}

// write writes what was appended. The lock fileMu is held.
func (l *Log) write() error {
	if l.file == nil || l.broken.Load() {
		return nil
	}
	if done, err := l.cross(); !done {
		return err
	}
	l.mu.Lock()
	end := l.appended.Load()
	l.take(l.full, l.buf)
	l.full, l.buf, l.pending = nil, chunk{}, 0
	l.mu.Unlock()
	if d := l.pause.Load(); d > 0 && len(l.taken) > 0 {
		time.Sleep(time.Duration(d))
	}
	err := l.putTaken()
	if err == nil {
		l.written.Store(end)
	}
	return err
}

// cross goes over to the file of a turn, and tells whether there is nothing to go over
// to any more. Nothing is written to the new file before all of the old one is on
// disk: otherwise the system could end with the one and without the other. Until the
// syncer has seen to that, what is appended stays in memory. The lock fileMu is held.
func (l *Log) cross() (done bool, err error) {
	l.mu.Lock()
	c := l.cut
	if c != nil {
		l.take(c.sealed, chunk{})
		c.sealed = nil
	}
	l.mu.Unlock()
	if c == nil {
		return true, nil
	}
	err = l.putTaken()
	if err != nil {
		return false, err
	}
	l.written.Store(c.end)
	if !c.synced {
		return false, nil
	}
	l.land(true)
	l.file.Close()
	l.file = c.file
	l.size.Store(0)
	l.mu.Lock()
	l.cut = nil
	l.mu.Unlock()
	return true, nil
}

// put writes b and tells how much of it is in the file to stay, which is none or all of it
// if the file can be cut to where it was.
func (l *Log) put(b []byte) (n int, err error) {
	n, err = l.file.Write(b)
	if err == nil {
		l.size.Add(int64(n))
		l.recovered()
		return n, nil
	}
	if n > 0 {
		if e := l.file.Truncate(l.size.Load()); e == nil {
			n = 0
		} else {
			l.size.Add(int64(n))
			l.complain(err, "Could not remove short write from the append-only file. The file may end in the middle of a command until more is written.")
		}
	}
	l.complain(err, "Error writing to the AOF file")
	if l.is(Always) {
		l.fail(errors.New("Can't recover from AOF write error when the AOF fsync policy is 'always'. Exiting..."))
	}
	return n, err
}

// complainEvery is how often a failure is logged.
const complainEvery = int64(30 * time.Second)

// complain notes that writing fails. The lock fileMu is held.
func (l *Log) complain(err error, text string) {
	if now := l.clock.Nano(); l.told == 0 || now-l.told > complainEvery {
		l.told = now
		l.log.Warn(text + ": " + reason(err))
	}
	if l.failing == nil {
		l.failing = err
		l.tell()
	}
}

// recovered notes that writing works. The lock fileMu is held.
func (l *Log) recovered() {
	if l.failing != nil {
		l.failing, l.told = nil, 0
		l.log.Warn("AOF write error looks solved, The server can write again.")
		l.tell()
	}
}

// tell tells whether something fails.
func (l *Log) tell() {
	l.syncMu.Lock()
	err := l.syncErr
	l.syncMu.Unlock()
	if l.failing != nil {
		err = l.failing
	}
	if err == nil {
		l.failure.Store(nil)
	} else {
		l.failure.Store(&err)
	}
	l.events.Failing(err)
}

// Failure tells why writing or syncing fails, or nil.
func (l *Log) Failure() error {
	if err := l.failure.Load(); err != nil {
		return *err
	}
	return nil
}

// fail ends the log for good.
func (l *Log) fail(err error) {
	if l.broken.Swap(true) {
		return
	}
	l.log.Warn(err.Error())
	l.syncMu.Lock()
	l.moved.Broadcast()
	l.syncMu.Unlock()
	l.events.Fatal(err)
}

// advance says that everything up to end is on disk.
func (l *Log) advance(end uint64) {
	l.syncMu.Lock()
	if end > l.synced.Load() {
		l.synced.Store(end)
	}
	l.moved.Broadcast()
	var told []caller
	l.callers = slices.DeleteFunc(l.callers, func(c caller) bool {
		if c.at <= l.synced.Load() {
			told = append(told, c)
			return true
		}
		return false
	})
	l.syncMu.Unlock()
	for _, c := range told {
		c.done()
	}
	l.events.Synced()
}

// caller wants to be told when an offset is on disk.
type caller struct {
	at   uint64
	done func()
}

// Has tells whether everything up to an offset is on disk. If it is not, done, if
// there is one, is called when it is.
func (l *Log) Has(at uint64, done func()) bool {
	l.syncMu.Lock()
	defer l.syncMu.Unlock()
	if l.synced.Load() >= at {
		return true
	}
	if done != nil {
		l.callers = append(l.callers, caller{at, done})
	}
	return false
}

func reason(err error) string {
	var p *os.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return capital(err.Error())
}
