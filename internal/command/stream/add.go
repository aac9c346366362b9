package stream

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/ds/stream"
	"github.com/redstart-db/redstart/internal/store"
)

const (
	errZeroID   = "ERR The ID specified in XADD must be greater than 0-0"
	errLastID   = "ERR The stream has exhausted the last possible ID, unable to add more items"
	errSmallID  = "ERR The ID specified in XADD is equal or smaller than the target stream top item"
	errTooLarge = "ERR Elements are too large to be stored"
)

// adding is the arguments of XADD.
type adding struct {
	trimming
	id         stream.ID
	idAt       int  // argument with the ID
	auto       bool // the whole ID is for us to choose
	autoSeq    bool // its second part is
	noMkStream bool
}

func parseAdd(c *command.Ctx) (a adding, ok bool) {
	for a.idAt = 2; a.idAt < len(c.Args); {
		i := a.idAt
		if b := c.Args[i]; len(b) == 1 && b[0] == '*' {
			a.auto = true
			break
		}
		n, ok := a.option(c, i)
		switch {
		case !ok:
			return a, false
		case n > 0:
			a.idAt += n
			continue
		case c.Is(i, "NOMKSTREAM"):
			a.noMkStream = true
			a.idAt++
			continue
		}
		if a.id, a.autoSeq, ok = parseID(c.Args[i], firstSeq); !ok {
			c.Err(errID)
			return a, false
		}
		break
	}
	if !a.check(c) {
		return a, false
	}
	if pairs := len(c.Args) - a.idAt - 1; pairs < 2 || pairs%2 != 0 {
		c.Err(command.WrongArity(c.Spec.Name))
		return a, false
	}
	if !a.auto && !a.autoSeq && a.id == (stream.ID{}) {
		c.Err(errZeroID)
		return a, false
	}
	return a, true
}

func xadd(c *command.Ctx) {
	a, ok := parseAdd(c)
	if !ok {
		return
	}
	k := c.Key(1)
	e, ok := c.WriteType(k, store.Stream)
	if !ok {
		return
	}
	s := open(e)
	if s == nil && a.noMkStream {
		c.Null()
		return
	}
	if s == nil {
		s, ok = a.addNew(c, k, e)
	} else {
		ok = a.choose(c, s) && a.append(c, s)
	}
	if !ok {
		return
	}
	replyID(c, a.id)
	c.Changed(k, command.NotifyStream, "xadd")
	if a.at != 0 && trim(c.Keyspace(k), s, a.Trim) > 0 {
		c.Event(k, command.NotifyStream, "xtrim")
	}
	if c.Logging() && (a.auto || a.autoSeq || a.Approx) {
		a.effect(c, s, a.idAt, a.id)
	}
}

// addNew stores a stream with the entry. The error is in the reply when that is
// not possible.
func (a *adding) addNew(c *command.Ctx, k store.Key, e store.Entry) (s *stream.Stream, ok bool) {
	ks := c.Keyspace(k)
	s = new(stream.Stream)
	s.Init(ks.Arena())
	if !a.choose(c, s) {
		return nil, false
	}
	ks.Build(s, func() { ok = a.append(c, s) })
	if ok {
		keep(c, k, e, s)
	}
	return s, ok
}

// keep stores a new stream under a key.
func keep(c *command.Ctx, k store.Key, e store.Entry, s *stream.Stream) {
	c.Keyspace(k).NewObject(k, e, store.Stream, s, 0)
	c.Event(k, command.NotifyNew, "new")
}

// append adds the entry. The error is in the reply when it is too large.
func (a *adding) append(c *command.Ctx, s *stream.Stream) bool {
	lim := stream.Limits{Bytes: c.Config.StreamNodeMaxBytes, Entries: c.Config.StreamNodeMaxEntries}
	ok := s.Append(a.id, c.Args[a.idAt+1:], lim)
	if !ok {
		c.Err(errTooLarge)
	}
	return ok
}

// choose fixes the ID. The error is in the reply when there is none.
func (a *adding) choose(c *command.Ctx, s *stream.Stream) (ok bool) {
	if s.Last() == stream.MaxID {
		c.Err(errLastID)
		return false
	}
	switch {
	case a.auto:
		a.id, ok = s.NextID(uint64(c.Now()))
	case a.autoSeq:
		var id stream.ID
		if id, ok = s.NextIn(a.id.MS); ok {
			a.id = id
		}
	default:
		ok = s.Last().Less(a.id)
	}
	switch {
	case ok:
	case a.autoSeq && a.id.MS == s.Last().MS: // so says Redis when there is no second part left
		c.Err(errTooLarge)
	default:
		c.Err(errSmallID)
	}
	return ok
}
