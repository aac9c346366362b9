package node

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/redstart-db/redstart/internal/config"
	"github.com/redstart-db/redstart/internal/errno"
)

// listeners is what an instance listens on. The configuration names the wanted
// ones; a change of it opens and closes only what differs.
type listeners struct {
	mu    sync.Mutex
	open  bool // Listen was called
	tcp   map[endpoint]net.Listener
	order []endpoint // of tcp
	unix  net.Listener
	other []net.Listener // handed in by Serve

	// What the instance begins with is being loaded, and nobody is accepted yet: those who
	// connect wait in the queues of these.
	held    bool
	waiting []net.Listener
}

// endpoint is one address of bind with a port.
type endpoint struct {
	host string // as written, without the "-"
	port int
	tls  bool
}

func (e endpoint) String() string { return e.host + ":" + strconv.Itoa(e.port) }

// address gives the network and address for package net. "*" is every IPv4
// address and "::*" every IPv6 address.
func (e endpoint) address() (network, addr string) {
	host, network := e.host, "tcp4"
	switch {
	case host == "*":
		host = "0.0.0.0"
	case host == "::*":
		host, network = "::", "tcp6"
	case strings.Contains(host, ":"):
		network = "tcp6"
	case net.ParseIP(host) == nil:
		network = "tcp"
	}
	return network, net.JoinHostPort(host, strconv.Itoa(e.port))
}

// endpoints gives what a configuration asks for, and which of it may be
// missing.
func endpoints(cfg *config.Config) (list []endpoint, optional map[endpoint]bool) {
	optional = make(map[endpoint]bool)
	for _, way := range [...]struct {
		port int
		tls  bool
	}{{cfg.Port, false}, {cfg.TLSPort, true}} {
		if way.port == 0 {
			continue
		}
		for _, b := range cfg.Bind {
			host, may := strings.CutPrefix(b, "-")
			e := endpoint{host, way.port, way.tls}
			if may {
				optional[e] = true
			}
			list = append(list, e)
		}
	}
	return list, optional
}

// Listen opens the ports and the socket that the configuration asks for. Errors
// are logged as well; those of a missing port begin with "Failed listening on
// port".
func (n *Node) Listen() error {
	n.lis.mu.Lock()
	defer n.lis.mu.Unlock()
	n.lis.open = true
	if n.Config.TLSPort != 0 {
		if err := n.configureTLS(); err != nil {
			err = errors.New("Failed to configure TLS. Check logs for more info.")
			n.log.Warn(err.Error())
			return err
		}
	}
	if err := n.bind(); err != nil {
		port, kind := n.Config.Port, "TCP"
		if port == 0 {
			port, kind = n.Config.TLSPort, "TLS"
		}
		err = fmt.Errorf("Failed listening on port %d (%s), aborting.", port, kind)
		n.log.Warn(err.Error())
		return err
	}
	if n.Config.UnixSocket != "" {
		if err := n.listenUnix(); err != nil {
			err = fmt.Errorf("Failed opening Unix socket: %s", reason(err))
			n.log.Warn(err.Error())
			return err
		}
	}
	n.showTitle()
	return nil
}

// Rebind makes the open ports those of the configuration after a change of port
// or bind. Either all of it works, or the ports stay as they were.
func (n *Node) Rebind() error {
	n.lis.mu.Lock()
	defer n.lis.mu.Unlock()
	return n.bind()
}

// bind opens the endpoints that are wanted and not open, and then closes those
// that are not wanted any more. When an old one is in the way of a new one
// (a single address where "*" was), the old ones are closed first, and come back
// if the new cannot be had.
func (n *Node) bind() error {
	want, optional := endpoints(n.Config)
	n.lis.order = want
	keep := make(map[endpoint]bool)
	var missing []endpoint
	for _, e := range want {
		if !keep[e] && n.lis.tcp[e] == nil {
			missing = append(missing, e)
		}
		keep[e] = true
	}
	var unwanted []endpoint
	conflict := false
	for e := range n.lis.tcp {
		if !keep[e] {
			unwanted = append(unwanted, e)
			conflict = conflict || slices.ContainsFunc(missing, func(m endpoint) bool { return m.port == e.port })
		}
	}
	if !conflict {
		if err := n.openAll(missing, optional); err != nil {
			return err
		}
		n.closeAll(unwanted)
		return nil
	}
	n.closeAll(unwanted)
	err := n.openAll(missing, optional)
	if err != nil {
		if again := n.openAll(unwanted, nil); again != nil {
			n.log.Warn("The addresses listened on before are lost", "err", again)
		}
	}
	return err
}

// openAll listens on all of list, or on nothing. It is no error that an optional
// one does not exist here, as long as it is not because another has it.
func (n *Node) openAll(list []endpoint, optional map[endpoint]bool) error {
	for i, e := range list {
		ln, err := listenTCP(e, n.Config)
		if err == nil {
			if e.tls {
				ln = tls.NewListener(ln, n.tls.server())
			}
			if err = n.acceptFrom(ln); err == nil {
				n.lis.tcp[e] = ln
				continue
			}
			ln.Close()
		}
		n.log.Warn(fmt.Sprintf("Warning: Could not create server TCP listening socket %s: %s", e, reason(err)))
		if optional[e] && absent(err) {
			continue
		}
		n.closeAll(list[:i])
		return err
	}
	return nil
}

