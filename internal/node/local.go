package node

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"math"
	"sync"

	"github.com/redstart-db/redstart/internal/acl"
	"github.com/redstart-db/redstart/internal/exec"
	"github.com/redstart-db/redstart/internal/loop"
	"github.com/redstart-db/redstart/internal/resp"
	"github.com/redstart-db/redstart/internal/session"
)

var (
	// ErrClosed is returned by whatever is asked of an instance, or of a
	// Local, after its end.
	ErrClosed = errors.New("node: closed")
	// ErrKilled is returned by a Local that others have closed, as by CLIENT
	// KILL.
	ErrKilled = errors.New("node: connection killed")
)

var errRequest = errors.New("node: request not understood")

// keepLocal is the largest buffer that a Local keeps between commands.
const keepLocal = 64 << 10

// replyDepth bounds how deep a reply to a Local is nested. No command nests as
// deep, though a script can try.
const replyDepth = 512

// Local is a connection from inside this process that has no goroutine and no
// socket: whoever calls Do runs the command. It drives its client as the loops
// drive theirs, so everything a connection can do works on it: transactions,
// commands that wait, a pause, CLIENT KILL. It speaks RESP3 and need not log in.
//
// Whoever holds turn owns the client, in and out; the client is told of its end
// exactly once, by an owner, which sets over. mu guards what others ask for.
type Local struct {
	n      *Node
	client *exec.Client
	fresh  session.Flags // of the session when it was new,
	user   *acl.User     // and its user

	turn chan struct{} // capacity 1
	over bool
	in   []byte
	out  []byte
	src  bytes.Reader
	br   *bufio.Reader

	wake chan struct{} // capacity 1: mu has news

	mu      sync.Mutex
	running bool // a Do reads what is pushed
	pushed  []byte
	resumed bool
	cause   error // why it is closed, or about to be; nil while it is open
}

// NewLocal makes a connection. Close must be called, unless the instance is
// closed first.
func (n *Node) NewLocal() (*Local, error) {
	l := &Local{n: n, turn: make(chan struct{}, 1), wake: make(chan struct{}, 1)}
	l.br = bufio.NewReaderSize(&l.src, 512)
	// Others can close it as soon as its client is there, which is before it
	// is known here: they wait for the turn.
	l.turn <- struct{}{}
	defer l.leave()
	n.localMu.Lock()
	defer n.localMu.Unlock()
	if n.locals == nil {
		return nil, ErrClosed
	}
	l.client = n.Exec.NewClient(l, -1)
	s := &l.client.Sess
	n.Exec.Worker(-1, s.ID).Locked(func() {
		l.client.Trust()
		s.SetProto(3)
		l.fresh, l.user = s.Flags, s.User
	})
	n.locals[l] = struct{}{}
	return l, nil
}

// Do runs one command and waits for its reply. Bytes pushed outside of a reply
// (messages, invalidations) are dropped, unless the command replies by them alone,
// as SUBSCRIBE does; a command without any reply gives a null. Calls take turns.
//
// When ctx ends while the command waits (BLPOP, a pause), the connection is
// closed, as its reply could come at any time.
func (l *Local) Do(ctx context.Context, args ...[]byte) (resp.Value, error) {
	if err := ctx.Err(); err != nil {
		return resp.Value{}, err
	}
	select {
	case l.turn <- struct{}{}:
	default:
		select {
		case l.turn <- struct{}{}:
		case <-ctx.Done():
			return resp.Value{}, ctx.Err()
		}
	}
	defer l.leave()
	if err := l.begin(); err != nil {
		return resp.Value{}, err
	}
	l.in = resp.AppendCommand(l.in[:0], args...)
	l.out = l.out[:0]
	if err := l.drive(ctx); err != nil {
		return resp.Value{}, err
	}
	return l.reply()
}

// begin has pushed bytes kept. It gives an error when the connection is closed.
func (l *Local) begin() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.running = l.cause == nil
	return l.cause
}

// leave gives the turn back.
func (l *Local) leave() {
	if cap(l.in) > keepLocal {
		l.in = nil
	}
	if cap(l.out) > keepLocal {
		l.out = nil
	}
	<-l.turn
}

