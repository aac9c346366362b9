package node

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/redstart-db/redstart/internal/config"
	"github.com/redstart-db/redstart/internal/store"
)

// TestHoldsOfAllShards measures what holds all of 64 shards, with as many small keys as
// there are elements elsewhere: alone, beside others, and with a hundredth of them watched.
func TestHoldsOfAllShards(t *testing.T) {
	cfg := config.Default()
	cfg.RedstartShards = store.MaxShards
	h := openHoldsWith(t, cfg)
	keys := func(db string) {
		h.do("SELECT", db)
		args := []string{"MSET"}
		for i := range h.count {
			if args = append(args, fmt.Sprintf("key:%08d", i), "value"); len(args) > 1000 || i == h.count-1 {
				h.do(args...)
				args = args[:1]
			}
		}
	}
	watch := func() {
		args := []string{"WATCH"}
		for i := 0; i < h.count; i += 100 {
			if args = append(args, fmt.Sprintf("key:%08d", i)); len(args) > 1000 {
				h.do(args...)
				args = args[:1]
			}
		}
		if len(args) > 1 {
			h.do(args...)
		}
	}
	h.try(t, func() {
		keys("0")
		h.measure("SWAPDB", "0", "1")
		keys("2")
		h.measure("FLUSHDB", "ASYNC") // database 2; 1 stays
		keys("2")
		h.measure("FLUSHDB", "SYNC")
		keys("2")
		h.do("SELECT", "1")
		watch()
		h.measureAs("SWAPDB of watched keys", "SWAPDB", "1", "2")
		h.do("UNWATCH")
		watch()
		h.measureAs("FLUSHALL with watched keys", "FLUSHALL")
		h.do("UNWATCH")
		keys("0")
		h.measureAs("FLUSHALL of the only keys", "FLUSHALL", "SYNC")
	})
}

// TestHoldsOfAlternating removes consumers for whom every second entry of a stream is
// pending, so that there is nothing to cut out whole.
func TestHoldsOfAlternating(t *testing.T) {
	h := openHolds(t)
	h.try(t, func() {
		h.stream("k")
		h.do("XGROUP", "CREATE", "k", "g", "0")
		h.do("XGROUP", "CREATE", "k", "g2", "0")
		for i := range h.count {
			h.do("XREADGROUP", "GROUP", "g", "c"+strconv.Itoa(i%2), "COUNT", "1", "STREAMS", "k", ">")
		}
		h.measure("XGROUP", "DELCONSUMER", "k", "g", "c0")
		// What is removed is in the way of what is not until it is freed.
		h.do("XGROUP", "DELCONSUMER", "k", "g", "c1")
		for i := range h.count {
			h.do("XREADGROUP", "GROUP", "g2", "c"+strconv.Itoa(i%2), "COUNT", "1", "STREAMS", "k", ">")
		}
		h.do("XGROUP", "DELCONSUMER", "k", "g2", "c1")
		h.measure("XPENDING", "k", "g2")
		h.measure("XPENDING", "k", "g2", "-", "+", "100")
		h.measure("XGROUP", "DESTROY", "k", "g")
		h.measure("UNLINK", "k")
		h.empty()
	})
}

// TestHoldsOfDefragmentation moves the elements of collections of which every second one
// was removed at random.
func TestHoldsOfDefragmentation(t *testing.T) {
	h := openHolds(t)
	fills := map[string]func(string){"hash": h.hash, "set": h.set, "list": h.list, "zset": h.zset}
	h.try(t, func() {
		for kind, fill := range fills {
			fill(kind)
			rnd := rand.New(rand.NewPCG(1, 2))
			if kind == "list" {
				h.do("LREM", kind, "0", fmt.Sprintf("item:%08d", 7))
				continue
			}
			command := map[string]string{"hash": "HDEL", "set": "SREM", "zset": "ZREM"}[kind]
			name := map[string]string{"hash": "field", "set": "member", "zset": "player"}[kind]
			args := []string{command, kind}
			for i := range h.count {
				if rnd.IntN(4) > 0 {
					args = append(args, fmt.Sprintf("%s:%08d", name, i))
				}
				if len(args) > 1000 || i == h.count-1 {
					h.do(args...)
					args = args[:2]
				}
			}
		}
		h.steps("defragmentation", func(sh *store.Shard) (more bool) {
			return !sh.Compact().Work(sh, 1000, defragHold)
		})
		h.measure("FLUSHALL")
	})
}
