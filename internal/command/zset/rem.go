package zset

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/ds/zset"
	"github.com/redstart-db/redstart/internal/store"
)

func zrem(c *command.Ctx) {
	k := c.Key(1)
	e, ok := c.WriteType(k, store.ZSet)
	if !ok {
		return
	}
	n := 0
	if e.Ok() {
		v := open(e)
		if n = removeMembers(e, &v, c.Args[2:]); n > 0 {
			removed(c, k, e, n, v.len(), "zrem")
		}
	}
	c.Int(int64(n))
}

// removeMembers removes those that are there, and gives their number.
func removeMembers(e store.Entry, v *view, members [][]byte) (n int) {
	for i, m := range members {
		e.FetchAhead(members, i)
		if v.big != nil {
			if v.big.Delete(m) {
				n++
			}
		} else if pos, ok := v.small.Find(m); ok {
			v.small = v.small.Remove(pos)
			n++
		}
	}
	return n
}

func zremRangeByRank(c *command.Ctx) {
	s := selection{by: byRank}
	if s.parse(c, 1, true) {
		removeSelection(c, &s, "zremrangebyrank")
	}
}

func zremRangeByScore(c *command.Ctx) {
	s := selection{by: byScore}
	if s.parse(c, 1, true) {
		removeSelection(c, &s, "zremrangebyscore")
	}
}

func zremRangeByLex(c *command.Ctx) {
	s := selection{by: byLex}
	if s.parse(c, 1, true) {
		removeSelection(c, &s, "zremrangebylex")
	}
}

func removeSelection(c *command.Ctx, s *selection, event string) {
	k := c.Key(1)
	e, ok := c.WriteType(k, store.ZSet)
	if !ok {
		return
	}
	n := 0
	if e.Ok() {
		v := open(e)
		from, to := s.ranks(&v)
		if n = to - from; n > 0 {
			left := v.len() - n
			if left > 0 { // else all goes with the key
				removeRange(c.Keyspace(k), &v, from, to)
			}
			removed(c, k, e, n, left, event)
		}
	}
	c.Int(int64(n))
}

// manyRemoved is how many elements are worth leaving to the background.
const manyRemoved = 4096

// purge frees what a set has lost by CutRange.
type purge struct{ z *zset.ZSet }

func (p purge) Drop(max int) (done bool) { return p.z.Purge(max) }

func removeRange(ks *store.Keyspace, v *view, from, to int) {
	switch {
	case v.big == nil:
		v.small = v.small.RemoveRange(from, to)
	case to-from < manyRemoved:
		v.big.RemoveRange(from, to)
	default:
		v.big.CutRange(from, to)
		ks.Later(purge{v.big})
	}
}

// removed is called after n elements were removed of e, the entry of k. When none
// is left, the key goes as well.
func removed(c *command.Ctx, k store.Key, e store.Entry, n, left int, event string) {
	ks := c.Keyspace(k)
	if left == 0 {
		ks.Remove(k, e)
	} else if e.Packed() {
		ks.Shrink(e)
	}
	c.ChangedIn(ks, k.B, command.NotifyZSet, event)
	c.Dirty(n - 1)
	if left == 0 {
		c.Event(k, command.NotifyGeneric, "del")
	}
}
