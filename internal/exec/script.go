package exec

import (
	"fmt"
	"iter"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/redstart-db/redstart/internal/acl"
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/session"
	"github.com/redstart-db/redstart/internal/store"
)

// scripting runs commands that run scripts, EVAL and the like, and EXEC with one of
// them in its queue. One at a time: whoever runs one has World.
//
// # Two phases
//
// At first all workers are stopped, as for an Exclusive command. No shard is locked
// but those that the script's commands have needed, which stay locked to the end.
//
// A script that runs for longer than busy-reply-threshold is detached: the workers go
// on, and a gate refuses nearly all commands with BUSY. World stays held, so nobody
// else stops the workers, and so do the shards. The client is suspended like one that
// waits for a key. When the script ends the workers are stopped again, and the rest of
// its command runs as if nothing had been.
//
// For this the command runs in a coroutine of its own: it can go on in any goroutine,
// wherever in the interpreter it is. It works on a worker of its own, so nothing that
// it uses belongs to the worker of the client.
//
// Shards are locked in any order, as nobody who holds one waits for another meanwhile:
// workers are stopped or refuse, and those beside them try only (see widen).
type scripting struct {
	x *Exec
	w *Worker // has no connections

	next  func() (finished, ok bool)
	stop  func()
	yield func(bool) bool
	later sync.WaitGroup // clients that leave when the script has ended
	late  lateWatching

	// Of the command that runs. They belong to its goroutine.
	cl       *Client
	since    int64 // the clock when the workers were stopped
	args     [][]byte
	detached bool   // its client waits
	busy     bool   // the workers go on
	replayed bool   // it stands in an append only file
	client   string // describes its client, as it was when that began to wait
	waits    *waiter

	// Of the script that runs.
	inner command.Ctx // of its commands
	sess  session.Session
	opts  command.ScriptOptions
	held  store.LockSet
	logs  store.LockSet // of them, those whose expired keys are logged with it
	now   int64         // Unix milliseconds, which stand still
	nano  int64         // the last reading of the clock
	start int64
	oom   bool // over maxmemory at its start
	inTx  bool // its command is in the queue of an EXEC

	running atomic.Pointer[command.RunningScript] // nil before the script is busy
	slow    bool                                  // it has run for too long, and the log says so
	read    bool                                  // a command of it has read keys
	wrote   atomic.Bool                           // a command that writes has run, even if it changed nothing
	kill    atomic.Bool
	dropped atomic.Bool // what it did is not logged
	ending  atomic.Bool // no script goes on any more
}

func (s *scripting) init(x *Exec) {
	s.x = x
	s.w = newWorker(x, true)
	s.inner = command.Ctx{Env: x.Env, Stats: s.w.Stats}
	x.World.add(s.w)
}

const (
	busyEval     = "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE."
	busyFunction = "BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE."
)

func (s *scripting) busyText() string {
	if r := s.running.Load(); r != nil && r.Function {
		return busyFunction
	}
	return busyEval
}

// callScript is call for a command that runs scripts.
func (x *Exec) callScript(w *Worker, c *command.Ctx, cl *Client) {
	s := &x.script
	if !w.stopped {
		if !x.World.stopFrom(w, false) {
			x.rejected(c, cl, x.script.busyText())
			return
		}
		if cl.gone || x.refusedMeanwhile(c, cl) {
			x.World.goFrom(w)
			return
		}
		w.stopped, s.since = true, c.Nano()
	}
	s.cl, s.args, s.detached, s.held = cl, c.Args, false, 0
	sc := &s.w.ctx
	sc.Out = sc.Out[:0]
	sc.Begin(&cl.Sess, c.Spec, c.Args, c.Nano())
	sc.SetNow(c.Now())
	if s.resume(w.shared) {
		c.Out = append(c.Out, sc.Out...)
		c.Took(sc)
		s.cl, s.args, sc.Args = nil, nil, nil
		if cap(sc.Out) > batchOutput {
			sc.Out = nil
		}
		w.nano = s.w.nano
		if !w.more || w.nano-s.since > keepStopped {
			x.letGo(w)
		}
		return
	}
	w.stopped = false
	s.detach()
	for _, k := range x.World.workers {
		if k != w && k != s.w {
			k.mu.Unlock()
		}
	}
	x.World.setBusy(true)
	s.later.Go(s.goOn)
}

// keepStopped is for how long, in nanoseconds, scripts that follow each other in a
// pipeline run without the workers going on in between.
const keepStopped = 100_000

