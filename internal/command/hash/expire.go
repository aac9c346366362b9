package hash

import (
	"math"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/ds/dict"
	"github.com/redstart-db/redstart/internal/ds/triples"
	"github.com/redstart-db/redstart/internal/num"
	"github.com/redstart-db/redstart/internal/store"
)

func hexpire(c *command.Ctx)    { setExpiry(c, 1000, true) }
func hpexpire(c *command.Ctx)   { setExpiry(c, 1, true) }
func hexpireAt(c *command.Ctx)  { setExpiry(c, 1000, false) }
func hpexpireAt(c *command.Ctx) { setExpiry(c, 1, false) }

// What HEXPIRE and the like reply for a field.
const (
	noField   = -2
	noExpiry  = -1
	unchanged = 0
	updated   = 1
	deleted   = 2 // the time has passed
)

// maxTime is the latest deadline of a field in Unix milliseconds: Redis has two
// bits less for it than it keeps.
const maxTime = (1<<48 - 1) >> 2

// condition tells for which fields a new deadline is set.
type condition uint8

const (
	always    condition = iota
	ifNone              // NX: the field has no deadline
	ifAny               // XX: it has one
	ifGreater           // GT: the new one is later; none is the latest
	ifLess              // LT: the new one is earlier
)

func conditionOf(word []byte) condition {
	for i, w := range [...]string{"NX", "XX", "GT", "LT"} {
		if command.EqualFold(word, w) {
			return ifNone + condition(i)
		}
	}
	return always
}

// holds tells whether a field whose deadline is was (0 for none) gets the new one.
func (f condition) holds(was, at int64) bool {
	switch f {
	case ifNone:
		return was == 0
	case ifAny:
		return was != 0
	case ifGreater:
		return was != 0 && at > was
	case ifLess:
		return was == 0 || at < was
	}
	return true
}

// timeArg reads argument i, a time in units of so many milliseconds, as Unix
// milliseconds.
func timeArg(c *command.Ctx, i int, unit int64, relative bool) (at int64, ok bool) {
	n, ok := c.IntArg(i)
	if !ok {
		return 0, false
	}
	if n < 0 {
		c.Err("ERR invalid expire time, must be >= 0")
		return 0, false
	}
	base := int64(0)
	if relative {
		base = c.Now()
	}
	if n > maxTime/unit || n*unit > maxTime-base {
		c.Err("ERR invalid expire time in '" + c.Spec.Name + "' command")
		return 0, false
	}
	return n*unit + base, true
}

const (
	badCount    = "ERR Parameter `numFields` should be greater than 0"
	badNumber   = "ERR Number of fields must be a positive integer"
	noFields    = "ERR Mandatory argument FIELDS is missing or not at the right position"
	otherNumber = "ERR The `numfields` parameter must match the number of arguments"
)

// fieldArgs reads FIELDS, a number and as many groups of width arguments, from
// argument i to the end. bad is the error of a number that is none.
func fieldArgs(c *command.Ctx, i, width int, bad string) (fields [][]byte, ok bool) {
	if !c.Is(i, "FIELDS") || i+1 >= len(c.Args) {
		c.Err(noFields)
		return nil, false
	}
	n, ok := num.ParseInt(c.Args[i+1])
	fields = c.Args[i+2:]
	switch {
	case !ok || n < 1:
		c.Err(bad)
	case n > math.MaxInt32 || int(n)*width != len(fields):
		if width > 1 {
			c.Err(command.WrongArity(c.Spec.Name)) // HSETEX, of Redis 8.0
			return nil, false
		}
		c.Err(otherNumber)
	default:
		return fields, true
	}
	return nil, false
}

func setExpiry(c *command.Ctx, unit int64, relative bool) {
	k := c.Key(1)
	e, ok := c.WriteType(k, store.Hash)
	if !ok {
		return
	}
	at, ok := timeArg(c, 2, unit, relative)
	if !ok {
		return
	}
	next := 3
	f := conditionOf(c.Args[next])
	if f != always {
		next++
	}
	fields, ok := fieldArgs(c, next, 1, badCount)
	if !ok {
		return
	}
	x := startEdit(c, k, e, fields)
	if f != always {
		x.word = c.Args[3]
	}
	c.Array(len(fields))
	if !x.e.Ok() {
		replyNoFields(c, len(fields))
		return
	}
	defer x.finish()
	for _, field := range fields {
		was, there := x.deadline(field)
		switch {
		case !there:
			c.Int(noField)
		case !f.holds(was, at):
			c.Int(unchanged)
		case x.expire(field, at):
			c.Int(deleted)
		default:
			c.Int(updated)
		}
	}
}

func replyNoFields(c *command.Ctx, n int) {
	for range n {
		c.Int(noField)
	}
}

func hpersist(c *command.Ctx) {
	k := c.Key(1)
	e, ok := c.WriteType(k, store.Hash)
	if !ok {
		return
	}
	fields, ok := fieldArgs(c, 2, 1, badNumber)
	if !ok {
		return
	}
	x := startEdit(c, k, e, fields)
	c.Array(len(fields))
	if !x.e.Ok() {
		replyNoFields(c, len(fields))
		return
	}
	defer x.finish()
	for _, field := range fields {
		was, there := x.deadline(field)
		switch {
		case !there:
			c.Int(noField)
		case was == 0:
			c.Int(noExpiry)
		default:
			x.setDeadline(field, 0)
			c.Int(updated)
		}
	}
}

