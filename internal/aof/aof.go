package aof

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redstart-db/redstart/internal/clock"
	"github.com/redstart-db/redstart/internal/vfs"
)

// State of the append only file.
type State uint8

// The states.
const (
	Off     State = iota
	Waiting       // on, but there is no base yet that the increments could follow
	On
)

// Settings are the directives that the files are made by.
type Settings struct {
	Dir          string // of the server, where old versions kept their file
	Sub          string // appenddirname
	Prefix       string // appendfilename
	RDB          bool   // aof-use-rdb-preamble
	Sync         bool   // aof-rewrite-incremental-fsync
	KeepHistory  bool   // aof-disable-auto-gc
	LoadCut      bool   // aof-load-truncated
	NoSyncOnBase bool   // no-appendfsync-on-rewrite
}

func (s *Settings) dir() string             { return filepath.Join(s.Dir, s.Sub) }
func (s *Settings) path(name string) string { return filepath.Join(s.dir(), name) }
func (s *Settings) manifest() string        { return s.path(ManifestName(s.Prefix)) }
func (s *Settings) old() string             { return filepath.Join(s.Dir, s.Prefix) }

// TempName is the path of a file that is needed for a while. One that is left behind
// is removed at the next start.
func (s *Settings) TempName(of string) string {
	return s.path(fmt.Sprintf("temp-rewriteaof-%s-%d.aof", of, os.Getpid()))
}

// AOF is the folder of an instance. Its methods may be called by any goroutine.
type AOF struct {
	*Log
	fs       vfs.FS
	log      *slog.Logger
	clock    *clock.Clock
	settings func() Settings

	// mu makes changes to the files take turns; it is held during I/O.
	mu  sync.Mutex
	man *Manifest

	// seen guards what INFO reads, and is held for a moment only; it comes after mu.
	seen      sync.Mutex
	state     State // changes with mu held
	rewrite   *Rewrite
	scheduled bool
	fixed     int64 // bytes of all files but the one that is written
	baseSize  int64 // bytes of all files after the last rewrite
	stats     RewriteStats
	retryAt   int64 // monotonic nanoseconds; no automatic rewrite before
}

// RewriteStats tells how rewrites went.
type RewriteStats struct {
	Begun    uint64 // that were begun, however they ended
	Failures int    // in a row
	LastOK   bool
	Last     time.Duration // -1: there was none
}

// New makes the append only file of an instance, which is off. Close must be
// called.
func New(fs vfs.FS, log *slog.Logger, c *clock.Clock, settings func() Settings, e Events) *AOF {
	return &AOF{
		Log: newLog(fs, log, c, e), fs: fs, log: log, clock: c, settings: settings,
		man: new(Manifest), stats: RewriteStats{LastOK: true, Last: -1},
	}
}

// State tells whether it is on.
func (a *AOF) State() State {
	a.seen.Lock()
	defer a.seen.Unlock()
	return a.state
}

func (a *AOF) setState(s State, scheduled bool) {
	a.seen.Lock()
	defer a.seen.Unlock()
	a.state, a.scheduled = s, scheduled
}

func (a *AOF) setSizes(all int64) {
	a.seen.Lock()
	defer a.seen.Unlock()
	a.fixed, a.baseSize = all-a.Log.size.Load(), all
}

// ReadManifest reads the manifest, if there is one. It is to be done before
// anything else.
func (a *AOF) ReadManifest() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.readManifest()
}

func (a *AOF) readManifest() error {
	s := a.settings()
	a.man = new(Manifest)
	b, err := readFile(a.fs, s.manifest(), maxManifest)
	if errors.Is(err, fs.ErrNotExist) {
		a.log.Debug("The AOF manifest file " + ManifestName(s.Prefix) + " doesn't exist")
		return nil
	}
	if err != nil {
		return fmt.Errorf("Fatal error: can't open the AOF manifest file %s for reading: %s", ManifestName(s.Prefix), reason(err))
	}
	m, err := ParseManifest(b)
	if err != nil {
		var bad *ManifestError
		if errors.As(err, &bad) && bad.Line > 0 {
			a.log.Warn(fmt.Sprintf("*** FATAL AOF MANIFEST FILE ERROR *** Reading the manifest file, at line %d", bad.Line))
			a.log.Warn(">>> '" + bad.Text + "'")
		}
		return err
	}
	a.man = m
	return nil
}

