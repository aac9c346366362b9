package store

import (
	"encoding/binary"

	"github.com/redstart-db/redstart/internal/ds/intset"
	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/mem"
)

// A small collection is kept packed: a listpack or an intset, in the record
// itself (encPacked) or, when it is larger than packedInline, in a block of its
// own (encPackedBlock). Both formats tell their length, so no length is kept
// beside them, and they tell each other apart: the first four bytes of an intset
// are the width of its integers (2, 4 or 8), those of a listpack its size, which
// is 7 when it is empty and at least 9 otherwise.
const packedInline = 2048 // of a record; more, and the key would be moved about with it

// Packed tells whether the value is a packed collection.
func (e Entry) Packed() bool {
	enc := e.rec.enc()
	return enc == encPacked || enc == encPackedBlock
}

// Pack gives the bytes of a packed collection: a view that is valid while the
// entry is. Its capacity is the room there is: it may be changed in place, by
// functions that work like append, up to that. Grow makes more room. A listpack
// or intset must be what the slice holds whenever the entry is used again.
func (e Entry) Pack() []byte {
	a, ref, off := e.ks.arena, e.ref, e.rec.valOff()
	if e.rec.enc() == encPackedBlock {
		ref, off = mem.Ref(binary.LittleEndian.Uint32(a.Bytes(ref, off+4)[off:])), 0
	}
	b := a.Bytes(ref, a.Usable(ref))[off:]
	return b[:packLen(b)]
}

// Intset tells whether a packed set is an intset.
func (e Entry) Intset() bool { return isIntset(e.Pack()) }

func isIntset(b []byte) bool {
	width := binary.LittleEndian.Uint32(b)
	return width <= 8 && width != 7
}

func packLen(b []byte) int {
	if isIntset(b) {
		return intset.Bytes(b)
	}
	return listpack.Bytes(b)
}

// NewPacked stores a collection of type t, with a copy of data (a listpack or an
// intset) and room for so many bytes in total, under k, in the place of e, the
// entry that k has now. deadline is in Unix milliseconds, or 0.
func (ks *Keyspace) NewPacked(k Key, e Entry, t Type, data []byte, room int, deadline int64) Entry {
	room = max(room, len(data))
	head := frontSize(t, len(k.B), deadline)
	access := ks.access(e)
	if head+room <= packedInline {
		ref := ks.newRecord(k, e, head+room)
		b := ks.arena.Bytes(ref, head+room)
		putFront(b, t, encPacked, deadline, access, k.B)
		copy(b[head:], data)
		return ks.install(k, e, ref, deadline)
	}
	if !e.Ok() {
		ks.table.Reserve(k.H)
	}
	block := ks.arena.Alloc(room)
	ref, ok := ks.arena.TryAlloc(head + 4)
	if !ok {
		ks.arena.Free(block)
		panic(mem.ErrExhausted)
	}
	copy(ks.arena.Bytes(block, room), data)
	b := ks.arena.Bytes(ref, head+4)
	putFront(b, t, encPackedBlock, deadline, access, k.B)
	binary.LittleEndian.PutUint32(b[head:], uint32(block))
	return ks.install(k, e, ref, deadline)
}

// Grow gives a packed collection room for n bytes in total, and the entry that
// has it.
func (ks *Keyspace) Grow(e Entry, n int) Entry {
	old := e.Pack()
	if n <= cap(old) {
		return e
	}
	off := e.rec.valOff()
	if e.rec.enc() == encPackedBlock {
		ref := mem.Ref(binary.LittleEndian.Uint32(ks.arena.Bytes(e.ref, off+4)[off:]))
		want := n + n/8
		if ks.arena.Grow(ref, want) {
			return e
		}
		block := ks.arena.Alloc(want)
		copy(ks.arena.Bytes(block, len(old)), old)
		binary.LittleEndian.PutUint32(ks.arena.Bytes(e.ref, off+4)[off:], uint32(block))
		ks.arena.Free(ref)
		return e
	}
	if off+n <= packedInline {
		ref := ks.arena.Alloc(off + n)
		copy(ks.arena.Bytes(ref, off+len(old)), ks.arena.Bytes(e.ref, off+len(old)))
		return ks.moved(e, ref)
	}
	block := ks.arena.Alloc(n + n/8)
	ref, ok := ks.arena.TryAlloc(off + 4)
	if !ok {
		ks.arena.Free(block)
		panic(mem.ErrExhausted)
	}
	copy(ks.arena.Bytes(block, len(old)), old)
	b := ks.arena.Bytes(ref, off+4)
	copy(b, ks.arena.Bytes(e.ref, off))
	b[0] = b[0]&^kindEnc | uint8(encPackedBlock)<<3
	binary.LittleEndian.PutUint32(b[off:], uint32(block))
	return ks.moved(e, ref)
}

// Shrink gives back room that a packed collection does not need, when that is
// much, and the entry that is left.
func (ks *Keyspace) Shrink(e Entry) Entry {
	data := e.Pack()
	off := e.rec.valOff()
	inRecord := e.rec.enc() == encPacked
	need, have := len(data), cap(data)
	if inRecord {
		need, have = need+off, have+off
	}
	if need = mem.Usable(need); 4*need > 3*have {
		return e
	}
	if !inRecord && off+len(data) > packedInline/2 {
		block, ok := ks.arena.TryAlloc(len(data))
		if !ok {
			return e
		}
		copy(ks.arena.Bytes(block, len(data)), data)
		at := ks.arena.Bytes(e.ref, off+4)[off:]
		ks.arena.Free(mem.Ref(binary.LittleEndian.Uint32(at)))
		binary.LittleEndian.PutUint32(at, uint32(block))
		return e
	}
	ref, ok := ks.arena.TryAlloc(off + len(data))
	if !ok {
		return e
	}
	b := ks.arena.Bytes(ref, off+len(data))
	copy(b, ks.arena.Bytes(e.ref, off))
	copy(b[off:], data)
	b[0] = b[0]&^kindEnc | uint8(encPacked)<<3
	if !inRecord {
		ks.arena.Free(mem.Ref(binary.LittleEndian.Uint32(ks.arena.Bytes(e.ref, off+4)[off:])))
	}
	return ks.moved(e, ref)
}

// moved puts ref, a copy of the record of e with the same header, in its place.
func (ks *Keyspace) moved(e Entry, ref mem.Ref) Entry {
	perishable := e.Perishable()
	if perishable {
		ks.detach(ks.links(e.ref))
	}
	ks.arena.Free(e.ref)
	ks.table.Replace(e.slot, ref)
	if perishable {
		ks.attach(ref)
	}
	return Entry{ks, ref, parse(ks.arena, ref), e.slot}
}
