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
		x.Log.Add(oplog.Effect{DB: ks.DB(), Count: 1, Cmds: resp.AppendCommand(nil, name, key)})
	}
	if x.Notify&command.NotifyExpired != 0 {
		x.Publish(ks.DB(), command.NotifyExpired, "expired", key)
	}
}

// FieldsExpired implements store.Hooks: so is that of expired fields.
func (x *Exec) FieldsExpired(ks *store.Keyspace, key []byte, fields [][]byte, gone bool) {
	if x.Log.Active() {
		args := append([][]byte{[]byte("HDEL"), key}, fields...)
		x.Log.Add(oplog.Effect{DB: ks.DB(), Count: 1, Cmds: resp.AppendCommand(nil, args...)})
	}
	if x.Notify&command.NotifyHash != 0 {
		x.Publish(ks.DB(), command.NotifyHash, "hexpired", key)
	}
	if gone && x.Notify&command.NotifyGeneric != 0 {
		x.Publish(ks.DB(), command.NotifyGeneric, "del", key)
	}
}
