// Package connection is the family of commands about connections: logging in,
// choosing a protocol and a database, and CLIENT, which shows and changes them.
package connection

import (
	"github.com/redstart-db/redstart/internal/acl"
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/session"
)

// Server is what these commands need of the executor. Every worker is stopped
// and all shards are locked when a method is called that is not given the command.
type Server interface {
	// EachSession calls f for every connection, in no order; f may read of it what
	// its worker's lock guards. It is for Survey commands.
	EachSession(c *command.Ctx, f func(*session.Session))
	// FindSession gives the connection with an ID, or nil. It may end at any time. It
	// is for Survey commands.
	FindSession(c *command.Ctx, id uint64) *session.Session
	// Sessions gives all connections in the order in which they came.
	Sessions() []*session.Session
	// Session gives the connection with an ID, or nil.
	Session(id uint64) *session.Session
	// Kill closes a connection.
	Kill(*session.Session)
	// Unblock ends the waiting of a blocked client; false if it did not wait.
	Unblock(s *session.Session, withError bool) bool
	// PauseClients makes clients wait until a time in Unix milliseconds; in
	// a transaction from its end on.
	PauseClients(until int64, writesOnly, inExec bool)
	// UnpauseClients ends that.
	UnpauseClients()
}

// Client is what these commands need of the executor's side of the connection
// they came from: it is session.Session.Owner.
type Client interface {
	// Login makes the connection one of a user, and Logout one of the default
	// user, who may have to log in.
	Login(*acl.User)
	Logout()
	// Dirty tells whether a watched key has changed.
	Dirty() bool
	// Parsed is how many bytes of the input that waits have been read.
	Parsed() int
	// Monitor and Unmonitor begin and end the stream of all commands.
	Monitor()
	Unmonitor()
	// Tracking tells how the connection tracks keys; Track begins to do so, or
	// changes it, and Untrack ends it. A nil redirect stands for the connection
	// itself. Track locks shards one at a time.
	Tracking() session.Tracking
	Track(c *command.Ctx, t session.Tracking, redirect *session.Session)
	Untrack()
	// Discard ends a transaction and forgets watched keys.
	Discard(*command.Ctx)
}

func client(s *session.Session) Client { return s.Owner.(Client) }

// family is the handlers with what they share.
type family struct{ server Server }

const (
	open      = command.Loading | command.Stale
	handshake = open | command.NoScript | command.Fast | command.NoAuth | command.AllowBusy
	own       = open | command.NoScript // about the connection itself
	admin     = own | command.Admin
	all       = admin | command.Exclusive // about other connections too
)

// Specs is the family's part of the command table.
func Specs(server Server) []command.Spec {
	f := &family{server}
	return []command.Spec{
		{Name: "ping", Arity: -1, Flags: command.Fast | command.Subscribed, Run: ping},
		{Name: "echo", Arity: 2, Flags: open | command.Fast, Run: echo},
		{Name: "select", Arity: 2, Flags: open | command.Fast, Run: selectDB},
		{Name: "auth", Arity: -2, Flags: handshake, Run: auth},
		{Name: "hello", Arity: -1, Flags: handshake, Run: hello},
		{Name: "quit", Arity: -1, Flags: handshake | command.Immediate | command.Subscribed, Run: quit},
		{Name: "reset", Arity: 1, Flags: handshake | command.Immediate | command.Subscribed, Run: reset},
		{Name: "monitor", Arity: 1, Flags: admin, Run: monitor},
		{Name: "client", Arity: -2, Subs: []command.Spec{
			{Name: "client|caching", Arity: 3, Flags: own, Run: caching},
			{Name: "client|getname", Arity: 2, Flags: own, Run: getName},
			{Name: "client|getredir", Arity: 2, Flags: own, Run: getRedir},
			{Name: "client|help", Arity: 2, Flags: open, Run: help},
			{Name: "client|id", Arity: 2, Flags: own, Run: id},
			{Name: "client|info", Arity: 2, Flags: own, Run: info},
			{Name: "client|kill", Arity: -3, Flags: all, Run: f.kill},
			{Name: "client|list", Arity: -2, Flags: admin | command.Survey, Run: f.list},
			{Name: "client|no-evict", Arity: 3, Flags: admin, Run: noEvict},
			{Name: "client|no-touch", Arity: 3, Flags: own, Run: noTouch},
			{Name: "client|pause", Arity: -3, Flags: all, Run: f.pause},
			{Name: "client|reply", Arity: 3, Flags: own, Run: reply},
			{Name: "client|setinfo", Arity: 4, Flags: own, Run: setInfo},
			{Name: "client|setname", Arity: 3, Flags: own, Run: setName},
			{Name: "client|tracking", Arity: -3, Flags: own | command.Survey, Run: f.tracking},
			{Name: "client|trackinginfo", Arity: 2, Flags: own, Run: trackingInfo},
			{Name: "client|unblock", Arity: -3, Flags: all, Run: f.unblock},
			{Name: "client|unpause", Arity: 2, Flags: all, Run: f.unpause},
		}},
	}
}
