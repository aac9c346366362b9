package store

import (
	"encoding/binary"

	"github.com/redstart-db/redstart/internal/ds/dict"
	"github.com/redstart-db/redstart/internal/mem"
)

// Object is a large collection: a Go value whose elements are in the arena of
// its shard. A record refers to it by a handle, its index in the shard's list of
// objects. It is read and changed with the shard locked; changes of the object
// leave entries valid.
type Object interface {
	// Len is the number of elements.
	Len() int
	// Bytes is the memory of the arena that it takes.
	Bytes() int
	// Drop frees about max elements, and tells whether nothing is left. It
	// is called until that is so; nothing else is called any more then.
	Drop(max int) (done bool)
}

// dropAtOnce is how many elements of a removed object are freed at once.
const dropAtOnce = 64

// Object gives the large collection that an entry holds, or nil. It is valid until
// the key is removed or overwritten.
func (e Entry) Object() Object {
	if e.rec.enc() != encObject {
		return nil
	}
	return e.ks.sh.objects[e.handle()]
}

// FetchElements has fetched from memory what looking elements up, at most 64, in a
// large collection will need, if it finds them by their names.
func (e Entry) FetchElements(elems [][]byte) {
	if o, ok := e.Object().(interface{ HintEach(elems [][]byte) }); ok {
		o.HintEach(elems)
	}
}

// FetchAhead is FetchElements for who goes through many elements, one after the other: called with each index
// it has as many as can be fetched at once fetched before the first of them is looked up.
func (e Entry) FetchAhead(elems [][]byte, i int) {
	if i%dict.MaxBatch == 0 && len(elems)-i > 1 {
		e.FetchElements(elems[i:min(i+dict.MaxBatch, len(elems))])
	}
}

func (e Entry) handle() uint32 {
	off := e.rec.valOff()
	return binary.LittleEndian.Uint32(e.ks.arena.Bytes(e.ref, off+4)[off:])
}

// NewObject stores a collection of type t under k, in the place of e, the entry
// that k has now. deadline is in Unix milliseconds, or 0. The object belongs to
// the store from now on, also when memory turns out to be exhausted: it is freed
// then.
func (ks *Keyspace) NewObject(k Key, e Entry, t Type, o Object, deadline int64) Entry {
	if d, ok := o.(*dict.Dict); ok && d.Volatile() > 0 {
		t = timedHash
	}
	head := frontSize(t, len(k.B), deadline)
	access := ks.access(e)
	var ref mem.Ref
	ks.Build(o, func() { ref = ks.newRecord(k, e, head+4) })
	b := ks.arena.Bytes(ref, head+4)
	putFront(b, t, encObject, deadline, access, k.B)
	binary.LittleEndian.PutUint32(b[head:], ks.sh.keep(o))
	return ks.install(k, e, ref, deadline)
}

// Unpack puts an object with the same elements in the place of a packed
// collection, whose type, deadline and time of use stay. The object belongs to
// the store, as with NewObject.
func (ks *Keyspace) Unpack(e Entry, o Object) Entry {
	ks.beforeEntry(e)
	off := e.rec.valOff()
	var ref mem.Ref
	ks.Build(o, func() { ref = ks.arena.Alloc(off + 4) })
	b := ks.arena.Bytes(ref, off+4)
	copy(b, ks.arena.Bytes(e.ref, off))
	b[0] = b[0]&^kindEnc | uint8(encObject)<<3
	binary.LittleEndian.PutUint32(b[off:], ks.sh.keep(o))
	ks.freeValue(e)
	return ks.moved(e, ref)
}

// Build runs fill, which fills o, an object that no key has yet. When memory is
// exhausted meanwhile, o is freed before the panic goes on.
func (ks *Keyspace) Build(o Object, fill func()) {
	done := false
	defer func() {
		if !done {
			ks.sh.discard(o)
		}
	}()
	fill()
	done = true
}

// Arena is the memory of the keyspace's shard, for objects to be made in.
func (ks *Keyspace) Arena() *mem.Arena { return ks.arena }

// Discard frees an object that no key has.
func (ks *Keyspace) Discard(o Object) { ks.sh.discard(o) }

