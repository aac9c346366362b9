package dict

import (
	"math/bits"
	"math/rand/v2"

	"github.com/redstart-db/redstart/internal/ds/htable"
	"github.com/redstart-db/redstart/internal/mem"
)

// random gives the reference of an element, each with the same probability, or
// 0. The line of hashes is cut into equal cells with 8 to 16 elements on
// average; a cell is chosen, and a number up to more elements than a cell ever
// has (one in a million is fuller), and both again until the cell has an element
// of that number. So an element's chance depends neither on how full its cell
// is, nor on how the table has cut the line.
func (d *Dict) random(rnd *rand.Rand) mem.Ref {
	n := d.Len()
	if n < 16 {
		if n == 0 {
			return 0
		}
		return d.nth(0, 0, rnd.IntN(n))
	}
	level := bits.Len(uint(n)) - 4
	most := 10 + 2*(n>>level)
	for {
		if ref := d.nth(rnd.Uint32()>>(32-level), level, rnd.IntN(most)); ref != 0 {
			return ref
		}
	}
}

// nth is the element of number i in a cell, one of 2^level, or 0.
func (d *Dict) nth(cell uint32, level, i int) mem.Ref {
	var few [64]mem.Ref
	pos := cell << (32 - level)
	last := pos + uint32(1<<(32-level)-1)
	for {
		refs := few[:0]
		next, done := d.table.Scan(pos, func(ref mem.Ref) { refs = append(refs, ref) })
		if !done && next-1 > last {
			// The stretch ends behind the cell, and so does the walk.
			for _, ref := range refs {
				if htable.Pos(d.hash(d.Member(ref))) > last {
					continue
				}
				if i == 0 {
					return ref
				}
				i--
			}
			return 0
		}
		if i < len(refs) {
			return refs[i]
		}
		if done || next-1 == last {
			return 0
		}
		i -= len(refs)
		pos = next
	}
}

// RandomDistinct calls visit for n different elements, or for all if there are
// no more; each choice of n has the same probability. They come in no order to
// rely on. visit must not change the Dict. For more than a quarter of the elements
// it walks over all of them; for fewer it remembers those it has chosen, in some
// 10 bytes of the Go heap for each.
func (d *Dict) RandomDistinct(rnd *rand.Rand, n int, visit func(Elem)) {
	left := d.Len()
	n = min(n, left)
	if n > left/4 {
		// One walk: each element is taken with the probability that the
		// rest of the sample is to the rest of the elements.
		d.Each(func(e Elem) {
			if rnd.IntN(left) < n {
				n--
				visit(e)
			}
			left--
		})
		return
	}
	seen := make(map[mem.Ref]struct{}, max(n, 0))
	for len(seen) < n {
		ref := d.random(rnd)
		if _, again := seen[ref]; !again {
			seen[ref] = struct{}{}
			visit(d.At(ref))
		}
	}
}
