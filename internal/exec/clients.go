package exec

import (
	"cmp"
	"slices"

	"github.com/redstart-db/redstart/internal/config"
	"github.com/redstart-db/redstart/internal/session"
	"github.com/redstart-db/redstart/internal/store"
)

// add makes a client one of the worker's. They are ordered by ID.
func (w *Worker) add(cl *Client) {
	i, _ := w.find(cl.Sess.ID)
	w.clients = slices.Insert(w.clients, i, cl)
}

func (w *Worker) remove(cl *Client) {
	if i, ok := w.find(cl.Sess.ID); ok {
		w.clients = slices.Delete(w.clients, i, i+1)
	}
}

// find gives the index of a client, or of where it would be.
func (w *Worker) find(id uint64) (int, bool) {
	return slices.BinarySearchFunc(w.clients, id, func(cl *Client, id uint64) int {
		return cmp.Compare(cl.Sess.ID, id)
	})
}

// Clients calls f for every connection. All workers must be stopped.
func (x *Exec) Clients(f func(*Client)) {
	for _, w := range x.World.workers {
		for _, cl := range w.clients {
			f(cl)
		}
	}
}

// Kill closes a connection: it counts as gone at once. All workers must be
// stopped and all shards locked.
func (x *Exec) Kill(s *session.Session) { s.Owner.(*Client).drop(x.Store.All(), nil) }

const (
	// fullReply is the reply buffer that a connection starts with, in bytes,
	// and the largest it is counted with.
	fullReply = 16 << 10
	// peakTime is for how long the largest replies count, in nanoseconds.
	peakTime = 5e9
	// inputTime is the same for the largest input.
	inputTime = 250e6
)

// SetReplyPeakReset sets for how many milliseconds the largest reply of a
// connection counts: negative is for ever, 0 the usual time. All workers must be
// stopped.
func (x *Exec) SetReplyPeakReset(ms int64) {
	x.replyPeak = ms * 1e6
	if ms == 0 {
		x.replyPeak = peakTime
	}
}

// SetReplyResizing tells whether the largest replies of connections are measured
// anew at all. All workers must be stopped.
func (x *Exec) SetReplyResizing(on bool) { x.replyFixed = !on }

// traffic is what was seen of a connection when it was looked after last.
type traffic struct {
	buffered, pending int
	at                int64 // since when the largest input is measured
}

// Tend looks after the next clients of a worker in turn, at most n, and begins
// anew after the last: those that are idle for too long are closed, those that
// read too slowly too, and what was needed to serve them is forgotten after a
// while. It tells how many it has seen. No lock may be held.
func (w *Worker) Tend(n int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.x.Clock.Nano()
	i, _ := w.find(w.tended + 1)
	n = min(n, len(w.clients))
	next := make([]*Client, 0, n) // as closing one moves the others
	for len(next) < n {
		if i >= len(w.clients) {
			i = 0
		}
		next = append(next, w.clients[i])
		i++
	}
	for _, cl := range next {
		w.tended = cl.Sess.ID
		cl.tend(now)
	}
	return n
}

// measureShare bounds the time that is spent on weighing connections while memory is short:
// one part in so many.
const measureShare = 50

// weighAgain weighs the connections of w, which is locked, and of all workers that run
// nothing, unless it has been done of late: nobody tells when output has been sent. It begins
// now, in monotonic nanoseconds.
func (x *Exec) weighAgain(w *Worker, began int64) {
	if began < x.evicting.weighAt.Load() {
		return
	}
	for _, k := range x.World.workers {
		if k == w {
			k.weigh()
		} else if k.mu.TryLock() {
			k.weigh()
			k.mu.Unlock()
		}
	}
	now := x.Clock.Nano()
	x.evicting.weighAt.Store(now + measureShare*(now-began))
}

func (w *Worker) weigh() {
	for _, cl := range w.clients {
		cl.weigh()
	}
}

// LimitMemory has keys evicted, or commands refused, when the data takes more bytes than
// limit less ClientMemory. store.NoLimit ends that.
func (x *Exec) LimitMemory(limit int64) {
	x.memoryLimit.Store(limit)
	x.setWeighed()
	x.moveLimit()
}

// MemoryLimit is what LimitMemory was given last, or store.NoLimit.
func (x *Exec) MemoryLimit() int64 { return x.memoryLimit.Load() }

// moveLimit leaves the data what connections do not take. What they take beyond their own
// limit is not counted: connections will be evicted for that, by whoever has found it, and
// if keys were evicted meanwhile it would be for nothing.
func (x *Exec) moveLimit() {
	limit := x.memoryLimit.Load()
	if limit != store.NoLimit {
		taken := x.ClientMemory()
		if most := x.clientLimit.Load(); most != 0 {
			if taken <= most {
				x.weighing.stuck.CompareAndSwap(true, false)
			} else if !x.weighing.stuck.Load() {
				taken = most
			}
		}
		limit -= taken
	}
	x.Store.MoveLimit(limit)
	if limit != store.NoLimit && x.Store.Over() > 0 {
		x.Full()
	}
}

// ClientCount is the number of connections of this worker.
func (w *Worker) ClientCount() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.clients)
}

func (cl *Client) tend(now int64) {
	s, cfg := &cl.Sess, cl.x.Config
	buffered, pending := s.Conn.Buffered(), s.Conn.Pending()
	if buffered != cl.seen.buffered || pending != cl.seen.pending {
		// A large request that arrives, or a large reply that is read, is
		// activity too.
		cl.seen.buffered, cl.seen.pending = buffered, pending
		s.Active = now
	}
	if s.Flags&session.Master == 0 {
		s.Conn.SetInputLimit(int(cfg.ClientQueryBufferLimit))
	}
	const busy = session.Blocked | session.Paused | session.Monitor | session.Replica | session.Master | session.Subscribed
	switch {
	case cfg.Timeout > 0 && s.Flags&busy == 0 && now-s.Active > int64(cfg.Timeout)*1e9:
		cl.x.Logger.Debug("Closing idle client", "id", s.ID)
		cl.drop(0, errIdle)
		return
	case pending > 0 && !cl.withinOutputLimit(pending):
		cl.overOutputLimit()
		cl.drop(0, nil)
		return
	}
	cl.weigh()
	if age := cl.x.replyPeak; age >= 0 && now-s.PeakAt > age && !cl.x.replyFixed {
		s.OutPeak, s.PeakAt = 0, now
	}
	if now-cl.seen.at > inputTime {
		s.InPeak, s.InPast, cl.seen.at = 0, s.InPeak, now
	}
}

// outputClass is the index of a connection's limits in
// client-output-buffer-limit.
func outputClass(s *session.Session) int {
	switch s.Class() {
	case session.ClassReplica:
		return config.ClientReplica
	case session.ClassPubSub:
		return config.ClientPubSub
	}
	return config.ClientNormal
}
