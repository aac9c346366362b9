package exec

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/oplog"
	"github.com/redstart-db/redstart/internal/resp"
	"github.com/redstart-db/redstart/internal/store"
)

// Expired implements store.Hooks: the removal of an expired key is an effect
// like any other write, in front of those of the command that came upon it.
func (x *Exec) Expired(ks *store.Keyspace, key []byte) {
	if x.Log.Active() {
		name := []byte("DEL")
		if x.Config.LazyfreeLazyExpire {
			name = []byte("UNLINK")
		}
		x.removed(ks, resp.AppendCommand(nil, name, key))
	}
	if x.Notify&command.NotifyExpired != 0 {
		x.Publish(ks.DB(), command.NotifyExpired, "expired", key)
	}
}

// FieldsExpired implements store.Hooks: so is that of expired fields, each by itself,
// as Redis tells of them.
func (x *Exec) FieldsExpired(ks *store.Keyspace, key []byte, fields [][]byte, gone bool) {
	if x.Log.Active() {
		for _, field := range fields {
			x.removed(ks, resp.AppendCommand(nil, []byte("HDEL"), key, field))
		}
	}
	if x.Notify&command.NotifyHash != 0 {
		x.Publish(ks.DB(), command.NotifyHash, "hexpired", key)
	}
	if gone && x.Notify&command.NotifyGeneric != 0 {
		x.Publish(ks.DB(), command.NotifyGeneric, "del", key)
	}
}

// removed logs a removal by the store: at once, or, while a transaction holds the
// shard, between the effects of its commands, to which it may have come.
func (x *Exec) removed(ks *store.Keyspace, cmd []byte) {
	e := oplog.Effect{DB: ks.DB(), Count: 1, Cmds: cmd}
	if w := x.collecting[ks.Shard().ID()]; w != nil {
		w.effects = append(w.effects, e)
		return
	}
	x.Log.Add(e)
}

// collect has removals in some shards, which are locked, put among the effects of w,
// or no longer.
func (x *Exec) collect(w *Worker, locks store.LockSet, on bool) {
	for i := range x.Store.Shards() {
		if !locks.Has(x.Store.Shard(i)) {
			continue
		}
		if x.collecting[i] = nil; on {
			x.collecting[i] = w
		}
	}
}
