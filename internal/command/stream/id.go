package stream

import (
	"bytes"
	"math"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/ds/stream"
	"github.com/redstart-db/redstart/internal/num"
	"github.com/redstart-db/redstart/internal/resp"
)

const (
	errID    = "ERR Invalid stream ID specified as stream command argument"
	errStart = "ERR invalid start ID for the interval"
	errEnd   = "ERR invalid end ID for the interval"
)

const (
	maxIDText  = 127          // bytes of an ID in a request
	maxIDLen   = 41           // bytes of the text of an ID
	maxIDReply = maxIDLen + 7 // and of a reply with it
	firstSeq   = 0
	lastSeq    = math.MaxUint64
)

// cut gives the part of a text that C sees: up to a byte of zero.
func cut(b []byte) []byte {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		return b[:i]
	}
	return b
}

// parseID reads an ID: ms, or ms-seq. Without a second part it is seq; auto tells
// that the second part is an asterisk.
func parseID(b []byte, seq uint64) (id stream.ID, auto, ok bool) {
	if len(b) > maxIDText {
		return id, false, false
	}
	b = cut(b)
	id.Seq = seq
	if i := bytes.IndexByte(b, '-'); i >= 0 {
		if string(b[i+1:]) == "*" {
			auto, id.Seq = true, 0
		} else if id.Seq, ok = num.ParseUint(b[i+1:]); !ok {
			return id, false, false
		}
		b = b[:i]
	}
	id.MS, ok = num.ParseUint(b)
	return id, auto, ok
}

// idArg reads argument i as an ID that is neither the least nor the greatest in
// words. The error is in the reply when ok is false.
func idArg(c *command.Ctx, i int) (id stream.ID, ok bool) {
	id, auto, ok := parseID(c.Args[i], firstSeq)
	if !ok || auto {
		c.Err(errID)
		return id, false
	}
	return id, true
}

// looseID reads an ID, or "-" or "+" for the least or the greatest.
func looseID(b []byte, seq uint64) (id stream.ID, ok bool) {
	switch string(cut(b)) {
	case "-":
		return stream.ID{}, len(b) <= maxIDText
	case "+":
		return stream.MaxID, len(b) <= maxIDText
	}
	id, auto, ok := parseID(b, seq)
	return id, ok && !auto
}

// boundArg reads argument i as the bound of a range: as looseID does, or an ID
// that is excluded.
func boundArg(c *command.Ctx, i int, seq uint64) (id stream.ID, excluded, ok bool) {
	b := c.Args[i]
	if len(b) > 1 && b[0] == '(' {
		var auto bool
		id, auto, ok = parseID(b[1:], seq)
		excluded, ok = true, ok && !auto
	} else {
		id, ok = looseID(b, seq)
	}
	if !ok {
		c.Err(errID)
	}
	return id, excluded, ok
}

// startArg reads argument i as the first ID of a range.
func startArg(c *command.Ctx, i int) (id stream.ID, ok bool) {
	id, excluded, ok := boundArg(c, i, firstSeq)
	if ok && excluded {
		if id, ok = stream.Next(id); !ok {
			c.Err(errStart)
		}
	}
	return id, ok
}

// endArg reads argument i as the last ID of a range.
func endArg(c *command.Ctx, i int) (id stream.ID, ok bool) {
	id, excluded, ok := boundArg(c, i, lastSeq)
	if ok && excluded {
		if id, ok = stream.Prev(id); !ok {
			c.Err(errEnd)
		}
	}
	return id, ok
}

// idText appends the text of an ID.
func idText(dst []byte, id stream.ID) []byte {
	dst = append(num.AppendUint(dst, id.MS), '-')
	return num.AppendUint(dst, id.Seq)
}

// replyID replies with an ID.
func replyID(c *command.Ctx, id stream.ID) { c.Out = appendID(c.Out, id) }

func appendID(dst []byte, id stream.ID) []byte {
	var buf [maxIDLen]byte
	return resp.AppendBulk(dst, idText(buf[:0], id))
}
