package exec

import (
	"errors"
	"math"
	"sync/atomic"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/loop"
	"github.com/redstart-db/redstart/internal/resp"
	"github.com/redstart-db/redstart/internal/session"
	"github.com/redstart-db/redstart/internal/store"
)

// Client is a connection as the executor sees it: it takes requests off the
// bytes that arrive and runs them. It is the loop.Client of a connection.
//
// Everything in it is guarded by the lock of its worker, but for hash and
// foreseen, which are the connection's goroutine's alone.
type Client struct {
	Sess     session.Session
	x        *Exec
	w        *Worker
	parser   resp.Parser
	last     *command.Spec // the command before, most often the next one too
	tx       transaction
	track    *trackingState
	left     atomic.Bool // the connection is gone, or has its last reply, for those who redirect messages to it
	waits    *waiter     // what it waits for, while it is blocked
	softAt   int64       // since when the soft output limit is exceeded, 0 if it is not
	seen     traffic
	hash     uint64   // of the key in the request that comes next,
	foreseen bool     // if it is known
	trusted  bool     // it is inside the process: see Trust
	weight   int      // bytes of it in Exec.weights,
	claim    int      // of which it has announced these
	spared   bool     // it was not to be evicted when it was weighed
	landing  *landing // of the request that comes next, nil most often
	gone     bool     // it holds nothing any more, and no command of it runs
}

// NewClient registers a connection. conn may be nil for clients inside the
// process, which nobody sees and nothing limits.
func (x *Exec) NewClient(conn session.Conn, loopIndex int) *Client {
	id := x.nextID.Add(1)
	cl := &Client{x: x, w: x.Worker(loopIndex, id)}
	s := &cl.Sess
	s.ID, s.Conn, s.Proto, s.User, s.Owner = id, conn, 2, x.super, cl
	w := cl.w
	w.mu.Lock()
	defer w.mu.Unlock()
	now := x.Clock.Nano()
	s.Created, s.Active = now, now
	if conn == nil {
		s.Flags |= session.NoReply | session.Internal
		return cl
	}
	s.OutPeak, s.PeakAt = fullReply, now
	cl.Logout()
	conn.SetInputLimit(int(x.Config.ClientQueryBufferLimit))
	w.add(cl)
	w.Stats.Connections++
	x.clients.Add(1)
	cl.weigh()
	return cl
}

// Closed implements loop.Client.
func (cl *Client) Closed(err error) {
	w := cl.w
	w.mu.Lock()
	defer w.mu.Unlock()
	if errors.Is(err, loop.ErrInputLimit) {
		cl.x.Logger.Warn("Closing client that reached max query buffer length", "id", cl.Sess.ID)
	}
	cl.leave(0)
	if cl.landing != nil {
		cl.landed()
	}
}

// leave gives back everything that a connection holds. The worker must be
// locked; held tells which shards are.
func (cl *Client) leave(held store.LockSet) {
	if cl.gone {
		return
	}
	cl.gone = true
	cl.Sess.Flags |= session.Closing
	if cl.Sess.Conn != nil {
		cl.w.remove(cl)
		cl.x.clients.Add(-1)
		cl.setWeight(0, 0)
	}
	cl.left.Store(true)
	cl.Untrack()
	cl.Unmonitor()
	cl.Sess.Unsubscribe()
	cl.unpaused()
	cl.endTransaction()
	if held == 0 && cl.x.Alerted(AlertBusy) {
		cl.unwatchLate()
		if cl.waits != nil {
			// Nothing uses the client any more, so what has to wait for shards can
			// be done when the script has ended.
			cl.x.script.later.Go(func() { cl.unwait(0) })
		}
		return
	}
	cl.unwait(held)
	cl.unwatch(held)
}

// drop closes a connection as if it had ended: no command of it runs from now
// on. The worker must be locked; held tells which shards are.
func (cl *Client) drop(held store.LockSet, why error) {
	if !cl.gone {
		cl.leave(held)
		cl.Sess.Conn.Close(why)
	}
}

// Queued implements loop.Client: it decides whether output that waits for a
// slow reader is too much.
func (cl *Client) Queued(pending int) bool {
	w := cl.w
	w.mu.Lock()
	if !cl.gone && !cl.withinOutputLimit(pending) {
		cl.overOutputLimit()
		w.mu.Unlock()
		return false
	}
	heavy := cl.x.weighed.Load() && cl.weigh()
	w.mu.Unlock()
	return !heavy || !cl.x.evictClients(cl)
}

// Buffered implements loop.Client: input that waits counts for maxmemory and maxmemory-clients.
func (cl *Client) Buffered(int, int) bool {
	if !cl.x.weighed.Load() {
		return true
	}
	cl.w.mu.Lock()
	heavy := cl.weigh()
	cl.w.mu.Unlock()
	return !heavy || !cl.x.evictClients(cl)
}

func (cl *Client) overOutputLimit() {
	cl.w.Stats.ClientBufferLimitHits++
	cl.x.Logger.Warn("Client scheduled to be closed ASAP for overcoming of output buffer limits.", "id", cl.Sess.ID)
}

// Foresee implements loop.Foreseer: it has the bucket fetched that a lookup of
// the request's key will begin with. A pipeline is read ahead by read.
func (cl *Client) Foresee(in []byte) {
	key, n := resp.PeekKey(in)
	if cl.foreseen = n == len(in); cl.foreseen {
		cl.hash = cl.x.Store.Key(key).H
		cl.x.Store.Hint(cl.hash, int(cl.Sess.DB))
	}
}

// ForeseeMore implements loop.Foreseer: it has the record fetched.
func (cl *Client) ForeseeMore() {
	if cl.foreseen {
		cl.x.Store.HintRecord(cl.hash, int(cl.Sess.DB))
	}
}

