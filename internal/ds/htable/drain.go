package htable

import "github.com/redstart-db/redstart/internal/mem"

// Drain takes records out, some more than max unless there are fewer, calls gone for
// each, and tells whether none is left. It leaves no order behind that would have
// to be kept, and so takes a fraction of the time of Remove. Until it is done,
// nothing but Len, Bytes and Buckets may be called in between; then the table is
// empty, and has nothing of the arena.
func (t *Table) Drain(max int, gone func(ref mem.Ref)) (done bool) {
	const ahead = 2
	for len(t.dir) > 0 {
		s := t.dir[len(t.dir)-1]
		for i := range s.n() {
			b := t.at(s, i)
			if b.tags == [slots]uint8{} {
				continue
			}
			if max <= 0 {
				return false
			}
			if i+ahead < s.n() {
				t.fetch(t.at(s, i+ahead))
			}
			for j, tag := range b.tags {
				if tag != 0 {
					gone(b.refs[j])
					t.count--
					max--
				}
			}
			b.tags = [slots]uint8{}
		}
		t.dir = t.dir[:len(t.dir)-1<<(t.depth-s.local())]
		t.freeSegment(s)
	}
	t.reset()
	return true
}
