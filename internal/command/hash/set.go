package hash

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/ds/dict"
	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/ds/triples"
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
	e, ok := lookup(c, k, pairs, 2)
	if !ok {
		return 0, false
	}
	if len(pairs) > 2 {
		created = putAll(c, k, e, pairs)
	} else if put(c, k, e, pairs[0], pairs[1], false) {
		created = 1
	}
	changed(c, k, e, "hset")
	c.Dirty(len(pairs)/2 - 1)
	return created, true
}

// lookup looks up a hash of which fields are to be changed: every step-th of names.
// ok is false, and the error is in the reply, when the key holds something else.
func lookup(c *command.Ctx, k store.Key, names [][]byte, step int) (e store.Entry, ok bool) {
	e, ok = c.WriteType(k, store.Hash)
	if ok && e.Ok() && e.Timed() && e.NextField() <= c.Now() {
		// There are more expired fields than were removed at once.
		var fields [][]byte
		for i := 0; i < len(names); i += step {
			fields = append(fields, names[i])
		}
		e = c.Keyspace(k).ExpireNamed(e, c.Now(), fields)
	}
	return e, ok
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
	e, ok := lookup(c, k, c.Args[2:3], 1)
	if !ok {
		return
	}
	if e.Ok() {
		v := openAll(e)
		if _, ok := v.find(c.Args[2]); ok {
			c.Int(0)
			return
		}
	}
	put(c, k, e, c.Args[2], c.Args[3], false)
	changed(c, k, e, "hset")
	c.Int(1)
}

// long tells whether a string is too long for a packed hash.
func long(c *command.Ctx, s []byte) bool { return int64(len(s)) > c.Config.HashMaxListpackValue }

// put sets one field of k, whose entry is e, a hash or nothing. The field loses its
// deadline, unless keep is set. The field and the value must not lie in the hash.
func put(c *command.Ctx, k store.Key, e store.Entry, field, value []byte, keep bool) (created bool) {
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
	if e.Timed() {
		return putTimed(c, ks, e, field, value, keep)
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
		d, _ := unpack(ks, e)
		_, created = d.Set(field, value)
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

// putTimed is put for a hash of which fields have deadlines.
func putTimed(c *command.Ctx, ks *store.Keyspace, e store.Entry, field, value []byte, keep bool) (created bool) {
	if e.Packed() {
		p := e.Pack()
		n := triples.Len(p)
		pos, found := triples.Find(p, field)
		if !found {
			n++
		}
		if !long(c, field) && !long(c, value) && int64(n) <= c.Config.HashMaxListpackEntries &&
			listpack.SafeToAdd(p, len(field)+len(value)) {
			e = ks.Grow(e, triples.Need(p, field, value))
			at := int64(0)
			if p = e.Pack(); found {
				if keep {
					at = triples.Deadline(p, pos)
				}
				p = triples.Delete(p, pos)
			}
			triples.Insert(p, field, value, at)
			ks.Retime(e)
			return !found
		}
		_, e = unpack(ks, e)
	}
	d := e.Object().(*dict.Dict)
	if el, ok := d.Find(field); ok && keep {
		d.SetValue(el, value)
		return false
	}
	_, created = d.Set(field, value)
	ks.Retime(e)
	return created
}

// unpack makes a packed hash a table, and gives the entry that has it.
func unpack(ks *store.Keyspace, e store.Entry) (*dict.Dict, store.Entry) {
	d := newDict(ks)
	v := openAll(e)
	ks.Build(d, func() { v.copyTo(d) })
	return d, ks.Unpack(e, d)
}

// copyTo adds the fields of a packed hash to a table.
func (v *view) copyTo(d *dict.Dict) {
	var bufs [2][num.MaxIntLen]byte
	for pos, end := v.start, listpack.End(v.small); pos < end; {
		field := listpack.Get(v.small, pos)
		pos += listpack.EntrySize(v.small, pos)
		value := listpack.Get(v.small, pos)
		pos += listpack.EntrySize(v.small, pos)
		e, _ := d.Set(field.Bytes(bufs[0][:]), value.Bytes(bufs[1][:]))
		if v.step == 3 {
			d.SetDeadline(e, listpack.Get(v.small, pos).Int)
			pos += listpack.EntrySize(v.small, pos)
		}
	}
}

// putAll is put for several fields, and gives the number of those that are new.
// All are set or, when there is no memory, none; but in a table that is there, or a
// hash of which fields have deadlines, those before stay set.
func putAll(c *command.Ctx, k store.Key, e store.Entry, pairs [][]byte) (created int) {
	ks := c.Keyspace(k)
	if e.Ok() && (e.Timed() || !e.Packed()) {
		return putEach(c, k, e, pairs, false)
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
		v := view{small: p, step: 2, start: listpack.HeaderSize}
		v.copyTo(d)
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

// putEach sets pairs one after the other, with their deadlines kept or not. Should
// memory end half way, the effect is what was done.
func putEach(c *command.Ctx, k store.Key, e store.Entry, pairs [][]byte, keep bool) (created int) {
	ks, done := c.Keyspace(k), 0
	defer func() {
		if done > 0 && done < len(pairs) {
			c.Changed(k, command.NotifyHash, "hset")
			c.Dirty(done/2 - 1)
			words := [][]byte{[]byte("HSET"), k.B}
			if keep {
				words = [][]byte{[]byte("HSETEX"), k.B, []byte("KEEPTTL"), []byte("FIELDS"), num.AppendInt(nil, int64(done/2))}
			}
			c.Effect(append(words, pairs[:done]...)...)
		}
	}()
	again := keep || e.Timed() // changes may move the entry
	for ; done < len(pairs); done += 2 {
		if again {
			e = ks.Find(k)
		}
		if put(c, k, e, pairs[done], pairs[done+1], keep) {
			created++
		}
	}
	return created
}
