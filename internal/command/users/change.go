package users

import (
	"strings"

	"github.com/redstart-db/redstart/internal/acl"
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/session"
)

const (
	errName    = "ERR Usernames can't contain spaces or null characters"
	errDefault = "ERR The 'default' user cannot be removed"
	errNoFile  = "ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the " +
		"ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order " +
		"to store users in the Redis configuration."
	errSave = "ERR There was an error trying to save the ACLs. Please check the server logs for more information"
)

// setUser changes a user, or makes it. All rules hold, or none.
func (f *family) setUser(c *command.Ctx) {
	for i := 2; i < len(c.Args); i++ {
		c.Redact(i)
	}
	name := string(c.Args[2])
	if acl.BadName(name) {
		c.Err(errName)
		return
	}
	words := make([]string, 0, len(c.Args)-3)
	for _, a := range c.Args[3:] {
		words = append(words, string(a))
	}
	list, open := acl.MergeSelectors(words)
	if open >= 0 {
		c.Err("ERR Unmatched parenthesis in acl selector starting at '" + words[open] + "'.")
		return
	}
	rules, old := c.ACLRules(), c.Users.Get(c.Args[2])
	var u *acl.User
	if old != nil {
		u = old.Clone()
	} else {
		u = rules.NewUser(name)
	}
	for _, r := range list {
		if err := rules.Apply(u, r); err != nil {
			c.Err("ERR Error in ACL SETUSER modifier '" + r + "': " + err.Error())
			return
		}
	}
	if old == nil {
		c.Users.Add(u)
	} else {
		if old.LosesChannels(u) {
			f.killListeners(c, old, u)
		}
		old.Become(u)
	}
	f.server.UsersChanged()
	c.OK()
}

// killListeners closes the connections of a user that listen to what it may not any
// more, once it is as now.
func (f *family) killListeners(c *command.Ctx, u, now *acl.User) {
	for _, s := range f.server.Sessions() {
		if s.User != u || s.Subscriber == nil {
			continue
		}
		if channels, patterns := s.Subscriber.Listens(); !now.Keeps(channels, patterns) {
			f.kill(c, s)
		}
	}
}

// kill closes a connection; that of c when it has its reply.
func (f *family) kill(c *command.Ctx, s *session.Session) {
	if s == c.Sess {
		s.Flags |= session.Closing
		return
	}
	f.server.Kill(s)
}

// killThose closes the connections of some users.
func (f *family) killThose(c *command.Ctx, gone map[*acl.User]bool) {
	if len(gone) == 0 {
		return
	}
	for _, s := range f.server.Sessions() {
		if gone[s.User] {
			f.kill(c, s)
		}
	}
}

func (f *family) delUser(c *command.Ctx) {
	for _, name := range c.Args[2:] {
		if string(name) == acl.Default {
			c.Err(errDefault)
			return
		}
	}
	gone := make(map[*acl.User]bool)
	for _, name := range c.Args[2:] {
		if u := c.Users.Remove(string(name)); u != nil {
			gone[u] = true
		}
	}
	f.killThose(c, gone)
	c.Int(int64(len(gone)))
}

// load replaces all users by those of the file, if nothing in it is wrong. As in Redis
// 7.0 whoever is logged in as another user than the default one is cut off.
func (f *family) load(c *command.Ctx) {
	if c.Config.ACLFile == "" {
		c.Err(errNoFile)
		return
	}
	text, err := f.server.ReadUsers()
	if err != nil {
		c.Err("ERR Error loading ACLs, opening file '" + c.Config.ACLFile + "': " + err.Error())
		return
	}
	users, errs := c.ACLRules().Parse(text, c.Config.ACLFile)
	if errs != "" {
		c.Err("ERR " + errs)
		return
	}
	was := c.Users.Default()
	if was.LosesChannels(users.Default()) {
		f.killListeners(c, was, users.Default())
	}
	gone := make(map[*acl.User]bool)
	for _, u := range c.Users.Replace(users) {
		gone[u] = true
	}
	f.killThose(c, gone)
	f.server.UsersChanged()
	c.OK()
}

func (f *family) save(c *command.Ctx) {
	if c.Config.ACLFile == "" {
		c.Err(errNoFile)
		return
	}
	lines := c.Users.Lines(c.Table.ACLCommands())
	if err := f.server.WriteUsers(strings.Join(lines, "\n") + "\n"); err != nil {
		c.Logger.Warn("Saving ACLs failed", "file", c.Config.ACLFile, "error", err)
		c.Err(errSave)
		return
	}
	c.OK()
}
