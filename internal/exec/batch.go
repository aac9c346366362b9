package exec

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/loop"
	"github.com/redstart-db/redstart/internal/session"
	"github.com/redstart-db/redstart/internal/store"
)

const (
	batchCommands = 1024      // commands after which other connections have their turn
	batchOutput   = 256 << 10 // bytes of replies after which they are sent

	// lookahead is how many requests of a pipeline are read before the first
	// of them runs, so that what they will look up can be fetched from memory
	// all at once instead of one after the other.
	lookahead = 16
	// maxHints is how many keys of one command are fetched before it runs:
	// what more there are would push the first out of the cache again.
	maxHints = 64
	// keptArgs is the largest list of arguments that a worker keeps.
	keptArgs = 1024
)

// request is a request that was read and has not run yet.
type request struct {
	args [][]byte      // borrowed from the input
	size int           // bytes of input
	spec *command.Spec // nil: unknown
	key  store.Key     // of a command with one key; else empty
}

// batch runs the requests in `in` until they end, or something makes the
// connection wait. had is the number of bytes in c.Out that are not replies of
// this batch.
func (cl *Client) batch(c *command.Ctx, in []byte, had int) (n int, st loop.Status) {
	if len(in) > 16*keptArgs {
		defer cl.w.trimAhead()
	}
	for done := 0; done < batchCommands; {
		reqs, err := cl.read(in[n:])
		for i := 0; i < len(reqs); i++ {
			r := &reqs[i]
			if k := cl.series(c, reqs[i:]); k > 0 {
				for ; k > 1; k-- {
					n += r.size
					i++
					r = &reqs[i]
				}
				if c.Overflows() {
					cl.overOutputLimit()
					c.Out = c.Out[:had]
					return len(in), loop.CloseNow
				}
			} else if len(r.args) > 0 {
				cl.w.more = i+1 < len(reqs) && reqs[i+1].spec == r.spec
				ran := cl.x.run(cl.w, c, cl, r)
				if cl.w.stopped && (!cl.w.more || !ran) {
					cl.x.letGo(cl.w)
				}
				if !ran {
					// The request stays where it is, to be read again.
					if cl.parser.Reset(); cl.landing != nil {
						cl.landing.again(cl)
					}
					return n, loop.Suspend
				}
				if cl.landing != nil {
					cl.Sess.NetIn += uint64(cl.landing.received())
					cl.w.Stats.NetInput += uint64(cl.landing.received())
					cl.landed()
				}
				if c.Overflows() {
					cl.overOutputLimit()
					c.Out = c.Out[:had]
					return len(in), loop.CloseNow
				}
				if cl.Sess.Flags&(session.Closing|session.Blocked) != 0 {
					cl.parser.Reset()
					if cl.Sess.Flags&session.Closing != 0 {
						cl.left.Store(true) // whoever has read the last reply can rely on that
						return len(in), loop.CloseAfterReply
					}
					return n + r.size, loop.Suspend
				}
			} else {
				// It is no command, but what CLIENT REPLY SKIP was for.
				cl.x.muteAnswer(c, &cl.Sess, len(c.Out))
			}
			n += r.size
		}
		if err != nil {
			cl.protocolError(c, err)
			return len(in), loop.CloseAfterReply
		}
		if n == len(in) {
			return n, loop.Continue
		}
		if len(reqs) == 0 {
			if need := cl.parser.Need(); need > 0 {
				cl.Sess.Needed = need
				cl.expect(need)
				if cl.land(in[n:]) {
					return len(in), loop.Continue
				}
			}
			return n, loop.Continue
		}
		if len(c.Out)-had > batchOutput {
			break
		}
		done += len(reqs)
	}
	return n, loop.Yield
}

// expect tells the connection how many bytes the request that is under way
// needs.
func (cl *Client) expect(need int) {
	if conn, ok := cl.Sess.Conn.(interface{ Expect(int) }); ok {
		conn.Expect(need)
	}
}

// read takes up to lookahead requests off the input and has what they will look
// up fetched. An error belongs behind the last of them.
func (cl *Client) read(in []byte) ([]request, error) {
	w := cl.w
	k := 0
	for k < lookahead && len(in) > 0 {
		// What an unquoted inline request says lies in memory of the
		// parser: it has to run before the next is read. So has a login,
		// which lifts the limits on what may be read.
		alone := in[0] != '*' || cl.parser.Unauth || cl.landing != nil
		if alone && k > 0 {
			break
		}
		r := &w.ahead[k]
		cl.parser.Into(r.args)
		args, n, err := cl.parser.Next(in)
		if err != nil {
			return w.ahead[:k], err
		}
		if n == 0 {
			break
		}
		r.args, r.size, r.key = args, n, store.Key{}
		if len(args) > 0 {
			r.spec = cl.x.resolve(cl, args)
		}
		k++
		in = in[n:]
		if alone {
			break
		}
	}
	cl.parser.Into(nil)
	if k > 1 {
		cl.prefetch(w.ahead[:k])
	}
	return w.ahead[:k], nil
}

// prefetch hashes the keys of simple commands and has their buckets, and then
// their records, fetched while nothing waits for them yet.
func (cl *Client) prefetch(reqs []request) {
	st, db := cl.x.Store, int(cl.Sess.DB)
	var last store.Key
	again := uint32(0) // requests with the key of the one before
	for i := range reqs {
		if r := &reqs[i]; len(r.args) > 1 && r.spec != nil && r.spec.Single {
			if b := r.args[1]; last.B != nil && string(b) == string(last.B) {
				r.key = store.Key{B: b, H: last.H}
				again |= 1 << i
				continue
			}
			r.key = st.Key(r.args[1])
			last = r.key
			st.Hint(r.key.H, db)
		}
	}
	for i := range reqs {
		if r := &reqs[i]; r.key.B != nil && again>>i&1 == 0 {
			st.HintRecord(r.key.H, db)
		}
	}
}

// trimAhead lets go of lists that a request with very many arguments made long,
// and of the input that the last requests lie in.
func (w *Worker) trimAhead() {
	for i := range w.ahead {
		r := &w.ahead[i]
		r.key = store.Key{}
		if cap(r.args) > keptArgs {
			r.args = nil
		} else {
			clear(r.args[:cap(r.args)])
		}
	}
	w.ctx.Hold(0, store.Key{})
	if cap(w.keys) > keptArgs {
		w.keys, w.hashes = nil, nil
	}
}
