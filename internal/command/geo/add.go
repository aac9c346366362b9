package geo

import (
	"strconv"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/command/zset"
)

// geoAdd is a ZADD, and propagated as such.
func geoAdd(c *command.Ctx) {
	var o zset.AddOptions
	first := 2
words:
	for ; first < len(c.Args); first++ {
		switch {
		case c.Is(first, "NX"):
			o.NX = true
		case c.Is(first, "XX"):
			o.XX = true
		case c.Is(first, "CH"):
			o.CH = true
		default:
			break words
		}
	}
	if n := len(c.Args) - first; n == 0 || n%3 != 0 || o.NX && o.XX {
		c.Err(command.ErrSyntax)
		return
	}
	var few [64]float64
	scores := few[:0]
	for i := first; i < len(c.Args); i += 3 {
		p, ok := pointArg(c, i)
		if !ok {
			return
		}
		scores = append(scores, float64(p.Score()))
	}
	zset.Add(c, o, first, 3, scores)
	if c.Logging() && c.Changes() > 0 {
		c.Effect(asZAdd(c.Args, first, scores)...)
	}
}

// asZAdd gives the arguments of the ZADD that a GEOADD is, whose first place is at
// argument first.
func asZAdd(args [][]byte, first int, scores []float64) [][]byte {
	zadd := append([][]byte{[]byte("zadd")}, args[1:first]...)
	for i, score := range scores {
		zadd = append(zadd, strconv.AppendUint(nil, uint64(score), 10), args[first+3*i+2])
	}
	return zadd
}
