package store

import (
	"encoding/binary"

	"github.com/redstart-db/redstart/internal/ds/dict"
	"github.com/redstart-db/redstart/internal/mem"
)

// Defrag walks over the data of one shard and moves what keeps sparsely filled
// spans of the arena alive, so that they become free. It goes on where it
// stopped, whatever has changed meanwhile: a walk that misses something new
// costs nothing but its space. The zero value begins a walk.
type Defrag struct {
	db     int    // its table is walked over, or all have been
	pos    uint32 // in that table, or in the object
	handle uint32 // of the object that is walked over
	sparse uint64 // what Arena.Tried said when that was begun
	holes  uint64 // bytes of them when the walk began
	barren uint64 // bytes of holes that the last walk has left, if it closed few of them

	Moved, Kept uint64 // keys of which something was moved, and others
}

// Compact is the walk over the shard that all who defragment it go on with. The shard must
// be locked.
func (sh *Shard) Compact() *Defrag { return &sh.compact }

// Holes is how many bytes the pages of the shard's arena have beyond its live blocks. The
// shard must be locked.
func (sh *Shard) Holes() uint64 { return sh.arena.Held() - min(sh.arena.Live(), sh.arena.Held()) }

// Begin has the walk begin anew. The shard must be locked.
func (d *Defrag) Begin() { d.db, d.pos, d.handle = 0, 0, 0 }

// lessShare is what of the holes a walk has to close for the next one to be worth it, and
// what has to be added for another one after that, as one part in so many.
const lessShare = 8

// Barren tells whether the last walk has closed few holes, and there are few more since: what
// is left are pages begun, and blocks that do not move. The shard must be locked.
func (d *Defrag) Barren(sh *Shard) bool { return sh.Holes() < d.barren+d.barren/lessShare }

// ended begins the next walk.
func (d *Defrag) ended(sh *Shard) {
	before, now := d.holes, sh.Holes()
	if d.barren = 0; now > before-before/lessShare {
		d.barren = now
	}
	d.Begin()
}

// Work goes on with the walk until it has looked at about so many blocks and has moved
// so many bytes, or has ended. The shard must be locked.
func (d *Defrag) Work(sh *Shard, blocks, bytes uint64) (done bool) {
	began := sh.arena.Tried()
	for !done {
		done = d.Step(sh)
		now := sh.arena.Tried()
		if now.Sparse+now.Dense-began.Sparse-began.Dense >= blocks || now.Bytes-began.Bytes >= bytes {
			break
		}
	}
	return done
}

// movable is an object that knows how to move its parts; pos is as of Scan.
type movable interface {
	Defrag(pos uint32) (next uint32, done bool)
}

// Step does a small part of the walk and tells whether that ended it. The shard
// must be locked.
func (d *Defrag) Step(sh *Shard) (done bool) {
	if d.db == 0 && d.pos == 0 && d.handle == 0 {
		d.holes = sh.Holes()
	}
	if d.db < len(sh.dbs) {
		ks := sh.DB(d.db)
		if d.pos, done = d.records(ks, d.pos); done {
			d.pos = 0
			d.db++
		}
		return false
	}
	if int(d.handle) >= len(sh.objects) {
		d.ended(sh)
		return true
	}
	if d.pos == 0 {
		d.sparse = sh.arena.Tried().Sparse
	}
	switch o := sh.objects[d.handle].(type) {
	case *dict.Dict:
		d.pos, done = o.Defrag(d.pos, nil)
	case movable:
		d.pos, done = o.Defrag(d.pos)
	default:
		done = true
	}
	if done {
		if sh.objects[d.handle] != nil {
			d.count(sh.arena.Tried().Sparse > d.sparse)
		}
		d.handle++
		d.pos = 0
	}
	return false
}

// count counts a key.
func (d *Defrag) count(moved bool) {
	if moved {
		d.Moved++
	} else {
		d.Kept++
	}
}

// records moves the records of a bucket of a table, the blocks that they refer to, and the
// segment that begins with the bucket.
func (d *Defrag) records(ks *Keyspace, pos uint32) (next uint32, done bool) {
	var few [32]mem.Ref
	refs := few[:0]
	ks.table.Move(pos)
	next, done = ks.table.Near(pos, func(ref mem.Ref) { refs = append(refs, ref) })
	for _, ref := range refs {
		rec := parse(ks.arena, ref)
		tried := ks.arena.Tried().Sparse
		if enc := rec.enc(); enc == encBlock || enc == encPackedBlock {
			d.block(ks, ref, rec.valOff())
		}
		if !ks.arena.Sparse(ref) {
			d.count(ks.arena.Tried().Sparse > tried)
			continue
		}
		slot, ok := ks.table.FindRef(ks.Hash(ref), ref)
		size := ks.arena.Usable(ref)
		to, room := ks.arena.TryAlloc(size)
		if !ok || !room {
			return next, done
		}
		copy(ks.arena.Bytes(to, size), ks.arena.Bytes(ref, size))
		ks.moved(Entry{ks, ref, rec, slot}, to)
		d.count(true)
	}
	return next, done
}

// block moves the block whose reference is at off in a record.
func (d *Defrag) block(ks *Keyspace, ref mem.Ref, off int) {
	at := ks.arena.Bytes(ref, off+4)[off:]
	from := mem.Ref(binary.LittleEndian.Uint32(at))
	if !ks.arena.Sparse(from) {
		return
	}
	size := ks.arena.Usable(from)
	to, ok := ks.arena.TryAlloc(size)
	if !ok {
		return
	}
	copy(ks.arena.Bytes(to, size), ks.arena.Bytes(from, size))
	binary.LittleEndian.PutUint32(at, uint32(to))
	ks.sh.freeBlock(from)
}