// letGo lets the other workers go on after scripts.
func (x *Exec) letGo(w *Worker) {
	w.stopped = false
	x.World.goFrom(w)
}

// resume runs the command on, and tells whether it has finished. A coroutine may only
// be switched to by a goroutine that is not bound to a thread, which nobody knows of
// whoever calls into an instance inside the process.
func (s *scripting) resume(foreign bool) bool {
	if !foreign {
		return s.step()
	}
	done := make(chan bool)
	go func() { done <- s.step() }()
	return <-done
}

func (s *scripting) step() bool {
	if s.next == nil {
		s.next, s.stop = iter.Pull(func(yield func(bool) bool) {
			s.yield = yield
			for s.run(); yield(true); s.run() {
			}
		})
	}
	finished, _ := s.next()
	return finished
}

// run runs the command, in the coroutine.
func (s *scripting) run() {
	x, c, cl := s.x, &s.w.ctx, s.cl
	defer func() {
		if r := recover(); r != nil {
			crash(r)
		}
	}()
	x.invoke(c)
	c.Hold(s.held, store.Key{})
	x.finish(s.w, c, cl)
	x.Store.Unlock(s.held)
	s.held = 0
	if s.w.again != 0 {
		x.serveAgain(s.w)
	}
	x.measure(s.w, c, cl)
}

// crash ends the process: a handler has panicked, and an interpreter would make that
// an error of the script.
func crash(r any) {
	text := fmt.Sprintf("%v\n%s", r, debug.Stack())
	go func() { panic(text) }()
	select {}
}

// detach makes the client wait for the end of the script. The workers are stopped.
func (s *scripting) detach() {
	cl := s.cl
	s.detached, s.client = true, s.w.ctx.Client()
	s.waits = &waiter{cl: cl, wait: &command.Wait{Firm: true}, spec: s.w.ctx.Spec}
	s.waits.mute = cl.Sess.Flags&(session.ReplyOff|session.ReplySkip) != 0
	cl.waits = s.waits
	cl.Sess.Flags |= session.Blocked
}

// goOn runs a detached command to its end.
func (s *scripting) goOn() {
	x := s.x
	for !s.step() {
		s.letGo()
	}
	out := append([]byte(nil), s.w.ctx.Out...)
	w := s.waits
	s.cl, s.args, s.waits, s.w.ctx.Args = nil, nil, nil, nil
	w.end(out)
	x.World.Go()
}

// letGo lets the workers run while the script does.
func (s *scripting) letGo() {
	for _, k := range s.x.World.workers {
		if k != s.w {
			k.mu.Unlock()
		}
	}
	s.x.World.setBusy(true)
}

// stopAgain undoes letGo.
func (s *scripting) stopAgain() {
	for _, k := range s.x.World.workers {
		if k != s.w {
			k.mu.Lock()
		}
	}
	s.x.World.setBusy(false)
}

// becomeBusy leaves the goroutine to its worker; it returns in another. Whoever replays a
// file is no worker's, and goes on.
func (s *scripting) becomeBusy() {
	if s.replayed {
		s.busy = true
		s.x.Alert(AlertBusy, true)
		s.letGo()
		return
	}
	if !s.detached {
		// The request lies in the input of the connection.
		s.w.ctx.Args, _ = copyArgs(s.args)
	}
	s.busy = true
	s.x.Alert(AlertBusy, true)
	s.yield(false)
}

// BeginScript begins a script on behalf of a command that runs in callScript.
func (x *Exec) BeginScript(c *command.Ctx, o command.ScriptOptions) {
	s := &x.script
	cs := c.Sess
	s.sess = session.Session{
		ID: cs.ID, Name: cs.Name, User: cs.User, DB: cs.DB, Proto: 2, Owner: cs.Owner,
		Flags: cs.Flags&(session.NoTouch|session.Master|session.Restricted|session.Tracks|session.Caching) | session.Script | session.InExec,
	}
	s.opts, s.now, s.nano, s.start = o, c.Now(), s.w.nano, c.Nano()
	s.nano = max(s.nano, s.start)
	s.inTx = cs.Flags&session.InExec != 0
	if s.inTx {
		s.held = c.Held()
	}
	s.oom = x.Store.Over() > 0 && x.Alerted(AlertMemory)
	s.read, s.slow = false, false
	if s.wrote.Load() {
		s.wrote.Store(false)
	}
	if s.kill.Load() {
		s.kill.Store(false)
	}
	if x.monitors.Load() != nil && !s.inTx {
		x.feed(c)
	}
}

