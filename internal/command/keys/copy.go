package keys

import (
	"bytes"

	"github.com/redstart-db/redstart/internal/command"
)

func copyKey(c *command.Ctx) {
	db, replace := c.DB(), false
	for i := 3; i < len(c.Args); i++ {
		switch {
		case c.Is(i, "REPLACE"):
			replace = true
		case c.Is(i, "DB") && i+1 < len(c.Args):
			var ok bool
			if db, ok = c.DBArg(i+1, command.ErrNotInteger); !ok {
				return
			}
			i++
		default:
			c.Err(command.ErrSyntax)
			return
		}
	}
	if c.Config.ClusterEnabled && (db != 0 || c.DB() != 0) {
		c.Err("ERR Copying to another database is not allowed in cluster mode")
		return
	}
	if db == c.DB() && bytes.Equal(c.Args[1], c.Args[2]) {
		c.Err(command.ErrSameObject)
		return
	}
	from, to := c.Key(1), c.Key(2)
	src, dst := c.Keyspace(from), c.KeyspaceIn(to, db)
	if !c.Read(from).Ok() {
		c.Int(0)
		return
	}
	old := dst.Lookup(to, c.Now())
	if old.Ok() && !replace {
		c.Int(0)
		return
	}
	e := src.Find(from)
	if c.CopiesFirst(from, e, dst) {
		return
	}
	dst.Copy(to, old, e, e.Deadline()).Renew()
	added(c, dst, to.B)
	c.ChangedIn(dst, to.B, command.NotifyGeneric, "copy_to")
	c.Int(1)
}

func move(c *command.Ctx) {
	if c.Config.ClusterEnabled {
		c.Err("ERR MOVE is not allowed in cluster mode")
		return
	}
	db, ok := c.DBArg(2, command.ErrNotInteger)
	if !ok {
		return
	}
	if db == c.DB() {
		c.Err(command.ErrSameObject)
		return
	}
	k := c.Key(1)
	src, dst := c.Keyspace(k), c.KeyspaceIn(k, db)
	e := c.Write(k)
	if !e.Ok() {
		c.Int(0)
		return
	}
	old := dst.Lookup(k, c.Now())
	if old.Ok() {
		c.Int(0)
		return
	}
	dst.Take(k, old, k, e)
	added(c, dst, k.B)
	src.Touch(k.B)
	c.Event(k, command.NotifyGeneric, "move_from")
	c.ChangedIn(dst, k.B, command.NotifyGeneric, "move_to")
	c.Int(1)
}
