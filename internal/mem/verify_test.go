package mem

import "fmt"

// found is what verify counts by itself.
type found struct {
	live, blocks, freeDirty uint64
	bins                    [numClasses]bin // live, spans, full
	listed, runs            map[uint32]bool // members of lists that were not met yet in the page map
}

// verify checks every invariant that the package comment states, by looking at all pages and all lists.
func (a *Arena) verify() error {
	f := &found{listed: map[uint32]bool{}, runs: map[uint32]bool{}}
	if err := a.walkLists(f.listed, f.runs); err != nil {
		return err
	}
	if err := a.walkPages(f); err != nil {
		return err
	}
	if len(f.listed)+len(f.runs) != 0 {
		return fmt.Errorf("in lists but not in the page map: spans %v, runs %v", f.listed, f.runs)
	}
	for i := range a.bins {
		if b, c := &a.bins[i], &f.bins[i]; b.live != c.live || b.spans != c.spans || b.full != c.full {
			return fmt.Errorf("class %d: noted %+v, found %+v", i, *b, *c)
		}
	}
	resident := uint64(a.countDirty(0, a.top))
	st := a.Stats()
	if st.Live != f.live || st.Blocks != f.blocks || st.FreeDirty != f.freeDirty<<pageShift ||
		st.Resident != resident<<pageShift || a.Live() != f.live {
		return fmt.Errorf("stats %+v, found live %d blocks %d dirty %d resident %d", st, f.live, f.blocks, f.freeDirty, resident)
	}
	if st.Live > st.Committed || st.Resident > st.Committed || st.Committed > st.Reserved || a.top > a.end || a.end > a.maxPages {
		return fmt.Errorf("stats out of order: %+v", st)
	}
	return nil
}

// walkPages visits all spans in the order of their pages.
func (a *Arena) walkPages(f *found) error {
	prevFree := false
	for p := a.first; p < a.top; {
		id := a.pageMap[p]
		if id == 0 { // a guard
			p, prevFree = p+1, false
			continue
		}
		s := &a.spans[id]
		if s.start != p || s.pages == 0 || p+s.pages > a.top || a.pageMap[p+s.pages-1] != id {
			return fmt.Errorf("page %d: span %d is %+v", p, id, *s)
		}
		p += s.pages
		dirty := a.countDirty(s.start, s.pages)
		switch s.state {
		case freeRun:
			if prevFree {
				return fmt.Errorf("free run before page %d was not joined", s.start)
			}
			if dirty != s.dirtyPages || !f.runs[id] {
				return fmt.Errorf("free run %d: dirty %d, noted %d, listed %v", id, dirty, s.dirtyPages, f.runs[id])
			}
			delete(f.runs, id)
			f.freeDirty += uint64(dirty)
		case usedSpan:
			f.bins[s.class].live += uint32(s.live)
			f.blocks += uint64(s.live)
			if s.class == largeClass {
				f.live += uint64(s.pages) << pageShift
				if s.live != 1 || dirty != s.pages {
					return fmt.Errorf("large span %d: live %d, %d of %d pages dirty", id, s.live, dirty, s.pages)
				}
				break
			}
			f.live += uint64(s.live) * uint64(tables.class[s.class].size)
			f.bins[s.class].spans++
			if a.bins[s.class].cur != id && s.live == tables.class[s.class].cap {
				f.bins[s.class].full++
			}
			if err := a.verifySpan(id, f.listed[id]); err != nil {
				return err
			}
			delete(f.listed, id)
		default:
			return fmt.Errorf("span %d has state %d", id, s.state)
		}
		prevFree = s.state == freeRun
	}
	return nil
}

func (a *Arena) verifySpan(id uint32, listed bool) error {
	s := &a.spans[id]
	k := &tables.class[s.class]
	b := &a.bins[s.class]
	for p := s.start; p < s.start+s.pages; p++ {
		if a.pageMap[p] != id {
			return fmt.Errorf("page %d of span %d maps to %d", p, id, a.pageMap[p])
		}
	}
	free := 0
	for r := s.free; r != 0; r = *(*Ref)(a.ptr(r)) {
		free++
		off := uint32(r) - s.start<<pageRefShift
		if off%(k.size>>refShift) != 0 || off/(k.size>>refShift) >= uint32(s.carved) || free > int(s.carved) {
			return fmt.Errorf("span %d: bad free list at %#x", id, r)
		}
	}
	if free+int(s.live) != int(s.carved) || s.carved > k.cap {
		return fmt.Errorf("span %d: %d free, %+v", id, free, *s)
	}
	touched := (uint32(s.carved)*k.size + pageSize - 1) >> pageShift
	if a.countDirty(s.start, touched) != touched {
		return fmt.Errorf("span %d: carved pages are not dirty", id)
	}
	want := uint16(0)
	switch {
	case id == b.cur:
	case s.live == k.cap:
		want = k.cap
	case s.live == 0:
		return fmt.Errorf("span %d is empty and not current", id)
	default:
		want = max(1, s.live>>k.shift<<k.shift)
	}
	if isListed := want != 0 && want < k.cap; s.low > s.live || s.low != want && want == k.cap || isListed != listed {
		return fmt.Errorf("span %d: low %d, want %d, listed %v: %+v", id, s.low, want, listed, *s)
	}
	return nil
}

// walkLists collects the members of all lists and checks their links and places.
func (a *Arena) walkLists(listed, runs map[uint32]bool) error {
	for c := 1; c < numClasses; c++ {
		b, k := &a.bins[c], &tables.class[c]
		for level, id := range b.lists {
			if (id != 0) != (b.mask>>level&1 == 1) {
				return fmt.Errorf("class %d: mask %b, list %d begins at %d", c, b.mask, level, id)
			}
			for prev := uint32(0); id != 0; prev, id = id, a.spans[id].next {
				s := &a.spans[id]
				if s.prev != prev || int(s.class) != c || int(s.live>>k.shift) != level || listed[id] {
					return fmt.Errorf("class %d, list %d: span %d after %d: %+v", c, level, id, prev, *s)
				}
				listed[id] = true
			}
		}
	}
	for kind := range a.runs {
		q := &a.runs[kind]
		for i, id := range q.heads {
			if (id != 0) != (q.mask[i/64]>>(i%64)&1 == 1) {
				return fmt.Errorf("runs %d: bad mask at %d", kind, i)
			}
			for prev := uint32(0); id != 0; prev, id = id, a.spans[id].next {
				s := &a.spans[id]
				if s.prev != prev || s.state != freeRun || int(runBin(s.pages)) != i || runKind(s) != kind || runs[id] {
					return fmt.Errorf("runs %d, list %d: span %d after %d: %+v", kind, i, id, prev, *s)
				}
				runs[id] = true
			}
		}
	}
	return nil
}
