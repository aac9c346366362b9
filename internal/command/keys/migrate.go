package keys

import (
	"errors"
	"net"
	"time"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/migrate"
	"github.com/redstart-db/redstart/internal/num"
	"github.com/redstart-db/redstart/internal/resp"
	"github.com/redstart-db/redstart/internal/serial"
	"github.com/redstart-db/redstart/internal/store"
)

// MigrateSpecs is MIGRATE, which needs connections to other servers.
func MigrateSpecs(links *migrate.Links) []command.Spec {
	m := migrator{links}
	return []command.Spec{
		{Name: "migrate", Arity: -6, Flags: command.Write | command.MovableKeys, Keys: migrateKeys, Run: m.migrate,
			First: 3, Last: 3, Step: 1},
	}
}

type migrator struct{ links *migrate.Links }

const (
	errMigrateKeys    = "ERR When using MIGRATE KEYS option, the key argument must be set to the empty string"
	errMigrateConnect = "IOERR error or timeout connecting to the client"
	errMigrateWrite   = "IOERR error or timeout writing to target instance"
	errMigrateRead    = "IOERR error or timeout reading from target instance"

	migrateTimeout = 1000 // milliseconds, if none is given
)

// migrateArgs is the arguments of MIGRATE.
type migrateArgs struct {
	first, last   int // the keys
	copy          bool
	replace       bool
	user, pass    []byte // nil: none
	secrets       []int  // which arguments they are
	syntax, mixed bool   // what is wrong
}

func parseMigrate(args [][]byte) (a migrateArgs) {
	a.first, a.last = 3, 3
	for i := 6; i < len(args); i++ {
		left := len(args) - 1 - i
		switch {
		case command.EqualFold(args[i], "COPY"):
			a.copy = true
		case command.EqualFold(args[i], "REPLACE"):
			a.replace = true
		case command.EqualFold(args[i], "AUTH") && left >= 1:
			a.user, a.pass = nil, args[i+1]
			a.secrets = append(a.secrets, i+1)
			i++
		case command.EqualFold(args[i], "AUTH2") && left >= 2:
			a.user, a.pass = args[i+1], args[i+2]
			a.secrets = append(a.secrets, i+1, i+2)
			i += 2
		case command.EqualFold(args[i], "KEYS"):
			a.mixed = len(args[3]) != 0
			a.first, a.last = i+1, len(args)-1
			return a
		default:
			a.syntax = true
			return a
		}
	}
	return a
}

func migrateKeys(args [][]byte, dst []int) []int {
	if len(args) < 6 {
		return nil
	}
	a := parseMigrate(args)
	if a.syntax {
		return nil
	}
	for i := a.first; i <= a.last; i++ {
		dst = append(dst, i)
	}
	return dst
}

// migrate sends keys to another server, and removes those that it has taken. As in Redis
// nobody sees the keys meanwhile: their shards are locked, so the timeout had better be
// short.
func (m migrator) migrate(c *command.Ctx) {
	a := parseMigrate(c.Args)
	for _, i := range a.secrets {
		c.Redact(i)
	}
	switch {
	case a.syntax:
		c.Err(command.ErrSyntax)
		return
	case a.mixed:
		c.Err(errMigrateKeys)
		return
	}
	timeout, ok := c.IntArg(5)
	if !ok {
		return
	}
	db, ok := c.IntArg(4)
	if !ok {
		return
	}
	if timeout <= 0 {
		timeout = migrateTimeout
	}
	r := migrate.Request{
		Addr:    net.JoinHostPort(string(c.Args[1]), string(c.Args[2])),
		Timeout: time.Duration(min(timeout, 1<<40)) * time.Millisecond,
		DB:      int(db),
	}
	if a.pass != nil {
		r.Befores = 1
		if a.user != nil {
			r.Before = resp.AppendCommand(nil, []byte("AUTH"), a.user, a.pass)
		} else {
			r.Before = resp.AppendCommand(nil, []byte("AUTH"), a.pass)
		}
	}
	sent := m.collect(c, &a, &r)
	if len(sent) == 0 {
		c.Simple("NOKEY")
		return
	}
	var failed string
	taken := [][]byte{[]byte("DEL")}
	refused, err := m.links.Send(&r, func(i int, text string) {
		if text != "" {
			if failed == "" {
				failed = text
			}
			return
		}
		if a.copy {
			return
		}
		k := c.Key(sent[i])
		ks := c.Keyspace(k)
		if e := ks.Lookup(k, c.Now()); e.Ok() { // it may be named twice
			ks.Remove(k, e)
			c.Changed(k, command.NotifyGeneric, "del")
			taken = append(taken, k.B)
		}
	})
	if len(taken) > 1 {
		c.Effect(taken...)
	}
	switch {
	case errors.Is(err, migrate.ErrConnect):
		c.Err(errMigrateConnect)
	case errors.Is(err, migrate.ErrWrite):
		c.Err(errMigrateWrite)
	case err != nil:
		c.Err(errMigrateRead)
	case refused != "" || failed != "":
		c.Err("ERR Target instance replied with error: " + refused + failed)
	default:
		c.OK()
	}
}

// collect makes the commands for the keys that are there, and gives the arguments that
// these are.
func (m migrator) collect(c *command.Ctx, a *migrateArgs, r *migrate.Request) (sent []int) {
	restore, replace := []byte("RESTORE"), []byte("REPLACE")
	for i := a.first; i <= a.last; i++ {
		k := c.Key(i)
		e := c.Keyspace(k).Lookup(k, c.Now())
		if !e.Ok() {
			continue
		}
		payload := serial.AppendDump(nil, e, c.Config.RDBCompression)
		args := [][]byte{restore, k.B, num.AppendInt(nil, timeLeft(e, c.Now())), payload}
		if a.replace {
			args = append(args, replace)
		}
		r.Cmds = resp.AppendCommand(r.Cmds, args...)
		sent = append(sent, i)
	}
	r.Count = len(sent)
	return sent
}

// timeLeft is the milliseconds to the deadline of a key, 0 if it has none.
func timeLeft(e store.Entry, now int64) int64 {
	at := e.Deadline()
	if at == 0 {
		return 0
	}
	return max(at-now, 1)
}
