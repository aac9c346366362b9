package node

import (
	"sync/atomic"

	"github.com/redstart-db/redstart/internal/store"
)

const (
	defragHold  = 256 << 10 // bytes moved for one hold of a shard's lock, about
	defragEvery = 1e9       // nanoseconds between two decisions
	// worthShare is how much of a shard has to be holes for a walk over it, as one part in so
	// many of the threshold.
	worthShare = 2
)

// defrag is the state of active defragmentation. Only the background touches it, but for
// what INFO tells.
//
// Once a second the whole instance is looked at, as in Redis: what its pages have beyond
// its live blocks, in bytes and in percent of the latter. Above the thresholds walks begin
// over the shards that are worth it, with a share of one processor for all together that
// grows with the percentage. A walk that has begun is ended, unless activedefrag is turned
// off. After walks that did not help, the next ones wait for there to be more to win.
type defrag struct {
	decideAt int64  // monotonic nanoseconds
	walking  []bool // by shard
	left     int    // shards that are walked over
	before   uint64 // holes when the walks began, bytes
	barren   uint64 // holes that walks have left, though they were above the thresholds; bytes

	effort atomic.Int64 // percent of one processor; 0 while there are no walks
	since  atomic.Int64 // monotonic nanoseconds, when they began
	total  atomic.Int64 // nanoseconds of all walks before
	reset  atomic.Int64 // when total was reset while there were walks, or 0

	base atomic.Pointer[defragCounts] // when the statistics were reset; nil: never
}

// defragCounts is what active_defrag_hits and the like tell: blocks and keys of which
// something was moved, and those that stayed.
type defragCounts struct{ hits, misses, keyHits, keyMisses uint64 }

func (c *defragCounts) add(sh *store.Shard) {
	tried, walk := sh.Arena().Tried(), sh.Compact()
	c.hits += tried.Sparse
	c.misses += tried.Dense
	c.keyHits += walk.Moved
	c.keyMisses += walk.Kept
}

// since gives what was counted after base.
func (c defragCounts) since(base *defragCounts) defragCounts {
	if base == nil {
		return c
	}
	return defragCounts{c.hits - base.hits, c.misses - base.misses, c.keyHits - base.keyHits, c.keyMisses - base.keyMisses}
}

// resetDefrag sets the statistics to zero. All shards must be locked.
func (n *Node) resetDefrag() {
	var c defragCounts
	for i := range n.store.Shards() {
		c.add(n.store.Shard(i))
	}
	n.defrag.base.Store(&c)
	n.defrag.reset.Store(n.env.Clock.Nano())
	n.defrag.total.Store(0)
}

// fragmentation is what the pages of all shards have beyond live blocks.
type fragmentation struct{ live, holes uint64 }

func (f fragmentation) percent() int { return int(f.holes * 100 / max(f.live, 1)) }

// defragment does a tick's share of the walks.
func (n *Node) defragment() {
	d, now := &n.defrag, n.env.Clock.Nano()
	if now >= d.decideAt {
		d.decideAt = now + defragEvery
		n.decide(now)
	}
	effort := d.effort.Load()
	if effort == 0 {
		return
	}
	end := now + int64(expireTick)*effort/100
	var threshold int64
	for more := true; more && n.env.Clock.Nano() < end; {
		more = false
		for i := range d.walking {
			if !d.walking[i] {
				continue
			}
			sh := n.store.Shard(i)
			sh.Lock()
			// The configuration changes only while all shards are locked.
			threshold = n.Config.LatencyMonitorThreshold
			done := sh.Compact().Work(sh, uint64(n.Config.ActiveDefragMaxScanFields), defragHold)
			sh.Unlock()
			if done {
				d.walking[i] = false
				d.left--
			}
			more = more || !done
			if n.env.Clock.Nano() >= end {
				break
			}
		}
	}
	if ms := (n.env.Clock.Nano() - now) / 1e6; threshold > 0 && ms >= threshold {
		n.Exec.Latency.Add("active-defrag-cycle", n.env.Clock.NowMilli()/1000, ms)
	}
	if d.left == 0 {
		n.walked()
	}
}

