// Package snapshot writes what a store has at one moment, in the form of an RDB file,
// while commands go on. Nothing is forked, and no shard's lock is held for longer than
// it takes to write some 16 KiB.
package snapshot

import (
	"encoding/binary"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redstart-db/redstart/internal/clock"
	"github.com/redstart-db/redstart/internal/ds/kept"
	"github.com/redstart-db/redstart/internal/rdb"
	"github.com/redstart-db/redstart/internal/serial"
	"github.com/redstart-db/redstart/internal/store"
)

// sizes are bounds in bytes, more or less, and a time.
type sizes struct {
	piece int // written for one hold of a shard's lock
	chunk int // given by Next
	large int // of a string that is compressed without the lock, a collection that is written in pieces
	long  int // of a string that is written in parts, and not compressed
	part  int
	work  time.Duration // after which the processor is left to others
	pause time.Duration // for that long
}

func defaultSizes() sizes {
	return sizes{piece: 16 << 10, chunk: 64 << 10, large: 16 << 10, long: 1 << 20, part: 128 << 10,
		work: 300 * time.Microsecond, pause: 50 * time.Microsecond}
}

const (
	// waitShare is what of the data may wait, one part in so many, while the walk goes on: what
	// commands have written. In a small instance so many bytes may.
	waitShare = 64
	waitLeast = 1 << 20
)

// Access says what of the use of keys is written.
type Access uint8

// The kinds: nothing, the seconds since the last use, or the use counter.
const (
	NoAccess Access = iota
	Idle
	Freq
)

// Options of a snapshot.
type Options struct {
	Compress bool // strings, where that makes them shorter
	Access   Access
}

// Snapshot is what a store had at the moment of Begin. Next, for one goroutine, gives
// it; whoever writes it to a disk sets the pace.
//
// The snapshot itself does nothing. What Next comes upon (store.Walk) it writes; what a
// command is about to change before Next has come to it, the command writes: to the
// buffer of its shard, from where Next takes it at its next turn. So the memory that a
// snapshot takes is what commands have changed, for the first time since the moment,
// and Next has not fetched. Next goes from shard to shard, so that it meets each buffer
// often, and those who wait for a shard's lock get it. It goes downwards: whoever locks
// many shards does so upwards, meets it once, and not at one shard after another. Now and
// then it sleeps, so that event loops on its processor need not wait for the end of its
// time slice.
//
// # Invariants
//
//   - Each entry of the moment is in exactly one place: in the store and not covered by
//     the walk; in a buffer; among the large ones, which wait or are being written; or in
//     what Next has given.
//   - The entries in what Next gives are whole: while a large one is written, in pieces,
//     nothing else is.
//   - A large collection is held (store.Shard.Hold) from when the walk covers it until
//     it has been written.
//
// # Rejected
//
// A goroutine that walks ahead into a queue: the queue is memory, and with it the walk
// would come no earlier to what commands change. Writing the large ones side by side:
// an entry of a file is whole, so all but one would be in memory.
type Snapshot struct {
	st   *store.Store
	walk *store.Walk
	opt  Options
	sizes

	parts []part   // by shard
	out   []byte   // where the walk writes to, while it does
	taken [][]byte // blocks that are written next
	turn  int      // the shard to be walked over next, from the last to the first
	left  int      // shards with something that has not been handed over
	ended []bool   // by shard: it has not
	cur   *large   // being written; nil
	db    int      // of the last entry that Next gave

	rested time.Time // when others had the processor last

	mu    sync.Mutex // a leaf: it is taken with a shard locked
	queue []*large   // to be written
	free  [][]byte   // blocks that are empty

	total       int64 // keys of the moment
	keys        atomic.Int64
	copied      atomic.Int64
	extra, peak atomic.Int64
	memory      atomic.Int64 // bytes of blocks, and of large ones that wait
	bound       int64        // of extra, in bytes, above which the walk waits
	version     atomic.Int32
	closed      bool
}

// part is what commands have written of a shard, guarded by its lock: entries in blocks, each
// of which begins with the choice of a database. Blocks are used again, so that what commands
// write is no garbage.
type part struct {
	full    [][]byte
	buf     []byte // the block that is written to; may be nil
	db      int    // of the last entry in buf
	walking bool   // Next writes, not a command
	_       [64]byte
}

