package exec

import (
	"errors"
	"fmt"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/session"
	"github.com/redstart-db/redstart/internal/store"
)

// Replay runs the commands of an append only file, which have run before: no gate
// can refuse them, nobody is told of them, and they are not counted. While it goes
// on, nothing else may change the data (AlertLoading), nothing expires
// (BeginLoading), and nobody may listen to the oplog.
//
// It belongs to one goroutine.
type Replay struct {
	cl     *Client
	reqs   [lookahead]request
	failed int
}

// UnknownCommand is a command of the file that there is not.
type UnknownCommand string

func (e UnknownCommand) Error() string { return "Unknown command '" + string(e) + "'" }

// NewReplay begins a replay.
func (x *Exec) NewReplay() *Replay {
	r := &Replay{cl: x.NewClient(nil, -1)}
	r.cl.Sess.Flags |= session.Master // it is to be obeyed in what a client may not ask for
	for i := range r.reqs {
		r.reqs[i].args = nil
	}
	return r
}

// Close ends the replay.
func (r *Replay) Close() { r.cl.Closed(nil) }

// Failed is how many commands have failed, which is none where all that changed the data
// was logged, and in its order.
func (r *Replay) Failed() int { return r.failed }

// Queueing tells whether the last command was part of a transaction whose EXEC is
// still to come.
func (r *Replay) Queueing() bool { return r.cl.Sess.Flags&session.Multi != 0 }

// Run runs commands, whose bytes are borrowed for the call, and gives the number
// of those that have run. An error is of the one that follows. Clients of the worker are
// answered in between.
func (r *Replay) Run(cmds [][][]byte) (n int, err error) {
	for n < len(cmds) && err == nil {
		var k int
		k, err = r.few(cmds[n:min(n+lookahead, len(cmds))])
		n += k
	}
	return n, err
}

// few is Run of a few commands, with the worker locked. Who waits for that longer than a
// millisecond is next: so it is with a Mutex.
func (r *Replay) few(cmds [][][]byte) (n int, err error) {
	w := r.cl.w
	w.turn.Lock()
	defer w.turn.Unlock()
	w.mu.Lock()
	defer w.mu.Unlock()
	c := &w.ctx
	out := c.Out
	c.Out = nil
	defer func() { c.Out, c.Args = out, nil }()
	w.nano = r.cl.x.Clock.Nano()
	for i := range cmds {
		q := &r.reqs[i]
		q.args, q.key = cmds[i], store.Key{}
		if q.spec, err = r.resolve(q.args); err != nil {
			cmds = cmds[:i]
			break
		}
	}
	r.cl.prefetch(r.reqs[:len(cmds)])
	for n = range cmds {
		if err := r.one(c, &r.reqs[n]); err != nil {
			return n, err
		}
	}
	return len(cmds), err
}

// resolve finds a command and checks the number of its arguments.
func (r *Replay) resolve(args [][]byte) (*command.Spec, error) {
	spec := r.cl.x.resolve(r.cl, args)
	if spec == nil {
		return nil, UnknownCommand(args[0])
	}
	if !spec.Takes(len(args)) {
		return nil, fmt.Errorf("Wrong number of arguments for command '%s'", spec.Name)
	}
	return spec, nil
}

// one runs one command, or queues it.
func (r *Replay) one(c *command.Ctx, q *request) error {
	cl, x := r.cl, r.cl.x
	s := &cl.Sess
	c.Begin(s, q.spec, q.args, cl.w.nano)
	c.Out = c.Out[:0]
	switch {
	case q.spec == x.execSpec:
		return r.exec(c)
	case q.spec.Name == "multi":
		if s.Flags&session.Multi != 0 {
			return errors.New("MULTI inside MULTI")
		}
		s.Flags |= session.Multi
		return nil
	case q.spec.Name == "select":
	case q.spec.Flags&(command.Write|command.MayReplicate) == 0:
		return nil // whatever it replied, the data is the same
	}
	if s.Flags&session.Multi != 0 {
		cl.enqueue(c)
		return nil
	}
	r.call(c, q.key)
	return r.failure(c)
}

