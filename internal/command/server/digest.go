package server

import (
	"crypto/sha1"
	"crypto/subtle"
	"encoding/binary"

	"github.com/redstart-db/redstart/internal/command"
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
	d.mixInt(uint32(e.Type()))
	if e.Type() == store.String {
		d.mix(e.Bytes(scratch))
	}
	if e.Deadline() != 0 {
		d.xor([]byte("!!expire!!"))
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
