package hash

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/store"
)

// The commands of Redis 8.0 that read or set fields together with what becomes of
// them.

func hgetDel(c *command.Ctx) {
	k := c.Key(1)
	e, ok := c.WriteType(k, store.Hash)
	if !ok {
		return
	}
	fields, ok := fieldArgs(c, 2, 1, badNumber)
	if !ok {
		return
	}
	replyFields(c, k, e, fields, (*edit).remove)
}

// replyFields replies with the values of fields, and does something to those that
// are there.
func replyFields(c *command.Ctx, k store.Key, e store.Entry, fields [][]byte, do func(x *edit, field []byte)) {
	x := startEdit(c, k, e, fields)
	c.Array(len(fields))
	if !x.e.Ok() {
		for range fields {
			c.Null()
		}
		return
	}
	defer x.finish()
	for _, field := range fields {
		v := openAll(x.e)
		value, there := v.find(field)
		reply(c, value, there)
		if there {
			do(&x, field)
		}
	}
}

// timeOption reads a time at argument i, such as EX 10, as Unix milliseconds. width
// is 0 when there is none. The error is in the reply when ok is false.
func timeOption(c *command.Ctx, i int) (at int64, width int, ok bool) {
	for _, o := range [...]struct {
		word     string
		unit     int64
		relative bool
	}{{"EX", 1000, true}, {"PX", 1, true}, {"EXAT", 1000, false}, {"PXAT", 1, false}} {
		if c.Is(i, o.word) && i+1 < len(c.Args) {
			at, ok = timeArg(c, i+1, o.unit, o.relative)
			return at, 2, ok
		}
	}
	return 0, 0, true
}

func hgetEx(c *command.Ctx) {
	k := c.Key(1)
	e, ok := c.WriteType(k, store.Hash)
	if !ok {
		return
	}
	at, next, ok := timeOption(c, 2)
	if !ok {
		return
	}
	timed, persist := next > 0, c.Is(2, "PERSIST")
	if persist {
		next = 1
	}
	fields, ok := fieldArgs(c, 2+next, 1, badNumber)
	if !ok {
		return
	}
	replyFields(c, k, e, fields, func(x *edit, field []byte) {
		if timed {
			x.expire(field, at)
		} else if was, _ := x.deadline(field); persist && was != 0 {
			x.setDeadline(field, 0)
		}
	})
}

// setOptions are the words of HSETEX between the key and the fields.
type setOptions struct {
	ifNone, ifAll bool // FNX, FXX
	keep, timed   bool
	at            int64
}

// parse reads the options and gives the index of the first argument behind them.
func (o *setOptions) parse(c *command.Ctx) (next int, ok bool) {
	for next = 2; next < len(c.Args) && !c.Is(next, "FIELDS"); {
		at, width, ok := timeOption(c, next)
		switch {
		case !ok:
			return 0, false
		case width > 0 && !o.timed && !o.keep:
			o.at, o.timed = at, true
			next += width
			continue
		case c.Is(next, "KEEPTTL") && !o.timed && !o.keep:
			o.keep = true
		case width > 0 || c.Is(next, "KEEPTTL"):
			c.Err("ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified")
			return 0, false
		case c.Is(next, "FNX") && !o.ifAll && !o.ifNone:
			o.ifNone = true
		case c.Is(next, "FXX") && !o.ifAll && !o.ifNone:
			o.ifAll = true
		case c.Is(next, "FNX") || c.Is(next, "FXX"):
			c.Err("ERR Only one of FXX or FNX arguments can be specified")
			return 0, false
		default:
			c.Err("ERR unknown argument: " + string(c.Args[next]))
			return 0, false
		}
		next++
	}
	return next, true
}

// hsetEx sets fields and then their deadlines. In the list of effects these are two
// commands, so that relative times become absolute.
func hsetEx(c *command.Ctx) {
	k := c.Key(1)
	e, ok := c.WriteType(k, store.Hash)
	if !ok {
		return
	}
	var o setOptions
	next, ok := o.parse(c)
	if !ok {
		return
	}
	pairs, ok := fieldArgs(c, next, 2, badNumber)
	if !ok {
		return
	}
	names := make([][]byte, 0, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		names = append(names, pairs[i])
	}
	x := startEdit(c, k, e, names)
	there := countFields(x.e, names)
	switch {
	case o.ifNone && there > 0, o.ifAll && there < len(names):
		c.Int(0)
		return
	case o.timed && x.past && o.at <= c.Now():
		x.removeAll(names)
	default:
		x.set(pairs, names, o)
	}
	c.Int(1)
}

// countFields is how many of some fields are in a hash, which may not be there.
func countFields(e store.Entry, names [][]byte) (n int) {
	if !e.Ok() {
		return 0
	}
	v := openAll(e)
	for _, name := range names {
		if _, ok := v.find(name); ok {
			n++
		}
	}
	return n
}

// removeAll is HSETEX with a time that has passed: no field is there afterwards.
func (x *edit) removeAll(names [][]byte) {
	if !x.e.Ok() {
		return
	}
	defer x.finish()
	for _, name := range names {
		if _, there := x.deadline(name); there {
			x.remove(name)
		}
	}
}

func (x *edit) set(pairs, names [][]byte, o setOptions) {
	c := x.c
	if o.keep && x.e.Ok() {
		putEach(c, x.k, x.e, pairs, true)
	} else {
		putAll(c, x.k, x.e, pairs)
	}
	changed(c, x.k, x.e, "hset")
	c.Dirty(len(names) - 1)
	if !o.timed {
		return
	}
	c.Effect(append([][]byte{[]byte("HSET"), x.k.B}, pairs...)...)
	x.e = x.ks.Find(x.k)
	defer x.finish()
	for _, name := range names {
		x.expire(name, o.at)
	}
}
