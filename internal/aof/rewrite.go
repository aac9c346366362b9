package aof

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"github.com/redstart-db/redstart/internal/vfs"
)

// Rewrite makes a new base from the data at one moment, and an increment that
// begins at that moment. Whatever fails, the files that were there still count,
// and the new increment with them.
//
//	Reserve   it goes on
//	Begin     the new increment is there, and empty
//	Turn      the moment: effects go to it from here on
//	Write     the new base is written and takes its place
type Rewrite struct {
	a         *AOF
	incr      vfs.File // nil: the log is off
	first     bool     // the log begins with it
	rdb       bool     // the form of the base
	began     int64    // monotonic nanoseconds
	cancelled atomic.Bool
	broken    atomic.Bool // it is to fail
}

// Why a rewrite does not begin.
var (
	ErrRewriting = errors.New("Background append only file rewriting already in progress")
	errTurning   = errors.New("the last increment cannot be written yet")
	errCancelled = errors.New("it is not needed any more")
	errBroken    = errors.New("it was made to fail")
)

// Schedule has a rewrite begin when that is possible.
func (a *AOF) Schedule() {
	a.seen.Lock()
	defer a.seen.Unlock()
	a.scheduled = true
}

// Scheduled tells whether one is to begin.
func (a *AOF) Scheduled() bool {
	a.seen.Lock()
	defer a.seen.Unlock()
	return a.scheduled && a.rewrite == nil
}

// Rewriting tells whether one goes on.
func (a *AOF) Rewriting() bool {
	a.seen.Lock()
	defer a.seen.Unlock()
	return a.rewriting()
}

// Enable turns the append only file on. It counts only from when a first rewrite
// has ended; until then another is begun whenever one fails.
func (a *AOF) Enable() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.settings()
	if err := a.mkdir(&s); err != nil {
		return err
	}
	if a.Rewriting() {
		a.log.Warn("AOF was enabled but there is already an AOF rewriting in background. Stopping background AOF and starting a rewrite now.")
		a.Cancel()
	}
	a.setState(Waiting, true)
	return nil
}

// Again has the first rewrite, if it has not ended yet, begin again, as all data is going to
// be replaced. Nothing is logged until it does.
func (a *AOF) Again() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.state != Waiting {
		return
	}
	a.Cancel()
	a.end() // what the increment has belongs to the data that goes
	a.setState(Waiting, true)
}

// Reserve makes a rewrite the one that goes on. Begin must be called. The error is
// ErrRewriting if there is another.
func (a *AOF) Reserve() (*Rewrite, error) {
	r := &Rewrite{a: a, began: a.clock.Nano()}
	a.seen.Lock()
	defer a.seen.Unlock()
	if a.rewrite != nil {
		return nil, ErrRewriting
	}
	a.rewrite, a.scheduled = r, false
	a.stats.Begun++
	return r, nil
}

// Begin makes the increment. After an error the rewrite has ended.
func (r *Rewrite) Begin() error {
	a := r.a
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.settings()
	r.rdb = s.RDB
	err := a.mkdir(&s)
	if err == nil {
		switch a.state {
		case On:
			err = r.openIncr(&s)
		case Waiting:
			r.first = true
			r.incr, err = fresh(a.fs, s.path(tempIncrName(s.Prefix)))
			if err == nil {
				a.log.Info("Creating temporary AOF incr file " + tempIncrName(s.Prefix))
			}
		}
	}
	if err != nil {
		a.log.Warn("Can't rewrite append only file in background: " + reason(err))
		a.ended(r, false)
		return err
	}
	if s.NoSyncOnBase {
		a.SetNoSync(true)
	}
	return nil
}

