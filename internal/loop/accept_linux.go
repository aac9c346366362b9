package loop

import (
	"net"
	"net/netip"
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
	gone    bool   // the poller's
	once    sync.Once
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
	errc := make(chan error, 1)
	if !a.p.do(func() { errc <- a.register() }) {
		return nil, ErrGroupClosed
	}
	if err := <-errc; err != nil {
		return nil, err
	}
	return a, nil
}

// register starts accepting; it runs on the poller's goroutine, as all below does.
func (a *acceptor) register() error {
	p := a.p
	a.id = len(p.accepts)
	for i, o := range p.accepts {
		if o == nil {
			a.id = i
			break
		}
	}
	if a.id == len(p.accepts) {
		p.accepts = append(p.accepts, nil)
	}
	p.accepts[a.id] = a
	if err := a.watch(unix.EPOLLIN, unix.EPOLL_CTL_ADD); err != nil {
		p.accepts[a.id] = nil
		return err
	}
	return nil
}

func (a *acceptor) watch(mask uint32, op int) error {
	ev := unix.EpollEvent{Events: mask, Fd: slotLisen - int32(a.id)}
	return unix.EpollCtl(a.p.epfd, op, a.fd, &ev)
}

// release ends accepting, and returns when it has ended. The listener can be closed then.
func (a *acceptor) release() {
	ended := make(chan struct{})
	posted := a.p.do(func() {
		a.gone = true
		a.watch(0, unix.EPOLL_CTL_DEL)
		a.p.accepts[a.id] = nil
		close(ended)
	})
	if posted {
		<-ended
	}
}

// accept accepts what waits at one listener and deals it out to the loops.
func (p *poller) accept(id int) {
	if id >= len(p.accepts) || p.accepts[id] == nil {
		return
	}
	a := p.accepts[id]
	for range acceptBurst {
		fd, sa, err := unix.Accept4(a.fd, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
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

// rest stops accepting for a while, after an error that would only come again.
func (a *acceptor) rest() {
	a.watch(0, unix.EPOLL_CTL_MOD)
	time.AfterFunc(acceptBackoff, func() {
		a.p.do(func() {
			if !a.gone {
				a.watch(unix.EPOLLIN, unix.EPOLL_CTL_MOD)
			}
		})
	})
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