// persist brings a manifest to disk. From when it is there under its name it is the
// one that counts, also when there is an error because it may not stay there: then
// the files of the one before must stay too.
func (a *AOF) persist(s *Settings, m *Manifest) error {
	name := ManifestName(s.Prefix)
	temp := s.path(tempPrefix + name)
	err := writeFile(a.fs, temp, m.Append(nil))
	if err == nil {
		err = a.fs.Rename(temp, s.manifest())
	}
	if err != nil {
		a.fs.Remove(temp)
		a.log.Warn("Fail to persist the AOF manifest file " + name + ": " + reason(err))
		return err
	}
	a.man = m
	if err := a.fs.SyncDir(s.dir()); err != nil {
		a.log.Warn("Fail to fsync AOF directory " + s.Sub + ": " + reason(err))
		return err
	}
	return nil
}

// mkdir makes the folder.
func (a *AOF) mkdir(s *Settings) error {
	if err := a.fs.MkdirAll(s.dir()); err != nil {
		a.log.Warn("Can't open or create append-only dir " + s.Sub + ": " + reason(err))
		return err
	}
	return nil
}

// upgrade takes a file of an old version into the folder. It can be ended at any
// moment, and is gone on with at the next start.
func (a *AOF) upgrade(s *Settings) error {
	old := s.old()
	if there, err := exists(a.fs, old); err != nil || !there {
		return err
	}
	taken, err := exists(a.fs, s.path(s.Prefix))
	if err != nil || taken {
		return err
	}
	switch m := a.man; {
	case m.Empty():
		if err := a.mkdir(s); err != nil {
			return err
		}
		next := &Manifest{Base: &File{s.Prefix, 1, Base}, baseSeq: 1}
		if err := a.persist(s, next); err != nil {
			return err
		}
	case m.Base == nil || m.Base.Name != s.Prefix || len(m.Incrs) > 0:
		return nil
	}
	if err := a.fs.Rename(old, s.path(s.Prefix)); err != nil {
		a.log.Warn(fmt.Sprintf("Error trying to move the old AOF file %s into dir %s: %s", s.Prefix, s.Sub, reason(err)))
		return err
	}
	if err := errors.Join(a.fs.SyncDir(s.dir()), a.fs.SyncDir(s.Dir)); err != nil {
		return err
	}
	a.log.Info(fmt.Sprintf("Successfully migrated an old-style AOF configuration (%s) into the AOF dir (%s).", s.Prefix, s.Sub))
	return nil
}

// Source writes a base, which is all data, to a file and syncs that: as an RDB file,
// or as commands, as the settings say. stop tells it to give up.
type Source func(f vfs.File, s *Settings, stop func() bool) error

// Start has the log go on where the files end; without files, a base is made of
// what source gives. Effects are logged from then on: commands must be stopped.
func (a *AOF) Start(source Source, offset uint64) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.start(source, offset, a.man.Empty(), "on server start")
}

// Restart has the log go on behind a base of what source gives, as the data was replaced
// without being logged. Commands must be stopped. When it returns, the base is on disk and
// has taken the place of the files before. After an error they still count and the log is off.
func (a *AOF) Restart(source Source, offset uint64) error {
	a.Stop() // what of the data that is gone cannot be written is not needed
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.start(source, offset, true, "as the data was replaced")
}

// start is Start. With anew a base is made, whatever files there are. The lock a.mu is held.
func (a *AOF) start(source Source, offset uint64, anew bool, why string) error {
	s := a.settings()
	if err := a.mkdir(&s); err != nil {
		return err
	}
	a.removeTemp(&s)
	next := a.man.Clone()
	if anew {
		name := next.nextBase(s.Prefix, s.RDB)
		a.log.Info("Creating AOF base file " + name + " " + why)
		if err := a.writeBase(&s, source, s.TempName("start"), s.path(name), func() bool { return false }); err != nil {
			a.log.Warn("Failed creating the AOF base file: " + reason(err))
			return err
		}
	}
	made := anew || len(next.Incrs) == 0
	if made {
		a.log.Info("Creating AOF incr file " + next.nextIncr(s.Prefix) + " " + why)
		next.retire(1)
	} else {
		a.log.Info("Opening AOF incr file " + next.Incrs[len(next.Incrs)-1].Name + " " + why)
	}
	last := next.Incrs[len(next.Incrs)-1].Name
	f, err := a.fs.Append(s.path(last))
	if err != nil {
		a.log.Warn(fmt.Sprintf("Can't open the append-only file %s: %s", last, reason(err)))
		return err
	}
	if made {
		if err := a.persist(&s, next); err != nil {
			f.Close()
			return err
		}
	}
	size, err := fileSize(a.fs, s.path(last))
	if err != nil {
		f.Close()
		return err
	}
	a.begin(f, size, offset)
	a.setSizes(a.sizes(&s, next.Files()))
	a.setState(On, false)
	a.removeHistory(&s)
	return nil
}

