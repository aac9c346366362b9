package exec

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/session"
	"github.com/redstart-db/redstart/internal/store"
)

// A series is calls of one command in a pipeline, each of which takes little time
// (command.Spec.IsBrief). They share what a single call has for itself: a reading of
// the clock, the counting, and the lock of a shard while the next key belongs to it
// too. For short commands that is a third of their time.
//
// Nothing else is shared: between two of them everything is as it is between any two
// commands, but that they begin at the same time. What a series took is divided by
// the number of its calls, so it ends where one of them may have taken longer than
// others: where it had to wait for a shard, and behind a large reply.

const (
	// seriesReply is the size of a reply behind which a series ends.
	seriesReply = 4 << 10
	// seriesSlow is the threshold of the slow log, in microseconds, below which
	// every command is timed by itself. No series takes that long unless something
	// has held it up.
	seriesSlow = 1000

	// unusual are the flags of a session that a series knows nothing of.
	unusual = attention | session.ReplyOff | session.ReplySkip | session.SkipNext | session.Caching |
		session.Closing | session.Blocked
)

// series runs the requests with which reqs begins, as long as they are one, and gives
// their number. It is 0 when the first has to run by itself.
func (cl *Client) series(c *command.Ctx, reqs []request) (n int) {
	spec := reqs[0].spec
	if len(reqs) < 2 || spec != reqs[1].spec || spec == nil || !cl.begins(&reqs[0]) || !cl.begins(&reqs[1]) {
		return 0
	}
	x, w, s := cl.x, cl.w, &cl.Sess
	if slow := x.Config.SlowlogLogSlowerThan; 0 <= slow && slow < seriesSlow {
		return 0
	}
	if len(s.LastCmd) != len(spec.Name) || s.LastCmd != spec.Name {
		s.LastCmd = spec.Name
	}
	var sh *store.Shard
	timed, waited := 0, false // how many were timed; that the last waited for its shard
	for n < len(reqs) {
		r := &reqs[n]
		if r.spec != spec || !cl.begins(r) {
			break
		}
		if next := x.Store.ShardOf(r.key.H); next != sh {
			if sh != nil {
				sh.Unlock()
			}
			sh = next
			if waited = !sh.TryLock(); waited {
				if n > 0 {
					x.measureSeries(w, c, cl, n-timed)
					timed = n
				}
				sh.Lock()
			}
		}
		c.Begin(s, spec, r.args, w.nano)
		c.Hold(x.Store.Of(r.key.H), r.key)
		if n == 0 && spec.Elem != 0 {
			cl.fetchElements(c, reqs)
		}
		start := len(c.Out)
		x.invoke(c)
		x.finish(w, c, cl)
		n++
		if waited || c.Failed() || w.again != 0 || len(c.Out)-start > seriesReply {
			break
		}
	}
	if sh == nil { // an alert was raised just now
		return 0
	}
	sh.Unlock()
	if w.again != 0 {
		x.serveAgain(w)
	}
	x.measureSeries(w, c, cl, n-timed)
	return n
}

// begins tells whether a request may run as part of a series, as things are now.
func (cl *Client) begins(r *request) bool {
	return r.key.B != nil && r.spec.IsBrief(r.args, r.size) && uint32(cl.Sess.Flags&unusual)|cl.x.alert.Load() == 0
}

// fetchElements has fetched from memory what requests will look up in a large collection:
// those that follow the first, whose key c holds, as long as they are for the same.
func (cl *Client) fetchElements(c *command.Ctx, reqs []request) {
	w, first := cl.w, &reqs[0]
	at := first.spec.Elem
	e := c.Keyspace(first.key).Find(first.key)
	if !e.Ok() || e.Packed() {
		return
	}
	for i := range reqs {
		r := &reqs[i]
		if r.spec != first.spec || r.key.H != first.key.H || len(r.args) <= at {
			break
		}
		w.elems = append(w.elems, r.args[at])
	}
	e.FetchElements(w.elems)
	clear(w.elems)
	w.elems = w.elems[:0]
}
