package command

import (
	"math/bits"

	"github.com/redstart-db/redstart/internal/num"
	"github.com/redstart-db/redstart/internal/resp"
	"github.com/redstart-db/redstart/internal/session"
	"github.com/redstart-db/redstart/internal/store"
)

// Wait is what a blocking command that found nothing waits for.
type Wait struct {
	// Keys are the arguments that name the keys, in the order in which they
	// are looked at when several are ready. Without keys only time ends it.
	Keys []int
	// Also are arguments with keys whose shards Serve needs besides.
	Also []int
	// Timeout is in milliseconds; 0 stands for ever.
	Timeout int64
	// OnTimeout is the reply when the time is over, and inside a
	// transaction or a script, where nothing can be waited for, unless
	// Denied is another one for that.
	OnTimeout, Denied []byte
	// Late, if set, gives the reply when the time is over, in place of OnTimeout: for
	// what has to tell how things are then. It is called from any goroutine.
	Late func() []byte
	// Gone has Serve called also when the key was removed or became one of
	// another type.
	Gone bool
	// Serve is called after a change of the key in c.Args[i], with the lock
	// of its shard, and of those of Also. Either it does what the command
	// does, as its handler would have, and returns true, or it changes nothing,
	// replies nothing and returns false. c.Args is a copy of the command's.
	Serve func(c *Ctx, i int) bool
	// Freeing makes the client wait until the large values that the command
	// has removed are free. The reply is OnTimeout then.
	Freeing bool
	// Copying is what has to be made before the command can run; then it does, once
	// more, in the place of Serve. The shards that Copying needs are those of its keys.
	Copying *store.Copying
	// Begin, if set, is called when the client waits; whoever does what it waits
	// for calls end with the reply, which is not copied, once, from any goroutine
	// and under any lock. end is false when the waiting was over already.
	Begin func(end func(reply []byte) bool)
	// Firm makes the waiting one that CLIENT UNBLOCK does not end.
	Firm bool
	// Data is kept for Serve, which gets it from Ctx.WaitData.
	Data any
}

// Over gives the reply when the time is over.
func (w *Wait) Over() []byte {
	if w.Late != nil {
		return w.Late()
	}
	return w.OnTimeout
}

// Block says that the command cannot be done yet. It is the last thing that a
// handler does, and its reply.
func (c *Ctx) Block(w Wait) {
	if c.Sess.Flags&session.InExec != 0 || c.Sess.Conn == nil {
		if w.Denied == nil {
			w.Denied = w.OnTimeout
		}
		c.Out = append(c.Out, w.Denied...)
		return
	}
	c.wait = &w
}

// CopiesFirst has the value of e, the entry of k, copied in steps for the shard of another
// keyspace, if it is large, and tells whether the command has to wait for that: it has done
// nothing yet then, and the handler returns.
func (c *Ctx) CopiesFirst(k store.Key, e store.Entry, to *store.Keyspace) bool {
	if c.Sess.Flags&session.InExec != 0 || c.Sess.Conn == nil {
		return false // it cannot wait, or it has
	}
	copying := c.Keyspace(k).CopyInSteps(k, e, to)
	if copying == nil {
		return false
	}
	c.Block(Wait{Copying: copying, Firm: true})
	return true
}

// Thrown is the number of large values of the shards that are locked which were
// ever left to be freed later.
func (c *Ctx) Thrown() (n uint64) {
	for held := c.held; held != 0; held &= held - 1 {
		n += c.Store.Shard(bits.TrailingZeros64(uint64(held))).Thrown()
	}
	return n
}

// Waits gives what the command waits for, or nil when it is done.
func (c *Ctx) Waits() *Wait { return c.wait }

// WaitData gives Wait.Data to Serve.
func (c *Ctx) WaitData() any { return c.data }

// Serving tells c what it serves: a client that waits, on whose behalf
// Serve runs next. The executor calls it after Begin.
func (c *Ctx) Serving(w *Wait) { c.data = w.Data }

// NullReply is the reply of Null, for Wait.OnTimeout.
func (c *Ctx) NullReply() []byte { return resp.AppendNull(nil, c.proto()) }

// NullArrayReply is the reply of NullArray, for Wait.OnTimeout.
func (c *Ctx) NullArrayReply() []byte { return resp.AppendNullArray(nil, c.proto()) }

// TimeoutArg reads argument i as a time in seconds, which may have a fraction,
// and gives it in milliseconds, rounded up; 0 stands for ever. The error is in
// the reply when ok is false.
func (c *Ctx) TimeoutArg(i int) (ms int64, ok bool) {
	ms, ok = num.ParseTimeout(c.Args[i])
	switch {
	case !ok:
		c.Err("ERR timeout is not a float or out of range")
	case ms < 0:
		c.Err("ERR timeout is negative")
		ok = false
	}
	return ms, ok
}

// TimeoutMSArg reads argument i as a time in milliseconds, as XREAD and WAIT do.
func (c *Ctx) TimeoutMSArg(i int) (ms int64, ok bool) {
	ms, ok = num.ParseInt(c.Args[i])
	switch {
	case !ok:
		c.Err("ERR timeout is not an integer or out of range")
	case ms < 0:
		c.Err("ERR timeout is negative")
		ok = false
	}
	return ms, ok
}
