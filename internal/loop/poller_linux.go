package loop

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// readSize is that of the buffer all connections of a loop read into.
	readSize = 64 << 10
	// Replies are built in a buffer of replyReserve bytes of address space: no reply has to be moved as it grows. It is
	// replyReserveSmall where addresses have 32 bits, or address space counts as memory. They are sent when there are
	// replySize bytes of them; replyKeep is how much memory the buffer keeps.
	replySize         = 64 << 10
	replyKeep         = 1 << 20
	replyReserve      = 1 << 30
	replyReserveSmall = 16 << 20
	// replyGive is how much of a reply is left to send when the buffer is given up for it rather than copied from.
	replyGive = 512 << 10
	// discardEvery is how often a loop that falls asleep gives back memory that replies took that were not sent.
	discardEvery = 64
	// warmFor is how long memory of large requests and replies is kept for the next ones.
	warmFor = time.Second
	// gatherRoom is what is received at most from a connection whose input is gathered before it is processed.
	gatherRoom = 16 << 10
	// drainSize is that of the buffer for input of a connection that is being closed.
	drainSize = 4 << 10
	// maxEvents is how many events are taken from the kernel at once.
	maxEvents = 128
	// A loop with a processor of its own waits this long, this often in a row, before it gives that up; after the first
	// time, goroutines it made ready have a turn.
	napFor = time.Millisecond
	naps   = 16
	// shortNap is how long a loop waits, once, that other goroutines may need the processor of.
	shortNap = 100 * time.Microsecond
	// moment is how long a loop waits for more requests before it asks the barrier again whether it may be pressed; it
	// waits for twice as long each time, so many times.
	moment      = 50 * time.Microsecond
	momentsMost = 5
	// schedEvery is after how many rounds of a loop without a processor of its own other goroutines have a turn.
	schedEvery = 32
)

// Slots of a poller's table that are no connection.
const (
	slotWake    = -1 // the eventfd
	slotBarrier = -2 // Config.Barrier.Signal
	slotListen  = -3 // -3-i is acceptor i
)

// poller is one event loop.
//
// Everything but the inbox belongs to its goroutine. An event carries the slot and the generation of its connection,
// so one for a connection that was closed earlier in the same round is known as stale.
//
// One round: take the events that are ready; serve the connections that were not done in an earlier round, then the
// events, then the inbox; then send what all of them replied, and a share of what is cast to audiences. Input is
// received from several connections before any of it is processed, so that what the requests need can be fetched from
// memory during the system calls that follow. Sending at the end rather than after each request makes the peers answer
// in batches too: with 50 connections that ask one request at a time it took 0.54 rather than 0.88 waits in the kernel
// per request, and 0.23 rather than 0.38 of them put the loop to sleep. It also gives Config.Barrier its place.
//
// Only when nothing was left to do does the loop wait in the kernel, and at first without telling the Go scheduler:
// under load something comes within microseconds, and giving up the processor and taking it back, with the scheduler's
// monitor looking on every 20 µs, would cost more. (A signal ends that wait, so the collector need not wait for it.)
// While many connections are busy it lets their requests come together before that, see crowd.
// If Go has more processors than there are loops, this goes on for some milliseconds. Otherwise it is brief, and the
// loop pauses now and then while there is work, because other goroutines have no other processor to run on.
type poller struct {
	g     *Group
	index int32
	epfd  int
	wake  int  // eventfd, edge triggered, so that it need never be read
	alone bool // the loop has a processor of its own
	done  bool

	slots    []*sock // by the slot in their events; nil is free
	free     []int32 // free slots
	gen      int32   // of the newest connection
	events   []unix.EpollEvent
	napTime  unix.Timespec
	naps     int
	rbuf     []byte // what is received, unless a connection has a buffer of its own
	pool     bufPool
	gathered []gathered // received in this round and not processed yet
	used     int        // bytes of rbuf that gathered takes
	taken    int        // events that this round began with
	crowd    crowd
	drain    []byte      // takes what nobody will read
	out      []byte      // replies of this round, in memory outside the Go heap
	reserve  int         // of out
	cooling  *time.Timer // to let go of memory that is kept, nil if there is none
	waits    uint        // how often the loop fell asleep
	outgoing []outgoing  // in the order in which they are to be sent
	ready    []*sock     // to have a turn without an event, in order
	again    []*sock     // the other half of ready's double buffer
	casting  casting

	posted   atomic.Bool // inbox is not empty
	sleeping atomic.Bool // the loop waits, or is about to

	inbox inbox
	spare inbox // the other half of the inbox's double buffer
	mu    sync.Mutex
	shut  bool     // guarded by mu: nothing more is taken in
	bufs  [][]byte // guarded by mu: for pushes

	castsLeft bool // guarded by mu: casting is not empty

	accepts []*acceptor // guarded by mu

	held          int      // how much of outgoing waits for the barrier, all of it at the end of a round
	mark          uint64   // that held waits for
	unpressed     int      // rounds that wait for the barrier to be pressed
	moments       int      // how often the barrier has asked for patience in a row
	denied        bool     // it was, but something else was being reached
	parked        []parked // what waits for the barrier before held, in order
	parkedSize    int      // bytes of replies in them
	spares        [][]byte // reply buffers for further rounds
	spareOutgoing [][]outgoing
	holding       atomic.Bool // parked is not empty, or was a moment ago
}

