package store

import (
	"encoding/binary"
	"strconv"

	"github.com/redstart-db/redstart/internal/mem"
	"github.com/redstart-db/redstart/internal/num"
)

// Scratch is room for the digits of an integer value.
type Scratch [24]byte

// Int gives the value of a string that is kept as an integer.
func (e Entry) Int() (int64, bool) {
	if e.rec.enc() != encInt {
		return 0, false
	}
	off := e.rec.valOff()
	return int64(binary.LittleEndian.Uint64(e.ks.arena.Bytes(e.ref, off+8)[off:])), true
}

// Bytes gives the value of a string: a view that is valid while the entry is,
// or the digits of an integer, written into scratch.
func (e Entry) Bytes(scratch *Scratch) []byte {
	off := e.rec.valOff()
	switch e.rec.enc() {
	case encInt:
		n := int64(binary.LittleEndian.Uint64(e.ks.arena.Bytes(e.ref, off+8)[off:]))
		return strconv.AppendInt(scratch[:0], n, 10)
	case encBlock:
		ref, n := block(e.ks.arena, e.ref, off)
		return e.ks.arena.Bytes(ref, n)
	default:
		at, n := inline(e.ks.arena, e.ref, off)
		return e.ks.arena.Bytes(e.ref, at+n)[at:]
	}
}

// Len is the length of a string in bytes.
func (e Entry) Len() int {
	off := e.rec.valOff()
	switch e.rec.enc() {
	case encInt:
		n, _ := e.Int()
		return num.IntLen(n)
	case encBlock:
		_, n := block(e.ks.arena, e.ref, off)
		return n
	default:
		_, n := inline(e.ks.arena, e.ref, off)
		return n
	}
}

// SetString stores a string under k, in the place of e, the entry that k has
// now. deadline is in Unix milliseconds, or 0. A value that is the canonical
// form of an integer is kept as one. The bytes are copied, unless they are a Landing.
func (ks *Keyspace) SetString(k Key, e Entry, v []byte, deadline int64) Entry {
	if len(v) <= 20 {
		if n, ok := num.ParseInt(v); ok {
			return ks.SetInt(k, e, n, deadline)
		}
	}
	return ks.SetText(k, e, v, deadline)
}

// SetText is SetString for a value that is to stay text even if it could be an
// integer, as that of INCRBYFLOAT does.
func (ks *Keyspace) SetText(k Key, e Entry, v []byte, deadline int64) Entry {
	enc := encEmbstr
	if len(v) > embstrMax {
		enc = encRaw
	}
	if len(v) > inlineMax {
		if l := ks.sh.landingOf(v); l != nil {
			return ks.settle(k, e, l, deadline)
		}
		dst := ks.newBlock(k, e, len(v), deadline, false)
		copy(dst.Bytes(nil), v)
		return dst
	}
	vol := deadline != 0
	head := headerSize(len(k.B), vol)
	size := head + lengthSize(len(v)) + len(v)
	if ref, ok := ks.reuse(e, size, vol); ok {
		ks.before(k.H)
		b := ks.arena.Bytes(ref, size)
		b[0] = b[0]&^(kindType|kindEnc) | uint8(enc)<<3
		at := head + putLength(b[head:], len(v))
		copy(b[at:], v)
		ks.moveDeadline(e, deadline)
		e.rec.kind = b[0]
		e.setAccess(ks.access(e))
		return e
	}
	ref := ks.newRecord(k, e, size)
	b := ks.arena.Bytes(ref, size)
	at := putHeader(b, String, enc, vol, ks.access(e), k.B)
	at += putLength(b[at:], len(v))
	copy(b[at:], v)
	return ks.install(k, e, ref, deadline)
}

// Reset gives a string that is kept as an integer another one, in its place, and
// tells whether it was one. The entry stays valid.
func (e Entry) Reset(n int64) bool {
	if e.rec.enc() != encInt {
		return false
	}
	e.ks.beforeEntry(e)
	off := e.rec.valOff()
	binary.LittleEndian.PutUint64(e.ks.arena.Bytes(e.ref, off+8)[off:], uint64(n))
	return true
}

// SetInt stores an integer, as SetString does.
func (ks *Keyspace) SetInt(k Key, e Entry, n int64, deadline int64) Entry {
	vol := deadline != 0
	head := headerSize(len(k.B), vol)
	size := head + 8
	if ref, ok := ks.reuse(e, size, vol); ok {
		ks.before(k.H)
		b := ks.arena.Bytes(ref, size)
		b[0] = b[0]&^(kindType|kindEnc) | uint8(encInt)<<3
		binary.LittleEndian.PutUint64(b[head:], uint64(n))
		ks.moveDeadline(e, deadline)
		e.rec.kind = b[0]
		e.setAccess(ks.access(e))
		return e
	}
	ref := ks.newRecord(k, e, size)
	b := ks.arena.Bytes(ref, size)
	at := putHeader(b, String, encInt, vol, ks.access(e), k.B)
	binary.LittleEndian.PutUint64(b[at:], uint64(n))
	return ks.install(k, e, ref, deadline)
}

// reuse tells whether a value of a record of size bytes can be written over the
// one that is there.
func (ks *Keyspace) reuse(e Entry, size int, volatile bool) (mem.Ref, bool) {
	if !e.Ok() || e.rec.enc() >= encBlock || (e.rec.kind&kindVolatile != 0) != volatile ||
		ks.arena.Usable(e.ref) != mem.Usable(size) {
		return 0, false
	}
	return e.ref, true
}

