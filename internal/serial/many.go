package serial

import (
	"github.com/redstart-db/redstart/internal/ds/dict"
	"github.com/redstart-db/redstart/internal/ds/zset"
	"github.com/redstart-db/redstart/internal/rdb"
)

// Elements of large sets, hashes and sorted sets are added in batches: to find the place of
// one takes an access to memory, which those of a batch wait for together.

// batch is elements that have been read and are to be added.
type batch struct {
	n, bytes int
	elems    [dict.MaxBatch]dict.New
	bufs     [dict.MaxBatch][2][]byte // where they lie if not in the input
}

// batchBytes is how many bytes of elements end a batch.
const batchBytes = keptSize

// begin has the batch empty.
func (q *batch) begin() {
	if q.bytes > batchBytes {
		clear(q.bufs[:])
	}
	q.n, q.bytes = 0, 0
}

// full tells whether the batch is to be added before another element is read.
func (q *batch) full() bool { return q.n == len(q.elems) || q.bytes > batchBytes }

// next is where the next element lies.
func (q *batch) next() *[2][]byte { return &q.bufs[q.n] }

// take takes the next element.
func (q *batch) take(x dict.New) {
	q.elems[q.n] = x
	q.n++
	q.bytes += len(x.Member) + len(x.Value)
}

// inBatches adds the elements that read takes into a batch, one by one until it gives false,
// by add, which gives false when one is there already.
func (b *builder) inBatches(read func(q *batch) bool, add func([]dict.New) bool) error {
	if b.batch == nil {
		b.batch = new(batch)
	}
	q := b.batch
	defer func() { clear(q.elems[:]) }() // the input is not ours to keep
	for more := true; more; {
		q.begin()
		for more && !q.full() {
			more = read(q)
		}
		if !add(q.elems[:q.n]) {
			return b.r.Fail(rdb.ErrTwice)
		}
	}
	return b.r.Err()
}

// fillHash adds the fields that are still to be read.
func (b *builder) fillHash(d *dict.Dict, h *rdb.Hash) error {
	return b.inBatches(func(q *batch) bool {
		field, value, at, ok := h.NextIn(q.next())
		if ok {
			q.take(dict.New{Member: field, Value: value, Deadline: at})
		}
		return ok
	}, func(batch []dict.New) bool { return d.AddNew(batch, nil) == len(batch) })
}

// fillSet adds the members that are still to be read.
func (b *builder) fillSet(d *dict.Dict, s *rdb.Set) error {
	return b.inBatches(func(q *batch) bool {
		member, ok := s.NextIn(&q.next()[0])
		if ok {
			q.take(dict.New{Member: member})
		}
		return ok
	}, func(batch []dict.New) bool { return d.AddNew(batch, nil) == len(batch) })
}

// fillZSet builds a sorted set of those members, if any, that have been read, and those
// that are still to be.
func (b *builder) fillZSet(few *members, s *rdb.ZSet) error {
	z := b.newZSet(s.Len())
	f := z.Filler()
	i := 0
	err := b.inBatches(func(q *batch) bool {
		if few != nil && i < len(few.list) {
			q.take(zset.New{Member: few.member(i), Score: few.list[i].score})
			i++
			return true
		}
		member, score, ok := s.NextIn(&q.next()[0])
		if ok {
			q.take(zset.New{Member: member, Score: score})
		}
		return ok
	}, f.Add)
	if err == nil {
		f.End()
	}
	return err
}
