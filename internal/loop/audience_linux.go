package loop

// Audience is connections of one event loop that are sent the same bytes. It never changes.
//
// What is sent to it lies in the loop's inbox once, however many they are, and what is sent again before the loop has
// looked there joins it: then each connection gets all of it by one call of the kernel. Pushing to each would cost a
// buffer for each, and as many visits to memory that nobody has touched for long.
type Audience struct {
	p     *poller
	socks []*sock
}

// cast is bytes for an audience, or for one connection that was pushed to behind others; or mail for that one.
type cast struct {
	to  *Audience
	one *sock
	b   []byte
	m   mail
}

// castSize is up to how many bytes are joined.
const castSize = 64 << 10

// NewAudience makes an audience of connections, or gives nil if they are not all served by one event loop.
func NewAudience(conns []*Conn) *Audience {
	a := new(Audience)
	for _, c := range conns {
		s, ok := c.drv.(*sock)
		if !ok || a.p != nil && s.p != a.p {
			return nil
		}
		a.p = s.p
		a.socks = append(a.socks, s)
	}
	if a.p == nil {
		return nil
	}
	return a
}

// Push is [Conn.Push] for all of them. Connections that are closed are passed over.
func (a *Audience) Push(b []byte) {
	p := a.p
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.shut && len(b) > 0 {
		p.cast(cast{to: a}, b)
	}
}

// cast posts bytes behind what was posted before. The lock mu is held.
func (p *poller) cast(c cast, b []byte) {
	if n := len(p.inbox.casts); n > 0 {
		last := &p.inbox.casts[n-1]
		if last.to == c.to && last.one == c.one && last.m == 0 && len(last.b)+len(b) <= castSize {
			last.b = append(last.b, b...)
			return
		}
	}
	c.b = append(make([]byte, 0, max(len(b), 256)), b...)
	p.inbox.casts = append(p.inbox.casts, c)
	p.notify()
}

// readCasts has what was cast sent.
func (p *poller) readCasts(all []cast) {
	for i := range all {
		c := &all[i]
		if s := c.one; s != nil {
			if s.slot < 0 {
				continue
			}
			s.pending.Add(int64(-len(c.b)))
			if len(c.b) > 0 {
				p.castTo(s, c.b)
			}
			p.room()
			s.obey(c.m)
			continue
		}
		for _, s := range c.to.socks {
			p.castTo(s, c.b)
		}
	}
}

func (p *poller) castTo(s *sock, b []byte) {
	if s.slot >= 0 && !s.flush {
		p.outgoing = append(p.outgoing, outgoing{s, b, memCast})
		s.unsent++
	}
}
