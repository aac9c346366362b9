package hyperloglog

import (
	"bytes"
	"fmt"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/ds/hll"
	"github.com/redstart-db/redstart/internal/store"
)

func pfDebug(c *command.Ctx) {
	k := c.Key(2)
	e := c.Write(k)
	if !e.Ok() {
		c.Err("ERR The specified key does not exist")
		return
	}
	if _, ok := checked(c, e); !ok {
		return
	}
	v := writable(c, k, e)
	switch {
	case c.Is(1, "GETREG"), c.Is(1, "TODENSE"):
		debugDense(c, k, e, v)
	case c.Is(1, "ENCODING") && hll.Dense(v):
		c.Simple("dense")
	case c.Is(1, "ENCODING"):
		c.Simple("sparse")
	case c.Is(1, "DECODE") && hll.Dense(v):
		c.Err("ERR HLL encoding is not sparse")
	case c.Is(1, "DECODE") && len(v) > hll.MaxSparse:
		c.Err(errCorrupt) // the reply would be many times as long
	case c.Is(1, "DECODE"):
		c.Bulk(hll.AppendRuns(nil, v))
	default:
		name, _, _ := bytes.Cut(c.Args[1], []byte{0}) // printed as a string of C
		c.Err(fmt.Sprintf("ERR Unknown PFDEBUG subcommand '%s'", name))
	}
}

// debugDense makes a value dense, and replies with its registers or whether it was
// not dense before.
func debugDense(c *command.Ctx, k store.Key, e store.Entry, v []byte) {
	var regs hll.All
	if !regs.Raise(v) {
		c.Err(errCorrupt)
		return
	}
	promoted := !hll.Dense(v)
	if promoted {
		promote(c, k, e, &regs)
		c.Dirty(1)
	}
	switch {
	case c.Is(1, "GETREG"):
		c.Array(len(regs))
		for _, rank := range regs {
			c.Int(int64(rank))
		}
	case promoted:
		c.Int(1)
	default:
		c.Int(0)
	}
}

func pfSelfTest(c *command.Ctx) {
	if err := hll.SelfTest(); err != nil {
		c.Err("TESTFAILED " + err.Error())
		return
	}
	c.OK()
}
