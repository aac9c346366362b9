package serial

import (
	"github.com/redstart-db/redstart/internal/ds/dict"
	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/ds/qlist"
	"github.com/redstart-db/redstart/internal/ds/stream"
	"github.com/redstart-db/redstart/internal/ds/zset"
	"github.com/redstart-db/redstart/internal/num"
	"github.com/redstart-db/redstart/internal/rdb"
	"github.com/redstart-db/redstart/internal/store"
)

type appender struct {
	b        []byte
	compress bool
	piece    int                   // see AppendPieces
	full     func(b []byte) []byte // or nil
}

// part is to be called when a part of a large collection has been written.
func (a *appender) part() {
	if a.full != nil && len(a.b) >= a.piece {
		a.b = a.full(a.b)
	}
}

func (a *appender) count(n int)     { a.b = rdb.AppendLen(a.b, uint64(n)) }
func (a *appender) string(s []byte) { a.b = rdb.AppendString(a.b, s, a.compress) }

// packed writes a collection that is a listpack or an intset.
func (a *appender) packed(e store.Entry) {
	p := e.Pack()
	switch {
	case e.Type() == store.List:
		a.count(1)
		a.b = rdb.AppendListNode(a.b, false, p, a.compress)
	case e.Type() == store.Set && !e.Intset():
		// The type that is a listpack is newer than the version.
		a.count(listpack.Len(p))
		var digits [num.MaxIntLen]byte
		for pos, ok := listpack.First(p); ok; pos, ok = listpack.Next(p, pos) {
			a.string(listpack.Get(p, pos).Bytes(digits[:]))
		}
	default:
		if e.Timed() {
			a.b = rdb.AppendLeast(a.b, e.NextField())
		}
		a.string(p)
	}
}

// dict writes a set or a hash.
func (a *appender) dict(d *dict.Dict) {
	hash := d.Kind() == dict.Hash
	first, expiry := d.Next()
	var least int64
	if expiry {
		least = first.Deadline()
		a.b = rdb.AppendLeast(a.b, least)
	}
	a.count(d.Len())
	d.Each(func(e dict.Elem) {
		if expiry {
			a.b = rdb.AppendDeadline(a.b, e.Deadline(), least)
		}
		a.string(e.Member())
		if hash {
			a.string(e.Value())
		}
		a.part()
	})
}

func (a *appender) list(l *qlist.List) {
	a.count(l.NodeCount())
	l.Walk(0, func(plain bool, data []byte) bool {
		a.b = rdb.AppendListNode(a.b, plain, data, a.compress)
		a.part()
		return true
	})
}

// zset writes the greatest first, as Redis does, so that an index can be filled
// from one end.
func (a *appender) zset(z *zset.ZSet) {
	a.count(z.Len())
	for c := z.Last(); c.Valid(); c.Prev() {
		a.b = rdb.AppendScored(a.b, c.Member(), c.Score(), a.compress)
		a.part()
	}
}

func (a *appender) stream(s *stream.Stream) {
	a.count(s.Nodes())
	s.Walk(stream.ID{}, func(id stream.ID, lp []byte) bool {
		a.b = rdb.AppendStreamNode(a.b, id, lp, a.compress)
		a.part()
		return true
	})
	a.streamState(s)
}

// streamState writes what comes behind the nodes of a stream.
func (a *appender) streamState(s *stream.Stream) {
	groups := s.Groups()
	a.b = rdb.AppendStreamState(a.b, rdb.StreamState{
		Length: uint64(s.Len()), Last: s.Last(), First: s.First(), MaxDeleted: s.MaxDeleted(), Added: s.Added(),
	}, len(groups))
	for _, g := range groups {
		a.group(g)
	}
}

func (a *appender) group(g *stream.Group) {
	read := uint64(rdb.NoEntriesRead)
	if g.Read() != stream.Unknown {
		read = uint64(g.Read())
	}
	a.b = rdb.AppendStreamGroup(a.b, rdb.StreamGroup{
		Name: []byte(g.Name()), Last: g.Last(), Read: read, Pending: g.Len(),
	}, a.compress)
	for p := g.PendingFrom(stream.ID{}, nil); p.Valid(); p.Next() {
		e := p.Pending()
		a.b = rdb.AppendStreamPending(a.b, rdb.StreamPending{ID: e.ID, Delivered: e.Time, Deliveries: e.Count})
	}
	consumers := g.Consumers()
	a.count(len(consumers))
	for _, c := range consumers {
		a.b = rdb.AppendStreamConsumer(a.b, rdb.StreamConsumer{
			Name: []byte(c.Name()), Seen: c.Seen, Owned: c.Len(),
		}, a.compress)
		for p := g.PendingFrom(stream.ID{}, c); p.Valid(); p.Next() {
			a.b = rdb.AppendStreamOwned(a.b, p.ID())
			a.part()
		}
	}
}
