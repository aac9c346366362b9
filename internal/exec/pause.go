package exec

import (
	"math"
	"sync/atomic"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/session"
)

// PauseReason is what clients are paused for. Pauses for different reasons do
// not end each other.
type PauseReason uint8

// The reasons.
const (
	PauseCommand  PauseReason = iota // CLIENT PAUSE
	PauseShutdown                    // replicas get what they lack before the end
	PauseFailover                    // the other server takes over meanwhile
	pauseReasons
)

// pause is the state of all pauses. While one is on, AlertPaused is set and the
// data stays as it is: nothing expires and nothing is evicted. It changes only
// while all workers are stopped.
type pause struct {
	by     [pauseReasons]pauseEvent
	writes bool         // only commands that may write wait
	next   atomic.Int64 // the first end of one, Unix milliseconds
	waits  atomic.Int64 // clients that wait
	begins bool         // a transaction has paused clients and goes on
}

type pauseEvent struct {
	on     bool
	writes bool
	until  int64 // Unix milliseconds
}

// Pause makes clients wait until a time in Unix milliseconds: for all commands,
// or for those that may write. A pause for the same reason that is under way only
// becomes longer or stricter. In a transaction (inExec) the pause begins at its
// end. All workers must be stopped and all shards locked.
func (x *Exec) Pause(why PauseReason, until int64, writesOnly, inExec bool) {
	e := &x.pause.by[why]
	if e.on {
		writesOnly = writesOnly && e.writes
		until = max(until, e.until)
	}
	*e = pauseEvent{true, writesOnly, until}
	x.repause()
	x.pause.begins = inExec
	x.HoldExpiry(AlertPaused, !inExec)
}

// transactionPaused makes a pause begin that the transaction which ends now asked
// for.
func (x *Exec) transactionPaused() {
	if x.pause.begins {
		x.pause.begins = false
		x.HoldExpiry(AlertPaused, true)
	}
}

// repause derives the state of all pauses together.
func (x *Exec) repause() {
	p := &x.pause
	on, writes, next := false, true, int64(math.MaxInt64)
	for _, e := range p.by {
		if e.on {
			on, writes, next = true, writes && e.writes, min(next, e.until)
		}
	}
	p.writes = writes
	p.next.Store(next)
	x.Alert(AlertPaused, on)
}

// Unpause ends a pause; when it was the last, all waiting clients go on. All
// workers must be stopped and all shards locked.
func (x *Exec) Unpause(why PauseReason) {
	if !x.pause.by[why].on {
		return
	}
	x.pause.by[why].on = false
	x.repause()
	if x.Alerted(AlertPaused) && !x.pause.writes {
		return
	}
	// Those that wait although their commands only read go on in any case;
	// whatever still has to wait will find out.
	x.Clients(func(cl *Client) {
		if cl.Sess.Flags&session.Paused != 0 {
			cl.unpaused()
			cl.Sess.Active = x.Clock.Nano() // it was made to wait: that is not being idle
			cl.Sess.Conn.Resume()
		}
	})
	if !x.Alerted(AlertPaused) {
		x.pause.begins = false
		x.HoldExpiry(AlertPaused, false)
	}
}

// EndPauses ends the pauses whose time is over at now, in Unix milliseconds. No
// lock may be held.
func (x *Exec) EndPauses(now int64) {
	if !x.Alerted(AlertPaused) || x.pause.next.Load() > now {
		return
	}
	x.World.Stop()
	x.Store.Lock(x.Store.All())
	for why, e := range x.pause.by {
		if e.on && e.until <= now {
			x.Unpause(PauseReason(why))
		}
	}
	x.Store.Unlock(x.Store.All())
	x.World.Go()
}

// Paused is the number of clients that wait for the end of a pause.
func (x *Exec) Paused() int { return int(x.pause.waits.Load()) }

// pauses tells whether a command has to wait, and marks its client if so.
// Replicas never wait.
func (x *Exec) pauses(c *command.Ctx, cl *Client) bool {
	s := &cl.Sess
	if s.Conn == nil || s.Flags&session.Replica != 0 {
		return false
	}
	if x.pause.writes && !cl.has(c, command.Write|command.MayReplicate) {
		return false
	}
	if s.Flags&session.Paused == 0 {
		s.Flags |= session.Paused
		x.pause.waits.Add(1)
	}
	return true
}

func (cl *Client) unpaused() {
	if cl.Sess.Flags&session.Paused != 0 {
		cl.Sess.Flags &^= session.Paused
		cl.x.pause.waits.Add(-1)
	}
}

// HoldExpiry keeps expired keys in place, invisible to commands unless the reason
// is loading, for a reason of its own, or no longer. All shards must be locked.
func (x *Exec) HoldExpiry(why Alert, on bool) {
	if on {
		x.expiryHeld |= why
	} else {
		x.expiryHeld &^= why
	}
	x.Store.NoExpire = x.expiryHeld != 0
	x.Store.Loading = x.expiryHeld&AlertLoading != 0
}

// PauseClients is Pause for CLIENT PAUSE.
func (x *Exec) PauseClients(until int64, writesOnly, inExec bool) {
	x.Pause(PauseCommand, until, writesOnly, inExec)
}

// UnpauseClients is Unpause for CLIENT UNPAUSE.
func (x *Exec) UnpauseClients() { x.Unpause(PauseCommand) }
