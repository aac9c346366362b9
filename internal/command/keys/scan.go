package keys

import (
	"bytes"
	"math"
	"slices"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/glob"
	"github.com/redstart-db/redstart/internal/resp"
	"github.com/redstart-db/redstart/internal/store"
)

// A cursor of SCAN is the number of a shard and a position in its table:
//
//	 63      38 37        32 31                    0
//	+----------+------------+-----------------------+
//	| 0        | shard      | position              |
//	+----------+------------+-----------------------+
//
// It is below 2^53, so that clients may keep it in a double. Only the very
// start is 0, so 0 can mean the end as well.
const cursorShift = 32

// lockedVisits is the number of keys after which a scan gives the lock of a
// shard to others.
const lockedVisits = 512

// scanner is one call of SCAN.
type scanner struct {
	c       *command.Ctx
	cursor  uint64
	count   int
	pattern []byte // nil for all keys
	typ     store.Type
	typed   bool // only keys of type typ; false for all
	visited int
	found   int
	expired [][]byte // to be removed: the walk itself must not change the table
}

func scan(c *command.Ctx) {
	s := scanner{c: c, count: 10}
	var ok bool
	if s.cursor, ok = command.ParseCursor(c.Args[1]); !ok {
		c.Err("ERR invalid cursor")
		return
	}
	if !s.options() {
		return
	}
	m := c.Defer()
	for s.step() {
	}
	var buf [64]byte
	head := resp.AppendArray(buf[:0], 2)
	head = resp.AppendBulkInt(head, int64(s.cursor))
	head = resp.AppendArray(head, s.found)
	c.Out = slices.Insert(c.Out, int(m), head...)
}

// options reads what follows the cursor.
func (s *scanner) options() bool {
	c := s.c
	for i := 2; i < len(c.Args); i += 2 {
		if i+1 == len(c.Args) {
			c.Err(command.ErrSyntax)
			return false
		}
		switch {
		case c.Is(i, "COUNT"):
			n, ok := c.IntArg(i + 1)
			if !ok {
				return false
			}
			if n < 1 {
				c.Err(command.ErrSyntax)
				return false
			}
			s.count = int(min(n, math.MaxInt32)) // so that sums have room
		case c.Is(i, "MATCH"):
			if s.pattern = c.Args[i+1]; string(s.pattern) == "*" {
				s.pattern = nil
			}
		case c.Is(i, "TYPE"):
			s.typ, s.typed = typeNamed(c.Args[i+1]), true
		default:
			c.Err(command.ErrSyntax)
			return false
		}
	}
	return true
}

// step goes on from the cursor for one hold of a shard's lock. It tells whether
// the scan is to go on; shards without keys are passed over in any case, so that
// a database of no more than count keys is finished in one call.
func (s *scanner) step() (more bool) {
	c := s.c
	if s.cursor>>cursorShift >= uint64(c.Store.Shards()) {
		s.cursor = 0
		return false
	}
	c.EachShard(int(s.cursor>>cursorShift), func(sh *store.Shard) bool {
		if ks := sh.DB(c.DB()); ks.Len() > 0 {
			if more = s.visited < s.count; more {
				s.walk(ks)
			}
			return false
		}
		s.cursor = uint64(sh.ID()+1) << cursorShift
		more = true
		return sh.ID()+1 < c.Store.Shards()
	})
	return more
}

// walk visits a piece of a table and moves the cursor behind it.
func (s *scanner) walk(ks *store.Keyspace) {
	now := s.c.Now()
	shard := s.cursor >> cursorShift
	pos, done := uint32(s.cursor), false
	limit := min(s.count, s.visited+lockedVisits)
	for !done && s.visited < limit {
		pos, done = ks.Scan(pos, func(e store.Entry) { s.visit(e, now) })
	}
	for _, key := range s.expired {
		ks.Lookup(s.c.Store.Key(key), now)
	}
	s.expired = s.expired[:0]
	if done {
		shard, pos = shard+1, 0
	}
	s.cursor = shard<<cursorShift | uint64(pos)
}

func (s *scanner) visit(e store.Entry, now int64) {
	s.visited++
	key := e.Key()
	if s.pattern != nil && !glob.Match(s.pattern, key, false) {
		return
	}
	if e.Expired(now) {
		s.expired = append(s.expired, bytes.Clone(key))
		return
	}
	if s.typed {
		s.c.Stats.Hits++ // Redis looks the key up to learn its type
		if e.Type() != s.typ {
			return
		}
	}
	s.c.Bulk(key)
	s.found++
}

// typeNamed gives the type with a name, in any case, or one that no key has.
func typeNamed(name []byte) store.Type {
	names := [...]string{
		store.String: "STRING", store.List: "LIST", store.Set: "SET",
		store.ZSet: "ZSET", store.Hash: "HASH", store.Stream: "STREAM",
	}
	for t, n := range names {
		if command.EqualFold(name, n) {
			return store.Type(t)
		}
	}
	return store.Type(len(names))
}
