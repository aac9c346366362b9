package loop

import (
	"crypto/tls"
	"io"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

const (
	// smallInput is up to where an incomplete request is continued in the loop's shared buffer.
	smallInput = 16 << 10
	// minRead is the least room offered when reading into a connection's own buffer.
	minRead = 32 << 10
	// maxTurn is how much one connection may send or receive before others have their turn.
	maxTurn = 1 << 20
)

// What epoll reports of a connection, each change once: with the level-triggered kind the kernel looks at every socket
// that was served once more in the next wait. Room to send is asked for while output waits; on a unix socket it would
// be reported after every reply.
const (
	wantRead  = unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLET
	wantWrite = unix.EPOLLOUT
	hangup    = unix.EPOLLRDHUP | unix.EPOLLHUP | unix.EPOLLERR
)

// sock is a connection owned by an event loop. An idle one owns no buffer.
//
//	more       the kernel may have input that it will not report again
//	hup        the peer sends no more than that, so more stays set
//	yielded    Process is to be called again without new input
//	ready      stands in the poller's ready queue, which it does if yielded, or if more and not suspended
//	suspended  Process waits for Resume; input waits in the kernel
//	flush      is closed when q is empty, with eof because the peer ended it; no input is taken
//	unsent     how often it stands in the poller's outgoing list
//
// The mail fields are guarded by the poller's mu, the others belong to its goroutine.
type sock struct {
	Conn
	p      *poller
	client Client
	slot   int32 // in the poller's table; -1 when closed
	gen    int32
	mask   uint32 // what epoll watches
	era    uint32 // of the poller's crowd, when it had its last event

	more, hup, yielded, ready, suspended, flush, eof bool

	waiting  bool        // its input is in the poller's gathered list
	listens  atomic.Bool // it has been a member of an audience
	foreseer Foreseer    // the client, if it is one

	unsent int32

	mailSet  mail
	mailGone bool // no more mail is taken
	mailErr  error
	mailBuf  []byte

	in     []byte
	landed int // bytes received of what was diverted, while some of it has not come
	q      outq
}

// add makes a new connection part of the loop.
func (p *poller) add(n accepted) {
	s := &sock{p: p}
	s.Conn = Conn{drv: s, fd: n.fd, loop: p.index, network: n.a.network, diverts: true}
	s.remote, s.local = n.a.names(int(n.fd), n.sa)
	if n.a.network == "tcp" {
		unix.SetsockoptInt(int(n.fd), unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	}
	s.slot = -1
	client, farewell := p.g.cfg.Handler.Accept(&s.Conn)
	if client == nil {
		if len(farewell) > 0 {
			send(n.fd, farewell)
		}
		s.mailGoneNow()
		closeSocket(n.fd, p.drain)
		return
	}
	s.client = client
	s.foreseer, _ = client.(Foreseer)
	if k := len(p.free); k > 0 {
		s.slot = p.free[k-1]
		p.free = p.free[:k-1]
		p.slots[s.slot] = s
	} else {
		s.slot = int32(len(p.slots))
		p.slots = append(p.slots, s)
	}
	p.gen++
	s.gen = p.gen
	s.mask = wantRead
	ev := unix.EpollEvent{Events: wantRead, Fd: s.slot, Pad: s.gen}
	if err := unix.EpollCtl(p.epfd, unix.EPOLL_CTL_ADD, int(n.fd), &ev); err != nil {
		s.close(err)
	}
}

// watchRoom has epoll report room to send, or no longer.
func (s *sock) watchRoom(on bool) {
	mask := uint32(wantRead)
	if on {
		mask |= wantWrite
	}
	if mask == s.mask || s.slot < 0 {
		return
	}
	s.mask = mask
	ev := unix.EpollEvent{Events: mask, Fd: s.slot, Pad: s.gen}
	if err := unix.EpollCtl(s.p.epfd, unix.EPOLL_CTL_MOD, int(s.fd), &ev); err != nil {
		s.close(err)
	}
}

// event serves what epoll reports.
func (s *sock) event(events uint32) {
	if events&unix.EPOLLOUT != 0 && s.q.size > 0 {
		s.writable()
	}
	if events&^unix.EPOLLOUT == 0 || s.slot < 0 {
		return
	}
	if s.p.catchUp(s); s.slot < 0 {
		return
	}
	s.more = true
	s.hup = s.hup || events&hangup != 0
	switch {
	case s.flush:
		if events&(unix.EPOLLERR|unix.EPOLLHUP) != 0 {
			s.close(s.sockError())
		}
	case s.suspended:
		if s.hup {
			s.close(s.sockError())
		}
	case !s.ready:
		s.receive()
	}
}

// turn is the connection's when it stood in the ready queue.
func (s *sock) turn() {
	if s.slot < 0 || !s.ready {
		return
	}
	s.ready = false
	switch {
	case s.yielded:
		s.process(s.in, false)
	case s.more && !s.suspended:
		s.receive()
	}
}

// enqueue puts the connection at the end of the ready queue.
func (s *sock) enqueue() {
	if !s.ready {
		s.ready = true
		s.p.ready = append(s.p.ready, s)
	}
}

// receive reads once and has the client process what is there. If that may not have been all, it goes on later: a read
// that found less than it asked for has emptied the socket, and what comes afterwards is reported.
func (s *sock) receive() {
	p, have := s.p, len(s.in)
	if s.waiting {
		p.serve()
		if s.slot < 0 || s.suspended || s.flush {
			return
		}
		have = len(s.in)
	}
	if len(s.sink) > 0 {
		s.receiveInto()
		return
	}
	if have == 0 && s.expect == 0 {
		s.gather()
		return
	}
	if len(p.gathered) > 0 {
		p.serve() // which frees the shared buffer
	}
	shared := have <= smallInput && s.expect <= smallInput
	buf := p.rbuf
	if shared {
		copy(buf, s.in)
	} else {
		if cap(s.in)-have < minRead {
			s.in = p.pool.grow(s.in, s.expect, have+minRead)
		}
		buf = s.in[:min(cap(s.in), have+maxTurn)]
	}
	n, errno := recv(s.fd, buf[have:])
	if n <= 0 {
		s.notReceived(n, errno)
		return
	}
	s.more = s.hup || have+n == len(buf)
	in := buf[:have+n]
	if len(in) >= s.expect {
		s.process(in, shared)
		return
	}
	s.keep(in, shared)
	if !s.checkLimit() && s.more {
		s.enqueue()
	}
}

// receiveInto is receive for bytes that were diverted, and what follows them.
func (s *sock) receiveInto() {
	p := s.p
	if len(p.gathered) > 0 {
		p.serve() // which frees the shared buffer
	}
	into, behind := s.sink[:min(len(s.sink), maxTurn)], p.rbuf
	if len(into) < len(s.sink) {
		behind = behind[:0]
	}
	n, errno := recvBoth(s.fd, into, behind)
	if n <= 0 {
		s.notReceived(n, errno)
		return
	}
	s.more = s.hup || n == len(into)+len(behind)
	if n < len(s.sink) {
		s.sink = s.sink[n:]
		s.landed += n
		s.buffered.Store(int64(s.landed))
		s.inputCap.Store(int64(s.landed))
		if !s.checkLimit() && s.more {
			s.enqueue()
		}
		return
	}
	behind = behind[:n-len(s.sink)]
	s.sink, s.landed = nil, 0
	s.buffered.Store(0)
	s.inputCap.Store(0)
	if len(behind) > 0 {
		s.process(behind, true)
	} else if s.more {
		s.enqueue()
	}
}

// gather reads once and leaves what is there for the poller to process together with what others send.
func (s *sock) gather() {
	p := s.p
	if len(p.rbuf)-p.used < gatherRoom {
		p.serve()
	}
	buf := p.rbuf[p.used : p.used+gatherRoom]
	n, errno := recv(s.fd, buf)
	if n <= 0 {
		s.notReceived(n, errno)
		return
	}
	s.more = s.hup || n == len(buf)
	s.waiting = true
	p.gathered = append(p.gathered, gathered{s, s.gen, buf[:n:n]})
	p.used += (n + 63) &^ 63
	if s.foreseer != nil {
		s.foreseer.Foresee(buf[:n:n])
	}
}

// notReceived draws the consequences of a read that brought nothing.
func (s *sock) notReceived(n int, errno unix.Errno) {
	switch {
	case n == 0:
		s.flushThenClose(io.EOF)
	case errno == unix.EAGAIN:
		s.more = false
	case errno == unix.EINTR:
		s.enqueue()
	default:
		s.close(errno)
	}
}

// process calls the client with in, which is either in the shared buffer or s.in itself, and does what it wants.
func (s *sock) process(in []byte, shared bool) {
	s.expect, s.yielded = 0, false
	if !shared {
		s.inputCap.Store(int64(footprint(in)))
	}
	n, out, st := s.client.Process(in, s.p.out[len(s.p.out):])
	switch {
	case !shared && n > 0:
		left := copy(in, in[n:])
		poison(in[left:])
		s.keep(in[:left], false)
	case n < len(in) || s.in != nil:
		s.keep(in[n:], shared)
	}
	if shared {
		poison(in)
	}
	if st == CloseNow {
		s.close(nil)
		return
	}
	if len(out) > 0 {
		s.p.replied(s, out)
	}
	if s.in != nil && s.checkLimit() {
		return
	}
	switch {
	case st == Continue && !s.more:
		// The usual end of a turn.
	case st == Continue:
		s.enqueue()
	case st == Yield:
		s.yielded = true
		s.enqueue()
	case st == CloseAfterReply:
		s.flushThenClose(nil)
	case s.hup:
		s.flushThenClose(io.EOF)
	default:
		s.suspended = true
	}
}

// keep makes rest the connection's own input: it is either in the shared buffer or in s.in already.
func (s *sock) keep(rest []byte, shared bool) {
	switch {
	case len(rest) == 0:
		if s.in == nil {
			return
		}
		s.p.pool.put(s.in)
		s.in = nil
	case !shared:
		s.in = s.p.pool.shrink(rest)
	default:
		if cap(s.in) < len(rest) {
			s.p.pool.put(s.in)
			s.in = s.p.pool.get(len(rest))
		}
		s.in = append(s.in[:0], rest...)
	}
	s.buffered.Store(int64(len(s.in)))
	s.inputCap.Store(int64(footprint(s.in)))
}

// checkLimit closes the connection if too much input waits, or the client says so.
func (s *sock) checkLimit() bool {
	switch {
	case s.overLimit(len(s.in) + s.landed):
		s.close(ErrInputLimit)
	case !s.client.Buffered(len(s.in)+s.landed, cap(s.in)+s.landed):
		s.close(nil)
	default:
		return false
	}
	return true
}

// send sends b, or queues what the socket does not take. If that is least bytes or more, and whole is memory that ends
// with b, it becomes the queue's own instead of being copied from; send reports whether it did.
func (s *sock) send(b, whole []byte, least int) (adopted bool) {
	if s.q.size == 0 {
		n, errno := send(s.fd, b)
		if errno != 0 {
			s.close(errno)
			return false
		}
		if n == len(b) {
			return false
		}
		b = b[n:]
	}
	if whole != nil && len(b) >= least {
		adopted = true
		s.q.adopt(fitMapped(whole), len(whole)-len(b))
	} else {
		s.q.append(b, &s.p.pool)
	}
	s.pending.Add(int64(len(b)))
	s.unread.Add(int64(len(b)))
	s.watchRoom(true)
	if s.slot >= 0 && !s.client.Queued(s.q.size) {
		s.close(ErrOutputLimit)
	}
	return adopted
}

// writable sends what waits.
func (s *sock) writable() {
	for sent := 0; s.q.size > 0 && sent < maxTurn; {
		b := s.q.front()
		n, errno := send(s.fd, b)
		if errno != 0 {
			s.close(errno)
			return
		}
		s.q.advance(n, &s.p.pool)
		s.pending.Add(int64(-n))
		s.unread.Add(int64(-n))
		if sent += n; n < len(b) {
			return
		}
	}
	if s.q.size > 0 {
		s.watchRoom(false) // and anew, so that the room that is left is reported again
		s.watchRoom(true)
		return
	}
	if s.flush && s.unsent == 0 {
		s.close(s.flushed())
		return
	}
	s.watchRoom(false)
}

// flushThenClose closes the connection when its output is sent; err is nil or io.EOF.
func (s *sock) flushThenClose(err error) {
	if s.slot < 0 {
		return
	}
	if s.q.size == 0 && s.unsent == 0 {
		s.close(err)
		return
	}
	if !s.flush {
		s.flush, s.eof = true, err == io.EOF
		s.suspended, s.yielded, s.ready = false, false, false
	}
	s.keep(nil, false)
}

// flushed returns why a connection that is flushed ends.
func (s *sock) flushed() error {
	if s.eof {
		return io.EOF
	}
	return nil
}

// close ends the connection.
func (s *sock) close(err error) {
	if s.slot < 0 {
		return
	}
	p := s.p
	s.mailGoneNow()
	p.slots[s.slot] = nil
	p.free = append(p.free, s.slot)
	s.slot = -1
	s.sink, s.landed = nil, 0
	s.keep(nil, false)
	s.q.reset(&p.pool)
	s.pending.Store(0)
	s.unread.Store(0)
	closeSocket(s.fd, p.drain)
	s.client.Closed(err)
}

// closeSocket closes a socket in a way that lets the peer read what was sent: a socket with unread input would be reset
// and take the last reply with it.
func closeSocket(fd int32, scratch []byte) {
	unix.Shutdown(int(fd), unix.SHUT_WR)
	recv(fd, scratch)
	unix.Close(int(fd))
}

// sockError returns why the kernel reports a hangup.
func (s *sock) sockError() error {
	if e, err := unix.GetsockoptInt(int(s.fd), unix.SOL_SOCKET, unix.SO_ERROR); err == nil && e != 0 {
		return unix.Errno(e)
	}
	return io.EOF
}

// push leaves bytes for the loop to send.
func (s *sock) push(b []byte) {
	p := s.p
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.mailGone {
		return
	}
	if p.behindCasts(s) {
		s.pending.Add(int64(len(b)))
		p.cast(cast{one: s}, b)
		return
	}
	if s.mailBuf == nil {
		if k := len(p.bufs); k > 0 {
			s.mailBuf = p.bufs[k-1]
			p.bufs = p.bufs[:k-1]
		}
	}
	s.mailBuf = append(s.mailBuf, b...)
	s.pending.Add(int64(len(b)))
	s.deliver(mailPush)
}

// post leaves mail.
func (s *sock) post(m mail, err error) {
	p := s.p
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.mailGone {
		return
	}
	if m&mailClose != 0 && s.mailSet&mailClose == 0 {
		s.mailErr = err
	}
	if m&mailClose == 0 && p.behindCasts(s) {
		p.inbox.casts = append(p.inbox.casts, cast{one: s, m: m})
		p.notify()
		return
	}
	s.deliver(m)
}

// deliver adds to the mail. The poller's mu is held.
func (s *sock) deliver(m mail) {
	if s.mailSet == 0 {
		s.p.inbox.conns = append(s.p.inbox.conns, s)
		s.p.notify()
	}
	s.mailSet |= m
}

// mailGoneNow ends the taking of mail.
func (s *sock) mailGoneNow() {
	s.p.mu.Lock()
	s.mailGone = true
	s.mailBuf = nil
	s.p.mu.Unlock()
}

// readMail does what others asked for.
func (s *sock) readMail() {
	p := s.p
	p.mu.Lock()
	m, b, err := s.mailSet, s.mailBuf, s.mailErr
	s.mailSet, s.mailBuf = 0, nil
	p.mu.Unlock()
	if s.slot < 0 {
		return
	}
	s.pending.Add(int64(-len(b)))
	if m&mailClose != 0 {
		s.close(err)
		return
	}
	if len(b) > 0 {
		p.outgoing = append(p.outgoing, outgoing{s, b, memPushed})
		s.unsent++
	}
	s.obey(m)
}

// obey does what mail asks for behind the bytes that were pushed.
func (s *sock) obey(m mail) {
	if m&mailResume != 0 && !s.flush && !s.yielded {
		s.suspended = false
		s.process(s.in, false)
	}
	if m&mailFlush != 0 {
		s.flushThenClose(nil)
	}
}

func (s *sock) keepAlive(seconds int) error {
	if s.network != "tcp" {
		return nil
	}
	fd := int(s.fd)
	if seconds <= 0 {
		return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 0)
	}
	for _, o := range [...]struct{ level, name, value int }{
		{unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
		{unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, seconds},
		{unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, max(seconds/3, 1)},
		{unix.IPPROTO_TCP, unix.TCP_KEEPCNT, keepAliveProbes},
	} {
		if err := unix.SetsockoptInt(fd, o.level, o.name, o.value); err != nil {
			return err
		}
	}
	return nil
}

func (s *sock) tlsState() *tls.ConnectionState { return nil }
