package exec

import (
	"sync"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/session"
)

// pause is the state of CLIENT PAUSE. Its mode and end change only while all
// workers are stopped.
type pause struct {
	writes bool  // only commands that may write wait
	until  int64 // Unix milliseconds

	mu     sync.Mutex
	paused map[*Client]struct{}
}

// Pause makes clients wait until a time in Unix milliseconds: all commands, or
// those that may write. A pause that is under way is only made longer or
// stricter. All workers must be stopped.
func (x *Exec) Pause(until int64, writesOnly bool) {
	p := &x.pause
	if x.Alerted(AlertPaused) {
		writesOnly = writesOnly && p.writes
		until = max(until, p.until)
	}
	p.writes, p.until = writesOnly, until
	x.Alert(AlertPaused, true)
}

// Unpause ends a pause and lets all waiting clients go on.
func (x *Exec) Unpause() {
	x.Alert(AlertPaused, false)
	x.pause.mu.Lock()
	paused := x.pause.paused
	x.pause.paused = make(map[*Client]struct{})
	x.pause.mu.Unlock()
	for cl := range paused {
		cl.Sess.Conn.Resume()
	}
}

// PausedUntil gives the end of the pause in Unix milliseconds, and whether only
// writes wait. All workers must be stopped.
func (x *Exec) PausedUntil() (until int64, writesOnly, on bool) {
	return x.pause.until, x.pause.writes, x.Alerted(AlertPaused)
}

// Paused is the number of clients that wait.
func (x *Exec) Paused() int {
	x.pause.mu.Lock()
	defer x.pause.mu.Unlock()
	return len(x.pause.paused)
}

// pauses tells whether a command has to wait, and notes its client if so.
func (x *Exec) pauses(c *command.Ctx, cl *Client) bool {
	s := &cl.Sess
	p := &x.pause
	if s.Conn == nil || s.Flags&(session.Replica|session.Master) != 0 {
		return false
	}
	if s.Flags&session.Multi != 0 && c.Spec.Flags&command.Immediate == 0 {
		return false // it is queued
	}
	if p.writes && !cl.has(c, command.Write|command.MayReplicate) {
		return false
	}
	p.mu.Lock()
	p.paused[cl] = struct{}{}
	p.mu.Unlock()
	s.Flags |= session.Paused
	if !x.Alerted(AlertPaused) { // it ended meanwhile
		s.Conn.Resume()
	}
	return true
}

// forget drops every reference to a client that is gone.
func (x *Exec) forget(cl *Client) {
	x.pause.mu.Lock()
	delete(x.pause.paused, cl)
	x.pause.mu.Unlock()
}
