package node

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redstart-db/redstart/internal/aof"
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/command/server"
	"github.com/redstart-db/redstart/internal/config"
	"github.com/redstart-db/redstart/internal/exec"
	"github.com/redstart-db/redstart/internal/resp"
)

// shutdown is how an instance comes to its end.
//
// Somebody asks for it: a signal, SHUTDOWN, Close. While replicas lack something it
// waits for them, and writes are paused. Then everything is brought to disk. From that
// moment on no command runs any more, so that nothing is acknowledged that the files do
// not have; clients wait until Close closes their connections, which is after it has
// closed the listeners. Until then it can be called off, by SHUTDOWN ABORT or because
// the data cannot be saved.
//
// All but asked changes while the instance is frozen.
type shutdown struct {
	asked   atomic.Uint32 // the last signal, until the end it asks for is called off
	waiting atomic.Bool   // for replicas
	over    bool          // nothing runs any more
	until   int64         // when that ends, Unix milliseconds
	opts    server.ShutdownOptions
	clients []func(reply []byte) bool // that wait in SHUTDOWN
	// replicas tells how many there are, and how many of them lack something; nil
	// where there are none.
	replicas func() (all, lagging int)
}

// Signal is a signal that asks a server to end.
type Signal uint32

// The signals.
const (
	Interrupt Signal = iota + 1 // SIGINT
	Terminate                   // SIGTERM
)

// AskShutdown has the instance end soon, as the configuration wants it for a signal. It
// can be called from anywhere; Done tells of success.
//
// While data is loaded that is at once, as there is nothing to be saved: also where a script
// of the append only file never ends. A MIGRATE that waits for the other side, and so holds
// shards, is given up.
func (n *Node) AskShutdown(s Signal) {
	if n.Exec.Alerted(exec.AlertLoading) {
		n.QuitLoading()
	}
	n.links.Suspend()
	n.ending.asked.Store(uint32(s))
}

// Asked tells whether a signal has asked for the end, and that is not called off.
func (n *Node) Asked() bool { return n.ending.asked.Load() != 0 }

// tendShutdown does what signals have asked for, and ends the waiting for replicas. It
// is called about a hundred times a second, with nothing locked.
func (n *Node) tendShutdown() {
	sd := &n.ending
	asked := Signal(sd.asked.Load())
	if asked == 0 && !sd.waiting.Load() || n.stopping() {
		return
	}
	n.stopped(func() {
		switch {
		case sd.over:
		case sd.asked.Load() != 0 && !sd.waiting.Load():
			n.beginShutdown(signalOptions(n.Config, asked)) // what goes wrong is in the log
		case sd.waiting.Load() && (n.lagging() == 0 || n.env.Clock.NowMilli() >= sd.until):
			n.finishShutdown()
		}
	})
}

func (s Signal) String() string {
	if s == Interrupt {
		return "SIGINT"
	}
	return "SIGTERM"
}

// signalOptions are those of the SHUTDOWN that a signal stands for.
func signalOptions(cfg *config.Config, s Signal) server.ShutdownOptions {
	flags := cfg.ShutdownOnSigterm
	if s == Interrupt {
		flags = cfg.ShutdownOnSigint
	}
	return server.ShutdownOptions{
		Save: flags&config.ShutdownSave != 0, NoSave: flags&config.ShutdownNoSave != 0,
		Now: flags&config.ShutdownNow != 0, Force: flags&config.ShutdownForce != 0,
	}
}

// lagging is how many replicas lack something.
func (n *Node) lagging() int {
	if n.ending.replicas == nil {
		return 0
	}
	_, lagging := n.ending.replicas()
	return lagging
}

// beginShutdown begins to end the frozen instance, or joins what has begun. It is false
// when that has failed at once.
func (n *Node) beginShutdown(o server.ShutdownOptions) bool {
	sd := &n.ending
	if sd.waiting.Load() || sd.over {
		return true
	}
	if n.Exec.Alerted(exec.AlertLoading) { // what is there is not all
		o.Save, o.NoSave = false, true
	}
	sd.opts = o
	n.log.Warn("User requested shutdown...")
	if timeout := int64(n.Config.ShutdownTimeout); !o.Now && timeout > 0 && n.lagging() > 0 {
		n.log.Info("Waiting for replicas before shutting down.")
		n.Exec.Pause(exec.PauseShutdown, math.MaxInt64, true, false)
		sd.until = n.env.Clock.NowMilli() + timeout*1000
		sd.waiting.Store(true)
		return true
	}
	return n.finishShutdown()
}

// finishShutdown brings everything to disk and ends the frozen instance. It is false,
// and the instance goes on, when that has failed.
func (n *Node) finishShutdown() bool {
	sd := &n.ending
	if sd.replicas != nil {
		if all, lagging := sd.replicas(); all > 0 {
			n.log.Info(fmt.Sprintf("%d of %d replicas are in sync when shutting down.", all-lagging, all))
		}
	}
	if err := n.saveAll(sd.opts); err != nil && !sd.opts.Force {
		n.log.Warn("Errors trying to shut down the server. Check the logs for more information.")
		n.callOffShutdown()
		return false
	}
	n.end()
	return true
}

