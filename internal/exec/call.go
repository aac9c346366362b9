package exec

import (
	"runtime/debug"
	"strings"
	"time"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/mem"
	"github.com/redstart-db/redstart/internal/session"
	"github.com/redstart-db/redstart/internal/store"
)

// resolve finds the command of a request, or nil. Most often it is the same as
// that of the request before.
func (x *Exec) resolve(cl *Client, args [][]byte) *command.Spec {
	if spec := cl.last; spec != nil && sameName(args[0], spec.Called) {
		return spec
	}
	spec, ok := x.Table.Resolve(args)
	if !ok {
		return nil
	}
	if len(spec.Subs) == 0 { // else the next request may name a subcommand
		cl.last = spec
	}
	return spec
}

// run takes one request through gates, queueing and call. It tells whether the
// request was dealt with; if not, the client has to wait and the request comes
// again.
func (x *Exec) run(w *Worker, c *command.Ctx, cl *Client, r *request) bool {
	s := &cl.Sess
	spec, args := r.spec, r.args
	if spec == nil {
		s.LastCmd = ""
		c.Begin(s, nil, args, w.nano)
		if !x.foreign(c, cl) {
			x.unknown(c, cl)
		}
		return true
	}
	if len(s.LastCmd) != len(spec.Name) || s.LastCmd != spec.Name {
		s.LastCmd = spec.Name
	}
	c.Begin(s, spec, args, w.nano)
	if !spec.Takes(len(args)) {
		x.reject(c, cl, command.WrongArity(spec.Name))
		return true
	}
	if uint32(s.Flags&attention)|x.alert.Load()|uint32(spec.Flags&gated) != 0 {
		switch x.gates(c, cl) {
		case refused:
			return true
		case waits:
			return false
		}
	}
	start := len(c.Out)
	x.call(w, c, cl, r.key)
	if s.Flags&(session.ReplyOff|session.ReplySkip|session.SkipNext|session.Caching) != 0 {
		x.mute(c, s, start)
	}
	return true
}

// sameName compares the name in a request with the name of the command before.
// Subcommands have none, so they are always looked up.
func sameName(got []byte, name string) bool {
	if len(got) != len(name) {
		return false
	}
	for i := range got {
		if got[i]|0x20 != name[i] {
			return false
		}
	}
	return true
}

// mute drops the reply of a client that wants none, and ends what CLIENT REPLY SKIP and
// CLIENT CACHING have asked for one command. What tells of subscriptions is
// no reply but a message, and stays.
func (x *Exec) mute(c *command.Ctx, s *session.Session, start int) {
	const listens = command.PubSub | command.Subscribed
	if s.Flags&(session.ReplyOff|session.ReplySkip) != 0 && (c.Spec == nil || !c.Spec.Has(listens) || c.Failed()) {
		c.Out = c.Out[:start]
	}
	s.Flags &^= session.ReplySkip
	if s.Flags&session.Caching != 0 && s.Flags&session.Multi == 0 && !ofClient(c.Spec) {
		s.Flags &^= session.Caching
	}
	if s.Flags&session.SkipNext != 0 {
		s.Flags = s.Flags&^session.SkipNext | session.ReplySkip
	}
}

// muteAnswer is mute for what a gate has answered instead of the command.
func (x *Exec) muteAnswer(c *command.Ctx, s *session.Session, start int) {
	if s.Flags&(session.ReplyOff|session.ReplySkip|session.SkipNext) != 0 {
		x.mute(c, s, start)
	}
}

// ofClient tells whether a command is a subcommand of CLIENT.
func ofClient(spec *command.Spec) bool {
	return spec != nil && (spec.Name == "client" || spec.Parent != nil && spec.Parent.Name == "client")
}

