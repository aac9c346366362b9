package command

import (
	"fmt"
	"sync"

	"github.com/redstart-db/redstart/internal/acl"
	"github.com/redstart-db/redstart/internal/command/cmddocs"
	"github.com/redstart-db/redstart/internal/config"
)

// ACLRules is what the rules of users mean here.
func (e *Env) ACLRules() acl.Rules {
	return acl.Rules{Commands: e.Table.ACLCommands, AllChannels: e.Config.ACLPubSubDefault == config.PubSubAllChannels}
}

// ACLCommands gives the commands that rules can name, by the names that they have before
// any rename-command: those of the table, and those that are only documented. Rules that
// were written for Redis have to mean the same here, and must not keep a server from
// starting because they forbid what it does not have.
func (t *Table) ACLCommands() *acl.Commands { return t.aclCommands() }

func newACLCommands(t *Table) func() *acl.Commands {
	return sync.OnceValue(func() *acl.Commands {
		described := t.describe()
		names := cmddocs.Names()
		list := make([]acl.Command, 0, len(t.specs)+len(names))
		known := make(map[string]bool, len(t.specs))
		for i, s := range t.specs {
			known[s.Name] = true
			list = append(list, acl.Command{Name: s.Name, ID: s.ID, Categories: categoriesOf(s.Name, described[i].doc)})
		}
		for _, name := range names {
			if doc, ok := cmddocs.Lookup(name); ok && !known[name] {
				list = append(list, acl.Command{Name: name, ID: len(list), Categories: categoriesOf(name, doc)})
			}
		}
		commands, err := acl.NewCommands(list)
		if err != nil {
			panic(err) // the table is not one: a test would have seen it
		}
		return commands
	})
}

// categoriesOf gives the categories that are documented; a command of which nothing is
// known is as good as dangerous.
func categoriesOf(command string, doc *cmddocs.Command) (all acl.Category) {
	if doc == nil {
		return acl.CategoryNamed("dangerous") | acl.CategoryNamed("slow")
	}
	for _, name := range doc.Categories {
		c := acl.CategoryNamed(name)
		if c == 0 {
			panic(fmt.Sprintf("command: %s is of the unknown category %s", command, name))
		}
		all |= c
	}
	return all
}

// request is the call of c as permissions are asked for; it is valid until the next call.
func (c *Ctx) request(u *acl.User) *acl.Request {
	c.call = acl.Request{
		Command: c.Spec.ID, Free: c.Spec.Flags&NoAuth != 0, Args: c.Args, Channels: c.Spec.Channels, Keys: c.call.Keys[:0],
	}
	if c.Spec.Takes(len(c.Args)) && u.NeedsKeys() {
		c.call.Keys = c.Table.AppendAccess(c.call.Keys, c.Spec, c.Args)
	}
	return &c.call
}

// Denied tells whether, and why, a user may not make the call. at is the argument that
// is not allowed.
func (c *Ctx) Denied(u *acl.User) (reason acl.Reason, at int) { return u.Check(c.request(u)) }

// ReadsAnyKey tells whether the user of the session may have the command read keys that
// its arguments do not name.
func (c *Ctx) ReadsAnyKey() bool {
	u := c.Sess.User
	return u.Unrestricted() || u.AnyKey(c.request(u), acl.Read)
}

// Deny notes in the log of denials that something was denied to a user: object is the
// command, key or channel.
func (c *Ctx) Deny(reason acl.Reason, in acl.Context, object, user string) {
	c.DenyTo(c.Client(), reason, in, object, user)
}

// Client describes the client of c as CLIENT LIST does.
func (c *Ctx) Client() string {
	if c.ClientInfo == nil {
		return ""
	}
	return c.ClientInfo(c)
}

// DenyTo is Deny for a client that has been described already.
func (c *Ctx) DenyTo(info string, reason acl.Reason, in acl.Context, object, user string) {
	c.Denials.Add(acl.Entry{
		Reason: reason, Context: in, Object: object, User: user, Time: c.Now(), Client: info,
	}, int(min(c.Config.ACLLogMaxLen, 1<<30)))
}