// acceptFrom has connections to ln accepted, now or when the data has been loaded. lis.mu is held.
func (n *Node) acceptFrom(ln net.Listener) error {
	if n.lis.held {
		n.lis.waiting = append(n.lis.waiting, ln)
		return nil
	}
	return n.loops.Serve(ln)
}

// hold keeps connections from being accepted until acceptAll.
func (n *Node) hold() {
	n.lis.mu.Lock()
	defer n.lis.mu.Unlock()
	n.lis.held = true
}

// acceptAll accepts those who have connected meanwhile, and all others.
func (n *Node) acceptAll() error {
	n.lis.mu.Lock()
	defer n.lis.mu.Unlock()
	n.lis.held = false
	for len(n.lis.waiting) > 0 {
		if err := n.loops.Serve(n.lis.waiting[0]); err != nil {
			return closedError(err)
		}
		n.lis.waiting = n.lis.waiting[1:]
	}
	return nil
}

func (n *Node) closeAll(list []endpoint) {
	for _, e := range list {
		if ln := n.lis.tcp[e]; ln != nil {
			delete(n.lis.tcp, e)
			if i := slices.Index(n.lis.waiting, ln); i >= 0 {
				n.lis.waiting = slices.Delete(n.lis.waiting, i, i+1)
				ln.Close()
				continue
			}
			n.loops.Unserve(ln) // It is gone either way.
		}
	}
}

func listenTCP(e endpoint, cfg *config.Config) (net.Listener, error) {
	lc := net.ListenConfig{
		// Accept sets it as configured at that moment.
		KeepAlive: -1,
		Control: func(_, _ string, c syscall.RawConn) (err error) {
			if e := c.Control(func(fd uintptr) { err = markSocket(int(fd), cfg.SocketMarkID) }); e != nil {
				return e
			}
			return err
		},
	}
	lc.SetMultipathTCP(false)
	network, addr := e.address()
	ln, err := lc.Listen(context.Background(), network, addr)
	if err != nil {
		return nil, err
	}
	if err := backlog(ln, cfg.TCPBacklog); err != nil {
		ln.Close()
		return nil, err
	}
	return ln, nil
}

// backlog sets the length of the queue of connections that are not accepted,
// which package net does not let one choose.
func backlog(ln net.Listener, length int) error {
	rc, err := ln.(syscall.Conn).SyscallConn()
	if err != nil {
		return err
	}
	if e := rc.Control(func(fd uintptr) { err = setBacklog(int(fd), length) }); e != nil {
		return e
	}
	return err
}

// listenUnix listens on the Unix socket. A file left by a server that is gone is
// removed; the socket of one that answers is not touched.
func (n *Node) listenUnix() error {
	cfg := n.Config
	path := cfg.Path(cfg.UnixSocket)
	if err := removeStale(path); err != nil {
		return err
	}
	ln, err := listenUnix(path, cfg.UnixSocketPerm)
	if err != nil {
		return err
	}
	if err := backlog(ln, cfg.TCPBacklog); err != nil {
		ln.Close()
		return err
	}
	if err := n.acceptFrom(ln); err != nil {
		ln.Close()
		return err
	}
	n.lis.unix = ln
	return nil
}

func removeStale(path string) error {
	info, err := os.Lstat(path)
	if err != nil || info.Mode().Type() != fs.ModeSocket {
		return nil // what is wrong, if anything, is for bind to say
	}
	c, err := net.Dial("unix", path)
	if err == nil {
		c.Close()
		return &net.OpError{Op: "listen", Err: os.NewSyscallError("bind", syscall.EADDRINUSE)}
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return nil
	}
	return os.Remove(path)
}

// Addrs gives the addresses that are listened on.
func (n *Node) Addrs() []net.Addr {
	n.lis.mu.Lock()
	defer n.lis.mu.Unlock()
	var addrs []net.Addr
	for i, e := range n.lis.order {
		if ln := n.lis.tcp[e]; ln != nil && !slices.Contains(n.lis.order[:i], e) {
			addrs = append(addrs, ln.Addr())
		}
	}
	if n.lis.unix != nil {
		addrs = append(addrs, n.lis.unix.Addr())
	}
	for _, ln := range n.lis.other {
		addrs = append(addrs, ln.Addr())
	}
	return addrs
}

// forgetListeners is called when the loops have closed all listeners that they serve.
func (n *Node) forgetListeners() {
	n.lis.mu.Lock()
	defer n.lis.mu.Unlock()
	n.lis.open = false
	for _, ln := range n.lis.waiting {
		ln.Close()
	}
	n.lis.waiting = nil
	clear(n.lis.tcp)
	n.lis.unix, n.lis.other = nil, nil
}

// absent tells whether an address could not be listened on because this system
// does not have it.
func absent(err error) bool {
	for _, e := range []error{
		syscall.EADDRNOTAVAIL, syscall.EAFNOSUPPORT, syscall.EPROTONOSUPPORT, syscall.ENOPROTOOPT,
		errNoSocketSupport,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// reason gives an error of a listener in the words that operators know from C
// programs: "bind: Address already in use".
func reason(err error) string {
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return "Name or service not known"
	}
	call := ""
	var sys *os.SyscallError
	if errors.As(err, &sys) {
		call = sys.Syscall + ": "
	}
	if errors.As(err, new(syscall.Errno)) {
		return call + errno.Text(err)
	}
	return err.Error()
}
