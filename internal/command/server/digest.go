package server

import (
	"crypto/sha1"
	"crypto/subtle"
	"encoding/binary"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/ds/dict"
	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/ds/qlist"
	"github.com/redstart-db/redstart/internal/ds/stream"
	"github.com/redstart-db/redstart/internal/ds/zset"
	"github.com/redstart-db/redstart/internal/num"
	"github.com/redstart-db/redstart/internal/store"
)

// digest tells values apart, in the way of DEBUG DIGEST: where order matters a
// part is mixed in (the digest is hashed again after it), where it does not the
// part's hash is added by exclusive or.
type digest [sha1.Size]byte

func (d *digest) xor(part []byte) {
	h := sha1.Sum(part)
	subtle.XORBytes(d[:], d[:], h[:])
}

func (d *digest) mix(part []byte) {
	d.xor(part)
	*d = sha1.Sum(d[:])
}

func (d *digest) mixInt(n uint32) {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], n)
	d.mix(b[:])
}

// mixEntry adds the type and value of a key, and whether it will expire.
func (d *digest) mixEntry(e store.Entry, scratch *store.Scratch) {
	t := uint32(e.Type())
	if e.Type() == store.Stream {
		t++ // in Redis's numbers modules are before
	}
	d.mixInt(t)
	switch e.Type() {
	case store.String:
		d.mix(e.Bytes(scratch))
	case store.List:
		d.mixList(e)
	case store.Set:
		for m := range e.Members {
			d.xor(m.Bytes(scratch[:]))
		}
	case store.ZSet:
		d.mixZSet(e, scratch)
	case store.Hash:
		d.mixHash(e)
	case store.Stream:
		d.mixStream(e.Object().(*stream.Stream))
	}
	if e.Deadline() != 0 {
		d.xor([]byte("!!expire!!"))
	}
}

func (d *digest) mixList(e store.Entry) {
	var digits [num.MaxIntLen]byte
	pack := func(lp []byte) {
		for pos, ok := listpack.First(lp); ok; pos, ok = listpack.Next(lp, pos) {
			d.mix(listpack.Get(lp, pos).Bytes(digits[:]))
		}
	}
	if e.Packed() {
		pack(e.Pack())
		return
	}
	e.Object().(*qlist.List).Walk(0, func(plain bool, data []byte) bool {
		if plain {
			d.mix(data)
		} else {
			pack(data)
		}
		return true
	})
}

// pair adds two parts that belong together, such as a field and its value.
func (d *digest) pair(a, b []byte) {
	var both digest
	both.mix(a)
	both.mix(b)
	d.xor(both[:])
}

func (d *digest) mixZSet(e store.Entry, scratch *store.Scratch) {
	var text [32]byte
	if e.Packed() {
		p := zset.Packed(e.Pack())
		for c := p.First(); c.Valid(); c.Next() {
			d.pair(c.Member().Bytes(scratch[:]), num.AppendFloat(text[:0], c.Score()))
		}
		return
	}
	for c := e.Object().(*zset.ZSet).First(); c.Valid(); c.Next() {
		d.pair(c.Member(), num.AppendFloat(text[:0], c.Score()))
	}
}

func (d *digest) mixHash(e store.Entry) {
	if !e.Packed() {
		e.Object().(*dict.Dict).Each(func(f dict.Elem) { d.pair(f.Member(), f.Value()) })
		return
	}
	var bufs [2][num.MaxIntLen]byte
	lp := e.Pack()
	for pos, ok := listpack.First(lp); ok; {
		value, _ := listpack.Next(lp, pos)
		d.pair(listpack.Get(lp, pos).Bytes(bufs[0][:]), listpack.Get(lp, value).Bytes(bufs[1][:]))
		if e.Timed() {
			value, _ = listpack.Next(lp, value) // the deadline
		}
		pos, ok = listpack.Next(lp, value)
	}
}

func (d *digest) mixStream(s *stream.Stream) {
	var bufs [2][num.MaxIntLen]byte
	var text [2*num.MaxIntLen + 1]byte
	for c := s.Range(stream.ID{}, stream.MaxID); c.Next(); {
		id := num.AppendUint(text[:0], c.ID().MS)
		d.mix(num.AppendUint(append(id, '.'), c.ID().Seq))
		for range c.Fields() {
			field, value := c.Pair()
			d.mix(field.Bytes(bufs[0][:]))
			d.mix(value.Bytes(bufs[1][:]))
		}
	}
}

// dataDigest is the digest of all databases. All shards must be locked.
func dataDigest(st *store.Store) digest {
	var all digest
	var scratch store.Scratch
	for db := range st.Databases() {
		if st.Len(db) == 0 {
			continue
		}
		all.mixInt(uint32(db))
		for i := range st.Shards() {
			st.Shard(i).DB(db).Each(func(e store.Entry) {
				var d digest
				d.mix(e.Key())
				d.mixEntry(e, &scratch)
				all.xor(d[:])
			})
		}
	}
	return all
}

// keyDigest is the digest of the value of one key; zero when it is missing.
func keyDigest(c *command.Ctx, i int) (d digest) {
	k := c.Key(i)
	if e := c.Keyspace(k).Lookup(k, c.Now()); e.Ok() {
		var scratch store.Scratch
		d.mixEntry(e, &scratch)
	}
	return d
}
