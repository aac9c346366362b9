package hash

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/ds/dict"
	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/resp"
	"github.com/redstart-db/redstart/internal/store"
)

// view is a hash in either form, to be read. It is valid while its entry is.
type view struct {
	big   *dict.Dict // nil when it is packed
	small []byte     // a listpack of fields, each with its value behind it
}

// open gives the view of an entry, which must be a hash.
func open(e store.Entry) view {
	if e.Packed() {
		return view{small: e.Pack()}
	}
	return view{big: e.Object().(*dict.Dict)}
}

func (v *view) len() int {
	if v.big != nil {
		return v.big.Len()
	}
	return listpack.Len(v.small) / 2
}

// find gives the value of a field.
func (v *view) find(field []byte) (value listpack.Value, ok bool) {
	if v.big != nil {
		e, ok := v.big.Find(field)
		if !ok {
			return listpack.Value{}, false
		}
		return listpack.Value{Str: e.Value()}, true
	}
	pos, ok := listpack.Find(v.small, listpack.HeaderSize, field, 1)
	if !ok {
		return listpack.Value{}, false
	}
	return listpack.Get(v.small, pos+listpack.EntrySize(v.small, pos)), true
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
	if show&names != 0 {
		out = appendValue(out, listpack.Get(v.small, pos))
	}
	pos += listpack.EntrySize(v.small, pos)
	if show&values != 0 {
		out = appendValue(out, listpack.Get(v.small, pos))
	}
	return out, pos + listpack.EntrySize(v.small, pos)
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
		v.big.Each(func(e dict.Elem) { out = appendElem(out, e, show) })
		return out
	}
	for pos, end := listpack.HeaderSize, listpack.End(v.small); pos < end; {
		out, pos = v.appendField(out, pos, show)
	}
	return out
}

func appendValue(out []byte, v listpack.Value) []byte {
	if v.IsInt() {
		return resp.AppendBulkInt(out, v.Int)
	}
	return resp.AppendBulk(out, v.Str)
}

// reply replies with the value of a field, or null when there is none.
func reply(c *command.Ctx, v listpack.Value, ok bool) {
	if !ok {
		c.Null()
		return
	}
	c.Out = appendValue(c.Out, v)
}