// large is an entry that is written without its shard's lock, or in pieces.
type large struct {
	sh     *store.Shard
	db     int
	head   []byte       // all before the value
	text   []byte       // the value of a string,
	parts  *kept.Blocks // or of a long one,
	object store.Object // or a collection,
	pieces *serial.Pieces
}

// Begin fixes the moment: all shards must be locked. Close must be called, in the end.
// The error is store.ErrWalking if another has not been closed.
func Begin(st *store.Store, opt Options) (*Snapshot, error) { return begin(st, opt, defaultSizes()) }

func begin(st *store.Store, opt Options, by sizes) (*Snapshot, error) {
	n := st.Shards()
	s := &Snapshot{st: st, opt: opt, sizes: by, parts: make([]part, n), left: n, ended: make([]bool, n), db: -1}
	walk, err := st.BeginWalk(s.take)
	if err != nil {
		return nil, err
	}
	s.walk = walk
	for db := range st.Databases() {
		s.total += int64(st.Len(db))
	}
	live := int64(0)
	for i := range n {
		live += int64(st.Shard(i).Arena().Stats().Live)
	}
	s.bound = max(live/waitShare, waitLeast)
	return s, nil
}

// take writes an entry that the walk hands over. Its shard is locked.
func (s *Snapshot) take(e store.Entry, db int) {
	sh := e.Keyspace().Shard()
	p := &s.parts[sh.ID()]
	s.keys.Add(1)
	if s.isLarge(e) {
		s.takeLarge(e, db)
		return
	}
	if p.walking {
		s.out, s.db = selectDB(s.out, s.db, db), db
		s.out = serial.Append(s.appendHead(s.out, e), e, s.opt.Compress)
		return
	}
	if cap(p.buf)-len(p.buf) < entryRoom(e) {
		s.nextBlock(p)
	}
	before, held := len(p.buf), cap(p.buf)
	p.buf, p.db = selectDB(p.buf, p.db, db), db
	// Whoever waits for a command should not wait for compression too.
	p.buf = serial.Append(s.appendHead(p.buf, e), e, false)
	if cap(p.buf) != held {
		s.memory.Add(int64(cap(p.buf) - held))
	}
	s.grow(len(p.buf) - before)
}

// entryRoom is how many bytes there have to be in a block for an entry to be begun in it: what
// a string takes, and some for others.
func entryRoom(e store.Entry) int {
	n := len(e.Key()) + 64
	if e.Type() == store.String {
		return n + e.Len()
	}
	return n + 1<<10
}

// nextBlock begins another block of a part.
func (s *Snapshot) nextBlock(p *part) {
	if p.buf != nil {
		p.full = append(p.full, p.buf)
	}
	p.buf, p.db = nil, -1
	s.mu.Lock()
	if n := len(s.free); n > 0 {
		p.buf, s.free = s.free[n-1], s.free[:n-1]
	}
	s.mu.Unlock()
	if p.buf == nil {
		p.buf = make([]byte, 0, s.blockSize())
		s.memory.Add(int64(cap(p.buf)))
	}
}

// blockSize is the capacity of a block, in bytes. It is counted whole.
func (s *Snapshot) blockSize() int { return 4 * s.piece }

// putBack has a block, which is empty now, used again, unless an entry has made it larger.
func (s *Snapshot) putBack(b []byte) {
	if cap(b) != s.blockSize() {
		s.memory.Add(-int64(cap(b)))
		return
	}
	s.mu.Lock()
	s.free = append(s.free, b[:0])
	s.mu.Unlock()
}

func (s *Snapshot) isLarge(e store.Entry) bool {
	if e.Type() == store.String {
		_, isInt := e.Int()
		return !isInt && e.Len() > s.large
	}
	o := e.Object()
	return o != nil && o.Bytes() > s.large
}

func (s *Snapshot) takeLarge(e store.Entry, db int) {
	l := &large{sh: e.Keyspace().Shard(), db: db, head: s.appendHead(nil, e)}
	switch {
	case e.Type() != store.String:
		l.object = e.Object()
		l.pieces = serial.Open(e)
		l.sh.Hold(l.object)
	case e.HasBlock() && e.Len() > s.long:
		l.head = rdb.AppendLen(l.head, uint64(e.Len()))
		l.parts = l.sh.HoldText(e)
	default:
		l.text = append(make([]byte, 0, e.Len()), e.Bytes(nil)...)
	}
	s.grow(len(l.head) + len(l.text))
	s.memory.Add(int64(len(l.head) + len(l.text)))
	s.mu.Lock()
	s.queue = append(s.queue, l)
	s.mu.Unlock()
}

