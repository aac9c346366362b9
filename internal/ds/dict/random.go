package dict

import (
	"math/rand/v2"

	"github.com/redstart-db/redstart/internal/mem"
)

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
		ref := d.table.Random(rnd)
		if _, again := seen[ref]; !again {
			seen[ref] = struct{}{}
			visit(d.At(ref))
		}
	}
}
