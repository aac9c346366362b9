package serial

import (
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

// Read reads a value of type t, which is going to be stored in ks, or, unless it is
// small, is built there already. The input must not change until it is stored.
//
// Nothing is left behind when the input turns out to be bad; then the error is
// ErrCorrupt or ErrTooLarge of package rdb. Nor when memory is exhausted; then Read
// panics with mem.ErrExhausted.
func Read(ks *store.Keyspace, r *rdb.Reader, t rdb.Type, lim *Limits) (Value, error) {
	if t == rdb.TypeString {
		s, err := r.StringValue()
		return Value{ks: ks, str: s}, err
	}
	b := builder{Value: Value{ks: ks}, r: r, lim: lim}
	defer func() {
		if b.object != nil && !b.done {
			ks.Discard(b.object)
		}
	}()
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

// builder is a Value that is being read.
type builder struct {
	Value
	r    *rdb.Reader
	lim  *Limits
	done bool

	strays int // see maxStrays
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
