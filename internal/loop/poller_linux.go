package loop

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

const (
	// readSize is that of the buffer all connections of a loop read into.
	readSize = 64 << 10
	// replySize is that of the buffer all connections of a loop build replies in; replyKeep is what it may grow to.
	replySize = 64 << 10
	replyKeep = 1 << 20
	// maxEvents is how many events are taken from the kernel at once.
	maxEvents = 128
	// schedEvery is after how many rounds without a pause other goroutines have a turn.
	schedEvery = 32
)

// Slots of a poller's table that are no connection.
const (
	slotWake   = -1 // the eventfd
	slotListen = -2 // -2-i is acceptor i
)

// poller is one event loop.
//
// Everything but the inbox belongs to its goroutine. An event carries the slot and the generation of its connection,
// so one for a connection that was closed earlier in the same round is known as stale.
//
// One round: take the events that are ready; serve each; then those that yielded in an earlier round; then the inbox.
// Only when there was nothing of the three does the loop wait in the kernel.
type poller struct {
	g     *Group
	index int32
	epfd  int
	wake  int // eventfd, edge triggered, so that it need never be read

	events []unix.EpollEvent
	slots  []*sock
	free   []int32
	gen    int32
	rbuf   []byte
	out    []byte
	pool   bufPool
	ready  []*sock // to be processed without new bytes, in order
	again  []*sock // the other half of ready's double buffer
	done   bool

	posted   atomic.Bool // inbox is not empty
	sleeping atomic.Bool // the loop waits, or is about to

	inbox inbox
	spare inbox // the other half of the inbox's double buffer
	mu    sync.Mutex
	shut  bool     // guarded by mu: nothing more is taken in
	bufs  [][]byte // guarded by mu: for pushes

	accepts []*acceptor // guarded by mu
}

// inbox is what others left for the loop since it looked last.
type inbox struct {
	conns []*sock // with mail
	fresh []accepted
	funcs []func()
}

// accepted is a new connection on its way to the loop that will own it.
type accepted struct {
	fd int32
	a  *acceptor
	sa unix.Sockaddr
}

// startPollers makes n event loops and starts their goroutines.
func startPollers(g *Group, n int) ([]*poller, error) {
	ps := make([]*poller, 0, n)
	for i := range n {
		p, err := newPoller(g, int32(i))
		if err != nil {
			for _, p := range ps {
				unix.Close(p.epfd)
				unix.Close(p.wake)
			}
			return nil, fmt.Errorf("loop: starting event loop %d: %w", i, err)
		}
		ps = append(ps, p)
	}
	for _, p := range ps {
		g.wg.Add(1)
		go p.run()
	}
	return ps, nil
}

func newPoller(g *Group, index int32) (*poller, error) {
	epfd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		unix.Close(epfd)
		return nil, err
	}
	ev := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET, Fd: slotWake}
	if err := unix.EpollCtl(epfd, unix.EPOLL_CTL_ADD, wake, &ev); err != nil {
		unix.Close(epfd)
		unix.Close(wake)
		return nil, err
	}
	return &poller{
		g: g, index: index, epfd: epfd, wake: wake,
		events: make([]unix.EpollEvent, maxEvents),
		rbuf:   make([]byte, readSize),
		out:    make([]byte, 0, replySize),
	}, nil
}

// run is the loop.
func (p *poller) run() {
	defer p.g.wg.Done()
	rounds := 0
	for !p.done {
		n := poll(p.epfd, p.events)
		if n == 0 && len(p.ready) == 0 && !p.posted.Load() {
			n = p.sleep()
			rounds = 0
		}
		for i := range n {
			p.event(&p.events[i])
		}
		if len(p.ready) > 0 {
			p.runReady()
		}
		if p.posted.Load() {
			p.readInbox()
		}
		if rounds++; rounds >= schedEvery {
			rounds = 0
			runtime.Gosched()
		}
	}
	p.end()
}

// sleep waits for events. Whoever posts after sleeping was set wakes the loop; what was posted before is seen here.
func (p *poller) sleep() int {
	p.sleeping.Store(true)
	if p.posted.Load() {
		p.sleeping.Store(false)
		return 0
	}
	n := wait(p.epfd, p.events)
	p.sleeping.Store(false)
	return n
}

// event serves what became ready.
func (p *poller) event(ev *unix.EpollEvent) {
	if ev.Fd < 0 {
		if ev.Fd <= slotListen {
			p.accept(int(slotListen - ev.Fd))
		}
		return
	}
	s := p.slots[ev.Fd]
	if s == nil || s.gen != ev.Pad {
		return
	}
	if ev.Events&unix.EPOLLOUT != 0 {
		s.writable()
	}
	if ev.Events&^unix.EPOLLOUT != 0 && s.slot >= 0 {
		s.readable(ev.Events)
	}
}

// runReady gives every connection that yielded one turn.
func (p *poller) runReady() {
	ready := p.ready
	p.ready = p.again[:0]
	for _, s := range ready {
		if s.slot >= 0 && s.ready {
			s.ready = false
			s.process(s.in, false, p.out[:0])
		}
	}
	clear(ready)
	p.again = ready[:0]
}

// notify makes sure that the loop looks at its inbox. The lock mu is held, or was by the caller after it posted.
func (p *poller) notify() {
	p.posted.Store(true)
	if p.sleeping.Load() && p.sleeping.CompareAndSwap(true, false) {
		var one [8]byte
		binary.NativeEndian.PutUint64(one[:], 1)
		unix.Write(p.wake, one[:])
	}
}

// readInbox handles all that was posted.
func (p *poller) readInbox() {
	p.mu.Lock()
	p.posted.Store(false)
	box := p.inbox
	p.inbox = p.spare
	p.mu.Unlock()
	for _, n := range box.fresh {
		p.add(n)
	}
	for _, f := range box.funcs {
		f()
	}
	for _, s := range box.conns {
		s.readMail()
	}
	clear(box.conns)
	clear(box.fresh)
	clear(box.funcs)
	p.mu.Lock()
	p.spare = inbox{box.conns[:0], box.fresh[:0], box.funcs[:0]}
	p.mu.Unlock()
}

// do posts a function. It reports whether the loop still takes work.
func (p *poller) do(fn func()) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shut {
		return false
	}
	p.inbox.funcs = append(p.inbox.funcs, fn)
	p.notify()
	return true
}

// give posts a new connection to the loop that will own it.
func (p *poller) give(n accepted) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shut {
		return false
	}
	p.inbox.fresh = append(p.inbox.fresh, n)
	p.notify()
	return true
}

// stop ends the loop; the group's wait group tells when it is gone.
func (p *poller) stop() { p.do(func() { p.done = true }) }

// end closes everything the loop owns.
func (p *poller) end() {
	p.mu.Lock()
	p.shut = true
	left := p.inbox
	p.mu.Unlock()
	for _, n := range left.fresh {
		unix.Close(int(n.fd))
	}
	for _, f := range left.funcs {
		f()
	}
	for _, s := range p.slots {
		if s != nil {
			s.close(ErrGroupClosed)
		}
	}
	p.mu.Lock()
	p.inbox, p.spare, p.bufs = inbox{}, inbox{}, nil
	unix.Close(p.epfd)
	unix.Close(p.wake)
	p.wake = -1
	p.mu.Unlock()
}