// moveDeadline gives a record that has a deadline, and keeps one, a new one.
func (ks *Keyspace) moveDeadline(e Entry, deadline int64) {
	if deadline != 0 && e.Deadline() != deadline {
		ks.unlink(e.ref)
		ks.link(e.ref, deadline)
	}
}

// newRecord takes all the memory that installing a record of k needs.
func (ks *Keyspace) newRecord(k Key, e Entry, size int) mem.Ref {
	if !e.Ok() {
		ks.table.Reserve(k.H)
	}
	return ks.arena.Alloc(size)
}

// newBlock stores a string of n bytes that has a block of its own, with
// contents undefined, and room to grow if spare is set.
func (ks *Keyspace) newBlock(k Key, e Entry, n int, deadline int64, spare bool) Entry {
	checkLen(n)
	vol := deadline != 0
	size := headerSize(len(k.B), vol) + 8
	if !e.Ok() {
		ks.table.Reserve(k.H)
	}
	room := n
	if spare {
		room += min(n/4, 1<<20)
	}
	data := ks.arena.Alloc(room)
	ref, ok := ks.arena.TryAlloc(size)
	if !ok {
		ks.arena.Free(data)
		panic(mem.ErrExhausted)
	}
	b := ks.arena.Bytes(ref, size)
	at := putHeader(b, String, encBlock, vol, ks.access(e), k.B)
	putBlock(b[at:], data, n)
	return ks.install(k, e, ref, deadline)
}

// Resize makes the value of k a string of n bytes that may be written in
// place, and gives a view of it, valid while the entry is. What was there
// stays, cut or filled up with zeros; e is the entry that k has now, a string
// or nothing. The expiry stays.
func (ks *Keyspace) Resize(k Key, e Entry, n int) (Entry, []byte) {
	checkLen(n)
	ks.before(k.H)
	if e.Ok() && n <= e.room() {
		return ks.resizeInPlace(e, n)
	}
	var scratch Scratch
	var old []byte
	var deadline int64
	access := ks.st.fresh()
	if e.Ok() {
		old = e.Bytes(&scratch)
		deadline = e.Deadline()
		access = e.accessField()
	}
	if n > inlineMax {
		return ks.resizeBlock(k, e, old, n, deadline)
	}
	vol := deadline != 0
	head := headerSize(len(k.B), vol)
	size := head + lengthSize(n) + n
	ref := ks.newRecord(k, e, size)
	b := ks.arena.Bytes(ref, size)
	at := putHeader(b, String, encRaw, vol, access, k.B)
	at += putLength(b[at:], n)
	clear(b[at+copy(b[at:], old):])
	return ks.install(k, e, ref, deadline), b[at:]
}

// room is the length that a string can have where it is.
func (e Entry) room() int {
	a := e.ks.arena
	switch e.rec.enc() {
	case encInt:
		return -1
	case encBlock:
		ref, _ := block(a, e.ref, e.rec.valOff())
		return a.Usable(ref)
	default:
		at, n := inline(a, e.ref, e.rec.valOff())
		room := a.Usable(e.ref) - at
		if n < 255 {
			room = min(room, 254)
		}
		return room
	}
}

func (ks *Keyspace) resizeInPlace(e Entry, n int) (Entry, []byte) {
	off := e.rec.valOff()
	if e.rec.enc() == encBlock {
		ref, was := block(ks.arena, e.ref, off)
		ks.sh.writing(ref)
		putBlock(ks.arena.Bytes(e.ref, off+8)[off:], ref, n)
		b := ks.arena.Bytes(ref, n)
		if n > was {
			clear(b[was:])
		}
		return e, b
	}
	at, was := inline(ks.arena, e.ref, off)
	b := ks.arena.Bytes(e.ref, at+n)
	if at-off == 1 {
		b[off] = uint8(n)
	} else {
		binary.LittleEndian.PutUint32(b[off+1:], uint32(n))
	}
	b[0] = b[0]&^kindEnc | uint8(encRaw)<<3
	e.rec.kind = b[0]
	if n > was {
		clear(b[at+was:])
	}
	return e, b[at:]
}

// spare is how many bytes more a block gets that a string outgrew with so many: a quarter,
// up to 1 MiB, so that who appends again and again copies each byte a few times only.
// What is made at once, or becomes twice as long, gets none.
func spare(was, n int) int {
	if n/2 >= was {
		return 0
	}
	return min(n/4, 1<<20)
}

func (ks *Keyspace) resizeBlock(k Key, e Entry, old []byte, n int, deadline int64) (Entry, []byte) {
	if e.Ok() && e.rec.enc() == encBlock {
		off := e.rec.valOff()
		ref, was := block(ks.arena, e.ref, off)
		ks.sh.writing(ref)
		if ks.arena.Grow(ref, n+spare(was, n)) {
			putBlock(ks.arena.Bytes(e.ref, off+8)[off:], ref, n)
			b := ks.arena.Bytes(ref, n)
			clear(b[was:])
			return e, b
		}
	}
	// The old value is freed by install, so it is copied first.
	vol := deadline != 0
	access := ks.st.fresh()
	if e.Ok() {
		access = e.accessField()
	}
	size := headerSize(len(k.B), vol) + 8
	if !e.Ok() {
		ks.table.Reserve(k.H)
	}
	data := ks.arena.Alloc(n + spare(len(old), n))
	ref, ok := ks.arena.TryAlloc(size)
	if !ok {
		ks.arena.Free(data)
		panic(mem.ErrExhausted)
	}
	b := ks.arena.Bytes(data, n)
	clear(b[copy(b, old):])
	h := ks.arena.Bytes(ref, size)
	at := putHeader(h, String, encBlock, vol, access, k.B)
	putBlock(h[at:], data, n)
	return ks.install(k, e, ref, deadline), b
}
