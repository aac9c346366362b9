package dict

import (
	"encoding/binary"
	"math"

	"github.com/redstart-db/redstart/internal/ds/htable"
	"github.com/redstart-db/redstart/internal/mem"
)

// Add adds a member to a set, unless it is there.
func (d *Dict) Add(member []byte) (e Elem, created bool) {
	return d.findOrInsert(content{member: member})
}

// AddScored adds a member with a score to a sorted set. One that is there is
// given as it is.
func (d *Dict) AddScored(member []byte, score float64) (e Elem, created bool) {
	return d.findOrInsert(content{member: member, score: score})
}

func (d *Dict) findOrInsert(c content) (Elem, bool) {
	hash := d.hash(c.member)
	if slot, ref := d.table.Find(hash, c.member); ref != 0 {
		return Elem{d, hash, slot, ref}, false
	}
	return d.insert(hash, c), true
}

// Set gives a hash's field a value, and takes its deadline away. value may be
// the element's own.
func (d *Dict) Set(field, value []byte) (e Elem, created bool) {
	hash := d.hash(field)
	slot, ref := d.table.Find(hash, field)
	if ref == 0 {
		return d.insert(hash, content{member: field, value: value}), true
	}
	e = Elem{d, hash, slot, ref}
	if e.Deadline() != 0 {
		return d.rewrite(e, value, 0), false
	}
	return d.SetValue(e, value), false
}

// insert adds an element that is not there.
func (d *Dict) insert(hash uint64, c content) Elem {
	if d.cover != nil {
		d.cover.Before(hash)
	}
	d.table.Reserve(hash)
	ref, ok := d.build(c)
	if ok && c.at != 0 && !d.track(c.at, ref) {
		d.free(ref)
		ok = false
	}
	if !ok {
		if d.Len() == 0 {
			d.table.Clear() // what was reserved
		}
		panic(mem.ErrExhausted)
	}
	return Elem{d, hash, d.table.Insert(hash, ref), ref}
}

// SetValue changes the value of a hash's field, in place when it can. value may
// be the element's own.
func (d *Dict) SetValue(e Elem, value []byte) Elem {
	d.before(e)
	v := d.value(e.ref)
	long := len(value) > inlineMax
	switch {
	case v.block != 0 && long:
		d.setBlock(e.ref, v, value)
		return e
	case v.block == 0 && !long:
		size := v.at + valueSize(len(value))
		if mem.Usable(size) == mem.Usable(v.end()) {
			putValue(d.arena.Bytes(e.ref, size)[v.at:], value)
			return e
		}
	}
	return d.rewrite(e, value, e.Deadline())
}

// setBlock changes a value that has a block to another that needs one.
func (d *Dict) setBlock(ref mem.Ref, v place, value []byte) {
	block := v.block
	if n := len(value); mem.Usable(n) == mem.Usable(v.n) {
		copy(d.arena.Bytes(block, n), value)
	} else {
		var ok bool
		if block, ok = d.allocValue(value); !ok {
			panic(mem.ErrExhausted)
		}
		d.release(v.block, v.n)
	}
	putBlock(d.arena.Bytes(ref, v.end())[v.at:], block, len(value))
}

// rewrite gives an element a new record, with this value and deadline.
func (d *Dict) rewrite(e Elem, value []byte, at int64) Elem {
	d.before(e)
	ref, ok := d.build(content{member: e.Member(), value: value, at: at})
	if !ok {
		panic(mem.ErrExhausted)
	}
	was, old := e.Deadline(), e.ref
	if !d.retrack(was, old, at, ref) {
		d.free(ref)
		panic(mem.ErrExhausted)
	}
	e = d.replace(e, ref)
	d.free(old)
	return e
}

// replace makes ref the record of an element. The old record is the caller's.
func (d *Dict) replace(e Elem, ref mem.Ref) Elem {
	e = d.locate(e)
	d.table.Replace(e.slot, ref)
	e.ref = ref
	return e
}

// locate finds the slot of an element that came without.
func (d *Dict) locate(e Elem) Elem {
	if e.slot == (htable.Slot{}) {
		e.hash = d.hash(e.Member())
		slot, ok := d.table.FindRef(e.hash, e.ref)
		if !ok {
			panic("dict: the element is not there")
		}
		e.slot = slot
	}
	return e
}

// Score is the score of a sorted set's element.
func (e Elem) Score() float64 {
	return math.Float64frombits(binary.LittleEndian.Uint64(e.d.arena.Bytes(e.ref, scoreSize)))
}

