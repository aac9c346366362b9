package htable

import "github.com/redstart-db/redstart/internal/mem"

// Expect prepares an empty table for about n records, so that it need not grow step
// by step when the number of what it is to hold is known. It panics with
// mem.ErrExhausted, and leaves the table as it was, when there is no memory. Whoever
// inserts none has to call Clear.
func (t *Table) Expect(n int) {
	if t.dir != nil || n <= fill {
		return
	}
	depth := uint8(0)
	for n>>depth > halfSplit*fill {
		depth++
	}
	per := n >> depth
	if depth > 0 {
		per += per / 10 // what comes to one segment differs by three standard deviations
	}
	buckets := bucketsFor(per, fill)
	dir := make([]segment, 1<<depth)
	for i := range dir {
		s, ok := t.trySegment(buckets, depth)
		if !ok {
			for _, s := range dir[:i] {
				t.freeSegment(s)
			}
			panic(mem.ErrExhausted)
		}
		dir[i] = s
	}
	t.setDir(dir, depth, len(dir))
}
