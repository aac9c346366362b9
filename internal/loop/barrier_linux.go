package loop

import "golang.org/x/sys/unix"

const (
	// parkedMost is how many bytes of replies may wait for the barrier, and parkedRounds how many rounds, before the
	// loop waits with them.
	parkedMost   = 64 << 20
	parkedRounds = 1024
	// spareOuts is how many reply buffers are kept for further rounds.
	spareOuts = 4
	// pressAfter is after how many rounds with replies that have to wait a loop presses although more requests come.
	pressAfter = 16
)

// parked is what rounds have replied that wait for the barrier together. Meanwhile the loop goes on: what other
// connections write then is brought to disk together. They leave in order, so a connection's replies do, and nobody
// is told of a write that is not on disk yet, not even by reading what it wrote.
type parked struct {
	mark     uint64
	out      []byte
	outgoing []outgoing
}

// parks has what is to be sent wait, if it has to, and tells whether. It stays in out and outgoing, and what further
// rounds reply goes behind it, until the barrier is on its way to the mark, or there is much of it: then it is laid
// aside.
func (p *poller) parks() bool {
	b := p.g.cfg.Barrier
	if b == nil {
		return false
	}
	mark := b.Mark()
	if len(p.parked) == 0 && (mark == 0 || b.Reached(mark)) {
		p.held, p.unpressed, p.denied = 0, 0, false
		return false
	}
	p.holding.Store(true) // before it looks again, in release
	p.mark, p.held = mark, len(p.outgoing)
	p.unpressed++
	if mark == 0 || len(p.out) > replySize/2 {
		p.layAside()
	}
	for p.parkedSize > parkedMost || len(p.parked) > parkedRounds {
		b.Wait(p.parked[0].mark)
		p.release()
	}
	return true
}

// layAside takes what waits out of the way of what comes.
func (p *poller) layAside() {
	p.parked = append(p.parked, parked{p.mark, p.out, p.outgoing})
	p.parkedSize += len(p.out)
	p.held, p.out, p.outgoing = 0, nil, nil
	if k := len(p.spares); k > 0 {
		p.out, p.spares = p.spares[k-1], p.spares[:k-1]
	} else {
		p.out = p.newReplies()
	}
	if k := len(p.spareOutgoing); k > 0 {
		p.outgoing, p.spareOutgoing = p.spareOutgoing[k-1], p.spareOutgoing[:k-1]
	}
}

// resume begins a round while something waits. What has waited since something else was being reached comes first, so
// that it is on its way while the loop works.
func (p *poller) resume(events []unix.EpollEvent) {
	b := p.g.cfg.Barrier
	for i := range events {
		if events[i].Fd == slotBarrier {
			b.Landed()
			events[i].Fd = slotWake
		}
	}
	if p.denied {
		p.press()
	}
	if p.held > 0 && b.Underway() >= p.mark {
		p.layAside()
	}
	p.release()
}

// press sees to it that what waits will be let go of, unless it is too soon for that. All of outgoing waits.
func (p *poller) press() (soon bool) {
	done, soon := p.g.cfg.Barrier.Press()
	if p.denied = !done && !soon; !done {
		return soon
	}
	p.unpressed = 0
	if p.held > 0 {
		p.layAside()
	}
	return false
}

// release sends what the barrier no longer holds.
func (p *poller) release() {
	b := p.g.cfg.Barrier
	n := 0
	for n < len(p.parked) && b.Reached(p.parked[n].mark) {
		r := &p.parked[n]
		n++
		p.parkedSize -= len(r.out)
		given := p.send(r.out, r.outgoing)
		p.spareOutgoing = append(p.spareOutgoing, r.outgoing[:0])
		switch {
		case given:
		case len(p.spares) < spareOuts:
			p.spares = append(p.spares, p.emptied(r.out))
		default:
			unmapMemory(r.out)
		}
	}
	k := copy(p.parked, p.parked[n:])
	clear(p.parked[k:])
	p.parked = p.parked[:k]
	if k == 0 && p.held > 0 && b.Reached(p.mark) {
		p.sendAll()
	}
	if k == 0 && p.held == 0 {
		p.unpressed, p.denied = 0, false
		p.holding.Store(false)
		if len(p.spareOutgoing) > spareOuts {
			p.spareOutgoing = nil
		}
	}
}

// pass has the loop look at what is parked, if something is.
func (p *poller) pass() {
	if !p.holding.Load() {
		return
	}
	p.mu.Lock()
	if !p.shut {
		p.notify()
	}
	p.mu.Unlock()
}

// endParked sends what still waits for the barrier when the loop ends, unless it waits for ever.
func (p *poller) endParked() {
	if len(p.outgoing) > 0 && p.parks() && p.held > 0 {
		p.layAside()
	}
	for len(p.parked) > 0 && p.g.cfg.Barrier.Wait(p.parked[0].mark) {
		p.release()
	}
	for _, r := range p.parked {
		unmapMemory(r.out)
	}
	for _, b := range p.spares {
		unmapMemory(b)
	}
	p.parked, p.spares = nil, nil
}

// emptied returns a reply buffer for another use. What memory it has beyond what is kept is let go of at once when it
// is very much, else soon.
func (p *poller) emptied(b []byte) []byte {
	poison(b)
	switch {
	case len(b) > warmMost:
		discardReplies(b)
	case len(b) > replyKeep:
		p.warmed()
	}
	return b[:0]
}
