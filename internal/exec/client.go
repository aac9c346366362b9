package exec

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/loop"
	"github.com/redstart-db/redstart/internal/resp"
	"github.com/redstart-db/redstart/internal/session"
)

// Client is a connection as the executor sees it: it takes requests off the
// bytes that arrive and runs them. It is the loop.Client of a connection.
type Client struct {
	Sess   session.Session
	x      *Exec
	w      *Worker
	parser resp.Parser
	last   *command.Spec // the command before, most often the next one too
	tx     transaction
	softAt int64 // since when the soft output limit is exceeded, 0 if it is not
	gone   bool
}

// NewClient registers a connection. conn may be nil for clients inside the
// process.
func (x *Exec) NewClient(conn session.Conn, loopIndex int) *Client {
	id := x.nextID.Add(1)
	cl := &Client{x: x, w: x.Worker(loopIndex, id)}
	cl.parser.MaxBulk = x.Config.ProtoMaxBulkLen
	s := &cl.Sess
	s.ID, s.Conn, s.Proto, s.User, s.Owner = id, conn, 2, "default", cl
	if conn == nil {
		s.Flags |= session.NoReply
	}
	w := cl.w
	w.mu.Lock()
	now := x.Clock.Nano()
	s.Created, s.Active = now, now
	if x.Config.RequirePass != "" && conn != nil {
		cl.NeedAuth(true)
	}
	w.clients[id] = cl
	w.mu.Unlock()
	x.clients.Add(1)
	return cl
}

// NeedAuth sets whether the connection has to log in before anything else, with
// tight limits on what it may send. The worker must be locked.
func (cl *Client) NeedAuth(need bool) {
	cl.parser.Unauth = need
	if need {
		cl.Sess.Flags |= session.NeedAuth
	} else {
		cl.Sess.Flags &^= session.NeedAuth
	}
}

// Closed implements loop.Client.
func (cl *Client) Closed(error) {
	w := cl.w
	w.mu.Lock()
	defer w.mu.Unlock()
	if cl.gone {
		return
	}
	cl.gone = true
	delete(w.clients, cl.Sess.ID)
	cl.x.clients.Add(-1)
	cl.x.forget(cl)
	cl.discard()
}

// Queued implements loop.Client: it decides whether output that waits for a
// slow reader is too much.
func (cl *Client) Queued(pending int) bool { return cl.x.withinOutputLimit(cl, pending) }

// Process implements loop.Client.
func (cl *Client) Process(in, out []byte) (n int, reply []byte, st loop.Status) {
	w := cl.w
	if w.shared {
		w.turn.Lock()
		defer w.turn.Unlock()
	}
	w.mu.Lock()
	c := &w.ctx
	had := len(out)
	c.Out = out
	w.nano = cl.x.Clock.Nano()
	n, st = cl.batch(c, in, had)
	s := &cl.Sess
	s.Active = w.nano
	s.NetIn += uint64(n)
	s.NetOut += uint64(len(c.Out) - had)
	w.Stats.NetInput += uint64(n)
	w.Stats.NetOutput += uint64(len(c.Out) - had)
	w.Stats.Reads++
	w.Stats.Writes++
	reply, c.Out, c.Args = c.Out, nil, nil
	w.mu.Unlock()
	return n, reply, st
}

func (cl *Client) protocolError(c *command.Ctx, err error) {
	cl.w.Stats.Error([]byte("ERR " + err.Error()))
	c.Out = resp.AppendError(c.Out, "ERR "+err.Error())
	cl.x.Logger.Debug("protocol error from client", "error", err, "id", cl.Sess.ID)
}

// Do runs one command of a client inside the process and appends its reply to
// out.
func (cl *Client) Do(out []byte, args ...[]byte) []byte {
	w := cl.w
	w.turn.Lock()
	defer w.turn.Unlock()
	w.mu.Lock()
	defer w.mu.Unlock()
	c := &w.ctx
	c.Out = out
	w.nano = cl.x.Clock.Nano()
	if len(args) > 0 {
		cl.x.run(w, c, cl, &request{args: args, spec: cl.x.resolve(cl, args)})
	}
	cl.Sess.Active = w.nano
	out, c.Out, c.Args = c.Out, nil, nil
	return out
}

// Clients calls f for every client. All workers must be stopped.
func (x *Exec) Clients(f func(*Client)) {
	for _, w := range x.World.workers {
		for _, cl := range w.clients {
			f(cl)
		}
	}
}

// EachClient calls f for every client of one worker with its lock held.
func (w *Worker) EachClient(f func(*Client)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, cl := range w.clients {
		f(cl)
	}
}

// Queue gives what the client has queued since MULTI, for CLIENT LIST.
func (cl *Client) Queue() (commands int, watching int) { return len(cl.tx.queue), len(cl.tx.watched) }
