package hash

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/ds/dict"
	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/num"
	"github.com/redstart-db/redstart/internal/store"
)

func hset(c *command.Ctx) {
	if created, ok := set(c); ok {
		c.Int(int64(created))
	}
}

func hmset(c *command.Ctx) {
	if _, ok := set(c); ok {
		c.OK()
	}
}

// set stores the pairs of a request. ok is false, and the error is in the reply,
// when it cannot.
func set(c *command.Ctx) (created int, ok bool) {
	pairs := c.Args[2:]
	if len(pairs)%2 != 0 {
		c.Err(command.WrongArity(c.Spec.Name))
		return 0, false
	}
	k := c.Key(1)
	e, ok := c.WriteType(k, store.Hash)
	if !ok {
		return 0, false
	}
	if len(pairs) > 2 {
		created = putAll(c, k, e, pairs)
	} else if put(c, k, e, pairs[0], pairs[1]) {
		created = 1
	}
	changed(c, k, e, "hset")
	c.Dirty(len(pairs)/2 - 1)
	return created, true
}

// changed says that k, whose entry was e before, was changed.
func changed(c *command.Ctx, k store.Key, e store.Entry, event string) {
	if !e.Ok() {
		c.Event(k, command.NotifyNew, "new")
	}
	c.Changed(k, command.NotifyHash, event)
}

func hsetNX(c *command.Ctx) {
	k := c.Key(1)
	e, ok := c.WriteType(k, store.Hash)
	if !ok {
		return
	}
	if e.Ok() {
		v := open(e)
		if _, ok := v.find(c.Args[2]); ok {
			c.Int(0)
			return
		}
	}
	put(c, k, e, c.Args[2], c.Args[3])
	changed(c, k, e, "hset")
	c.Int(1)
}

// long tells whether a string is too long for a packed hash.
func long(c *command.Ctx, s []byte) bool { return int64(len(s)) > c.Config.HashMaxListpackValue }

// put sets one field of k, whose entry is e, a hash or nothing. The field and the
// value must not lie in the hash.
func put(c *command.Ctx, k store.Key, e store.Entry, field, value []byte) (created bool) {
	ks := c.Keyspace(k)
	tooLong := long(c, field) || long(c, value)
	if !e.Ok() {
		if tooLong || c.Config.HashMaxListpackEntries < 1 {
			d := newDict(ks)
			ks.Build(d, func() { d.Set(field, value) })
			ks.NewObject(k, e, store.Hash, d, 0)
			return true
		}
		room := len(listpack.Empty) + listpack.Size(field) + listpack.Size(value)
		e = ks.NewPacked(k, e, store.Hash, []byte(listpack.Empty), room, 0)
		appendPair(e.Pack(), field, value)
		return true
	}
	if !e.Packed() {
		_, created = e.Object().(*dict.Dict).Set(field, value)
		return created
	}
	p := e.Pack()
	pos, found := listpack.Find(p, listpack.HeaderSize, field, 1)
	n := listpack.Len(p) / 2
	if !found {
		n++
	}
	if tooLong || int64(n) > c.Config.HashMaxListpackEntries || !listpack.SafeToAdd(p, len(field)+len(value)) {
		_, created = unpack(ks, e).Set(field, value)
		return created
	}
	if found {
		pos += listpack.EntrySize(p, pos)
		if need := listpack.NeedReplace(p, pos, value); need > cap(p) {
			p = ks.Grow(e, need).Pack()
		}
		listpack.Replace(p, pos, value)
		return false
	}
	if need := len(p) + listpack.Size(field) + listpack.Size(value); need > cap(p) {
		p = ks.Grow(e, need).Pack()
	}
	appendPair(p, field, value)
	return true
}

func appendPair(p, field, value []byte) []byte {
	return listpack.Append(listpack.Append(p, field), value)
}

func newDict(ks *store.Keyspace) *dict.Dict {
	d := new(dict.Dict)
	d.Init(ks.Arena(), dict.Hash)
	return d
}

// unpack makes a packed hash a table.
func unpack(ks *store.Keyspace, e store.Entry) *dict.Dict {
	d := newDict(ks)
	ks.Build(d, func() { addPairs(d, e.Pack()) })
	ks.Unpack(e, d)
	return d
}

// addPairs adds the fields of a listpack to a table.
func addPairs(d *dict.Dict, p []byte) {
	var bufs [2][num.MaxIntLen]byte
	for pos, end := listpack.HeaderSize, listpack.End(p); pos < end; {
		field := listpack.Get(p, pos)
		pos += listpack.EntrySize(p, pos)
		value := listpack.Get(p, pos)
		pos += listpack.EntrySize(p, pos)
		d.Set(text(field, &bufs[0]), text(value, &bufs[1]))
	}
}

// text is the string that v stands for, valid until buf is used again.
func text(v listpack.Value, buf *[num.MaxIntLen]byte) []byte {
	if v.IsInt() {
		return num.AppendInt(buf[:0], v.Int)
	}
	return v.Str
}