// SetScore changes the score of a sorted set's element, which stays valid. The
// owner changes its index first, which may fail.
func (e Elem) SetScore(score float64) {
	e.d.before(e)
	binary.LittleEndian.PutUint64(e.d.arena.Bytes(e.ref, scoreSize), math.Float64bits(score))
}

// Delete removes the element with this member or field, if it is there.
func (d *Dict) Delete(member []byte) bool {
	e, ok := d.Find(member)
	if ok {
		d.Remove(e)
	}
	return ok
}

// Remove removes an element. Without elements, a Dict has nothing of the arena.
func (d *Dict) Remove(e Elem) {
	e = d.locate(e)
	d.before(e)
	d.untrack(e.Deadline(), e.ref)
	d.table.Remove(e.hash, e.slot)
	d.free(e.ref)
}

// Drop removes some more than max elements, unless there are fewer, and reports
// whether none is left. So a large Dict is freed in steps. Nothing but Len and Bytes
// may be called between them.
func (d *Dict) Drop(max int) (done bool) {
	return d.table.Drain(max, func(ref mem.Ref) {
		d.untrack(d.At(ref).Deadline(), ref)
		d.free(ref)
	})
}

// CopyTo adds all elements to another Dict of the same kind, which is empty and
// may live in another arena. When that has no memory, the other is left empty.
func (d *Dict) CopyTo(to *Dict) {
	done := false
	defer func() {
		if !done {
			to.Drop(math.MaxInt)
		}
	}()
	to.table.Expect(d.Len())
	_, done = d.CopyPart(to, 0, math.MaxInt, math.MaxInt)
}

// CopyPart is CopyTo for a part: it adds the elements of some stretches of the table, as
// Scan has it from position pos on, about max elements and bytes of them, to another Dict,
// and gives the position at which to go on, or done. The content must not change between
// the first part and the last. When there is no memory, the other is to be dropped.
func (d *Dict) CopyPart(to *Dict, pos uint32, max, bytes int) (next uint32, done bool) {
	n, used := to.Len(), to.used
	for steps := max; !done && steps > 0 && to.Len()-n < max && to.used-used < bytes; steps-- {
		pos, done = d.Scan(pos, to.addCopy)
	}
	return pos, done
}

// addCopy adds a copy of another Dict's element, which is not there.
func (d *Dict) addCopy(e Elem) {
	c := content{member: e.Member()}
	switch d.kind {
	case Hash:
		c.value, c.at = e.Value(), e.Deadline()
	case ZSet:
		c.score = e.Score()
	}
	d.insert(d.hash(c.member), c)
}

// Defrag moves the records and values of a bucket of the table, as htable.Table.Near has
// it, and its segment, that keep sparse spans of the arena alive, and gives the position at
// which to go on, or done. It calls moved, unless that is nil, for each element that has
// a new reference, while the record at the old one still can be read. Where
// there is no memory, things stay where they are.
func (d *Dict) Defrag(pos uint32, moved func(e Elem, old mem.Ref)) (next uint32, done bool) {
	var few [32]mem.Ref
	refs := few[:0]
	d.table.Move(pos)
	next, done = d.table.Near(pos, func(ref mem.Ref) { refs = append(refs, ref) })
	for _, ref := range refs {
		if d.kind == Hash {
			d.moveValue(ref)
		}
		if d.arena.Sparse(ref) {
			d.moveRecord(d.At(ref), moved)
		}
	}
	return next, done
}

func (d *Dict) moveValue(ref mem.Ref) {
	v := d.value(ref)
	if v.block == 0 || !d.arena.Sparse(v.block) {
		return
	}
	if block, ok := d.allocValue(d.arena.Bytes(v.block, v.n)); ok {
		putBlock(d.arena.Bytes(ref, v.end())[v.at:], block, v.n)
		d.release(v.block, v.n)
	}
}

func (d *Dict) moveRecord(e Elem, moved func(e Elem, old mem.Ref)) {
	old, size, at := e.ref, d.size(e.ref), e.Deadline()
	ref, ok := d.alloc(size)
	if !ok {
		return
	}
	copy(d.arena.Bytes(ref, size), d.arena.Bytes(old, size))
	if !d.retrack(at, old, at, ref) {
		d.release(ref, size)
		return
	}
	e = d.replace(e, ref)
	if moved != nil {
		moved(e, old)
	}
	d.release(old, size)
}
