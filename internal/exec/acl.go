package exec

import (
	"github.com/redstart-db/redstart/internal/acl"
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/session"
)

// Who is logged in is in the session: its user, whom all workers may read, and three
// flags that follow from that. Authenticated: it has shown who it is, or did not have to.
// NeedAuth: it has not, and has to. Restricted: the user may not do everything; only then
// are calls checked, so that users cost nothing where there are none.

// Login makes the connection one of u. The worker must be locked.
func (cl *Client) Login(u *acl.User) {
	cl.Sess.User = u
	cl.Sess.Flags |= session.Authenticated
	cl.userChanged()
}

// Logout makes the connection one of the default user, as a new one is. The worker must
// be locked.
func (cl *Client) Logout() {
	s := &cl.Sess
	if cl.trusted {
		cl.Login(cl.x.super)
		return
	}
	s.User = cl.x.Users.Default()
	s.Flags &^= session.Authenticated
	if s.User.Open() {
		s.Flags |= session.Authenticated
	}
	cl.userChanged()
}

// Trust makes the connection one that may do everything, whatever the users of the server,
// unless it logs in as one of them. The worker must be locked.
func (cl *Client) Trust() {
	cl.trusted = true
	cl.Logout()
}

// userChanged sets what depends on the rules of users.
func (cl *Client) userChanged() {
	s := &cl.Sess
	s.Flags &^= session.NeedAuth | session.Restricted
	need := s.Flags&session.Authenticated == 0 && !cl.x.Users.Default().Open()
	if need {
		s.Flags |= session.NeedAuth
	}
	cl.parser.Unauth = need // with tight limits on what it may send
	if !s.User.Unrestricted() {
		s.Flags |= session.Restricted
	}
}

// UsersChanged has connections follow changed rules. All workers must be stopped.
func (x *Exec) UsersChanged() {
	x.Clients(func(cl *Client) {
		cl.userChanged()
		if cl.waits != nil {
			s := &cl.waits.sess
			s.Flags = s.Flags&^session.Restricted | cl.Sess.Flags&session.Restricted
		}
	})
}

// aclGate lets users do what they may.
func aclGate(x *Exec, c *command.Ctx, cl *Client) outcome {
	if cl.Sess.Flags&session.Restricted == 0 {
		return passed
	}
	if text := x.denied(c); text != "" {
		return x.refuse(c, cl, text)
	}
	return passed
}

// denied tells why the user of c may not make the call, and notes it.
func (x *Exec) denied(c *command.Ctx) string {
	reason, at := c.Denied(c.Sess.User)
	if reason == acl.Allowed {
		return ""
	}
	in := acl.TopLevel
	if c.Sess.Flags&session.Multi != 0 {
		in = acl.InMulti
	}
	c.Deny(reason, in, deniedObject(c, reason, at), c.Sess.User.Name())
	switch reason {
	case acl.DeniedKey:
		return "NOPERM this user has no permissions to access one of the keys used as arguments"
	case acl.DeniedChannel:
		return "NOPERM this user has no permissions to access one of the channels used as arguments"
	}
	return "NOPERM this user has no permissions to run the '" + c.Spec.Name + "' command"
}

// deniedObject names what was denied: the command, or one of its arguments.
func deniedObject(c *command.Ctx, reason acl.Reason, at int) string {
	if reason == acl.DeniedCommand {
		return c.Spec.Name
	}
	return string(c.Args[at])
}

// refusedMeanwhile asks again for a command that had to wait for the right to stop
// workers after it had passed the gates: somebody else had that right, and may have
// changed the rules, begun to load data, or begun to read effects.
func (x *Exec) refusedMeanwhile(c *command.Ctx, cl *Client) bool {
	c.AskLog()
	if x.Alerted(AlertLoading) && cl.needsData(c) {
		x.rejected(c, cl, command.ErrLoading)
		return true
	}
	if c.Spec == x.execSpec || cl.Sess.Flags&(session.NeedAuth|session.Restricted) == 0 {
		return false // EXEC asks for each command of the queue
	}
	text := ""
	if cl.Sess.Flags&session.NeedAuth == 0 {
		text = x.denied(c)
	} else if c.Spec.Flags&command.NoAuth == 0 {
		text = command.ErrNoAuth
	}
	if text == "" {
		return false
	}
	c.Stats.Rejected(c.Spec.ID)
	c.Err(text)
	return true
}

// refusedInExec tells why a queued command may not run: its user could queue it, but may
// not run it any more.
func (x *Exec) refusedInExec(c *command.Ctx) string {
	reason, at := c.Denied(c.Sess.User)
	if reason == acl.Allowed {
		return ""
	}
	c.Deny(reason, acl.InMulti, deniedObject(c, reason, at), c.Sess.User.Name())
	text := "NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. " +
		"This command is no longer allowed for the following reason: "
	switch reason {
	case acl.DeniedKey:
		return text + "no permission to touch the specified keys"
	case acl.DeniedChannel:
		return text + "no permission to access one of the channels used as arguments"
	}
	return text + "no permission to execute the command or subcommand"
}

// refusedToScript tells why the user of a script's client may not have it run a command.
func (x *Exec) refusedToScript(c *command.Ctx) string {
	if c.Sess.Flags&session.Restricted == 0 {
		return ""
	}
	reason, at := c.Denied(c.Sess.User)
	if reason == acl.Allowed {
		return ""
	}
	s := &x.script
	client := s.client
	if !s.busy { // else the connection belongs to its worker
		client = s.w.ctx.Client()
	}
	c.DenyTo(client, reason, acl.InScript, deniedObject(c, reason, at), c.Sess.User.Name())
	switch reason {
	case acl.DeniedKey:
		return "ERR The user executing the script can't access at least one of the keys mentioned in the command arguments"
	case acl.DeniedChannel:
		return "ERR The user executing the script can't publish to the channel mentioned in the command"
	}
	return "ERR The user executing the script can't run this command or subcommand"
}
