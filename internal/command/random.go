package command

import (
	"math"
	"math/rand/v2"

	"github.com/redstart-db/redstart/internal/num"
)

// Rand is the generator for commands that choose at random, one for each worker.
// It costs less than that of the process, and is as easily foretold as Redis's:
// nothing secret may come from it.
func (c *Ctx) Rand() *rand.Rand {
	if c.rnd == nil {
		c.rnd = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	}
	return c.rnd
}

// SampleSize reads how many elements HRANDFIELD and the like are to show, argument 2, and
// whether with what belongs to them, which the word in argument 3 asks for. The error is
// in the reply when ok is false.
func (c *Ctx) SampleSize(word string) (n int64, pairs, ok bool) {
	n, ok = num.ParseInt(c.Args[2])
	pairs = len(c.Args) == 4 && c.Is(3, word)
	text := ""
	switch {
	case !ok:
		text = ErrNotInteger
	case n == math.MinInt64:
		text = ErrSampleSize
	case len(c.Args) > 3 && !pairs:
		text = ErrSyntax
	case pairs && (n < -math.MaxInt64/2 || n > math.MaxInt64/2):
		text = ErrOutOfRange
	}
	if text != "" {
		c.Err(text)
	}
	return n, pairs, text == ""
}
