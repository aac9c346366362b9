package node

import "github.com/redstart-db/redstart/internal/exec"

const (
	reclaimStep = 300      // records of flushed databases freed for one hold of a shard's lock
	trimTicks   = 10       // a shard's free pages are looked at every so many ticks
	trimShare   = 8        // one part in so many is given back each time
	trimLeast   = 64 << 10 // bytes that are kept, and given back at the least
	trimFrom    = 16       // one part in so many of an arena may be free pages: holes would keep regions from filling
	trimTight   = 64       // the same where memory is short
	trimMost    = 1 << 20  // bytes given back at the most for one hold of a shard's lock: some 50 µs
	trimHolds   = 8        // how often that, for a shard that is idle and has more free than used

	collapseStep = 8 // regions made huge pages at a time, of some 200 µs each without a lock
)

// shardUse is what a shard's arena held when it was looked at last: while it stays
// the same, the shard is idle.
type shardUse struct{ live, blocks uint64 }

// reclaim frees what FLUSHALL and the like left behind, and gives free pages back
// to the system. Pages go slowly, by halves in about half a second, so that
// memory in use by turns is not returned and asked for all the time; a shard
// that nobody changes keeps none. Regions that have filled become huge pages.
func (n *Node) reclaim() {
	turn := int(n.env.Clock.Nano() / int64(expireTick))
	n.free()
	from := trimFrom
	if n.tight() {
		from = trimTight
	}
	if n.seen == nil {
		n.seen = make([]shardUse, n.store.Shards())
	}
	for i := range n.store.Shards() {
		if (turn+i)%trimTicks != 0 {
			continue
		}
		sh := n.store.Shard(i)
		sh.Lock()
		st := sh.Arena().Stats()
		seen := shardUse{st.Live, st.Blocks}
		switch free := int(st.FreeDirty); {
		case n.seen[i] == seen:
			for more := trimHolds; sh.Arena().Trim(trimMost) > 0 && more > 1 && free > int(st.Resident)/2; more-- {
				sh.Unlock()
				sh.Lock()
			}
		case free > max(trimLeast, int(st.Resident)/from):
			sh.Arena().Trim(min(max(free/trimShare, trimLeast), trimMost))
		}
		n.seen[i] = seen
		sh.Unlock()
	}
	// What is being loaded would have to wait for a region to be copied, and the next.
	if n.huge && turn%trimTicks == 0 && !n.Exec.Alerted(exec.AlertLoading) {
		n.store.Collapse(collapseStep)
	}
}

// free frees records of flushed databases and elements of removed collections, a
// few of each shard in turn: for at most half of a tick, or all of it while
// somebody waits for the end.
func (n *Node) free() {
	end := n.env.Clock.Nano() + int64(expireTick)/2
	if n.Exec.Freed() {
		end += int64(expireTick) / 2
	}
	defer n.Exec.Freed()
	for more := true; more && n.env.Clock.Nano() < end; {
		more = false
		for i := range n.store.Shards() {
			sh := n.store.Shard(i)
			sh.Lock()
			more = sh.Reclaim(reclaimStep) || more
			sh.Unlock()
		}
	}
}
