package exec

import (
	"container/list"
	"math"
	"math/bits"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/mem"
	"github.com/redstart-db/redstart/internal/resp"
	"github.com/redstart-db/redstart/internal/session"
	"github.com/redstart-db/redstart/internal/store"
)

// A client whose command has to wait (BLPOP) is suspended, and a waiter stands in
// the queue of each key that it waits for, in the shard of that key. Whoever
// changes such a key serves those who wait for it, in the order in which they
// came, after its own command and before it gives back the locks: so nobody
// comes in between. What a waiter is served is what its own command would have
// done, run by the worker of whoever changed the key, on behalf of the client.
//
// The reply stays with the waiter; the client's own worker picks it up when the
// connection is resumed. So only the client's worker touches its session, and
// replies keep their order.
//
// waiter.mu is a leaf below the locks of shards. Who sets over, while holding it,
// ends the waiting: the one who serves, the timer, CLIENT UNBLOCK, or the end of
// the connection. The queues are tidied up by the client's worker afterwards;
// those who serve pass over members that are over.
type waiter struct {
	cl   *Client
	wait *command.Wait
	spec *command.Spec
	args [][]byte        // a copy
	sess session.Session // what Serve sees in place of the client's own
	keys []store.Key     // of wait.Keys
	lots []lot           // one a key

	mu    sync.Mutex
	over  bool
	reply []byte
	mute  bool        // the reply is not wanted
	timer *time.Timer // nil without timeout
	freed []ticket    // of a command that waits until memory is free
}

// lot is a place in a queue.
type lot struct {
	sh *store.Shard
	q  *store.Queue
	el *list.Element
}

const (
	// waiterSize is what a waiter takes, in bytes, more or less, and placeSize what it takes for
	// each of its keys beside the name: a lot, a member of the queue, and the queue with its
	// place in the shard's map, which it mostly has to itself.
	waiterSize = 1 << 10
	placeSize  = 320
)

// block makes a client wait for what its command asked for. The shards of the
// keys are locked.
func (x *Exec) block(c *command.Ctx, cl *Client) {
	wait := c.Waits()
	w := &waiter{cl: cl, wait: wait, spec: c.Spec}
	s := &cl.Sess
	w.args, s.WaitMem = copyArgs(c.Args)
	w.sess = session.Session{
		ID: s.ID, Name: s.Name, User: s.User, DB: s.DB, Proto: s.Proto, Owner: cl,
		Flags: s.Flags & (session.NoTouch | session.Master | session.Restricted),
	}
	w.mute = s.Flags&(session.ReplyOff|session.ReplySkip) != 0
	for n, i := range wait.Keys {
		k := x.Store.Key(w.args[i])
		w.keys = append(w.keys, k)
		sh := x.Store.ShardOf(k.H)
		q, el := sh.Wait(c.DB(), string(k.B), served{w, n})
		if wait.Gone {
			q.Gone++
		}
		w.lots = append(w.lots, lot{sh, q, el})
	}
	s.PlaceMem = waiterSize
	for _, k := range w.keys {
		s.PlaceMem += placeSize + len(k.B)
	}
	cl.waits = w
	s.Flags |= session.Blocked
	if len(w.lots) > 0 {
		x.waiting.Add(1)
	}
	if wait.Freeing {
		x.awaitFree(w, c.Held())
	}
	if wait.Copying != nil {
		x.awaitCopy(w)
	}
	if wait.Begin != nil {
		defer wait.Begin(w.end)
	}
	if wait.Timeout > 0 {
		d := time.Duration(math.MaxInt64)
		if wait.Timeout < int64(d/time.Millisecond) {
			d = time.Duration(wait.Timeout) * time.Millisecond
		}
		w.mu.Lock()
		w.timer = time.AfterFunc(d, func() { w.end(wait.Over()) })
		w.mu.Unlock()
	}
}

// served is a member of a queue: who waits, and for which of its keys.
type served struct {
	*waiter
	key int
}

// end ends the waiting with a reply, which is not copied, and tells whether it did.
func (w *waiter) end(reply []byte) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		return false
	}
	w.finish(reply)
	return true
}

// finish is end with mu held, by one who knows that the waiting is not over.
func (w *waiter) finish(reply []byte) {
	w.over = true
	w.reply = reply
	if w.timer != nil {
		w.timer.Stop()
	}
	w.cl.Sess.Conn.Resume() // Conn never changes
}

// unblock appends the reply that a client has waited for, and lets it go on. It
// tells whether there was one. The worker must be locked.
func (cl *Client) unblock(c *command.Ctx) bool {
	w := cl.waits
	w.mu.Lock()
	over := w.over
	w.mu.Unlock()
	if !over {
		return false
	}
	if len(w.lots) > 0 && cl.x.Alerted(AlertBusy) {
		// A script may hold the shards, and wait for the worker at its end.
		cl.x.script.late.add(cl)
		return false
	}
	if !w.mute {
		c.Out = append(c.Out, w.reply...)
	}
	cl.Sess.Logged = cl.x.Log.Offset() // of its effects, or later
	cl.unwait(0)
	return true
}

