// Package loop moves bytes between connections and the protocol side of them.
//
// Two drivers feed the same [Client] interface. On Linux, TCP and unix sockets are served by event loops, usually one
// per core; each owns its connections, so that nothing on the way of a request takes a lock or allocates. Everything
// else that is a [net.Conn] (TLS, in-process pipes, any connection on other systems) is served by a goroutine of its
// own. A protocol cannot tell which of the two serves it, except by [Conn.Loop].
//
// The package knows nothing of the protocol: it hands over the bytes that were received and sends those it is given.
package loop

import (
	"errors"
	"log/slog"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Status is what a [Client] wants after Process.
type Status uint8

const (
	// Continue: more bytes are needed before anything else can be done.
	Continue Status = iota
	// Yield: complete requests are left in the input. The reply so far is sent, other connections have their turn,
	// then Process is called again.
	Yield
	// Suspend: Process must not be called until [Conn.Resume]. The reply so far is sent. A peer that closes, or shuts
	// down its sending side, ends the connection at once, because nobody would ever learn of it otherwise.
	Suspend
	// CloseAfterReply: the reply is sent, then the connection is closed. Process is not called again.
	CloseAfterReply
	// CloseNow: the connection is closed; the reply is dropped.
	CloseNow
)

// Client is the protocol side of one connection. Calls for one connection never overlap.
type Client interface {
	// Process is given every byte received and not yet consumed, and a buffer to append replies to, which may hold
	// bytes already. It returns how many bytes of in it consumed, and the grown buffer. Both slices are only borrowed
	// for the call. A Resume that comes late can make it run once more after a Suspend; a client that must still wait
	// returns Suspend again. reply is out, grown by append.
	Process(in, out []byte) (n int, reply []byte, st Status)
	// Queued is told that output could not be written at once and that pending bytes now wait. When it returns false
	// the connection is closed with ErrOutputLimit.
	Queued(pending int) bool
	// Buffered is told that n bytes of input, in a buffer with room for capacity, wait for the rest of a request or for
	// the client's next turn. When it returns false the connection is closed.
	Buffered(n, capacity int) bool
	// Closed is called exactly once, when the connection is gone, and is the last call. err is nil when this side asked
	// for it, io.EOF when the peer did, and the reason otherwise.
	Closed(err error)
}

// Foreseer is a [Client] that wants to know of bytes before it has to process
// them, to have fetched from memory what that will need: loops receive from all
// connections that are ready before they process anything. The calls are hints,
// which may be left out, and must not change anything that a reply depends on.
type Foreseer interface {
	// Foresee is given the bytes that the next Process will be given. They are only borrowed for the call.
	Foresee(in []byte)
	// ForeseeMore is called when Foresee of other connections has been called meanwhile.
	ForeseeMore()
}

// Handler decides about new connections.
type Handler interface {
	// Accept returns the client of a new connection, or nil and bytes to send, as far as the socket takes them at once,
	// before the connection is closed. It runs on the goroutine that will own the connection.
	Accept(c *Conn) (client Client, farewell []byte)
}

// Admitter is a [Handler] that decides about TLS connections before the handshake too, because that takes long with a
// peer that does not mean to finish it.
type Admitter interface {
	// Admit is told how many others are in their handshakes; false closes the connection.
	Admit(handshaking int) bool
}

// HandlerFunc is a function as a [Handler].
type HandlerFunc func(c *Conn) (Client, []byte)

// Accept calls f(c).
func (f HandlerFunc) Accept(c *Conn) (Client, []byte) { return f(c) }

// Reasons given to [Client.Closed].
var (
	ErrInputLimit  = errors.New("loop: input limit exceeded")
	ErrOutputLimit = errors.New("loop: output limit exceeded")
	ErrGroupClosed = errors.New("loop: group closed")
)

// errNoLoop is returned for a loop index that does not exist.
var errNoLoop = errors.New("loop: no such event loop")

const (
	// defaultHandshakeTimeout bounds the time a TLS peer may take before it is known to be one.
	defaultHandshakeTimeout = 10 * time.Second
	// acceptBackoff is how long no connection is accepted after the process ran out of descriptors.
	acceptBackoff = 100 * time.Millisecond
	// acceptLogEvery bounds how often failures to accept are logged.
	acceptLogEvery = 5 * time.Second
)

// Config says how a [Group] works. Only Handler is required.
type Config struct {
	// Loops is the number of event loops; 0 means one per processor Go uses. They need least of the machine if
	// GOMAXPROCS is greater by one or more, for then they need not share with other goroutines. Systems without event
	// loops ignore it.
	Loops int
	// Handler decides about new connections.
	Handler Handler
	// Logger receives what is worth an operator's attention; nil means slog.Default().
	Logger *slog.Logger
	// Barrier, if set, holds back what connections are sent until it is on disk.
	Barrier Barrier
	// HandshakeTimeout bounds the TLS handshake; 0 means ten seconds.
	HandshakeTimeout time.Duration
}

// Group is a set of event loops and goroutines that serve the connections of some listeners.
type Group struct {
	cfg      Config
	log      *slog.Logger
	pollers  []*poller
	next     atomic.Uint32 // round robin over pollers
	lastLog  atomic.Int64  // unix nanoseconds of the last logged failure to accept
	closed   atomic.Bool   // set under mu
	shaking  atomic.Int32  // connections in a TLS handshake
	settling atomic.Bool   // Settle runs
	reply    sync.Pool     // of *replyBuf

	wg sync.WaitGroup // every goroutine of the group

	mu        sync.Mutex
	listeners map[net.Listener]*serving
	streams   map[*stream]struct{}
}

// serving is one listener of a group: either watched by an event loop or by a goroutine.
type serving struct {
	adopted *acceptor     // nil for a listener served by a goroutine
	stop    chan struct{} // closed when the listener is given up
	done    chan struct{} // closed when its goroutine is gone; nil for an adopted one
}

// New starts the event loops of a group.
func New(cfg Config) (*Group, error) {
	if cfg.Handler == nil {
		return nil, errors.New("loop: Config.Handler is required")
	}
	if cfg.Loops <= 0 {
		cfg.Loops = runtime.GOMAXPROCS(0)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if cfg.HandshakeTimeout <= 0 {
		cfg.HandshakeTimeout = defaultHandshakeTimeout
	}
	g := &Group{
		cfg:       cfg,
		log:       cfg.Logger,
		listeners: make(map[net.Listener]*serving),
		streams:   make(map[*stream]struct{}),
	}
	g.reply.New = func() any { return new(replyBuf) }
	pollers, err := startPollers(g, cfg.Loops)
	if err != nil {
		return nil, err
	}
	g.pollers = pollers
	return g, nil
}

// Settle waits until the event loops, but for the one with index self, which may be the caller's, have received and
// processed what had come when it was called, or have been busy for some rounds; not longer than limit, as something may
// hold them up. It does nothing while another one waits, for they could wait for each other.
func (g *Group) Settle(self int, limit time.Duration) {
	if len(g.pollers) == 0 || !g.settling.CompareAndSwap(false, true) {
		return
	}
	defer g.settling.Store(false)
	done := make(chan struct{}, len(g.pollers))
	waits := 0
	for i, p := range g.pollers {
		if i != self && p.settle(done) {
			waits++
		}
	}
	timeout := time.NewTimer(limit)
	defer timeout.Stop()
	for ; waits > 0; waits-- {
		select {
		case <-done:
		case <-timeout.C:
			return
		}
	}
}

// Loops returns the number of event loops: 0 on systems without them.
func (g *Group) Loops() int { return len(g.pollers) }

// Serve takes over a listener and returns at once. From now on the listener belongs to the group: it is closed by
// [Group.Unserve] or [Group.Close], not by the caller.
func (g *Group) Serve(ln net.Listener) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed.Load() {
		return ErrGroupClosed
	}
	if g.listeners[ln] != nil {
		return errors.New("loop: listener is served already")
	}
	s := &serving{stop: make(chan struct{})}
	adopted, err := g.adopt(ln)
	if err != nil {
		return err
	}
	if adopted != nil {
		s.adopted = adopted
	} else {
		s.done = make(chan struct{})
		g.wg.Add(1)
		go g.acceptStreams(ln, s)
	}
	g.listeners[ln] = s
	return nil
}

// Unserve closes one listener. Its connections stay. When it returns, no further connection of it is accepted.
func (g *Group) Unserve(ln net.Listener) error {
	g.mu.Lock()
	s := g.listeners[ln]
	delete(g.listeners, ln)
	g.mu.Unlock()
	if s == nil {
		return net.ErrClosed
	}
	return s.close(ln)
}

// close gives up ln and waits until nobody accepts from it.
func (s *serving) close(ln net.Listener) error {
	close(s.stop)
	if s.adopted != nil {
		s.adopted.release()
		return ln.Close()
	}
	err := ln.Close()
	<-s.done
	return err
}

// acceptStreams serves a listener that no event loop can watch.
func (g *Group) acceptStreams(ln net.Listener, s *serving) {
	defer g.wg.Done()
	defer close(s.done)
	for {
		nc, err := ln.Accept()
		if err == nil {
			if g.ServeConn(nc) != nil {
				nc.Close()
			}
			continue
		}
		select {
		case <-s.stop:
			return
		default:
		}
		if errors.Is(err, net.ErrClosed) {
			return
		}
		g.logAccept(err)
		select {
		case <-s.stop:
			return
		case <-time.After(acceptBackoff):
		}
	}
}

// logAccept reports a failure to accept, though not more often than an operator can read.
func (g *Group) logAccept(err error) {
	now, last := time.Now().UnixNano(), g.lastLog.Load()
	if (last == 0 || now-last >= int64(acceptLogEvery)) && g.lastLog.CompareAndSwap(last, now) {
		g.log.Warn("accepting client connection failed", "err", err)
	}
}

// ServeConn serves one connection with a goroutine of its own and returns at once. On success the connection belongs
// to the group.
func (g *Group) ServeConn(nc net.Conn) error {
	s := newStream(g, nc)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed.Load() {
		return ErrGroupClosed
	}
	g.streams[s] = struct{}{}
	g.wg.Add(1)
	go s.serve()
	return nil
}

// Do runs fn on the goroutine of an event loop, soon and between two turns of its connections.
func (g *Group) Do(loop int, fn func()) error {
	if loop < 0 || loop >= len(g.pollers) {
		return errNoLoop
	}
	if !g.pollers[loop].do(fn) {
		return ErrGroupClosed
	}
	return nil
}

// Close closes all listeners and connections and returns when every goroutine of the group is gone. It must not be
// called by a goroutine of the group, so not from within a Client or Handler. Output that the peers' sockets take at
// once is still sent.
func (g *Group) Close() error {
	g.mu.Lock()
	g.closed.Store(true)
	listeners := g.listeners
	g.listeners = nil
	streams := make([]*stream, 0, len(g.streams))
	for s := range g.streams {
		streams = append(streams, s)
	}
	g.mu.Unlock()
	var errs []error
	for ln, s := range listeners {
		errs = append(errs, s.close(ln))
	}
	for _, s := range streams {
		s.post(mailClose, ErrGroupClosed)
	}
	for _, p := range g.pollers {
		p.stop()
	}
	g.wg.Wait()
	return errors.Join(errs...)
}
