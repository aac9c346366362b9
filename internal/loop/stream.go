package loop

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"runtime"
	"sync"
	"syscall"
	"time"
)

const (
	// streamBuf is the smallest input buffer of a connection with its own goroutine.
	streamBuf = 4 << 10
	// streamKeep is the largest such buffer that is kept while it is empty.
	streamKeep = 64 << 10
	// suspendedInput is how much is read ahead of a suspended client.
	suspendedInput = 64 << 10
)

// stream is a connection served by goroutines.
//
// One goroutine reads and calls Process. Its life is the connection's: when it ends, the client is told. A second one
// (the writer) exists only while output waits that could not be written at once, a third (the runner) only while mail
// from others is handled. So a peer that does not read holds up neither Process nor whoever pushes.
//
// The lock turn is held for every call of the client, and guards what those calls change. The lock mu guards output
// and mail; it is taken last and never held while anything blocks.
type stream struct {
	Conn
	g      *Group
	nc     net.Conn
	try    func(b []byte) (int, error) // writes what fits without waiting; nil if nc cannot
	client Client

	turn      sync.Mutex
	moved     sync.Cond // on turn: suspended ended, or the connection did
	in        []byte    // in[off:] is not consumed. Only the reader moves it, and never while it waits in Read
	off       int
	suspended bool
	closing   bool // input is ignored

	mu       sync.Mutex
	q        outq
	mailPend mail
	mailErr  error
	behind   []byte // pushed while pushes must wait for the reply
	wait     bool   // pushes must wait: Process runs
	writing  bool   // the writer exists
	running  bool   // the runner exists
	flush    bool   // close when q is empty
	dead     bool   // err is set and nc closed, or about to be
	closed   bool   // the client is told, or about to be
	err      error
	gone     chan struct{} // closed with dead
}

// replyBuf is a buffer replies are built in; a connection has one only while it replies.
type replyBuf struct{ b []byte }

// maxReplyKeep is the largest reply buffer that is kept for later replies.
const maxReplyKeep = 1 << 20

func newStream(g *Group, nc net.Conn) *stream {
	s := &stream{g: g, nc: nc, gone: make(chan struct{})}
	s.moved.L = &s.turn
	s.Conn = Conn{drv: s, loop: -1, fd: -1}
	s.remote, s.local = addrString(nc.RemoteAddr(), nc.LocalAddr()), addrString(nc.LocalAddr(), nc.RemoteAddr())
	raw := nc
	switch t := nc.(type) {
	case *tls.Conn:
		s.network = "tls"
		raw = t.NetConn()
	case *net.UnixConn:
		s.network = "unix"
	case *net.TCPConn:
		s.network = "tcp"
	case *pipeEnd:
		s.network = "pipe"
		s.try = t.tryWrite
	default:
		s.network = nc.LocalAddr().Network()
	}
	if sc, ok := raw.(syscall.Conn); ok {
		if rc, err := sc.SyscallConn(); err == nil {
			rc.Control(func(fd uintptr) { s.fd = int32(fd) })
			if raw == nc {
				s.try = tryWriter(rc)
			}
		}
	}
	return s
}

// addrString returns a as Redis prints it. The end of a unix socket that has no name goes by the other's.
func addrString(a, other net.Addr) string {
	switch t := a.(type) {
	case *net.TCPAddr:
		ap := t.AddrPort()
		return netipString(ap.Addr(), ap.Port())
	case *net.UnixAddr:
		name := t.Name
		if o, ok := other.(*net.UnixAddr); ok && (name == "" || name == "@") {
			name = o.Name
		}
		return name + ":0"
	case nil:
		return ""
	}
	return a.String()
}

// serve is the reader.
func (s *stream) serve() {
	defer s.g.wg.Done()
	err := s.handshake()
	if err == nil {
		var farewell []byte
		s.turn.Lock()
		s.client, farewell = s.g.cfg.Handler.Accept(&s.Conn)
		s.turn.Unlock()
		if s.client != nil {
			err = s.read()
		} else if len(farewell) > 0 {
			s.nc.SetDeadline(time.Now().Add(time.Second))
			s.nc.Write(farewell)
		}
	}
	s.end(err)
}

