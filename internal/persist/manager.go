// Package persist keeps the data set in files: it writes and reads RDB files, in the
// foreground and beside the commands.
package persist

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redstart-db/redstart/internal/clock"
	"github.com/redstart-db/redstart/internal/config"
	"github.com/redstart-db/redstart/internal/snapshot"
	"github.com/redstart-db/redstart/internal/stats"
	"github.com/redstart-db/redstart/internal/store"
	"github.com/redstart-db/redstart/internal/vfs"
)

// Snapshot is a Source that others may change the store beside.
type Snapshot interface {
	Source
	// Extra and Peak are the memory in bytes that it takes, and took at most, beside
	// the store.
	Extra() int64
	Peak() int64
	// Copied are the bytes that were ever taken for what changed meanwhile.
	Copied() int64
	// Keys are how many keys have been written of how many.
	Keys() (done, total int64)
	// Close ends it, finished or not. No shard may be locked.
	Close()
}

// Host is what a Manager needs of the instance.
type Host interface {
	// Frozen runs f with all workers stopped and all shards locked.
	Frozen(f func())
	// Changes is how many changes commands have made. Where it matters the instance
	// is frozen.
	Changes() uint64
	// UsedMemory is the memory of the data, in bytes. The instance is frozen.
	UsedMemory() uint64
	// Functions gives the code of all libraries of functions. The instance is frozen.
	Functions() [][]byte
	// Snapshot begins one. The instance is frozen.
	Snapshot(compress bool, access snapshot.Access) (Snapshot, error)
	// SavesFail says whether writes are to be refused because the data cannot be
	// saved.
	SavesFail(fail bool)
	// SaveDelay is how long a key takes longer to be saved, for tests. Nothing need be
	// frozen.
	SaveDelay() time.Duration
	// Claim makes sure that nobody else writes a file until it is released, by any
	// goroutine. The instance is frozen.
	Claim(dir, name string) (release func(), err error)
	// ListPlain is the size in bytes from which on an element of a list is a node of its
	// own; 0 is Redis's. The instance is frozen.
	ListPlain() int
	// ServerVersion is what files name as their writer.
	ServerVersion() string
}

// The errors of Save and BackgroundSave that clients cause.
var (
	ErrSaving  = errors.New("persist: a background save is in progress")
	ErrBusy    = errors.New("persist: another snapshot is being written")
	ErrNoFiles = errors.New("persist: this instance keeps no files")
	errBroken  = errors.New("persist: it was made to fail")
)

// retryAfter is how long after a failure the save points do not ask for another try.
const retryAfter = 5 * time.Second

// Manager writes the data set to the RDB file of an instance, and reads it.
//
// At any time at most one snapshot is written, by a goroutine that belongs to the
// manager and ends before Close returns. Configuration is read only while the instance
// is frozen.
type Manager struct {
	FS       vfs.FS
	Progress stats.Progress
	Alone    bool // no other instance is in this process; set before Enable

	host  Host
	store *store.Store
	cfg   *config.Config
	clock *clock.Clock
	log   *slog.Logger
	wg    sync.WaitGroup

	// naming has the files of saves get their name one after the other, so that one
	// that was given up never takes the place of a newer one.
	naming sync.Mutex

	mu        sync.Mutex // nothing is locked under it but what claims are noted under
	enabled   bool
	closed    bool
	job       *job // the snapshot that is being written
	scheduled bool
	status    Status
	tried     int64  // monotonic nanoseconds, of the last background save
	saved     uint64 // changes in the last file
	temp      string // the file that a save of the frozen instance writes, or nothing
}

// job is a snapshot that is being written.
type job struct {
	snap    Snapshot
	temp    string // the file that is written
	began   int64  // monotonic nanoseconds
	changes uint64
	stop    atomic.Bool
	broken  atomic.Bool // it is to fail
	done    chan struct{}
	failed  bool
}

