// Package strings is the family of commands on strings.
package strings

import "github.com/redstart-db/redstart/internal/command"

// Specs is the family's part of the command table.
func Specs() []command.Spec {
	return []command.Spec{
		{Name: "get", Arity: 2, Flags: command.ReadOnly | command.Fast, First: 1, Last: 1, Step: 1, Run: get},
		{Name: "set", Arity: -3, Flags: command.Write | command.DenyOOM, First: 1, Last: 1, Step: 1, Run: set},
	}
}
