package loop

import "slices"

// Audience is connections of one event loop that are sent the same bytes. It never changes.
//
// What is sent to it lies in the loop's inbox once, however many they are, and what is sent again before the loop has
// begun to send that joins it: then each connection gets all of it by one call of the kernel. Pushing to each would
// cost a buffer for each, and as many visits to memory that nobody has touched for long.
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

// members returns how many sends a cast takes.
func (c *cast) members() int {
	if c.to != nil {
		return len(c.to.socks)
	}
	return 1
}

// joins adds bytes to a cast nobody was sent yet, if they are for the same connections and there is room.
func (c *cast) joins(to *Audience, one *sock, b []byte) bool {
	if c.to != to || c.one != one || c.m != 0 || len(c.b)+len(b) > castSize {
		return false
	}
	c.b = append(c.b, b...)
	return true
}

const (
	// castSize is up to how many bytes are joined.
	castSize = 64 << 10
	// In a round of the loop one of castShare of the sends that casts still take is made, and castTurn at least.
	castShare = 8
	castTurn  = 64
)

// casting is the casts that a loop is sending, in order. It takes several rounds for a large audience, so that others
// are served meanwhile, and what is sent to that audience meanwhile can join. As each round makes a share of the sends,
// they do not become ever more, however many are asked for in a round.
type casting struct {
	casts []cast
	head  int // the first of them that is not done
	begun int // connections of that one that had their turn
	sends int // that are left
}

// left reports whether there is something to send.
func (c *casting) left() bool { return c.head < len(c.casts) }

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
	for _, s := range a.socks {
		s.listens.Store(true)
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
	if n := len(p.inbox.casts); n > 0 && p.inbox.casts[n-1].joins(c.to, c.one, b) {
		return
	}
	c.b = append(make([]byte, 0, max(len(b), 256)), b...)
	p.inbox.casts = append(p.inbox.casts, c)
	p.notify()
}

// behindCasts reports whether what is posted for s now has to go behind casts, as one of them may be for s. The lock mu
// is held.
func (p *poller) behindCasts(s *sock) bool {
	return (len(p.inbox.casts) > 0 || p.castsLeft) && s.listens.Load()
}

// readCasts takes what was cast, to be sent behind what is being sent.
func (p *poller) readCasts(all []cast) {
	c := &p.casting
	for i := range all {
		n := len(c.casts)
		fresh := n > c.head+1 || n == c.head+1 && c.begun == 0
		if fresh && all[i].m == 0 && c.casts[n-1].joins(all[i].to, all[i].one, all[i].b) {
			continue
		}
		c.casts = append(c.casts, all[i])
		c.sends += all[i].members()
	}
}

// castSome has a share of what casts are left sent in this round.
func (p *poller) castSome() { p.castMany(max(p.casting.sends/castShare, castTurn)) }

// castAll has all of them sent in this round.
func (p *poller) castAll() { p.castMany(p.casting.sends) }

// catchUp has what was cast before sent before what s is replied now.
func (p *poller) catchUp(s *sock) {
	if p.casting.left() && s.listens.Load() {
		p.castAll()
	}
}

// castMany has n of the sends made in this round. It may be called again by what it does, so the state is always whole.
func (p *poller) castMany(n int) {
	c := &p.casting
	for n > 0 && c.left() {
		now := c.casts[c.head]
		if now.one != nil {
			c.head++
			c.sends--
			n--
			p.castOne(now)
			continue
		}
		part := now.to.socks[c.begun:]
		part = part[:min(len(part), n)]
		c.sends -= len(part)
		n -= len(part)
		if c.begun += len(part); c.begun == len(now.to.socks) {
			c.begun = 0
			c.head++
		}
		for _, s := range part {
			p.castTo(s, now.b)
		}
	}
	c.casts = slices.Delete(c.casts, 0, c.head)
	c.head = 0
	if !c.left() {
		p.mu.Lock()
		p.castsLeft = false
		p.mu.Unlock()
	}
}

// castOne is for the one connection that was pushed or posted to behind casts.
func (p *poller) castOne(c cast) {
	s := c.one
	if s.slot < 0 {
		return
	}
	s.pending.Add(int64(-len(c.b)))
	if len(c.b) > 0 {
		p.castTo(s, c.b)
	}
	p.room()
	s.obey(c.m)
}

func (p *poller) castTo(s *sock, b []byte) {
	if s.slot >= 0 && !s.flush {
		p.outgoing = append(p.outgoing, outgoing{s, b, memCast})
		s.unsent++
	}
}
