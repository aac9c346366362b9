package node

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// each runs a test for each type of large collection, or for some, with what fills one.
func (h *holds) each(t *testing.T, test func(kind string, fill func(key string)), only ...string) {
	for _, c := range []struct {
		kind string
		fill func(key string)
	}{{"hash", h.hash}, {"set", h.set}, {"list", h.list}, {"zset", h.zset}, {"stream", h.stream}} {
		if len(only) == 0 || slices.Contains(only, c.kind) {
			t.Run(c.kind, func(t *testing.T) { h.try(t, func() { test(c.kind, c.fill) }) })
		}
	}
}

// small makes a key of each type, with a few elements.
func (h *holds) small() {
	h.do("SADD", "small:set", "2", "1")
	h.do("ZADD", "small:zset", "1", "one", "2", "two")
	h.do("RPUSH", "small:list", "2", "1")
	h.do("GEOADD", "small:geo", "13.361389", "38.115556", "Palermo")
	h.do("SET", "small:string", "value")
	h.do("DEL", "absent")
}

// TestHoldsOfOverwriting puts something else in the place of large collections, or removes
// them, in all the ways there are.
func TestHoldsOfOverwriting(t *testing.T) {
	h := openHolds(t)
	if h.tries > 1 {
		h.count /= 10 // there are many ways, and a collection for each
	}
	dump := func() string {
		h.small()
		payload, err := h.l.Do(h.t.Context(), []byte("DUMP"), []byte("small:set"))
		if err != nil {
			h.t.Fatal(err)
		}
		return string(payload.Str)
	}
	ways := []string{"DEL k", "UNLINK k", "SET k v", "MSET a v k v b v", "PEXPIRE k 0", "EXPIREAT k 1", "SINTERSTORE k small:set small:set",
		"SUNIONSTORE k small:set small:set", "SDIFFSTORE k small:set absent", "SINTERSTORE k absent small:set",
		"ZUNIONSTORE k 2 small:zset small:zset", "ZINTERSTORE k 1 small:zset", "ZRANGESTORE k small:zset 0 -1",
		"SORT small:list STORE k", "GEOSEARCHSTORE k small:geo FROMMEMBER Palermo BYRADIUS 1 km", "BITOP NOT k small:string",
		"BITOP AND k absent absent", "COPY small:list k REPLACE", "RENAME small:zset k", "RESTORE k 0 %dump REPLACE", "EVAL return(redis.call('del',KEYS[1])) 1 k",
		"FLUSHDB SYNC", "FLUSHDB ASYNC", "FLUSHALL SYNC"}
	few := []string{"DEL k", "SET k v", "PEXPIRE k 0", "RESTORE k 0 %dump REPLACE", "FLUSHALL SYNC"}
	h.each(t, func(kind string, fill func(string)) {
		payload := dump()
		for _, lazy := range []string{"no", "yes"} {
			for _, what := range []string{"user-del", "user-flush", "server-del", "expire"} {
				h.do("CONFIG", "SET", "lazyfree-lazy-"+what, lazy)
			}
			for _, way := range ways {
				if h.tries == 1 && (lazy == "yes" || kind != "set") && !slices.Contains(few, way) {
					continue // to fill millions takes long, and what all have in common the sets show
				}
				h.small()
				fill("k")
				args := strings.Fields(way)
				if i := slices.Index(args, "%dump"); i >= 0 {
					args[i] = payload
				}
				h.measureAs(way, args...)
				h.do("DEL", "k", "a", "b")
			}
			h.small()
			fill("k")
			h.do("MULTI")
			h.do("SET", "k", "v")
			h.do("DEL", "k")
			h.measureAs("EXEC of SET and DEL", "EXEC")
			fill("k")
			h.do("MULTI")
			h.do("MOVE", "k", "1")
			h.do("SWAPDB", "0", "1")
			h.do("TYPE", "k")
			h.measureAs("EXEC of MOVE and SWAPDB", "EXEC")
			h.do("PEXPIRE", "k", "1")
			time.Sleep(5 * time.Millisecond) // the deadline is a time
			h.measureAs("TYPE of what has expired", "TYPE", "k")
			fill("k")
			h.do("PEXPIREAT", "k", strconv.Itoa(1<<42))
			h.expire("its deadline", 1<<42)
			h.free("its deadline")
		}
	})
}

