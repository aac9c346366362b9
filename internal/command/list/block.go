package list

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/store"
)

func blpop(c *command.Ctx) { blockingPop(c, left) }
func brpop(c *command.Ctx) { blockingPop(c, right) }

func blockingPop(c *command.Ctx, at end) {
	last := len(c.Args) - 1
	timeout, ok := c.TimeoutArg(last)
	if !ok {
		return
	}
	for i := 1; i < last; i++ {
		k := c.Key(i)
		e, ok := c.WriteType(k, store.List)
		if !ok {
			return
		}
		if e.Ok() {
			popWithKey(c, k, e, at)
			return
		}
	}
	serve := serveLeft
	if at == right {
		serve = serveRight
	}
	c.Block(command.Wait{Keys: span(1, last), Timeout: timeout, OnTimeout: c.NullArrayReply(), Serve: serve})
}

// span is the numbers from a to b-1.
func span(a, b int) []int {
	all := make([]int, 0, b-a)
	for i := a; i < b; i++ {
		all = append(all, i)
	}
	return all
}

// popWithKey replies with the key and an element of its list.
func popWithKey(c *command.Ctx, k store.Key, e store.Entry, at end) {
	c.Array(2)
	c.Bulk(k.B)
	popOne(c, k, e, at)
	if c.Logging() {
		c.Effect(at.popCommand(), k.B)
	}
}

func serveLeft(c *command.Ctx, i int) bool  { return servePop(c, i, left) }
func serveRight(c *command.Ctx, i int) bool { return servePop(c, i, right) }

func servePop(c *command.Ctx, i int, at end) bool {
	k := c.Key(i)
	e, ok := ready(c, k)
	if ok {
		popWithKey(c, k, e, at)
		c.Dirty(-1) // Redis counts no change for those who waited
	}
	return ok
}

// ready looks up a key that somebody waits for, in order to change it. ok tells whether
// it has a list.
func ready(c *command.Ctx, k store.Key) (e store.Entry, ok bool) {
	e = c.Keyspace(k).Lookup(k, c.Now())
	c.Keyspace(k).Announce(k)
	return e, e.Ok() && e.Type() == store.List
}

func blmpop(c *command.Ctx) {
	m, ok := multiPopArgs(c, 2)
	if !ok {
		return
	}
	timeout, ok := c.TimeoutArg(1)
	if ok && m.run(c) {
		c.Block(command.Wait{Keys: span(m.first, m.last+1), Timeout: timeout, OnTimeout: c.NullArrayReply(), Serve: serveMultiPop})
	}
}

func serveMultiPop(c *command.Ctx, i int) bool {
	k := c.Key(i)
	e, ok := ready(c, k)
	if ok {
		m, _ := multiPopArgs(c, 2)
		m.from(c, k, e)
	}
	return ok
}

func blmove(c *command.Ctx) {
	if from, to, ok := moveArgs(c); ok {
		blockingMove(c, 5, from, to, serveMove)
	}
}

func brpoplpush(c *command.Ctx) { blockingMove(c, 3, right, left, serveRPopLPush) }

// blockingMove is BLMOVE with the timeout in argument i.
func blockingMove(c *command.Ctx, i int, from, to end, serve func(*command.Ctx, int) bool) {
	timeout, ok := c.TimeoutArg(i)
	if !ok {
		return
	}
	src := c.Key(1)
	e, ok := c.WriteType(src, store.List)
	switch {
	case !ok:
	case e.Ok():
		if moveFrom(c, src, e.Keyspace(), from, to) {
			moveEffect(c, c.Args[:i])
		}
	default:
		c.Block(command.Wait{Keys: []int{1}, Also: []int{2}, Timeout: timeout,
			OnTimeout: c.NullArrayReply(), Denied: c.NullReply(), Serve: serve})
	}
}

// moveEffect is the effect of a move without its timeout.
func moveEffect(c *command.Ctx, args [][]byte) {
	if !c.Logging() {
		return
	}
	if len(args) == 3 {
		c.Effect([]byte("RPOPLPUSH"), args[1], args[2])
	} else {
		c.Effect([]byte("LMOVE"), args[1], args[2], args[3], args[4])
	}
}

func serveMove(c *command.Ctx, _ int) bool {
	from, to, _ := moveArgs(c)
	return serveMoveAs(c, from, to, [][]byte{nil, c.Args[1], c.Args[2], from.word(), to.word()})
}

func serveRPopLPush(c *command.Ctx, _ int) bool {
	return serveMoveAs(c, right, left, c.Args[:3])
}

// serveMoveAs serves one who waits to move, with the effect of a move of args.
func serveMoveAs(c *command.Ctx, from, to end, args [][]byte) bool {
	src := c.Key(1)
	e, ok := ready(c, src)
	if ok && moveFrom(c, src, e.Keyspace(), from, to) {
		moveEffect(c, args)
		c.Dirty(-1)
	}
	return ok
}

// word is how the effect of a move that was waited for names an end.
func (at end) word() []byte {
	if at == left {
		return []byte("left")
	}
	return []byte("right")
}
