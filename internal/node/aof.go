package node

import (
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/redstart-db/redstart/internal/aof"
	"github.com/redstart-db/redstart/internal/command/server"
	"github.com/redstart-db/redstart/internal/config"
	"github.com/redstart-db/redstart/internal/exec"
	"github.com/redstart-db/redstart/internal/loop"
	"github.com/redstart-db/redstart/internal/persist"
	"github.com/redstart-db/redstart/internal/serial"
	"github.com/redstart-db/redstart/internal/vfs"
)

// appendFile is the append only file of an instance.
type appendFile struct {
	*aof.AOF
	n         *Node
	settings  atomic.Pointer[aof.Settings]
	percent   atomic.Int64               // auto-aof-rewrite-percentage
	least     atomic.Int64               // auto-aof-rewrite-min-size, bytes
	saveDelay atomic.Int64               // rdb-key-save-delay, microseconds
	attached  bool                       // to the oplog; changes while all workers are stopped
	loops     atomic.Pointer[loop.Group] // nil while there are none
}

// newAppendFile makes the append only file of an instance, turned off.
func newAppendFile(n *Node, fs vfs.FS) *appendFile {
	f := &appendFile{n: n}
	f.AOF = aof.New(fs, n.log, n.env.Clock, func() aof.Settings { return *f.settings.Load() }, aof.Events{
		Synced: func() {
			if g := f.loops.Load(); g != nil {
				g.Pass()
			}
		},
		Failing: n.Exec.AppendFileFails,
		Fatal:   n.fail,
	})
	f.take()
	return f
}

// take takes up the configuration. All workers are stopped, or not started yet.
func (f *appendFile) take() {
	c := f.n.Config
	f.settings.Store(&aof.Settings{
		Dir: c.Dir, Sub: c.AppendDirname, Prefix: c.AppendFilename,
		Sync: c.AOFRewriteIncrementalFsync, KeepHistory: c.AOFDisableAutoGC, LoadCut: c.AOFLoadTruncated,
		NoSyncOnBase: c.NoAppendfsyncOnRewrite, RDB: c.AOFUseRDBPreamble,
	})
	f.percent.Store(int64(c.AutoAOFRewritePercentage))
	f.least.Store(c.AutoAOFRewriteMinSize)
	f.saveDelay.Store(int64(c.RDBKeySaveDelay))
	f.SetTimestamps(c.AOFTimestampEnabled)
	f.SetPolicy(policyOf(c.AppendFsync))
}

func policyOf(f config.AppendFsync) aof.Policy {
	switch f {
	case config.FsyncAlways:
		return aof.Always
	case config.FsyncNo:
		return aof.No
	}
	return aof.Everysec
}

// follows are the directives that take takes up.
func (f *appendFile) follows(name string) bool {
	switch name {
	case "dir", "appendfsync", "no-appendfsync-on-rewrite", "auto-aof-rewrite-percentage", "auto-aof-rewrite-min-size",
		"aof-load-truncated", "aof-use-rdb-preamble", "aof-timestamp-enabled", "aof-rewrite-incremental-fsync", "aof-disable-auto-gc", "rdb-key-save-delay":
		return true
	}
	return false
}

// apply takes up a directive that CONFIG SET has changed. All workers are stopped
// and all shards locked.
//
// While data is loaded the files belong to whoever loads, who waits for workers: then
// appendonly is refused, and what else changes files is left until that has ended (loaded).
func (f *appendFile) apply(name string, inExec bool) error {
	switch {
	case name == "appendonly":
		return f.turn(f.n.Config.AppendOnly, inExec)
	case f.follows(name):
		f.take()
		if name == "aof-disable-auto-gc" && !f.n.store.Loading {
			f.CollectHistory()
		}
	}
	return nil
}

// loaded takes up what was left until data is loaded. All workers are stopped and all
// shards locked.
func (f *appendFile) loaded() {
	if f.State() != aof.Off {
		f.CollectHistory()
	}
}

