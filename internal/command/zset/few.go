package zset

import (
	"bytes"
	"cmp"
	"slices"
)

// few is a result as long as it has few elements: outside the arena, and put in
// order at the end. Most results are no larger, and a table and an index for them
// would cost more than what they are made of.
type few struct {
	text []byte // of all members
	list []scored
	// index finds elements by the hash of their member: 1 more than their place
	// in the list, or 0. Only unions need it.
	index []uint16
}

// scored is an element; its member is text[from:to].
type scored struct {
	score    float64
	from, to uint32
}

const (
	fewElements = 512
	fewBytes    = 64 << 10
)

// expect makes room for n members of usual length.
func (f *few) expect(n int) {
	const usual = 16
	f.text, f.list = make([]byte, 0, n*usual), make([]scored, 0, n)
}

// fits tells whether there may be one more member.
func (f *few) fits(member []byte) bool {
	return len(f.list) < fewElements && len(f.text)+len(member) <= fewBytes
}

func (f *few) member(e scored) []byte { return f.text[e.from:e.to] }

// add adds a member that is not there.
func (f *few) add(member []byte, score float64) {
	from := len(f.text)
	f.text = append(f.text, member...)
	f.list = append(f.list, scored{score, uint32(from), uint32(len(f.text))})
}

// find gives the element with this member, or nil, and the place in the index for
// one that is added next.
func (f *few) find(hash uint64, member []byte) (e *scored, place *uint16) {
	const size = 2 * fewElements
	if f.index == nil {
		f.index = make([]uint16, size)
	}
	for i := hash; ; i++ {
		place = &f.index[i%size]
		if *place == 0 {
			return nil, place
		}
		if e = &f.list[*place-1]; string(f.member(*e)) == string(member) {
			return e, place
		}
	}
}

// sort puts the elements in order.
func (f *few) sort() {
	slices.SortFunc(f.list, func(x, y scored) int {
		if x.score != y.score {
			return cmp.Compare(x.score, y.score)
		}
		return bytes.Compare(f.member(x), f.member(y))
	})
}
