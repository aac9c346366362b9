// Package keys is the family of commands on keys of any type: their names,
// their deadlines, their places, and all of them at once.
package keys

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/store"
)

// Specs is the family's part of the command table.
func Specs() []command.Spec {
	const (
		read      = command.ReadOnly
		write     = command.Write
		fast      = command.Fast
		denyOOM   = command.DenyOOM
		allShards = command.AllShards
	)
	return []command.Spec{
		{Name: "del", Arity: -2, Flags: write, First: 1, Last: -1, Step: 1, Run: del},
		{Name: "unlink", Arity: -2, Flags: write | fast, First: 1, Last: -1, Step: 1, Run: unlink},
		{Name: "exists", Arity: -2, Flags: read | fast, First: 1, Last: -1, Step: 1, Run: exists},
		{Name: "touch", Arity: -2, Flags: read | fast, First: 1, Last: -1, Step: 1, Run: touch},
		{Name: "type", Arity: 2, Flags: read | fast, First: 1, Last: 1, Step: 1, Run: typeOf},

		{Name: "ttl", Arity: 2, Flags: read | fast, First: 1, Last: 1, Step: 1, Run: ttl},
		{Name: "pttl", Arity: 2, Flags: read | fast, First: 1, Last: 1, Step: 1, Run: pttl},
		{Name: "expiretime", Arity: 2, Flags: read | fast, First: 1, Last: 1, Step: 1, Run: expireTime},
		{Name: "pexpiretime", Arity: 2, Flags: read | fast, First: 1, Last: 1, Step: 1, Run: pexpireTime},
		{Name: "expire", Arity: -3, Flags: write | fast, First: 1, Last: 1, Step: 1, Run: expire},
		{Name: "pexpire", Arity: -3, Flags: write | fast, First: 1, Last: 1, Step: 1, Run: pexpire},
		{Name: "expireat", Arity: -3, Flags: write | fast, First: 1, Last: 1, Step: 1, Run: expireAt},
		{Name: "pexpireat", Arity: -3, Flags: write | fast, First: 1, Last: 1, Step: 1, Run: pexpireAt},
		{Name: "persist", Arity: 2, Flags: write | fast, First: 1, Last: 1, Step: 1, Run: persist},

		{Name: "rename", Arity: 3, Flags: write, First: 1, Last: 2, Step: 1, Run: rename},
		{Name: "renamenx", Arity: 3, Flags: write | fast, First: 1, Last: 2, Step: 1, Run: renameNX},
		{Name: "copy", Arity: -3, Flags: write | denyOOM, First: 1, Last: 2, Step: 1, Run: copyKey},
		{Name: "move", Arity: 3, Flags: write | fast, First: 1, Last: 1, Step: 1, Run: move},

		{Name: "keys", Arity: 2, Flags: read | allShards, Run: keys},
		{Name: "scan", Arity: -2, Flags: read | command.NoLock, Run: scan},
		{Name: "randomkey", Arity: 1, Flags: read | allShards, Run: randomKey},
		{Name: "dbsize", Arity: 1, Flags: read | fast | allShards, Run: dbSize},

		{Name: "dump", Arity: 2, Flags: read, First: 1, Last: 1, Step: 1, Run: dump},
		{Name: "restore", Arity: -4, Flags: write | denyOOM, First: 1, Last: 1, Step: 1, Run: restore},
		{Name: "restore-asking", Arity: -4, Flags: write | denyOOM, First: 1, Last: 1, Step: 1, Run: restore},

		{Name: "flushdb", Arity: -1, Flags: write | allShards, Run: flushDB},
		{Name: "flushall", Arity: -1, Flags: write | allShards, Run: flushAll},
		{Name: "swapdb", Arity: 3, Flags: write | fast | allShards, Run: swapDB},

		{Name: "wait", Arity: 3, Flags: command.NoScript, Run: wait},

		{Name: "object", Arity: -2, Subs: []command.Spec{
			{Name: "object|encoding", Arity: 3, Flags: read, First: 2, Last: 2, Step: 1, Run: objectEncoding},
			{Name: "object|freq", Arity: 3, Flags: read, First: 2, Last: 2, Step: 1, Run: objectFreq},
			{Name: "object|idletime", Arity: 3, Flags: read, First: 2, Last: 2, Step: 1, Run: objectIdleTime},
			{Name: "object|refcount", Arity: 3, Flags: read, First: 2, Last: 2, Step: 1, Run: objectRefCount},
			{Name: "object|help", Arity: 2, Flags: command.Loading | command.Stale, Run: objectHelp},
		}},
	}
}

// added publishes the event of a key that has come into being.
func added(c *command.Ctx, ks *store.Keyspace, key []byte) {
	if c.Notify&command.NotifyNew != 0 {
		c.Publish(ks.DB(), command.NotifyNew, "new", key)
	}
}