// Status is what INFO tells of saving.
type Status struct {
	InProgress  bool
	Failed      bool   // the last background save did
	LastSave    int64  // Unix seconds
	LastTime    int64  // seconds that the last background save took; -1
	CurrentTime int64  // seconds since the current one began; -1
	Saves       uint64 // that clients or save points began
	LastCopied  int64  // bytes that the last snapshot copied because they changed
	Copied      int64  // the same of the current one
	Extra, Peak int64  // its memory beside the store, bytes
	Keys, Total int64  // what it has written of how many keys
	Loaded      Loaded
}

// New makes a manager that keeps no files before Enable.
func New(host Host, st *store.Store, cfg *config.Config, clk *clock.Clock, log *slog.Logger) *Manager {
	m := &Manager{FS: vfs.OS{}, host: host, store: st, cfg: cfg, clock: clk, log: log}
	m.status.LastSave = clk.NowMilli() / 1000
	m.status.LastTime = -1
	return m
}

// Enable lets the manager read and write files.
func (m *Manager) Enable() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.enabled = true
}

// Enabled tells whether the instance keeps files.
func (m *Manager) Enabled() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.enabled
}

// File is the path of the RDB file.
func (m *Manager) File() string { return filepath.Join(m.cfg.Dir, m.cfg.DBFilename) }

// LockName is the path of what is locked by whoever writes an RDB file.
func LockName(dir, name string) string { return filepath.Join(dir, "."+name+".lock") }

// header gives what a file begins with. The instance must be frozen.
func (m *Manager) header() *Header {
	return &Header{
		Version: m.host.ServerVersion(), Bits: strconv.IntSize, Created: m.clock.NowMilli() / 1000,
		UsedMemory: m.host.UsedMemory(), Functions: m.host.Functions(),
		Compress: m.cfg.RDBCompression, CheckSum: m.cfg.RDBChecksum, Incremental: m.cfg.RDBSaveIncrementalFsync,
	}
}

// Access says what is written of the use of keys. The instance must be frozen.
func (m *Manager) Access() snapshot.Access {
	switch m.cfg.MaxMemoryPolicy {
	case config.AllKeysLRU, config.VolatileLRU:
		return snapshot.Idle
	case config.AllKeysLFU, config.VolatileLFU:
		return snapshot.Freq
	}
	return snapshot.NoAccess
}

// Save writes the file while nothing else happens: the instance must be frozen.
func (m *Manager) Save() error {
	m.mu.Lock()
	enabled, busy := m.enabled, m.job != nil
	if enabled && !busy {
		m.status.Saves++
	}
	m.mu.Unlock()
	switch {
	case !enabled:
		return ErrNoFiles
	case busy:
		return ErrSaving
	}
	return m.saveHeld()
}

// SaveNow is Save also while a background save is under way: DEBUG RELOAD cannot wait
// for that.
func (m *Manager) SaveNow() error {
	if !m.Enabled() {
		return ErrNoFiles
	}
	return m.saveHeld()
}

// saveHeld writes the file of a frozen instance.
func (m *Manager) saveHeld() error {
	release, err := m.host.Claim(m.cfg.Dir, m.cfg.DBFilename)
	if err != nil {
		m.log.Warn("Error saving DB on disk", "err", err)
		return err
	}
	defer release()
	h, temp := m.header(), filepath.Join(m.cfg.Dir, m.heldName())
	if m.cfg.RDBKeySaveDelay > 0 {
		h.Delay, h.Keys = m.host.SaveDelay, m.keys()
	}
	m.writes(temp)
	src := Held(m.store, m.cfg.RDBCompression, m.Access())
	defer src.Close()
	_, err = m.writeFile(m.File(), temp, h, src, nil)
	m.writes("")
	if err != nil {
		m.log.Warn("Error saving DB on disk", "err", err)
		return err
	}
	m.log.Info("DB saved on disk")
	m.mu.Lock()
	m.status.LastSave = m.clock.NowMilli() / 1000
	m.status.Failed = false
	m.saved = m.host.Changes()
	m.mu.Unlock()
	m.host.SavesFail(false)
	return nil
}

// keys is how many keys there are. The instance is frozen.
func (m *Manager) keys() (sum int) {
	for i := range m.store.Shards() {
		for db := range m.store.Databases() {
			sum += m.store.Shard(i).DB(db).Len()
		}
	}
	return sum
}