// writeBase writes a base beside its place, and puts it there when it is whole and
// on disk, unless stop says to give up. The folder is not synced.
func (a *AOF) writeBase(s *Settings, source Source, temp, name string, stop func() bool) error {
	f, err := a.fs.Create(temp)
	if err != nil {
		return err
	}
	err = source(f, s, stop)
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil && name != "" {
		err = a.fs.Rename(temp, name)
	}
	if err != nil {
		a.fs.Remove(temp)
	}
	return err
}

// removeTemp removes what a process that was killed has left.
func (a *AOF) removeTemp(s *Settings) {
	names, err := a.fs.List(s.dir())
	if err != nil {
		return
	}
	for _, name := range names {
		if strings.HasPrefix(name, "temp-rewriteaof-") && strings.HasSuffix(name, aofSuffix) || name == tempIncrName(s.Prefix) ||
			a.orphan(s, name) {
			a.log.Info("Removing the file " + name + " that an earlier run has left")
			a.fs.Remove(s.path(name))
		}
	}
}

// orphan tells whether a name is that of a base that never counted, because the
// rewrite was interrupted: it is newer than the one that does.
func (a *AOF) orphan(s *Settings, name string) bool {
	if a.man.Base == nil {
		return false
	}
	number, isBase := strings.CutPrefix(name, s.Prefix+".")
	number, format, cut := strings.Cut(number, baseSuffix+".")
	n, err := strconv.ParseInt(number, 10, 64)
	return isBase && cut && err == nil && n > a.man.Base.Seq && ("."+format == rdbSuffix || "."+format == aofSuffix)
}

// sizes adds up the sizes of files.
func (a *AOF) sizes(s *Settings, files []File) (sum int64) {
	for _, f := range files {
		if size, err := fileSize(a.fs, s.path(f.Name)); err == nil {
			sum += size
		}
	}
	return sum
}

// Stop turns the append only file off: what was appended is brought to disk and
// the files stay.
func (a *AOF) Stop() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.state == Off {
		return nil
	}
	a.Cancel()
	waiting := a.state == Waiting
	a.setState(Off, false)
	err := a.end()
	if err != nil && !waiting {
		a.log.Warn("Fail to fsync the AOF file: " + reason(err))
	}
	if waiting {
		s := a.settings()
		a.dropTempIncr(&s)
	}
	return err
}

// Cancel has a rewrite that goes on end soon, without effect.
func (a *AOF) Cancel() {
	a.seen.Lock()
	defer a.seen.Unlock()
	if r := a.rewrite; r != nil && !r.cancelled.Swap(true) {
		a.log.Info("Killing running AOF rewrite (a goroutine, where there was a child)")
	}
}

// Break has a rewrite that goes on fail soon.
func (a *AOF) Break() {
	a.seen.Lock()
	defer a.seen.Unlock()
	if r := a.rewrite; r != nil {
		r.broken.Store(true)
	}
}

// Close ends everything. Stop is called before.
func (a *AOF) Close() { a.Log.close() }

// Info is what INFO tells.
type Info struct {
	State     State
	Rewriting bool
	Scheduled bool
	Since     time.Duration // of the rewrite that goes on
	Stats     RewriteStats
	Failing   bool
	Size      int64 // of all files
	BaseSize  int64 // the same, after the last rewrite or at the start
	Buffer    int   // bytes that are not written yet
	Syncing   bool
	Delayed   uint64
}

// Info gives what INFO tells.
func (a *AOF) Info() Info {
	a.seen.Lock()
	defer a.seen.Unlock()
	i := Info{
		State: a.state, Rewriting: a.rewriting(), Scheduled: a.scheduled, Stats: a.stats,
		BaseSize: a.baseSize, Buffer: a.buffered(), Syncing: a.syncing.Load(), Delayed: a.delayed.Load(),
		Failing: a.Failure() != nil,
	}
	if i.Rewriting {
		i.Since = time.Duration(a.clock.Nano() - a.rewrite.began)
	}
	if a.state != Off {
		i.Size = a.fixed + a.Log.size.Load()
	}
	return i
}

// rewriting tells whether a rewrite goes on. The lock seen is held.
func (a *AOF) rewriting() bool { return a.rewrite != nil && !a.rewrite.cancelled.Load() }
