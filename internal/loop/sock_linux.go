package loop

import (
	"crypto/tls"
	"io"

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

// What a connection waits for. EPOLLERR and EPOLLHUP always come.
const (
	wantRead  = unix.EPOLLIN | unix.EPOLLRDHUP
	wantWrite = unix.EPOLLOUT
)

// sock is a connection owned by an event loop. An idle one owns no buffer.
//
//	suspended  Process waits for Resume; EPOLLIN is given up as soon as bytes come, so that they wait in the kernel
//	unsent     how often it stands in the poller's outgoing list
//	ready      stands in the poller's ready queue
//	flush      is closed when q is empty, with eof because the peer ended it; no input is taken
//
// The mail fields are guarded by the poller's mu, the others belong to its goroutine.
type sock struct {
	Conn
	p      *poller
	client Client
	slot   int32 // in the poller's table; -1 when closed
	gen    int32
	mask   uint32 // what epoll watches

	suspended, ready, flush, eof bool
	unsent                       int32

	mailSet  mail
	mailGone bool // no more mail is taken
	mailErr  error
	mailBuf  []byte

	in []byte
	q  outq
}

// add makes a new connection part of the loop.
func (p *poller) add(n accepted) {
	s := &sock{p: p}
	s.Conn = Conn{drv: s, fd: n.fd, loop: p.index, network: n.a.network}
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
		closeSocket(n.fd, p.rbuf)
		return
	}
	s.client = client
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

// watch changes what epoll watches.
func (s *sock) watch(mask uint32) {
	if mask == s.mask || s.slot < 0 {
		return
	}
	s.mask = mask
	ev := unix.EpollEvent{Events: mask, Fd: s.slot, Pad: s.gen}
	if err := unix.EpollCtl(s.p.epfd, unix.EPOLL_CTL_MOD, int(s.fd), &ev); err != nil {
		s.close(err)
	}
}

// rewatch derives what epoll has to watch from the connection's state.
func (s *sock) rewatch() {
	var mask uint32
	switch {
	case s.flush:
	case s.suspended:
		mask = s.mask & wantRead
	default:
		mask = wantRead
	}
	if s.q.size > 0 {
		mask |= wantWrite
	}
	s.watch(mask)
}

// readable is called for every event but those that only say that there is room to send.
func (s *sock) readable(events uint32) {
	switch {
	case s.flush || s.suspended:
		s.stirred(events)
	case !s.ready:
		s.receive()
	}
}

// stirred is called for an event of a connection that takes no input now.
func (s *sock) stirred(events uint32) {
	switch {
	case events&(unix.EPOLLERR|unix.EPOLLHUP) != 0:
		s.close(s.sockError())
	case s.flush:
	case events&unix.EPOLLRDHUP != 0:
		s.close(io.EOF)
	default:
		s.watch(s.mask &^ unix.EPOLLIN)
	}
}

// receive reads once and has the client process what is there.
func (s *sock) receive() {
	p, have := s.p, len(s.in)
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
		switch {
		case n == 0:
			s.flushThenClose(io.EOF)
		case errno != unix.EAGAIN && errno != unix.EINTR:
			s.close(errno)
		}
		return
	}
	in := buf[:have+n]
	if len(in) < s.expect {
		s.keep(in, shared)
		s.checkLimit()
		return
	}
	s.process(in, shared)
}

// process calls the client with in, which is either in the shared buffer or s.in itself, and does what it wants.
func (s *sock) process(in []byte, shared bool) {
	s.expect = 0
	n, out, st := s.client.Process(in, s.p.out[len(s.p.out):])
	switch {
	case !shared && n > 0:
		s.keep(in[:copy(in, in[n:])], false)
	case n < len(in) || s.in != nil:
		s.keep(in[n:], shared)
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
	switch st {
	case Yield:
		if !s.ready {
			s.ready = true
			s.p.ready = append(s.p.ready, s)
		}
	case Suspend:
		s.suspended = true
	case CloseAfterReply:
		s.flushThenClose(nil)
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
		s.in = rest
	default:
		if cap(s.in) < len(rest) {
			s.p.pool.put(s.in)
			s.in = s.p.pool.get(len(rest))
		}
		s.in = append(s.in[:0], rest...)
	}
	s.buffered.Store(int64(len(s.in)))
	s.inputCap.Store(int64(cap(s.in)))
}

// checkLimit closes the connection if too much input waits.
func (s *sock) checkLimit() bool {
	if !s.overLimit(len(s.in)) {
		return false
	}
	s.close(ErrInputLimit)
	return true
}

// send sends b, or queues what the socket does not take. With give it may make the memory of b the queue's own rather
// than copy from it, and reports whether it did.
func (s *sock) send(b []byte, give bool) bool {
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
	adopt := give && len(b) > adoptSize
	if adopt {
		s.q.adopt(b)
	} else {
		s.q.append(b, &s.p.pool)
	}
	s.pending.Add(int64(len(b)))
	s.rewatch()
	if s.slot >= 0 && !s.client.Queued(s.q.size) {
		s.close(ErrOutputLimit)
	}
	return adopt
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
		if sent += n; n < len(b) {
			return
		}
	}
	if s.q.size > 0 {
		return
	}
	if s.flush && s.unsent == 0 {
		s.close(s.flushed())
		return
	}
	s.rewatch()
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
		s.suspended, s.ready = false, false
	}
	s.keep(nil, false)
	s.rewatch()
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
	s.keep(nil, false)
	s.q.reset(&p.pool)
	s.pending.Store(0)
	closeSocket(s.fd, p.rbuf)
	s.client.Closed(err)
}

// closeSocket closes a socket in a way that lets the peer read what was sent: a socket with unread input would be reset
// and take the last reply with it.
func closeSocket(fd int32, scratch []byte) {
	unix.Shutdown(int(fd), unix.SHUT_WR)
	recv(fd, scratch)
	unix.Close(int(fd))
}

// sockError returns why the kernel reports an error or a hangup.
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
	if m&mailResume != 0 && !s.flush && !s.ready {
		s.suspended = false
		s.process(s.in, false)
		if s.slot >= 0 {
			s.rewatch()
		}
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