// EndScript ends it. The workers are stopped again.
func (x *Exec) EndScript(c *command.Ctx) {
	s := &x.script
	if s.busy {
		s.busy = false
		s.stopAgain()
		x.Alert(AlertBusy, false)
		s.watchNow()
	}
	if s.running.Load() != nil {
		s.running.Store(nil)
	}
	if s.read { // then the keys that the script has named count as read
		held := c.Held()
		c.Hold(s.held, store.Key{})
		x.RememberKeys(c)
		c.Hold(held, store.Key{})
	}
	if s.inTx {
		s.held = 0 // EXEC's
		return
	}
	if s.logs != 0 {
		x.collect(s.w, s.logs, false)
		s.logs = 0
	}
	if len(s.w.effects) > 0 {
		if !s.dropped.Load() {
			c.Sess.Logged = x.Log.Append(s.w.effects...)
		}
		clear(s.w.effects)
		s.w.effects = s.w.effects[:0]
	}
}

// PollScript tells why the script has to end, if it has. When it has run for too long
// the workers go on.
func (x *Exec) PollScript() string {
	s := &x.script
	if s.kill.Load() || s.ending.Load() {
		return "ERR Script killed by user with SCRIPT KILL..."
	}
	limit := x.Config.BusyReplyThreshold
	if s.busy || s.slow || limit <= 0 {
		return ""
	}
	if s.nano = x.Clock.Nano(); s.nano-s.start >= limit*1e6 {
		s.slow = true
		x.Logger.Warn("Slow script detected: still in execution after "+fmt.Sprint((s.nano-s.start)/1e6)+
			" milliseconds. You can try killing the script using the SCRIPT KILL command.", "script", s.opts.Name)
		s.running.Store(&command.RunningScript{Name: s.opts.Name, Function: s.opts.Function, Start: s.start, Command: s.shown()})
		s.becomeBusy()
	}
	return ""
}

// shown is the command that runs the script.
func (s *scripting) shown() []string {
	args := s.w.ctx.Args
	all := make([]string, 0, min(len(args), 32))
	for _, a := range args[:cap(all)] {
		all = append(all, string(a))
	}
	return all
}

// KillScript ends the script, or the function, that runs, and gives the reply to
// whoever asks for it: empty is success. No lock is needed.
func (x *Exec) KillScript(function bool) string {
	s := &x.script
	r := s.running.Load()
	switch {
	case r == nil:
		return "NOTBUSY No scripts in execution right now."
	case r.Function != function:
		return s.busyText()
	case s.wrote.Load():
		return "UNKILLABLE Sorry the script already executed write commands against the dataset. You can either " +
			"wait the script termination or kill the server in a hard way using the SHUTDOWN NOSAVE command."
	}
	s.kill.Store(true)
	return ""
}

// RunningScript is the script that runs for too long, or nil: while another runs nobody
// else does. No lock is needed.
func (x *Exec) RunningScript() *command.RunningScript { return x.script.running.Load() }

// abandon ends the script although it has written: nothing will be kept.
func (s *scripting) abandon() {
	s.dropped.Store(true)
	s.kill.Store(true)
}

// AbandonScripts ends what runs, for the end of the instance.
func (x *Exec) AbandonScripts() { x.script.abandon() }

// EndScripts is AbandonScripts for all that may begin yet, too.
func (x *Exec) EndScripts() {
	x.script.ending.Store(true)
	x.script.abandon()
}

// CloseScripts waits for the end of what EndScripts has ended. No command runs
// any more.
func (x *Exec) CloseScripts() {
	x.script.later.Wait()
	if x.script.stop != nil {
		x.script.stop()
	}
}

// ScriptProto sets the protocol of the replies to a script.
func (x *Exec) ScriptProto(proto int) { x.script.sess.Proto = uint8(proto) }

