package zset

import (
	"math/rand/v2"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/ds/zset"
	"github.com/redstart-db/redstart/internal/store"
)

func zrandMember(c *command.Ctx) {
	if len(c.Args) > 2 {
		randomSome(c)
		return
	}
	e, ok := c.ReadType(c.Key(1), store.ZSet)
	switch {
	case !ok:
	case e.Ok():
		v := open(e)
		replyRandom(c, &v, c.Rand(), false, false)
	default:
		c.Null()
	}
}

func randomSome(c *command.Ctx) {
	n, scores, ok := c.SampleSize("WITHSCORES")
	if !ok {
		return
	}
	e, ok := c.ReadType(c.Key(1), store.ZSet)
	if !ok {
		return
	}
	if !e.Ok() || n == 0 {
		c.Array(0)
		return
	}
	v := open(e)
	switch size := v.len(); {
	case n < 0:
		randomRepeated(c, &v, -n, scores)
	case n >= int64(size):
		replyRange(c, &v, 0, size, true, scores)
	default:
		randomDistinct(c, &v, int(n), scores)
	}
}

// replyRandom appends one element.
func replyRandom(c *command.Ctx, v *view, rnd *rand.Rand, scores, nested bool) {
	if nested {
		c.Array(2)
	}
	if v.big == nil {
		at := v.seek(rnd.IntN(v.len()))
		at.reply(c)
		if scores {
			c.Double(at.score())
		}
		return
	}
	e, _ := v.big.Random(rnd)
	c.Bulk(e.Member())
	if scores {
		c.Double(e.Score())
	}
}

func randomRepeated(c *command.Ctx, v *view, n int64, scores bool) {
	start := len(c.Out)
	if n > command.MaxRepeated && !c.Limited() {
		c.Err(command.ErrOutOfRange)
		return
	}
	replyHeader(c, int(n), scores)
	rnd, nested := c.Rand(), scores && c.Resp3()
	for ; n > 0 && !c.Overflows(); n-- {
		if len(c.Out)-start > command.MaxRepeated {
			c.Out = c.Out[:start]
			c.Err(command.ErrOutOfRange)
			return
		}
		replyRandom(c, v, rnd, scores, nested)
	}
}

// randomDistinct shows n different elements, of which there are more.
func randomDistinct(c *command.Ctx, v *view, n int, scores bool) {
	replyHeader(c, n, scores)
	rnd, nested := c.Rand(), scores && c.Resp3()
	if v.big != nil {
		v.big.RandomDistinct(rnd, n, func(e zset.Elem) {
			if nested {
				c.Array(2)
			}
			c.Bulk(e.Member())
			if scores {
				c.Double(e.Score())
			}
		})
		return
	}
	// Each is taken with the probability that what is wanted still is to what is
	// left.
	left := v.len()
	for at := v.seek(0); n > 0; at.next() {
		if rnd.IntN(left) < n {
			n--
			if nested {
				c.Array(2)
			}
			at.reply(c)
			if scores {
				c.Double(at.score())
			}
		}
		left--
	}
}
