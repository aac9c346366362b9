package exec

import (
	"slices"
	"sync"
	"time"

	"github.com/redstart-db/redstart/internal/clock"
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/mem"
	"github.com/redstart-db/redstart/internal/store"
)

// A client whose command has to copy a large value (RENAME to a key of another shard, COPY)
// is suspended, and the background copies the value step by step. When that is done the
// command runs as if it had just come, on behalf of the client, and takes what was made.
// Nobody has seen anything of it before. A source that was changed meanwhile is copied
// from its begin; one that is changed again and again is copied by the command itself,
// whose shards are held meanwhile.

// copying is those who wait for a copy.
type copying struct {
	wake chan struct{} // tells the background that there are some
	mu   sync.Mutex
	all  []*copied // in the order in which they came
	turn int
}

// copied is a client that waits for a copy, and how often that was begun.
type copied struct {
	*waiter
	of    *store.Copying
	tries int
}

const (
	copyTries  = 3
	copyAtOnce = 4                      // copies that take turns; others begin when one of them is done
	copyTurn   = 2 * time.Millisecond   // how long one goes on
	copyWork   = 300 * time.Microsecond // after which others have the processor
	copyRest   = 50 * time.Microsecond
	copyMisses = 16 // times that locks were not to be had, after which it waits for the next tick
)

// awaitCopy makes w wait for its copy.
func (x *Exec) awaitCopy(w *waiter) {
	c := &x.copying
	c.mu.Lock()
	c.all = append(c.all, &copied{waiter: w, of: w.wait.Copying})
	c.mu.Unlock()
	c.call()
}

// call has the background come.
func (c *copying) call() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// next gives the copy whose turn it is, or nil if there is none.
func (c *copying) next() *copied {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.all) == 0 {
		return nil
	}
	c.turn++
	return c.all[c.turn%min(len(c.all), copyAtOnce)]
}

// remove takes a copy away whose command has run.
func (c *copying) remove(m *copied) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.Index(c.all, m)
	c.all = slices.Delete(c.all, i, i+1)
}

// Copies has something to receive when there are copies to go on with.
func (x *Exec) Copies() <-chan struct{} { return x.copying.wake }

// TendCopies is to be called now and then, for copies that could not go on.
func (x *Exec) TendCopies() {
	if c := &x.copying; c.next() != nil {
		c.call()
	}
}

// GoOnCopying goes on with copies, one shard's or two shards' locks at a time and briefly,
// until a monotonic time in nanoseconds. No lock may be held.
func (x *Exec) GoOnCopying(until int64) {
	for now := x.Clock.Nano(); ; now = x.Clock.Nano() {
		m := x.copying.next()
		if m == nil {
			return
		}
		if now >= until {
			x.copying.call()
			return
		}
		switch x.copyOn(m, min(until, now+int64(copyTurn))) {
		case copyHeld:
			return // TendCopies calls again
		case copyRan:
			x.copying.remove(m)
			x.serveBeside(0)
		}
	}
}

// copyResult is what came of going on with a copy.
type copyResult uint8

const (
	copyMore copyResult = iota // there is more to do
	copyRan                    // the command has run
	copyHeld                   // the locks are not to be had, or nothing may change now
)

// copyOn goes on with one copy.
func (x *Exec) copyOn(m *copied, until int64) copyResult {
	locks := m.of.Shards()
	rested, misses := x.Clock.Nano(), 0
	for {
		took := x.tryStep(m, locks)
		if took == copyRan {
			return copyRan
		}
		if took == copyMore {
			misses = 0
		} else if misses++; misses == copyMisses {
			return copyHeld
		}
		now := x.Clock.Nano()
		if now >= until {
			return copyMore
		}
		// A mutex lets whoever runs have it before those who wait.
		if took == copyHeld || now-rested >= int64(copyWork) {
			clock.Rest(copyRest)
			rested = x.Clock.Nano()
		}
	}
}

// tryStep is copyStep if all locks are to be had. A script takes shards in any order, so the
// background may not wait for a second one; whoever has stopped the workers keeps them.
func (x *Exec) tryStep(m *copied, locks store.LockSet) copyResult {
	w := x.World.background
	if !w.mu.TryLock() {
		return copyHeld
	}
	defer w.mu.Unlock()
	if !x.Store.TryLock(locks) {
		return copyHeld
	}
	defer x.Store.Unlock(locks)
	return x.copyStep(m, locks)
}

// copyStep takes a step, or runs the command. The shards are locked.
func (x *Exec) copyStep(m *copied, locks store.LockSet) copyResult {
	if x.Alerted(AlertPaused | AlertLoading) {
		return copyHeld
	}
	of := m.of
	done, full := step(of)
	if !done {
		return copyMore
	}
	if !full {
		of.Offer()
	}
	ran := x.runCopied(m, full, locks)
	of.End()
	if !ran {
		return copyMore
	}
	return copyRan
}

// runCopied runs the command of a client for which a copy was made, or, with full, replies
// that there was no memory for it. If the copy is of no use and worth another try, it
// begins that and gives false.
func (x *Exec) runCopied(m *copied, full bool, held store.LockSet) bool {
	w := x.World.background
	c := &w.serving
	m.mu.Lock()
	done := x.tryCopied(w, c, m, full, held)
	m.mu.Unlock()
	if done && x.waiting.Load() != 0 {
		x.serve(w, held)
	}
	return done
}

// tryCopied is runCopied but for those who wait for the keys. The waiter is locked.
func (x *Exec) tryCopied(w *Worker, c *command.Ctx, m *copied, full bool, held store.LockSet) bool {
	c.Out = nil
	c.Begin(&m.sess, m.spec, m.args, x.Clock.Nano())
	c.Hold(held, store.Key{})
	if m.tries++; m.tries < copyTries {
		m.sess.Conn = m.cl.Sess.Conn // it may wait
	}
	hits, misses := w.Stats.Hits, w.Stats.Misses
	switch {
	case !x.allows(c):
	case full:
		c.Err(command.ErrArena)
	default:
		x.invoke(c)
	}
	w.Stats.Hits, w.Stats.Misses = hits, misses // counted when it began to wait
	m.sess.Conn = nil
	if c.Waits() != nil {
		m.of = c.Waits().Copying
		return false
	}
	x.served(w, c, m.waiter, held)
	c.Out = nil
	return true
}

// step takes a step of a copy; full tells that there is no memory for it.
func step(of *store.Copying) (done, full bool) {
	defer func() {
		if r := recover(); r == mem.ErrExhausted {
			done, full = true, true
		} else if r != nil {
			panic(r)
		}
	}()
	return of.Step(), false
}