// CallFromScript runs a command for a script and gives its reply, which is valid until
// the next call.
func (x *Exec) CallFromScript(args [][]byte) []byte {
	s := &x.script
	c := &s.inner
	if cap(c.Out) > batchOutput {
		c.Out = nil
	}
	c.Out = c.Out[:0]
	spec, ok := x.Table.Resolve(args)
	if !ok {
		spec = nil
	}
	c.Begin(&s.sess, spec, args, s.nano)
	c.SetNow(s.now)
	if text := s.refusal(c, args); text != "" {
		if spec != nil {
			c.Stats.Rejected(spec.ID)
		}
		c.Err(text)
		return c.Out
	}
	defer func() {
		if r := recover(); r != nil {
			crash(r)
		}
	}()
	if spec.Flags&command.Write != 0 && !s.wrote.Load() {
		s.wrote.Store(true)
	}
	stopped := s.busy && spec.Flags&command.Exclusive != 0
	if stopped { // it may change what workers read
		for _, k := range x.World.workers {
			if k != s.w {
				k.mu.Lock()
			}
		}
	}
	s.lock(c)
	db := c.DB()
	x.invoke(c)
	if x.monitors.Load() != nil {
		x.feedMonitors(c)
	}
	s.read = s.read || spec.Flags&command.ReadOnly != 0
	if n := c.Changes(); n > 0 {
		s.w.Changes += uint64(n)
	}
	if c.Logging() {
		if e := c.Effects(db); e.Count > 0 {
			e.Cmds = append([]byte(nil), e.Cmds...)
			s.w.effects = append(s.w.effects, e)
		}
	}
	if stopped {
		for _, k := range x.World.workers {
			if k != s.w {
				k.mu.Unlock()
			}
		}
	}
	end := x.Clock.Nano()
	took := end - s.nano
	s.nano = end
	c.Stats.Command(spec.ID, took)
	if c.Failed() {
		c.Stats.Failed(spec.ID)
	}
	x.slow(c, &s.cl.Sess, took)
	return c.Out
}

// lock locks the shards of a command, besides those that are.
func (s *scripting) lock(c *command.Ctx) {
	x := s.x
	var need store.LockSet
	if c.Spec.Single {
		k := x.Store.Key(c.Args[1])
		need = x.Store.Of(k.H)
		s.hold(c, need)
		c.Hold(s.held, k)
		return
	}
	if c.Spec.Flags&command.Exclusive != 0 {
		need = x.Store.All()
	} else {
		need = x.locks(s.w, c)
	}
	s.hold(c, need)
	c.HoldKeys(s.held, s.w.keys, s.w.hashes)
	if c.Spec.Flags&command.Exclusive != 0 {
		c.Hold(s.held, store.Key{})
	}
}

func (s *scripting) hold(c *command.Ctx, need store.LockSet) {
	if need &^= s.held; need == 0 {
		return
	}
	s.x.Store.Lock(need)
	s.held |= need
	if c.Logging() {
		s.x.collect(s.w, need, true)
		s.logs |= need
	}
}

// refusal tells why a script may not run a command.
func (s *scripting) refusal(c *command.Ctx, args [][]byte) string {
	x, spec := s.x, c.Spec
	if spec == nil {
		return "ERR Unknown Redis command called from script"
	}
	if !spec.Takes(len(args)) {
		return "ERR Wrong number of args calling Redis command from script"
	}
	if spec.Flags&command.NoScript != 0 && !x.ScriptsRunAll {
		return "ERR This Redis command is not allowed from script"
	}
	if text := x.refusedToScript(c); text != "" {
		return text
	}
	alert := Alert(x.alert.Load())
	if alert&AlertMasterDown != 0 && spec.Flags&command.Stale == 0 {
		return "ERR Can not execute the command on a stale replica"
	}
	if spec.Flags&(command.Write|command.MayReplicate) != 0 {
		if s.opts.ReadOnly {
			return "ERR Write commands are not allowed from read-only scripts."
		}
		if spec.Flags&command.Write != 0 && s.sess.Flags&session.Master == 0 {
			switch {
			case alert&AlertReadOnly != 0:
				return command.ErrReadOnly
			case alert&AlertDisk != 0:
				return errDisk
			case alert&AlertAppendFile != 0:
				if text := x.appendFile.Load(); text != nil {
					return *text
				}
			case alert&AlertNoReplicas != 0:
				return command.ErrNoReplicas
			}
		}
	}
	if s.oom && spec.Flags&command.DenyOOM != 0 && !s.opts.AllowOOM && !s.wrote.Load() {
		return command.ErrOOM
	}
	return ""
}

// MayRun tells whether the user of a script's client may run a command, and whether
// there is such a command.
func (x *Exec) MayRun(_ *command.Ctx, args [][]byte) (allowed, known bool) {
	s := &x.script
	spec, ok := x.Table.Resolve(args)
	if !ok {
		return false, false
	}
	c := command.Ctx{Env: x.Env, Stats: s.w.Stats}
	c.Begin(&s.sess, spec, args, s.nano)
	reason, _ := c.Denied(s.sess.User)
	return reason == acl.Allowed, true
}
