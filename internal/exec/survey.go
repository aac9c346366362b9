package exec

import (
	"cmp"
	"slices"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/session"
)

// survey is call for a command that looks at workers and shards one after the other
// (command.Survey). It holds World, so nobody stops all workers meanwhile and no script
// runs, and its own worker.
func (x *Exec) survey(w *Worker, c *command.Ctx, cl *Client) {
	list := c.Spec == x.listSpec
	w.mu.Unlock()
	if list {
		x.settle(cl)
	}
	got := x.World.acquire(false)
	w.mu.Lock()
	if !got {
		x.reject(c, cl, x.script.busyText())
		return
	}
	// Something may have closed the connection meanwhile.
	if !cl.gone && !x.refusedMeanwhile(c, cl) {
		c.HoldKeys(0, nil, nil)
		x.invoke(c)
		x.finish(w, c, cl)
	}
	x.World.release()
}

// EachWorker calls f for every worker, which is locked: one after the other for a Survey
// command, whose own worker is not locked while others are, so that its connection may
// end; all together if they are stopped already.
func (x *Exec) EachWorker(c *command.Ctx, f func(*Worker)) {
	if c.Held() == x.Store.All() {
		for _, k := range x.World.workers {
			f(k)
		}
		return
	}
	self := owner(c).w
	f(self)
	self.mu.Unlock()
	defer self.mu.Lock()
	for _, k := range x.World.workers {
		if k != self {
			k.Locked(func() { f(k) })
		}
	}
}

// settle waits a moment for other event loops to take in what has come, and then evicts
// clients that are too heavy: who has sent something on one connection and looks at it
// from another finds it, and nothing that the limits forbid. No lock may be held.
func (x *Exec) settle(cl *Client) {
	if x.Await != nil {
		x.Await(slices.Index(x.World.workers, cl.w))
	}
	if x.clientLimit.Load() != 0 {
		x.heaviest((*Worker).Locked)
		x.evictClients(cl)
	}
}

// sessionStep is how many sessions are looked at for one hold of a worker's lock.
const sessionStep = 100

// EachSession calls f for every connection, in the order of IDs for each worker, with
// the locks of EachWorker.
func (x *Exec) EachSession(c *command.Ctx, f func(*session.Session)) {
	if c.Held() == x.Store.All() {
		x.Clients(func(cl *Client) { f(&cl.Sess) })
		return
	}
	self := owner(c).w
	self.mu.Unlock()
	defer self.mu.Lock()
	for _, w := range x.World.workers {
		for next, more := uint64(0), true; more; {
			w.Locked(func() {
				i, _ := w.find(next)
				end := min(i+sessionStep, len(w.clients))
				for ; i < end; i++ {
					f(&w.clients[i].Sess)
					next = w.clients[i].Sess.ID + 1
				}
				more = end < len(w.clients)
			})
		}
	}
}

// FindSession gives the connection with an ID, or nil. It may end at any time. The locks
// are those of EachWorker.
func (x *Exec) FindSession(c *command.Ctx, id uint64) (found *session.Session) {
	x.EachWorker(c, func(w *Worker) {
		if i, ok := w.find(id); ok {
			found = &w.clients[i].Sess
		}
	})
	return found
}

// Sessions gives all connections in the order in which they came. All workers
// must be stopped.
func (x *Exec) Sessions() []*session.Session {
	all := make([]*session.Session, 0, x.ClientCount())
	x.Clients(func(cl *Client) { all = append(all, &cl.Sess) })
	slices.SortFunc(all, func(a, b *session.Session) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

// Session gives the connection with an ID, or nil. All workers must be stopped.
func (x *Exec) Session(id uint64) *session.Session {
	for _, w := range x.World.workers {
		if i, ok := w.find(id); ok {
			return &w.clients[i].Sess
		}
	}
	return nil
}
