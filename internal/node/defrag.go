package node

import "github.com/redstart-db/redstart/internal/store"

const (
	defragSteps = 8   // stretches of a table for one hold of a shard's lock
	defragEvery = 100 // ticks between two looks at how a shard is fragmented
)

// defrag is the state of active defragmentation (activedefrag) of one shard.
// Only the background touches it.
type defrag struct {
	walk   store.Defrag
	effort int    // percent of one processor that the walk may take; 0 rests
	moved  uint64 // before this walk
	more   bool   // the last walk moved something: another may be worth while
}

// defragment gives fragmented shards a share of a tick to move what keeps sparse
// spans alive. The share grows with the fragmentation, between the limits of the
// configuration, as in Redis; it is of one processor for all shards together.
func (n *Node) defragment() {
	if n.defrag == nil {
		n.defrag = make([]defrag, n.store.Shards())
	}
	turn := int(n.env.Clock.Nano() / int64(expireTick))
	most, busy := 0, 0
	for i := range n.defrag {
		d := &n.defrag[i]
		if (turn+i)%defragEvery == 0 {
			n.gauge(d, n.store.Shard(i))
		}
		if d.effort > 0 {
			most = max(most, d.effort)
			busy++
		}
	}
	if busy == 0 {
		return
	}
	share := int64(expireTick) * int64(most) / 100 / int64(busy)
	for i := range n.defrag {
		if d := &n.defrag[i]; d.effort > 0 {
			n.walk(d, n.store.Shard(i), n.env.Clock.Nano()+share)
		}
	}
}

// walk goes on with the walk over a shard until a point in time.
func (n *Node) walk(d *defrag, sh *store.Shard, end int64) {
	for n.env.Clock.Nano() < end {
		sh.Lock()
		done := false
		for i := 0; i < defragSteps && !done; i++ {
			done = d.walk.Step(sh)
		}
		sh.Unlock()
		if done {
			d.more = d.walk.Moved > d.moved
			d.effort, d.moved = 0, d.walk.Moved
			return
		}
	}
}

// gauge decides how much effort a shard is worth. A walk that has begun is not
// slowed down; after it, the next is worth while also below the number of bytes
// at which the first began.
func (n *Node) gauge(d *defrag, sh *store.Shard) {
	sh.Lock()
	defer sh.Unlock()
	cfg := n.Config // changes only while all shards are locked
	st := sh.Arena().Stats()
	if !cfg.ActiveDefrag || st.Live == 0 {
		d.effort, d.more = 0, false
		return
	}
	waste := int64(st.Resident) - int64(st.FreeDirty) - int64(st.Live)
	percent := int(waste * 100 / int64(st.Live))
	low := cfg.ActiveDefragThresholdLow
	high := max(cfg.ActiveDefragThresholdHigh, low+1)
	if percent < low || !d.more && waste*int64(len(n.defrag)) < cfg.ActiveDefragIgnoreBytes {
		return
	}
	span := cfg.ActiveDefragCycleMax - cfg.ActiveDefragCycleMin
	effort := cfg.ActiveDefragCycleMin + span*min(percent-low, high-low)/(high-low)
	d.effort = max(d.effort, effort)
}
