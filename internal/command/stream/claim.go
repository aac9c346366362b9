package stream

import (
	"math"
	"slices"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/ds/stream"
	"github.com/redstart-db/redstart/internal/num"
)

// claiming is the options of XCLAIM.
type claiming struct {
	minIdle int64
	ids     int // arguments 5 up to this one are IDs
	time    int64
	count   int64 // -1 when not given
	lastID  stream.ID
	force   bool
	justID  bool
}

// numberArg is IntArg with an error of its own.
func numberArg(c *command.Ctx, i int, text string) (n int64, ok bool) {
	if n, ok = num.ParseInt(c.Args[i]); !ok {
		c.Err(text)
	}
	return n, ok
}

func parseClaim(c *command.Ctx) (o claiming, ok bool) {
	if o.minIdle, ok = numberArg(c, 4, "ERR Invalid min-idle-time argument for XCLAIM"); !ok {
		return o, false
	}
	i := 5
	for ; i < len(c.Args); i++ {
		if _, auto, ok := parseID(c.Args[i], firstSeq); !ok || auto {
			break
		}
	}
	o.ids = i
	o.time, o.count = -1, -1
	for ; i < len(c.Args); i++ {
		more := i+1 < len(c.Args)
		ok = true
		switch {
		case c.Is(i, "FORCE"):
			o.force = true
		case c.Is(i, "JUSTID"):
			o.justID = true
		case more && c.Is(i, "IDLE"):
			i++
			o.time, ok = numberArg(c, i, "ERR Invalid IDLE option argument for XCLAIM")
			o.time = c.Now() - o.time
		case more && c.Is(i, "TIME"):
			i++
			o.time, ok = numberArg(c, i, "ERR Invalid TIME option argument for XCLAIM")
		case more && c.Is(i, "RETRYCOUNT"):
			i++
			o.count, ok = numberArg(c, i, "ERR Invalid RETRYCOUNT option argument for XCLAIM")
		case more && c.Is(i, "LASTID"):
			i++
			o.lastID, ok = idArg(c, i)
		default:
			c.Err("ERR Unrecognized XCLAIM option '" + string(cut(c.Args[i])) + "'")
			return o, false
		}
		if !ok {
			return o, false
		}
	}
	if o.time < 0 || o.time > c.Now() {
		o.time = c.Now()
	}
	return o, true
}

func xclaim(c *command.Ctx) {
	s, g, ok := needGroup(c)
	if !ok {
		return
	}
	o, ok := parseClaim(c)
	if !ok {
		return
	}
	c.NoEffect() // other commands tell what it did
	m := member{c: c, k: c.Key(1), s: s, g: g, group: c.Args[2], name: c.Args[3]}
	if g.Last().Less(o.lastID) {
		g.SetLast(o.lastID)
		defer func() { // also when memory ended half way
			if !m.told {
				m.groupEffect()
				c.Dirty(1)
			}
		}()
	}
	head := c.Defer()
	n := 0
	for _, b := range c.Args[5:o.ids] {
		id, _, _ := parseID(b, firstSeq)
		if m.claimOne(id, &o) {
			n++
		}
	}
	c.End(head, n)
}

// claimOne makes an entry pending for the consumer, if it is there and the options
// allow it, and replies with it.
func (m *member) claimOne(id stream.ID, o *claiming) bool {
	p, ok := m.g.Pending(id)
	switch {
	case !m.s.Has(id):
		if ok {
			m.forget(id, p)
		}
		return false
	case !ok && !o.force:
		return false
	case !ok:
		p = stream.Pending{ID: id, Count: 1}
	case o.minIdle > 0 && m.c.Now()-p.Time < o.minIdle:
		return false
	}
	if o.count >= 0 {
		p.Count = uint64(o.count)
	} else if !o.justID {
		p.Count++
	}
	p.Time = o.time
	m.take(p, o.justID)
	return true
}

// take makes an entry pending for the consumer, which is made by the first, and
// replies with it.
func (m *member) take(p stream.Pending, justID bool) {
	if m.consumer == nil {
		m.join()
	}
	p.Consumer = m.consumer
	m.g.Deliver(p.ID, p.Consumer, p.Time, p.Count)
	m.consumer.Active = m.c.Now()
	if justID {
		replyID(m.c, p.ID)
	} else {
		replyOne(m.c, m.s, p.ID)
	}
	m.claimEffect(p.ID, p)
	m.c.Dirty(1)
}

// forget makes an entry not pending any more that is not in the stream. The
// effect claims it, which finds the same.
func (m *member) forget(id stream.ID, p stream.Pending) {
	m.claimEffect(id, p)
	m.c.Dirty(1)
	m.g.Ack(id)
}

const (
	autoClaimCount   = 100 // unless COUNT says it
	attemptsPerClaim = 10  // entries looked at for each that may be claimed
	errClaimCount    = "ERR COUNT must be > 0"
)

// autoClaiming is the arguments of XAUTOCLAIM.
type autoClaiming struct {
	minIdle int64
	from    stream.ID
	count   int64
	justID  bool
}

func parseAutoClaim(c *command.Ctx) (o autoClaiming, ok bool) {
	if o.minIdle, ok = numberArg(c, 4, "ERR Invalid min-idle-time argument for XAUTOCLAIM"); !ok {
		return o, false
	}
	if o.from, ok = startArg(c, 5); !ok {
		return o, false
	}
	o.count = autoClaimCount
	for i := 6; i < len(c.Args); i++ {
		switch {
		case c.Is(i, "COUNT") && i+1 < len(c.Args):
			i++
			if o.count, ok = numberArg(c, i, errClaimCount); !ok {
				return o, false
			}
			if o.count < 1 || o.count > math.MaxInt64/16 {
				c.Err(errClaimCount)
				return o, false
			}
		case c.Is(i, "JUSTID"):
			o.justID = true
		default:
			c.Err(command.ErrSyntax)
			return o, false
		}
	}
	return o, true
}

func xautoclaim(c *command.Ctx) {
	o, ok := parseAutoClaim(c)
	if !ok {
		return
	}
	s, g, ok := needGroup(c)
	if !ok {
		return
	}
	c.NoEffect() // other commands tell what it did
	m := member{c: c, k: c.Key(1), s: s, g: g, group: c.Args[2], name: c.Args[3]}
	c.Array(3)
	next := c.Defer()
	claimed := 0
	var deleted []stream.ID
	p := g.PendingFrom(o.from, nil)
	for tries := o.count * attemptsPerClaim; tries > 0 && o.count > 0 && p.Valid(); tries-- {
		e := p.Pending()
		switch {
		case !s.Has(e.ID):
			m.forget(e.ID, e)
			deleted = append(deleted, e.ID)
			o.count--
			p = g.PendingFrom(e.ID, nil)
			continue
		case o.minIdle <= 0 || c.Now()-e.Time >= o.minIdle:
			e.Time = c.Now()
			if !o.justID {
				e.Count++
			}
			m.take(e, o.justID) // it is there, so the cursor stays valid
			claimed++
			o.count--
		}
		p.Next()
	}
	c.End(next, claimed)
	var end stream.ID
	if p.Valid() {
		end = p.ID()
	}
	var text [maxIDReply]byte
	c.Out = slices.Insert(c.Out, int(next), appendID(text[:0], end)...)
	c.Array(len(deleted))
	for _, id := range deleted {
		replyID(c, id)
	}
}
