package set

import (
	"github.com/redstart-db/redstart/internal/bulks"
	"github.com/redstart-db/redstart/internal/ds/dict"
	"github.com/redstart-db/redstart/internal/ds/intset"
	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/num"
	"github.com/redstart-db/redstart/internal/resp"
	"github.com/redstart-db/redstart/internal/store"
)

// view is a set in any form, to be read; the zero view is an empty one. It is valid
// until its set changes or is removed. Other keys may come and go, for it knows
// nothing of the table of keys.
type view struct {
	big  *dict.Dict // a table, or nil
	ints []byte     // an intset, or nil
	lp   []byte     // a listpack, or nil
	idx  *index     // of the listpack, or nil
}

// open gives the view of an entry, which is a set or does not exist.
func open(e store.Entry) view {
	if !e.Ok() {
		return view{}
	}
	if !e.Packed() {
		return view{big: e.Object().(*dict.Dict)}
	}
	if p, ints := e.PackedSet(); ints {
		return view{ints: p}
	} else {
		return view{lp: p}
	}
}

func (v *view) len() int {
	switch {
	case v.big != nil:
		return v.big.Len()
	case v.ints != nil:
		return intset.Len(v.ints)
	case v.lp != nil:
		return listpack.Len(v.lp)
	}
	return 0
}

func (v *view) has(member []byte) (ok bool) {
	switch {
	case v.big != nil:
		_, ok = v.big.Find(member)
	case v.ints != nil:
		var n int64
		if n, ok = num.ParseInt(member); ok {
			_, ok = intset.Find(v.ints, n)
		}
	case v.idx != nil:
		ok = v.idx.has(v.lp, member)
	case v.lp != nil:
		_, ok = listpack.Find(v.lp, listpack.HeaderSize, member, 0)
	}
	return ok
}

// appendAll appends all members as RESP strings.
func (v *view) appendAll(out []byte) []byte {
	switch {
	case v.big != nil:
		v.big.Each(func(e dict.Elem) { out = resp.AppendBulk(out, e.Member()) })
	case v.ints != nil:
		for i := range intset.Len(v.ints) {
			out = resp.AppendBulkInt(out, intset.Get(v.ints, i))
		}
	case v.lp != nil:
		out, _ = bulks.Append(out, v.lp, listpack.HeaderSize, listpack.Len(v.lp))
	}
	return out
}
