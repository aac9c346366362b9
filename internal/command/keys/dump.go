package keys

import (
	"fmt"
	"slices"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/num"
	"github.com/redstart-db/redstart/internal/rdb"
	"github.com/redstart-db/redstart/internal/serial"
	"github.com/redstart-db/redstart/internal/store"
)

func dump(c *command.Ctx) {
	e := c.Read(c.Key(1))
	if !e.Ok() {
		c.Null()
		return
	}
	start := len(c.Out)
	c.Out = serial.AppendDump(c.Out, e, c.Config.RDBCompression)
	var buf [24]byte
	head := append(buf[:0], '$')
	head = append(num.AppendInt(head, int64(len(c.Out)-start)), '\r', '\n')
	c.Out = slices.Insert(c.Out, start, head...)
	c.Out = append(c.Out, '\r', '\n')
}

// restoreArgs are the arguments of RESTORE behind the key.
type restoreArgs struct {
	ttl      int64 // milliseconds, from now or since 1970
	replace  bool
	absolute bool
	idle     int64 // seconds, -1 when not given
	freq     int64 // -1 when not given
}

func restore(c *command.Ctx) {
	a := restoreArgs{idle: -1, freq: -1}
	if !a.options(c) {
		return
	}
	k := c.Key(1)
	ks := c.Keyspace(k)
	e := ks.Lookup(k, c.Now())
	if e.Ok() && !a.replace {
		c.Err(command.ErrBusyKey)
		return
	}
	var ok bool
	if a.ttl, ok = c.IntArg(2); !ok {
		return
	}
	if a.ttl < 0 {
		c.Err("ERR Invalid TTL value, must be >= 0")
		return
	}
	v, ok := payloadArg(c, ks)
	if !ok {
		return
	}
	at := a.ttl
	if at != 0 && !a.absolute {
		at += c.Now() // a sum that is too large is in the past, as in Redis
	}
	if at != 0 && at <= c.Now() && !c.Store.NoExpire {
		if e.Ok() {
			removePast(c, k, e, c.Config.LazyfreeLazyServerDel)
		}
		v.Free()
		c.OK()
		return
	}
	e = v.Store(k, e, at)
	a.access(c, e)
	if at != 0 && !a.absolute {
		restoreEffect(c, at)
	}
	added(c, ks, k.B)
	c.Changed(k, command.NotifyGeneric, "restore")
	c.OK()
}

// options reads what follows the payload.
func (a *restoreArgs) options(c *command.Ctx) bool {
	for i := 4; i < len(c.Args); i++ {
		more := i+1 < len(c.Args)
		var ok bool
		switch {
		case c.Is(i, "REPLACE"):
			a.replace = true
		case c.Is(i, "ABSTTL"):
			a.absolute = true
		case c.Is(i, "IDLETIME") && more && a.freq < 0:
			i++
			if a.idle, ok = c.IntArg(i); !ok {
				return false
			}
			if a.idle < 0 {
				c.Err("ERR Invalid IDLETIME value, must be >= 0")
				return false
			}
		case c.Is(i, "FREQ") && more && a.idle < 0:
			i++
			if a.freq, ok = c.IntArg(i); !ok {
				return false
			}
			if a.freq < 0 || a.freq > 255 {
				c.Err("ERR Invalid FREQ value, must be >= 0 and <= 255")
				return false
			}
		default:
			c.Err(command.ErrSyntax)
			return false
		}
	}
	return true
}

// payloadArg decodes argument 3. What follows the value is ignored, as in Redis.
// Values are always checked in depth, whatever sanitize-dump-payload says: it costs
// less than looking for a crash.
func payloadArg(c *command.Ctx, ks *store.Keyspace) (v serial.Value, ok bool) {
	body, err := rdb.VerifyDump(c.Args[3], !c.SkipChecksum)
	if err != nil {
		c.Err(command.ErrBadDump)
		return v, false
	}
	r := rdb.NewReader(body)
	lim := serial.LimitsOf(c.Config, c.ListPlainSize)
	t, err := r.Type()
	if err == nil {
		v, err = serial.Read(ks, &r, t, &lim)
	}
	if err != nil {
		c.Logger.Warn(fmt.Sprintf("RESTORE: %v integrity check failed: %v", t, err), "key", string(c.Args[1]))
		c.Err(command.ErrBadFormat)
		return v, false
	}
	return v, true
}

// access sets when, or how often, the key was used before.
func (a *restoreArgs) access(c *command.Ctx, e store.Entry) {
	switch {
	case c.Store.LFU.On && a.freq >= 0:
		e.SetFreq(uint8(a.freq))
	case !c.Store.LFU.On && a.idle >= 0:
		e.SetIdle(a.idle)
	default:
		e.Renew()
	}
}

// restoreEffect makes the effect the same at any time.
func restoreEffect(c *command.Ctx, at int64) {
	if !c.Logging() {
		return
	}
	args := append(make([][]byte, 0, len(c.Args)+1), c.Args...)
	args[2] = num.AppendInt(nil, at)
	c.Effect(append(args, []byte("ABSTTL"))...)
}