// putAll is put for several fields, and gives the number of those that are new.
// All are set or, when there is no memory, none; but in a table that is there
// those before stay set.
func putAll(c *command.Ctx, k store.Key, e store.Entry, pairs [][]byte) (created int) {
	ks := c.Keyspace(k)
	if e.Ok() && !e.Packed() {
		return putTable(c, k, e.Object().(*dict.Dict), pairs)
	}
	var p []byte
	n, size, tooLong := len(pairs)/2, 0, false
	for _, s := range pairs {
		size += listpack.Size(s)
		tooLong = tooLong || long(c, s)
	}
	if e.Ok() {
		p = e.Pack()
		n += listpack.Len(p) / 2
	}
	if tooLong || int64(n) > c.Config.HashMaxListpackEntries || !listpack.SafeToAdd(p, size) {
		return putMany(c, k, e, pairs, tooLong)
	}
	if !e.Ok() {
		e = ks.NewPacked(k, e, store.Hash, []byte(listpack.Empty), len(listpack.Empty)+size, 0)
	} else if len(p)+size > cap(p) {
		e = ks.Grow(e, needAll(p, pairs))
	}
	return setPairs(e.Pack(), pairs)
}

// needAll is the size in bytes that a packed hash has at most while pairs are
// set in it one after the other.
func needAll(p []byte, pairs [][]byte) int {
	need := len(p)
	for i := 0; i < len(pairs); i += 2 {
		pos, found := listpack.Find(p, listpack.HeaderSize, pairs[i], 1)
		if !found {
			need += listpack.Size(pairs[i]) + listpack.Size(pairs[i+1])
			continue
		}
		// A field that is named twice may be longer the first time.
		pos += listpack.EntrySize(p, pos)
		need += max(listpack.NeedReplace(p, pos, pairs[i+1])-len(p), 0)
	}
	return need
}

// setPairs sets pairs in a listpack that has the room, and gives the number of new
// fields.
func setPairs(p []byte, pairs [][]byte) (created int) {
	for i := 0; i < len(pairs); i += 2 {
		pos, found := listpack.Find(p, listpack.HeaderSize, pairs[i], 1)
		if found {
			p = listpack.Replace(p, pos+listpack.EntrySize(p, pos), pairs[i+1])
			continue
		}
		p = appendPair(p, pairs[i], pairs[i+1])
		created++
	}
	return created
}

// putMany is putAll for so many or such long strings that the hash may become a
// table. A field that is named twice counts once, so that is known only when all
// are set: until it is too large, the hash is a listpack on the Go heap.
func putMany(c *command.Ctx, k store.Key, e store.Entry, pairs [][]byte, tooLong bool) (created int) {
	ks := c.Keyspace(k)
	p := []byte(listpack.Empty)
	if e.Ok() {
		p = append([]byte(nil), e.Pack()...)
	}
	was, i := listpack.Len(p)/2, 0
	for ; i < len(pairs) && !tooLong; i += 2 {
		field, value := pairs[i], pairs[i+1]
		if !listpack.SafeToAdd(p, len(field)+len(value)+2*listpack.MaxOverhead) {
			break
		}
		if pos, found := listpack.Find(p, listpack.HeaderSize, field, 1); found {
			p = listpack.Replace(p, pos+listpack.EntrySize(p, pos), value)
		} else {
			p = appendPair(p, field, value)
		}
		tooLong = int64(listpack.Len(p)/2) > c.Config.HashMaxListpackEntries
	}
	if !tooLong && i == len(pairs) {
		ks.NewPacked(k, e, store.Hash, p, len(p), deadline(e))
		return listpack.Len(p)/2 - was
	}
	d := newDict(ks)
	ks.Build(d, func() {
		addPairs(d, p)
		for ; i < len(pairs); i += 2 {
			d.Set(pairs[i], pairs[i+1])
		}
	})
	created = d.Len() - was
	if e.Ok() {
		ks.Unpack(e, d)
	} else {
		ks.NewObject(k, e, store.Hash, d, 0)
	}
	return created
}

// deadline is that of a key that may not exist.
func deadline(e store.Entry) int64 {
	if !e.Ok() {
		return 0
	}
	return e.Deadline()
}

// putTable sets pairs in a table. Should memory end half way, the effect is what
// was done.
func putTable(c *command.Ctx, k store.Key, d *dict.Dict, pairs [][]byte) (created int) {
	done := 0
	defer func() {
		if done > 0 && done < len(pairs) {
			c.Changed(k, command.NotifyHash, "hset")
			c.Dirty(done/2 - 1)
			c.Effect(c.Args[:2+done]...)
		}
	}()
	for ; done < len(pairs); done += 2 {
		if _, isNew := d.Set(pairs[done], pairs[done+1]); isNew {
			created++
		}
	}
	return created
}
