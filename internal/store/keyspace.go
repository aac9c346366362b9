package store

import (
	"encoding/binary"
	"math/rand/v2"

	"github.com/redstart-db/redstart/internal/ds/htable"
	"github.com/redstart-db/redstart/internal/mem"
)

// Keyspace is one shard's part of one database. Its shard must be locked for
// every method.
type Keyspace struct {
	st       *Store
	sh       *Shard
	arena    *mem.Arena
	table    htable.Table
	wheel    *wheel // nil until the first key with a deadline
	volatile int    // keys with a deadline
	linked   int    // records on the wheel: these, and timed hashes
	timed    int    // timed hashes
	db       int
	told     bool       // somebody wants to know of changes: moment or copies are not empty
	moment   *moment    // what a snapshot has of it; nil while none is taken
	copies   []*Copying // of its values that are being made
}

func newKeyspace(st *Store, sh *Shard, db int) *Keyspace {
	ks := &Keyspace{st: st, sh: sh, arena: sh.arena, db: db}
	ks.table.Init(sh.arena, ks)
	return ks
}

// Entry is a key that was looked up. It is valid until the next change of its
// keyspace; methods that change it give the new one.
//
// It has four fields and four words, the most that the compiler keeps in registers:
// a larger one would go through memory at each call, which took a fifth of the time
// of a lookup.
type Entry struct {
	ks   *Keyspace
	ref  mem.Ref
	rec  record
	slot htable.Slot
}

// DB is the index of the database.
func (ks *Keyspace) DB() int { return ks.db }

// Shard is the shard that the keyspace is part of.
func (ks *Keyspace) Shard() *Shard { return ks.sh }

// Len is the number of keys.
func (ks *Keyspace) Len() int { return ks.table.Len() }

// Volatile is the number of keys with a deadline.
func (ks *Keyspace) Volatile() int { return ks.volatile }

// Timed is the number of hashes of which fields have a deadline.
func (ks *Keyspace) Timed() int { return ks.timed }

// TableBytes is the memory of the table, records not counted.
func (ks *Keyspace) TableBytes() int { return ks.table.Bytes() }

// TableSlots is the number of records the table has room for.
func (ks *Keyspace) TableSlots() int { return ks.table.Slots() }

// Expect prepares an empty keyspace for about n keys, if there is memory for that. Fit has
// to be called when those that come have come.
func (ks *Keyspace) Expect(n int) { ks.table.TryExpect(n) }

// Provide gives the keyspace room for about n keys in all, if there is memory for that.
func (ks *Keyspace) Provide(n int) { ks.table.Resize(n) }

// Fit gives back what was prepared for keys that did not come.
func (ks *Keyspace) Fit() { ks.table.Fit() }

// Hash is part of htable.Records.
func (ks *Keyspace) Hash(ref mem.Ref) uint64 {
	return ks.st.Key(parse(ks.arena, ref).key(ks.arena, ref)).H
}

// Equal is part of htable.Records.
func (ks *Keyspace) Equal(ref mem.Ref, key []byte) bool {
	h, off := header(ks.arena, ref)
	if h[0]&kindLongKey == 0 {
		if int(h[off]) != len(key) {
			return false
		}
		off++
	} else {
		if int(longKey(ks.arena, ref, off)) != len(key) {
			return false
		}
		off += 4
	}
	return string(ks.arena.Bytes(ref, off+len(key))[off:]) == string(key)
}

func (ks *Keyspace) find(k Key) (htable.Slot, mem.Ref) { return ks.table.Find(k.H, k.B) }

// Find gives the entry of a key, expired or not.
func (ks *Keyspace) Find(k Key) Entry {
	slot, ref := ks.table.Find(k.H, k.B)
	if ref == 0 {
		return Entry{ks: ks}
	}
	return Entry{ks, ref, parse(ks.arena, ref), slot}
}

// Lookup gives the entry of a key that has not expired at time now (Unix
// milliseconds); one that has is removed.
func (ks *Keyspace) Lookup(k Key, now int64) Entry {
	e := ks.Find(k)
	if e.rec.kind&kindVolatile != 0 && e.due() <= now {
		return ks.lookupDue(e, now)
	}
	return e
}

// lookupDue is Lookup of an entry that has expired, or fields of which have.
func (ks *Keyspace) lookupDue(e Entry, now int64) Entry {
	if !e.Expired(now) {
		if !ks.st.NoExpire && !ks.st.KeepFields {
			e, _ = ks.expireFields(e, now, fieldsAtOnce)
		}
		return e
	}
	if ks.st.Loading {
		return e
	}
	if !ks.st.NoExpire {
		ks.expire(e)
	}
	return Entry{ks: ks}
}

