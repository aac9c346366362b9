// Package connection is the family of commands about the connection itself.
package connection

import "github.com/redstart-db/redstart/internal/command"

// Specs is the family's part of the command table.
func Specs() []command.Spec {
	return []command.Spec{
		{Name: "ping", Arity: -1, Flags: command.Fast | command.Subscribed, Run: ping},
	}
}

func ping(c *command.Ctx) {
	switch len(c.Args) {
	case 1:
		c.Simple("PONG")
	case 2:
		c.Bulk(c.Args[1])
	default:
		c.Err(command.WrongArity("ping"))
	}
}
