package store

import (
	"encoding/binary"

	"github.com/redstart-db/redstart/internal/mem"
)

// Copy stores the value of src, an entry of this or another keyspace, under k,
// in the place of e. The source stays.
func (ks *Keyspace) Copy(k Key, e Entry, src Entry, deadline int64) Entry {
	if src.rec.enc() == encObject {
		t, access := src.Type(), src.accessField()
		dst := ks.NewObject(k, e, t, ks.copyObject(src.Object()), deadline)
		dst.setAccess(access)
		return dst
	}
	value := src.value()
	t := src.rec.raw()
	head := frontSize(t, len(k.B), deadline)
	size := head + len(value)
	if !e.Ok() {
		ks.table.Reserve(k.H)
	}
	var data mem.Ref
	if from := src.blockBytes(); from != nil {
		data = ks.arena.Alloc(len(from))
		copy(ks.arena.Bytes(data, len(from)), from)
	}
	ref, ok := ks.arena.TryAlloc(size)
	if !ok {
		if data != 0 {
			ks.arena.Free(data)
		}
		panic(mem.ErrExhausted)
	}
	b := ks.arena.Bytes(ref, size)
	putFront(b, t, src.rec.enc(), deadline, src.accessField(), k.B)
	copy(b[head:], value)
	if data != 0 {
		binary.LittleEndian.PutUint32(b[head:], uint32(data))
	}
	return ks.install(k, e, ref, deadline)
}

// blockBytes is the content of the block that a record refers to, if it does.
func (e Entry) blockBytes() []byte {
	switch e.rec.enc() {
	case encBlock:
		return e.Bytes(nil)
	case encPackedBlock:
		return e.Pack()
	}
	return nil
}

// copyObject makes a copy of a large collection in the arena of the shard, or gives the
// one that is offered.
func (ks *Keyspace) copyObject(o Object) Object {
	if to := ks.sh.accept(o); to != nil {
		return to
	}
	to, whole, _ := ks.sh.copier(o)
	ks.Build(to, whole)
	return to
}
