package dict

import (
	"github.com/redstart-db/redstart/internal/ds/htable"
	"github.com/redstart-db/redstart/internal/mem"
)

// Cover begins a walk over the elements that the Dict has now, as they are now,
// while it goes on changing; see htable.Cover. take is called for each of them once,
// by Cover.Step or before an element is changed, and must not change the Dict. It
// goes on until Uncover, also when everything has been covered.
func (d *Dict) Cover(take func(Elem)) *htable.Cover {
	d.cover = new(htable.Cover)
	d.cover.Start(&d.table, func(ref mem.Ref) { take(d.At(ref)) })
	return d.cover
}

// Uncover ends the walk.
func (d *Dict) Uncover() { d.cover = nil }

// before is called before an element is changed or removed.
func (d *Dict) before(e Elem) {
	if d.cover != nil {
		d.cover.Before(d.locate(e).hash)
	}
}