// handshake makes sure that a TLS peer is one, in bounded time.
func (s *stream) handshake() error {
	t, ok := s.nc.(*tls.Conn)
	if !ok {
		return nil
	}
	defer s.g.shaking.Add(-1)
	if n := s.g.shaking.Add(1); !s.g.admits(int(n) - 1) {
		return errNotAdmitted
	}
	t.SetDeadline(time.Now().Add(s.g.cfg.HandshakeTimeout))
	if err := t.Handshake(); err != nil {
		return err
	}
	return t.SetDeadline(time.Time{})
}

func (g *Group) admits(handshaking int) bool {
	a, ok := g.cfg.Handler.(Admitter)
	return !ok || a.Admit(handshaking)
}

// errNotAdmitted ends a connection that the handler did not want.
var errNotAdmitted = errors.New("loop: too many connections")

// read reads and processes until the connection ends, and returns why.
func (s *stream) read() error {
	for {
		s.turn.Lock()
		spare := s.spare()
		s.turn.Unlock()
		n, err := s.nc.Read(spare)
		s.turn.Lock()
		s.in = s.in[:len(s.in)+n]
		if s.closing {
			s.in, s.off = s.in[:0], 0
		} else if n > 0 && !s.suspended && len(s.in)-s.off >= s.expect {
			s.account()
			s.process()
		}
		s.account()
		if waits := len(s.in) - s.off; waits > 0 && !s.closing {
			switch {
			case s.overLimit(waits):
				s.shut(ErrInputLimit)
			case !s.client.Buffered(waits, cap(s.in)):
				s.shut(nil)
			}
		}
		if err != nil {
			s.readEnded(err)
			s.turn.Unlock()
			<-s.gone
			return err
		}
		s.turn.Unlock()
	}
}

// spare returns room to read into. It waits while a suspended client has enough.
func (s *stream) spare() []byte {
	for s.suspended && !s.closing && len(s.in)-s.off >= suspendedInput {
		s.moved.Wait()
	}
	have, pool := len(s.in)-s.off, (*bufPool)(nil)
	switch {
	case have == 0 && cap(s.in) > streamKeep:
		pool.put(s.in)
		s.in = nil
	case s.off > 0:
		copy(s.in, s.in[s.off:])
		poison(s.in[have:])
	}
	s.in, s.off = pool.shrink(s.in[:have]), 0
	if have == cap(s.in) || s.expect > cap(s.in) {
		s.in = pool.grow(s.in, s.expect, streamBuf)
		s.account()
	}
	return s.in[have:cap(s.in)]
}

// readEnded is called when no more bytes come. What is complete was processed; what was replied is still sent to a
// peer that only shut down its sending side.
func (s *stream) readEnded(err error) {
	if !errors.Is(err, io.EOF) {
		s.shut(err)
		return
	}
	if s.suspended {
		s.shut(io.EOF)
		return
	}
	s.flushThenShut(io.EOF)
}

// account publishes the state of the input buffer.
func (s *stream) account() {
	s.buffered.Store(int64(len(s.in) - s.off))
	s.inputCap.Store(int64(footprint(s.in)))
}

// process calls the client until it yields no more. The lock turn is held, but given up between calls.
func (s *stream) process() {
	for !s.closing {
		s.expect = 0
		buf := s.g.reply.Get().(*replyBuf)
		s.mu.Lock()
		s.wait = true
		s.mu.Unlock()
		n, reply, st := s.client.Process(s.in[s.off:], buf.b[:0])
		s.off += n
		s.replied(reply, st)
		if cap(reply) <= maxReplyKeep {
			buf.b = reply[:0]
		}
		s.g.reply.Put(buf)
		switch st {
		case Yield:
			s.account()
			s.turn.Unlock()
			runtime.Gosched()
			s.turn.Lock()
			if s.suspended {
				return
			}
			continue
		case Suspend:
			s.suspended = true
		case CloseAfterReply:
			s.flushThenShut(nil)
		case CloseNow:
			s.shut(nil)
		}
		return
	}
}

