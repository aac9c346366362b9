package mem

import (
	"math/bits"

	"github.com/redstart-db/redstart/internal/invariants"
)

// Free runs of pages are kept in lists by length: an exact list for each length below exactRuns, then four lists per
// doubling. Runs with dirty pages and runs without are kept apart, so that allocation prefers memory that is resident
// already, and Trim finds its work at once.
const (
	exactRuns = 128
	numRuns   = exactRuns + 4*17 // to 2^24-1 pages
	maxProbes = 32               // runs of one inexact list that are looked at for the best fit
)

const (
	cleanRuns = iota
	dirtyRuns
)

type runBins struct {
	heads [numRuns]uint32
	mask  [(numRuns + 63) / 64]uint64
}

// runBin is the list for runs of n pages.
func runBin(n uint32) uint32 {
	if n < exactRuns {
		return n
	}
	log := uint32(bits.Len32(n) - 1)
	return exactRuns + (log-7)*4 + n>>(log-2)&3
}

// atLeast returns the first list from i on that is not empty, or numRuns.
func (q *runBins) atLeast(i uint32) uint32 {
	for w := i / 64; w < uint32(len(q.mask)); w++ {
		m := q.mask[w]
		if w == i/64 {
			m &= ^uint64(0) << (i % 64)
		}
		if m != 0 {
			return w*64 + uint32(bits.TrailingZeros64(m))
		}
	}
	return numRuns
}

// longest returns a run from the last list that is not empty, or 0.
func (q *runBins) longest() uint32 {
	for w := len(q.mask) - 1; w >= 0; w-- {
		if q.mask[w] != 0 {
			return q.heads[w*64+bits.Len64(q.mask[w])-1]
		}
	}
	return 0
}

func runKind(s *span) int {
	if s.dirtyPages != 0 {
		return dirtyRuns
	}
	return cleanRuns
}

// linkRun enters a free run, whose fields are set, into its list and into the page map.
func (a *Arena) linkRun(id uint32) {
	s := &a.spans[id]
	s.state = freeRun
	a.setEnds(id)
	a.freeDirty += s.dirtyPages
	q, i := &a.runs[runKind(s)], runBin(s.pages)
	s.prev, s.next = 0, q.heads[i]
	a.spans[s.next].prev = id
	q.heads[i] = id
	q.mask[i/64] |= 1 << (i % 64)
}

func (a *Arena) unlinkRun(id uint32) {
	s := &a.spans[id]
	a.freeDirty -= s.dirtyPages
	a.spans[s.next].prev = s.prev
	if s.prev != 0 {
		a.spans[s.prev].next = s.next
		return
	}
	q, i := &a.runs[runKind(s)], runBin(s.pages)
	q.heads[i] = s.next
	if s.next == 0 {
		q.mask[i/64] &^= 1 << (i % 64)
	}
}

func (a *Arena) setEnds(id uint32) {
	s := &a.spans[id]
	a.pageMap[s.start] = id
	a.pageMap[s.start+s.pages-1] = id
}

// newSpan returns an unused span number for the given pages. It cannot fail: there are as many numbers as pages.
func (a *Arena) newSpan(start, pages uint32) uint32 {
	id := a.freeIDs
	if id != 0 {
		a.freeIDs = a.spans[id].next
	} else {
		id = a.nspans
		a.nspans++
	}
	a.spans[id] = span{start: start, pages: pages}
	return id
}

func (a *Arena) dropSpan(id uint32) {
	a.spans[id] = span{next: a.freeIDs}
	a.freeIDs = id
}

// findRun returns a free run of at least n pages, or 0: nearly the shortest, with dirty pages if there is one.
func (a *Arena) findRun(n uint32) uint32 {
	for kind := dirtyRuns; kind >= cleanRuns; kind-- {
		q, i := &a.runs[kind], runBin(n)
		if n >= exactRuns {
			best := uint32(0)
			id := q.heads[i]
			for probes := 0; id != 0 && probes < maxProbes; probes++ {
				s := &a.spans[id]
				if s.pages >= n && (best == 0 || s.pages < a.spans[best].pages) {
					best = id
				}
				id = s.next
			}
			if best != 0 {
				return best
			}
			i++
		}
		if i = q.atLeast(i); i < numRuns {
			return q.heads[i]
		}
	}
	return 0
}

