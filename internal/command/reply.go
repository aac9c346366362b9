package command

import (
	"github.com/redstart-db/redstart/internal/num"
	"github.com/redstart-db/redstart/internal/resp"
	"github.com/redstart-db/redstart/internal/store"
)

func (c *Ctx) proto() int { return int(c.Sess.Proto) }

// Resp3 tells whether the client speaks RESP3.
func (c *Ctx) Resp3() bool { return c.Sess.Proto == 3 }

// OK replies +OK.
func (c *Ctx) OK() { c.Out = append(c.Out, "+OK\r\n"...) }

// Simple replies with a status; s has no line ends.
func (c *Ctx) Simple(s string) { c.Out = resp.AppendSimple(c.Out, s) }

// Int replies with an integer.
func (c *Ctx) Int(n int64) { c.Out = resp.AppendInt(c.Out, n) }

// Bulk replies with a string.
func (c *Ctx) Bulk(b []byte) { c.Out = resp.AppendBulk(c.Out, b) }

// Str replies with a string.
func (c *Ctx) Str(s string) { c.Out = resp.AppendBulkString(c.Out, s) }

// BulkInt replies with an integer as a string.
func (c *Ctx) BulkInt(n int64) { c.Out = resp.AppendBulkInt(c.Out, n) }

// Null replies with the absent value.
func (c *Ctx) Null() { c.Out = resp.AppendNull(c.Out, c.proto()) }

// NullArray replies with the absent value where an array is usual.
func (c *Ctx) NullArray() { c.Out = resp.AppendNullArray(c.Out, c.proto()) }

// Array begins an array of n values.
func (c *Ctx) Array(n int) { c.Out = resp.AppendArray(c.Out, n) }

// Map begins a map of n keys with values.
func (c *Ctx) Map(n int) { c.Out = resp.AppendMap(c.Out, n, c.proto()) }

// Set begins a set of n values.
func (c *Ctx) Set(n int) { c.Out = resp.AppendSet(c.Out, n, c.proto()) }

// PushHeader begins a push message of n values.
func (c *Ctx) PushHeader(n int) { c.Out = resp.AppendPush(c.Out, n, c.proto()) }

// Bool replies with a truth value: 1 or 0 in RESP2.
func (c *Ctx) Bool(b bool) { c.Out = resp.AppendBool(c.Out, b, c.proto()) }

// Double replies with a number: a string in RESP2.
func (c *Ctx) Double(f float64) { c.Out = resp.AppendDouble(c.Out, f, c.proto()) }

// Verbatim replies with text of a format: a plain string in RESP2.
func (c *Ctx) Verbatim(ext string, b []byte) { c.Out = resp.AppendVerbatim(c.Out, ext, b, c.proto()) }

// BulkEntry replies with the value of a string entry.
func (c *Ctx) BulkEntry(e store.Entry) { c.Out = resp.AppendBulk(c.Out, c.Value(e)) }

// Mark is the place of a header whose length is not known yet.
type Mark int

// Defer remembers the place of an aggregate's header; End writes it.
func (c *Ctx) Defer() Mark { return Mark(len(c.Out)) }

// End inserts the header of an array of n values at m.
func (c *Ctx) End(m Mark, n int) {
	c.insert(m, func(b []byte) []byte { return resp.AppendArray(b, n) })
}

// EndMap inserts the header of a map of n pairs at m.
func (c *Ctx) EndMap(m Mark, n int) {
	c.insert(m, func(b []byte) []byte { return resp.AppendMap(b, n, c.proto()) })
}

// EndSet inserts the header of a set of n values at m.
func (c *Ctx) EndSet(m Mark, n int) {
	c.insert(m, func(b []byte) []byte { return resp.AppendSet(b, n, c.proto()) })
}

func (c *Ctx) insert(m Mark, header func([]byte) []byte) {
	var buf [24]byte
	h := header(buf[:0])
	c.Out = append(c.Out, h...)
	copy(c.Out[int(m)+len(h):], c.Out[m:len(c.Out)-len(h)])
	copy(c.Out[m:], h)
}

// IntArg reads argument i as a 64-bit integer; ok is false, and the error is in
// the reply, when it is none.
func (c *Ctx) IntArg(i int) (n int64, ok bool) {
	if n, ok = num.ParseInt(c.Args[i]); !ok {
		c.Err(ErrNotInteger)
	}
	return n, ok
}

// DBArg reads argument i as the index of a database. text is the error when it
// is no integer; ErrNotInteger tells apart those that have more than 32 bits.
func (c *Ctx) DBArg(i int, text string) (db int, ok bool) {
	n, ok := num.ParseInt(c.Args[i])
	if ok && int64(int32(n)) != n {
		if ok = false; text == ErrNotInteger {
			text = ErrNotInt32
		}
	}
	if !ok {
		c.Err(text)
		return 0, false
	}
	if n < 0 || n >= int64(c.Store.Databases()) {
		c.Err(ErrDBIndex)
		return 0, false
	}
	return int(n), true
}
