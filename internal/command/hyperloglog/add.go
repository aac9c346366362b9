package hyperloglog

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/ds/hll"
	"github.com/redstart-db/redstart/internal/store"
)

func pfAdd(c *command.Ctx) {
	k := c.Key(1)
	e := c.Write(k)
	var v []byte
	if e.Ok() {
		if _, ok := checked(c, e); !ok {
			return
		}
		v = writable(c, k, e)
	}
	changes, ok := 0, true
	if e.Ok() && hll.Dense(v) {
		changes = addDense(v, c.Args[2:])
	} else {
		changes, ok = addSparse(c, k, e, v)
	}
	switch {
	case !ok:
		if changes > 0 {
			c.Changed(k, 0, "") // without an event, as in Redis
		}
		c.Err(errCorrupt)
		return
	case !e.Ok():
		changes++
		c.Event(k, command.NotifyNew, "new")
	}
	if changes == 0 {
		c.Int(0)
		return
	}
	c.Changed(k, command.NotifyString, "pfadd")
	c.Dirty(changes - 1)
	c.Int(1)
}

// addDense gives the number of elements that changed a register.
func addDense(v []byte, elems [][]byte) (changes int) {
	for _, elem := range elems {
		if index, rank := hll.Position(elem); hll.SetDense(v, index, rank) {
			changes++
		}
	}
	return changes
}

// addSparse adds the elements to a copy of v, which is sparse or nothing, and
// stores that as the value of e when there is memory for it: nothing is added
// else. If v turns out to be damaged, ok is false, and the elements before that are
// added, as in Redis.
func addSparse(c *command.Ctx, k store.Key, e store.Entry, v []byte) (changes int, ok bool) {
	if len(v) > hll.MaxSparse {
		return 0, len(c.Args) == 2 // there may be very much of it
	}
	var buf [stackRoom]byte
	v = append(buf[:0], v...)
	if !e.Ok() {
		v = append(v, hll.Empty...)
		hll.Invalidate(v)
	}
	edit := hll.Editor{Max: c.Config.HLLSparseMaxBytes}
	ok = true
	for i, elem := range c.Args[2:] {
		index, rank := hll.Position(elem)
		var outcome hll.Outcome
		v, outcome = edit.Raise(v, index, rank)
		if outcome == hll.Changed {
			changes++
		}
		if outcome == hll.Full {
			more, promoted := addPromoted(c, k, e, v, c.Args[2+i:])
			if promoted {
				return changes + more, true
			}
			outcome = hll.Corrupt
		}
		if outcome == hll.Corrupt {
			ok = false
			break
		}
	}
	put(c, k, e, v)
	return changes, ok
}

// addPromoted makes e a dense value that has seen what v, a sparse one, has, and
// the elements. ok is false, and e as it was, when v is damaged.
func addPromoted(c *command.Ctx, k store.Key, e store.Entry, v []byte, elems [][]byte) (changes int, ok bool) {
	var regs hll.All
	if !regs.Raise(v) {
		return 0, false
	}
	v = promote(c, k, e, &regs)
	hll.Invalidate(v)
	return addDense(v, elems), true
}