// anew has the file begin with a new base, as the data has changed without being logged.
// That is on disk when it returns, as what is acknowledged from then on is worth nothing
// without it; but where it cannot be written, and in a transaction, whose effects of before
// are still to come, it is left to a rewrite: until that has ended the old files count, and
// nothing is added to them. All workers are stopped and all shards locked.
func (f *appendFile) anew(inExec bool) {
	if !inExec {
		err := f.Restart(f.n.heldBase(), f.n.env.Log.Offset())
		if err == nil {
			f.attach(true)
			return
		}
		f.n.log.Warn("Can't write a new base of the append only file: " + reason(err))
	}
	f.attach(false)
	if err := errors.Join(f.Stop(), f.turn(true, inExec)); err != nil {
		f.n.log.Warn(err.Error())
	}
}

// turn turns the append only file on or off. Within a transaction it is on once that has
// ended.
func (f *appendFile) turn(on, inExec bool) error {
	switch {
	case on == (f.State() != aof.Off):
		return nil
	case on && !f.n.persist.Enabled():
		return errors.New("This instance keeps no files")
	case on:
		if err := f.Enable(); err != nil {
			return errors.New("Unable to turn on AOF. Check server logs.")
		}
		if inExec {
			f.n.log.Warn("AOF was enabled during a transaction. An AOF background was scheduled to start when possible.")
			return nil
		}
		f.n.rewriteSoon()
		return nil
	}
	f.attach(false)
	f.Stop()
	return nil
}

// attach has effects logged, or no longer. All workers are stopped and all shards
// locked.
func (f *appendFile) attach(on bool) {
	switch {
	case on && !f.attached:
		f.n.env.Log.Attach(f)
	case !on && f.attached:
		f.n.env.Log.Detach(f)
	}
	f.attached = on
}

// stopped runs f while no command runs.
func (n *Node) stopped(f func()) {
	n.Exec.World.Stop()
	defer n.Exec.World.Go()
	all := n.store.All()
	n.store.Lock(all)
	defer n.store.Unlock(all)
	f()
}

// loadAppendFile loads the data of the append only file. Commands that need the
// data are refused meanwhile.
func (n *Node) loadAppendFile() (loaded bool, err error) {
	t := &loadTarget{n: n, replay: n.Exec.NewReplay()}
	defer t.replay.Close()
	loaded, err = n.aof.Load(t, &n.persist.Progress)
	n.fit(&t.foresight)
	n.unreplayed.Add(int64(t.replay.Failed()))
	return loaded, err
}

// startAppendFile loads the append only file and goes on with it. The instance is
// loading when it is called.
func (n *Node) startAppendFile() error {
	if err := n.aof.ReadManifest(); err != nil {
		return err
	}
	_, err := n.loadAppendFile()
	if err != nil {
		return err
	}
	n.stopped(func() {
		n.Exec.EndLoading()
		if err = n.aof.Start(n.heldBase(), n.env.Log.Offset()); err == nil {
			n.aof.attach(true)
		}
	})
	return err
}

// loadTarget takes what is loaded.
type loadTarget struct {
	n      *Node
	replay *exec.Replay
	foresight
}

// Run implements aof.Target.
func (t *loadTarget) Run(cmds [][][]byte) (int, error) {
	if t.n.stopping() {
		return 0, persist.ErrStopped
	}
	if !t.done {
		t.n.foresee(&t.foresight, cmds)
	}
	return t.replay.Run(cmds)
}

// RDB implements aof.Target.
func (t *loadTarget) RDB(b []byte) (int, error) {
	size, err := t.n.persist.LoadBase(b, t.n.loadFunction, t.n.stopping)
	t.base = int64(size)
	return size, err
}

// heldBase is a Source of all data. The instance is frozen until it is written.
func (n *Node) heldBase() aof.Source {
	src, h := n.persist.HeldBase()
	write := n.baseOf(src, h, "held")
	return func(f vfs.File, s *aof.Settings, stop func() bool) error {
		defer src.Close()
		return write(f, s, stop)
	}
}

