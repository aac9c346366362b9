package connection

import (
	"math"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/num"
	"github.com/redstart-db/redstart/internal/session"
)

const (
	errClientID  = "ERR client-id should be greater than 0"
	errNoClient  = "ERR No such client"
	errPauseMode = "ERR CLIENT PAUSE mode must be WRITE or ALL"
	errMaxAge    = "ERR maxage is not an integer or out of range"
	errReason    = "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR"
	errTimeout   = "ERR timeout is not an integer or out of range"
	errNegative  = "ERR timeout is negative"
)

// classArg reads the name of a class of clients.
func classArg(c *command.Ctx, i int) (session.Class, bool) {
	switch {
	case c.Is(i, "NORMAL"):
		return session.ClassNormal, true
	case c.Is(i, "REPLICA"), c.Is(i, "SLAVE"):
		return session.ClassReplica, true
	case c.Is(i, "PUBSUB"):
		return session.ClassPubSub, true
	case c.Is(i, "MASTER"):
		return session.ClassMaster, true
	}
	c.Err("ERR Unknown client type '" + string(c.Args[i]) + "'")
	return 0, false
}

// filter says which connections CLIENT KILL closes.
type filter struct {
	id          uint64 // 0: any
	addr, laddr []byte // nil: any
	user        []byte // nil: any
	class       session.Class
	byClass     bool
	skipMe      bool
	before      int64 // monotonic nanoseconds: those that were there by then; 0: any
}

func (f *filter) matches(s *session.Session) bool {
	switch {
	case f.id != 0 && s.ID != f.id,
		f.addr != nil && s.Conn.RemoteAddr() != string(f.addr),
		f.laddr != nil && s.Conn.LocalAddr() != string(f.laddr),
		f.user != nil && s.User.Name() != string(f.user),
		f.byClass && s.Class() != f.class,
		f.before != 0 && s.Created > f.before:
		return false
	}
	return true
}

// killArgs reads the arguments of CLIENT KILL in its form with options.
func killArgs(c *command.Ctx) (f filter, ok bool) {
	f.skipMe = true
	for i := 2; i < len(c.Args); i += 2 {
		if i+1 == len(c.Args) {
			c.Err(command.ErrSyntax)
			return f, false
		}
		value := c.Args[i+1]
		switch {
		case c.Is(i, "ID"):
			id, ok := num.ParseInt(value)
			if !ok || id < 1 {
				c.Err(errClientID)
				return f, false
			}
			f.id = uint64(id)
		case c.Is(i, "TYPE"):
			if f.class, ok = classArg(c, i+1); !ok {
				return f, false
			}
			f.byClass = true
		case c.Is(i, "ADDR"):
			f.addr = value
		case c.Is(i, "LADDR"):
			f.laddr = value
		case c.Is(i, "USER"):
			if f.user = value; c.Users.Get(value) == nil {
				c.Err("ERR No such user '" + string(value) + "'")
				return f, false
			}
		case c.Is(i, "MAXAGE"): // of Redis 7.4
			age, ok := num.ParseInt(value)
			if !ok {
				c.Err(errMaxAge)
				return f, false
			}
			if age <= 0 {
				c.Err("ERR MAXAGE is not greater than 0")
				return f, false
			}
			f.before = c.Nano() - min(age, math.MaxInt64/2_000_000_000)*1e9
			if f.before == 0 {
				f.before = -1 // 0 means that there is no such condition
			}
		case c.Is(i, "SKIPME") && command.EqualFold(value, "YES"):
			f.skipMe = true
		case c.Is(i, "SKIPME") && command.EqualFold(value, "NO"):
			f.skipMe = false
		default:
			c.Err(command.ErrSyntax)
			return f, false
		}
	}
	return f, true
}

func (f *family) kill(c *command.Ctx) {
	old := len(c.Args) == 3
	var which filter
	if old {
		which.addr = c.Args[2]
	} else {
		var ok bool
		if which, ok = killArgs(c); !ok {
			return
		}
	}
	killed := 0
	for _, s := range f.server.Sessions() {
		switch {
		case !which.matches(s) || s == c.Sess && which.skipMe:
			continue
		case s == c.Sess:
			s.Flags |= session.Closing // once it has its reply
		default:
			f.server.Kill(s)
		}
		killed++
		if old {
			break
		}
	}
	switch {
	case !old:
		c.Int(int64(killed))
	case killed == 0:
		c.Err(errNoClient)
	default:
		c.OK()
	}
}

func (f *family) unblock(c *command.Ctx) {
	withError := false
	if len(c.Args) > 4 {
		c.UnknownSubcommand(c.Args[1])
		return
	}
	if len(c.Args) == 4 {
		switch {
		case c.Is(3, "TIMEOUT"):
		case c.Is(3, "ERROR"):
			withError = true
		default:
			c.Err(errReason)
			return
		}
	}
	id, ok := c.IntArg(2)
	if !ok {
		return
	}
	if s := f.server.Session(uint64(id)); s != nil && f.server.Unblock(s, withError) {
		c.Int(1)
		return
	}
	c.Int(0)
}

func (f *family) pause(c *command.Ctx) {
	writesOnly := false
	if len(c.Args) > 4 {
		c.UnknownSubcommand(c.Args[1])
		return
	}
	if len(c.Args) == 4 {
		switch {
		case c.Is(3, "WRITE"):
			writesOnly = true
		case c.Is(3, "ALL"):
		default:
			c.Err(errPauseMode)
			return
		}
	}
	ms, ok := num.ParseInt(c.Args[2])
	switch {
	case !ok:
		c.Err(errTimeout)
		return
	case ms < 0:
		c.Err(errNegative)
		return
	case ms > math.MaxInt64-c.Now():
		// The reference lets this time overflow: it is over already.
	default:
		f.server.PauseClients(c.Now()+ms, writesOnly, c.Sess.Has(session.InExec))
	}
	c.OK()
}

func (f *family) unpause(c *command.Ctx) {
	f.server.UnpauseClients()
	c.OK()
}