// TestHoldsOfEviction has large collections evicted for want of memory.
func TestHoldsOfEviction(t *testing.T) {
	h := openHolds(t)
	policies := []string{"allkeys-lru", "volatile-lru", "allkeys-lfu", "volatile-lfu", "allkeys-random", "volatile-random", "volatile-ttl"}
	if h.tries > 1 {
		h.count /= 10
	}
	h.each(t, func(kind string, fill func(string)) {
		for i, policy := range policies {
			if h.tries == 1 && i%3 > 0 {
				continue
			}
			fill("k")
			if strings.HasPrefix(policy, "volatile") {
				h.do("EXPIRE", "k", "100000")
			}
			h.do("CONFIG", "SET", "maxmemory-policy", policy)
			h.do("CONFIG", "SET", "maxmemory", "1")
			// Who finds memory short frees what was evicted until there is enough, in steps for which it holds
			// a shard: here never, so that the command is refused. Others have the shard between the steps.
			stop := stopwatch(h.t)
			reply, err := h.l.Do(h.t.Context(), []byte("SET"), []byte("x"), []byte("y"))
			took := stop()
			if err != nil {
				h.t.Fatal(err)
			}
			h.t.Logf("%-40.60s %10v, %v by the clock, in steps: %.20s", kind+" evicted by "+policy, took.cpu, took.wall, reply.Str)
			h.do("CONFIG", "SET", "maxmemory", "0")
			h.free(kind + " evicted by " + policy)
			h.do("DEL", "k", "x") // there may have been enough for x
			h.empty()
		}
	})
}

