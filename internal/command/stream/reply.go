package stream

import (
	"github.com/redstart-db/redstart/internal/bulks"
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/ds/stream"
	"github.com/redstart-db/redstart/internal/resp"
	"github.com/redstart-db/redstart/internal/store"
)

// open gives the stream of an entry, nil if the key does not exist.
func open(e store.Entry) *stream.Stream {
	if !e.Ok() {
		return nil
	}
	return e.Object().(*stream.Stream)
}

// reading looks up the stream of the key in argument i for reading; nil without
// one. The error is in the reply when ok is false.
func reading(c *command.Ctx, i int) (s *stream.Stream, ok bool) {
	e, ok := c.ReadType(c.Key(i), store.Stream)
	if !ok {
		return nil, false
	}
	return open(e), true
}

// writing is reading, for changing it.
func writing(c *command.Ctx, i int) (s *stream.Stream, ok bool) {
	e, ok := c.WriteType(c.Key(i), store.Stream)
	if !ok {
		return nil, false
	}
	return open(e), true
}

// replyRange replies with the entries at a cursor, at most count of them, or with
// all if count is 0.
func replyRange(c *command.Ctx, it stream.Cursor, count int64) {
	m := c.Defer()
	n := 0
	for (count == 0 || int64(n) < count) && it.Next() {
		replyEntry(c, &it)
		n++
	}
	c.End(m, n)
}

// replyEntry replies with the entry at a cursor.
func replyEntry(c *command.Ctx, it *stream.Cursor) {
	n := it.Fields()
	out := resp.AppendArray(c.Out, 2)
	out = appendID(out, it.ID())
	out = resp.AppendArray(out, 2*n)
	lp, field, value := it.Places()
	if field == value { // each field is in front of its value
		out, value = bulks.Append(out, lp, value, 2*n)
	} else {
		for range n {
			out, field = bulks.AppendOne(out, lp, field)
			out, value = bulks.AppendOne(out, lp, value)
		}
	}
	it.Passed(value)
	c.Out = out
}

// replyOne replies with the entry that has an ID, and tells whether there is one.
func replyOne(c *command.Ctx, s *stream.Stream, id stream.ID) bool {
	it := s.Range(id, id)
	ok := it.Next()
	if ok {
		replyEntry(c, &it)
	}
	return ok
}
