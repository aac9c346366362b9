package exec

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/session"
	"github.com/redstart-db/redstart/internal/store"
)

// transaction is what a client has queued since MULTI and what it watches.
type transaction struct {
	queue   []queued
	flags   command.Flag // of all queued commands together
	data    bool         // one of them may not run while data is loaded
	watched []watchedKey
	names   map[watchedName]struct{} // of watched, once there are many
	watcher store.Watcher
	late    int          // of watched, the last ones: they are entered when a script has ended
	dropped []watchedKey // still entered, until then
}

// queued is a command that waits for EXEC. Its arguments are a copy.
type queued struct {
	spec *command.Spec
	args [][]byte
}

// TransactionSpecs is the family of commands that the executor runs itself.
func (x *Exec) TransactionSpecs() []command.Spec {
	const common = command.NoScript | command.Loading | command.Stale | command.Fast | command.AllowBusy
	return []command.Spec{
		{Name: "multi", Arity: 1, Flags: common | command.Immediate, Run: x.multi},
		{Name: "exec", Arity: 1, Flags: command.NoScript | command.Loading | command.Stale | command.SkipSlowlog |
			command.Immediate, Run: x.exec},
		{Name: "discard", Arity: 1, Flags: common | command.Immediate, Run: x.discardCommand},
		{Name: "watch", Arity: -2, Flags: common | command.Immediate, First: 1, Last: -1, Step: 1, Run: x.watch},
		{Name: "unwatch", Arity: 1, Flags: common, Run: x.unwatch},
	}
}

func owner(c *command.Ctx) *Client { return c.Sess.Owner.(*Client) }

func (x *Exec) multi(c *command.Ctx) {
	if c.Sess.Flags&session.Multi != 0 {
		c.Err(command.ErrNestedMulti)
		return
	}
	c.Sess.Flags |= session.Multi
	c.OK()
}

// enqueue copies a request into the queue, in one piece of memory.
func (cl *Client) enqueue(c *command.Ctx) {
	args, size := copyArgs(c.Args)
	cl.tx.queue = append(cl.tx.queue, queued{c.Spec, args})
	cl.tx.flags |= c.Flags() | c.Spec.FlagsOf(args)&(command.AllShards|command.Script)
	cl.tx.data = cl.tx.data || c.Spec.Flags&command.Loading == 0
	cl.Sess.MultiLen = len(cl.tx.queue)
	cl.Sess.MultiMem += size + 8*len(args)
}

// copyArgs copies arguments, in one piece of memory of so many bytes.
func copyArgs(args [][]byte) (all [][]byte, size int) {
	for _, a := range args {
		size += len(a)
	}
	flat := make([]byte, 0, size)
	all = make([][]byte, len(args))
	for i, a := range args {
		n := len(flat)
		flat = append(flat, a...)
		all[i] = flat[n:len(flat):len(flat)]
	}
	return all, size
}

func (x *Exec) discardCommand(c *command.Ctx) {
	if c.Sess.Flags&session.Multi == 0 {
		c.Err(command.ErrNoMultiDisc)
		return
	}
	cl := owner(c)
	cl.endTransaction()
	cl.unwatch(c.Held())
	c.OK()
}

// endTransaction forgets the queue.
func (cl *Client) endTransaction() {
	cl.tx.queue, cl.tx.flags, cl.tx.data = nil, 0, false
	cl.Sess.Flags &^= session.Multi | session.DirtyExec
	cl.Sess.MultiMem, cl.Sess.MultiLen = 0, 0
}

// Discard ends a transaction and forgets all watched keys, for RESET.
func (cl *Client) Discard(c *command.Ctx) {
	cl.endTransaction()
	cl.unwatch(c.Held())
}

