package persist

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redstart-db/redstart/internal/mem"
	"github.com/redstart-db/redstart/internal/rdb"
	"github.com/redstart-db/redstart/internal/serial"
	"github.com/redstart-db/redstart/internal/store"
)

// distributor takes keys off the goroutine that reads a file, and has them stored.
//
//	                  ┌─► batches ─► inserter 0: shards 0, 2, 4 …
//	file ─► Load ─────┤
//	(where keys are)  └─► batches ─► inserter 1: shards 1, 3, 5 …
//
// Load knows of a value only where it lies. An inserter reads and stores it, under the
// locks of the shards of a batch, which are taken once for all of its keys. A shard
// belongs to one inserter, so that keys of one shard are stored in the order of the file,
// and of two with one name the second is refused, or wins, whatever the number of
// inserters. With none, the goroutine of Load stores its batch itself.
type distributor struct {
	l      *Loader
	lanes  []lane
	failed atomic.Bool // an inserter has met an error; the keys behind it do not matter
	wg     sync.WaitGroup
	hinted []int // databases of which the tables were prepared for a number of keys
	keys   int   // that they were prepared for, all together
}

// lane is the way to an inserter. It has batches that are filled and emptied in turn.
type lane struct {
	in   inserter
	fill *batch
	full chan *batch // nil without a goroutine
	free chan *batch
}

const (
	batchKeys  = 128
	batchBytes = 64 << 10 // of values, after which a batch is full; a larger one is alone
	batches    = 4        // of a lane
)

// batch is keys to be stored, in the order of the file.
type batch struct {
	keys  []pending
	names []byte // the keys' bytes
	bytes int    // of the values
}

// pending is a key to be stored. The value, and where it ends, are in the file.
type pending struct {
	key            store.Key
	value          []byte
	end            int
	expireAt, idle int64
	db, freq       int32
	typ            rdb.Type
}

func (l *Loader) distribute() *distributor {
	d := &distributor{l: l, lanes: make([]lane, max(l.Inserters, 1))}
	for i := range d.lanes {
		la := &d.lanes[i]
		la.in = inserter{Loader: l, failed: &d.failed}
		la.fill = new(batch)
		if l.Inserters == 0 {
			break
		}
		la.full, la.free = make(chan *batch, batches), make(chan *batch, batches)
		for range batches - 1 {
			la.free <- new(batch)
		}
		d.wg.Go(func() {
			for b := range la.full {
				la.in.store(b)
				la.free <- b
			}
		})
	}
	return d
}

// add takes a key of which the value ends at an offset of the file.
func (d *distributor) add(it *rdb.Item, value []byte, end int) {
	k := d.l.Store.Key(it.Name)
	la := &d.lanes[d.l.Store.ShardOf(k.H).ID()%len(d.lanes)]
	b := la.fill
	if b.bytes+len(value) > batchBytes && len(b.keys) > 0 {
		la.send()
		b = la.fill
	}
	at := len(b.names)
	b.names = append(b.names, it.Name...) // those that were there before may stay where they are
	k.B = b.names[at:]
	b.keys = append(b.keys, pending{
		key: k, value: value, end: end, expireAt: it.ExpireAt, idle: it.Idle,
		db: int32(it.DB), freq: int32(it.Freq), typ: it.Type,
	})
	b.bytes += len(value)
	if len(b.keys) == batchKeys || b.bytes > batchBytes || d.l.Delay > 0 {
		la.send()
	}
}

// send has the batch stored and begins another one.
func (la *lane) send() {
	if la.full == nil {
		la.in.store(la.fill)
	} else {
		la.full <- la.fill
		la.fill = <-la.free
	}
	la.fill.keys, la.fill.names, la.fill.bytes = la.fill.keys[:0], la.fill.names[:0], 0
}

// drain waits until all keys are stored, and tells whether there was no error.
func (d *distributor) drain() bool {
	for i := range d.lanes {
		if la := &d.lanes[i]; len(la.fill.keys) > 0 {
			la.send()
		}
	}
	for i := range d.lanes {
		la := &d.lanes[i]
		if la.full == nil {
			continue
		}
		var idle [batches - 1]*batch
		for j := range idle {
			idle[j] = <-la.free
		}
		for _, b := range idle {
			la.free <- b
		}
	}
	return !d.failed.Load()
}

