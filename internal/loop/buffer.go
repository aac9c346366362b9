package loop

import (
	"math/bits"
	"unsafe"
	"weak"

	"github.com/redstart-db/redstart/internal/invariants"
)

const (
	minClass = 10 // 1 KiB, the smallest buffer
	maxClass = 20 // 1 MiB, the largest that is kept for reuse; larger ones are mapped
	// weakClass is that of the smallest buffer that counts as large.
	weakClass = 16
	// keepBytes bounds what a pool keeps of smaller ones, and keepLarge the large ones of each class.
	keepBytes = 1 << 20
	keepLarge = 8
	// chunkSize is that of the output queue's chunks once it is more than a few bytes.
	chunkSize = 64 << 10
	// adoptSize is from when on a buffer given up by its owner becomes a chunk itself rather than being copied.
	adoptSize = 64 << 10
	// warmMost is how many bytes of mapped buffers a pool keeps for a while, and warmFits how many times as large as
	// asked for one may be.
	warmMost = 20 << 20
	warmFits = 4
	// shrinkBelow is the share of a mapped buffer below which what is left in it moves to a smaller one.
	shrinkBelow = 4
)

// bufPool keeps buffers of certain sizes (classSize) for reuse. It belongs to one goroutine. A nil pool only allocates.
//
// Large ones it keeps only until garbage is collected the next time: who sends much by turns has them reused, and a
// server at rest does not hold them.
//
// Mapped ones it keeps for a moment, if somebody is there to have it let go of them: taking their pages anew costs as
// much as copying into them.
type bufPool struct {
	free  [weakClass - minClass][][]byte
	large [largeClasses][]weak.Pointer[byte] // the first byte of each
	kept  int                                // bytes in free
	warm  [][]byte                           // mapped, empty
	heat  int                                // bytes in warm
	keeps func()                             // called when warm gets its first; nil: none are kept
}

// largeClasses is the number of classes of large buffers: four for each power of two, as what is not used of a large
// one is much.
const largeClasses = 4*(maxClass-weakClass) + 1

// class returns the smallest class whose buffers hold n bytes, of at most 1 MiB.
func class(n int) int {
	switch {
	case n <= 1<<minClass:
		return 0
	case n <= 1<<weakClass:
		return bits.Len(uint(n-1)) - minClass
	}
	e := bits.Len(uint(n-1)) - 1
	return weakClass - minClass + 1 + 4*(e-weakClass) + (n-1)>>(e-2)&3
}

// classSize returns the capacity of the buffers of a class.
func classSize(k int) int {
	if k <= weakClass-minClass {
		return 1 << (k + minClass)
	}
	k -= weakClass - minClass + 1
	return (5 + k&3) << (k>>2 + weakClass - 2)
}

// footprint returns how much memory a buffer takes: of a mapping what has been written to.
func footprint(b []byte) int {
	const page = 4 << 10
	if cap(b) > 1<<maxClass {
		return min((len(b)+page-1)&^(page-1), cap(b))
	}
	return cap(b)
}

// get returns an empty buffer with room for n bytes. Up to 1 MiB its capacity is that of a class, beyond it is n, or that of a mapping that is at hand.
func (p *bufPool) get(n int) []byte {
	if n > 1<<maxClass {
		if b := p.getWarm(n); b != nil {
			return b
		}
		return mapMemory(n)
	}
	k := class(n)
	if p != nil && k >= len(p.free) {
		if b := p.getLarge(k); b != nil {
			return b
		}
	} else if p != nil {
		if f := p.free[k]; len(f) > 0 {
			b := f[len(f)-1]
			f[len(f)-1] = nil
			p.free[k] = f[:len(f)-1]
			p.kept -= cap(b)
			return b
		}
	}
	return make([]byte, 0, classSize(k))
}

// getLarge returns a large buffer of a class that is still there, or nil.
func (p *bufPool) getLarge(k int) []byte {
	l := &p.large[k-len(p.free)]
	for n := len(*l); n > 0; n-- {
		first := (*l)[n-1].Value()
		*l = (*l)[:n-1]
		if first != nil {
			return unsafe.Slice(first, classSize(k))[:0]
		}
	}
	return nil
}

// put gives a buffer back, whoever made it. Nothing may point into it any more.
func (p *bufPool) put(b []byte) {
	n := cap(b)
	poison(b[:n])
	if n > 1<<maxClass {
		if !p.putWarm(b) {
			unmapMemory(b)
		}
		return
	}
	k := class(n)
	if p == nil || n != classSize(k) {
		return
	}
	if k >= len(p.free) {
		if l := &p.large[k-len(p.free)]; len(*l) < keepLarge {
			*l = append(*l, weak.Make(unsafe.SliceData(b)))
		}
		return
	}
	if p.kept+n > keepBytes {
		return
	}
	p.free[k] = append(p.free[k], b[:0])
	p.kept += n
}