// end has nothing run any more in the frozen instance.
func (n *Node) end() {
	n.ending.waiting.Store(false)
	n.ending.over = true
	n.persist.End()
	n.Exec.Pause(exec.PauseShutdown, math.MaxInt64, false, false)
	n.Quit()
}

// callOffShutdown has the frozen instance go on.
func (n *Node) callOffShutdown() {
	sd := &n.ending
	sd.waiting.Store(false)
	sd.asked.Store(0)
	n.links.Resume()
	for _, end := range sd.clients {
		end(resp.AppendError(nil, command.ErrShutdown))
	}
	sd.clients = nil
	n.Exec.Unpause(exec.PauseShutdown)
}

var errFirstBase = errors.New("node: the append only file has no base yet")

// saveAll brings what the frozen instance has to its files, as the options of SHUTDOWN
// want it, and gives up what writes files beside the commands.
func (n *Node) saveAll(o server.ShutdownOptions) error {
	n.persist.Cancel()
	if n.aof.State() == aof.Waiting && n.aof.Rewriting() {
		if !o.Force {
			n.log.Warn("Writing initial AOF, can't exit")
			return errFirstBase
		}
		n.log.Warn("Writing initial AOF. Exit anyway.")
	}
	n.aof.Cancel()
	if n.aof.State() == aof.On {
		n.log.Info("Calling fsync() on the AOF file.")
		if err := n.aof.Sync(); err != nil { // what has been promised is on disk all the same
			n.log.Warn("Fail to fsync the AOF file: " + reason(err))
		}
	}
	if o.NoSave || !n.persist.Enabled() || len(n.Config.Save) == 0 && !o.Save {
		return nil
	}
	n.log.Info("Saving the final RDB snapshot before exiting.")
	err := n.persist.SaveNow()
	switch {
	case err == nil:
	case o.Force:
		n.log.Warn("Error trying to save the DB. Exit anyway.")
	default:
		n.log.Warn("Error trying to save the DB, can't exit.")
	}
	return err
}

// Shutdown implements server.Node.
func (s *self) Shutdown(o server.ShutdownOptions) bool { return s.n.beginShutdown(o) }

// AwaitShutdown implements server.Node.
func (s *self) AwaitShutdown(end func(reply []byte) bool) {
	sd := &s.n.ending
	sd.clients = append(sd.clients, end)
}

// AbortShutdown implements server.Node.
func (s *self) AbortShutdown() bool {
	sd := &s.n.ending
	switch {
	case sd.over:
		return false
	case sd.waiting.Load():
		s.n.callOffShutdown()
	case sd.asked.Swap(0) == 0:
		return false
	default:
		s.n.links.Resume()
	}
	s.n.log.Info("Shutdown manually aborted.")
	return true
}

// infoShutdown tells how long replicas will be waited for, while they are.
func (s *self) infoShutdown(w *server.InfoWriter) {
	if sd := &s.n.ending; sd.waiting.Load() {
		w.Int("shutdown_in_milliseconds", max(sd.until-s.n.env.Clock.NowMilli(), 0))
	}
}

// errHalf is why there was no last save.
var errHalf = errors.New("a script that did not end had written part of what it wanted to")

const (
	scriptPatience = 5 * time.Second // for a script, at the end
	scriptStep     = 10 * time.Millisecond
)

// SaveAndEnd does what SHUTDOWN NOW FORCE does, unless something like it has happened
// already. Close is to follow. An error tells that the files do not have all data.
//
// A script that does not end is given up. If it has written, what is in memory is nothing
// that anybody has wanted, and it is not saved. A MIGRATE is given up, and what the other
// side has not said that it has is still here.
func (n *Node) SaveAndEnd() (err error) {
	n.links.Close()
	half := false
	var mu sync.Mutex // guards half
	done := make(chan struct{})
	go func() {
		defer close(done)
		n.stopped(func() {
			mu.Lock()
			defer mu.Unlock()
			err = n.saveAndEnd(half)
		})
	}()
	for begin := time.Now(); ; {
		select {
		case <-done:
			return err
		case <-time.After(scriptStep):
		}
		r := n.Exec.RunningScript()
		if r == nil && time.Since(begin) < scriptPatience {
			continue
		}
		mu.Lock() // it is held while everything is saved, which may take longer
		if r == nil || n.Exec.KillScript(r.Function) != "" {
			n.Exec.AbandonScripts()
			half = true
		}
		mu.Unlock()
	}
}

// saveAndEnd is SaveAndEnd for the frozen instance.
func (n *Node) saveAndEnd(half bool) (err error) {
	if n.ending.over {
		return nil
	}
	o := server.ShutdownOptions{Now: true, Force: true, NoSave: half || n.Exec.Alerted(exec.AlertLoading)}
	err = n.saveAll(o)
	if half && len(n.Config.Save) > 0 && !n.Config.AppendOnly {
		err = errHalf
	}
	n.end()
	return err
}
