// Package hash is the family of commands on hashes.
package hash

import "github.com/redstart-db/redstart/internal/command"

const (
	read      = command.ReadOnly
	fastRead  = command.ReadOnly | command.Fast
	fastWrite = command.Write | command.DenyOOM | command.Fast
	shrinks   = command.Write | command.Fast // takes no memory, so it may run when there is none left
)

// Specs is the family's part of the command table.
func Specs() []command.Spec {
	return []command.Spec{
		{Name: "hdel", Arity: -3, Flags: shrinks | command.Brief, First: 1, Last: 1, Step: 1, Elem: 2, Run: hdel},
		{Name: "hexists", Arity: 3, Flags: fastRead, First: 1, Last: 1, Step: 1, Elem: 2, Run: hexists},
		{Name: "hexpire", Arity: -6, Flags: fastWrite, First: 1, Last: 1, Step: 1, Run: hexpire},
		{Name: "hexpireat", Arity: -6, Flags: fastWrite, First: 1, Last: 1, Step: 1, Run: hexpireAt},
		{Name: "hexpiretime", Arity: -5, Flags: fastRead, First: 1, Last: 1, Step: 1, Run: hexpireTime},
		{Name: "hget", Arity: 3, Flags: fastRead, First: 1, Last: 1, Step: 1, Elem: 2, Run: hget},
		{Name: "hgetall", Arity: 2, Flags: read, First: 1, Last: 1, Step: 1, Run: hgetall},
		{Name: "hgetdel", Arity: -5, Flags: shrinks, First: 1, Last: 1, Step: 1, Run: hgetDel},
		{Name: "hgetex", Arity: -5, Flags: shrinks, First: 1, Last: 1, Step: 1, Run: hgetEx},
		{Name: "hincrby", Arity: 4, Flags: fastWrite, First: 1, Last: 1, Step: 1, Elem: 2, Run: hincrBy},
		{Name: "hincrbyfloat", Arity: 4, Flags: fastWrite, First: 1, Last: 1, Step: 1, Run: hincrByFloat},
		{Name: "hkeys", Arity: 2, Flags: read, First: 1, Last: 1, Step: 1, Run: hkeys},
		{Name: "hlen", Arity: 2, Flags: fastRead, First: 1, Last: 1, Step: 1, Run: hlen},
		{Name: "hmget", Arity: -3, Flags: fastRead | command.Brief, First: 1, Last: 1, Step: 1, Run: hmget},
		{Name: "hmset", Arity: -4, Flags: fastWrite | command.Brief, First: 1, Last: 1, Step: 1, Run: hmset},
		{Name: "hpersist", Arity: -5, Flags: shrinks, First: 1, Last: 1, Step: 1, Run: hpersist},
		{Name: "hpexpire", Arity: -6, Flags: fastWrite, First: 1, Last: 1, Step: 1, Run: hpexpire},
		{Name: "hpexpireat", Arity: -6, Flags: fastWrite, First: 1, Last: 1, Step: 1, Run: hpexpireAt},
		{Name: "hpexpiretime", Arity: -5, Flags: fastRead, First: 1, Last: 1, Step: 1, Run: hpexpireTime},
		{Name: "hpttl", Arity: -5, Flags: fastRead, First: 1, Last: 1, Step: 1, Run: hpttl},
		{Name: "hrandfield", Arity: -2, Flags: read, First: 1, Last: 1, Step: 1, Run: hrandField},
		{Name: "hscan", Arity: -3, Flags: read, First: 1, Last: 1, Step: 1, Run: hscan},
		{Name: "hset", Arity: -4, Flags: fastWrite | command.Brief, First: 1, Last: 1, Step: 1, Elem: 2, Run: hset},
		{Name: "hsetex", Arity: -6, Flags: fastWrite, First: 1, Last: 1, Step: 1, Run: hsetEx},
		{Name: "hsetnx", Arity: 4, Flags: fastWrite, First: 1, Last: 1, Step: 1, Elem: 2, Run: hsetNX},
		{Name: "hstrlen", Arity: 3, Flags: fastRead, First: 1, Last: 1, Step: 1, Run: hstrLen},
		{Name: "httl", Arity: -5, Flags: fastRead, First: 1, Last: 1, Step: 1, Run: httl},
		{Name: "hvals", Arity: 2, Flags: read, First: 1, Last: 1, Step: 1, Run: hvals},
	}
}