// Expired tells whether the deadline of an entry has passed at now (Unix
// milliseconds). The entry must exist.
func (e Entry) Expired(now int64) bool {
	d := e.Deadline()
	return d != 0 && d <= now
}

// expire removes an entry whose deadline has passed.
func (ks *Keyspace) expire(e Entry) {
	key := e.Key()
	if ks.st.hooks != nil {
		ks.st.hooks.Expired(ks, key)
	}
	ks.touch(key, false)
	ks.sh.expiredKeys++
	ks.remove(ks.st.Key(key).H, e)
}

// Ok tells whether the key exists.
func (e Entry) Ok() bool { return e.ref != 0 }

// Keyspace is where the key was looked up.
func (e Entry) Keyspace() *Keyspace { return e.ks }

// Type is the type of the value. The entry must exist.
func (e Entry) Type() Type { return e.rec.typ() }

// Key is the stored key, valid while the entry is.
func (e Entry) Key() []byte { return e.rec.key(e.ks.arena, e.ref) }

// Encoding is the name that OBJECT ENCODING gives.
func (e Entry) Encoding() string {
	switch e.rec.enc() {
	case encInt:
		return "int"
	case encEmbstr:
		return "embstr"
	case encRaw, encBlock:
		return "raw"
	}
	packed := e.rec.enc() != encObject
	switch e.Type() {
	case List:
		return "quicklist"
	case Set:
		if packed && e.Intset() {
			return "intset"
		}
		return "hashtable" // packed or not: what 7.0 knows
	case ZSet:
		if packed {
			return "listpack"
		}
		return "skiplist"
	case Hash:
		switch {
		case packed && e.Timed():
			return "listpackex"
		case packed:
			return "listpack"
		}
		return "hashtable"
	}
	return "stream"
}

// Volatile tells whether the key has a deadline.
func (e Entry) Volatile() bool { return e.Deadline() != 0 }

// Deadline is the time at which the key expires in Unix milliseconds, or 0.
// Deadlines are never 0: a time that has passed removes the key instead.
func (e Entry) Deadline() int64 {
	switch {
	case e.rec.kind&kindVolatile == 0:
		return 0
	case e.Timed():
		return e.ownDeadline()
	}
	return e.due()
}

// MemoryUsage is the number of bytes that key and value take, with their share
// of the table.
func (e Entry) MemoryUsage() int {
	n := e.ks.arena.Usable(e.ref)
	switch e.rec.enc() {
	case encBlock, encPackedBlock:
		n += e.ks.arena.Usable(e.blockRef())
	case encObject:
		n += e.Object().Bytes()
	}
	return n + e.ks.table.Bytes()/max(e.ks.table.Len(), 1)
}

// SetDeadline sets the time at which the key expires, in Unix milliseconds; 0
// makes it persistent.
func (ks *Keyspace) SetDeadline(k Key, e Entry, at int64) Entry {
	ks.before(k.H)
	was := e.rec.kind&kindVolatile != 0
	switch {
	case e.Timed():
		ks.setOwn(e, at)
		return e
	case !was && at == 0:
		return e
	case was && at != 0:
		ks.unlink(e.ref)
		ks.link(e.ref, at)
		return e
	}
	// The header changes its size: the record is written anew.
	key := e.Key()
	value := e.value()
	n := headerSize(len(key), at != 0)
	ref := ks.arena.Alloc(n + len(value))
	b := ks.arena.Bytes(ref, n+len(value))
	putHeader(b, e.Type(), e.rec.enc(), at != 0, e.accessField(), key)
	copy(b[n:], value)
	if was {
		ks.unlink(e.ref)
	}
	ks.arena.Free(e.ref)
	ks.table.Replace(e.slot, ref)
	if at != 0 {
		ks.link(ref, at)
	}
	return Entry{ks, ref, parse(ks.arena, ref), e.slot}
}

// value is what the record holds behind the key and, in a timed hash, the key's
// deadline.
func (e Entry) value() []byte {
	off := e.rec.valOff()
	end := off + 8
	switch e.rec.enc() {
	case encEmbstr, encRaw:
		at, n := inline(e.ks.arena, e.ref, off)
		end = at + n
	case encPacked:
		end = off + len(e.Pack())
	case encPackedBlock, encObject:
		end = off + 4
	}
	return e.ks.arena.Bytes(e.ref, end)[off:]
}

