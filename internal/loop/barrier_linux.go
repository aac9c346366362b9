package loop

const (
	// parkedMost is how many bytes of replies may wait for the barrier, and parkedRounds how many rounds, before the
	// loop waits with them.
	parkedMost   = 64 << 20
	parkedRounds = 1024
	// spareOuts is how many reply buffers are kept for further rounds.
	spareOuts = 4
)

// parked is what one round has replied while it waits for the barrier. Meanwhile the loop goes on: what other
// connections write then is brought to disk together. Rounds leave in order, so a connection's replies do, and nobody
// is told of a write that is not on disk yet, not even by reading what it wrote.
type parked struct {
	mark     uint64
	out      []byte
	outgoing []outgoing
}

// parks keeps what is to be sent, if it has to wait, and tells whether.
func (p *poller) parks() bool {
	b := p.g.cfg.Barrier
	if b == nil {
		return false
	}
	mark := b.Mark()
	if len(p.parked) == 0 && (mark == 0 || b.Reached(mark)) {
		return false
	}
	p.parked = append(p.parked, parked{mark, p.out, p.outgoing})
	p.parkedSize += len(p.out)
	p.out, p.outgoing = nil, nil
	if k := len(p.spares); k > 0 {
		p.out, p.spares = p.spares[k-1], p.spares[:k-1]
	} else {
		p.out = p.newReplies()
	}
	if k := len(p.spareOutgoing); k > 0 {
		p.outgoing, p.spareOutgoing = p.spareOutgoing[k-1], p.spareOutgoing[:k-1]
	}
	p.holding.Store(true) // before it looks again, in release
	for p.parkedSize > parkedMost || len(p.parked) > parkedRounds {
		b.Wait(p.parked[0].mark)
		p.release()
	}
	return true
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
	if k == 0 {
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