// getWarm returns the smallest kept mapping with room for n bytes that is not far too large, or nil.
func (p *bufPool) getWarm(n int) []byte {
	if p == nil {
		return nil
	}
	best := -1
	for i, b := range p.warm {
		if cap(b) >= n && cap(b)/warmFits <= n && (best < 0 || cap(b) < cap(p.warm[best])) {
			best = i
		}
	}
	if best < 0 {
		return nil
	}
	return p.takeWarm(best)
}

func (p *bufPool) takeWarm(i int) []byte {
	b, last := p.warm[i], len(p.warm)-1
	p.warm[i], p.warm[last] = p.warm[last], nil
	p.warm = p.warm[:last]
	p.heat -= cap(b)
	return b
}

// putWarm keeps a mapping, if it may.
func (p *bufPool) putWarm(b []byte) bool {
	if p == nil || p.keeps == nil || p.heat+cap(b) > warmMost {
		return false
	}
	if p.warm = append(p.warm, b[:0]); len(p.warm) == 1 {
		p.keeps()
	}
	p.heat += cap(b)
	return true
}

// cool lets go of all mappings.
func (p *bufPool) cool() {
	for len(p.warm) > 0 {
		unmapMemory(p.takeWarm(0))
	}
	p.warm = nil
}

// grow returns b with room for at least one more byte, on the way to a total of want bytes: the capacity at most
// doubles, so that memory follows the bytes that are there and not the number somebody declared.
func (p *bufPool) grow(b []byte, want, least int) []byte {
	n := max(2*len(b), least)
	if want > len(b) {
		n = min(n, want)
	}
	if n <= cap(b) {
		return b
	}
	if want > 1<<maxClass && cap(b) < want {
		if g := p.getWarm(want); g != nil { // memory that is there already
			g = append(g, b...)
			p.put(b)
			return g
		}
	}
	if cap(b) > 1<<maxClass {
		return resizeMapped(b, n)
	}
	g := append(p.get(n), b...)
	p.put(b)
	return g
}

// shrink returns b, or, when b is a small part of a mapped buffer, a copy in a smaller one.
func (p *bufPool) shrink(b []byte) []byte {
	if cap(b) <= 1<<maxClass || len(b) >= cap(b)/shrinkBelow {
		return b
	}
	g := append(p.get(len(b)), b...)
	p.put(b)
	return g
}

// poison overwrites bytes that nobody may look at any more, in builds that check for it.
func poison(b []byte) {
	if invariants.Enabled {
		for i := range b {
			b[i] = 0xdb
		}
	}
}

// outq is output that the socket did not take, in chunks, so that appending to a long queue never copies it.
//
//	chunks[0..head)        sent and given back
//	chunks[head].b[off:]   next to send
//	chunks[last]           is appended to while it has room
//
// size is the sum of what is not sent. A queue with size 0 owns no memory but the slice of chunks.
type outq struct {
	chunks []chunk
	head   int
	off    int
	size   int
}

// chunk is a part of the queue: b from from on. b is whole, so that it can be given back.
type chunk struct {
	b    []byte
	from int
}

// append copies b behind the queue.
func (q *outq) append(b []byte, p *bufPool) {
	for len(b) > 0 {
		if last := len(q.chunks) - 1; last >= q.head {
			t := &q.chunks[last].b
			n := min(cap(*t)-len(*t), len(b))
			*t = append(*t, b[:n]...)
			q.size += n
			b = b[n:]
			if len(b) == 0 {
				return
			}
		}
		q.chunks = append(q.chunks, chunk{b: p.get(min(max(len(b), q.size), chunkSize))})
	}
}

// adopt puts b[from:], which is not empty, behind the queue without a copy. The queue owns b's memory from now on.
func (q *outq) adopt(b []byte, from int) {
	if q.size == 0 {
		q.off = from
	}
	q.chunks = append(q.chunks, chunk{b, from})
	q.size += len(b) - from
}

// front returns the bytes to send next; none if the queue is empty.
func (q *outq) front() []byte {
	if q.size == 0 {
		return nil
	}
	return q.chunks[q.head].b[q.off:]
}

// advance says that n bytes of front were sent.
func (q *outq) advance(n int, p *bufPool) {
	q.off += n
	q.size -= n
	if q.size == 0 {
		q.reset(p)
		return
	}
	if q.off < len(q.chunks[q.head].b) {
		return
	}
	p.put(q.chunks[q.head].b)
	q.chunks[q.head] = chunk{}
	q.head++
	q.off = q.chunks[q.head].from
	if q.head >= 16 && 2*q.head >= len(q.chunks) {
		n := copy(q.chunks, q.chunks[q.head:])
		clear(q.chunks[n:])
		q.chunks = q.chunks[:n]
		q.head = 0
	}
}

// reset drops everything.
func (q *outq) reset(p *bufPool) {
	for _, c := range q.chunks[q.head:] {
		p.put(c.b)
	}
	*q = outq{}
}
