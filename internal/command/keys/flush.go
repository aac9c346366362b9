package keys

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/num"
	"github.com/redstart-db/redstart/internal/store"
)

// flushMode reads the arguments of FLUSHDB and FLUSHALL.
func flushMode(c *command.Ctx) (async, ok bool) {
	switch {
	case len(c.Args) == 1:
		return c.Config.LazyfreeLazyUserFlush, true
	case len(c.Args) == 2 && c.Is(1, "SYNC"):
		return false, true
	case len(c.Args) == 2 && c.Is(1, "ASYNC"):
		return true, true
	}
	c.Err(command.ErrSyntax)
	return false, false
}

func flushDB(c *command.Ctx) {
	if async, ok := flushMode(c); ok {
		flush(c, c.DB(), c.DB()+1, async)
	}
}

func flushAll(c *command.Ctx) {
	async, ok := flushMode(c)
	if !ok {
		return
	}
	flush(c, 0, c.Store.Databases(), async)
	if c.FlushedAll != nil {
		c.FlushedAll(c.Changes())
	}
}

// reclaimStep is the number of records, of all shards together, that SYNC frees at once.
const reclaimStep = 2048

// flush empties the databases from first up to last. In a shard that has no
// other keys the memory is free at once; elsewhere SYNC frees the first records,
// which for a small database are all, and the background does the rest: to wait
// for millions of them would make everybody wait.
func flush(c *command.Ctx, first, last int, async bool) {
	for db := first; db < last; db++ {
		c.Dirty(c.Store.Flush(db))
	}
	if c.Flushed != nil {
		c.Flushed(c)
	}
	if !async {
		c.EachShard(0, func(sh *store.Shard) bool {
			sh.Reclaim(reclaimStep / c.Store.Shards())
			return true
		})
	}
	c.Effect(c.Args...) // also when there was nothing to remove
	c.OK()
}

func swapDB(c *command.Ctx) {
	if c.Config.ClusterEnabled {
		c.Err("ERR SWAPDB is not allowed in cluster mode")
		return
	}
	a, ok := swapArg(c, 1, "ERR invalid first DB index")
	if !ok {
		return
	}
	b, ok := swapArg(c, 2, "ERR invalid second DB index")
	if !ok {
		return
	}
	databases := int64(c.Store.Databases())
	if a < 0 || b < 0 || a >= databases || b >= databases {
		c.Err(command.ErrDBIndex)
		return
	}
	if a != b {
		c.Store.Swap(int(a), int(b), c.Now())
	}
	c.Dirty(1)
	c.OK()
}

// swapArg reads an argument of SWAPDB: both have to be integers before either
// is looked at.
func swapArg(c *command.Ctx, i int, text string) (int64, bool) {
	n, ok := num.ParseInt(c.Args[i])
	if !ok || int64(int32(n)) != n {
		c.Err(text)
		return 0, false
	}
	return n, true
}
