package loop

import (
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// acceptBurst is how many connections one turn accepts.
const acceptBurst = 64

// acceptor is a listener watched by the first event loop.
type acceptor struct {
	g       *Group
	p       *poller
	id      int // in the poller's accepts
	fd      int
	network string
	local   string // of its connections; empty if each must be asked

	mu   sync.Mutex // held while accepting; before the poller's mu
	gone bool
}

// adopt has an event loop accept from ln, if ln is a plain TCP or unix listener; otherwise it returns nil.
func (g *Group) adopt(ln net.Listener) (*acceptor, error) {
	a := &acceptor{g: g, p: g.pollers[0], fd: -1}
	switch t := ln.(type) {
	case *net.TCPListener:
		a.network = "tcp"
		if ap := t.Addr().(*net.TCPAddr).AddrPort(); !ap.Addr().IsUnspecified() {
			a.local = netipString(ap.Addr(), ap.Port())
		}
	case *net.UnixListener:
		if t.Addr().Network() != "unix" {
			return nil, nil
		}
		a.network = "unix"
		a.local = t.Addr().String() + ":0"
	default:
		return nil, nil
	}
	rc, err := ln.(syscall.Conn).SyscallConn()
	if err != nil {
		return nil, err
	}
	if err := rc.Control(func(fd uintptr) { a.fd = int(fd) }); err != nil {
		return nil, err
	}
	if err := a.register(); err != nil {
		return nil, err
	}
	return a, nil
}

// register starts accepting. Like release it may be called by any goroutine, the poller's own included, because
// listeners change while clients are served.
func (a *acceptor) register() error {
	p := a.p
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shut {
		return ErrGroupClosed
	}
	a.id = slices.Index(p.accepts, nil)
	if a.id < 0 {
		a.id = len(p.accepts)
		p.accepts = append(p.accepts, nil)
	}
	if err := a.watch(unix.EPOLLIN, unix.EPOLL_CTL_ADD); err != nil {
		return err
	}
	p.accepts[a.id] = a
	return nil
}

func (a *acceptor) watch(mask uint32, op int) error {
	ev := unix.EpollEvent{Events: mask, Fd: slotListen - int32(a.id)}
	return unix.EpollCtl(a.p.epfd, op, a.fd, &ev)
}

// release ends accepting. The listener can be closed then.
func (a *acceptor) release() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.gone = true
	a.p.mu.Lock()
	defer a.p.mu.Unlock()
	if !a.p.shut {
		a.watch(0, unix.EPOLL_CTL_DEL)
		a.p.accepts[a.id] = nil
	}
}

// accept accepts what waits at one listener and deals it out to the loops.
func (p *poller) accept(id int) {
	p.mu.Lock()
	a := p.accepts[id]
	p.mu.Unlock()
	if a == nil {
		return
	}
	for range acceptBurst {
		fd, sa, err := a.take()
		switch err {
		case nil:
			a.deal(accepted{int32(fd), a, sa})
		case unix.EAGAIN:
			return
		case unix.EINTR, unix.ECONNABORTED, unix.EPROTO:
		default:
			p.g.logAccept(err)
			a.rest()
			return
		}
	}
}

// take accepts one connection.
func (a *acceptor) take() (fd int, sa unix.Sockaddr, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.gone {
		return -1, nil, unix.EAGAIN
	}
	return unix.Accept4(a.fd, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
}

// rest stops accepting for a while, after an error that would only come again.
func (a *acceptor) rest() {
	a.set(0)
	time.AfterFunc(acceptBackoff, func() { a.set(unix.EPOLLIN) })
}

// set changes what is watched, unless nothing is any more.
func (a *acceptor) set(mask uint32) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.p.mu.Lock()
	defer a.p.mu.Unlock()
	if !a.gone && !a.p.shut {
		a.watch(mask, unix.EPOLL_CTL_MOD)
	}
}

// deal gives a new connection to the next loop in turn.
func (a *acceptor) deal(n accepted) {
	ps := a.g.pollers
	p := ps[int(a.g.next.Add(1)-1)%len(ps)]
	if p == a.p {
		p.add(n)
	} else if !p.give(n) {
		unix.Close(int(n.fd))
	}
}

// names returns the addresses of a connection, the peer's first, as Redis prints them.
func (a *acceptor) names(fd int, sa unix.Sockaddr) (remote, local string) {
	if a.network == "unix" {
		return a.local, a.local
	}
	local = a.local
	if local == "" {
		if sa, err := unix.Getsockname(fd); err == nil {
			local = sockaddrString(sa)
		}
	}
	return sockaddrString(sa), local
}

func sockaddrString(sa unix.Sockaddr) string {
	switch t := sa.(type) {
	case *unix.SockaddrInet4:
		return netipString(netip.AddrFrom4(t.Addr), uint16(t.Port))
	case *unix.SockaddrInet6:
		return netipString(netip.AddrFrom16(t.Addr), uint16(t.Port))
	}
	return "?:0"
}