// appendHead appends what comes before a value.
func (s *Snapshot) appendHead(dst []byte, e store.Entry) []byte {
	if at := e.Deadline(); at != 0 {
		dst = binary.LittleEndian.AppendUint64(append(dst, byte(rdb.OpExpireTimeMs)), uint64(at))
	}
	switch s.opt.Access {
	case Idle:
		dst = rdb.AppendLen(append(dst, byte(rdb.OpIdle)), uint64(e.Idle()))
	case Freq:
		dst = append(dst, byte(rdb.OpFreq), uint8(e.Freq()))
	}
	t := serial.TypeOf(e)
	if v := t.Since(); v > rdb.Version {
		s.version.Store(int32(v)) // there is only one such among those that are written
	}
	dst = append(dst, byte(t))
	return rdb.AppendString(dst, e.Key(), false)
}

func selectDB(dst []byte, was, db int) []byte {
	if was == db {
		return dst
	}
	return rdb.AppendLen(append(dst, byte(rdb.OpSelectDB)), uint64(db))
}

// Next appends to dst what comes next: whole entries, and pieces of large ones. done
// tells that there is nothing more. No shard may be locked by the caller.
func (s *Snapshot) Next(dst []byte) (out []byte, done bool) {
	for end := len(dst) + s.chunk; len(dst) < end; {
		switch {
		case s.cur != nil || s.dequeue():
			dst = s.writeLarge(dst)
		case s.left > 0:
			dst = s.walkOn(dst)
		default:
			return dst, true
		}
		s.yield()
	}
	return dst, false
}

// yield lets other goroutines have the processor, and at times other threads. While the
// pieces are of a large value the same lock is wanted next, and a mutex lets whoever runs
// have it before those who wait, so they would all wait for a millisecond.
func (s *Snapshot) yield() {
	runtime.Gosched()
	if s.pause > 0 && !s.behind() && (s.cur != nil || time.Since(s.rested) >= s.work) {
		clock.Rest(s.pause)
		s.rested = time.Now()
	}
}

// dequeue begins with the next large entry, if one waits.
func (s *Snapshot) dequeue() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) == 0 {
		return false
	}
	s.cur, s.queue[0] = s.queue[0], nil
	s.queue = s.queue[1:]
	return true
}

// writeLarge writes a piece of the large entry whose turn it is.
func (s *Snapshot) writeLarge(dst []byte) []byte {
	l := s.cur
	if l.head != nil {
		dst, s.db = selectDB(dst, s.db, l.db), l.db
		dst = append(dst, l.head...)
		s.shrink(len(l.head))
		s.memory.Add(-int64(len(l.head)))
		l.head = nil
	}
	if l.text != nil {
		s.cur = nil
		s.shrink(len(l.text))
		s.memory.Add(-int64(len(l.text)))
		return rdb.AppendString(dst, l.text, s.opt.Compress)
	}
	l.sh.Lock()
	defer l.sh.Unlock()
	if l.parts != nil {
		s.note(l.parts.Extra())
		if l.parts.Part(s.part, func(b []byte) { dst = append(dst, b...) }) {
			l.sh.LetTextGo(l.parts)
			s.cur = nil
		}
		return dst
	}
	s.note(l.pieces.Extra())
	dst, done := l.pieces.Append(dst, s.piece, s.opt.Compress)
	if done {
		l.sh.LetGo(l.object)
		s.cur = nil
	}
	return dst
}