// unwait takes a client out of all queues, for its worker. held tells which
// shards are locked already.
func (cl *Client) unwait(held store.LockSet) {
	w := cl.waits
	if w == nil {
		return
	}
	w.mu.Lock()
	w.over = true
	if w.timer != nil {
		w.timer.Stop()
	}
	w.mu.Unlock()
	for _, l := range w.lots {
		locked := held.Has(l.sh)
		if !locked {
			l.sh.Lock()
		}
		w.leaveQueue(l)
		if !locked {
			l.sh.Unlock()
		}
	}
	if len(w.lots) > 0 {
		cl.x.waiting.Add(-1)
	}
	cl.waits = nil
	cl.Sess.WaitMem, cl.Sess.PlaceMem = 0, 0
	cl.Sess.Flags &^= session.Blocked
}

// leaveQueue takes a waiter out of one queue, unless it is out already. The shard
// is locked.
func (w *waiter) leaveQueue(l lot) {
	if l.el.Value == nil {
		return
	}
	l.el.Value = nil
	if w.wait.Gone {
		l.q.Gone--
	}
	l.sh.Leave(l.q, l.el)
}

// Unblock ends the waiting of a client that is blocked by its own command, as if
// its time was over or with an error. It tells whether the client was. All
// workers must be stopped and all shards locked.
func (x *Exec) Unblock(s *session.Session, withError bool) bool {
	w := s.Owner.(*Client).waits
	if w == nil || w.wait.Freeing || w.wait.Firm {
		return false
	}
	const text = "UNBLOCKED client unblocked via CLIENT UNBLOCK"
	reply := w.wait.Over()
	if withError {
		reply = resp.AppendError(nil, text)
	}
	if !w.end(reply) {
		return false
	}
	// Redis counts the command as failed either way.
	stats := w.cl.w.Stats
	stats.Failed(w.spec.ID)
	if withError {
		stats.Error([]byte(text))
	}
	return true
}

// serve serves those who wait for keys that have changed, of all shards in
// held, which are locked. w is the worker that changed them. A transaction or a script
// may have taken so long that keys which it made have expired since. While data is loaded
// nobody is served: what is replayed knows nothing of that.
func (x *Exec) serve(w *Worker, held store.LockSet) {
	if x.Store.Loading {
		return
	}
	var extra store.LockSet
	var now int64 // Unix milliseconds
	for {
		sh, q := x.Store.NextReady(held | extra)
		if q == nil {
			break
		}
		if now == 0 {
			now = x.Clock.NowMilli()
		}
		for left, el := q.Len(), q.Front(); left > 0 && el != nil; left-- {
			m := el.Value.(served)
			at := lot{sh, q, el}
			el = el.Next()
			ks := sh.DB(q.DB())
			if q.Gone == 0 && !ks.Lookup(m.keys[m.key], now).Ok() {
				break
			}
			need := x.alsoNeeds(m) &^ (held | extra)
			if !x.widen(w, held|extra, need) {
				sh.MakeReady(q) // once more, with more locks
				w.again |= held | extra | need
				x.Store.Unlock(extra)
				return
			}
			extra |= need
			x.serveOne(w, m, at, held|extra, now)
		}
	}
	x.Store.Unlock(extra)
}

// alsoNeeds is the shards that serving a waiter takes besides that of the key.
func (x *Exec) alsoNeeds(m served) (locks store.LockSet) {
	for _, i := range m.wait.Also {
		locks |= x.Store.Of(x.Store.Key(m.args[i]).H)
	}
	return locks
}

// lockTries is how often a shard that is out of order is tried.
const lockTries = 64

// widen locks further shards for one who holds some. Those above are waited for;
// others would be out of order, so they are only tried.
func (x *Exec) widen(w *Worker, held, need store.LockSet) bool {
	if need == 0 {
		return true
	}
	// A script takes shards in any order, so whoever it does not stop may not wait.
	if w != x.World.background && w != x.script.w && bits.TrailingZeros64(uint64(need)) >= bits.Len64(uint64(held)) {
		x.Store.Lock(need)
		return true
	}
	for range lockTries {
		if x.Store.TryLock(need) {
			return true
		}
		runtime.Gosched()
	}
	return false
}

