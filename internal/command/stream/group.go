package stream

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/ds/stream"
	"github.com/redstart-db/redstart/internal/store"
)

const (
	errNeedsKey = "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM " +
		"option to create an empty stream automatically."
	errBusyGroup   = "BUSYGROUP Consumer Group name already exists"
	errEntriesRead = "ERR value for ENTRIESREAD must be positive or -1"
)

// groupOptions is what follows the ID of XGROUP CREATE and SETID.
type groupOptions struct {
	makeStream bool
	read       int64
}

func parseGroup(c *command.Ctx, create bool) (o groupOptions, ok bool) {
	o.read = stream.Unknown
	for i := 5; i < len(c.Args); i++ {
		switch {
		case create && c.Is(i, "MKSTREAM"):
			o.makeStream = true
		case c.Is(i, "ENTRIESREAD") && i+1 < len(c.Args):
			i++
			if o.read, ok = c.IntArg(i); !ok {
				return o, false
			}
			if o.read < 0 && o.read != stream.Unknown {
				c.Err(errEntriesRead)
				return o, false
			}
		default:
			c.UnknownSubcommand(c.Args[1])
			return o, false
		}
	}
	return o, true
}

// groupStream looks up the stream of argument 2. Without one the error is in the
// reply.
func groupStream(c *command.Ctx) (s *stream.Stream, ok bool) {
	if s, ok = writing(c, 2); ok && s == nil {
		c.Err(errNeedsKey)
		return nil, false
	}
	return s, ok
}

// namedGroup finds the group of arguments 2 and 3. Without one the error is in the
// reply.
func namedGroup(c *command.Ctx) (s *stream.Stream, g *stream.Group, ok bool) {
	if s, ok = groupStream(c); !ok {
		return nil, nil, false
	}
	if g = s.Group(c.Args[3]); g == nil {
		c.Err(errGroupName(c.Args[3], c.Args[2]))
		return nil, nil, false
	}
	return s, g, true
}

// errGroupName is the error of commands that need a group of a key that exists.
func errGroupName(group, key []byte) string {
	return "NOGROUP No such consumer group '" + string(cut(group)) + "' for key name '" + string(cut(key)) + "'"
}

func groupCreate(c *command.Ctx) {
	o, ok := parseGroup(c, true)
	if !ok {
		return
	}
	k := c.Key(2)
	e, ok := c.WriteType(k, store.Stream)
	if !ok {
		return
	}
	s := open(e)
	if s == nil && !o.makeStream {
		c.Err(errNeedsKey)
		return
	}
	if len(c.Args) > 8 {
		c.UnknownSubcommand(c.Args[1])
		return
	}
	var id stream.ID
	if string(c.Args[4]) != "$" {
		if id, ok = idArg(c, 4); !ok {
			return
		}
	} else if s != nil {
		id = s.Last()
	}
	if s == nil {
		s = new(stream.Stream)
		s.Init(c.Keyspace(k).Arena())
		keep(c, k, e, s)
		s.NewGroup(c.Args[3], id, o.read)
		c.Changed(k, command.NotifyStream, "xgroup-create")
		c.OK()
		return
	}
	if s.NewGroup(c.Args[3], id, o.read) == nil {
		c.Err(errBusyGroup)
		return
	}
	c.Dirty(1) // of entries there is no change, so watchers are not told
	c.Event(k, command.NotifyStream, "xgroup-create")
	c.OK()
}

func groupSetID(c *command.Ctx) {
	o, ok := parseGroup(c, false)
	if !ok {
		return
	}
	s, g, ok := namedGroup(c)
	if !ok {
		return
	}
	if len(c.Args) > 7 {
		c.UnknownSubcommand(c.Args[1])
		return
	}
	id := s.Last()
	if string(c.Args[4]) != "$" {
		if id, ok = looseID(c.Args[4], firstSeq); !ok {
			c.Err(errID)
			return
		}
	}
	g.SetLast(id)
	g.SetRead(o.read)
	c.Dirty(1)
	c.Event(c.Key(2), command.NotifyStream, "xgroup-setid")
	c.OK()
}

func groupDestroy(c *command.Ctx) {
	s, ok := groupStream(c)
	if !ok {
		return
	}
	g := s.Group(c.Args[3])
	if g == nil {
		c.Int(0)
		return
	}
	k := c.Key(2)
	ks := c.Keyspace(k)
	s.TakeGroup(g)
	ks.Discard(g)
	c.Dirty(1)
	c.Event(k, command.NotifyStream, "xgroup-destroy")
	ks.Wake(k.B) // those who wait as its consumers
	c.Int(1)
}

func groupCreateConsumer(c *command.Ctx) {
	_, g, ok := namedGroup(c)
	if !ok {
		return
	}
	if g.NewConsumer(c.Args[4], c.Now()) == nil {
		c.Int(0)
		return
	}
	c.Dirty(1)
	c.Event(c.Key(2), command.NotifyStream, "xgroup-createconsumer")
	c.Int(1)
}

func groupDelConsumer(c *command.Ctx) {
	s, g, ok := namedGroup(c)
	if !ok {
		return
	}
	consumer := g.Consumer(c.Args[4])
	if consumer == nil {
		c.Int(0)
		return
	}
	n := consumer.Len()
	k := c.Key(2)
	purgeLater(c.Keyspace(k), s, func() { s.RemoveConsumer(g, consumer) })
	c.Dirty(1)
	c.Event(k, command.NotifyStream, "xgroup-delconsumer")
	c.Int(int64(n))
}

func groupHelp(c *command.Ctx) {
	c.Help(
		"CREATE <key> <groupname> <id|$> [option]",
		"    Create a new consumer group. Options are:",
		"    * MKSTREAM",
		"      Create the empty stream if it does not exist.",
		"    * ENTRIESREAD entries_read",
		"      Set the group's entries_read counter (internal use).",
		"CREATECONSUMER <key> <groupname> <consumer>",
		"    Create a new consumer in the specified group.",
		"DELCONSUMER <key> <groupname> <consumer>",
		"    Remove the specified consumer.",
		"DESTROY <key> <groupname>",
		"    Remove the specified group.",
		"SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]",
		"    Set the current group ID and entries_read counter.",
	)
}
