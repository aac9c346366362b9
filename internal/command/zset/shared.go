package zset

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/ds/zset"
	"github.com/redstart-db/redstart/internal/store"
)

// This is what families whose values are sorted sets need of this one.

// AddOptions are the options of ZADD of the same names.
type AddOptions struct{ NX, XX, CH bool }

// Add adds elements with these scores to the sorted set of argument 1, and replies,
// as ZADD does. Each element is so many arguments, from argument first on, of which
// the last is its member.
func Add(c *command.Ctx, o AddOptions, first, arguments int, scores []float64) {
	k := c.Key(1)
	e, ok := c.WriteType(k, store.ZSet)
	if !ok {
		return
	}
	options := addOptions{nx: o.NX, xx: o.XX, ch: o.CH}
	a := adder{c: c, ks: c.Keyspace(k), k: k, e: e, addOptions: options, first: first, step: arguments}
	a.all(scores)
}

// Reader reads a sorted set. It is valid while its entry is.
type Reader struct{ v view }

// Open gives the reader of an entry, which must be a sorted set.
func Open(e store.Entry) Reader { return Reader{open(e)} }

// Score is the score of a member.
func (r *Reader) Score(member []byte) (score float64, ok bool) { return r.v.score(member) }

// Range gives the cursor at the first element with a score from one to another,
// which is not included, and the number of such elements, which follow each other.
func (r *Reader) Range(from, to float64) (at Cursor, n int) {
	first, end := r.v.byScore(&zset.ScoreRange{Min: from, Max: to, MaxEx: true})
	if first == end {
		return at, 0
	}
	return Cursor{r.v.seek(first)}, end - first
}

// Cursor is at an element of a Reader's set, and valid as long as that.
type Cursor struct{ at cursor }

// Next goes to the next element.
func (c *Cursor) Next() { c.at.next() }

// Score is the score of the element.
func (c *Cursor) Score() float64 { return c.at.score() }

// Member is the member of the element. It lies in the set.
func (c *Cursor) Member() listpack.Value {
	if c.at.isBig {
		return listpack.Value{Str: c.at.big.Member()}
	}
	return c.at.small.Member()
}

// Store puts the elements that fill adds, with different members, in the place of
// what a key has, and replies with their number. Without any, the key is removed.
// Nothing else is changed before fill returns, so it may read from any key.
func Store(c *command.Ctx, k store.Key, event string, fill func(add func(member []byte, score float64))) {
	r := newResult(c, k)
	r.fill(func() { fill(r.add) })
	r.store(event)
}
