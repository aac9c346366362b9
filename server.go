package redstart

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"

	"github.com/redstart-db/redstart/internal/node"
)

var (
	// ErrClosed is returned by every method of an instance that has been
	// closed, and of a Conn that has been.
	ErrClosed = errors.New("redstart: closed")
	// ErrKilled is returned for a command whose session another client has
	// ended (CLIENT KILL) while it waited, and by a Conn from then on.
	ErrKilled = errors.New("redstart: session killed by another client")
)

// maxIdle is how many sessions of Do are kept for the next ones.
const maxIdle = 64

// Server is a running instance. Make one with Open. Its methods may be called by
// any number of goroutines.
type Server struct {
	n     *node.Node
	keeps bool          // files
	done  chan struct{} // closed when Close is done
	once  sync.Once
	err   error // of Close

	mu   sync.Mutex
	idle []*node.Local
}

// Open starts an instance. It has no port open and writes nothing to disk unless
// its options say so; with a folder (Options.Dir) it has the data that is there when Open
// returns. Any number of instances can run in one process, each with files of its own.
// Close has to be called to give back what one takes, and to save.
func Open(o Options) (*Server, error) {
	cfg, err := o.config()
	if err != nil {
		return nil, err
	}
	n, err := node.Open(cfg, o.Logger)
	if err != nil {
		return nil, err
	}
	if o.Dir != "" {
		err = n.KeepFolder()
	}
	if err == nil {
		n.BeginLoad()
		err = n.Load()
	}
	if err != nil {
		n.Close()
		return nil, fmt.Errorf("redstart: %w", err)
	}
	s := &Server{n: n, keeps: o.Dir != "", done: make(chan struct{})}
	go s.obey()
	return s, nil
}

// obey closes the instance when a client asks it to end (SHUTDOWN).
func (s *Server) obey() {
	select {
	case <-s.n.Done():
		s.Close()
	case <-s.done:
	}
}

// Close ends the instance: commands that run are finished, those that wait are given up,
// listeners and connections are closed, and the data is gone. With a folder, it is saved
// first, as SHUTDOWN does: an error can mean that the files do not have what was written
// last. When it returns nothing of the instance is left in the process, whatever it
// returns. Further calls wait for the first and return what it returned.
func (s *Server) Close() error {
	s.once.Do(func() {
		var err error
		if s.keeps {
			if err = s.n.SaveAndEnd(); err != nil {
				err = fmt.Errorf("redstart: not everything is saved: %w", err)
			}
		}
		s.err = errors.Join(err, s.n.Close())
		close(s.done)
	})
	return s.err
}

// Serve serves the connections of a listener, with any protocol that gives a
// stream of bytes, and blocks until the instance is closed; it then returns
// ErrClosed. The listener belongs to the instance from the call on and is closed
// with it, or when Serve fails. Several listeners can be served at once.
//
// Other hosts are refused as long as there is no password (protected-mode).
func (s *Server) Serve(ln net.Listener) error {
	if err := s.n.Serve(ln); err != nil {
		ln.Close()
		return closed(err)
	}
	<-s.done
	return ErrClosed
}

// Addrs returns the addresses of the listeners that are served.
func (s *Server) Addrs() []net.Addr { return s.n.Addrs() }

// Dial returns a connection to the instance through memory, which speaks the
// protocol. It buffers, so requests can be written ahead of reading replies.
func (s *Server) Dial() (net.Conn, error) {
	c, err := s.n.Dial()
	return c, closed(err)
}

// Dialer returns Dial in the form that client libraries take it; the network and
// the address that they want to connect to are ignored.
func (s *Server) Dialer() func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		return s.Dial()
	}
}

// Do runs one command and returns its reply, in the Go type given at [Reply]. The
// command's name and its arguments can be strings, []byte, integers, floats and
// bools (1 and 0). An error reply is returned as an [Error]; the other errors are
// ErrClosed, ErrKilled, that of ctx, and arguments of other types.
//
// Each call is a session of its own, in database 0 and without login: what a
// command changes about its session (SELECT, MULTI, CLIENT REPLY) is gone with it.
// Use Conn where commands belong together. Messages of subscriptions need a
// connection, by Dial.
//
// ctx ends the wait of a command that waits, such as BLPOP; a command that runs
// is always finished.
func (s *Server) Do(ctx context.Context, args ...any) (Reply, error) {
	l, err := s.take()
	if err != nil {
		return nil, err
	}
	r, err := do(ctx, l, args)
	s.give(l)
	return r, err
}

// take gets a session, a used one if there is one.
func (s *Server) take() (*node.Local, error) {
	for {
		l := s.pop()
		if l == nil {
			l, err := s.n.NewLocal()
			return l, closed(err)
		}
		// It may have been killed meanwhile.
		if l.Err() != node.ErrKilled {
			return l, nil
		}
	}
}

func (s *Server) pop() *node.Local {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := len(s.idle) - 1
	if last < 0 {
		return nil
	}
	l := s.idle[last]
	s.idle = s.idle[:last]
	return l
}

// give puts a session back, if it is like a new one.
func (s *Server) give(l *node.Local) {
	if l.Reusable() {
		s.mu.Lock()
		if len(s.idle) < maxIdle {
			s.idle = append(s.idle, l)
			l = nil
		}
		s.mu.Unlock()
	}
	if l != nil {
		l.Stop()
	}
}

// Conn returns a session that keeps its state between commands.
func (s *Server) Conn() (*Conn, error) {
	l, err := s.n.NewLocal()
	if err != nil {
		return nil, closed(err)
	}
	return &Conn{l}, nil
}

// Conn is a session inside the process. It has its own selected database,
// transaction, watched keys and name. Commands of several goroutines run one after
// the other.
type Conn struct{ l *node.Local }

// Do runs one command, as Server.Do does. When ctx ends while the command waits,
// the session ends with it: what it replies later would belong to nothing.
func (c *Conn) Do(ctx context.Context, args ...any) (Reply, error) { return do(ctx, c.l, args) }

// Close ends the session. A command that waits in it is given up.
func (c *Conn) Close() error {
	c.l.Stop()
	return nil
}

// closed translates the errors of an inner layer that callers look for.
func closed(err error) error {
	switch err {
	case node.ErrClosed:
		return ErrClosed
	case node.ErrKilled:
		return ErrKilled
	}
	return err
}