// openIncr adds an increment to the manifest.
func (r *Rewrite) openIncr(s *Settings) error {
	a := r.a
	if err := a.flush(true); err != nil {
		return err
	}
	if a.turning() {
		return errTurning
	}
	// What is appended after the moment waits until all before it is on disk: the less is left
	// of that the better.
	if !a.always() {
		if err := a.syncAside(); err != nil {
			return err
		}
	}
	next := a.man.Clone()
	name := next.nextIncr(s.Prefix)
	f, err := fresh(a.fs, s.path(name))
	if err != nil {
		a.log.Warn(fmt.Sprintf("Can't open the append-only file %s: %s", name, reason(err)))
		return err
	}
	if err := a.persist(s, next); err != nil {
		f.Close()
		if a.man != next {
			a.fs.Remove(s.path(name))
		}
		return err
	}
	a.log.Info("Creating AOF incr file " + name + " on background rewrite")
	r.incr = f
	return nil
}

// Turn is the moment of the rewrite, the oplog's offset at. All commands are
// stopped around the call, which does no I/O. It tells whether the log begins with
// it, and has to be attached to the oplog.
func (r *Rewrite) Turn(at uint64) (attach bool) {
	a := r.a
	a.seen.Lock()
	defer a.seen.Unlock()
	if r.incr == nil {
		return false
	}
	if r.cancelled.Load() {
		r.incr.Close()
		return false
	}
	if r.first {
		a.fixed = 0
		a.begin(r.incr, 0, at)
		return true
	}
	a.turn(r.incr)
	return false
}

// Fail ends a rewrite whose moment cannot be: nothing is turned.
func (r *Rewrite) Fail(err error) {
	a := r.a
	a.mu.Lock()
	defer a.mu.Unlock()
	r.undo()
	a.log.Warn("Can't rewrite append only file in background: " + reason(err))
	a.ended(r, false)
}

// Postpone ends a rewrite whose moment has to wait for something else to end, as if it had
// never begun, and has it begin again soon.
func (r *Rewrite) Postpone() {
	a := r.a
	a.mu.Lock()
	defer a.mu.Unlock()
	r.undo()
	a.seen.Lock()
	defer a.seen.Unlock()
	a.rewrite = nil
	a.stats.Begun--
	if !r.cancelled.Load() {
		a.scheduled = true
	}
}

// undo takes back what Begin has done, but for an increment that is in the manifest: it
// stays, and is empty. The lock a.mu is held.
func (r *Rewrite) undo() {
	a := r.a
	if r.incr != nil {
		r.incr.Close()
	}
	if r.first {
		s := a.settings()
		a.dropTempIncr(&s)
	}
	a.SetNoSync(false)
}

// Write writes the base and has it take its place. It returns when the rewrite has
// ended, well or not.
func (r *Rewrite) Write(source Source) error {
	a := r.a
	s := a.settings()
	s.RDB = r.rdb
	temp := s.TempName("bg")
	err := a.writeBase(&s, source, temp, "", func() bool { return r.cancelled.Load() || r.broken.Load() })
	a.mu.Lock()
	defer a.mu.Unlock()
	defer a.SetNoSync(false)
	if err == nil && r.cancelled.Load() {
		a.fs.Remove(temp)
		err = errCancelled
	}
	if r.broken.Load() {
		a.fs.Remove(temp) // which is not there if writing it was given up
		err = errBroken
	}
	if err == nil {
		err = r.finish(&s, temp)
	}
	if r.cancelled.Load() {
		a.log.Info("Background AOF rewrite terminated: " + errCancelled.Error())
		a.seen.Lock()
		a.rewrite = nil
		a.seen.Unlock()
		return errCancelled
	}
	if err != nil {
		a.log.Warn("Background AOF rewrite terminated with error: " + reason(err))
		if r.first && a.state == Waiting {
			a.end()
			a.dropTempIncr(&s)
			a.Schedule()
		}
	} else {
		a.log.Info("Background AOF rewrite finished successfully")
	}
	a.ended(r, err == nil)
	return err
}

