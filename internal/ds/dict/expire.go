package dict

import (
	"encoding/binary"

	"github.com/redstart-db/redstart/internal/ds/idtree"
	"github.com/redstart-db/redstart/internal/mem"
)

// Volatile is the number of fields with a deadline.
func (d *Dict) Volatile() int {
	if d.deadlines == nil {
		return 0
	}
	return d.deadlines.Len()
}

// Deadline is the time at which a hash's field expires in Unix milliseconds, or
// 0. A Dict removes nothing by itself.
func (e Elem) Deadline() int64 {
	d := e.d
	if d.kind != Hash || d.arena.Bytes(e.ref, 1)[0]&volatile == 0 {
		return 0
	}
	return int64(binary.LittleEndian.Uint64(d.deadline(e.ref)))
}

// deadline is where a record that has a deadline keeps it.
func (d *Dict) deadline(ref mem.Ref) []byte {
	off, _ := d.member(ref)
	return d.arena.Bytes(ref, off)[off-deadlineSize:]
}

// Due is the number of fields whose deadline has passed at now.
func (d *Dict) Due(now int64) int {
	if d.Volatile() == 0 || now < 0 {
		return 0
	}
	return d.deadlines.Rank(idtree.ID{MS: uint64(now) + 1})
}

// Next gives the field with the first deadline, if there is any.
func (d *Dict) Next() (e Elem, ok bool) {
	if d.Volatile() == 0 {
		return Elem{}, false
	}
	first := d.deadlines.First()
	return d.At(first.Value()), true
}

// SetDeadline sets the time at which a hash's field expires, in Unix
// milliseconds from 1 on; 0 makes it persistent.
func (d *Dict) SetDeadline(e Elem, at int64) Elem {
	was, old := e.Deadline(), e.ref
	if was == at {
		return e
	}
	d.before(e)
	if was != 0 && at != 0 {
		if !d.retrack(was, old, at, old) {
			panic(mem.ErrExhausted)
		}
		binary.LittleEndian.PutUint64(d.deadline(old), uint64(at))
		return e
	}
	// The deadline comes or goes: everything behind it moves.
	from, n := d.member(old)
	size := d.size(old)
	head := d.headSize(n, at)
	ref, ok := d.alloc(head + size - from)
	if !ok {
		panic(mem.ErrExhausted)
	}
	b := d.arena.Bytes(ref, head+size-from)
	d.putHead(b, n, at)
	copy(b[head:], d.arena.Bytes(old, size)[from:])
	if !d.retrack(was, old, at, ref) {
		d.release(ref, head+size-from)
		panic(mem.ErrExhausted)
	}
	e = d.replace(e, ref)
	d.release(old, size)
	return e
}

// deadlineID is the place of a field in the index: those of one millisecond are
// told apart by their references.
func deadlineID(at int64, ref mem.Ref) idtree.ID {
	return idtree.ID{MS: uint64(at), Seq: uint64(ref)}
}

// track enters a field in the index of deadlines, if there is memory for it.
func (d *Dict) track(at int64, ref mem.Ref) (ok bool) {
	if d.deadlines == nil {
		d.deadlines = new(idtree.Tree[mem.Ref])
		d.deadlines.Init(d.arena)
	}
	defer func() {
		if r := recover(); r != nil && r != any(mem.ErrExhausted) {
			panic(r)
		}
	}()
	d.deadlines.Insert(deadlineID(at, ref), ref)
	return true
}

// untrack takes a field with this deadline, if that is not 0, off the index.
func (d *Dict) untrack(at int64, ref mem.Ref) {
	if at == 0 {
		return
	}
	d.deadlines.Delete(deadlineID(at, ref))
	if d.deadlines.Len() == 0 {
		d.deadlines = nil
	}
}

// retrack is untrack and track, and changes nothing when it cannot.
func (d *Dict) retrack(was int64, old mem.Ref, at int64, ref mem.Ref) bool {
	if at != 0 && !d.track(at, ref) {
		return false
	}
	d.untrack(was, old)
	return true
}