// serveOne serves one waiter, if there is something for it.
func (x *Exec) serveOne(w *Worker, m served, at lot, held store.LockSet, now int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.over {
		m.leaveQueue(at)
		return
	}
	c := &w.serving
	c.Out = nil
	c.Begin(&m.sess, m.spec, m.args, x.Clock.Nano())
	c.SetNow(now)
	c.Hold(held, m.keys[m.key])
	c.Serving(m.wait)
	if !x.allows(c) || x.serves(c, m) {
		m.leaveQueue(at)
		x.served(w, c, m.waiter, held)
	}
	c.Out = nil
}

// allows tells whether the user of a client that has waited may still do what it waited
// for: if not, the error is in the reply.
func (x *Exec) allows(c *command.Ctx) bool {
	if c.Sess.Flags&session.Restricted != 0 {
		if text := x.denied(c); text != "" {
			c.Err(text)
			return false
		}
	}
	return true
}

// served has the world know what the command of a client that has waited did, and lets
// the client go on. It is locked.
func (x *Exec) served(w *Worker, c *command.Ctx, m *waiter, held store.LockSet) {
	x.slow(c, &m.cl.Sess, x.Clock.Nano()-c.Nano())
	if c.Failed() { // its call has been counted when it began to wait
		w.Stats.Failed(m.spec.ID)
	}
	w.Changes += uint64(c.Changes())
	if c.Logging() {
		if e := c.Effects(c.DB()); e.Count > 0 {
			x.Log.Add(e)
		}
	}
	if x.tracked.on.Load() {
		out := &c.Out
		if m.mute || m.over {
			out = nil
		}
		x.tell(m.cl, out, held)
	}
	if !m.over {
		m.finish(c.Out)
	}
}

// serves runs Serve and turns exhausted memory into an error.
func (x *Exec) serves(c *command.Ctx, m served) (ok bool) {
	defer func() {
		if r := recover(); r != nil {
			if r != mem.ErrExhausted {
				if x.Crashed != nil {
					x.Crashed(c, r, debug.Stack())
				}
				panic(r)
			}
			c.Out = c.Out[:0]
			c.Err(command.ErrArena)
			ok = true
		}
	}()
	return m.wait.Serve(c, m.wait.Keys[m.key])
}

// serveAgain serves those for whom locks were missing, with no lock held but the
// worker's.
func (x *Exec) serveAgain(w *Worker) {
	for w.again != 0 {
		locks := w.again
		w.again = 0
		x.Store.Lock(locks)
		x.serve(w, locks)
		x.Store.Unlock(locks)
	}
}

// ServeExpired serves those who wait for keys of a shard that changed because
// time passed (Shard.Ready). No lock may be held.
func (x *Exec) ServeExpired(sh *store.Shard) { x.serveBeside(store.LockSet(1) << sh.ID()) }

// serveBeside has the background serve those who wait for keys of some shards, and those for
// whom it lacked locks before. No lock may be held.
func (x *Exec) serveBeside(locks store.LockSet) {
	w := x.World.background
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.again |= locks; x.Alerted(AlertBusy) {
		return // a script may hold the shards, and wait for the worker at its end
	}
	x.serveAgain(w)
}

// ticket is a large value that is being freed: the n-th of its shard.
type ticket struct {
	sh *store.Shard
	n  uint64
}

// freeing is those who wait until what they removed is free.
type freeing struct {
	n   atomic.Int32
	mu  sync.Mutex
	all []*waiter
}

// awaitFree makes w wait until what was removed from some shards, which are
// locked, is free.
func (x *Exec) awaitFree(w *waiter, of store.LockSet) {
	for i := range x.Store.Shards() {
		if sh := x.Store.Shard(i); of.Has(sh) && sh.Reclaimed() < sh.Thrown() {
			w.freed = append(w.freed, ticket{sh, sh.Thrown()})
		}
	}
	x.freeing.mu.Lock()
	defer x.freeing.mu.Unlock()
	x.freeing.all = append(x.freeing.all, w)
	x.freeing.n.Store(int32(len(x.freeing.all)))
}

// Freed lets those go on for whom enough has been freed, and tells whether there
// are others. No lock may be held.
func (x *Exec) Freed() (others bool) {
	f := &x.freeing
	if f.n.Load() == 0 {
		return false
	}
	f.mu.Lock()
	all := f.all
	f.all = nil
	f.mu.Unlock()
	left := all[:0]
	for _, w := range all {
		for len(w.freed) > 0 && w.freed[0].isFree() {
			w.freed = w.freed[1:]
		}
		w.mu.Lock()
		if len(w.freed) == 0 && !w.over {
			w.finish(w.wait.OnTimeout)
		}
		if !w.over {
			left = append(left, w)
		}
		w.mu.Unlock()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all = append(f.all, left...)
	f.n.Store(int32(len(f.all)))
	return len(f.all) > 0
}

func (t ticket) isFree() bool {
	t.sh.Lock()
	defer t.sh.Unlock()
	return t.sh.Reclaimed() >= t.n
}
