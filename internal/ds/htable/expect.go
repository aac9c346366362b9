package htable

import "github.com/redstart-db/redstart/internal/mem"

// Expect prepares an empty table for about n records, so that it need not grow step
// by step when the number of what it is to hold is known. It panics with
// mem.ErrExhausted, and leaves the table as it was, when there is no memory. Whoever
// inserts none has to call Clear, or Fit.
func (t *Table) Expect(n int) {
	if !t.TryExpect(n) {
		panic(mem.ErrExhausted)
	}
}

// TryExpect is Expect with a report in place of a panic.
func (t *Table) TryExpect(n int) bool {
	if t.dir != nil || n <= fill {
		return true
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
			return false
		}
		dir[i] = s
	}
	t.setDir(dir, depth, len(dir))
	return true
}

// loose is how many records a bucket has on average, in a table that is made smaller by
// Fit. It is less than in any that grew.
const loose = 7

// Fit gives back what the table has for records that were expected and did not come.
func (t *Table) Fit() {
	switch {
	case t.count == 0:
		t.Clear()
	case t.count < t.size*loose && t.size > loose:
		t.Resize(t.count)
	}
}

// Resize makes a table of what is in it and has room for about n records. If there is no
// memory for that, it stays as it is.
func (t *Table) Resize(n int) {
	other := &Table{arena: t.arena, recs: t.recs}
	defer func() {
		if r := recover(); r != nil {
			if r != mem.ErrExhausted {
				panic(r)
			}
			other.Clear()
		}
	}()
	other.Expect(max(n, t.count))
	for i := 0; i < len(t.dir); i += 1 << (t.depth - t.dir[i].local()) {
		t.each(t.dir[i], func(hash uint64, ref mem.Ref) { other.Insert(hash, ref) })
	}
	t.Clear()
	t.count, t.size = other.count, other.size
	t.setDir(other.dir, other.depth, other.deep)
}
