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
	var buf [stackRoom]byte
	edit := hll.Editor{Bytes: buf[:0], Max: c.Config.HLLSparseMaxBytes}
	switch {
	case !e.Ok():
		edit.Bytes = append(edit.Bytes, hll.Empty...)
	case hll.Dense(c.Value(e)):
		v := writable(c, k, e)
		regs.PutDense(v)
		hll.Invalidate(v)
		return
	default:
		edit.Bytes = append(edit.Bytes, c.Value(e)...)
	}
	if dense || !raise(&edit, regs) {
		hll.Invalidate(promote(c, k, e, regs))
		return
	}
	hll.Invalidate(edit.Bytes)
	put(c, k, e, edit.Bytes)
}

// raise raises all registers of a sparse value that is not damaged; it tells
// whether there is room for that.
func raise(edit *hll.Editor, regs *hll.All) bool {
	for index, rank := range regs {
		if rank > 0 && edit.Raise(index, rank) == hll.Full {
			return false
		}
	}
	return true
}