func httl(c *command.Ctx)         { replyTTL(c, 1000, true) }
func hpttl(c *command.Ctx)        { replyTTL(c, 1, true) }
func hexpireTime(c *command.Ctx)  { replyTTL(c, 1000, false) }
func hpexpireTime(c *command.Ctx) { replyTTL(c, 1, false) }

func replyTTL(c *command.Ctx, unit int64, relative bool) {
	e, ok := c.ReadType(c.Key(1), store.Hash)
	if !ok {
		return
	}
	fields, ok := fieldArgs(c, 2, 1, badNumber)
	if !ok {
		return
	}
	c.Array(len(fields))
	if !e.Ok() {
		replyNoFields(c, len(fields))
		return
	}
	v := open(c, e)
	for _, field := range fields {
		at, there := v.deadline(field)
		switch {
		case !there:
			c.Int(noField)
			continue
		case at == 0:
			c.Int(noExpiry)
			continue
		case relative:
			at -= c.Now()
		}
		c.Int((at + unit - 1) / unit)
	}
}

// edit is a change of the deadlines of fields, or of several things at once, of a
// hash that is there. Its methods take fields that are there.
type edit struct {
	c    *command.Ctx
	k    store.Key
	ks   *store.Keyspace
	e    store.Entry
	past bool   // what expires is removed: not on a replica
	word []byte // NX, XX, GT or LT, if the deadlines depend on such; borrowed

	at                        int64 // the deadline that timed fields were given
	timed, persisted, removed tally
}

// tally is the fields to which something was done.
type tally struct {
	n      int
	fields [][]byte // noted only for effects
}

func (t *tally) add(c *command.Ctx, field []byte) {
	t.n++
	if c.Logging() {
		t.fields = append(t.fields, field)
	}
}

// startEdit begins a change of some fields of e, which may be gone then: its entry is
// not Ok.
func startEdit(c *command.Ctx, k store.Key, e store.Entry, fields [][]byte) edit {
	if e.Ok() && e.Timed() && e.NextField() <= c.Now() {
		e = c.Keyspace(k).ExpireNamed(e, c.Now(), fields)
	}
	return edit{c: c, k: k, ks: c.Keyspace(k), e: e, past: !c.Store.NoExpire}
}

func (x *edit) deadline(field []byte) (at int64, there bool) {
	v := openAll(x.e)
	return v.deadline(field)
}

// expire gives a field a deadline, and removes it if that has passed.
func (x *edit) expire(field []byte, at int64) (removed bool) {
	if x.past && at <= x.c.Now() {
		x.remove(field)
		return true
	}
	x.setDeadline(field, max(at, 1))
	return false
}

func (x *edit) setDeadline(field []byte, at int64) {
	if at != 0 {
		x.e = x.ks.MakeTimed(x.e)
	}
	if x.e.Packed() {
		p := x.e.Pack()
		if at != 0 {
			x.e = x.ks.Grow(x.e, triples.NeedDeadline(p))
			p = x.e.Pack()
		}
		pos, _ := triples.Find(p, field)
		triples.SetDeadline(p, pos, at)
	} else {
		d := x.e.Object().(*dict.Dict)
		el, _ := d.Find(field)
		d.SetDeadline(el, at)
	}
	if at == 0 {
		x.persisted.add(x.c, field)
	} else {
		x.at = at
		x.timed.add(x.c, field)
	}
}

func (x *edit) remove(field []byte) {
	v := openAll(x.e)
	v.remove(field)
	x.removed.add(x.c, field)
}

// finish says what was changed, also when memory ended half way.
func (x *edit) finish() {
	v := openAll(x.e)
	left := v.len()
	settle(x.ks, x.k, x.e, left)
	x.say("hexpire", x.timed.n)
	x.say("hpersist", x.persisted.n)
	x.say("hdel", x.removed.n)
	if left == 0 {
		x.c.Event(x.k, command.NotifyGeneric, "del")
	}
	x.effects()
}

func (x *edit) say(event string, n int) {
	if n > 0 {
		x.c.Changed(x.k, command.NotifyHash, event)
		x.c.Dirty(n - 1)
	}
}

func (x *edit) effects() {
	if f := x.timed.fields; len(f) > 0 {
		deadlineEffect(x.c, x.k, x.at, x.word, f)
	}
	if f := x.persisted.fields; len(f) > 0 {
		x.c.Effect(fieldWords([][]byte{[]byte("HPERSIST"), x.k.B}, f)...)
	}
	for _, field := range x.removed.fields {
		x.c.Effect([]byte("HDEL"), x.k.B, field)
	}
}

// deadlineEffect adds the effect that fields have a deadline, with the condition that
// has been met, if there was one.
func deadlineEffect(c *command.Ctx, k store.Key, at int64, condition []byte, fields [][]byte) {
	words := [][]byte{[]byte("HPEXPIREAT"), k.B, num.AppendInt(nil, at)}
	if condition != nil {
		words = append(words, condition)
	}
	c.Effect(fieldWords(words, fields)...)
}

func fieldWords(words, fields [][]byte) [][]byte {
	words = append(words, []byte("FIELDS"), num.AppendInt(nil, int64(len(fields))))
	return append(words, fields...)
}
