package mem

import (
	"bytes"
	"fmt"
	"unsafe"
)

// Self-checks of builds with the tag `invariants`. They stop the program at the first sign of a block that is used
// against the rules: better than to serve wrong data.

// poisonByte fills memory that belongs to no block, but for the links of free lists.
const poisonByte = 0xDB

const linkSize = 4

// view is Bytes without checks.
func (a *Arena) view(r Ref, n uint64) []byte { return unsafe.Slice((*byte)(a.ptr(r)), n) }

func (a *Arena) poison(r Ref, n uint64) {
	b := a.view(r, n)
	for i := range b {
		b[i] = poisonByte
	}
}

func poisoned(b []byte) bool {
	return len(b) == 0 || b[0] == poisonByte && bytes.Equal(b[1:], b[:len(b)-1])
}

// poisonPages fills the dirty ones of n pages from p on.
func (a *Arena) poisonPages(p, n uint32) {
	for ; n > 0; p, n = p+1, n-1 {
		if a.countDirty(p, 1) == 1 {
			a.poison(Ref(p<<pageRefShift), pageSize)
		}
	}
}

// checkPoison panics if a dirty one of n free pages from p on was written to.
func (a *Arena) checkPoison(p, n uint32) {
	for ; n > 0; p, n = p+1, n-1 {
		if a.countDirty(p, 1) == 1 && !poisoned(a.view(Ref(p<<pageRefShift), pageSize)) {
			panic(fmt.Sprintf("mem: write to freed memory in page %d", p))
		}
	}
}

// blockOf returns the block that holds r and its span; 0 if there is none.
func (a *Arena) blockOf(r Ref) (Ref, *span) {
	p := uint32(r >> pageRefShift)
	if p < a.first || p >= a.top {
		return 0, nil
	}
	s := &a.spans[a.pageMap[p]]
	if s.state != usedSpan || p < s.start || p >= s.start+s.pages {
		return 0, nil
	}
	start := Ref(s.start << pageRefShift)
	if s.class == largeClass {
		return start, s
	}
	size := tables.class[s.class].size >> refShift
	i := uint32(r-start) / size
	if i >= uint32(s.carved) {
		return 0, nil
	}
	return start + Ref(i*size), s
}

// checkPop checks the block that is about to be taken from the free list of s, and notes it as live.
func (a *Arena) checkPop(s *span, r Ref) {
	b, owner := a.blockOf(r)
	if _, live := a.blocks[r]; b != r || owner != s || live {
		panic(fmt.Sprintf("mem: free list of span at page %d is damaged (%#x): write to a freed block?", s.start, r))
	}
	size := tables.class[s.class].size
	if !poisoned(a.view(r, uint64(size))[linkSize:]) {
		panic(fmt.Sprintf("mem: write to the freed block %#x of %d bytes", r, size))
	}
	a.blocks[r] = struct{}{}
}

// checkLarge notes a large block as live and fills it, but for the pages that it had already.
func (a *Arena) checkLarge(id uint32, r Ref, old uint32) {
	s := &a.spans[id]
	for p := s.start; p < s.start+s.pages; p++ {
		a.pageMap[p] = id // so that blockOf works inside
	}
	a.blocks[r] = struct{}{}
	a.poison(r+Ref(old<<pageRefShift), uint64(s.pages-old)<<pageShift)
}

// checkFree checks a block that is about to be freed and fills it.
func (a *Arena) checkFree(r Ref) {
	if _, live := a.blocks[r]; !live {
		switch b, s := a.blockOf(r); {
		case r == 0:
			panic("mem: free of the nil ref")
		case b == r && s != nil:
			panic(fmt.Sprintf("mem: double free of the block %#x", r))
		default:
			panic(fmt.Sprintf("mem: free of %#x, which is no block", r))
		}
	}
	delete(a.blocks, r)
	a.poison(r, uint64(a.Usable(r)))
}

// checkView panics unless the n bytes from r on lie in one live block.
func (a *Arena) checkView(r Ref, n uint64) {
	b, _ := a.blockOf(r)
	if _, live := a.blocks[b]; !live {
		panic(fmt.Sprintf("mem: use of %#x, which is in no live block", r))
	}
	if off := uint64(r-b) << refShift; off+n > uint64(a.Usable(b)) || off+n < n {
		panic(fmt.Sprintf("mem: use of %d bytes at %d in the block %#x of %d", n, off, b, a.Usable(b)))
	}
}

// checkEmpty checks the accounting of a span of blocks none of which is live.
func (a *Arena) checkEmpty(s *span) {
	n := 0
	for r := s.free; r != 0; r = *(*Ref)(a.ptr(r)) {
		if b, owner := a.blockOf(r); b != r || owner != s || n > int(s.carved) {
			panic(fmt.Sprintf("mem: free list of span at page %d is damaged at %#x: write to a freed block?", s.start, r))
		}
		if size := tables.class[s.class].size; !poisoned(a.view(r, uint64(size))[linkSize:]) {
			panic(fmt.Sprintf("mem: write to the freed block %#x of %d bytes", r, size))
		}
		n++
	}
	if n != int(s.carved) || s.live != 0 {
		panic(fmt.Sprintf("mem: span at page %d: %d live and %d free of %d blocks", s.start, s.live, n, s.carved))
	}
}