// replied sends a reply, and after it what was pushed in the meantime.
func (s *stream) replied(reply []byte, st Status) {
	if st == CloseNow {
		return
	}
	if len(reply) > 0 && !s.g.passes() {
		s.shut(ErrGroupClosed)
		return
	}
	s.mu.Lock()
	err := s.send(reply, cap(reply) > maxReplyKeep)
	if err == nil && !s.g.holds() {
		err = s.release()
	}
	s.wait = false
	if len(s.behind) > 0 {
		s.deliver(mailPush, nil)
	}
	waits := s.q.size
	s.mu.Unlock()
	s.sent(err, waits)
}

// release sends what was kept behind. The lock mu is held.
func (s *stream) release() (err error) {
	if len(s.behind) > 0 {
		err = s.send(s.behind, true)
		s.behind = nil
	}
	return err
}

// send writes what can be written at once, and queues the rest for the writer. With give the queue may keep the memory
// of b instead of copying from it. The lock mu is held.
func (s *stream) send(b []byte, give bool) error {
	if s.dead || len(b) == 0 {
		return nil
	}
	whole := b
	if s.q.size == 0 && !s.writing && s.try != nil {
		n, err := s.try(b)
		if err != nil {
			return err
		}
		b = b[n:]
	}
	if give && len(b) >= adoptSize {
		s.q.adopt(whole, len(whole)-len(b))
	} else {
		s.q.append(b, nil)
	}
	s.pending.Store(int64(s.q.size))
	s.unread.Store(int64(s.q.size))
	if s.q.size > 0 && !s.writing {
		s.writing = true
		s.g.wg.Add(1)
		go s.write()
	}
	return nil
}

// sent draws the consequences of sending, with turn held.
func (s *stream) sent(err error, waits int) {
	switch {
	case err != nil:
		s.shut(err)
	case waits > 0 && !s.closing && !s.client.Queued(waits):
		s.shut(ErrOutputLimit)
	}
}

// write is the writer: it writes what waits, then ends.
func (s *stream) write() {
	defer s.g.wg.Done()
	s.mu.Lock()
	for {
		b := s.q.front()
		if s.dead || len(b) == 0 {
			break
		}
		s.mu.Unlock()
		n, err := s.nc.Write(b)
		s.mu.Lock()
		if s.dead {
			break
		}
		s.q.advance(n, nil)
		s.pending.Store(int64(s.q.size))
		s.unread.Store(int64(s.q.size))
		if err != nil {
			s.fail(err)
		}
	}
	s.writing = false
	if s.flush && !s.dead {
		s.fail(s.err)
	}
	s.mu.Unlock()
}

// push sends b, or queues it. The client learns about a queue in the runner, because the caller may well be inside
// another client's call.
func (s *stream) push(b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dead {
		return
	}
	if s.wait || len(s.behind) > 0 || s.g.holds() {
		s.behind = append(s.behind, b...)
		s.pending.Store(int64(s.q.size + len(s.behind)))
		if !s.wait {
			s.deliver(mailPush, nil)
		}
		return
	}
	if err := s.send(b, false); err != nil {
		s.fail(err)
	} else if s.q.size > 0 {
		s.deliver(mailQueued, nil)
	}
}

// post leaves mail for the runner.
func (s *stream) post(m mail, err error) {
	s.mu.Lock()
	s.deliver(m, err)
	s.mu.Unlock()
}

// deliver is post with mu held.
func (s *stream) deliver(m mail, err error) {
	if s.closed {
		return
	}
	if m&mailClose != 0 && s.mailPend&mailClose == 0 {
		s.mailErr = err
	}
	s.mailPend |= m
	if !s.running {
		s.running = true
		s.g.wg.Add(1)
		go s.run()
	}
}

