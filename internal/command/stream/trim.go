package stream

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/ds/stream"
	"github.com/redstart-db/redstart/internal/num"
	"github.com/redstart-db/redstart/internal/session"
	"github.com/redstart-db/redstart/internal/store"
)

// How many entries MAXLEN ~ and MINID ~ remove at most if LIMIT does not say it.
const (
	nodesAtOnce   = 100 // full ones
	defaultLimit  = 10_000
	greatestLimit = 1_000_000
)

const (
	errTrimTwice  = "ERR syntax error, MAXLEN and MINID options at the same time are not compatible"
	errMaxLen     = "ERR The MAXLEN argument must be >= 0."
	errLimit      = "ERR The LIMIT argument must be >= 0."
	errLimitAlone = "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy"
	errLimitExact = "ERR syntax error, LIMIT cannot be used without the special ~ option"
	errTrimNone   = "ERR syntax error, XTRIM must be called with a trimming strategy"
)

// trimming is the options of XADD and XTRIM that say what to remove.
type trimming struct {
	stream.Trim
	at      int // argument with the threshold, 0 without one
	limitAt int // argument LIMIT, 0 without it
}

// option reads an option at argument i, and gives the number of arguments that it
// takes, 0 if it is none of these. The error is in the reply when ok is false.
func (t *trimming) option(c *command.Ctx, i int) (n int, ok bool) {
	more := len(c.Args) - i - 1
	switch {
	case more == 0:
	case c.Is(i, "MAXLEN"), c.Is(i, "MINID"):
		return t.threshold(c, i)
	case c.Is(i, "LIMIT"):
		if t.Limit, ok = c.IntArg(i + 1); !ok {
			return 0, false
		}
		if t.Limit < 0 {
			c.Err(errLimit)
			return 0, false
		}
		t.limitAt = i
		return 2, true
	}
	return 0, true
}

func (t *trimming) threshold(c *command.Ctx, i int) (n int, ok bool) {
	if t.at != 0 {
		c.Err(errTrimTwice)
		return 0, false
	}
	t.at = i + 1
	t.Approx = false
	if t.at+1 < len(c.Args) {
		switch string(c.Args[t.at]) {
		case "~":
			t.Approx = true
			t.at++
		case "=":
			t.at++
		}
	}
	if c.Is(i, "MINID") {
		t.MaxLen = -1
		t.MinID, ok = idArg(c, t.at)
	} else if t.MaxLen, ok = c.IntArg(t.at); ok && t.MaxLen < 0 {
		c.Err(errMaxLen)
		ok = false
	}
	return t.at + 1 - i, ok
}

// check tells whether the options fit together, and sets the limit if they do not say it.
func (t *trimming) check(c *command.Ctx) bool {
	if t.Limit != 0 && t.at == 0 {
		c.Err(errLimitAlone)
		return false
	}
	switch {
	case c.Sess.Flags&session.Master != 0:
		t.Limit = 0 // the master has trimmed to the threshold
	case t.limitAt != 0 && !t.Approx:
		c.Err(errLimitExact)
		return false
	case t.limitAt == 0 && t.Approx:
		if t.Limit = nodesAtOnce * c.Config.StreamNodeMaxEntries; t.Limit <= 0 {
			t.Limit = defaultLimit
		}
		t.Limit = min(t.Limit, greatestLimit)
	}
	return true
}

// effect is the command with a threshold by which the same entries are removed, at
// once, where this was approximate; and with an ID in the place of argument idAt,
// unless that is 0.
func (t *trimming) effect(c *command.Ctx, s *stream.Stream, idAt int, id stream.ID) {
	var few [32][]byte
	args := few[:0]
	buf := make([]byte, 0, 2*maxIDLen)
	for i, b := range c.Args {
		switch {
		case i == 0:
		case i == idAt:
			b = idText(buf[maxIDLen:maxIDLen], id)
		case t.limitAt != 0 && (i == t.limitAt || i == t.limitAt+1):
			continue
		case t.Approx && i == t.at-1:
			b = []byte("=")
		case t.Approx && i == t.at && t.MaxLen >= 0:
			b = num.AppendInt(buf, int64(s.Len()))
		case t.Approx && i == t.at && s.Len() == 0:
			b = idText(buf, stream.MaxID)
		case t.Approx && i == t.at:
			b = idText(buf, s.First())
		}
		args = append(args, b)
	}
	c.Effect(args...)
}

func xtrim(c *command.Ctx) {
	var t trimming
	for i := 2; i < len(c.Args); {
		n, ok := t.option(c, i)
		if !ok {
			return
		}
		if n == 0 {
			c.Err(command.ErrSyntax)
			return
		}
		i += n
	}
	if t.at == 0 && t.Limit == 0 {
		c.Err(errTrimNone)
		return
	}
	if !t.check(c) {
		return
	}
	s, ok := writing(c, 1)
	if !ok {
		return
	}
	if s == nil {
		c.Int(0)
		return
	}
	removed := trim(c.Keyspace(c.Key(1)), s, t.Trim)
	if removed > 0 {
		c.Changed(c.Key(1), command.NotifyStream, "xtrim")
		c.Dirty(int(removed) - 1)
		if t.Approx && c.Logging() {
			t.effect(c, s, 0, stream.ID{})
		}
	}
	c.Int(removed)
}

// trim removes first entries, and gives their number. What is much is freed later.
func trim(ks *store.Keyspace, s *stream.Stream, t stream.Trim) (removed int64) {
	purgeLater(ks, s, func() { removed = s.Trim(t) })
	return removed
}

// purgeLater runs remove, and has what that leaves to be freed in steps freed later.
func purgeLater(ks *store.Keyspace, s *stream.Stream, remove func()) {
	before := s.Unpurged()
	remove()
	if s.Unpurged() && !before {
		ks.Later(purge{s})
	}
}

// purge frees what a stream has lost by trimming, and by the removal of consumers.
type purge struct{ s *stream.Stream }

func (p purge) Drop(max int) (done bool) { return p.s.Purge(max) }
