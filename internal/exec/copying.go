package exec

import (
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
	all  []*copied
}

// copied is a client that waits for a copy, and how often that was begun.
type copied struct {
	*waiter
	of    *store.Copying
	tries int
}

const (
	copyTries = 3
	copyWork  = 300 * time.Microsecond // after which others have the processor
	copyRest  = 50 * time.Microsecond
)

// awaitCopy makes w wait for its copy.
func (x *Exec) awaitCopy(w *waiter) {
	c := &x.copying
	c.mu.Lock()
	c.all = append(c.all, &copied{waiter: w, of: w.wait.Copying})
	c.mu.Unlock()
	x.wakeCopying()
}

func (x *Exec) wakeCopying() {
	select {
	case x.copying.wake <- struct{}{}:
	default:
	}
}

// Copies has something to receive when there are copies to go on with.
func (x *Exec) Copies() <-chan struct{} { return x.copying.wake }

// GoOnCopying goes on with copies, one shard's or two shards' locks at a time and briefly,
// until a monotonic time in nanoseconds. The caller is that of ServeExpired, and holds no
// lock.
func (x *Exec) GoOnCopying(until int64) {
	x.copying.mu.Lock()
	all := x.copying.all
	x.copying.all = nil
	x.copying.mu.Unlock()
	left := all[:0]
	for _, m := range all {
		if !x.copyOn(m, until) {
			left = append(left, m)
		}
	}
	x.ServeLeft()
	x.copying.mu.Lock()
	x.copying.all = append(left, x.copying.all...)
	others := len(x.copying.all) > 0
	x.copying.mu.Unlock()
	if others {
		x.wakeCopying()
	}
}

// copyOn goes on with one copy, and tells whether its command has run.
func (x *Exec) copyOn(m *copied, until int64) (ran bool) {
	locks := m.of.Shards()
	rested := x.Clock.Nano()
	for {
		if x.tryStep(m, locks) {
			return true
		}
		now := x.Clock.Nano()
		if now >= until {
			return false
		}
		// A mutex lets whoever runs have it before those who wait.
		if now-rested >= int64(copyWork) {
			clock.Rest(copyRest)
			rested = now
		}
	}
}

// tryStep is copyStep if all locks are to be had. A script takes shards in any order, so the
// background may not wait for a second one; whoever has stopped the workers keeps them.
func (x *Exec) tryStep(m *copied, locks store.LockSet) (ran bool) {
	w := x.World.background
	if !w.mu.TryLock() {
		return false
	}
	defer w.mu.Unlock()
	if x.Store.TryLock(locks) {
		ran = x.copyStep(m, locks)
		x.Store.Unlock(locks)
	}
	return ran
}

// copyStep takes a step, or runs the command. The shards are locked.
func (x *Exec) copyStep(m *copied, locks store.LockSet) (ran bool) {
	done, full := step(m.of)
	if !done || x.Alerted(AlertPaused|AlertLoading) {
		return false
	}
	of := m.of
	of.Offer()
	ran = x.runCopied(m, full, locks)
	of.End()
	return ran
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