// call runs a command that has passed the gates, with its locks. k is the key of
// a command that has just one, if it has been hashed already.
func (x *Exec) call(w *Worker, c *command.Ctx, cl *Client, k store.Key) {
	spec := c.Spec
	if spec.Flags&command.Survey == command.Survey {
		x.survey(w, c, cl)
	} else if spec.Flags&command.Exclusive != 0 {
		if !x.World.stopFrom(w, spec.Flags&command.AllowBusy != 0) {
			x.rejected(c, cl, x.script.busyText())
			return
		}
		// Another one's command may have closed the connection meanwhile.
		if cl.gone || x.refusedMeanwhile(c, cl) {
			x.World.goFrom(w)
			return
		}
		all := x.Store.All()
		x.Store.Lock(all)
		c.Hold(all, store.Key{})
		x.invoke(c)
		x.finish(w, c, cl)
		x.Store.Unlock(all)
		x.World.goFrom(w)
	} else if spec.Single {
		if k.B == nil {
			k = x.Store.Key(c.Args[1])
		}
		sh := x.Store.ShardOf(k.H)
		sh.Lock()
		c.Hold(x.Store.Of(k.H), k)
		x.invoke(c)
		x.finish(w, c, cl)
		if cl.landing != nil {
			x.callLanded(w, c, cl, sh)
			return
		}
		sh.Unlock()
	} else if spec.Flags&command.Script != 0 || spec == x.execSpec && cl.tx.flags&command.Script != 0 {
		x.callScript(w, c, cl)
		return
	} else {
		locks := x.locks(w, c)
		x.Store.Lock(locks)
		c.HoldKeys(locks, w.keys, w.hashes)
		x.invoke(c)
		x.finish(w, c, cl)
		x.Store.Unlock(locks)
	}
	if w.again != 0 {
		x.serveAgain(w)
	}
	x.measure(w, c, cl)
}

// locks gives the shards of a command's keys. It leaves the keys and their
// hashes in w, and has what looking them up needs fetched meanwhile.
func (x *Exec) locks(w *Worker, c *command.Ctx) (locks store.LockSet) {
	spec := c.Spec
	w.keys, w.hashes = w.keys[:0], w.hashes[:0]
	if spec.FlagsOf(c.Args)&command.AllShards != 0 {
		return x.Store.All()
	}
	if spec.Flags&command.NoLock != 0 || spec.First == 0 && spec.Keys == nil {
		return 0
	}
	w.keys = spec.KeyIndexes(c.Args, w.keys)
	db := c.DB()
	for _, i := range w.keys {
		h := x.Store.Key(c.Args[i]).H
		w.hashes = append(w.hashes, h)
		locks |= x.Store.Of(h)
		if len(w.keys) > 1 {
			x.Store.Hint(h, db)
		}
	}
	if len(w.keys) > 1 {
		for _, h := range w.hashes[:min(len(w.hashes), maxHints)] {
			x.Store.HintRecord(h, db)
		}
	}
	return locks
}

// invoke calls the handler and turns exhausted memory into an error.
func (x *Exec) invoke(c *command.Ctx) {
	start := len(c.Out)
	defer func() {
		if r := recover(); r != nil {
			if r != mem.ErrExhausted {
				if x.Crashed != nil {
					x.Crashed(c, r, debug.Stack())
				}
				panic(r)
			}
			c.Out = c.Out[:start]
			c.Unwound()
			c.Err(command.ErrArena)
		}
	}()
	c.Spec.Run(c)
}

// finish hands the effects of a command to the oplog, and shows it to those who
// watch, with its locks held, so that both see commands in their order.
func (x *Exec) finish(w *Worker, c *command.Ctx, cl *Client) {
	if x.monitors.Load() != nil {
		x.feedMonitors(c)
	}
	if n := c.Changes(); n > 0 { // with no shard locked it may be read just now
		w.Changes += uint64(n)
	}
	if c.Logging() {
		if e := c.Effects(c.DB()); e.Count > 0 {
			c.Sess.Logged = x.Log.Add(e)
		}
	}
	if c.Waits() != nil {
		x.block(c, owner(c))
	}
	if x.tracked.on.Load() {
		x.track(c, cl)
	}
	if x.waiting.Load() != 0 {
		x.serve(w, c.Held())
	}
}

// measure counts the command and notes it when it was slow.
func (x *Exec) measure(w *Worker, c *command.Ctx, cl *Client) { x.measureSeries(w, c, cl, 1) }

// measureSeries is measure for n calls of the command that were one behind the other,
// of which the last is noted if all of them together were slow. Whether the others have
// failed is counted already.
func (x *Exec) measureSeries(w *Worker, c *command.Ctx, cl *Client, n int) {
	end := x.Clock.Nano()
	took := end - c.Nano()
	w.nano = end
	cl.Sess.Commands += uint64(n)
	spec := c.Spec
	w.Stats.Calls(spec.ID, took, n)
	if c.Failed() {
		w.Stats.Failed(spec.ID)
	}
	cfg := x.Config
	x.slow(c, c.Sess, took)
	if ms := took / 1e6; cfg.LatencyMonitorThreshold > 0 && ms >= cfg.LatencyMonitorThreshold {
		x.latency(c, ms)
	}
}

