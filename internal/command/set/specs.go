// Package set is the family of commands on sets.
//
// A set has one of three forms: an intset while all members are integers and there
// are no more than set-max-intset-entries, else a listpack while it is small by
// set-max-listpack-entries and set-max-listpack-value, else a table. It never goes
// back to an earlier one.
package set

import (
	"hash/maphash"

	"github.com/redstart-db/redstart/internal/command"
)

const (
	read      = command.ReadOnly
	fastRead  = command.ReadOnly | command.Fast
	write     = command.Write | command.DenyOOM
	fastWrite = command.Write | command.DenyOOM | command.Fast
	shrinks   = command.Write | command.Fast
)

// Specs is the family's part of the command table.
func Specs() []command.Spec {
	f := new(family)
	f.pool.New = func() any { return &operation{seed: maphash.MakeSeed()} }
	return []command.Spec{
		{Name: "sadd", Arity: -3, Flags: fastWrite | command.Brief, First: 1, Last: 1, Step: 1, Elem: 2, Run: sadd},
		{Name: "scard", Arity: 2, Flags: fastRead, First: 1, Last: 1, Step: 1, Run: scard},
		{Name: "sdiff", Arity: -2, Flags: read, First: 1, Last: -1, Step: 1, Run: f.sdiff},
		{Name: "sdiffstore", Arity: -3, Flags: write, First: 1, Last: -1, Step: 1, Run: f.sdiffStore},
		{Name: "sinter", Arity: -2, Flags: read, First: 1, Last: -1, Step: 1, Run: f.sinter},
		{Name: "sintercard", Arity: -3, Flags: read | command.MovableKeys, Keys: command.NumKeys(1), Run: f.sinterCard},
		{Name: "sinterstore", Arity: -3, Flags: write, First: 1, Last: -1, Step: 1, Run: f.sinterStore},
		{Name: "sismember", Arity: 3, Flags: fastRead, First: 1, Last: 1, Step: 1, Elem: 2, Run: sisMember},
		{Name: "smembers", Arity: 2, Flags: read, First: 1, Last: 1, Step: 1, Run: smembers},
		{Name: "smismember", Arity: -3, Flags: fastRead | command.Brief, First: 1, Last: 1, Step: 1, Run: smisMember},
		{Name: "smove", Arity: 4, Flags: shrinks, First: 1, Last: 2, Step: 1, Run: smove},
		{Name: "spop", Arity: -2, Flags: shrinks, First: 1, Last: 1, Step: 1, Run: spop},
		{Name: "srandmember", Arity: -2, Flags: read, First: 1, Last: 1, Step: 1, Run: srandMember},
		{Name: "srem", Arity: -3, Flags: shrinks | command.Brief, First: 1, Last: 1, Step: 1, Elem: 2, Run: srem},
		{Name: "sscan", Arity: -3, Flags: read, First: 1, Last: 1, Step: 1, Run: sscan},
		{Name: "sunion", Arity: -2, Flags: read, First: 1, Last: -1, Step: 1, Run: f.sunion},
		{Name: "sunionstore", Arity: -3, Flags: write, First: 1, Last: -1, Step: 1, Run: f.sunionStore},
	}
}