// close has all keys stored and ends the inserters. The error is the one that stands
// first in the file.
func (d *distributor) close() (res Loaded, err error) {
	d.drain()
	first := 0
	for i := range d.lanes {
		la := &d.lanes[i]
		if la.full != nil {
			close(la.full)
		}
		in := &la.in
		res.Keys += in.res.Keys
		res.Expired += in.res.Expired
		res.Empty += in.res.Empty
		if in.err != nil && (err == nil || in.at < first) {
			err, first = in.err, in.at
		}
	}
	d.wg.Wait()
	if err != nil {
		err = fmt.Errorf("%w, at offset %d", err, first)
	}
	d.fit()
	return res, err
}

// hintBytes is how many bytes have to be left of the file for each key that is expected, in
// all databases together: no file costs more for what it claims than for what is in it.
const hintBytes = 8

// expect prepares the tables of a database for a number of keys that the file says it
// has, of which left bytes are still to come.
func (d *distributor) expect(db int, keys uint64, left int) {
	st := d.l.Store
	if db >= st.Databases() {
		return
	}
	n := int(min(keys, uint64(max(left/hintBytes-d.keys, 0))))
	d.keys += n
	for i := range st.Shards() {
		d.locked(st.Shard(i), func(sh *store.Shard) { sh.DB(db).Expect(n / st.Shards()) })
	}
	d.hinted = append(d.hinted, db)
}

// fit gives back what was prepared for keys that did not come.
func (d *distributor) fit() {
	st := d.l.Store
	for _, db := range d.hinted {
		for i := range st.Shards() {
			d.locked(st.Shard(i), func(sh *store.Shard) { sh.DB(db).Fit() })
		}
	}
}

func (d *distributor) locked(sh *store.Shard, f func(*store.Shard)) {
	if !d.l.Held {
		sh.Lock()
		defer sh.Unlock()
	}
	f(sh)
}

// inserter stores keys.
type inserter struct {
	*Loader
	r      rdb.Reader
	build  serial.Builder
	res    Loaded
	failed *atomic.Bool
	err    error // that it has met,
	at     int   // and where in the file
}

// ahead is how many keys before it is stored the table's memory for a key is fetched.
const ahead = 16

// store stores a batch, unless there was an error before.
func (in *inserter) store(b *batch) {
	if in.err != nil {
		return
	}
	st := in.Store
	if !in.Held {
		var locks store.LockSet
		for i := range b.keys {
			locks |= st.Of(b.keys[i].key.H)
		}
		st.Lock(locks)
		defer st.Unlock(locks)
	}
	i := 0
	defer func() {
		if r := recover(); r != nil {
			if r != mem.ErrExhausted {
				panic(r)
			}
			in.fail(ErrMemory, b.keys[i].end)
		}
	}()
	for j := range min(ahead, len(b.keys)) {
		st.Hint(b.keys[j].key.H, int(b.keys[j].db))
	}
	for ; i < len(b.keys); i++ {
		if j := i + ahead; j < len(b.keys) {
			st.Hint(b.keys[j].key.H, int(b.keys[j].db))
		}
		p := &b.keys[i]
		if err := in.key(p); err != nil {
			in.fail(err, p.end-in.r.Unread())
			return
		}
	}
}

func (in *inserter) fail(err error, at int) {
	in.err, in.at = err, at
	in.failed.Store(true)
}

// key reads a value and stores it.
func (in *inserter) key(p *pending) error {
	ks := in.Store.ShardOf(p.key.H).DB(int(p.db))
	in.r.Reset(p.value)
	v, err := in.build.Read(ks, &in.r, p.typ, &in.Limits)
	switch {
	case errors.Is(err, rdb.ErrEmpty):
		in.res.Empty++
		if in.Skipped != nil {
			in.Skipped(p.key.B)
		}
		return nil
	case err != nil:
		return ofKey(err, p.key.B, p.typ)
	case in.Now != 0 && p.expireAt != 0 && p.expireAt <= in.Now:
		v.Free()
		in.res.Expired++
		return nil
	}
	e := ks.Find(p.key)
	if e.Ok() && !in.Merge {
		v.Free()
		return fmt.Errorf("persist: duplicated key %.80q", p.key.B)
	}
	e = v.Store(p.key, e, p.expireAt)
	if p.idle >= 0 {
		e.SetIdle(p.idle)
	}
	if p.freq >= 0 {
		e.SetFreq(uint8(p.freq))
	}
	in.res.Keys++
	if in.Delay > 0 {
		time.Sleep(in.Delay)
	}
	return nil
}
