package connection

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/session"
)

const errName = "ERR Client names cannot contain spaces, newlines or special characters."

// printable tells whether CLIENT LIST can show a name without ambiguity.
func printable(name []byte) bool {
	for _, c := range name {
		if c < '!' || c > '~' {
			return false
		}
	}
	return true
}

func id(c *command.Ctx) { c.Int(int64(c.Sess.ID)) }

func getName(c *command.Ctx) {
	if c.Sess.Name == "" {
		c.Null()
		return
	}
	c.Str(c.Sess.Name)
}

func setName(c *command.Ctx) {
	if !printable(c.Args[2]) {
		c.Err(errName)
		return
	}
	c.Sess.Name = string(c.Args[2])
	c.OK()
}

// setInfo keeps what a client library says about itself.
func setInfo(c *command.Ctx) {
	var field *string
	switch {
	case c.Is(2, "LIB-NAME"):
		field = &c.Sess.LibName
	case c.Is(2, "LIB-VER"):
		field = &c.Sess.LibVer
	default:
		c.Err("ERR Unrecognized option '" + string(c.Args[2]) + "'")
		return
	}
	if !printable(c.Args[3]) {
		c.Err("ERR " + string(c.Args[2]) + " cannot contain spaces, newlines or special characters.")
		return
	}
	*field = string(c.Args[3])
	c.OK()
}

// reply turns replies off and on. It has no reply itself unless it is ON.
func reply(c *command.Ctx) {
	s := c.Sess
	switch {
	case c.Is(2, "ON"):
		s.Flags &^= session.ReplyOff | session.ReplySkip
		c.OK()
	case c.Is(2, "OFF"):
		s.Flags |= session.ReplyOff
	case c.Is(2, "SKIP"):
		if !s.Has(session.ReplyOff) {
			s.Flags |= session.SkipNext
		}
	default:
		c.Err(command.ErrSyntax)
	}
}

func noEvict(c *command.Ctx) { toggle(c, session.NoEvict) }

func noTouch(c *command.Ctx) { toggle(c, session.NoTouch) }

// toggle sets a flag of the session as argument 2 says.
func toggle(c *command.Ctx, flag session.Flags) {
	switch {
	case c.Is(2, "ON"):
		c.Sess.Flags |= flag
	case c.Is(2, "OFF"):
		c.Sess.Flags &^= flag
	default:
		c.Err(command.ErrSyntax)
		return
	}
	c.OK()
}
