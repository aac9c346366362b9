package connection

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/session"
)

func ping(c *command.Ctx) {
	if len(c.Args) > 2 {
		c.Err(command.WrongArity("ping"))
		return
	}
	if c.Sess.Has(session.Subscribed) && !c.Resp3() {
		// A RESP2 subscriber can tell replies from messages by their
		// form only.
		c.Array(2)
		c.Str("pong")
		if len(c.Args) == 1 {
			c.Str("")
		} else {
			c.Bulk(c.Args[1])
		}
		return
	}
	if len(c.Args) == 1 {
		c.Simple("PONG")
	} else {
		c.Bulk(c.Args[1])
	}
}

func echo(c *command.Ctx) { c.Bulk(c.Args[1]) }

func selectDB(c *command.Ctx) {
	db, ok := c.DBArg(1, command.ErrNotInteger)
	if !ok {
		return
	}
	if c.Config.ClusterEnabled && db != 0 {
		c.Err("ERR SELECT is not allowed in cluster mode")
		return
	}
	c.Sess.DB = int32(db)
	c.OK()
}

func quit(c *command.Ctx) {
	c.Sess.Flags |= session.Closing
	c.OK()
}

// reset makes the connection as good as new, except for what its owner has said
// about it (CLIENT SETINFO, CLIENT NO-EVICT).
func reset(c *command.Ctx) {
	s := c.Sess
	if s.Flags&(session.Replica|session.Master) != 0 {
		c.Err("ERR can only reset normal client connections")
		return
	}
	cl := client(s)
	cl.Unmonitor()
	cl.Discard(c)
	cl.Untrack()
	s.Unsubscribe()
	cl.Logout()
	s.SetProto(2)
	s.DB, s.Name = 0, ""
	s.Flags &^= session.ReplyOff | session.SkipNext | session.NoTouch
	c.Simple("RESET")
}

func monitor(c *command.Ctx) {
	client(c.Sess).Monitor()
	c.OK()
}
