package store

import (
	"github.com/redstart-db/redstart/internal/ds/kept"
	"github.com/redstart-db/redstart/internal/mem"
)

// HasBlock tells whether the entry is a string whose bytes are in a block of their own.
func (e Entry) HasBlock() bool { return e.Type() == String && e.rec.enc() == encBlock }

// HoldText keeps the bytes of a string that has a block as they are now, to be read in
// parts, whatever becomes of the key, until LetTextGo. The shard must be locked, for all
// that is done with the result too.
func (sh *Shard) HoldText(e Entry) *kept.Blocks {
	ref, n := block(sh.arena, e.ref, e.rec.valOff())
	k := kept.New(sh.arena, 1)
	k.Add(ref, 0, uint32(n), false)
	if sh.texts == nil {
		sh.texts = make(map[mem.Ref]*kept.Blocks)
	}
	sh.texts[ref] = k
	return k
}

// LetTextGo ends what HoldText began.
func (sh *Shard) LetTextGo(k *kept.Blocks) {
	k.Close()
	for ref, held := range sh.texts {
		if held == k {
			delete(sh.texts, ref)
		}
	}
}

// freeBlock gives the block of a value back, unless a snapshot needs it.
func (sh *Shard) freeBlock(ref mem.Ref) {
	if len(sh.texts) != 0 {
		if k := sh.texts[ref]; k != nil && k.Take(ref) {
			return
		}
	}
	sh.arena.Free(ref)
}

// writing is called before the bytes of a string are written to in its block.
func (sh *Shard) writing(ref mem.Ref) {
	if len(sh.texts) != 0 {
		if k := sh.texts[ref]; k != nil {
			k.Before(ref)
		}
	}
}