// install makes ref the record of key k, in the place of e if that exists, and
// frees what was there. Memory for the table has been reserved.
func (ks *Keyspace) install(k Key, e Entry, ref mem.Ref, deadline int64) Entry {
	ks.before(k.H)
	if !e.Ok() && ks.st.NoExpire && !ks.st.Loading {
		// A key that has expired may have been kept, unseen. It goes now.
		if old := ks.Find(k); old.Ok() {
			ks.expire(old)
		}
	}
	slot, rec := e.slot, parse(ks.arena, ref)
	fresh := !e.Ok() || e.Type() != rec.typ()
	if e.Ok() {
		ks.free(e)
		ks.table.Replace(slot, ref)
	} else {
		slot = ks.table.Insert(k.H, ref)
	}
	e = Entry{ks: ks, ref: ref, rec: rec, slot: slot}
	if fresh && len(ks.sh.waiting) != 0 && rec.typ() != String {
		ks.sh.wake(ks.db, k.B)
	}
	if e.rec.kind&kindVolatile != 0 {
		ks.link(ref, e.filing(deadline))
	}
	return e
}

// free gives a record's memory back and takes it off the wheel.
func (ks *Keyspace) free(e Entry) {
	if e.rec.kind&kindVolatile != 0 {
		ks.unlink(e.ref)
	}
	ks.freeValue(e)
	ks.arena.Free(e.ref)
}

// freeValue gives back what the record refers to. It gives about how many
// elements were freed.
func (ks *Keyspace) freeValue(e Entry) int {
	switch e.rec.enc() {
	case encBlock, encPackedBlock:
		ks.sh.freeBlock(e.blockRef())
	case encObject:
		return ks.sh.discard(ks.sh.release(e.handle()))
	}
	return 0
}

// blockRef is the block that a record refers to.
func (e Entry) blockRef() mem.Ref {
	off := e.rec.valOff()
	return mem.Ref(binary.LittleEndian.Uint32(e.ks.arena.Bytes(e.ref, off+4)[off:]))
}

// Remove deletes an entry.
func (ks *Keyspace) Remove(k Key, e Entry) { ks.remove(k.H, e) }

func (ks *Keyspace) remove(hash uint64, e Entry) {
	ks.before(hash)
	ks.table.Remove(hash, e.slot)
	ks.free(e)
	ks.sh.freed()
}

// Drop frees about max records, or elements of the collections in them, of a
// keyspace that nobody can reach any more, and tells whether nothing is left.
func (ks *Keyspace) Drop(max int) (done bool) {
	pos := uint32(0)
	for n := 0; n < max && ks.table.Len() > 0; {
		ks.sh.batch = ks.sh.batch[:0]
		pos, _ = ks.table.Scan(pos, func(ref mem.Ref) { ks.sh.batch = append(ks.sh.batch, ref) })
		for _, ref := range ks.sh.batch {
			hash := ks.Hash(ref)
			slot, ok := ks.table.FindRef(hash, ref)
			if !ok {
				continue
			}
			e := Entry{ks, ref, parse(ks.arena, ref), slot}
			ks.table.Remove(hash, slot)
			if e.rec.kind&kindVolatile != 0 {
				ks.unlink(ref)
			}
			n += 1 + ks.freeValue(e)
			ks.arena.Free(ref)
		}
	}
	return ks.table.Len() == 0
}

// Scan calls visit for the entries of a stretch of the table, expired ones
// included, from cursor pos on; it gives the position at which to go on, or
// done. visit must not change the keyspace; to do so later, look the key up.
func (ks *Keyspace) Scan(pos uint32, visit func(Entry)) (next uint32, done bool) {
	return ks.table.Scan(pos, func(ref mem.Ref) {
		visit(Entry{ks: ks, ref: ref, rec: parse(ks.arena, ref)})
	})
}

// Each calls visit for every entry, expired ones included. visit must not
// change the keyspace.
func (ks *Keyspace) Each(visit func(Entry)) {
	for pos, done := uint32(0), false; !done; {
		pos, done = ks.Scan(pos, visit)
	}
}

// Random gives an entry, each with nearly the same probability. To change it,
// look its key up.
func (ks *Keyspace) Random(rnd *rand.Rand) Entry {
	ref := ks.table.Random(rnd)
	if ref == 0 {
		return Entry{ks: ks}
	}
	return Entry{ks: ks, ref: ref, rec: parse(ks.arena, ref)}
}
