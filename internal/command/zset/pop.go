package zset

import (
	"math"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/num"
	"github.com/redstart-db/redstart/internal/store"
)

// pop is what a command that pops elements asks for.
type pop struct {
	max     bool
	counted bool  // a count was given
	count   int64 // at least 0; 1 if none was given
	nested  bool  // elements are pairs in the reply
	named   bool  // the reply says from which key they are
}

func zpopMin(c *command.Ctx) { popOne(c, pop{}) }
func zpopMax(c *command.Ctx) { popOne(c, pop{max: true}) }

func popOne(c *command.Ctx, p pop) {
	p.count = 1
	if len(c.Args) > 3 {
		c.Err(command.ErrSyntax)
		return
	}
	if p.counted = len(c.Args) == 3; p.counted {
		var ok bool
		if p.count, ok = num.ParseInt(c.Args[2]); !ok || p.count < 0 {
			c.Err(command.ErrPositive)
			return
		}
		p.nested = c.Resp3()
	}
	k := c.Key(1)
	e, ok := c.WriteType(k, store.ZSet)
	switch {
	case !ok:
	case !e.Ok() || p.count == 0:
		c.Array(0)
	default:
		p.from(c, k, e)
	}
}

// from pops elements of e, the entry of k, and gives their number.
func (p *pop) from(c *command.Ctx, k store.Key, e store.Entry) (n int) {
	v := open(e)
	size := v.len()
	n = int(min(p.count, int64(size)))
	from, to := 0, n
	if p.max {
		from, to = size-n, size
	}
	p.header(c, k, n)
	replyElements(c, &v, from, to, p.max, true, p.nested)
	switch {
	case n == size: // all goes with the key
	case n == 1 && v.big != nil:
		v.big.RemoveAt(from)
	default:
		removeRange(c.Keyspace(k), &v, from, to)
	}
	event := "zpopmin"
	if p.max {
		event = "zpopmax"
	}
	removed(c, k, e, n, size-n, event)
	return n
}

// header begins the reply of n elements.
func (p *pop) header(c *command.Ctx, k store.Key, n int) {
	switch {
	case p.nested && p.named:
		c.Array(2)
		c.Bulk(k.B)
		c.Array(n)
	case p.named:
		c.Array(1 + 2*n)
		c.Bulk(k.B)
	case p.nested:
		c.Array(n)
	default:
		c.Array(2 * n)
	}
}

// first pops from the first of some keys that is there, those of c.Args[from:to],
// and tells whether there was one, or an error.
func (p *pop) first(c *command.Ctx, from, to int) (done bool) {
	for i := from; i < to; i++ {
		if e, ok := c.WriteType(c.Key(i), store.ZSet); !ok {
			return true
		} else if e.Ok() {
			p.fromArg(c, i, e)
			return true
		}
	}
	return false
}

// fromArg pops from the key in argument i. The effect names that key alone.
func (p *pop) fromArg(c *command.Ctx, i int, e store.Entry) {
	k := c.Key(i)
	n := p.from(c, k, e)
	if !c.Logging() {
		return
	}
	name := "ZPOPMIN"
	if p.max {
		name = "ZPOPMAX"
	}
	if p.counted {
		var digits [num.MaxIntLen]byte
		c.Effect([]byte(name), k.B, num.AppendInt(digits[:0], int64(n)))
	} else {
		c.Effect([]byte(name), k.B)
	}
}

func zmpop(c *command.Ctx) {
	var p pop
	if n, ok := p.parse(c, 1); ok && !p.first(c, 2, 2+n) {
		c.NullArray()
	}
}

// parse reads the arguments of ZMPOP from the number of keys on, argument at, and
// gives that number. The error is in the reply when ok is false.
func (p *pop) parse(c *command.Ctx, at int) (keys int, ok bool) {
	n, ok := num.ParseInt(c.Args[at])
	if !ok || n < 1 {
		c.Err("ERR numkeys should be greater than 0")
		return 0, false
	}
	i := at + 1 + int(min(n, math.MaxInt32))
	switch {
	case c.Is(i, "MIN"):
	case c.Is(i, "MAX"):
		p.max = true
	default:
		c.Err(command.ErrSyntax)
		return 0, false
	}
	p.count, p.counted, p.nested, p.named = 1, true, true, true
	if i++; i == len(c.Args) {
		return int(n), true
	}
	if i+1 == len(c.Args) || !c.Is(i, "COUNT") {
		c.Err(command.ErrSyntax)
		return 0, false
	}
	if p.count, ok = num.ParseInt(c.Args[i+1]); !ok || p.count < 1 {
		c.Err("ERR count should be greater than 0")
		return 0, false
	}
	if i+2 != len(c.Args) {
		c.Err(command.ErrSyntax)
		return 0, false
	}
	return int(n), true
}

func bzpopMin(c *command.Ctx) { popOrWait(c, pop{}) }
func bzpopMax(c *command.Ctx) { popOrWait(c, pop{max: true}) }

func popOrWait(c *command.Ctx, p pop) {
	p.count, p.named = 1, true
	last := len(c.Args) - 1
	p.wait(c, last, 1, last)
}

func bzmpop(c *command.Ctx) {
	var p pop
	if n, ok := p.parse(c, 2); ok {
		p.wait(c, 1, 3, 3+n)
	}
}

// wait is first, and waits for as long as argument timeout says until one of the
// keys is there.
func (p *pop) wait(c *command.Ctx, timeout, from, to int) {
	ms, ok := c.TimeoutArg(timeout)
	if !ok || p.first(c, from, to) {
		return
	}
	keys := make([]int, 0, to-from)
	for i := from; i < to; i++ {
		keys = append(keys, i)
	}
	once := *p
	c.Block(command.Wait{
		Keys: keys, Timeout: ms, OnTimeout: c.NullArrayReply(),
		Serve: func(c *command.Ctx, i int) bool {
			e := c.Write(c.Key(i))
			if !e.Ok() || e.Type() != store.ZSet {
				return false
			}
			once.fromArg(c, i, e)
			return true
		},
	})
}
