package zset

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/store"
)

func zcard(c *command.Ctx) {
	e, ok := c.ReadType(c.Key(1), store.ZSet)
	switch {
	case !ok:
	case e.Ok():
		v := open(e)
		c.Int(int64(v.len()))
	default:
		c.Int(0)
	}
}

func zscore(c *command.Ctx) {
	if e, ok := c.ReadType(c.Key(1), store.ZSet); ok {
		replyScores(c, e, c.Args[2:])
	}
}

func zmscore(c *command.Ctx) {
	if e, ok := c.ReadType(c.Key(1), store.ZSet); ok {
		c.Array(len(c.Args) - 2)
		replyScores(c, e, c.Args[2:])
	}
}

func replyScores(c *command.Ctx, e store.Entry, members [][]byte) {
	var v view
	if e.Ok() {
		v = open(e)
	}
	for _, m := range members {
		if !e.Ok() {
			c.Null()
		} else if score, ok := v.score(m); ok {
			c.Double(score)
		} else {
			c.Null()
		}
	}
}

func zcount(c *command.Ctx) {
	r, ok := scoreRange(c, c.Args[2], c.Args[3])
	if !ok {
		return
	}
	replyCount(c, func(v view) (from, to int) { return v.byScore(&r) })
}

func zlexCount(c *command.Ctx) {
	r, ok := lexRange(c, c.Args[2], c.Args[3])
	if !ok {
		return
	}
	replyCount(c, func(v view) (from, to int) { return v.byLex(&r, false) })
}

func replyCount(c *command.Ctx, within func(view) (from, to int)) {
	e, ok := c.ReadType(c.Key(1), store.ZSet)
	switch {
	case !ok:
	case e.Ok():
		from, to := within(open(e))
		c.Int(int64(to - from))
	default:
		c.Int(0)
	}
}

func zrank(c *command.Ctx)    { replyRank(c, false) }
func zrevRank(c *command.Ctx) { replyRank(c, true) }

func replyRank(c *command.Ctx, reverse bool) {
	scores := len(c.Args) == 4 && c.Is(3, "WITHSCORE")
	if len(c.Args) > 3 && !scores {
		c.Err(command.WrongArity(c.Spec.Name))
		return
	}
	e, ok := c.ReadType(c.Key(1), store.ZSet)
	if !ok {
		return
	}
	var rank int
	var score float64
	if ok = e.Ok(); ok {
		v := open(e)
		if rank, score, ok = v.rank(c.Args[2]); reverse {
			rank = v.len() - 1 - rank
		}
	}
	switch {
	case !ok && scores:
		c.NullArray()
	case !ok:
		c.Null()
	case scores:
		c.Array(2)
		c.Int(int64(rank))
		c.Double(score)
	default:
		c.Int(int64(rank))
	}
}
