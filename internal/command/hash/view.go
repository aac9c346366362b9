package hash

import (
	"github.com/redstart-db/redstart/internal/bulks"
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/ds/dict"
	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/ds/triples"
	"github.com/redstart-db/redstart/internal/resp"
	"github.com/redstart-db/redstart/internal/store"
)

// view is a hash in any form, to be read. It is valid while its entry is.
//
// Expired fields are not seen. They may be there: on a replica, or when there are
// more of them than are removed at once. In a packed hash they are in front.
type view struct {
	big    *dict.Dict // nil when it is packed
	now    int64      // fields of big with a deadline up to now are not seen; 0: all are
	small  []byte     // a listpack of fields, each with its value behind it
	step   int        // entries for a field: 2, or 3 with its deadline
	start  int        // position of the first field that is seen
	hidden int        // fields that are not
}

// open gives the view of an entry, which must be a hash.
func open(c *command.Ctx, e store.Entry) view {
	v := openAll(e)
	if e.Timed() && e.NextField() <= c.Now() {
		if v.big != nil {
			v.now = c.Now()
			v.hidden = v.big.Due(v.now)
		} else {
			v.hidden, v.start = triples.Due(v.small, c.Now())
		}
	}
	return v
}

// openAll is open with expired fields seen.
func openAll(e store.Entry) view {
	if !e.Packed() {
		return view{big: e.Object().(*dict.Dict)}
	}
	v := view{small: e.Pack(), step: 2, start: listpack.HeaderSize}
	if e.Timed() {
		v.step = 3
	}
	return v
}

// sees tells whether a field of a table is seen.
func (v *view) sees(e dict.Elem) bool {
	if v.now == 0 {
		return true
	}
	at := e.Deadline()
	return at == 0 || at > v.now
}

func (v *view) len() int {
	if v.big != nil {
		return v.big.Len() - v.hidden
	}
	return listpack.Len(v.small)/v.step - v.hidden
}

// find gives the value of a field.
func (v *view) find(field []byte) (value listpack.Value, ok bool) {
	if v.big != nil {
		e, ok := v.big.Find(field)
		if !ok || !v.sees(e) {
			return listpack.Value{}, false
		}
		return listpack.Value{Str: e.Value()}, true
	}
	pos, ok := listpack.Find(v.small, v.start, field, v.step-1)
	if !ok {
		return listpack.Value{}, false
	}
	return listpack.Get(v.small, pos+listpack.EntrySize(v.small, pos)), true
}

// deadline gives the deadline of a field, or 0 when it has none.
func (v *view) deadline(field []byte) (at int64, ok bool) {
	if v.big != nil {
		e, ok := v.big.Find(field)
		if !ok || !v.sees(e) {
			return 0, false
		}
		return e.Deadline(), true
	}
	pos, ok := listpack.Find(v.small, v.start, field, v.step-1)
	if ok && v.step == 3 {
		at = triples.Deadline(v.small, pos)
	}
	return at, ok
}

// next is the position behind the field at pos of a packed hash.
func (v *view) next(pos int) int {
	for range v.step {
		pos += listpack.EntrySize(v.small, pos)
	}
	return pos
}

// part says what of a field a reply shows.
type part uint8

const (
	names part = 1 << iota
	values
	both = names | values
)

// appendField appends a field of a packed hash, whose name is at pos, and gives
// the position of the next one.
func (v *view) appendField(out []byte, pos int, show part) ([]byte, int) {
	if show == both {
		out, pos = bulks.Append(out, v.small, pos, 2)
	} else {
		if show == names {
			out, pos = bulks.AppendOne(out, v.small, pos)
		}
		pos += listpack.EntrySize(v.small, pos)
		if show == values {
			out, pos = bulks.AppendOne(out, v.small, pos)
		}
	}
	if v.step == 3 {
		pos += listpack.EntrySize(v.small, pos)
	}
	return out, pos
}

func appendElem(out []byte, e dict.Elem, show part) []byte {
	if show&names != 0 {
		out = resp.AppendBulk(out, e.Member())
	}
	if show&values != 0 {
		out = resp.AppendBulk(out, e.Value())
	}
	return out
}

// appendAll appends all fields.
func (v *view) appendAll(out []byte, show part) []byte {
	if v.big != nil {
		v.big.Each(func(e dict.Elem) {
			if v.sees(e) {
				out = appendElem(out, e, show)
			}
		})
		return out
	}
	pos, end := v.start, listpack.End(v.small)
	if show == both && v.step == 2 {
		out, _ = bulks.Append(out, v.small, pos, listpack.Len(v.small)-2*v.hidden)
		return out
	}
	for pos < end {
		out, pos = v.appendField(out, pos, show)
	}
	return out
}

// reply replies with the value of a field, or null when there is none.
func reply(c *command.Ctx, v listpack.Value, ok bool) {
	if !ok {
		c.Null()
		return
	}
	c.Out = bulks.AppendValue(c.Out, v)
}