// allocRun returns a used span of n pages, its ends entered in the page map, or 0.
func (a *Arena) allocRun(n uint32) uint32 {
	id := a.findRun(n)
	if id != 0 {
		a.unlinkRun(id)
		a.cut(id, n)
	} else {
		if !a.extend(n, false) {
			return 0
		}
		id = a.newSpan(a.top, n)
		a.top += n
	}
	a.spans[id].state = usedSpan
	a.setEnds(id)
	if invariants.Enabled {
		a.checkPoison(a.spans[id].start, n)
	}
	return id
}

// cut shortens an unlinked free run to n pages and makes a free run of the rest.
func (a *Arena) cut(id, n uint32) {
	s := &a.spans[id]
	if s.pages == n {
		return
	}
	restID := a.newSpan(s.start+n, s.pages-n)
	rest := &a.spans[restID]
	mine := a.countDirty(s.start, n)
	rest.dirtyPages = s.dirtyPages - mine
	s.pages, s.dirtyPages = n, mine
	a.linkRun(restID)
}

// freeRun makes a used span a free run and joins it with the free runs beside it.
func (a *Arena) freeRun(id uint32) {
	s := &a.spans[id]
	if invariants.Enabled {
		a.poisonPages(s.start, s.pages)
	}
	s.dirtyPages = a.countDirty(s.start, s.pages)
	if left := a.pageMap[s.start-1]; s.start > a.first && a.spans[left].state == freeRun {
		l := &a.spans[left]
		a.unlinkRun(left)
		s.start = l.start
		s.pages += l.pages
		s.dirtyPages += l.dirtyPages
		a.dropSpan(left)
	}
	if right := a.freeAt(s.start + s.pages); right != 0 {
		r := &a.spans[right]
		a.unlinkRun(right)
		s.pages += r.pages
		s.dirtyPages += r.dirtyPages
		a.dropSpan(right)
	}
	a.linkRun(id)
}

// freeAt returns the free run that begins at page p, where a span ends, or 0.
func (a *Arena) freeAt(p uint32) uint32 {
	if p >= a.top {
		return 0
	}
	if id := a.pageMap[p]; a.spans[id].state == freeRun {
		return id
	}
	return 0
}

// allocLarge returns a block of whole pages for n > classMax bytes, or 0.
func (a *Arena) allocLarge(n uint) Ref {
	if uint64(n) > uint64(a.maxPages)<<pageShift {
		return 0
	}
	pages := uint32((uint64(n) + pageSize - 1) >> pageShift)
	id := a.allocRun(pages)
	if id == 0 {
		return 0
	}
	s := &a.spans[id]
	s.class, s.free, s.carved, s.live, s.low = largeClass, 0, 1, 1, 1
	a.markDirty(s.start, pages)
	a.bins[largeClass].live++
	if a.live += uint64(pages) << pageShift; a.live > a.mark {
		a.marked()
	}
	r := Ref(s.start << pageRefShift)
	if invariants.Enabled {
		a.checkLarge(id, r, 0)
	}
	return r
}

// Grow makes the block at r at least n bytes long without moving it, and reports whether it could. A block of whole
// pages (above 32 KiB) can grow while the pages behind it are free; a smaller one only within its size class.
func (a *Arena) Grow(r Ref, n int) bool {
	if uint64(n) <= uint64(a.Usable(r)) {
		return true
	}
	id := a.pageMap[r>>pageRefShift]
	s := &a.spans[id]
	if s.class != largeClass || uint64(n) > uint64(a.maxPages)<<pageShift {
		return false
	}
	old := s.pages
	need := uint32((uint64(n)+pageSize-1)>>pageShift) - old
	after := s.start + old
	behind, have := a.freeAt(after), uint32(0)
	if behind != 0 {
		have = a.spans[behind].pages
	}
	if have < need {
		if after+have != a.top || !a.extend(need-have, true) {
			return false
		}
		s = &a.spans[id]
		a.top += need - have
	}
	if behind != 0 {
		a.unlinkRun(behind)
		a.cut(behind, min(have, need))
		a.dropSpan(behind)
	}
	s.pages += need
	a.setEnds(id)
	a.markDirty(after, need)
	if a.live += uint64(need) << pageShift; a.live > a.mark {
		a.marked()
	}
	if invariants.Enabled {
		a.checkLarge(id, r, old)
	}
	return true
}