// writes notes which file a save of the frozen instance writes.
func (m *Manager) writes(temp string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.temp = temp
}

// names counts files that are being written, so that two instances in one process do
// not meet.
var names atomic.Uint64

// tempName is the name of a file that is being written.
func tempName() string {
	return fmt.Sprintf("temp-%d.%d.rdb", pid(), names.Add(1))
}

// heldName is the same for a save of a frozen instance, of which a process of its own
// has one at a time: whoever ends the process in the middle knows it (DropTemp).
func (m *Manager) heldName() string {
	if m.Alone {
		return fmt.Sprintf("temp-%d.rdb", pid())
	}
	return tempName()
}

// DropTemp removes what a save of a frozen instance has written so far. The process is
// about to end, in the middle of it.
func (m *Manager) DropTemp() {
	m.mu.Lock()
	temp := m.temp
	m.mu.Unlock()
	if temp != "" {
		m.FS.Remove(temp) // it may not be there
	}
}

// BackgroundSave begins to write the file beside the commands. The instance must be
// frozen. With schedule, one that cannot begin now begins later, and scheduled is true;
// with later, none begins now.
func (m *Manager) BackgroundSave(schedule, later bool) (scheduled bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case !m.enabled || m.closed:
		return false, ErrNoFiles
	case m.job != nil:
		return false, ErrSaving
	case later:
		m.scheduled = true
		return true, nil
	}
	err = m.begin()
	if errors.Is(err, ErrBusy) {
		if schedule {
			m.scheduled = true
			return true, nil
		}
		return false, ErrBusy
	}
	return false, err
}

// begin starts a job. mu is held and the instance frozen.
func (m *Manager) begin() error {
	m.scheduled = false
	release, err := m.host.Claim(m.cfg.Dir, m.cfg.DBFilename)
	if err != nil {
		m.tried, m.status.Failed = m.clock.Nano(), true
		m.alertHeld()
		m.log.Warn("Background saving error", "err", err)
		return err
	}
	snap, err := m.host.Snapshot(m.cfg.RDBCompression, m.Access())
	if err != nil {
		release()
		return err
	}
	h, name := m.header(), m.File()
	j := &job{snap: snap, temp: filepath.Join(filepath.Dir(name), tempName()), began: m.clock.Nano(), changes: m.host.Changes(), done: make(chan struct{})}
	m.job, m.tried = j, j.began
	m.status.Saves++
	stop := func() bool { return j.stop.Load() || j.broken.Load() }
	src := &slowSource{Snapshot: snap, delay: m.host.SaveDelay, stop: stop}
	m.log.Info("Background saving started")
	m.wg.Add(1)
	go func() {
		defer m.wg.Done()
		_, err := m.writeFile(name, j.temp, h, src, stop)
		snap.Close()
		release()
		m.finish(j, err)
	}()
	return nil
}

// finish takes note of how a background save ended.
func (m *Manager) finish(j *job, err error) {
	stopped := errors.Is(err, ErrStopped)
	if stopped && !j.stop.Load() {
		stopped, err = false, errBroken
	}
	switch {
	case stopped:
		m.log.Warn("Background saving terminated by request")
	case err != nil:
		m.log.Warn("Background saving error", "err", err)
	default:
		m.log.Info("DB saved on disk")
		m.log.Info("Background saving terminated with success")
	}
	m.mu.Lock()
	m.job = nil
	m.status.LastTime = (m.clock.Nano() - j.began) / 1e9
	m.status.LastCopied = j.snap.Copied()
	switch {
	case stopped: // as if it had never begun
	case err != nil:
		m.status.Failed = true
	default:
		m.status.Failed = false
		m.status.LastSave = m.clock.NowMilli() / 1000
		m.saved = j.changes
	}
	j.failed = err != nil
	m.mu.Unlock()
	close(j.done)
	if !stopped {
		m.host.Frozen(func() { m.alert() })
	}
}

// alert tells the host whether writes are to be refused. The instance is frozen.
func (m *Manager) alert() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.alertHeld()
}

