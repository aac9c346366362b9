package store

import "github.com/redstart-db/redstart/internal/mem"

// NewString stores a string of n bytes under k, in the place of e, the entry
// that k has now, and gives a view of it, valid while the entry is, to be
// written: its contents are undefined. deadline is in Unix milliseconds, or 0.
func (ks *Keyspace) NewString(k Key, e Entry, n int, deadline int64) (Entry, []byte) {
	if n > inlineMax {
		dst := ks.newBlock(k, e, n, deadline, false)
		return dst, dst.Bytes(nil)
	}
	vol := deadline != 0
	size := headerSize(len(k.B), vol) + lengthSize(n) + n
	access := ks.access(e)
	ref := ks.newRecord(k, e, size)
	b := ks.arena.Bytes(ref, size)
	at := putHeader(b, String, encRaw, vol, access, k.B)
	at += putLength(b[at:], n)
	return ks.install(k, e, ref, deadline), b[at:]
}

// access is the access field of a new value of e's key: a use counter outlives
// the value, a time of use does not.
func (ks *Keyspace) access(e Entry) uint32 {
	if ks.st.LFU.On && e.Ok() {
		return e.accessField()
	}
	return ks.st.fresh()
}

// checkLen refuses strings whose length does not fit its field.
func checkLen(n int) {
	if uint64(n) > MaxString {
		panic(mem.ErrExhausted)
	}
}