// call is Exec.call for those whom nobody watches.
func (r *Replay) call(c *command.Ctx, k store.Key) {
	x, w, spec := r.cl.x, r.cl.w, c.Spec
	switch {
	case spec.Flags&command.Exclusive != 0:
		x.World.stopFrom(w, true)
		all := x.Store.All()
		x.Store.Lock(all)
		c.Hold(all, store.Key{})
		x.invoke(c)
		x.Store.Unlock(all)
		x.World.goFrom(w)
	case spec.Flags&command.Script != 0:
		r.script(c)
	case spec.Single:
		if k.B == nil {
			k = x.Store.Key(c.Args[1])
		}
		sh := x.Store.ShardOf(k.H)
		sh.Lock()
		c.Hold(x.Store.Of(k.H), k)
		x.invoke(c)
		sh.Unlock()
	default:
		locks := x.locks(w, c)
		x.Store.Lock(locks)
		c.HoldKeys(locks, w.keys, w.hashes)
		x.invoke(c)
		x.Store.Unlock(locks)
	}
}

// script is Exec.callScript: old files have EVAL. It holds all shards.
func (r *Replay) script(c *command.Ctx) {
	x, w, s := r.cl.x, r.cl.w, &r.cl.x.script
	x.World.stopFrom(w, true)
	all := x.Store.All()
	x.Store.Lock(all)
	c.Hold(all, store.Key{})
	s.cl, s.held, s.replayed = r.cl, all, true
	x.invoke(c)
	s.cl, s.held, s.replayed = nil, 0, false
	x.Store.Unlock(all)
	x.World.goFrom(w)
}

// exec runs the commands queued since MULTI.
func (r *Replay) exec(c *command.Ctx) error {
	cl, x := r.cl, r.cl.x
	s := &cl.Sess
	if s.Flags&session.Multi == 0 {
		return errors.New("EXEC without MULTI")
	}
	locks, exclusive := x.transactionLocks(cl)
	scripts := cl.tx.flags&command.Script != 0
	if scripts {
		locks = x.Store.All()
	}
	if exclusive || scripts {
		x.World.stopFrom(cl.w, true)
		defer x.World.goFrom(cl.w)
	}
	x.Store.Lock(locks)
	defer x.Store.Unlock(locks)
	queue := cl.tx.queue
	cl.endTransaction()
	if scripts {
		x.script.cl, x.script.replayed = cl, true
		defer func() { x.script.cl, x.script.replayed = nil, false }()
	}
	s.Flags |= session.InExec
	defer func() { s.Flags &^= session.InExec }()
	for _, q := range queue {
		c.Begin(s, q.spec, q.args, cl.w.nano)
		c.Hold(locks, store.Key{})
		c.Out = c.Out[:0]
		x.invoke(c)
		if err := r.failure(c); err != nil {
			return err
		}
	}
	return nil
}

// failure tells of a command that has failed. What failed when it ran first is not
// in the file, so that is worth a line in the log; the data that follows counts all
// the same, unless it would be put into the wrong database, or there is no room.
func (r *Replay) failure(c *command.Ctx) error {
	if !c.Failed() {
		return nil
	}
	text := c.LastError()
	if text == command.ErrArena || c.Spec.Name == "select" {
		return errors.New(text)
	}
	r.failed++
	r.cl.x.Logger.Warn(fmt.Sprintf("== CRITICAL == This server is sending an error to its append-only-file: '%s' after "+
		"processing the command '%s'", text, c.Spec.Name))
	return nil
}

// BeginLoading has the server load data: commands that need it are refused, nothing
// expires, and effects go nowhere. All workers must be stopped and all shards
// locked.
func (x *Exec) BeginLoading() {
	x.Alert(AlertLoading, true)
	x.HoldExpiry(AlertLoading, true)
	x.Log.Mute(true)
}

// EndLoading ends that. All workers must be stopped and all shards locked.
func (x *Exec) EndLoading() {
	x.Log.Mute(false)
	x.HoldExpiry(AlertLoading, false)
	x.Alert(AlertLoading, false)
}
