package hyperloglog

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/ds/hll"
	"github.com/redstart-db/redstart/internal/store"
)

func pfMerge(c *command.Ctx) {
	var regs hll.All
	dense, ok := union(c, &regs) // with the destination, which has passed all checks then
	if !ok {
		return
	}
	k := c.Key(1)
	e := c.Write(k)
	merge(c, k, e, &regs, dense)
	if !e.Ok() {
		c.Event(k, command.NotifyNew, "new")
	}
	c.Changed(k, command.NotifyString, "pfadd")
	c.OK()
}

// merge makes e, a HyperLogLog or nothing, one with the given registers, which are
// at least as high as its own.
func merge(c *command.Ctx, k store.Key, e store.Entry, regs *hll.All, dense bool) {
	if e.Ok() && hll.Dense(c.Value(e)) {
		v := writable(c, k, e)
		regs.PutDense(v)
		hll.Invalidate(v)
		return
	}
	var buf [stackRoom]byte
	v := buf[:0]
	if e.Ok() {
		v = append(v, c.Value(e)...)
	} else {
		v = append(v, hll.Empty...)
	}
	full := dense
	edit := hll.Editor{Max: c.Config.HLLSparseMaxBytes}
	for index, rank := range regs {
		if rank > 0 && !full {
			var outcome hll.Outcome
			v, outcome = edit.Raise(v, index, rank)
			full = outcome == hll.Full
		}
	}
	if full {
		v = promote(c, k, e, regs)
		hll.Invalidate(v)
		return
	}
	hll.Invalidate(v)
	put(c, k, e, v)
}