// baseOf gives what a snapshot has as the base of an append only file, which is written beside
// others of another name. The instance is frozen.
func (n *Node) baseOf(src persist.Source, h *persist.Header, name string) aof.Source {
	lim := serial.LimitsOf(n.Config, n.env.ListPlainSize)
	stamp := int64(0)
	if n.Config.AOFTimestampEnabled {
		stamp = n.env.Clock.NowMilli() / 1000
	}
	return func(f vfs.File, s *aof.Settings, stop func() bool) error {
		h.Incremental = s.Sync
		if s.RDB {
			_, err := persist.Write(f, h, src, stop)
			return err
		}
		return n.commandBase(f, s, stop, h, src, lim, stamp, name)
	}
}

// commandBase writes a base as commands: from an RDB file that is written before, as
// that can be done while others change the data, and takes no memory.
func (n *Node) commandBase(f vfs.File, s *aof.Settings, stop func() bool, h *persist.Header, src persist.Source,
	lim serial.Limits, stamp int64, of string,
) error {
	name := s.TempName("rdb-" + of)
	fs := n.persist.FS
	temp, err := fs.Create(name)
	if err != nil {
		return err
	}
	defer func() {
		temp.Close()
		fs.Remove(name) // or at the next start
	}()
	if _, err := persist.Write(temp, h, src, stop); err != nil {
		return err
	}
	if _, err := temp.Seek(0, io.SeekStart); err != nil {
		return err
	}
	m, err := vfs.Map(temp)
	if err != nil {
		return err
	}
	defer m.Close()
	w := aof.NewBaseWriter(f, s.Sync, stop)
	if stamp != 0 {
		fmt.Fprintf(w, "#TS:%d\r\n", stamp)
	}
	if err := persist.WriteCommands(w, m.B, lim); err != nil {
		return err
	}
	return w.Finish()
}

// rewriteSoon begins a rewrite of the append only file now, or as soon as that is
// possible.
func (n *Node) rewriteSoon() (started bool, err error) {
	if !n.persist.Enabled() {
		return false, persist.ErrNoFiles
	}
	if n.persist.Status().InProgress {
		if n.aof.Rewriting() {
			return false, aof.ErrRewriting
		}
		n.aof.Schedule()
		return false, nil
	}
	r, err := n.aof.Reserve()
	if err != nil {
		if n.aof.Rewriting() {
			return false, err
		}
		n.aof.Schedule() // one that is not needed any more still ends
		return false, nil
	}
	n.wg.Add(1)
	go func() {
		defer n.wg.Done()
		n.rewrite(r)
	}()
	return true, nil
}

// errLoading is why a rewrite has to wait: what is there is not all data.
var errLoading = errors.New("data is being loaded")

// rewrite makes a new base of the append only file.
func (n *Node) rewrite(r *aof.Rewrite) {
	if r.Begin() != nil {
		return
	}
	var snap persist.Snapshot
	var source aof.Source
	var err error
	n.stopped(func() {
		if n.store.Loading {
			err = errLoading
			return
		}
		var h *persist.Header
		if snap, h, err = n.persist.Base(); err != nil {
			return
		}
		source = n.baseOf(snap, h, "bg")
		if r.Turn(n.env.Log.Offset()) {
			n.aof.attach(true)
		}
	})
	switch {
	case errors.Is(err, persist.ErrBusy) || err == errLoading:
		n.log.Info("Background append only file rewriting scheduled")
		r.Postpone()
		return
	case err != nil:
		r.Fail(err)
		return
	}
	defer snap.Close()
	r.Write(source)
}

