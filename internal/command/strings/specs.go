// Package strings is the family of commands on strings.
package strings

import "github.com/redstart-db/redstart/internal/command"

const (
	read      = command.ReadOnly
	fastRead  = command.ReadOnly | command.Fast
	write     = command.Write | command.DenyOOM
	fastWrite = command.Write | command.DenyOOM | command.Fast
	shrinks   = command.Write | command.Fast // takes no memory, so it may run when there is none left
)

// Specs is the family's part of the command table.
func Specs() []command.Spec {
	return []command.Spec{
		{Name: "append", Arity: 3, Flags: fastWrite, First: 1, Last: 1, Step: 1, Run: appendValue},
		{Name: "decr", Arity: 2, Flags: fastWrite, First: 1, Last: 1, Step: 1, Run: decr},
		{Name: "decrby", Arity: 3, Flags: fastWrite, First: 1, Last: 1, Step: 1, Run: decrBy},
		{Name: "get", Arity: 2, Flags: fastRead, First: 1, Last: 1, Step: 1, Run: get},
		{Name: "getdel", Arity: 2, Flags: shrinks, First: 1, Last: 1, Step: 1, Run: getDel},
		{Name: "getex", Arity: -2, Flags: shrinks, First: 1, Last: 1, Step: 1, Run: getEx},
		{Name: "getrange", Arity: 4, Flags: read, First: 1, Last: 1, Step: 1, Run: getRange},
		{Name: "getset", Arity: 3, Flags: fastWrite, First: 1, Last: 1, Step: 1, Lands: 2, Run: getSet},
		{Name: "incr", Arity: 2, Flags: fastWrite, First: 1, Last: 1, Step: 1, Run: incr},
		{Name: "incrby", Arity: 3, Flags: fastWrite, First: 1, Last: 1, Step: 1, Run: incrBy},
		{Name: "incrbyfloat", Arity: 3, Flags: fastWrite, First: 1, Last: 1, Step: 1, Run: incrByFloat},
		{Name: "lcs", Arity: -3, Flags: read, First: 1, Last: 2, Step: 1, Run: lcs},
		{Name: "mget", Arity: -2, Flags: fastRead, First: 1, Last: -1, Step: 1, Run: mget},
		{Name: "mset", Arity: -3, Flags: write, First: 1, Last: -1, Step: 2, Run: mset},
		{Name: "msetnx", Arity: -3, Flags: write, First: 1, Last: -1, Step: 2, Run: msetNX},
		{Name: "psetex", Arity: 4, Flags: write | command.Brief, First: 1, Last: 1, Step: 1, Lands: 3, Run: psetEx},
		{Name: "set", Arity: -3, Flags: write | command.Brief, First: 1, Last: 1, Step: 1, Lands: 2, Run: set},
		{Name: "setex", Arity: 4, Flags: write | command.Brief, First: 1, Last: 1, Step: 1, Lands: 3, Run: setEx},
		{Name: "setnx", Arity: 3, Flags: fastWrite, First: 1, Last: 1, Step: 1, Lands: 2, Run: setNX},
		{Name: "setrange", Arity: 4, Flags: write, First: 1, Last: 1, Step: 1, Run: setRange},
		{Name: "strlen", Arity: 2, Flags: fastRead, First: 1, Last: 1, Step: 1, Run: strLen},
		{Name: "substr", Arity: 4, Flags: read, First: 1, Last: 1, Step: 1, Run: getRange},
	}
}