// keep gives an object a handle.
func (sh *Shard) keep(o Object) uint32 {
	if n := len(sh.handles); n > 0 {
		h := sh.handles[n-1]
		sh.handles = sh.handles[:n-1]
		sh.objects[h] = o
		return h
	}
	sh.objects = append(sh.objects, o)
	return uint32(len(sh.objects) - 1)
}

// release takes a handle back.
func (sh *Shard) release(h uint32) Object {
	o := sh.objects[h]
	sh.objects[h] = nil
	sh.handles = append(sh.handles, h)
	if len(sh.handles) == len(sh.objects) {
		sh.objects, sh.handles = nil, nil
	}
	return o
}

// discard frees an object: at once when it is small, else by calls of Reclaim.
// It gives about how many elements were freed.
func (sh *Shard) discard(o Object) int {
	if len(sh.held) != 0 {
		if _, held := sh.held[o]; held {
			sh.held[o] = true
			return 0
		}
	}
	n := min(o.Len(), dropAtOnce)
	if !o.Drop(dropAtOnce) {
		sh.throw(o)
	}
	return n
}

// garbage is something to be freed piece by piece.
type garbage interface{ Drop(max int) (done bool) }

// Later leaves work to the background: Drop is called with the shard locked, when
// what was left before is done, until it reports that nothing is left; or not at all
// when the whole shard is emptied. It must do no more than about max says.
func (ks *Keyspace) Later(g interface{ Drop(max int) (done bool) }) { ks.sh.throw(g) }

func (sh *Shard) throw(g garbage) {
	sh.garbage = append(sh.garbage, g)
	sh.thrown++
	sh.st.littered.Or(1 << sh.id)
}

// Littered is the shards in which there is something for Reclaim to free.
func (st *Store) Littered() LockSet { return LockSet(st.littered.Load()) }

// cleaned notes that there is nothing for Reclaim any more.
func (sh *Shard) cleaned() {
	sh.garbage = nil
	sh.st.littered.And(^uint64(1 << sh.id))
}

// Thrown is the number of large values that were ever left to Reclaim, and
// Reclaimed how many of them, oldest first, have been freed. The shard must be
// locked.
func (sh *Shard) Thrown() uint64 { return sh.thrown }

// Reclaimed is explained with Thrown.
func (sh *Shard) Reclaimed() uint64 { return sh.thrown - uint64(len(sh.garbage)) }

// Reclaim frees up to max records of flushed databases, or elements of removed
// collections, and tells whether there is more to do. The shard must be locked.
// It is made to be called in small steps.
func (sh *Shard) Reclaim(max int) (more bool) {
	if len(sh.garbage) == 0 {
		return false
	}
	if sh.garbage[0].Drop(max) {
		sh.garbage[0] = nil
		if sh.garbage = sh.garbage[1:]; len(sh.garbage) == 0 {
			sh.cleaned()
		}
	}
	return len(sh.garbage) > 0
}

// Take moves the value of src, an entry of this or another keyspace, to k, in the
// place of e, with its deadline and time of use. The key of src is gone then.
// Within a shard large values stay where they are.
func (ks *Keyspace) Take(k Key, e Entry, from Key, src Entry) Entry {
	deadline := src.Deadline()
	enc := src.rec.enc()
	if src.ks.sh != ks.sh || enc != encBlock && enc != encPackedBlock && enc != encObject {
		access := src.accessField()
		dst := ks.Copy(k, e, src, deadline)
		dst.setAccess(access)
		if gone := src.ks.Find(from); gone.Ok() {
			src.ks.Remove(from, gone)
		}
		return dst
	}
	src.ks.before(from.H)
	value := src.value()
	t := src.rec.raw()
	head := frontSize(t, len(k.B), deadline)
	ref := ks.newRecord(k, e, head+len(value))
	b := ks.arena.Bytes(ref, head+len(value))
	putFront(b, t, enc, deadline, src.accessField(), k.B)
	copy(b[head:], value)
	dst := ks.install(k, e, ref, deadline)
	// What the old record refers to is the new one's now.
	src = src.ks.Find(from)
	src.ks.table.Remove(from.H, src.slot)
	if src.rec.kind&kindVolatile != 0 {
		src.ks.unlink(src.ref)
	}
	src.ks.arena.Free(src.ref)
	return dst
}
