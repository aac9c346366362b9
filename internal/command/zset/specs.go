// Package zset is the family of commands on sorted sets.
package zset

import "github.com/redstart-db/redstart/internal/command"

const (
	read      = command.ReadOnly
	fastRead  = command.ReadOnly | command.Fast
	write     = command.Write | command.DenyOOM
	fastWrite = command.Write | command.DenyOOM | command.Fast
	shrink    = command.Write // takes no memory, so it may run when there is none left
	fastPop   = command.Write | command.Fast
	blockPop  = command.Write | command.NoScript | command.Blocking | command.Fast
)

// Specs is the family's part of the command table. ZRANK and ZREVRANK take the
// WITHSCORE of Redis 7.2, beyond their documented arity.
func Specs() []command.Spec {
	keys1, keys2, andDst := command.NumKeys(1), command.NumKeys(2), command.NumKeys(2, 1)
	return []command.Spec{
		{Name: "bzmpop", Arity: -5, Flags: command.Write | command.Blocking, Keys: keys2, Run: bzmpop},
		{Name: "bzpopmax", Arity: -3, Flags: blockPop, First: 1, Last: -2, Step: 1, Run: bzpopMax},
		{Name: "bzpopmin", Arity: -3, Flags: blockPop, First: 1, Last: -2, Step: 1, Run: bzpopMin},
		{Name: "zadd", Arity: -4, Flags: fastWrite | command.Brief, First: 1, Last: 1, Step: 1, Elem: 3, Run: zadd},
		{Name: "zcard", Arity: 2, Flags: fastRead, First: 1, Last: 1, Step: 1, Run: zcard},
		{Name: "zcount", Arity: 4, Flags: fastRead, First: 1, Last: 1, Step: 1, Run: zcount},
		{Name: "zdiff", Arity: -3, Flags: read, Keys: keys1, Run: zdiff},
		{Name: "zdiffstore", Arity: -4, Flags: write, First: 1, Last: 1, Step: 1, Keys: andDst, Run: zdiffStore},
		{Name: "zincrby", Arity: 4, Flags: fastWrite, First: 1, Last: 1, Step: 1, Elem: 3, Run: zincrBy},
		{Name: "zinter", Arity: -3, Flags: read, Keys: keys1, Run: zinter},
		{Name: "zintercard", Arity: -3, Flags: read, Keys: keys1, Run: zinterCard},
		{Name: "zinterstore", Arity: -4, Flags: write, First: 1, Last: 1, Step: 1, Keys: andDst, Run: zinterStore},
		{Name: "zlexcount", Arity: 4, Flags: fastRead, First: 1, Last: 1, Step: 1, Run: zlexCount},
		{Name: "zmpop", Arity: -4, Flags: shrink, Keys: keys1, Run: zmpop},
		{Name: "zmscore", Arity: -3, Flags: fastRead | command.Brief, First: 1, Last: 1, Step: 1, Run: zmscore},
		{Name: "zpopmax", Arity: -2, Flags: fastPop, First: 1, Last: 1, Step: 1, Run: zpopMax},
		{Name: "zpopmin", Arity: -2, Flags: fastPop, First: 1, Last: 1, Step: 1, Run: zpopMin},
		{Name: "zrandmember", Arity: -2, Flags: read, First: 1, Last: 1, Step: 1, Run: zrandMember},
		{Name: "zrange", Arity: -4, Flags: read, First: 1, Last: 1, Step: 1, Run: zrange},
		{Name: "zrangebylex", Arity: -4, Flags: read, First: 1, Last: 1, Step: 1, Run: zrangeByLex},
		{Name: "zrangebyscore", Arity: -4, Flags: read, First: 1, Last: 1, Step: 1, Run: zrangeByScore},
		{Name: "zrangestore", Arity: -5, Flags: write, First: 1, Last: 2, Step: 1, Run: zrangeStore},
		{Name: "zrank", Arity: -3, Flags: fastRead, First: 1, Last: 1, Step: 1, Elem: 2, Run: zrank},
		{Name: "zrem", Arity: -3, Flags: fastPop | command.Brief, First: 1, Last: 1, Step: 1, Run: zrem},
		{Name: "zremrangebylex", Arity: 4, Flags: shrink, First: 1, Last: 1, Step: 1, Run: zremRangeByLex},
		{Name: "zremrangebyrank", Arity: 4, Flags: shrink, First: 1, Last: 1, Step: 1, Run: zremRangeByRank},
		{Name: "zremrangebyscore", Arity: 4, Flags: shrink, First: 1, Last: 1, Step: 1, Run: zremRangeByScore},
		{Name: "zrevrange", Arity: -4, Flags: read, First: 1, Last: 1, Step: 1, Run: zrevRange},
		{Name: "zrevrangebylex", Arity: -4, Flags: read, First: 1, Last: 1, Step: 1, Run: zrevRangeByLex},
		{Name: "zrevrangebyscore", Arity: -4, Flags: read, First: 1, Last: 1, Step: 1, Run: zrevRangeByScore},
		{Name: "zrevrank", Arity: -3, Flags: fastRead, First: 1, Last: 1, Step: 1, Elem: 2, Run: zrevRank},
		{Name: "zscan", Arity: -3, Flags: read, First: 1, Last: 1, Step: 1, Run: zscan},
		{Name: "zscore", Arity: 3, Flags: fastRead, First: 1, Last: 1, Step: 1, Elem: 2, Run: zscore},
		{Name: "zunion", Arity: -3, Flags: read, Keys: keys1, Run: zunion},
		{Name: "zunionstore", Arity: -4, Flags: write, First: 1, Last: 1, Step: 1, Keys: andDst, Run: zunionStore},
	}
}