// exec runs the queue. All shards that its commands and the watched keys need
// are locked from the check of the watched keys to the last effect, so that
// nothing comes in between.
func (x *Exec) exec(c *command.Ctx) {
	if c.Sess.Flags&session.Multi == 0 {
		c.Err(command.ErrNoMultiExec)
		return
	}
	cl := owner(c)
	if c.Sess.Flags&session.DirtyExec != 0 {
		cl.endTransaction()
		cl.unwatch(0)
		c.Err(command.ErrExecAbort)
		return
	}
	w := cl.w
	locks, exclusive := x.transactionLocks(cl)
	if cl.tx.flags&command.Script != 0 {
		w = x.script.w // callScript has stopped all workers
		locks = x.Store.All()
	} else if exclusive {
		if !x.World.stopFrom(w, false) {
			x.reject(c, cl, x.script.busyText())
			return
		}
		defer x.World.goFrom(w)
		// Another one's command may have closed the connection meanwhile.
		if cl.gone || x.refusedMeanwhile(c, cl) {
			return
		}
	}
	x.Store.Lock(locks)
	defer func() { // for whoever sees to EXEC afterwards
		c.Hold(0, store.Key{})
		x.Store.Unlock(locks)
	}()
	c.Hold(locks, store.Key{})
	changed := false
	for i := range cl.tx.watched {
		changed = x.hasChanged(&cl.tx.watched[i], c.Now()) || changed
	}
	if changed || cl.tx.watcher.Changed.Load() {
		cl.endTransaction()
		cl.unwatch(locks)
		c.NullArray()
		return
	}
	queue := cl.tx.queue
	cl.unwatch(locks)
	x.runQueue(w, c, cl, queue)
	if x.tracked.on.Load() {
		x.tellAbout(c, cl)
	}
	if x.waiting.Load() != 0 {
		x.serve(w, locks)
	}
	cl.endTransaction()
	if exclusive {
		x.transactionPaused()
	}
}

// transactionLocks is the union of what the queued commands lock.
func (x *Exec) transactionLocks(cl *Client) (locks store.LockSet, exclusive bool) {
	for _, k := range cl.tx.watched {
		locks |= x.Store.Of(k.key.H)
	}
	if cl.tx.flags&command.Exclusive != 0 {
		return x.Store.All(), true
	}
	if cl.tx.flags&(command.AllShards|command.NoLock) != 0 {
		return x.Store.All(), false
	}
	var keys []int
	for _, q := range cl.tx.queue {
		keys = q.spec.KeyIndexes(q.args, keys[:0])
		for _, i := range keys {
			locks |= x.Store.Of(x.Store.Key(q.args[i]).H)
		}
	}
	return locks, false
}

// runQueue runs the commands of a transaction; c is EXEC's and becomes so again.
func (x *Exec) runQueue(w *Worker, c *command.Ctx, cl *Client, queue []queued) {
	s := &cl.Sess
	s.Flags |= session.InExec
	execSpec, execArgs, start, now := c.Spec, c.Args, c.Nano(), c.Now()
	held := c.Held()
	logging := x.Log.Active()
	if logging {
		x.collect(w, held, true)
	}
	c.Array(len(queue))
	last := -1 // where replies end when a command closes the connection
	first := len(c.Out)
	for _, q := range queue {
		switch {
		case last >= 0:
			c.Out = c.Out[:last] // nobody will read it
		case s.Flags&session.Closing != 0:
			last = len(c.Out)
		case cl.replyTooLarge(len(c.Out) - first):
			// The other commands run, but there is to be no end of
			// memory for what they reply.
			cl.overOutputLimit()
			s.Flags |= session.Closing
			last = len(c.Out)
		}
		before := x.Clock.Nano()
		c.Begin(s, q.spec, q.args, before)
		c.SetNow(now)
		c.Hold(held, store.Key{})
		if text := x.queuedRefusal(c, cl); text != "" {
			c.Stats.Rejected(q.spec.ID)
			c.Err(text)
			continue
		}
		db := c.DB()
		x.invoke(c)
		if x.monitors.Load() != nil {
			x.feedMonitors(c)
		}
		if s.Flags&session.Tracks != 0 {
			x.Remember(c)
		}
		if n := c.Changes(); n > 0 {
			w.Changes += uint64(n)
		}
		if c.Logging() {
			if e := c.Effects(db); e.Count > 0 {
				e.Cmds = append([]byte(nil), e.Cmds...)
				w.effects = append(w.effects, e)
			}
		}
		x.measure(w, c, cl)
	}
	if logging {
		x.collect(w, held, false)
		if len(w.effects) > 0 {
			s.Logged = x.Log.Append(w.effects...)
		}
		clear(w.effects)
		w.effects = w.effects[:0]
	}
	if last >= 0 {
		c.Out = c.Out[:last]
	}
	s.Flags &^= session.InExec
	c.Begin(s, execSpec, execArgs, start)
	c.SetNow(now)
}

// queuedRefusal tells why a queued command may not run after all: the state of
// the server may have changed since it was queued.
func (x *Exec) queuedRefusal(c *command.Ctx, cl *Client) string {
	if cl.Sess.Flags&session.NeedAuth != 0 && c.Spec.Flags&command.NoAuth == 0 {
		return command.ErrNoAuth
	}
	if cl.Sess.Flags&session.Restricted != 0 {
		return x.refusedInExec(c)
	}
	return ""
}
