package node

import (
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/redstart-db/redstart/internal/exec"
	"github.com/redstart-db/redstart/internal/persist"
	"github.com/redstart-db/redstart/internal/store"
)

// account is the memory that the instance takes, as used_memory tells it and maxmemory
// limits it, in bytes:
//
//	  live     blocks of the arenas                               exact
//	+ clients  what connections take, as session.Memory counts it  exact when they are weighed
//	+ base     live Go heap of an instance without data            once, at the start
//	+ log      effects that are on their way to the log            exact; not limited, as in Redis
//	+ snapshot buffers of one that is being written, and what else measured each tick meanwhile;
//	           is resident meanwhile, as its garbage               not limited
//	+ extra    what else is resident                               measured ten times a second, or
//	                                                               each tick where memory is short
//
// Extra is what no count shows: holes between blocks, the arenas' tables, garbage and
// overhead of the Go heap, warm buffers of the loops, interpreters.
// It is found by comparing the counts with what the system says is resident, so that
// nothing can be forgotten. What an instance has resident at its start beyond base, the
// floor, is not part of it, and neither is a slack: small changes of what is resident must
// not have keys evicted.
//
// An instance inside a program does not know what of the process is its own. For it the
// arenas alone are resident.
//
// # Invariants
//
//   - Keys are evicted by what used_memory shows, less the log and the snapshot: who compares
//     the two numbers sees them agree to the byte.
//   - What is evicted while a snapshot is written has to be handed over to it first. So its
//     buffers must not have keys evicted: each would make them as much longer.
//   - What can be won back otherwise is not evicted for: pages that are free go back to
//     the system, garbage is collected and holes are closed first, because extra rises by
//     and by. It falls at once.
type account struct {
	base  uint64
	floor atomic.Int64
	extra atomic.Int64
	along atomic.Int64 // what else is resident while a snapshot is written

	mu        sync.Mutex // guards what follows, and measuring
	low       [2]int64   // least of the rest in the present time of lowTime, and the one before
	lowAt     int64      // monotonic nanoseconds, when the present one began
	collectAt int64      // monotonic nanoseconds, before which garbage is not collected for memory
}

const (
	// baseMost is the most that counts of the heap at the start, in bytes: the rest belongs
	// to the program that the instance is part of.
	baseMost = 4 << 20
	// What does not count of extra, because it comes and goes: of pages, one part in so many of
	// what is in them; of the rest, one part in so many of what is counted, up to some
	// megabytes.
	pageShare    = 128
	runtimeShare = 64
	runtimeSlack = 4 << 20
	// More of both does not count in a small instance, whose data is no more than what the
	// runtime takes by turns, and the pages that its shards have begun: so many bytes, less
	// one part in so many of what is counted, and of what is in pages.
	smallPages        = 128 << 10 // for each shard
	smallPagesShare   = 16
	smallRuntime      = 16 << 20
	smallRuntimeShare = 2
	// lowTime is for how many nanoseconds at least the rest has to be resident to count:
	// buffers that are kept warm for a second do not.
	lowTime = 1e9
	// leastStep is how many bytes extra changes by at the least, so that who watches
	// used_memory sees the data and no noise.
	leastStep = 256 << 10
	// Of a rise of extra, one part in so many counts each time while memory is short.
	riseShare = 4
	// Free pages count up to one part in so many of the resident ones. What is more is on its
	// way back to the system, or to be used again.
	freeShare = 32
	// tightShare is how near the limit is when memory is tight, as one part in so many of it.
	tightShare = 16
	// collectShare bounds the time of collecting garbage for memory: one part in so many.
	collectShare = 50
)

func (a *account) open() {
	runtime.GC() // for the live heap to be known
	a.base = min(readHeap().live, baseMost)
}

// own tells the account that the process is the instance's own. It is called before there
// is data.
func (s *self) own() {
	if _, real := residentBytes(); real != 0 {
		u := s.arenas(true)
		s.account.floor.Store(int64(real-u.resident) - s.counted(0))
	}
}

// arenaUse is of all arenas together, in bytes.
type arenaUse struct {
	live      uint64 // blocks
	resident  uint64 // pages and tables
	returning uint64 // of these, free pages that are on their way back to the system
}

// arenas locks the shards, one at a time, unless they are locked already.
func (s *self) arenas(lock bool) (u arenaUse) {
	var free uint64
	for i := range s.n.store.Shards() {
		sh := s.n.store.Shard(i)
		if lock {
			sh.Lock()
		}
		st, landing := sh.Arena().Stats(), sh.Landing()
		sh.Note()
		if lock {
			sh.Unlock()
		}
		u.live += st.Live - landing // which its connection counts as far as it has arrived
		u.resident += st.Resident + st.Overhead - landing
		free += st.FreeDirty
	}
	u.returning = free - min(free, u.resident/freeShare)
	return u
}

// counted is the account without extra.
func (s *self) counted(live uint64) int64 {
	return int64(live+s.account.base+s.logMemory()+s.snapshotMemory()) + max(s.n.Exec.ClientMemory(), 0)
}

// unlimited is what of the account maxmemory does not limit.
func (s *self) unlimited() uint64 {
	return s.logMemory() + s.snapshotMemory() + uint64(s.account.along.Load())
}