// alertHeld is alert with mu held.
func (m *Manager) alertHeld() {
	m.host.SavesFail(m.status.Failed && m.cfg.StopWritesOnBgsaveError && len(m.cfg.Save) > 0)
}

// Configured is called when the configuration has changed; the instance is frozen.
func (m *Manager) Configured() { m.alert() }

// Cancel has a background save that is under way given up. It does not wait for that.
func (m *Manager) Cancel() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cancel()
}

// cancel is Cancel with mu held.
func (m *Manager) cancel() {
	m.scheduled = false
	if m.job != nil {
		m.job.stop.Store(true)
	}
}

// Break has a background save that is under way fail. It does not wait for that.
func (m *Manager) Break() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.job != nil {
		m.job.broken.Store(true)
	}
}

// End has no save begin any more. It is Cancel besides, and removes what was written so far:
// the process may end before whoever writes it does.
func (m *Manager) End() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	m.cancel()
	if m.job != nil {
		m.FS.Remove(m.job.temp) // it may not be there
	}
}

// Wait waits until no background save is under way, and tells whether the last one
// that was waited for failed. The instance must not be frozen.
func (m *Manager) Wait() (failed bool) {
	m.mu.Lock()
	j := m.job
	m.mu.Unlock()
	if j == nil {
		return false
	}
	<-j.done
	return j.failed
}

// Tick looks whether a save point is reached or a save was scheduled. It is called
// about ten times a second, with nothing locked; changes is Host.Changes of late.
func (m *Manager) Tick(changes uint64) {
	m.mu.Lock()
	idle := m.enabled && !m.closed && m.job == nil
	wanted := idle && m.scheduled
	resting := m.status.Failed && m.clock.Nano()-m.tried <= int64(retryAfter)
	dirty, since := changes-m.saved, m.clock.NowMilli()/1000-m.status.LastSave
	m.mu.Unlock()
	if !idle || !wanted && (dirty == 0 || resting) {
		return
	}
	m.host.Frozen(func() {
		if m.store.Loading {
			return // what is there is not all
		}
		due := wanted
		for _, p := range m.cfg.Save {
			if dirty >= uint64(p.Changes) && since > int64(p.Seconds) {
				if !due {
					m.log.Info(fmt.Sprintf("%d changes in %d seconds. Saving...", p.Changes, p.Seconds))
				}
				due = true
			}
		}
		if due {
			m.mu.Lock()
			defer m.mu.Unlock()
			if m.job == nil && !m.closed {
				if err := m.begin(); err != nil && !errors.Is(err, ErrBusy) {
					m.log.Warn("Can't save in background", "err", err)
				}
			}
		}
	})
}

// Flushed is called after FLUSHALL, with the instance frozen: a save under way would
// bring back what is gone, and the file has to follow if save points are set. uncounted
// are the changes of the command, which Host.Changes does not count before its end.
func (m *Manager) Flushed(uncounted int) {
	m.Cancel()
	if !m.Enabled() || len(m.cfg.Save) == 0 {
		return
	}
	// What went wrong is in the log; the data is gone all the same.
	if m.saveHeld() == nil {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.saved += uint64(uncounted)
	}
}

// Status tells how saving goes.
func (m *Manager) Status() Status {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.status
	s.CurrentTime = -1
	if j := m.job; j != nil {
		s.InProgress = true
		s.CurrentTime = (m.clock.Nano() - j.began) / 1e9
		s.Extra, s.Peak, s.Copied = j.snap.Extra(), j.snap.Peak(), j.snap.Copied()
		s.Keys, s.Total = j.snap.Keys()
	}
	return s
}

// Loaded is called when the data has been loaded anew, from another file, and is what
// changes are counted from. The instance is frozen.
func (m *Manager) Loaded() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.saved = m.host.Changes()
}

// Unsaved is how many of so many changes are not in the file.
func (m *Manager) Unsaved(changes uint64) uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return changes - m.saved
}

// Close gives up a background save and waits for its end. The instance must not be
// frozen.
func (m *Manager) Close() {
	m.End()
	m.wg.Wait()
}