// tendAppendFile begins the rewrites that are due.
func (n *Node) tendAppendFile() {
	percent := int(n.aof.percent.Load())
	if n.persist.Status().InProgress || n.stopping() || n.Exec.Alerted(exec.AlertLoading) {
		return
	}
	if n.aof.Scheduled() {
		n.rewriteSoon()
	} else if n.aof.Due(percent, n.aof.least.Load()) {
		i := n.aof.Info()
		n.log.Info(fmt.Sprintf("Starting automatic rewriting of AOF on %d%% growth", (i.Size-i.BaseSize)*100/max(i.BaseSize, 1)))
		n.rewriteSoon()
	}
}

// closeAppendFile brings what was logged to disk. No command runs any more.
func (n *Node) closeAppendFile() error {
	n.stopped(func() { n.aof.attach(false) })
	err := n.aof.Stop()
	n.aof.Close()
	return err
}

// fail ends the instance because a promise cannot be kept.
func (n *Node) fail(err error) {
	if n.Fatal != nil {
		n.Fatal(err)
	}
	n.Quit()
}

// wholeSeconds is a time in whole seconds, as INFO tells it.
func wholeSeconds(d time.Duration) int64 {
	if d < 0 {
		return -1
	}
	return int64(d / time.Second)
}

// infoAppendFile tells what INFO always tells of the append only file.
func infoAppendFile(w *server.InfoWriter, i aof.Info) {
	status := func(ok bool) string {
		if ok {
			return "ok"
		}
		return "err"
	}
	now := int64(-1)
	if i.Rewriting {
		now = wholeSeconds(i.Since)
	}
	w.Flag("aof_enabled", i.State != aof.Off)
	w.Flag("aof_rewrite_in_progress", i.Rewriting)
	w.Flag("aof_rewrite_scheduled", i.Scheduled)
	w.Int("aof_last_rewrite_time_sec", wholeSeconds(i.Stats.Last))
	w.Int("aof_current_rewrite_time_sec", now)
	w.Str("aof_last_bgrewrite_status", status(i.Stats.LastOK))
	w.Uint("aof_rewrites", i.Stats.Begun)
	w.Int("aof_rewrites_consecutive_failures", int64(i.Stats.Failures))
	w.Str("aof_last_write_status", status(!i.Failing))
	w.Zeros("aof_last_cow_size")
}

// RewriteAppendFile implements server.Node.
func (s *self) RewriteAppendFile(later bool) (started bool, err error) {
	if later && s.n.persist.Enabled() && !s.n.aof.Rewriting() {
		s.n.aof.Schedule()
		return false, nil
	}
	started, err = s.n.rewriteSoon()
	return started, asServer(err)
}

// LoadAppendFile implements server.Node.
func (s *self) LoadAppendFile(done func(error)) {
	n := s.n
	n.aof.Again() // where there is no base yet, the files are those of another time
	// What is not written yet would be missing, and with a turn (aof.Log) under way only
	// Sync writes everything.
	if err := n.aof.Sync(); err != nil {
		done(err)
		return
	}
	n.Exec.BeginLoading()
	for db := range n.store.Databases() {
		n.store.Flush(db)
	}
	n.scripts.FlushFunctions()
	n.wg.Add(1)
	go func() {
		defer n.wg.Done()
		var err error
		if n.aof.State() != aof.Off {
			err = n.aof.ReadManifest()
		}
		if err == nil {
			_, err = n.loadAppendFile()
		}
		if n.stopping() {
			return
		}
		if err != nil {
			n.log.Warn(err.Error())
			n.fail(err)
			return
		}
		n.stopped(func() {
			n.Exec.EndLoading()
			n.persist.Loaded()
			n.aof.loaded()
		})
		n.log.Info("Append Only File loaded by DEBUG LOADAOF")
		done(nil)
	}()
}

// SlowAppendFile implements server.Node.
func (s *self) SlowAppendFile(usec int64) { s.n.aof.SetPause(time.Duration(usec) * time.Microsecond) }

// AppendFileOn implements server.Node.
func (s *self) AppendFileOn() bool { return s.n.aof.State() != aof.Off }

// AppendFileHas implements server.Node.
func (s *self) AppendFileHas(offset uint64, done func()) bool { return s.n.aof.Has(offset, done) }