// drive calls the client until all of in has run and nothing waits.
func (l *Local) drive(ctx context.Context) error {
	in := l.in
	for {
		n, out, st := l.client.Process(in, l.out)
		in, l.out = in[n:], out
		if mark := l.n.aof.Mark(); mark != 0 && !l.n.aof.Wait(mark) {
			l.end(nil)
			return ErrClosed
		}
		switch st {
		case loop.CloseAfterReply:
			l.collect(true)
			l.end(nil)
			return nil
		case loop.CloseNow:
			l.end(nil)
			return ErrClosed
		case loop.Suspend:
			if err := l.await(ctx); err != nil {
				return err
			}
			if err := l.collect(false); err != nil {
				l.end(nil)
				return err
			}
		case loop.Continue:
			if len(in) > 0 {
				// It wants more of a request that is complete.
				l.end(errRequest)
				return errRequest
			}
			// Whoever wants the connection closed by now sees to it.
			l.collect(true)
			return nil
		}
	}
}

// collect takes over what was pushed, and after the last of a command has further
// bytes dropped. It gives an error when the connection is to be closed.
func (l *Local) collect(last bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.out = append(l.out, l.pushed...)
	l.pushed = l.pushed[:0]
	if cap(l.pushed) > keepLocal {
		l.pushed = nil
	}
	l.running = !last
	return l.cause
}

// await waits until the client may be called again.
func (l *Local) await(ctx context.Context) error {
	for {
		l.mu.Lock()
		resumed, closed := l.resumed, l.cause != nil
		l.resumed = false
		l.mu.Unlock()
		if resumed || closed {
			return nil
		}
		select {
		case <-l.wake:
		case <-ctx.Done():
			l.end(ctx.Err())
			return ctx.Err()
		}
	}
}

// reply finds the reply of the command among what it sent.
func (l *Local) reply() (resp.Value, error) {
	l.src.Reset(l.out)
	l.br.Reset(&l.src)
	v := resp.Value{Kind: resp.KindNull, Null: true}
	for l.src.Len() > 0 || l.br.Buffered() > 0 {
		next, err := resp.ReadValue(l.br, replyDepth, math.MaxInt32)
		if err != nil {
			return v, err
		}
		if v = next; v.Kind != resp.KindPush {
			break
		}
	}
	return v, nil
}

// end tells the client of its end. The caller has the turn.
func (l *Local) end(err error) {
	if l.over {
		return
	}
	l.over = true
	l.ask(ErrClosed)
	l.client.Closed(err)
	l.n.localMu.Lock()
	defer l.n.localMu.Unlock()
	delete(l.n.locals, l)
}

// Stop closes the connection, and returns when nothing of it runs any more. A
// command that waits is given up.
func (l *Local) Stop() {
	l.ask(ErrClosed)
	l.turn <- struct{}{}
	defer l.leave()
	l.end(nil)
}

// Reusable tells whether the connection is in the state of a new one, as far as
// commands can change it. Do must not be running.
func (l *Local) Reusable() bool {
	s := &l.client.Sess
	ok := false
	l.n.Exec.Worker(-1, s.ID).Locked(func() {
		ok = s.DB == 0 && s.Proto == 3 && s.Flags == l.fresh && s.Name == "" && s.User == l.user &&
			s.MultiLen == 0 && s.Watching == 0 && s.Channels+s.Patterns+s.ShardChannels == 0
	})
	return ok && l.Err() == nil
}

// Err gives ErrClosed or ErrKilled when the connection is closed, or about to be.
func (l *Local) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cause
}

// ask notes that the connection is to be closed, and why. It is false when that is
// no news.
func (l *Local) ask(cause error) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cause != nil {
		return false
	}
	l.cause = cause
	l.signal()
	return true
}

func (l *Local) signal() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Push implements session.Conn. While no command runs there is nobody to read.
func (l *Local) Push(b []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.running && l.cause == nil {
		l.pushed = append(l.pushed, b...)
	}
}

// Resume implements session.Conn.
func (l *Local) Resume() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.resumed = true
	l.signal()
}

// Close implements session.Conn. It may be called under any lock, so the client
// is told by a goroutine.
func (l *Local) Close(err error) {
	if l.ask(ErrKilled) {
		go func() {
			l.turn <- struct{}{}
			defer l.leave()
			l.end(err)
		}()
	}
}

// CloseAfterFlush implements session.Conn.
func (l *Local) CloseAfterFlush() { l.Close(nil) }

// The rest of session.Conn.

func (l *Local) RemoteAddr() string     { return "pipe" }
func (l *Local) LocalAddr() string      { return "pipe" }
func (l *Local) Network() string        { return "pipe" }
func (l *Local) FD() int                { return -1 }
func (l *Local) Pending() int           { return 0 }
func (l *Local) Waiting() int           { return 0 }
func (l *Local) Buffered() int          { return 0 }
func (l *Local) InputCap() int          { return 0 }
func (l *Local) SetKeepAlive(int) error { return nil }
func (l *Local) SetInputLimit(int)      {}