// slow notes a command, of the connection of s, that took so many nanoseconds, if it is
// slow; one that waits is noted when it is served.
func (x *Exec) slow(c *command.Ctx, s *session.Session, took int64) {
	limit, usec := x.Config.SlowlogLogSlowerThan, took/1000
	if usec < limit || limit < 0 || c.Waits() != nil || c.Spec.Flags&command.SkipSlowlog != 0 {
		return
	}
	x.Slow.Add(c.Now()/1000, usec, c.Shown(), address(s), c.Sess.Name)
}

func address(s *session.Session) string {
	if s.Conn == nil {
		return "?:0"
	}
	return s.Conn.RemoteAddr()
}

func (x *Exec) latency(c *command.Ctx, ms int64) {
	event := "command"
	if c.Spec.Flags&command.Fast != 0 {
		event = "fast-command"
	}
	x.Latency.Add(event, c.Now()/1000, ms)
}

// reject replies with an error to a command that did not come to run.
func (x *Exec) reject(c *command.Ctx, cl *Client, text string) {
	start := len(c.Out)
	x.rejected(c, cl, text)
	if s := &cl.Sess; s.Flags&(session.ReplyOff|session.ReplySkip|session.SkipNext|session.Caching) != 0 {
		x.mute(c, s, start)
	}
}

// rejected is reject where the reply is seen to afterwards, if the client wants none.
func (x *Exec) rejected(c *command.Ctx, cl *Client, text string) {
	if c.Spec != nil {
		c.Stats.Rejected(c.Spec.ID)
	}
	switch {
	case c.Spec != nil && c.Spec == x.execSpec:
		// An EXEC that may not run ends the transaction all the same.
		text = "EXECABORT Transaction discarded because of: " + strings.TrimPrefix(text, "ERR ")
		cl.endTransaction()
		cl.unwatch(0)
	case cl.Sess.Flags&session.Multi != 0:
		cl.Sess.Flags |= session.DirtyExec
	}
	c.Err(text)
}

// foreignEvery is how often the log tells of requests in another protocol, at most.
const foreignEvery = int64(time.Minute)

// foreign ends the connection of a client that speaks HTTP: most likely it is a browser
// that a page has made send requests here, and what follows would be commands in its body.
func (x *Exec) foreign(c *command.Ctx, cl *Client) bool {
	if !command.EqualFold(c.Args[0], "POST") && !command.EqualFold(c.Args[0], "HOST:") {
		return false
	}
	if conn := cl.Sess.Conn; conn == nil || conn.Network() == "pipe" { // the program itself, which is no browser
		return false
	}
	cl.Sess.Flags |= session.Closing
	now := x.Clock.Nano()
	if last := x.foreignAt.Load(); (last == 0 || now-last >= foreignEvery) && x.foreignAt.CompareAndSwap(last, now) {
		x.Logger.Warn("Possible SECURITY ATTACK detected: a client has sent POST or Host:, as a browser does that somebody misuses "+
			"to give commands to this server. Its connection is closed.", "addr", address(&cl.Sess))
	}
	return true
}

// unknown replies to a request whose command or subcommand does not exist.
func (x *Exec) unknown(c *command.Ctx, cl *Client) {
	if container := x.Table.Lookup(c.Args[0]); container != nil {
		name := command.Printed(c.Args[1], 128)
		x.reject(c, cl, "ERR unknown subcommand '"+string(name)+
			"'. Try "+upper(string(c.Args[0]))+" HELP.")
		return
	}
	text := append([]byte("ERR unknown command '"), command.Printed(c.Args[0], 128)...)
	text = append(text, "', with args beginning with: "...)
	budget := 128
	for _, a := range c.Args[1:] {
		if budget <= 0 {
			break
		}
		a = command.Printed(a, budget)
		text = append(text, '\'')
		text = append(text, a...)
		text = append(text, "' "...)
		budget -= len(a) + 3
	}
	x.reject(c, cl, string(text))
}

func upper(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'a' <= c && c <= 'z' {
			b[i] = c - 'a' + 'A'
		}
	}
	return string(b)
}
