package exec

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/redstart-db/redstart/internal/resp"
	"github.com/redstart-db/redstart/internal/tracking"
)

// invalidateChannel is where a RESP2 connection receives what is redirected to it.
const invalidateChannel = "__redis__:invalidate"

// teller sends messages about keys that have changed. tracked.mu is locked for reading.
type teller struct {
	t    *tracked
	cl   *Client // whose command it was, or nil
	out  *[]byte // where messages of cl for itself go; nil: to its connection
	body []byte  // scratch
}

// readers tells of keys those who have read them, in the order in which the keys
// have changed. One without readers stands for all keys: databases were emptied.
func (w *teller) readers(gone []tracking.Gone) {
	slices.SortStableFunc(gone, func(a, b tracking.Gone) int { return cmp.Compare(a.Order, b.Order) })
	for _, g := range gone {
		if g.IDs == nil {
			w.everybody()
			continue
		}
		w.body = resp.AppendBulk(resp.AppendArray(w.body[:0], 1), g.Name)
		for _, id := range g.IDs {
			cl := w.t.clients[id]
			if cl == nil || cl.track.BCast || cl.track.NoLoop && cl == w.cl && g.Order != 0 {
				continue
			}
			w.send(cl, w.body)
		}
	}
}

// prefixes tells of keys those who track the prefixes of their names: for each prefix
// in one message, with the names in order. A key that has changed more than once
// counts as it did last.
func (w *teller) prefixes(all []changed) {
	slices.SortStableFunc(all, func(a, b changed) int { return strings.Compare(a.name, b.name) })
	last := all[:0]
	for i, c := range all {
		if i+1 == len(all) || all[i+1].name != c.name {
			last = append(last, c)
		}
	}
	for _, p := range w.t.prefixes {
		var body []byte
		for cl := range p.clients {
			if cl == w.cl && cl.track.NoLoop {
				w.send(cl, listNames(last, p.name, true))
				continue
			}
			if body == nil {
				body = listNames(last, p.name, false)
			}
			w.send(cl, body)
		}
	}
}

// listNames gives an array of the names with a prefix, or nothing if there is none.
func listNames(all []changed, prefix string, notByCommand bool) (b []byte) {
	n := 0
	for _, c := range all {
		if strings.HasPrefix(c.name, prefix) && !(notByCommand && c.command) {
			b = resp.AppendBulkString(b, c.name)
			n++
		}
	}
	if n == 0 {
		return []byte{}
	}
	return append(resp.AppendArray(make([]byte, 0, len(b)+16), n), b...)
}

// everybody tells all who track that they know nothing any more, in the order in which
// they have connected.
func (w *teller) everybody() {
	for _, id := range slices.Sorted(maps.Keys(w.t.clients)) {
		w.send(w.t.clients[id], nil)
	}
}

// send sends one message to whoever receives those for cl, unless that connection
// cannot take it. body is nil for the null of the receiver's protocol, and empty for
// no message.
func (w *teller) send(cl *Client, body []byte) {
	if body != nil && len(body) == 0 {
		return
	}
	to := cl
	if t := cl.track; t.redirect != nil {
		if to = t.redirect; to.left.Load() {
			t.broken.Store(true)
			if push, _ := cl.Sess.Pushable(); push {
				b := resp.AppendBulkString(resp.AppendPush(nil, 2, 3), "tracking-redir-broken")
				w.push(cl, cl, resp.AppendInt(b, int64(t.Redirect)))
			}
			return
		}
	}
	push, message := to.Sess.Pushable()
	proto := 3
	b := make([]byte, 0, len(body)+64)
	switch {
	case push:
		b = resp.AppendBulkString(resp.AppendPush(b, 2, 3), "invalidate")
	case message && cl.track.redirect != nil:
		b = resp.AppendBulkString(resp.AppendArray(b, 3), "message")
		b = resp.AppendBulkString(b, invalidateChannel)
		proto = 2
	default:
		return
	}
	if body == nil {
		b = resp.AppendNull(b, proto)
	}
	w.push(cl, to, append(b, body...))
}

// push sends what is for cl to a connection.
func (w *teller) push(cl, to *Client, b []byte) {
	if to == w.cl && cl == to && w.out != nil {
		*w.out = append(*w.out, b...)
		return
	}
	to.Sess.Conn.Push(b)
}
