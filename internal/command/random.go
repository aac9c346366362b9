package command

import "math/rand/v2"

// Rand is the generator for commands that choose at random, one for each worker.
// It costs less than that of the process, and is as easily foretold as Redis's:
// nothing secret may come from it.
func (c *Ctx) Rand() *rand.Rand {
	if c.rnd == nil {
		c.rnd = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	}
	return c.rnd
}
