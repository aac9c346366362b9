package server

import (
	"errors"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/num"
	"github.com/redstart-db/redstart/internal/resp"
	"github.com/redstart-db/redstart/internal/session"
)

// rewriteAppendFile is BGREWRITEAOF.
func (f *family) rewriteAppendFile(c *command.Ctx) {
	started, err := f.node.RewriteAppendFile(c.Sess.Flags&session.InExec != 0)
	switch {
	case errors.Is(err, ErrNoFiles):
		c.Err(errNoFiles)
	case err != nil:
		c.Err("ERR " + err.Error())
	case started:
		c.Simple("Background append only file rewriting started")
	default:
		c.Simple("Background append only file rewriting scheduled")
	}
}

// debugLoadAppendFile lets other clients run while the file is loaded: they are told
// that it is.
func debugLoadAppendFile(f *family, c *command.Ctx) {
	if c.Store.Loading { // DEBUG itself is let through, and data is loaded once at a time
		c.Err(command.ErrLoading)
		return
	}
	c.Block(command.Wait{
		Firm:   true,
		Denied: resp.AppendError(nil, "ERR DEBUG LOADAOF can't be part of a transaction"),
		Begin: func(end func([]byte) bool) {
			f.node.LoadAppendFile(func(err error) {
				if err != nil {
					end(resp.AppendError(nil, "ERR Error trying to load the AOF files: "+err.Error()))
					return
				}
				end(resp.AppendSimple(nil, "OK"))
			})
		},
	})
}

func debugSlowAppendFile(f *family, c *command.Ctx) {
	n, _ := num.ParseInt(c.Args[2])
	f.node.SlowAppendFile(n)
	c.OK()
}

// waitAppendFile is WAITAOF: it waits until what the client has written is on disk.
// There are no replicas to wait for.
func (f *family) waitAppendFile(c *command.Ctx) {
	local, ok := num.ParseInt(c.Args[1])
	if !ok || local < 0 || local > 1 {
		c.Err("ERR value is out of range, must be between 0 and 1")
		return
	}
	replicas, ok := num.ParseInt(c.Args[2])
	if !ok || replicas < 0 {
		c.Err(command.ErrPositive)
		return
	}
	timeout, ok := c.TimeoutMSArg(3)
	if !ok {
		return
	}
	if local > 0 && !f.node.AppendFileOn() {
		c.Err("ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.")
		return
	}
	reply := func(has bool) []byte {
		b := resp.AppendArray(nil, 2)
		n := int64(0)
		if has {
			n = 1
		}
		return resp.AppendInt(resp.AppendInt(b, n), 0)
	}
	offset := c.Sess.Logged
	now := func() bool { return f.node.AppendFileOn() && f.node.AppendFileHas(offset, nil) }
	has := now()
	if replicas == 0 && (has || local == 0) || c.Sess.Flags&session.InExec != 0 {
		c.Out = append(c.Out, reply(has)...)
		return
	}
	w := command.Wait{Timeout: timeout, OnTimeout: reply(has), Late: func() []byte { return reply(now()) }}
	if replicas == 0 {
		w.Begin = func(end func([]byte) bool) {
			if f.node.AppendFileHas(offset, func() { end(reply(true)) }) {
				end(reply(true))
			}
		}
	}
	c.Block(w)
}