// gathered is input that waits in rbuf until that of other connections has been received too.
type gathered struct {
	s   *sock
	gen int32
	in  []byte
}

// outgoing is bytes to be sent at the end of the round.
type outgoing struct {
	s   *sock
	b   []byte
	mem memory
}

// memory says whose the memory of outgoing bytes is.
type memory uint8

const (
	memShared memory = iota // the poller's out
	memOwned                // nobody else's
	memPushed               // a push buffer
	memCast                 // others are sent it too
)

// Push buffers that are kept for reuse: how large, and how many.
const (
	pushKeep  = 16 << 10
	pushCount = 64
)

// inbox is what others left for the loop since it looked last.
type inbox struct {
	conns []*sock // with mail
	fresh []accepted
	funcs []func()
	casts []cast // behind what was pushed to conns
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
				unmapMemory(p.out)
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
	err = unix.EpollCtl(epfd, unix.EPOLL_CTL_ADD, wake, &ev)
	if b := g.cfg.Barrier; err == nil && b != nil && b.Signal() >= 0 {
		// One loop that waits is enough: it tells the others.
		ev := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET | unix.EPOLLEXCLUSIVE, Fd: slotBarrier}
		err = unix.EpollCtl(epfd, unix.EPOLL_CTL_ADD, b.Signal(), &ev)
	}
	if err != nil {
		unix.Close(epfd)
		unix.Close(wake)
		return nil, err
	}
	p := &poller{
		g: g, index: index, epfd: epfd, wake: wake,
		alone:   runtime.GOMAXPROCS(0) > g.cfg.Loops,
		events:  make([]unix.EpollEvent, maxEvents),
		naps:    1,
		crowd:   crowd{era: 1},
		napTime: unix.NsecToTimespec(int64(shortNap)),
		rbuf:    make([]byte, readSize),
		drain:   make([]byte, drainSize),
		reserve: replyReserve,
	}
	if bits.UintSize == 32 || overcommitIsStrict() {
		p.reserve = replyReserveSmall
	}
	p.out = p.newReplies()
	p.pool.keeps = p.warmed
	if p.alone {
		p.naps, p.napTime = naps, unix.NsecToTimespec(int64(napFor))
	}
	return p, nil
}

// newReplies returns a buffer for replies. Without address space for it they move to the heap as they grow.
func (p *poller) newReplies() []byte {
	if n := len(p.pool.warm); n > 0 {
		if b, ok := stretchMapped(p.pool.takeWarm(n-1), p.reserve); ok {
			return b
		}
	}
	if b, err := reserveMemory(p.reserve); err == nil {
		return b
	}
	return make([]byte, 0, replySize)
}

