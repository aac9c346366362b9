package stream

import (
	"slices"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/ds/stream"
	"github.com/redstart-db/redstart/internal/session"
	"github.com/redstart-db/redstart/internal/store"
)

const (
	errGroupOption = "ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead."
	errNoAckOption = "ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead."
	errUnbalanced  = "ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified."
	errNoGroup     = "ERR Missing GROUP option for XREADGROUP"
	errLastInGroup = "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by " +
		"specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result set."
	errNewNoGroup = "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option."
	errGroupGone  = "NOGROUP the consumer group this client was blocked on no longer exists"
	errStreamGone = "UNBLOCKED the stream key no longer exists"
)

// waitingCount is how many entries a client gets that has waited and did not say
// how many.
const waitingCount = 1000

// newOnly stands for the ID >: what the group has not delivered yet. It is read-only.
var newOnly = stream.MaxID

// query is the arguments of XREAD and XREADGROUP. The stream in argument first+i
// is read from behind the ID in argument first+n+i.
type query struct {
	first, n int
	groupAt  int   // argument with the name of the group, before that of the consumer; 0 for XREAD
	count    int64 // of each stream; 0 for all
	timeout  int64 // in milliseconds; -1 for not waiting
	noAck    bool
}

// group and consumer are the names of both, for XREADGROUP.
func (q *query) group(c *command.Ctx) []byte    { return c.Args[q.groupAt] }
func (q *query) consumer(c *command.Ctx) []byte { return c.Args[q.groupAt+1] }

// streamsAt is the index of the word STREAMS of a request, 0 without it. Options
// are passed as parseQuery does.
func streamsAt(args [][]byte) int {
	for i := 1; i+1 < len(args); i++ {
		switch {
		case command.EqualFold(args[i], "BLOCK"), command.EqualFold(args[i], "COUNT"):
			i++
		case command.EqualFold(args[i], "GROUP"):
			i += 2
		case command.EqualFold(args[i], "STREAMS"):
			return i
		}
	}
	return 0
}

// readKeys finds the keys of XREAD and XREADGROUP.
func readKeys(args [][]byte, dst []int) []int {
	at := streamsAt(args)
	n := len(args) - at - 1
	if at == 0 || n%2 != 0 {
		return nil
	}
	for i := range n / 2 {
		dst = append(dst, at+1+i)
	}
	return dst
}

// parseQuery reads all but the IDs, which the streams have a say in.
func parseQuery(c *command.Ctx, grouped bool) (q query, ok bool) {
	q.timeout = -1
	for i := 1; i < len(c.Args) && q.first == 0; i++ {
		more := len(c.Args) - i - 1
		ok = true
		switch {
		case more > 0 && c.Is(i, "BLOCK"):
			if c.Sess.Has(session.Script) {
				c.Err("ERR " + string(c.Args[0]) + " command is not allowed with BLOCK option from scripts")
				return q, false
			}
			i++
			q.timeout, ok = c.TimeoutMSArg(i)
		case more > 0 && c.Is(i, "COUNT"):
			i++
			q.count, ok = c.IntArg(i)
			q.count = max(q.count, 0)
		case more > 0 && c.Is(i, "STREAMS"):
			q.first = i + 1
		case more > 1 && c.Is(i, "GROUP"):
			q.groupAt = i + 1
			i += 2
			if ok = grouped; !ok {
				c.Err(errGroupOption)
			}
		case c.Is(i, "NOACK"):
			q.noAck = true
			if ok = grouped; !ok {
				c.Err(errNoAckOption)
			}
		default:
			c.Err(command.ErrSyntax)
			return q, false
		}
		if !ok {
			return q, false
		}
	}
	return q, q.check(c, grouped)
}

// check tells whether there is a stream for each ID, and the group.
func (q *query) check(c *command.Ctx, grouped bool) bool {
	n := len(c.Args) - q.first
	switch {
	case q.first == 0:
		c.Err(command.ErrSyntax)
	case n%2 != 0:
		c.Err(errUnbalanced)
	case grouped && q.groupAt == 0:
		c.Err(errNoGroup)
	default:
		q.n = n / 2
		return true
	}
	return false
}

func xread(c *command.Ctx)      { readStreams(c, false) }
func xreadgroup(c *command.Ctx) { readStreams(c, true) }

func readStreams(c *command.Ctx, grouped bool) {
	q, ok := parseQuery(c, grouped)
	if !ok {
		return
	}
	var few [8]stream.ID
	ids := few[:0]
	for i := range q.n {
		id, ok := q.after(c, i)
		if !ok {
			return
		}
		ids = append(ids, id)
	}
	if grouped {
		c.NoEffect() // other commands tell what it did
	}
	head := c.Defer()
	served := 0
	for i := range q.n {
		if q.serve(c, i, ids[i]) {
			served++
		}
	}
	switch {
	case served > 0 && c.Resp3():
		c.EndMap(head, served)
	case served > 0:
		c.End(head, served)
	case q.timeout < 0:
		c.NullArray()
	default:
		q.wait(c, slices.Clone(ids))
	}
}

