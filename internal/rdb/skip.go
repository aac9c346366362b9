package rdb

// Skip passes over a value of type t and gives its bytes, from which a Reader can read
// it later, perhaps in another goroutine. It looks at the lengths and at nothing else:
// what is in the value is for whoever reads it to check. An empty collection is no
// error. The bytes alias the input.
func (r *Reader) Skip(t Type) (value []byte, err error) {
	start := r.b
	if t == TypeString {
		r.skipString()
	} else {
		r.skip(t)
	}
	if r.err != nil {
		return nil, r.err
	}
	n := len(start) - len(r.b)
	return start[:n:n], nil
}

func (r *Reader) skip(t Type) {
	switch t {
	case TypeHashZipmap, TypeListZiplist, TypeSetIntset, TypeZsetZiplist, TypeHashZiplist, TypeHashListpack,
		TypeZsetListpack, TypeSetListpack, TypeHashListpackExPreGA:
		r.skipString()
	case TypeHashListpackEx:
		r.Uint64()
		r.skipString()
	case TypeList, TypeSet, TypeListQuicklist:
		r.skipEach(1, r.skipString)
	case TypeHash:
		r.skipEach(2, func() { r.skipString(); r.skipString() })
	case TypeZset:
		r.skipEach(2, func() { r.skipString(); r.skipTextScore() })
	case TypeZset2:
		r.skipEach(1+8, func() { r.skipString(); r.Bytes(8) })
	case TypeHashMetadata:
		r.Uint64()
		r.skipEach(3, r.skipTimedField)
	case TypeHashMetadataPreGA:
		r.skipEach(3, r.skipTimedField)
	case TypeListQuicklist2:
		r.skipEach(2, func() { r.Len(); r.skipString() })
	case TypeStreamListpacks, TypeStreamListpacks2, TypeStreamListpacks3:
		r.skipStream(t)
	default:
		r.Fail(ErrCorrupt)
	}
}

// skipEach passes over elements, of at least size bytes each, and their number before
// them.
func (r *Reader) skipEach(size int, one func()) {
	n, _ := r.Count(size)
	for ; n > 0 && r.err == nil; n-- {
		one()
	}
}

func (r *Reader) skipString() {
	n, encoded, err := r.Len()
	switch {
	case err != nil:
	case !encoded:
		r.Bytes(n)
	case n == encLZF:
		packed, enc, _ := r.Len()
		r.Len()
		if enc {
			r.Fail(ErrCorrupt)
		}
		r.Bytes(packed)
	case n > encInt32:
		r.Fail(ErrCorrupt)
	default:
		r.Bytes(1 << n)
	}
}

// skipTextScore passes over a score as textScore reads it.
func (r *Reader) skipTextScore() {
	if c, err := r.Byte(); err == nil && c < 253 {
		r.Bytes(uint64(c))
	}
}

// skipTimedField passes over a field with its deadline.
func (r *Reader) skipTimedField() {
	r.Len()
	r.skipString()
	r.skipString()
}

func (r *Reader) skipStream(t Type) {
	s, _ := r.Stream(t)
	for s.more(levelNodes) {
		r.skipString()
		r.skipString()
	}
	s.State()
	for {
		if _, ok := s.NextGroup(); !ok {
			return
		}
		for ok := true; ok; {
			_, ok = s.NextPending()
		}
		for {
			if _, ok := s.NextConsumer(); !ok {
				break
			}
			for ok := true; ok; {
				_, ok = s.NextOwned()
			}
		}
	}
}
