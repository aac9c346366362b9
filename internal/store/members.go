package store

import (
	"github.com/redstart-db/redstart/internal/ds/dict"
	"github.com/redstart-db/redstart/internal/ds/intset"
	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/num"
)

// SetLen is the number of members of a set, 0 when there is no such key.
func (e Entry) SetLen() int {
	switch {
	case !e.Ok():
		return 0
	case !e.Packed():
		return e.Object().Len()
	}
	if p := e.Pack(); isIntset(p) {
		return intset.Len(p)
	} else {
		return listpack.Len(p)
	}
}

// PackedSet gives the bytes of a packed set, as Pack does, and tells whether they
// are an intset; else they are a listpack.
func (e Entry) PackedSet() (p []byte, ints bool) {
	p = e.Pack()
	return p, isIntset(p)
}

// HasMember tells whether a set, or the key if there is none, has a member.
func (e Entry) HasMember(member []byte) bool {
	switch {
	case !e.Ok():
		return false
	case !e.Packed():
		_, ok := e.Object().(*dict.Dict).Find(member)
		return ok
	}
	p := e.Pack()
	if !isIntset(p) {
		_, ok := listpack.Find(p, listpack.HeaderSize, member, 0)
		return ok
	}
	n, ok := num.ParseInt(member)
	if ok {
		_, ok = intset.Find(p, n)
	}
	return ok
}

// Members calls yield for every member of a set in any form until it returns
// false: of an intset in ascending order, of others in no order to rely on. A
// value is valid during the call; as bytes it is m.Bytes(buf[:]) with a buffer of
// 20. The keyspace must not be changed meanwhile. A key that does not exist has no
// members. As an iterator:
//
//	for m := range e.Members { ... }
func (e Entry) Members(yield func(m listpack.Value) bool) {
	if !e.Ok() {
		return
	}
	if !e.Packed() {
		e.Object().(*dict.Dict).All(func(el dict.Elem) bool {
			return yield(listpack.Value{Str: el.Member()})
		})
		return
	}
	p := e.Pack()
	if isIntset(p) {
		for i := range intset.Len(p) {
			if !yield(listpack.Value{Int: intset.Get(p, i)}) {
				return
			}
		}
		return
	}
	for pos, ok := listpack.First(p); ok; pos, ok = listpack.Next(p, pos) {
		if !yield(listpack.Get(p, pos)) {
			return
		}
	}
}