// TestHoldsOfPieces changes large collections in places far inside, or in many at once.
// What has to look at all elements is for those who read the log.
func TestHoldsOfPieces(t *testing.T) {
	h := openHolds(t)
	some := func(n int, element string, command ...string) []string {
		for i := range n {
			command = append(command, fmt.Sprintf(element, (i*(h.count/n)+h.count/2)%h.count+1))
		}
		return command
	}
	part := h.part
	item := func(i int) string { return fmt.Sprintf("item:%08d", i) }
	h.each(t, func(_ string, fill func(string)) {
		fill("k")
		for _, share := range []float64{0.25, 0.5, 0.75} {
			h.measure("LINDEX", "k", part(share))
			h.measure("LSET", "k", part(share), "other")
			h.measure("LRANGE", "k", part(share), part(share))
			h.measure("LTRIM", "k", "1", "-2")
		}
		h.reply("LINSERT", "k", "BEFORE", item(100), "x")
		h.reply("LINSERT", "k", "AFTER", item(h.count/4), "y")
		h.reply("LINSERT", "k", "AFTER", "absent", "y")
		h.reply("LPOS", "k", "absent")
		h.reply("LREM", "k", "0", "absent")
		h.reply("LREM", "k", "0", item(h.count/3))
		h.reply("LREM", "k", "-1", item(h.count/3-1))
		h.measure("DEL", "k")
		h.fill("RPUSH", "k", func(i int) []string { return []string{strconv.Itoa(i % 2), item(i)}[:1+i%10/9] })
		h.reply("LREM", "k", "0", "1")
		h.reply("LREM", "k", "0", "0")
		h.measure("DEL", "k")
		h.empty()
	}, "list")
	h.each(t, func(_ string, fill func(string)) {
		fill("k")
		h.do("SADD", "other", "x")
		h.measure(some(1, "member:%08d", "SISMEMBER", "k")...)
		for i := range 5 {
			h.measure("SMOVE", "k", "other", fmt.Sprintf("member:%08d", i*h.count/5))
		}
		h.measureAs("SREM of 100", some(100, "member:%08d", "SREM", "k")...)
		h.measureAs("SREM of 450", some(450, "member:%08d", "SREM", "k")...)
		h.reply(some(1000, "member:%08d", "SREM", "k")...)
		h.reply(some(1000, "member:%08d", "SMISMEMBER", "k")...)
		h.reply("SINTERCARD", "2", "k", "other")
		h.reply("SUNIONSTORE", "copy", "other", "absent")
		h.measure("DEL", "k", "other", "copy")
		h.empty()
	}, "set")
	h.each(t, func(_ string, fill func(string)) {
		fill("k")
		h.measureAs("HDEL of 100", some(100, "field:%08d", "HDEL", "k")...)
		h.measureAs("HDEL of 450", some(450, "field:%08d", "HDEL", "k")...)
		h.reply(some(1000, "field:%08d", "HDEL", "k")...)
		h.reply(some(1000, "field:%08d", "HMGET", "k")...)
		h.measure("DEL", "k")
		h.empty()
	}, "hash")
	h.each(t, func(_ string, fill func(string)) {
		fill("k")
		h.measureAs("ZREM of 100", some(100, "player:%08d", "ZREM", "k")...)
		h.measureAs("ZREM of 450", some(450, "player:%08d", "ZREM", "k")...)
		h.reply(some(1000, "player:%08d", "ZREM", "k")...)
		h.reply(some(1000, "player:%08d", "ZMSCORE", "k")...)
		h.measure("DEL", "k")
		h.empty()
	}, "zset")
	h.each(t, func(_ string, fill func(string)) {
		fill("k")
		h.measureAs("XDEL of 100", some(100, "%d-0", "XDEL", "k")...)
		h.measureAs("XDEL of 450", some(450, "%d-0", "XDEL", "k")...)
		h.reply(some(1000, "%d-0", "XDEL", "k")...)
		h.do("XGROUP", "CREATE", "k", "g", "0")
		for i := 0; i < h.count; i += 2000 {
			h.do("XREADGROUP", "GROUP", "g", "c", "COUNT", "2000", "STREAMS", "k", ">")
		}
		h.measure("XTRIM", "k", "MINID", part(0.3))
		h.measure("XTRIM", "k", "MINID", "~", part(0.5))
		h.reply("XAUTOCLAIM", "k", "g", "d", "0", "0", "COUNT", "100", "JUSTID") // of entries that are gone
		h.reply("XAUTOCLAIM", "k", "g", "d", "0", part(0.6), "COUNT", "100", "JUSTID")
		h.reply("XAUTOCLAIM", "k", "g", "d", "10000000", "0", "COUNT", "1", "JUSTID")
		h.measure("XACK", "k", "g", part(0.7)+"-0")
		h.measure("XPENDING", "k", "g")
		h.measure("XGROUP", "SETID", "k", "g", "0")
		h.measure("XGROUP", "DELCONSUMER", "k", "g", "c")
		h.measure("XGROUP", "DESTROY", "k", "g")
		h.measure("XTRIM", "k", "MINID", part(2))
		h.measure("DEL", "k")
		h.empty()
	}, "stream")
}

// TestHoldsOfGrowing adds elements to a collection one by one, and removes them so: none
// pays for the growth, or the shrinking, of the table.
func TestHoldsOfGrowing(t *testing.T) {
	h := openHolds(t)
	commands := map[string][2][]string{
		"hash": {{"HSET", "k", "field:%08d", "value"}, {"HDEL", "k", "field:%08d"}},
		"set":  {{"SADD", "k", "member:%08d"}, {"SREM", "k", "member:%08d"}},
		"zset": {{"ZADD", "k", "1%08d", "player:%08[1]d"}, {"ZREM", "k", "player:%08d"}},
		"list": {{"RPUSH", "k", "item:%08d"}, {"LPOP", "k"}},
	}
	h.each(t, func(kind string, _ func(string)) {
		for _, command := range commands[kind] {
			args := make([][]byte, len(command))
			for i, a := range command {
				args[i] = []byte(a)
			}
			var all []step
			for i := range h.count {
				for j, a := range command {
					if strings.Contains(a, "%") {
						args[j] = fmt.Appendf(args[j][:0], a, i)
					}
				}
				before := threadTime(t)
				if _, err := h.l.Do(h.t.Context(), args...); err != nil {
					h.t.Fatal(err)
				}
				all = append(all, step{cpu: threadTime(t) - before})
			}
			h.judge(command[0]+", one by one", all)
		}
		h.free("the rest")
		h.empty()
	}, "hash", "set", "zset", "list")
}
