package keys

import (
	"bytes"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/glob"
	"github.com/redstart-db/redstart/internal/store"
)

// keys leaves out what has expired and, as Redis does, leaves it where it is.
func keys(c *command.Ctx) {
	pattern := c.Args[1]
	if !bytes.ContainsAny(pattern, `*?[\`) {
		k := c.Key(1)
		if e := c.Keyspace(k).Find(k); !e.Ok() || e.Expired(c.Now()) {
			c.Array(0)
			return
		}
		c.Array(1)
		c.Bulk(k.B)
		return
	}
	all := string(pattern) == "*"
	now := c.Now()
	m, n := c.Defer(), 0
	c.EachShard(0, func(sh *store.Shard) bool {
		sh.DB(c.DB()).Each(func(e store.Entry) {
			if c.Overflows() {
				return
			}
			if key := e.Key(); (all || glob.Match(pattern, key, false)) && !e.Expired(now) {
				c.Bulk(key)
				n++
			}
		})
		return !c.Overflows()
	})
	c.End(m, n)
}

func dbSize(c *command.Ctx) { c.Int(int64(c.Store.Len(c.DB()))) }

// randomTries is the number of expired keys that a replica, which may not
// remove them, passes over before it shows one: there may be no others.
const randomTries = 100

func randomKey(c *command.Ctx) {
	db := c.DB()
	rnd := c.Rand()
	for tries := 1; ; tries++ {
		total := c.Store.Len(db)
		if total == 0 {
			c.Null()
			return
		}
		ks := pickShard(c.Store, db, rnd.IntN(total))
		e := ks.Random(rnd)
		if !e.Expired(c.Now()) || c.Store.NoExpire && tries >= randomTries && total == c.Store.Volatile(db) {
			c.Bulk(e.Key())
			return
		}
		ks.Lookup(c.Store.Key(e.Key()), c.Now())
	}
}

// pickShard gives the shard with key number i of a database.
func pickShard(st *store.Store, db, i int) *store.Keyspace {
	for s := 0; ; s++ {
		ks := st.Shard(s).DB(db)
		if i < ks.Len() {
			return ks
		}
		i -= ks.Len()
	}
}