// finish puts the new base, which is whole and on disk, in its place. The lock
// a.mu is held.
func (r *Rewrite) finish(s *Settings, temp string) error {
	a := r.a
	next := a.man.Clone()
	base := next.nextBase(s.Prefix, s.RDB)
	if err := a.fs.Rename(temp, s.path(base)); err != nil {
		a.fs.Remove(temp)
		return err
	}
	undo := func(err error) error {
		if a.man != next {
			a.fs.Remove(s.path(base))
		}
		return err
	}
	incr := ""
	keep := 0
	// What was appended up to the moment is in the base, and what follows in the new
	// increment, once the log has gone over to it.
	if err := a.Sync(); err != nil {
		return undo(err)
	}
	switch {
	case r.first:
		incr = next.nextIncr(s.Prefix)
		if err := a.fs.Rename(s.path(tempIncrName(s.Prefix)), s.path(incr)); err != nil {
			return undo(err)
		}
		keep = 1
	case a.state == On:
		keep = 1
	}
	next.retire(keep)
	if err := a.persist(s, next); err != nil {
		if incr != "" && a.man != next {
			a.fs.Rename(s.path(incr), s.path(tempIncrName(s.Prefix)))
		}
		return undo(err)
	}
	a.log.Info("Successfully renamed the temporary AOF base file into " + base)
	if a.state == Waiting {
		a.setState(On, false)
	}
	a.setSizes(a.sizes(s, next.Files()))
	a.removeHistory(s)
	return nil
}

// ended notes how a rewrite went. The lock a.mu is held.
func (a *AOF) ended(r *Rewrite, ok bool) {
	a.seen.Lock()
	defer a.seen.Unlock()
	a.rewrite = nil
	a.stats.LastOK = ok
	a.stats.Last = time.Duration(a.clock.Nano() - r.began)
	if ok {
		a.stats.Failures = 0
		a.retryAt = 0
	} else {
		a.stats.Failures++
	}
}

// dropTempIncr removes the increment that never got a base.
func (a *AOF) dropTempIncr(s *Settings) {
	name := tempIncrName(s.Prefix)
	a.log.Info("Removing the temp incr aof file " + name)
	a.fs.Remove(s.path(name))
}

// CollectHistory removes files that do not count any more.
func (a *AOF) CollectHistory() {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.settings()
	a.removeHistory(&s)
}

func (a *AOF) removeHistory(s *Settings) {
	if s.KeepHistory || len(a.man.History) == 0 {
		return
	}
	// The files go first: whenever this is interrupted, nothing is forgotten.
	next := a.man.Clone()
	next.History = slices.DeleteFunc(next.History, func(f File) bool {
		a.log.Info("Removing the history file " + f.Name + " in the background")
		err := a.fs.Remove(s.path(f.Name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			a.log.Warn("Can't remove the history file " + f.Name + ": " + reason(err))
			return false
		}
		return true
	})
	before := a.man
	if a.persist(s, next) != nil {
		a.man = before // so that it is tried again
	}
}

const (
	// After so many failures in a row automatic rewrites wait for longer and
	// longer, between a minute and an hour.
	failuresAtOnce = 3
	retryMost      = 60
)

// Due tells whether the files have grown so much, by percent of what they were
// after the last rewrite, that another is worth while.
func (a *AOF) Due(percent int, least int64) bool {
	a.seen.Lock()
	defer a.seen.Unlock()
	if a.state != On || a.rewrite != nil || percent <= 0 {
		return false
	}
	size, base := a.fixed+a.Log.size.Load(), max(a.baseSize, 1)
	if size <= least || size <= base || float64(size-base)*100/float64(base) < float64(percent) {
		return false
	}
	return !a.limited()
}

// limited tells whether too many rewrites have failed for another one now.
func (a *AOF) limited() bool {
	if a.stats.Failures < failuresAtOnce {
		return false
	}
	now := a.clock.Nano()
	if a.retryAt == 0 {
		minutes := int(min(math.Pow(2, float64(a.stats.Failures-failuresAtOnce)), retryMost))
		a.retryAt = now + int64(minutes)*int64(time.Minute)
		a.log.Warn(fmt.Sprintf("Background AOF rewrite has repeatedly failed and triggered the limit, will retry in %d minutes", minutes))
		return true
	}
	if now < a.retryAt {
		return true
	}
	a.retryAt = 0
	return false
}