// defragLimits are what the decision goes by.
type defragLimits struct {
	lower, upper int // percent
	ignore       uint64
	least, most  int // percent of one processor
}

const (
	tightLower  = 3       // percent of holes that are worth closing where memory is short
	tightIgnore = 1 << 20 // bytes, the same
)

// defragLimits gives the limits of the configuration, and false if nothing is to be
// defragmented. Where memory is short it is worth it in any case, and earlier: the
// alternative is to evict keys for holes. One shard must be locked.
func (n *Node) defragLimits(tight bool) (l defragLimits, on bool) {
	cfg := n.Config
	l = defragLimits{
		lower: cfg.ActiveDefragThresholdLow, upper: cfg.ActiveDefragThresholdHigh, ignore: uint64(cfg.ActiveDefragIgnoreBytes),
		least: cfg.ActiveDefragCycleMin, most: cfg.ActiveDefragCycleMax,
	}
	if tight {
		l.lower, l.ignore = min(l.lower, tightLower), min(l.ignore, tightIgnore)
	}
	l.upper = max(l.upper, l.lower+1)
	return l, tight || cfg.ActiveDefrag
}

// effort is the share of a processor that fragmentation is worth, in percent; 0 if it is
// below the thresholds.
func (l *defragLimits) effort(f fragmentation) int {
	p := f.percent()
	if p < l.lower || f.holes < l.ignore || f.live == 0 {
		return 0
	}
	return max(1, l.least+(l.most-l.least)*min(p-l.lower, l.upper-l.lower)/(l.upper-l.lower))
}

// decide begins walks if they are worth it, has those that go on take more time if they
// are worth more than they were, and ends them when they are not wanted any more.
func (n *Node) decide(now int64) {
	d := &n.defrag
	shards := make([]fragmentation, n.store.Shards())
	var all fragmentation
	var limits defragLimits
	on, tight := false, n.tight()
	for i := range shards {
		sh := n.store.Shard(i)
		sh.Lock()
		shards[i] = fragmentation{sh.Arena().Live(), sh.Holes()}
		limits, on = n.defragLimits(tight)
		sh.Unlock()
		all.live += shards[i].live
		all.holes += shards[i].holes
	}
	if !on {
		d.barren = 0
		n.stopDefrag(now)
		return
	}
	effort := limits.effort(all)
	if d.left > 0 {
		d.effort.Store(min(max(d.effort.Load(), int64(effort)), int64(max(limits.most, 1))))
		return
	}
	if effort == 0 || all.holes < d.barren+d.barren/8 {
		n.stopDefrag(now)
		return
	}
	d.walking = make([]bool, len(shards))
	for i, f := range shards {
		if worth := f.percent()*worthShare >= limits.lower; worth {
			sh := n.store.Shard(i)
			sh.Lock()
			sh.Compact().Begin()
			sh.Unlock()
			d.walking[i] = true
			d.left++
		}
	}
	d.before = all.holes
	d.since.CompareAndSwap(0, now)
	d.effort.Store(int64(effort))
}

// walked is called when all walks have ended: others follow if these have helped.
func (n *Node) walked() {
	d := &n.defrag
	var holes uint64
	for i := range n.store.Shards() {
		sh := n.store.Shard(i)
		sh.Lock()
		holes += sh.Holes()
		sh.Unlock()
	}
	d.barren = 0
	if holes > d.before-d.before/8 {
		d.barren = holes
	}
	n.decide(n.env.Clock.Nano())
}

func (n *Node) stopDefrag(now int64) {
	d := &n.defrag
	d.walking, d.left = nil, 0
	d.effort.Store(0)
	if since := d.since.Swap(0); since != 0 {
		d.total.Add(now - max(since, d.reset.Load()))
	}
}

// times gives for how long there have been walks, in total and now, in nanoseconds.
func (d *defrag) times(now int64) (total, current int64) {
	total = d.total.Load()
	if since := d.since.Load(); since != 0 {
		current = now - since
		total += now - max(since, d.reset.Load())
	}
	return total, current
}