// run is the loop.
func (p *poller) run() {
	defer p.g.wg.Done()
	rounds := 0
	for !p.done {
		n := p.next()
		p.taken = n
		p.crowd.round()
		if p.held > 0 || len(p.parked) > 0 {
			p.resume(p.events[:n])
		}
		// What others have pushed was pushed before these requests came: who knows
		// of a change, because it has waited for the reply, gets word of it before
		// the reply to what it asks next.
		if p.posted.Load() {
			p.readInbox()
		}
		if len(p.ready) > 0 {
			p.runReady()
		}
		for i := range n {
			p.event(&p.events[i])
		}
		if len(p.gathered) > 0 {
			p.serve()
		}
		if p.posted.Load() {
			p.readInbox()
		}
		switch {
		case !p.casting.left():
		case p.done:
			p.castAll()
		default:
			p.castSome()
		}
		if len(p.outgoing) > p.held {
			p.flush()
		}
		if p.held > 0 || len(p.parked) > 0 {
			p.release()
		}
		if rounds++; rounds >= schedEvery && !p.alone {
			rounds = 0
			runtime.Gosched()
		}
	}
	p.end()
}

// next returns how many events there are to serve, and waits for one if there is nothing else to do. Whoever posts
// after sleeping was set wakes the loop; what was posted before is seen here.
func (p *poller) next() int {
	if p.unpressed > 0 && !p.denied {
		if p.unpressed < pressAfter {
			if n := poll(p.epfd, p.events); n > 0 || p.busy() {
				return n
			}
		}
		if p.press() && !p.busy() {
			d := unix.NsecToTimespec(int64(moment) << min(p.moments, momentsMost))
			p.moments++
			return nap(p.epfd, p.events, &d)
		}
		p.moments = 0
	}
	if p.busy() {
		return poll(p.epfd, p.events)
	}
	if n := p.letCome(); n > 0 || p.posted.Load() {
		return n
	}
	p.sleeping.Store(true)
	defer p.sleeping.Store(false)
	for i := range p.naps {
		if p.posted.Load() {
			return poll(p.epfd, p.events)
		}
		if i == 1 { // those that the work before has made ready; waiting makes none ready
			runtime.Gosched()
		}
		if n := nap(p.epfd, p.events, &p.napTime); n > 0 {
			return n
		}
	}
	if p.posted.Load() {
		return 0
	}
	if p.waits++; p.waits%discardEvery == 0 {
		discardReplies(p.out)
	}
	return wait(p.epfd, p.events)
}

// busy reports whether there is something to do without an event.
func (p *poller) busy() bool { return len(p.ready) > 0 || p.casting.left() }

// event serves what became ready.
func (p *poller) event(ev *unix.EpollEvent) {
	p.room()
	if ev.Fd < 0 {
		switch {
		case ev.Fd <= slotListen:
			p.accept(int(slotListen - ev.Fd))
		case ev.Fd == slotBarrier:
			p.g.cfg.Barrier.Landed()
		}
		return
	}
	s := p.slots[ev.Fd]
	if s == nil || s.gen != ev.Pad {
		return
	}
	p.crowd.joins(s)
	s.event(ev.Events)
}

// serve processes what was gathered.
func (p *poller) serve() {
	batch := p.gathered
	if len(batch) > 1 {
		for i := range batch {
			if f := batch[i].s.foreseer; f != nil {
				f.ForeseeMore()
			}
		}
	}
	for i := range batch {
		g := &batch[i]
		p.catchUp(g.s)
		g.s.waiting = false
		if g.s.slot >= 0 && g.s.gen == g.gen && !g.s.flush {
			p.room()
			g.s.process(g.in, true)
		}
	}
	clear(batch)
	p.gathered = batch[:0]
	p.used = 0
}

// runReady gives every connection that was not done a turn.
func (p *poller) runReady() {
	ready := p.ready
	p.ready = p.again[:0]
	for _, s := range ready {
		p.catchUp(s)
		p.room()
		s.turn()
	}
	clear(ready)
	p.again = ready[:0]
}

// room makes sure that there is room for the next reply. It may close connections, so it is called between turns.
func (p *poller) room() {
	if len(p.out) > replySize/2 {
		p.flush()
	}
}

