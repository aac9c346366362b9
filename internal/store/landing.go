package store

import (
	"slices"

	"github.com/redstart-db/redstart/internal/mem"
)

// Landing is a block of a shard's arena in which a large string arrives before the command
// that stores it runs. If that stores it in the shard, the block becomes the value instead
// of being copied.
//
// # Invariants
//
//   - Until it is taken or ended it is no key's: nobody but its owner looks at its bytes,
//     so that the owner may write them without a lock. The arena is not reset meanwhile.
//   - Until then it is not data: its bytes are in Shard.unfinished and Shard.landing, and
//     whoever owns it counts what has arrived.
type Landing struct {
	sh    *Shard
	b     []byte // the view of the block: of the length of the string
	ref   mem.Ref
	taken bool
}

// landingShare is how much of the arena may be waiting for something to arrive, as one part
// in so many: how much that is peers have only declared.
const landingShare = 4

// Land takes a block for a string of n bytes, more than 2048, or gives nil if there is no
// memory for it. The shard must be locked.
func (sh *Shard) Land(n int) *Landing {
	checkLen(n)
	if uint64(sh.landing+n) > sh.arena.Stats().Reserved/landingShare {
		return nil
	}
	sh.unmark()
	defer sh.Note()
	ref, ok := sh.arena.TryAlloc(n)
	if !ok {
		return nil
	}
	l := &Landing{sh: sh, b: sh.arena.Bytes(ref, n), ref: ref}
	sh.landings = append(sh.landings, l)
	sh.landed(l, 1)
	return l
}

// Bytes is where the string arrives. They are the owner's until the string is stored, or
// End is called.
func (l *Landing) Bytes() []byte { return l.b }

// Shard is the shard of the block.
func (l *Landing) Shard() *Shard { return l.sh }

// Taken tells whether a key has the block: it is the store's then, and the landing is over.
// It is for the goroutine that runs the command.
func (l *Landing) Taken() bool { return l.taken }

// End frees a block that was not taken. The shard must be locked.
func (l *Landing) End() {
	if l.taken {
		return
	}
	l.sh.leave(l)
	l.sh.arena.Free(l.ref)
	l.sh.Note()
}

// landingOf is the landing in which v lies, as a whole, or nil.
func (sh *Shard) landingOf(v []byte) *Landing {
	for _, l := range sh.landings {
		if len(l.b) == len(v) && &l.b[0] == &v[0] {
			return l
		}
	}
	return nil
}

// take makes the block data.
func (l *Landing) take() mem.Ref {
	l.taken = true
	l.sh.leave(l)
	return l.ref
}

// leave forgets a landing.
func (sh *Shard) leave(l *Landing) {
	i := slices.Index(sh.landings, l)
	if sh.landings = slices.Delete(sh.landings, i, i+1); len(sh.landings) == 0 {
		sh.landings = nil
	}
	sh.landed(l, -1)
}

// landed counts the bytes of a landing that begins or, with -1, ends.
func (sh *Shard) landed(l *Landing, sign int) {
	n := sign * sh.arena.Usable(l.ref)
	sh.landing += n
	sh.unfinished += n
}

// Landing is how many bytes of the live blocks are none of the data, because something is
// to arrive there. The shard must be locked.
func (sh *Shard) Landing() uint64 { return uint64(sh.landing) }

// settle stores the string that has arrived in l under k, as newBlock does.
func (ks *Keyspace) settle(k Key, e Entry, l *Landing, deadline int64) Entry {
	vol := deadline != 0
	size := headerSize(len(k.B), vol) + 8
	ref := ks.newRecord(k, e, size)
	b := ks.arena.Bytes(ref, size)
	at := putHeader(b, String, encBlock, vol, ks.access(e), k.B)
	putBlock(b[at:], l.take(), len(l.b))
	e = ks.install(k, e, ref, deadline)
	ks.sh.Note() // these bytes count from now on
	return e
}
