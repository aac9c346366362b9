package stream

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/ds/stream"
)

const (
	errAdded       = "ERR entries_added must be positive"
	errMaxDeleted  = "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id"
	errBelowTop    = "ERR The ID specified in XSETID is smaller than the target stream top item"
	errAddedLength = "ERR The entries_added specified in XSETID is smaller than the target stream length"
)

func xdel(c *command.Ctx) {
	s, ok := writing(c, 1)
	if !ok {
		return
	}
	if s == nil {
		c.Int(0)
		return
	}
	if !checkIDs(c, 2) {
		return
	}
	deleted := 0
	for _, b := range c.Args[2:] {
		if id, _, _ := parseID(b, firstSeq); s.Delete(id) {
			deleted++
		}
	}
	if deleted > 0 {
		c.Changed(c.Key(1), command.NotifyStream, "xdel")
		c.Dirty(deleted - 1)
	}
	c.Int(int64(deleted))
}

// checkIDs tells whether the arguments from one on are IDs; if not, the error is
// in the reply.
func checkIDs(c *command.Ctx, from int) bool {
	for i := from; i < len(c.Args); i++ {
		if _, ok := idArg(c, i); !ok {
			return false
		}
	}
	return true
}

// setting is the options of XSETID.
type setting struct {
	added      int64 // -1 when not given
	maxDeleted stream.ID
}

func parseSetID(c *command.Ctx, id stream.ID) (o setting, ok bool) {
	o.added = -1
	for i := 3; i < len(c.Args); i += 2 {
		more := i+1 < len(c.Args)
		switch {
		case more && c.Is(i, "ENTRIESADDED"):
			if o.added, ok = c.IntArg(i + 1); !ok {
				return o, false
			}
			if o.added < 0 {
				c.Err(errAdded)
				return o, false
			}
		case more && c.Is(i, "MAXDELETEDID"):
			if o.maxDeleted, ok = idArg(c, i+1); !ok {
				return o, false
			}
			if id.Less(o.maxDeleted) {
				c.Err(errMaxDeleted)
				return o, false
			}
		default:
			c.Err(command.ErrSyntax)
			return o, false
		}
	}
	return o, true
}

func xsetid(c *command.Ctx) {
	id, ok := idArg(c, 2)
	if !ok {
		return
	}
	o, ok := parseSetID(c, id)
	if !ok {
		return
	}
	s, ok := writing(c, 1)
	if !ok {
		return
	}
	if s == nil {
		c.Err(command.ErrNoKey)
		return
	}
	switch top := s.RangeBack(stream.MaxID, stream.ID{}); {
	case top.Next() && id.Less(top.ID()):
		c.Err(errBelowTop)
		return
	case o.added >= 0 && int64(s.Len()) > o.added:
		c.Err(errAddedLength)
		return
	}
	s.SetLast(id)
	if o.added >= 0 {
		s.SetAdded(uint64(o.added))
	}
	if o.maxDeleted != (stream.ID{}) {
		s.SetMaxDeleted(o.maxDeleted)
	}
	c.Dirty(1)
	c.Event(c.Key(1), command.NotifyStream, "xsetid")
	c.OK()
}