// replied takes a reply that was built behind p.out. A large one is sent at once, after those before it: it is the last
// to be sent then, so that the buffer can be given up for it.
func (p *poller) replied(s *sock, b []byte) {
	s.unsent++
	if end := len(p.out) + len(b); end <= cap(p.out) {
		p.outgoing = append(p.outgoing, outgoing{s, b, memShared})
		if p.out = p.out[:end]; end <= replySize {
			return
		}
	} else {
		p.outgoing = append(p.outgoing, outgoing{s, b, memOwned})
	}
	p.flush()
}

// flush sends what the round has replied so far, unless it has to wait.
func (p *poller) flush() {
	if !p.parks() {
		p.sendAll()
	}
}

// sendAll sends what the rounds have replied.
func (p *poller) sendAll() {
	given := p.send(p.out, p.outgoing)
	p.outgoing, p.held = p.outgoing[:0], 0
	if given {
		p.out = p.newReplies()
	} else {
		p.out = p.emptied(p.out)
	}
}

// send sends what rounds have replied, which lies in out for the most part. It tells whether that memory was given away
// with it.
func (p *poller) send(out []byte, all []outgoing) (given bool) {
	for i, o := range all {
		s := o.s
		s.unsent--
		if s.slot < 0 {
			continue
		}
		whole, least := o.b, adoptSize
		if o.mem == memCast {
			whole = nil
		}
		if o.mem == memShared {
			whole, least = nil, replyGive
			if i == len(all)-1 {
				whole = out
			}
		}
		adopted := s.send(o.b, whole, least)
		if s.flush && s.unsent == 0 && s.q.size == 0 {
			s.close(s.flushed())
		}
		switch {
		case adopted && o.mem == memShared:
			given = true
		case o.mem == memPushed && !adopted && cap(o.b) <= pushKeep:
			p.mu.Lock()
			if len(p.bufs) < pushCount {
				p.bufs = append(p.bufs, o.b[:0])
			}
			p.mu.Unlock()
		}
	}
	clear(all)
	return given
}

// warmed is called when memory of a large request or reply is kept: it sees to it that this is not for long.
func (p *poller) warmed() {
	if p.cooling == nil {
		p.cooling = time.AfterFunc(warmFor, func() { p.do(p.cool) })
	}
}

// cool lets go of memory that was kept.
func (p *poller) cool() {
	p.cooling = nil
	p.pool.cool()
	discardReplies(p.out)
	for _, b := range p.spares {
		discardReplies(b)
	}
}

// discardReplies gives back the memory of the buffer b for replies, except for what is kept.
func discardReplies(b []byte) {
	if cap(b) > replyKeep {
		discardMapped(b[replyKeep:cap(b)])
	}
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
	if len(box.casts) > 0 {
		p.castsLeft = true
	}
	p.mu.Unlock()
	for _, n := range box.fresh {
		p.add(n)
	}
	for _, f := range box.funcs {
		f()
	}
	for _, s := range box.conns {
		p.room()
		s.readMail()
	}
	p.readCasts(box.casts)
	if len(p.gathered) > 0 {
		p.serve()
	}
	clear(box.casts)
	clear(box.conns)
	clear(box.fresh)
	clear(box.funcs)
	p.mu.Lock()
	p.spare = inbox{box.conns[:0], box.fresh[:0], box.funcs[:0], box.casts[:0]}
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

// settle has done told when the loop has nothing to do. It looks at that each time that the inbox is read, and may not
// see the end of it while others keep the loop busy.
func (p *poller) settle(done chan<- struct{}) bool {
	const most = 16
	looks := 0
	var look func()
	look = func() {
		looks++
		idle := looks > 1 && p.taken == 0 && !p.busy() && len(p.gathered) == 0
		if idle || looks >= most || !p.do(look) {
			done <- struct{}{}
		}
	}
	return p.do(look)
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
	if p.cooling != nil {
		p.cooling.Stop()
	}
	p.endParked()
	for _, s := range p.slots {
		if s != nil {
			s.close(ErrGroupClosed)
		}
	}
	p.mu.Lock()
	p.pool.keeps = nil
	p.pool.cool()
	p.inbox, p.spare, p.bufs = inbox{}, inbox{}, nil
	unmapMemory(p.out)
	p.out = nil
	unix.Close(p.epfd)
	unix.Close(p.wake)
	p.wake = -1
	p.mu.Unlock()
}
