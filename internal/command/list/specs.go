// Package list is the family of commands on lists.
package list

import "github.com/redstart-db/redstart/internal/command"

const (
	read      = command.ReadOnly
	fastRead  = command.ReadOnly | command.Fast
	shrinks   = command.Write
	fastPop   = command.Write | command.Fast
	write     = command.Write | command.DenyOOM
	fastWrite = command.Write | command.DenyOOM | command.Fast
	waits     = command.Write | command.NoScript | command.Blocking
	moves     = command.Write | command.DenyOOM | command.NoScript | command.Blocking
)

// Specs is the family's part of the command table.
func Specs() []command.Spec {
	return []command.Spec{
		{Name: "blmove", Arity: 6, Flags: moves, First: 1, Last: 2, Step: 1, Run: blmove},
		{Name: "blmpop", Arity: -5, Flags: command.Write | command.Blocking | command.MovableKeys, Keys: command.NumKeys(2), Run: blmpop},
		{Name: "blpop", Arity: -3, Flags: waits, First: 1, Last: -2, Step: 1, Run: blpop},
		{Name: "brpop", Arity: -3, Flags: waits, First: 1, Last: -2, Step: 1, Run: brpop},
		{Name: "brpoplpush", Arity: 4, Flags: moves, First: 1, Last: 2, Step: 1, Run: brpoplpush},
		{Name: "lindex", Arity: 3, Flags: read, First: 1, Last: 1, Step: 1, Run: lindex},
		{Name: "linsert", Arity: 5, Flags: write, First: 1, Last: 1, Step: 1, Run: linsert},
		{Name: "llen", Arity: 2, Flags: fastRead, First: 1, Last: 1, Step: 1, Run: llen},
		{Name: "lmove", Arity: 5, Flags: write, First: 1, Last: 2, Step: 1, Run: lmove},
		{Name: "lmpop", Arity: -4, Flags: command.Write | command.MovableKeys, Keys: command.NumKeys(1), Run: lmpop},
		{Name: "lpop", Arity: -2, Flags: fastPop, First: 1, Last: 1, Step: 1, Run: lpop},
		{Name: "lpos", Arity: -3, Flags: read, First: 1, Last: 1, Step: 1, Run: lpos},
		{Name: "lpush", Arity: -3, Flags: fastWrite | command.Brief, First: 1, Last: 1, Step: 1, Run: lpush},
		{Name: "lpushx", Arity: -3, Flags: fastWrite | command.Brief, First: 1, Last: 1, Step: 1, Run: lpushx},
		{Name: "lrange", Arity: 4, Flags: read, First: 1, Last: 1, Step: 1, Run: lrange},
		{Name: "lrem", Arity: 4, Flags: shrinks, First: 1, Last: 1, Step: 1, Run: lrem},
		{Name: "lset", Arity: 4, Flags: write, First: 1, Last: 1, Step: 1, Run: lset},
		{Name: "ltrim", Arity: 4, Flags: shrinks, First: 1, Last: 1, Step: 1, Run: ltrim},
		{Name: "rpop", Arity: -2, Flags: fastPop, First: 1, Last: 1, Step: 1, Run: rpop},
		{Name: "rpoplpush", Arity: 3, Flags: write, First: 1, Last: 2, Step: 1, Run: rpoplpush},
		{Name: "rpush", Arity: -3, Flags: fastWrite | command.Brief, First: 1, Last: 1, Step: 1, Run: rpush},
		{Name: "rpushx", Arity: -3, Flags: fastWrite | command.Brief, First: 1, Last: 1, Step: 1, Run: rpushx},
	}
}
