package store

import (
	"encoding/binary"
	"math"

	"github.com/redstart-db/redstart/internal/ds/dict"
	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/ds/triples"
	"github.com/redstart-db/redstart/internal/mem"
)

// A hash whose fields have deadlines is a timed hash. To the outside it is a Hash
// like any other; its record is of the type timedHash, which nobody else sees:
//
//	 0        1             4                  20       +1|4     +k      +8
//	+--------+-------------+------------------+--------+--------+-------+----------+
//	| kind 1 | access 3    | due 8            | key    | key    | own 8 | value    |
//	|        |             | prev 4, next 4   | length |        |       |          |
//	+--------+-------------+------------------+--------+--------+-------+----------+
//
//	due     when something of it expires next: by that it is on the wheel
//	own     the deadline of the key itself, or 0
//	value   encPacked, encPackedBlock: triples, see package ds/triples
//	        encObject: a dict.Dict with deadlines
//
// Invariants, but for the time between MakeTimed and Retime:
//
//   - A timed hash has a field with a deadline. When the last one goes, it becomes
//     an ordinary hash: in place, so without taking memory.
//   - due is the earlier of own and the first deadline of a field, or earlier than
//     that: to look too early costs time only.
//   - A key counts as one with a deadline only if own is not 0.
//
// So a hash without such fields pays nothing, and a deadline of a field is kept as
// one of a key is. Rejected: an index of timed hashes beside the wheel, with links
// and code of its own, which would have to be kept up where records move.
const timedHash Type = 6

const (
	ownSize = 8
	// fieldsAtOnce is how many expired fields of a table are removed, and told of,
	// together; of a packed hash, all are.
	fieldsAtOnce = 64
)

// Timed tells whether the entry is a hash of which fields have deadlines. Its
// packed form is that of package ds/triples then.
func (e Entry) Timed() bool { return e.rec.raw() == timedHash }

// Perishable tells whether the key, or a part of its value, has a deadline: whether
// it must be looked up with the time.
func (e Entry) Perishable() bool { return e.rec.kind&kindVolatile != 0 }

// due is the time by which a perishable record is on the wheel.
func (e Entry) due() int64 { return deadlineOf(e.ks.links(e.ref)) }

// own is where a timed hash keeps the deadline of its key.
func (e Entry) own() []byte {
	off := e.rec.valOff()
	return e.ks.arena.Bytes(e.ref, off)[off-ownSize:]
}

func (e Entry) ownDeadline() int64 { return int64(binary.LittleEndian.Uint64(e.own())) }

// NextField is the first deadline of a field of a hash in Unix milliseconds, or 0
// when none has one.
func (e Entry) NextField() int64 {
	if !e.Timed() {
		return 0
	}
	if e.Packed() {
		return triples.First(e.Pack())
	}
	if el, ok := e.Object().(*dict.Dict).Next(); ok {
		return el.Deadline()
	}
	return 0
}

// filing is the time by which an entry belongs on the wheel; own is the deadline of
// its key.
func (e Entry) filing(own int64) int64 {
	if !e.Timed() {
		return own
	}
	at := e.NextField()
	if at == 0 {
		at = math.MaxInt64
	}
	if own != 0 {
		at = min(at, own)
	}
	return at
}

// setOwn sets the deadline of the key of a timed hash.
func (ks *Keyspace) setOwn(e Entry, at int64) {
	ks.unlink(e.ref)
	binary.LittleEndian.PutUint64(e.own(), uint64(at))
	ks.link(e.ref, e.filing(at))
}

// NewTimed is NewPacked for a hash in the form of package ds/triples, of which a
// field has a deadline. A dict.Dict with deadlines is stored by NewObject.
func (ks *Keyspace) NewTimed(k Key, e Entry, data []byte, room int, deadline int64) Entry {
	return ks.Retime(ks.NewPacked(k, e, timedHash, data, room, deadline))
}

// MakeTimed makes a hash one whose fields can have deadlines. If it is packed, it
// becomes triples, with room for a deadline, and no field has one. Retime has to
// follow when fields have been given theirs.
func (ks *Keyspace) MakeTimed(e Entry) Entry {
	if e.Timed() {
		return e
	}
	ks.beforeEntry(e)
	own, key := e.Deadline(), e.Key()
	head := frontSize(timedHash, len(key), own)
	enc, size := e.rec.enc(), 4
	var pairs []byte
	var block mem.Ref
	if e.Packed() {
		pairs = e.Pack()
		size = triples.NeedFromPairs(pairs) + triples.DeadlineSize
		if enc = encPacked; head+size > packedInline {
			enc = encPackedBlock
			block = ks.arena.Alloc(size)
		}
	}
	n := head + 4
	if enc == encPacked {
		n = head + size
	}
	ref, ok := ks.arena.TryAlloc(n)
	if !ok {
		if block != 0 {
			ks.arena.Free(block)
		}
		panic(mem.ErrExhausted)
	}
	b := ks.arena.Bytes(ref, n)
	putFront(b, timedHash, enc, own, e.accessField(), key)
	switch enc {
	case encPacked:
		triples.FromPairs(b[head:head], pairs)
	case encPackedBlock:
		triples.FromPairs(ks.arena.Bytes(block, size)[:0], pairs)
		binary.LittleEndian.PutUint32(b[head:], uint32(block))
	default:
		copy(b[head:], e.value())
	}
	if e.Perishable() {
		ks.unlink(e.ref)
	}
	if e.rec.enc() == encPackedBlock {
		ks.arena.Free(e.blockRef())
	}
	ks.arena.Free(e.ref)
	ks.table.Replace(e.slot, ref)
	e = Entry{ks, ref, parse(ks.arena, ref), e.slot}
	ks.link(ref, e.filing(own))
	return e
}

