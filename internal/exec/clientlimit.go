package exec

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/redstart-db/redstart/internal/session"
	"github.com/redstart-db/redstart/internal/store"
)

// What connections take counts for maxmemory, and maxmemory-clients limits it by itself:
// the heaviest are evicted while all together exceed it.
//
// A connection is weighed when it may have grown: after its requests, when input waits,
// when output waits, and in its turn of Tend. The sum of the weights is compared with the
// limits then. It may be too high, because nobody tells when output has been sent, so all
// connections are weighed before one is evicted. Without a limit only Tend weighs.
//
// What a request that has arrived in part will need counts for maxmemory-clients from when
// it has announced that, as in Redis, which takes the memory at once. It does not count
// for maxmemory: nobody gets keys evicted with a number.
//
// Who evicts holds no lock and takes one worker's after the other, so that the heaviest
// is found wherever it is.

// weighing is the state of that.
type weighing struct {
	mu sync.Mutex // one evicts at a time; taken before the locks of workers
	// again is when eviction may be tried once more after there was nobody to evict,
	// monotonic nanoseconds.
	again atomic.Int64
	// stuck tells that there was nobody to evict when it was tried last.
	stuck atomic.Bool
}

// evictAtOnce is how many connections are evicted at most before all are weighed again.
const evictAtOnce = 16

// weigh brings the connection's part of the sum up to date. It tells whether connections
// have to be evicted. The worker must be locked.
func (cl *Client) weigh() (heavy bool) {
	x, s := cl.x, &cl.Sess
	if cl.gone || s.Conn == nil {
		return false
	}
	n, claim := 0, 0
	if limitedClass(s) {
		claim = s.Claim()
		n = s.Memory() + claim
	}
	spared := s.Flags&session.NoEvict != 0
	freed := cl.spared && !spared
	cl.spared = spared
	cl.setWeight(n, claim)
	return x.clientsOver() && (freed || x.Clock.Nano() >= x.weighing.again.Load())
}

func (cl *Client) setWeight(n, claim int) {
	x := cl.x
	if n == cl.weight && claim == cl.claim {
		return
	}
	x.weights.Add(int64(n - cl.weight))
	x.claims.Add(int64(claim - cl.claim))
	cl.weight, cl.claim = n, claim
	if x.weighed.Load() {
		x.moveLimit()
	}
}

// ClientMemory is what all connections but replicas take in bytes, as far as they have
// been weighed.
func (x *Exec) ClientMemory() int64 { return x.weights.Load() - x.claims.Load() }

func (x *Exec) setWeighed() {
	x.weighed.Store(x.clientLimit.Load() != 0 || x.memoryLimit.Load() != store.NoLimit)
}

// limitedClass tells whether a connection counts: what replicas and masters may take is
// another matter.
func limitedClass(s *session.Session) bool {
	c := s.Class()
	return c == session.ClassNormal || c == session.ClassPubSub
}

func (x *Exec) clientsOver() bool {
	limit := x.clientLimit.Load()
	return limit != 0 && x.weights.Load() > limit
}

// evictClients evicts connections until the others are within the limit, and tells
// whether self is among them. No lock may be held.
func (x *Exec) evictClients(self *Client) (gone bool) {
	x.weighing.mu.Lock()
	defer x.weighing.mu.Unlock()
	began := x.Clock.Nano()
	for x.clientsOver() {
		evicted := false
		for _, h := range x.heaviest((*Worker).Locked) {
			h.w.Locked(func() { evicted = x.evictClient(h, 0) || evicted })
		}
		if x.setStuck(!evicted); !evicted {
			now := x.Clock.Nano()
			x.weighing.again.Store(now + measureShare*(now-began))
			break
		}
	}
	self.w.Locked(func() { gone = self.gone })
	return gone
}

// setStuck notes whether there is nobody to evict: if so, keys have to make room for what
// clients take beyond their limit.
func (x *Exec) setStuck(stuck bool) {
	if x.weighing.stuck.Swap(stuck) != stuck {
		x.moveLimit()
	}
}

// LimitClients takes up a limit in bytes of what all connections take together, 0 for
// none. All workers must be stopped and all shards locked.
func (x *Exec) LimitClients(limit int64) {
	x.clientLimit.Store(limit)
	x.setWeighed()
	x.weighing.again.Store(0)
	x.weighing.stuck.Store(false)
	x.Clients(func(cl *Client) { cl.weigh() })
	for evicted := true; evicted && x.clientsOver(); {
		evicted = false
		for _, h := range x.heaviest(func(_ *Worker, f func()) { f() }) {
			evicted = x.evictClient(h, x.Store.All()) || evicted
		}
		x.weighing.stuck.Store(!evicted)
	}
	x.moveLimit()
}

// heavy is a connection that may be evicted.
type heavy struct {
	w      *Worker
	id     uint64
	weight int
}

// heaviest weighs all connections and gives the heaviest of those that may be evicted,
// in this order. locked runs a function with a worker's lock.
func (x *Exec) heaviest(locked func(*Worker, func())) []heavy {
	var all []heavy
	lightest := func(a, b heavy) int { return cmp.Compare(b.weight, a.weight) }
	for _, w := range x.World.workers {
		for next, more := uint64(0), true; more; {
			locked(w, func() {
				i, _ := w.find(next)
				end := min(i+sessionStep, len(w.clients))
				for _, cl := range w.clients[i:end] {
					cl.weigh()
					next = cl.Sess.ID + 1
					if cl.weight > 0 && !cl.spared {
						all = append(all, heavy{w, cl.Sess.ID, cl.weight})
					}
				}
				more = end < len(w.clients)
			})
			if len(all) > evictAtOnce {
				slices.SortFunc(all, lightest)
				all = all[:evictAtOnce]
			}
		}
	}
	slices.SortFunc(all, lightest)
	return all
}

// evictClient closes a connection if it is there still and the limit is exceeded. Its
// worker must be locked; held tells which shards are.
func (x *Exec) evictClient(h heavy, held store.LockSet) bool {
	i, ok := h.w.find(h.id)
	if !ok || !x.clientsOver() {
		return false
	}
	cl := h.w.clients[i]
	if cl.Sess.Flags&session.NoEvict != 0 || !limitedClass(&cl.Sess) {
		return false
	}
	h.w.Stats.EvictedClients++
	x.Logger.Info("Evicting client", "id", h.id, "memory", h.weight)
	cl.drop(held, nil)
	return true
}
