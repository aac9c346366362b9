package hyperloglog

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/ds/hll"
	"github.com/redstart-db/redstart/internal/store"
)

func pfAdd(c *command.Ctx) {
	k := c.Key(1)
	e := c.Write(k)
	v := []byte(nil)
	if e.Ok() {
		var ok bool
		if v, ok = checked(c, e); !ok {
			return
		}
	}
	var changes int
	var ok bool
	if e.Ok() && hll.Dense(v) {
		changes, ok = addDense(writable(c, k, e), c.Args[2:]), true
	} else if changes, ok = addSparse(c, k, e, v); !ok {
		c.Err(errCorrupt)
		return
	}
	if !e.Ok() {
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
// else. ok is false when v turns out to be damaged.
func addSparse(c *command.Ctx, k store.Key, e store.Entry, v []byte) (changes int, ok bool) {
	var buf [stackRoom]byte
	edit := hll.Editor{Bytes: append(buf[:0], v...), Max: c.Config.HLLSparseMaxBytes}
	if !e.Ok() {
		edit.Bytes = append(edit.Bytes, hll.Empty...)
		hll.Invalidate(edit.Bytes)
	}
	for i, elem := range c.Args[2:] {
		index, rank := hll.Position(elem)
		switch edit.Raise(index, rank) {
		case hll.Changed:
			changes++
		case hll.Corrupt:
			return 0, false
		case hll.Full:
			more, ok := addPromoted(c, k, e, edit.Bytes, c.Args[2+i:])
			return changes + more, ok
		}
	}
	put(c, k, e, edit.Bytes)
	return changes, true
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
