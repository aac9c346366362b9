package dict

import (
	"encoding/binary"
	"hash/maphash"
	"math"

	"github.com/redstart-db/redstart/internal/ds/htable"
	"github.com/redstart-db/redstart/internal/invariants"
	"github.com/redstart-db/redstart/internal/mem"
)

// Cover begins a walk over the elements that the Dict has now, as they are now,
// while it goes on changing; see htable.Cover. take is called for each of them once,
// by Cover.Step or before an element is changed, and must not change the Dict. It
// goes on until Uncover, also when everything has been covered.
func (d *Dict) Cover(take func(Elem)) *htable.Cover {
	d.cover = new(htable.Cover)
	if invariants.Enabled {
		take = d.witnessed(take)
	}
	d.cover.Start(&d.table, func(ref mem.Ref) { take(d.At(ref)) })
	return d.cover
}

// Uncover ends the walk.
func (d *Dict) Uncover() { d.cover = nil }

// witnessed is take with a check, in builds with the tag invariants, that all elements
// together are what they were.
func (d *Dict) witnessed(take func(Elem)) func(Elem) {
	seed := maphash.MakeSeed()
	left, sum := d.Len(), d.Print(seed)
	return func(e Elem) {
		left--
		sum -= e.Print(seed)
		if left < 0 || left == 0 && sum != 0 {
			panic("dict: an element was changed, added or removed before it was handed over")
		}
		take(e)
	}
}

// Print is a fingerprint of all elements, whatever their order.
func (d *Dict) Print(seed maphash.Seed) (sum uint64) {
	d.Each(func(e Elem) { sum += e.Print(seed) })
	return sum
}

// Print is the fingerprint of one element.
func (e Elem) Print(seed maphash.Seed) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	h.Write(e.Member())
	switch e.d.kind {
	case Hash:
		h.WriteByte(0)
		h.Write(e.Value())
		h.Write(binary.LittleEndian.AppendUint64(nil, uint64(e.Deadline())))
	case ZSet:
		h.Write(binary.LittleEndian.AppendUint64(nil, math.Float64bits(e.Score())))
	}
	return h.Sum64()
}

// HandOver has the walk take an element before something else happens to it.
func (d *Dict) HandOver(e Elem) { d.before(e) }

// before is called before an element is changed or removed.
func (d *Dict) before(e Elem) {
	if d.cover != nil {
		d.cover.Before(d.locate(e).hash)
	}
}
