// Package kept keeps blocks of an arena as they are at one moment, in an order, while
// the collection that they belong to goes on changing. Snapshots of lists and streams
// are made of it.
package kept

import (
	"hash/crc32"
	"math/bits"

	"github.com/redstart-db/redstart/internal/invariants"
	"github.com/redstart-db/redstart/internal/mem"
)

// Blocks is blocks that are read one after the other. It is guarded by whatever guards
// the arena.
//
// # Invariants
//
//   - A block that has not been read is as it was when it was added: either where it
//     was, or in a copy on the Go heap, if its collection was about to write to it.
//   - What the collection gives back of blocks that have not been read and not been
//     copied is owned: it stays allocated, nobody else has it, and it is freed when it
//     has been read, or by Close. So a reference names the same block as long as
//     anything depends on that.
//
// Taking over what is given back, instead of copying it, makes the removal of a large
// element or of many nodes cost nothing here. Copying to the Go heap what is written
// to, instead of giving the collection a new block, cannot fail: there are
// collections in the middle of a change who do so.
//
// Rejected: a mark in the collection's own description of each node. It saves the
// index (8 to 16 bytes a block, while it is in use), but costs bytes at all times, and
// the tree of a stream has no place for it.
type Blocks struct {
	arena *mem.Arena
	list  []block
	index []uint32 // by hash of the reference, open addressing: 1 + index in list, or 0
	shift uint8
	next  int // what is before it has been read
	extra int // bytes that are copies or owned
}

type block struct {
	ref       mem.Ref
	off, size uint32
	tag       bool
	owned     bool
	copy      []byte
	sum       uint32 // of the bytes, in builds with the tag invariants
}

// New makes room for n blocks of an arena.
func New(arena *mem.Arena, n int) *Blocks {
	depth := bits.Len(uint(max(2*n, 8) - 1))
	return &Blocks{
		arena: arena, list: make([]block, 0, n),
		index: make([]uint32, 1<<depth), shift: uint8(32 - depth),
	}
}

// Add adds size bytes of a block, from off on, behind those that are there; no more than
// New was told of, and none twice. tag is given back by Next.
func (k *Blocks) Add(ref mem.Ref, off, size uint32, tag bool) {
	b := block{ref: ref, off: off, size: size, tag: tag}
	if invariants.Enabled {
		b.sum = crc32.ChecksumIEEE(k.data(&b))
	}
	k.list = append(k.list, b)
	i := k.home(ref)
	for k.index[i] != 0 {
		i = (i + 1) & (len(k.index) - 1)
	}
	k.index[i] = uint32(len(k.list))
}

func (k *Blocks) home(ref mem.Ref) int { return int(uint32(ref) * 0x9E3779B1 >> k.shift) }

// find gives a block that has to be as it was and is still in its place, or nil.
func (k *Blocks) find(ref mem.Ref) *block {
	if k.next == len(k.list) {
		return nil
	}
	for i := k.home(ref); k.index[i] != 0; i = (i + 1) & (len(k.index) - 1) {
		at := int(k.index[i] - 1)
		if b := &k.list[at]; b.ref == ref {
			if at < k.next || b.copy != nil || b.owned {
				return nil
			}
			return b
		}
	}
	return nil
}

// Before is to be called before a block is written to.
func (k *Blocks) Before(ref mem.Ref) {
	if b := k.find(ref); b != nil {
		b.copy = append(make([]byte, 0, b.size), k.data(b)...)
		k.extra += len(b.copy)
	}
}

// Take is to be called when a block would be freed, and tells whether it must not be,
// as it belongs to k from now on.
func (k *Blocks) Take(ref mem.Ref) bool {
	b := k.find(ref)
	if b == nil {
		return false
	}
	b.owned = true
	k.extra += k.arena.Usable(ref)
	return true
}

// Left is the number of blocks that have not been read.
func (k *Blocks) Left() int { return len(k.list) - k.next }

// Extra is the memory in bytes that is taken for blocks that the collection has changed or
// given back.
func (k *Blocks) Extra() int { return k.extra }

// Next calls read with what the next block was. The bytes are valid during the call.
func (k *Blocks) Next(read func(data []byte, tag bool)) {
	b := &k.list[k.next]
	data := k.data(b)
	if invariants.Enabled && b.sum != crc32.ChecksumIEEE(data) {
		panic("kept: a block was changed without Before, or freed without Take")
	}
	read(data, b.tag)
	k.free(b)
	k.next++
}

// Part calls read with up to max bytes of the next block, from where the last call ended,
// and tells whether that was all of it. The bytes are valid during the call.
func (k *Blocks) Part(max int, read func(data []byte)) (done bool) {
	b := &k.list[k.next]
	data := k.data(b)
	n := min(max, len(data))
	read(data[:n])
	if n == len(data) {
		k.free(b)
		k.next++
		return true
	}
	b.off, b.size = b.off+uint32(n), b.size-uint32(n)
	if b.copy != nil {
		b.copy = b.copy[n:]
		k.extra -= n
	}
	return false
}

// data is what a block was, less the parts that were read.
func (k *Blocks) data(b *block) []byte {
	if b.copy != nil {
		return b.copy
	}
	return k.arena.Bytes(b.ref, int(b.off+b.size))[b.off:]
}

func (k *Blocks) free(b *block) {
	if b.owned {
		k.extra -= k.arena.Usable(b.ref)
		k.arena.Free(b.ref)
		b.owned = false
	}
	k.extra -= len(b.copy)
	b.copy = nil
}

// Close gives back all that has not been read.
func (k *Blocks) Close() {
	for ; k.next < len(k.list); k.next++ {
		k.free(&k.list[k.next])
	}
}