// Process implements loop.Client.
func (cl *Client) Process(in, out []byte) (n int, reply []byte, st loop.Status) {
	w := cl.w
	if w.shared {
		w.turn.Lock()
		defer w.turn.Unlock()
	}
	w.mu.Lock()
	if cl.gone {
		w.mu.Unlock()
		return len(in), out, loop.CloseNow
	}
	c := &w.ctx
	had := len(out)
	c.Out = out
	w.nano = cl.x.Clock.Nano()
	s := &cl.Sess
	s.Input, s.Needed = len(in), 0
	if cl.landing != nil {
		s.Needed = cl.landing.needed()
	}
	s.InPeak = max(s.InPeak, s.Needed+len(in))
	s.Active = w.nano
	cl.parser.MaxBulk = cl.x.Config.ProtoMaxBulkLen
	c.LimitOut(cl.outputRoom(had))
	if s.Flags&session.Blocked != 0 && !cl.unblock(c) {
		c.Out = nil
		w.mu.Unlock()
		return 0, out, loop.Suspend
	}
	if s.Flags&session.Paused != 0 {
		cl.unpaused()
	}
	n, st = cl.batch(c, in, had)
	if w.stopped {
		cl.x.letGo(w)
	}
	replied := len(c.Out) - had
	s.Input = 0
	s.OutPeak = max(s.OutPeak, min(replied, fullReply))
	s.Active = w.nano
	s.NetIn += uint64(n)
	s.NetOut += uint64(replied)
	w.Stats.NetInput += uint64(n)
	w.Stats.NetOutput += uint64(replied)
	w.Stats.Reads++
	if replied > 0 {
		w.Stats.Writes++
	}
	reply, c.Out, c.Args = c.Out, nil, nil
	heavy := cl.x.weighed.Load() && cl.weigh()
	w.mu.Unlock()
	if heavy && cl.x.evictClients(cl) {
		return len(in), reply[:had], loop.CloseNow
	}
	return n, reply, st
}

// protocolError tells the peer what it did wrong. The connection ends with it.
func (cl *Client) protocolError(c *command.Ctx, err error) {
	cl.w.Stats.Error([]byte("ERR " + err.Error()))
	if cl.Sess.Flags&(session.ReplyOff|session.ReplySkip) == 0 {
		c.Out = resp.AppendError(c.Out, "ERR "+err.Error())
	}
	cl.x.Logger.Debug("protocol error from client", "error", err, "id", cl.Sess.ID)
}

// Do runs one command of a client inside the process and appends its reply to
// out.
func (cl *Client) Do(out []byte, args ...[]byte) []byte {
	w := cl.w
	w.turn.Lock()
	defer w.turn.Unlock()
	w.mu.Lock()
	defer w.mu.Unlock()
	c := &w.ctx
	c.Out = out
	c.LimitOut(0)
	w.nano = cl.x.Clock.Nano()
	w.more = false
	if len(args) > 0 {
		cl.x.run(w, c, cl, &request{args: args, spec: cl.x.resolve(cl, args)})
	}
	cl.Sess.Active = w.nano
	out, c.Out, c.Args = c.Out, nil, nil
	return out
}

// Parsed is how many bytes of the input that waits have been read. The worker must be
// locked.
func (cl *Client) Parsed() int { return cl.parser.Parsed() }

// Dirty tells whether a watched key has changed, so that EXEC will do nothing.
func (cl *Client) Dirty() bool {
	if cl.tx.watcher.Changed.Load() {
		return true
	}
	for i := range cl.tx.watched {
		if k := &cl.tx.watched[i]; cl.x.hasMoved(k, false) {
			return true
		}
	}
	return false
}

// unauthOutput is how many bytes may wait for a client that has not logged in.
const unauthOutput = 1024

// withinOutputLimit applies client-output-buffer-limit to bytes that a client
// does not read. The worker must be locked.
func (cl *Client) withinOutputLimit(pending int) bool {
	s := &cl.Sess
	// Nothing before login may make the server keep replies: those that do
	// not log in do not get to fill it.
	if s.Flags&session.NeedAuth != 0 {
		return pending <= unauthOutput
	}
	limit := cl.x.Config.ClientOutputBufferLimits[outputClass(s)]
	if limit.Hard != 0 && uint64(pending) >= limit.Hard {
		return false
	}
	if limit.Soft == 0 || uint64(pending) < limit.Soft {
		cl.softAt = 0
		return true
	}
	now := cl.x.Clock.Nano()
	if cl.softAt == 0 {
		cl.softAt = now
	}
	return now-cl.softAt <= int64(limit.SoftSeconds)*1e9
}

// outputRoom gives the size at which a buffer with had bytes that are not this
// client's has more replies of its commands than may wait for it in any case, or 0.
// The worker must be locked.
func (cl *Client) outputRoom(had int) int {
	limit := cl.x.Config.ClientOutputBufferLimits[outputClass(&cl.Sess)].Hard
	if limit == 0 || limit > math.MaxInt/2 {
		return 0
	}
	return had + max(int(limit)-cl.Sess.Conn.Pending(), 1)
}

// replyTooLarge tells whether what one transaction has replied so far is more
// than may wait for the client in any case. The worker must be locked.
func (cl *Client) replyTooLarge(size int) bool {
	limit := cl.x.Config.ClientOutputBufferLimits[outputClass(&cl.Sess)].Hard
	return limit != 0 && uint64(size) > limit
}

// errIdle ends a connection that was idle for longer than timeout.
var errIdle = errors.New("exec: the client was idle for too long")
