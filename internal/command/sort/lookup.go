package sort

import (
	"github.com/redstart-db/redstart/internal/ds/dict"
	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/ds/triples"
	"github.com/redstart-db/redstart/internal/store"
)

// find gives what a pattern names for an element: a copy, or a view that stays
// valid when other keys turn out to have expired.
func (s *sorter) find(p *pattern, elem []byte) (value []byte, ok bool) {
	if p.self {
		return elem, true
	}
	if p.star < 0 {
		return nil, false
	}
	e := s.c.Read(s.key(p, elem))
	switch {
	case !e.Ok():
		return nil, false
	case p.field == nil && e.Type() == store.String:
		var digits store.Scratch
		if _, isInt := e.Int(); isInt {
			return s.keep(e.Bytes(&digits)), true
		}
		return e.Bytes(nil), true
	case p.field != nil && e.Type() == store.Hash:
		return s.field(e, p.field)
	}
	return nil, false
}

// key gives the key that a pattern names for an element, valid until the next one.
func (s *sorter) key(p *pattern, elem []byte) store.Key {
	s.name = append(append(append(s.name[:0], p.text[:p.star]...), elem...), p.text[p.star+1:]...)
	return s.c.Store.Key(s.name)
}

// ahead is for how many elements what looking up will need is fetched at once.
const ahead = 16

// fetch has what looking up the keys of a few elements will need fetched.
func (s *sorter) fetch(p *pattern, elems [][]byte) {
	if p.star < 0 {
		return
	}
	db := s.c.DB()
	for i, elem := range elems {
		s.hashes[i] = s.key(p, elem).H
		s.c.Store.Hint(s.hashes[i], db)
	}
	for i := range elems {
		s.c.Store.HintRecord(s.hashes[i], db)
	}
}

func (s *sorter) field(e store.Entry, field []byte) (value []byte, ok bool) {
	if e.Timed() {
		return s.timedField(e, field)
	}
	if o := e.Object(); o != nil {
		f, ok := o.(*dict.Dict).Find(field)
		if !ok {
			return nil, false
		}
		return f.Value(), true
	}
	lp := e.Pack()
	pos, ok := listpack.Find(lp, listpack.HeaderSize, field, 1)
	if !ok {
		return nil, false
	}
	pos, _ = listpack.Next(lp, pos)
	return s.text(listpack.Get(lp, pos)), true
}

// timedField copies the value: when the hash is looked up again, further fields may
// expire, and the others move.
func (s *sorter) timedField(e store.Entry, field []byte) (value []byte, ok bool) {
	var at int64
	var v listpack.Value
	if o := e.Object(); o != nil {
		f, ok := o.(*dict.Dict).Find(field)
		if !ok {
			return nil, false
		}
		at, v = f.Deadline(), listpack.Value{Str: f.Value()}
	} else {
		p := e.Pack()
		pos, ok := triples.Find(p, field)
		if !ok {
			return nil, false
		}
		at, v = triples.Deadline(p, pos), triples.Value(p, pos)
	}
	if at != 0 && at <= s.c.Now() && !s.c.Store.Loading {
		// It was left where it is, and goes now: when what is stored is replayed, it has to
		// be gone, or else to be there.
		e.Keyspace().ExpireNamed(e, s.c.Now(), [][]byte{field})
		return nil, false
	}
	var digits store.Scratch
	return s.keep(v.Bytes(digits[:])), true
}

// text gives the bytes of a value, a view if possible.
func (s *sorter) text(v listpack.Value) []byte {
	if !v.IsInt() {
		return v.Str
	}
	var digits store.Scratch
	return s.keep(v.Bytes(digits[:]))
}

// keep copies a few bytes, for as long as the command runs.
func (s *sorter) keep(b []byte) []byte {
	at := len(s.digits)
	if cap(s.digits)-at < len(b) {
		s.digits, at = make([]byte, 0, max(4096, len(b))), 0 // views of the old ones stay
	}
	s.digits = append(s.digits, b...)
	return s.digits[at:len(s.digits):len(s.digits)]
}