// Retime is to be called when the fields of a hash may have changed their
// deadlines, or fields with deadlines have come or gone. It files the hash
// accordingly.
func (ks *Keyspace) Retime(e Entry) Entry {
	if !e.Timed() {
		return e
	}
	ks.beforeEntry(e)
	if e.NextField() == 0 {
		return ks.makeOrdinary(e)
	}
	l := ks.links(e.ref)
	if at := e.filing(e.ownDeadline()); at != deadlineOf(l) {
		ks.detach(l)
		binary.LittleEndian.PutUint64(l, uint64(at))
		ks.attach(e.ref)
	}
	return e
}

// makeOrdinary makes a timed hash one whose fields have no deadlines, in place: it
// becomes shorter.
func (ks *Keyspace) makeOrdinary(e Entry) Entry {
	from, n := e.rec.valOff(), 4
	if e.Packed() {
		p := triples.ToPairs(e.Pack())
		if e.rec.enc() == encPacked {
			n = len(p)
		}
	}
	own := e.ownDeadline()
	ks.unlink(e.ref)
	b := ks.arena.Bytes(e.ref, from+n)
	kind := b[0]&^kindType | uint8(Hash)
	to := from - ownSize
	if own == 0 {
		kind &^= kindVolatile
		to = offPlain + copy(b[offPlain:], b[offVolatile:to])
	}
	copy(b[to:], b[from:])
	b[0] = kind
	e.rec = parse(ks.arena, e.ref)
	if own != 0 {
		ks.link(e.ref, own)
	}
	if e.Packed() {
		e = ks.Shrink(e)
	}
	return e
}

// ExpireFields removes all fields of a timed hash whose deadlines have passed at now,
// and the key when none is left. It gives the entry that is left.
func (ks *Keyspace) ExpireFields(e Entry, now int64) Entry {
	for e.Ok() && e.Timed() && e.NextField() <= now && !ks.st.NoExpire {
		e, _ = ks.expireFields(e, now, fieldsAtOnce)
	}
	return e
}

// expireFields removes the fields of a timed hash whose deadlines have passed at now,
// and the key when none is left; of a table up to max, those that were due first. It
// gives the entry that is left, and the number of fields.
func (ks *Keyspace) expireFields(e Entry, now int64, max int) (left Entry, n int) {
	max = min(max, fieldsAtOnce)
	ks.beforeEntry(e)
	names, text := ks.sh.names[:0], []byte(nil)
	gone := false
	if e.Packed() {
		p := e.Pack()
		due, _ := triples.Due(p, now)
		pos := listpack.HeaderSize
		for range due {
			names, text = appendName(names, text, listpack.Get(p, pos))
			pos = triples.Next(p, pos)
		}
		gone = due == triples.Len(p)
		ks.tellFields(e, names, gone)
		listpack.DeleteRange(p, listpack.HeaderSize, 3*due)
	} else {
		d := e.Object().(*dict.Dict)
		for len(names) < max {
			el, ok := d.Next()
			if !ok || el.Deadline() > now {
				break
			}
			names, text = appendName(names, text, listpack.Value{Str: el.Member()})
			d.Remove(el)
		}
		gone = d.Len() == 0
		ks.tellFields(e, names, gone)
	}
	n = len(names)
	clear(names)
	ks.sh.names = names
	return ks.fieldsLeft(e, now, gone), n
}

// appendName appends the name of a field to names, and its bytes to text.
func appendName(names [][]byte, text []byte, name listpack.Value) ([][]byte, []byte) {
	from := len(text)
	text = name.AppendTo(text)
	return append(names, text[from:]), text
}

// ExpireNamed removes those of some fields of a hash whose deadlines have passed at
// now, and the key when no field is left. It gives the entry that is left. Lookup
// removes only a number of expired fields at once; a command that changes fields
// must not take the others for fields that are there.
func (ks *Keyspace) ExpireNamed(e Entry, now int64, fields [][]byte) Entry {
	if ks.st.NoExpire {
		return e
	}
	ks.beforeEntry(e)
	names, gone := [][]byte(nil), false
	if e.Packed() {
		p := e.Pack()
		for _, field := range fields {
			if pos, ok := triples.Find(p, field); ok && passed(triples.Deadline(p, pos), now) {
				p = triples.Delete(p, pos)
				names = append(names, field)
			}
		}
		gone = triples.Len(p) == 0
	} else {
		d := e.Object().(*dict.Dict)
		for _, field := range fields {
			if el, ok := d.Find(field); ok && passed(el.Deadline(), now) {
				d.Remove(el)
				names = append(names, field)
			}
		}
		gone = d.Len() == 0
	}
	ks.tellFields(e, names, gone)
	return ks.fieldsLeft(e, now, gone)
}

func passed(deadline, now int64) bool { return deadline != 0 && deadline <= now }

// tellFields tells that fields of a timed hash have expired.
func (ks *Keyspace) tellFields(e Entry, names [][]byte, gone bool) {
	if len(names) == 0 {
		return
	}
	key := e.Key()
	if ks.st.hooks != nil {
		ks.st.hooks.FieldsExpired(ks, key, names, gone)
	}
	ks.touch(key, false)
	ks.sh.expiredFields += uint64(len(names))
}

// fieldsLeft files a timed hash of which fields have been removed. One that has
// more fields that are due stays where it is, so that it comes again at once.
func (ks *Keyspace) fieldsLeft(e Entry, now int64, gone bool) Entry {
	if gone {
		ks.remove(ks.Hash(e.ref), e)
		return Entry{ks: ks}
	}
	if passed(e.NextField(), now) {
		return e
	}
	if e = ks.Retime(e); e.Packed() {
		e = ks.Shrink(e)
	}
	return e
}
