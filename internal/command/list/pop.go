package list

import (
	"math"

	"github.com/redstart-db/redstart/internal/bulks"
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/num"
	"github.com/redstart-db/redstart/internal/store"
)

func lpop(c *command.Ctx) { popArgs(c, left) }
func rpop(c *command.Ctx) { popArgs(c, right) }

func popArgs(c *command.Ctx, at end) {
	if len(c.Args) > 2 {
		popCount(c, at)
		return
	}
	k := c.Key(1)
	e, ok := c.WriteType(k, store.List)
	switch {
	case !ok:
	case !e.Ok():
		c.Null()
	default:
		popOne(c, k, e, at)
	}
}

// popOne replies with the element at an end of the list of k and removes it.
func popOne(c *command.Ctx, k store.Key, e store.Entry, at end) {
	if q := nodes(e); q != nil && q.NodeCount() > 2 {
		// The short way for queues, when the list stays as it is kept.
		c.Out = bulks.AppendValue(c.Out, peekAt(q, at))
		dropAt(q, at)
		popped(c, k, at, false)
		return
	}
	v := open(k, e)
	c.Out = bulks.AppendValue(c.Out, v.peek(at))
	popped(c, k, at, v.drop(at))
}

// popped tells that the list of a key has lost elements at an end; gone, that it
// has none any more. It counts one change.
func popped(c *command.Ctx, k store.Key, at end, gone bool) {
	c.Changed(k, command.NotifyList, at.popped())
	if gone {
		c.Event(k, command.NotifyGeneric, "del")
	}
}

func popCount(c *command.Ctx, at end) {
	if len(c.Args) > 3 {
		c.Err(command.WrongArity(c.Spec.Name))
		return
	}
	n, ok := num.ParseInt(c.Args[2])
	if !ok || n < 0 {
		c.Err(command.ErrPositive)
		return
	}
	k := c.Key(1)
	e, ok := c.WriteType(k, store.List)
	switch {
	case !ok:
	case !e.Ok():
		c.NullArray()
	case n == 0:
		c.Array(0)
	default:
		v := open(k, e)
		popMany(c, &v, at, n)
	}
}

// popMany replies with an array of the up to n elements at an end, and removes
// them. It gives their number.
func popMany(c *command.Ctx, v *value, at end, n int64) int {
	size := v.len()
	k := int(min(n, int64(size)))
	start, first := 0, 0
	if at == right {
		start, first = size-k, size-1
	}
	v.reply(c, first, k, at)
	popped(c, v.k, at, v.dropRange(start, k))
	c.Dirty(k - 1)
	return k
}

// multiPop is what LMPOP and BLMPOP are asked for.
type multiPop struct {
	first, last int // the arguments with the keys
	at          end
	count       int64
}

// multiPopArgs reads the arguments from the number of keys on.
func multiPopArgs(c *command.Ctx, i int) (m multiPop, ok bool) {
	n, ok := num.ParseInt(c.Args[i])
	if !ok || n <= 0 {
		c.Err("ERR numkeys should be greater than 0")
		return m, false
	}
	m.first, m.count = i+1, 1
	if n > math.MaxInt32 || i+1+int(n) >= len(c.Args) {
		c.Err(command.ErrSyntax)
		return m, false
	}
	m.last = i + int(n)
	if m.at, ok = endArg(c, m.last+1); !ok {
		return m, false
	}
	switch rest := c.Args[m.last+2:]; {
	case len(rest) == 0:
	case len(rest) < 2 || !c.Is(m.last+2, "COUNT"):
		c.Err(command.ErrSyntax)
		return m, false
	default:
		if m.count, ok = num.ParseInt(rest[1]); !ok || m.count <= 0 {
			c.Err("ERR count should be greater than 0")
			return m, false
		}
		if len(rest) > 2 { // found after what is wrong with the count
			c.Err(command.ErrSyntax)
			return m, false
		}
	}
	return m, true
}

// endArg reads LEFT or RIGHT.
func endArg(c *command.Ctx, i int) (at end, ok bool) {
	switch {
	case c.Is(i, "LEFT"):
		return left, true
	case c.Is(i, "RIGHT"):
		return right, true
	}
	c.Err(command.ErrSyntax)
	return left, false
}

func lmpop(c *command.Ctx) {
	m, ok := multiPopArgs(c, 1)
	if ok && m.run(c) {
		c.NullArray()
	}
}

// run takes elements from the first list there is. none tells that there is no list,
// and no reply yet.
func (m *multiPop) run(c *command.Ctx) (none bool) {
	for i := m.first; i <= m.last; i++ {
		k := c.Key(i)
		e, ok := c.WriteType(k, store.List)
		if !ok {
			return false
		}
		if e.Ok() {
			m.from(c, k, e)
			return false
		}
	}
	return true
}

// from takes elements from the list of k.
func (m *multiPop) from(c *command.Ctx, k store.Key, e store.Entry) {
	c.Array(2)
	c.Bulk(k.B)
	v := open(k, e)
	n := popMany(c, &v, m.at, m.count)
	if c.Logging() {
		var digits [num.MaxIntLen]byte
		c.Effect(m.at.popCommand(), k.B, num.AppendInt(digits[:0], int64(n)))
	}
}

// popCommand is the command that removes from an end.
func (at end) popCommand() []byte {
	if at == left {
		return []byte("LPOP")
	}
	return []byte("RPOP")
}