// run is the runner: it handles mail until there is none.
func (s *stream) run() {
	defer s.g.wg.Done()
	for {
		s.turn.Lock()
		s.mu.Lock()
		m, err, waits := s.mailPend, s.mailErr, s.q.size
		s.mailPend = 0
		if m == 0 || s.closed || s.client == nil {
			// Without a client the reader is still in the handshake, or is about to end.
			s.running = false
			if m&mailClose != 0 && !s.dead {
				s.kill(err)
			}
			s.mu.Unlock()
			s.turn.Unlock()
			return
		}
		s.mu.Unlock()
		s.handle(m, err, waits)
		s.turn.Unlock()
	}
}

// handle does what the mail says, with turn held.
func (s *stream) handle(m mail, err error, waits int) {
	if m&mailClose != 0 {
		s.shut(err)
		return
	}
	if m&mailQueued != 0 {
		s.sent(nil, waits)
	}
	if m&mailPush != 0 {
		if !s.g.passes() {
			s.shut(ErrGroupClosed)
			return
		}
		s.mu.Lock()
		err := s.release()
		waits := s.q.size
		s.mu.Unlock()
		s.sent(err, waits)
	}
	if m&mailResume != 0 && !s.closing {
		s.suspended = false
		s.process()
		s.account()
		s.moved.Broadcast()
	}
	if m&mailFlush != 0 {
		s.flushThenShut(nil)
	}
}

// flushThenShut ends the connection when its output is written. The lock turn is held.
func (s *stream) flushThenShut(err error) {
	s.closing = true
	s.moved.Broadcast()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dead {
		return
	}
	if e := s.release(); e != nil {
		s.kill(e)
		return
	}
	if s.q.size == 0 && !s.writing {
		s.kill(err)
		return
	}
	if !s.flush {
		s.flush, s.err = true, err
	}
}

// shut ends the connection. The lock turn is held.
func (s *stream) shut(err error) {
	s.closing = true
	s.mu.Lock()
	if !s.dead {
		s.kill(err)
	}
	s.mu.Unlock()
	s.moved.Broadcast()
}

// fail is kill for those who do not hold turn: the runner tells whoever waits there.
func (s *stream) fail(err error) {
	s.kill(err)
	s.deliver(mailClose, err)
}

// kill marks the connection dead and closes it beneath the reader, which then ends. The lock mu is held.
func (s *stream) kill(err error) {
	s.dead, s.err = true, err
	close(s.gone)
	if t, ok := s.nc.(*tls.Conn); ok {
		// Saying goodbye may block for seconds on a peer that does not read.
		if s.q.size > 0 || s.g.closed.Load() {
			t.NetConn().Close()
			return
		}
		s.g.wg.Add(1)
		go func() {
			defer s.g.wg.Done()
			t.Close()
		}()
		return
	}
	s.nc.Close()
}

// end is the last thing the reader does.
func (s *stream) end(err error) {
	s.turn.Lock()
	defer s.turn.Unlock()
	s.mu.Lock()
	s.closed, s.closing = true, true
	if !s.dead {
		s.kill(err)
	}
	err = s.err
	s.q.reset(nil)
	s.behind = nil
	s.mu.Unlock()
	s.g.forget(s)
	(*bufPool)(nil).put(s.in)
	s.in, s.off = nil, 0
	s.account()
	if s.client != nil {
		s.client.Closed(err)
	}
}

func (g *Group) forget(s *stream) {
	g.mu.Lock()
	delete(g.streams, s)
	g.mu.Unlock()
}

func (s *stream) keepAlive(seconds int) error {
	nc := s.nc
	if t, ok := nc.(*tls.Conn); ok {
		nc = t.NetConn()
	}
	t, ok := nc.(*net.TCPConn)
	if !ok {
		return nil
	}
	idle := time.Duration(seconds) * time.Second
	return t.SetKeepAliveConfig(net.KeepAliveConfig{
		Enable: seconds > 0, Idle: idle, Interval: max(idle/3, time.Second), Count: keepAliveProbes,
	})
}

func (s *stream) tlsState() *tls.ConnectionState {
	t, ok := s.nc.(*tls.Conn)
	if !ok {
		return nil
	}
	st := t.ConnectionState()
	return &st
}
