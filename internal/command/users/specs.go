// Package users is the family of commands about users: ACL, which shows and changes
// what they may do.
package users

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/session"
)

// Server is what these commands need of the instance. Every worker is stopped when a
// method is called.
type Server interface {
	// Sessions gives all connections in the order in which they came.
	Sessions() []*session.Session
	// Kill closes a connection.
	Kill(*session.Session)
	// UsersChanged has connections follow the rules of their users, which have
	// changed.
	UsersChanged()
	// ReadUsers reads the file of users; WriteUsers replaces it as a whole.
	ReadUsers() (text string, err error)
	WriteUsers(text string) error
}

// family is the handlers with what they share.
type family struct{ server Server }

// Specs is the family's part of the command table.
func Specs(server Server) []command.Spec {
	f := &family{server}
	const (
		open   = command.NoScript | command.Loading | command.Stale
		admin  = open | command.Admin
		change = admin | command.Exclusive
	)
	return []command.Spec{
		{Name: "acl", Arity: -2, Subs: []command.Spec{
			{Name: "acl|cat", Arity: -2, Flags: open, Run: cat},
			{Name: "acl|deluser", Arity: -3, Flags: change, Run: f.delUser},
			{Name: "acl|dryrun", Arity: -4, Flags: admin, Run: dryRun},
			{Name: "acl|genpass", Arity: -2, Flags: open, Run: genPass},
			{Name: "acl|getuser", Arity: 3, Flags: admin, Run: getUser},
			{Name: "acl|help", Arity: 2, Flags: command.Loading | command.Stale, Run: help},
			{Name: "acl|list", Arity: 2, Flags: admin, Run: list},
			{Name: "acl|load", Arity: 2, Flags: change, Run: f.load},
			{Name: "acl|log", Arity: -2, Flags: admin, Run: log},
			{Name: "acl|save", Arity: 2, Flags: change, Run: f.save},
			{Name: "acl|setuser", Arity: -3, Flags: change, Run: f.setUser},
			{Name: "acl|users", Arity: 2, Flags: admin, Run: names},
			{Name: "acl|whoami", Arity: 2, Flags: open, Run: whoAmI},
		}},
	}
}