// allow asks the owner whether n more pages may be committed.
func (a *Arena) allow(n uint32) bool {
	return a.limit == nil || a.limit(int(n)<<pageShift)
}

// markDirty notes that n pages from p on are going to be touched.
func (a *Arena) markDirty(p, n uint32) {
	for n > 0 {
		w, mask, k := dirtyWord(p, n)
		a.resident += uint32(bits.OnesCount64(mask &^ a.dirty[w]))
		a.dirty[w] |= mask
		p, n = p+k, n-k
	}
}

func (a *Arena) clearDirty(p, n uint32) {
	for n > 0 {
		w, mask, k := dirtyWord(p, n)
		a.resident -= uint32(bits.OnesCount64(mask & a.dirty[w]))
		a.dirty[w] &^= mask
		p, n = p+k, n-k
	}
}

func (a *Arena) countDirty(p, n uint32) (dirty uint32) {
	for n > 0 {
		w, mask, k := dirtyWord(p, n)
		dirty += uint32(bits.OnesCount64(mask & a.dirty[w]))
		p, n = p+k, n-k
	}
	return dirty
}

// dirtyWord returns the word of the bitmap that holds page p, the bits of the first k of n pages in it, and k.
func dirtyWord(p, n uint32) (w uint32, mask uint64, k uint32) {
	k = min(n, 64-p%64)
	return p / 64, ^uint64(0) >> (64 - k) << (p % 64), k
}

// Trim returns up to max bytes of free pages to the system, the longest runs first, and then those of the spare spans.
// It returns the number of bytes returned; 0 when there is nothing left. It takes a system call per contiguous piece, and
// about 0.2 µs per page, so a caller that holds a lock passes a small max and comes again.
func (a *Arena) Trim(max int) int {
	budget := uint32(0)
	if max > 0 {
		budget = uint32(min(uint64(max)>>pageShift, uint64(a.maxPages)))
	}
	done := uint32(0)
	for done < budget {
		id := a.runs[dirtyRuns].longest()
		if id == 0 {
			if !a.dropSpares() {
				break
			}
			continue
		}
		n := a.trimRun(id, budget-done)
		if n == 0 {
			break
		}
		done += n
	}
	return int(done) << pageShift
}

// trimRun returns up to budget dirty pages of a free run to the system.
func (a *Arena) trimRun(id, budget uint32) (done uint32) {
	s := &a.spans[id]
	a.unlinkRun(id)
	p, end := s.start, s.start+s.pages
	for done < budget {
		p += a.streak(p, end-p, false)
		n := a.streak(p, min(end-p, budget-done), true)
		if n == 0 {
			break
		}
		if invariants.Enabled {
			a.checkPoison(p, n)
		}
		if !a.release(p, n) {
			break
		}
		a.clearDirty(p, n)
		a.splitRegions(p, n)
		s.dirtyPages -= n
		done += n
		p += n
	}
	a.linkRun(id)
	return done
}

// streak counts how many of the n pages from p on are dirty (or clean) before the first that is not.
func (a *Arena) streak(p, n uint32, dirty bool) (count uint32) {
	for count < n {
		w, _, k := dirtyWord(p+count, n-count)
		m := a.dirty[w]
		if dirty {
			m = ^m
		}
		if m >>= (p + count) % 64; m != 0 {
			return count + min(k, uint32(bits.TrailingZeros64(m)))
		}
		count += k
	}
	return count
}

// Reset frees all blocks at once, in a time that does not depend on their number. The pages are left to Trim: to return
// them takes 50 ms per GiB, and all arenas may be reset at once, under their locks.
func (a *Arena) Reset() {
	a.initBins()
	a.runs = [2]runBins{}
	a.live, a.freeDirty = 0, 0
	a.nspans, a.freeIDs = 1, 0
	if invariants.Enabled {
		clear(a.blocks)
		a.poisonPages(a.first, a.top-a.first)
	}
	a.resetSpace()
	if a.top > a.first {
		id := a.newSpan(a.first, a.top-a.first)
		a.spans[id].dirtyPages = a.resident
		a.linkRun(id)
	}
}
