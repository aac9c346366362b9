package zset

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/ds/zset"
	"github.com/redstart-db/redstart/internal/num"
)

// scoreRange reads a range of scores. The error is in the reply when ok is false.
func scoreRange(c *command.Ctx, lo, hi []byte) (r zset.ScoreRange, ok bool) {
	if r.Min, r.MinEx, ok = scoreBound(lo); ok {
		r.Max, r.MaxEx, ok = scoreBound(hi)
	}
	if !ok {
		c.Err("ERR min or max is not a float")
	}
	return r, ok
}

// scoreBound reads a bound as Redis does, with C's strtod: white space may come
// before it, all behind a zero byte is left out, nothing at all is 0, and what is
// too large is infinite.
func scoreBound(b []byte) (score float64, ex, ok bool) {
	if len(b) > 0 && b[0] == '(' {
		ex, b = true, b[1:]
	}
	if n, ok := num.ParseInt(b); ok && -1<<53 <= n && n <= 1<<53 {
		return float64(n), ex, true
	}
	score, n, _ := num.Strtod(b)
	return score, ex, score == score && (n == len(b) || b[n] == 0)
}

// lexRange reads a range of members. The error is in the reply when ok is false.
func lexRange(c *command.Ctx, lo, hi []byte) (r zset.LexRange, ok bool) {
	if r.Min, ok = lexBound(lo); ok {
		r.Max, ok = lexBound(hi)
	}
	if !ok {
		c.Err("ERR min or max not valid string range item")
	}
	return r, ok
}

func lexBound(b []byte) (bound zset.LexBound, ok bool) {
	if len(b) == 0 {
		return bound, false
	}
	switch b[0] {
	case '-', '+':
		bound.Inf = 1
		if b[0] == '-' {
			bound.Inf = -1
		}
		return bound, len(b) == 1 || b[1] == 0
	case '(', '[':
		return zset.LexBound{Member: b[1:], Ex: b[0] == '('}, true
	}
	return bound, false
}

// rankRange turns inclusive ranks, of which negative ones count from the end, into
// from <= to within [0,n].
func rankRange(start, stop int64, n int) (from, to int) {
	if start < 0 {
		start = max(start+int64(n), 0)
	}
	if stop < 0 {
		stop += int64(n)
	}
	stop = min(stop, int64(n)-1)
	if start > stop {
		return 0, 0
	}
	return int(start), int(stop) + 1
}