// logMemory is what the append only file has in buffers, in bytes.
func (s *self) logMemory() uint64 {
	if s.n.aof == nil {
		return 0 // the instance is not open yet
	}
	return uint64(s.n.aof.Memory())
}

// snapshotMemory is what a snapshot that is being written has in buffers, in bytes.
func (s *self) snapshotMemory() uint64 {
	if w := s.n.walk.Load(); w != nil {
		return uint64(w.Memory()) + persist.WriteMemory
	}
	return 0
}

// used is the account, in bytes. It locks the shards, one at a time, unless they are
// locked already.
func (s *self) used(lock bool) uint64 {
	return uint64(s.counted(s.arenas(lock).live) + s.account.extra.Load() + s.account.along.Load())
}

// measure finds out what is resident beside what is counted, limits the data by it, and
// gives the account. No lock may be held.
func (s *self) measure() (used uint64) {
	a := &s.account
	a.mu.Lock()
	defer a.mu.Unlock()
	u := s.arenas(true)
	pages, live := int64(u.resident-u.returning), int64(u.live)
	target := max(pages-live-pageSlack(live, s.n.store.Shards()), 0)
	others, slack := int64(0), int64(0)
	if s.n.proc.own.Load() {
		if _, real := residentBytes(); real != 0 {
			counted := s.counted(0)
			slack = othersSlack(counted + live)
			others = int64(real-u.returning) - pages - counted - a.floor.Load()
			target += max(a.lowest(others, s.n.env.Clock.Nano())-slack, 0)
		}
	}
	old, tight := a.extra.Load(), s.n.tight()
	next := old
	if !tight || others <= slack || !s.collectForMemory() { // what that wins shows the next time
		next = follow(old, target, tight)
	}
	if next != old {
		a.extra.Store(next)
		s.moveLimit()
	}
	along := int64(0)
	if s.n.walk.Load() != nil {
		along = max(others+pages-live-next, 0)
	}
	a.along.Store(along)
	return uint64(s.counted(u.live) + next + along)
}

// pageSlack is how much of the pages of some shards does not count beside live bytes.
func pageSlack(live int64, shards int) int64 {
	return max(live/pageShare, smallPages*int64(shards)-live/smallPagesShare)
}

// othersSlack is how much of what is resident beside the pages does not count, where so many
// bytes are counted.
func othersSlack(counted int64) int64 {
	return max(min(counted/runtimeShare, runtimeSlack), smallRuntime-counted/smallRuntimeShare)
}

// follow is the next value of extra: it leaves small steps, and where memory is short rises
// by and by.
func follow(old, target int64, tight bool) int64 {
	switch {
	case target == 0:
		return 0
	case max(target-old, old-target) <= leastStep:
		return old
	case tight && target > old:
		return old + max((target-old)/riseShare, leastStep)
	}
	return target
}

// lowest gives the least that others was for between one and two times lowTime.
func (a *account) lowest(others, now int64) int64 {
	if now-a.lowAt > lowTime {
		a.low[1], a.low[0], a.lowAt = a.low[0], others, now
	}
	a.low[0] = min(a.low[0], others)
	return min(a.low[0], a.low[1])
}

// measureTight measures more often where memory is short, and while a snapshot is written.
func (s *self) measureTight() {
	if s.n.tight() || s.n.walk.Load() != nil {
		s.measure()
	}
}

// collectForMemory collects garbage and gives its memory back to the system, if there may
// be much of it and that was not done of late. It tells whether it did.
func (s *self) collectForMemory() bool {
	h, began := readHeap(), s.n.env.Clock.Nano()
	if !s.n.proc.own.Load() || began < s.account.collectAt || h.objects+h.free < h.live+runtimeSlack/2 {
		return false
	}
	releaseHeap()
	now := s.n.env.Clock.Nano()
	s.account.collectAt = now + collectShare*(now-began)
	return true
}

// tight tells whether there is a limit of memory, and it is near.
func (n *Node) tight() bool {
	limit := n.Exec.MemoryLimit()
	return limit != store.NoLimit && n.store.Over() > -max(limit, 0)/tightShare
}

// limitMemory takes up maxmemory. All workers must be stopped and all shards locked.
func (s *self) limitMemory() {
	s.n.Exec.Alert(exec.AlertMemory, false)
	limit := s.dataLimit()
	s.n.store.SetLimit(limit)
	s.fineClock()
	s.n.Exec.LimitMemory(limit)
}

// dataLimit is what maxmemory leaves for data and buffers, in bytes.
func (s *self) dataLimit() int64 {
	max := s.n.Config.MaxMemory
	if max == 0 {
		return store.NoLimit
	}
	return int64(max) - int64(s.account.base) - s.account.extra.Load()
}

// moveLimit leaves the data what the rest of the process does not take. No lock may be
// held.
func (s *self) moveLimit() {
	limit := int64(store.NoLimit)
	s.n.Exec.World.Workers()[0].Locked(func() { limit = s.dataLimit() })
	if limit != store.NoLimit {
		s.n.Exec.LimitMemory(limit)
	}
}
