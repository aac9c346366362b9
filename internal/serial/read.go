package serial

import (
	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/rdb"
	"github.com/redstart-db/redstart/internal/store"
)

// Value is a value that has been read and belongs to no key yet. It has to be
// stored or freed.
type Value struct {
	ks     *store.Keyspace
	typ    store.Type
	str    rdb.StringValue
	packed []byte // a listpack or an intset on the Go heap, or in the input
	timed  bool   // packed is a hash in the form of package ds/triples
	object store.Object
}

// Read is Builder.Read of a new Builder.
func Read(ks *store.Keyspace, r *rdb.Reader, t rdb.Type, lim *Limits) (Value, error) {
	return new(Builder).Read(ks, r, t, lim)
}

// Builder reads values, one after another, and keeps the memory that it needs for that.
// The zero value is ready for use.
type Builder struct{ b builder }

// builder is the Value that is being read, and what is needed for that.
type builder struct {
	Value
	r      *rdb.Reader
	lim    *Limits
	size   int // of the input, in bytes
	strays int // see maxStrays
	done   bool

	lp   []byte // memory for a listpack or an intset,
	ints []int64
	few  members

	batch *batch // of what is not small; nil until there was such a value
}

// Read reads a value of type t, which is going to be stored in ks, or, unless it is
// small, is built there already. The input must not change until it is stored, and it
// has to be stored or freed before another is read.
//
// Nothing is left behind when the input turns out to be bad; then the error is
// ErrCorrupt or ErrTooLarge of package rdb. Nor when memory is exhausted; then Read
// panics with mem.ErrExhausted.
func (x *Builder) Read(ks *store.Keyspace, r *rdb.Reader, t rdb.Type, lim *Limits) (Value, error) {
	if t == rdb.TypeString {
		s, err := r.StringValue()
		return Value{ks: ks, str: s}, err
	}
	b := &x.b
	b.Value = Value{ks: ks}
	b.r, b.lim, b.size, b.strays, b.done = r, lim, r.Unread(), 0, false
	defer b.discard()
	var err error
	switch t {
	case rdb.TypeList, rdb.TypeListZiplist, rdb.TypeListQuicklist, rdb.TypeListQuicklist2:
		b.typ = store.List
		err = b.list(t)
	case rdb.TypeSet, rdb.TypeSetIntset, rdb.TypeSetListpack:
		b.typ = store.Set
		err = b.set(t)
	case rdb.TypeZset, rdb.TypeZset2, rdb.TypeZsetZiplist, rdb.TypeZsetListpack:
		b.typ = store.ZSet
		err = b.zset(t)
	case rdb.TypeStreamListpacks, rdb.TypeStreamListpacks2, rdb.TypeStreamListpacks3:
		b.typ = store.Stream
		err = b.stream(t)
	default:
		b.typ = store.Hash
		err = b.hash(t)
	}
	if err == nil {
		err = r.Err()
	}
	if err != nil {
		return Value{}, err
	}
	b.done = true
	return b.Value, nil
}

// discard gives back what was built of a value that was not read to its end.
func (b *builder) discard() {
	if b.object != nil && !b.done {
		b.ks.Discard(b.object)
	}
	b.object = nil
}

// keptSize is up to what size memory is kept.
const keptSize = 64 << 10

// pack has the value packed in p, the memory that empty gave or what became of it.
func (b *builder) pack(p []byte) {
	b.packed, b.lp = p, nil
	if cap(p) <= keptSize {
		b.lp = p[:0]
	}
}

// empty is an empty listpack in the Builder's memory.
func (b *builder) empty() []byte {
	b.lp = append(b.lp[:0], listpack.Empty...)
	return b.lp
}

// corrupt is what building finds out only when it has read an element.
func (b *builder) corrupt() error { return b.r.Fail(rdb.ErrCorrupt) }

// Type is the type of the value.
func (v *Value) Type() store.Type { return v.typ }

// Store stores the value under k, in the place of e, the entry that k has now.
// deadline is in Unix milliseconds, or 0. v must not be used after that, also when
// Store panics with mem.ErrExhausted.
func (v *Value) Store(k store.Key, e store.Entry, deadline int64) store.Entry {
	switch {
	case v.object != nil:
		return v.ks.NewObject(k, e, v.typ, v.object, deadline)
	case v.timed:
		return v.ks.NewTimed(k, e, v.packed, 0, deadline)
	case v.packed != nil:
		return v.ks.NewPacked(k, e, v.typ, v.packed, 0, deadline)
	case v.str.IsInt:
		return v.ks.SetInt(k, e, v.str.Int, deadline)
	}
	return v.ks.SetText(k, e, v.str.Bytes, deadline)
}

// Free frees a value that is not going to be stored.
func (v *Value) Free() {
	if v.object != nil {
		v.ks.Discard(v.object)
	}
}