// walkOn goes on with the walk in the next shard, and writes what commands have written of it.
// While there is too much of that it is written first: that takes little, and lets memory go.
func (s *Snapshot) walkOn(dst []byte) []byte {
	i := s.turn
	if s.turn--; s.turn < 0 {
		s.turn = len(s.parts) - 1
	}
	if s.ended[i] {
		return dst
	}
	sh, p := s.st.Shard(i), &s.parts[i]
	sh.Lock()
	if all := s.takeBlocks(p); all && !s.behind() {
		s.out, p.walking = dst, true
		for start := len(dst); len(s.out) < start+s.piece && !s.ended[i] && !s.waiting(); {
			s.ended[i] = s.walk.Step(i)
		}
		dst, s.out, p.walking = s.out, nil, false
	}
	sh.Unlock()
	if s.ended[i] {
		s.left--
	}
	return s.writeBlocks(dst)
}

// takeBlocks takes about a chunk of the blocks of a part, in no order, and tells whether that
// is all. The shard is locked.
func (s *Snapshot) takeBlocks(p *part) (all bool) {
	if p.buf != nil {
		p.full = append(p.full, p.buf)
		p.buf = nil
	}
	for n := 0; n < s.chunk && len(p.full) > 0; {
		last := len(p.full) - 1
		n += len(p.full[last])
		s.taken = append(s.taken, p.full[last])
		p.full[last] = nil
		p.full = p.full[:last]
	}
	return len(p.full) == 0
}

// writeBlocks writes the blocks that were taken.
func (s *Snapshot) writeBlocks(dst []byte) []byte {
	for i, b := range s.taken {
		dst, s.db = append(dst, b...), -1
		s.shrink(len(b))
		s.putBack(b)
		s.taken[i] = nil
	}
	s.taken = s.taken[:0]
	return dst
}

// behind tells whether much of what commands have written waits.
func (s *Snapshot) behind() bool { return s.extra.Load() > s.bound }

// waiting tells whether a large entry waits.
func (s *Snapshot) waiting() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.queue) > 0
}

// grow counts memory that is taken for what could not be written yet.
func (s *Snapshot) grow(n int) {
	s.copied.Add(int64(n))
	s.extra.Add(int64(n))
	s.note(0)
}

func (s *Snapshot) shrink(n int) { s.extra.Add(-int64(n)) }

// note brings the peak up to date, with some bytes that are not counted.
func (s *Snapshot) note(more int) {
	for {
		now, peak := s.extra.Load()+int64(more), s.peak.Load()
		if now <= peak || s.peak.CompareAndSwap(peak, now) {
			return
		}
	}
}

// Extra is the memory in bytes that the snapshot takes for what has changed since its
// moment and is not written yet; what changes of large collections that wait or are being
// written is not counted until its turn comes.
func (s *Snapshot) Extra() int64 { return s.extra.Load() }

// Memory is what the buffers of the snapshot take on the Go heap, in bytes, also those that
// the walk uses. What is kept of large collections is not in it.
func (s *Snapshot) Memory() int64 { return s.memory.Load() }

// Peak is the most that Extra ever was.
func (s *Snapshot) Peak() int64 { return s.peak.Load() }

// Copied is how many bytes were ever taken for what changed: Extra and what of it has been
// written since.
func (s *Snapshot) Copied() int64 { return s.copied.Load() }

// Keys are how many keys have been written, or handed over to be, of how many in all.
func (s *Snapshot) Keys() (done, total int64) { return s.keys.Load(), s.total }

// Version is that of the format which what Next has given so far needs.
func (s *Snapshot) Version() int { return int(max(rdb.Version, s.version.Load())) }

// Close ends the snapshot, finished or not, so that another can begin. A second time
// does nothing. No shard may be locked by the caller.
func (s *Snapshot) Close() {
	if s.closed {
		return
	}
	s.closed = true
	defer s.memory.Store(0)
	for i := range s.parts {
		sh := s.st.Shard(i)
		sh.Lock()
		s.walk.EndShard(i)
		s.parts[i].full, s.parts[i].buf = nil, nil
		sh.Unlock()
	}
	// Nothing is added any more.
	if s.cur != nil {
		s.queue = append(s.queue, s.cur)
	}
	for _, l := range s.queue {
		l.sh.Lock()
		switch {
		case l.parts != nil:
			l.sh.LetTextGo(l.parts)
		case l.pieces != nil:
			l.pieces.Close()
			l.sh.LetGo(l.object)
		}
		l.sh.Unlock()
	}
	s.cur, s.queue, s.free = nil, nil, nil
	s.st.Lock(s.st.All())
	s.walk.End()
	s.st.Unlock(s.st.All())
}
