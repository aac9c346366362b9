package serial

import (
	"fmt"

	"github.com/redstart-db/redstart/internal/ds/dict"
	"github.com/redstart-db/redstart/internal/ds/htable"
	"github.com/redstart-db/redstart/internal/ds/kept"
	"github.com/redstart-db/redstart/internal/ds/qlist"
	"github.com/redstart-db/redstart/internal/ds/stream"
	"github.com/redstart-db/redstart/internal/ds/zset"
	"github.com/redstart-db/redstart/internal/rdb"
	"github.com/redstart-db/redstart/internal/store"
)

// Pieces writes the value of a large collection a piece at a time, as it was when Open
// was called, while it goes on changing. All methods need the lock of the
// collection's shard.
//
// Elements of sets, hashes and sorted sets have no order in a file, so they are
// written as the walk, or a change, comes upon them. Nodes of lists and streams are
// kept in their order. What a stream is besides its nodes, its groups with what is
// pending in them, is written down by Open.
//
// Whatever is written because of a change is on the Go heap until it is fetched; Extra
// counts it.
type Pieces struct {
	object store.Object
	a      appender // where elements go: what has not been fetched yet
	tail   []byte   // what comes behind all nodes

	cover *htable.Cover // of a set, hash or sorted set
	least int64         // of a hash: see rdb.AppendLeast
	timed bool          // of a hash: fields have deadlines

	blocks *kept.Blocks // of a list or stream
	ids    []stream.ID  // of a stream's nodes
}

// Open begins to write the value of an entry, which must be an Object, without its
// type.
func Open(e store.Entry) *Pieces {
	p := &Pieces{object: e.Object()}
	switch o := p.object.(type) {
	case *dict.Dict:
		first, timed := o.Next()
		if p.timed = timed; timed {
			p.least = first.Deadline()
			p.a.b = rdb.AppendLeast(p.a.b, p.least)
		}
		p.a.count(o.Len())
		p.cover = o.Cover(p.elem)
	case *zset.ZSet:
		p.a.count(o.Len())
		p.cover = o.Cover(p.scored)
	case *qlist.List:
		p.a.count(o.NodeCount())
		p.blocks = o.Keep()
	case *stream.Stream:
		p.a.count(o.Nodes())
		p.blocks, p.ids = o.Keep()
		rest := appender{}
		rest.streamState(o)
		p.tail = rest.b
	default:
		panic(fmt.Sprintf("serial: no way to write a %T", o))
	}
	return p
}

func (p *Pieces) elem(e dict.Elem) {
	if p.timed {
		p.a.b = rdb.AppendDeadline(p.a.b, e.Deadline(), p.least)
	}
	p.a.string(e.Member())
	if e.Kind() == dict.Hash {
		p.a.string(e.Value())
	}
}

func (p *Pieces) scored(e dict.Elem) {
	p.a.b = rdb.AppendScored(p.a.b, e.Member(), e.Score(), p.a.compress)
}

// stepCost is what a step counts for beside its bytes: to find the elements of a bucket
// takes longer than to copy them when they are short.
const stepCost = 128

// Append appends a piece of some more than size bytes, less where elements are short and
// at the end, and tells whether that was the last.
func (p *Pieces) Append(dst []byte, size int, compress bool) (out []byte, done bool) {
	// What has been written meanwhile comes first; then elements go to dst itself.
	dst = append(dst, p.a.b...)
	size += len(dst) - len(p.a.b)
	p.a = appender{b: dst, compress: compress}
	for !done && len(p.a.b) < size {
		done = p.step()
		size -= stepCost
	}
	out, p.a = p.a.b, appender{}
	if done {
		p.Close()
	}
	return out, done
}

func (p *Pieces) step() (done bool) {
	if p.cover != nil {
		return p.cover.Step()
	}
	if p.blocks.Left() == 0 {
		p.a.b = append(p.a.b, p.tail...)
		return true
	}
	p.blocks.Next(func(data []byte, plain bool) {
		if p.ids == nil {
			p.a.b = rdb.AppendListNode(p.a.b, plain, data, p.a.compress)
			return
		}
		p.a.b = rdb.AppendStreamNode(p.a.b, p.ids[0], data, p.a.compress)
		p.ids = p.ids[1:]
	})
	return false
}

// Extra is the memory in bytes that the value takes for being written.
func (p *Pieces) Extra() int {
	n := len(p.a.b) + len(p.tail)
	if p.blocks != nil {
		n += p.blocks.Extra()
	}
	return n
}

// Close ends the writing. It has been called when Append was done; a second time does
// nothing.
func (p *Pieces) Close() {
	switch o := p.object.(type) {
	case *dict.Dict:
		o.Uncover()
	case *zset.ZSet:
		o.Uncover()
	case *qlist.List:
		o.Unkeep()
	case *stream.Stream:
		o.Unkeep()
	}
	*p = Pieces{}
}
