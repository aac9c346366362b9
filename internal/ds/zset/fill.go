package zset

import (
	"slices"

	"github.com/redstart-db/redstart/internal/ds/dict"
	"github.com/redstart-db/redstart/internal/ds/zindex"
	"github.com/redstart-db/redstart/internal/mem"
)

// Filler fills an empty set with many elements, a batch at a time, and gives them their
// places in the order later than their records:
//
//   - As long as each element belongs in front of those before it, which is how Redis
//     writes sorted sets, the leaves of the tree are built one before the other.
//   - Others are sorted in runs, so that those that belong side by side in the tree are
//     put there one after the other. A run is of a fixed size: what filling needs beside
//     the set does not grow with it.
//
// Between the first Add and End nothing else may be called of the set but Len, Bytes and
// Drop; the same holds after a panic with mem.ErrExhausted.
type Filler struct {
	z     *ZSet
	last  zindex.Elem // the one that was added last, while they come in falling order
	mixed bool        // they do not
	run   []zindex.Elem
}

// MaxBatch is how many elements are added at once.
const MaxBatch = dict.MaxBatch

// New is an element that is to be added; it has no value.
type New = dict.New

// runLen is the length of a run. A run of this length, of 16 bytes each, is in the
// cache of a processor, and of a set of millions of elements it has several for a leaf.
const runLen = 64 << 10

// Filler begins to fill the set, which is empty.
func (z *ZSet) Filler() Filler { return Filler{z: z} }

// Add adds up to MaxBatch elements, and tells whether none of them was there.
func (f *Filler) Add(elems []New) bool {
	var refs [MaxBatch]mem.Ref
	n := f.z.dict.AddNew(elems, &refs)
	for i := range n {
		f.place(zindex.Elem{Score: elems[i].Score, Ref: refs[i]})
	}
	return n == len(elems)
}

func (f *Filler) place(e zindex.Elem) {
	tree := &f.z.tree
	if !f.mixed {
		if tree.Len() == 0 || tree.Compare(e, f.last) < 0 {
			tree.Prepend(e.Score, e.Ref)
			f.last = e
			return
		}
		f.mixed = true
		tree.Raise()
	}
	if f.run = append(f.run, e); len(f.run) == runLen {
		f.flush()
	}
}

// flush gives the elements of the run their places.
func (f *Filler) flush() {
	tree := &f.z.tree
	slices.SortFunc(f.run, tree.Compare)
	score, ref, _ := tree.Max()
	last := zindex.Elem{Score: score, Ref: ref}
	behind := false // all that are left belong behind the last
	for _, e := range f.run {
		if behind = behind || tree.Compare(last, e) < 0; behind {
			tree.Append(e.Score, e.Ref)
		} else {
			tree.Insert(e.Score, e.Ref)
		}
	}
	f.run = f.run[:0]
}

// End ends filling: the set is whole.
func (f *Filler) End() {
	if f.mixed {
		f.flush()
	} else {
		f.z.tree.Raise()
	}
}