// after reads the ID behind which the i-th stream is read: newOnly for those that
// are new to the group. The error is in the reply when ok is false.
func (q *query) after(c *command.Ctx, i int) (id stream.ID, ok bool) {
	s, ok := reading(c, q.first+i)
	if !ok {
		return id, false
	}
	grouped := q.groupAt != 0
	if grouped && (s == nil || s.Group(q.group(c)) == nil) {
		c.Err(errNoSuchGroup(c.Args[q.first+i], q.group(c)) + " in XREADGROUP with GROUP option")
		return id, false
	}
	at := q.first + q.n + i
	text := ""
	switch string(c.Args[at]) {
	case "$":
		if !grouped {
			if s != nil {
				id = s.Last()
			}
			return id, true
		}
		text = errLastInGroup
	case "+":
		if !grouped {
			return beforeTop(s), true
		}
		text = errID
	case ">":
		if grouped {
			return newOnly, true
		}
		text = errNewNoGroup
	default:
		return idArg(c, at)
	}
	c.Err(text)
	return id, false
}

// beforeTop is the ID before that of the last entry, 0-0 if there is none.
func beforeTop(s *stream.Stream) (id stream.ID) {
	if s == nil {
		return id
	}
	if it := s.RangeBack(stream.MaxID, stream.ID{}); it.Next() {
		id, _ = stream.Prev(it.ID())
	}
	return id
}

// hasAfter tells whether there are entries behind an ID.
func hasAfter(s *stream.Stream, id stream.ID) bool {
	if s.Len() == 0 || !id.Less(s.Last()) {
		return false
	}
	it := s.RangeBack(stream.MaxID, id)
	return it.Next() && it.ID() != id
}

// serve replies with what there is in the i-th stream, and tells whether there is
// something.
func (q *query) serve(c *command.Ctx, i int, after stream.ID) bool {
	k := c.Key(q.first + i)
	s := open(c.Read(k))
	switch {
	case s == nil:
		return false
	case q.groupAt != 0:
		c.Keyspace(k).Announce(k)
		return q.serveGroup(c, k, s, after)
	case !hasAfter(s, after):
		return false
	}
	q.head(c, k)
	from, _ := stream.Next(after)
	replyRange(c, s.Range(from, stream.MaxID), q.count)
	return true
}

// head begins the reply for a stream.
func (q *query) head(c *command.Ctx, k store.Key) {
	if !c.Resp3() {
		c.Array(2)
	}
	c.Bulk(k.B)
}

// serveGroup is serve for a consumer of a group, which is there.
func (q *query) serveGroup(c *command.Ctx, k store.Key, s *stream.Stream, after stream.ID) bool {
	g := s.Group(q.group(c))
	history := after != newOnly
	if !history {
		if after = g.Last(); !hasAfter(s, after) {
			return false
		}
	}
	m := member{c: c, k: k, s: s, g: g, group: q.group(c), name: q.consumer(c)}
	m.join()
	q.head(c, k)
	from, _ := stream.Next(after)
	if history {
		m.replyPending(from, q.count)
	} else {
		m.deliver(from, q.count, q.noAck)
	}
	m.count()
	return true
}

// waiting is a client that waits for streams.
type waiting struct {
	query
	after []stream.ID
}

func (q *query) wait(c *command.Ctx, after []stream.ID) {
	w := &waiting{query: *q, after: after}
	if w.count == 0 {
		w.count = waitingCount
	}
	keys := make([]int, q.n)
	for i := range keys {
		keys[i] = q.first + i
	}
	wait := command.Wait{Keys: keys, Timeout: q.timeout, OnTimeout: c.NullArrayReply(), Serve: serveXRead, Data: w}
	if q.groupAt != 0 {
		wait.Serve, wait.Gone = serveXReadGroup, true
	}
	c.Block(wait)
}

// begin begins the reply to a client that has waited, which gets entries of one
// stream.
func (w *waiting) begin(c *command.Ctx, k store.Key) {
	if c.Resp3() {
		c.Map(1)
	} else {
		c.Array(1)
	}
	w.head(c, k)
}

func serveXRead(c *command.Ctx, i int) bool {
	w := c.WaitData().(*waiting)
	k := c.Key(i)
	e := c.Keyspace(k).Lookup(k, c.Now())
	if !e.Ok() || e.Type() != store.Stream {
		return false
	}
	s := open(e)
	after := w.after[i-w.first]
	if !after.Less(s.Last()) {
		return false
	}
	w.begin(c, k)
	from, _ := stream.Next(after)
	replyRange(c, s.Range(from, stream.MaxID), w.count)
	return true
}

func serveXReadGroup(c *command.Ctx, i int) bool {
	w := c.WaitData().(*waiting)
	k := c.Key(i)
	c.NoEffect()
	e := c.Keyspace(k).Lookup(k, c.Now())
	if !e.Ok() || e.Type() != store.Stream {
		c.Err(errStreamGone)
		return true
	}
	c.Keyspace(k).Announce(k)
	s := open(e)
	g := s.Group(w.group(c))
	if g == nil {
		c.Err(errGroupGone)
		return true
	}
	after := g.Last()
	if !after.Less(s.Last()) {
		return false
	}
	m := member{c: c, k: k, s: s, g: g, group: w.group(c), name: w.consumer(c)}
	m.join()
	w.begin(c, k)
	from, _ := stream.Next(after)
	m.deliver(from, w.count, w.noAck)
	return true
}
