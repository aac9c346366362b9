package node

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/config"
	"github.com/redstart-db/redstart/internal/oplog"
)

// record keeps the effects and events of an instance.
type record struct {
	mu      sync.Mutex
	effects []string
	events  []string
}

var bulkHeader = regexp.MustCompile(`[*$][0-9]+\r\n`)

// Append implements oplog.Consumer.
func (r *record) Append(_ uint64, effects []oplog.Effect) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range effects {
		for _, cmd := range strings.Split(string(e.Cmds), "*")[1:] {
			text := bulkHeader.ReplaceAllString("*"+cmd, "")
			r.effects = append(r.effects, strconv.Itoa(e.DB)+":"+strings.ReplaceAll(strings.TrimSpace(text), "\r\n", " "))
		}
	}
}

func (r *record) publish(db int, _ command.NotifyClass, event string, key []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, fmt.Sprintf("%d:%s %s", db, event, key))
}

func (r *record) take() (effects, events string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	effects, events = strings.Join(r.effects, ", "), strings.Join(r.events, ", ")
	r.effects, r.events = nil, nil
	return effects, events
}

// The effects and events were recorded from redis-server 7.0.15; a time that
// depends on the clock is T.
func TestKeyEffectsAndEvents(t *testing.T) {
	k := newTalk(t, nil)
	r := new(record)
	k.n.env.Log.Attach(r)
	k.n.env.Notify, k.n.env.Publish = command.NotifyAll|command.NotifyNew, r.publish
	dump := string([]byte("\x00\x01v\n\x00\x91\b\xce\xb2\x198\x8a\xce"))
	clock := regexp.MustCompile(`\b[12][0-9]{12}\b`)
	for _, c := range []struct{ command, effects, events string }{
		{"EXPIRE k 100", "0:PEXPIREAT k T", "0:expire k"},
		{"EXPIRE k 200 GT", "0:PEXPIREAT k T GT", "0:expire k"},
		{"EXPIRE k 100 gt", "", ""},
		{"EXPIREAT k 4102444800 xx", "0:PEXPIREAT k 4102444800000 xx", "0:expire k"},
		{"PEXPIREAT k 4102444800000", "0:PEXPIREAT k 4102444800000", "0:expire k"},
		{"PEXPIRE k 100000", "0:PEXPIREAT k T", "0:expire k"},
		{"PERSIST k", "0:PERSIST k", "0:persist k"},
		{"PERSIST k", "", ""},
		{"EXPIRE k -1", "0:DEL k", "0:del k"},
		{"EXPIRE k 100", "", ""},
		{"RESTORE k 0 DUMP", "0:RESTORE k 0 DUMP", "0:new k, 0:restore k"},
		{"RESTORE k 0 DUMP", "", ""},
		{"RESTORE k 100000 DUMP replace", "0:RESTORE k T DUMP replace ABSTTL", "0:new k, 0:restore k"},
		{"RESTORE k 4102444800000 DUMP absttl replace", "0:RESTORE k 4102444800000 DUMP absttl replace", "0:new k, 0:restore k"},
		{"RESTORE k 10 DUMP absttl replace", "0:DEL k", "0:del k"},
		{"RESTORE k 10 DUMP absttl replace", "", ""},
		{"FLUSHALL", "0:FLUSHALL", ""},
		{"FLUSHDB async", "0:FLUSHDB async", ""},
		{"SWAPDB 0 0", "0:SWAPDB 0 0", ""},
		{"RESTORE a 0 DUMP", "0:RESTORE a 0 DUMP", "0:new a, 0:restore a"},
		{"RENAME a b", "0:RENAME a b", "0:new b, 0:rename_from a, 0:rename_to b"},
		{"RENAME b b", "", ""},
		{"RENAMENX b b", "", ""},
		{"COPY b c", "0:COPY b c", "0:new c, 0:copy_to c"},
		{"COPY b c", "", ""},
		{"COPY b d DB 2", "0:COPY b d DB 2", "2:new d, 2:copy_to d"},
		{"RENAMENX b c", "", ""},
		{"MOVE c 1", "0:MOVE c 1", "1:new c, 0:move_from c, 1:move_to c"},
		{"DEL b nokey", "0:DEL b nokey", "0:del b"},
		{"UNLINK b", "", ""},
		{"TOUCH c", "", ""},
	} {
		if c.command == "EXPIRE k 100" && c.effects != "" {
			k.do("RESTORE", "k", "0", dump)
			r.take()
		}
		args := strings.Fields(c.command)
		for i := range args {
			if args[i] == "DUMP" {
				args[i] = dump
			}
		}
		k.do(args...)
		effects, events := r.take()
		effects = clock.ReplaceAllString(strings.ReplaceAll(effects, dump, "DUMP"), "T")
		if effects != c.effects || events != c.events {
			t.Errorf("%s:\n effects %q, want %q\n events  %q, want %q", c.command, effects, c.effects, events, c.events)
		}
	}
}

// SCAN meets every key that stays, whatever cursor widths, counts and changes.
func TestScanMeetsWhatStays(t *testing.T) {
	for _, shards := range []int{1, 8} {
		k := newTalk(t, func(c *config.Config) { c.RedstartShards = shards })
		rnd := rand.New(rand.NewPCG(uint64(shards), 1))
		const stay = 3000
		for i := range stay {
			k.do("SET", fmt.Sprint("stay", i), "v")
		}
		seen := map[string]int{}
		cursor, calls := "0", 0
		for {
			v := k.do("SCAN", cursor, "COUNT", strconv.Itoa(1+rnd.IntN(100)))
			cursor = string(v.Elems[0].Str)
			for _, e := range v.Elems[1].Elems {
				seen[string(e.Str)]++
			}
			if cursor == "0" {
				break
			}
			if n, err := strconv.ParseUint(cursor, 10, 64); err != nil || n >= 1<<53 {
				t.Fatalf("cursor %s", cursor)
			}
			for range rnd.IntN(200) {
				name := fmt.Sprint("other", rnd.IntN(5000))
				if calls%20 < 10 {
					k.do("SET", name, "v")
				} else {
					k.do("DEL", name)
				}
			}
			if calls++; calls > stay+10_000 {
				t.Fatal("the scan does not end")
			}
		}
		for i := range stay {
			if n := seen[fmt.Sprint("stay", i)]; n != 1 {
				t.Fatalf("%d shards: key %d was met %d times", shards, i, n)
			}
		}
	}
}

func TestScanOfFewKeysEndsAtOnce(t *testing.T) {
	k := newTalk(t, func(c *config.Config) { c.RedstartShards = 64 })
	for i := range 10 {
		k.do("SET", strconv.Itoa(i), "v")
	}
	if v := k.do("SCAN", "0"); string(v.Elems[0].Str) != "0" || len(v.Elems[1].Elems) != 10 {
		t.Errorf("SCAN 0 of ten keys: %v", v)
	}
	// Any cursor is taken.
	rnd := rand.New(rand.NewPCG(1, 1))
	for range 2000 {
		cursor := strconv.FormatUint(rnd.Uint64()>>rnd.IntN(64), 10)
		if v := k.do("SCAN", cursor); v.IsError() || len(v.Elems) != 2 {
			t.Fatalf("SCAN %s: %v", cursor, v)
		}
	}
}

// What has expired is neither shown nor left by SCAN and RANDOMKEY; KEYS leaves
// it, as Redis does.
func TestExpiredAreNotShown(t *testing.T) {
	k := newTalk(t, nil)
	r := new(record)
	k.n.env.Log.Attach(r)
	k.want("+OK", "DEBUG", "SET-ACTIVE-EXPIRE", "0")
	fill := func() {
		for i := range 20 {
			k.do("SET", strconv.Itoa(i), "v", "PX", "1")
		}
		time.Sleep(3 * time.Millisecond)
		r.take()
	}
	fill()
	k.want("[]", "KEYS", "*")
	k.want("[]", "KEYS", "1")
	k.want("20", "DBSIZE")
	if v := k.do("SCAN", "0", "COUNT", "100"); len(v.Elems[1].Elems) != 0 {
		t.Errorf("SCAN: %v", v)
	}
	k.want("0", "DBSIZE")
	if effects, _ := r.take(); strings.Count(effects, "0:DEL ") != 20 {
		t.Errorf("effects of SCAN: %s", effects)
	}
	fill()
	if v := k.do("RANDOMKEY"); !v.Null {
		t.Errorf("RANDOMKEY: %v", v)
	}
	k.want("0", "DBSIZE")
}

func TestRandomKeyIsFair(t *testing.T) {
	k := newTalk(t, func(c *config.Config) { c.RedstartShards = 16 })
	const keys, rounds = 50, 10_000
	for i := range keys {
		k.do("SET", strconv.Itoa(i), "v")
	}
	times := make([]int, keys)
	for range rounds {
		i, err := strconv.Atoi(string(k.do("RANDOMKEY").Str))
		if err != nil {
			t.Fatal(err)
		}
		times[i]++
	}
	chi, mean := 0.0, float64(rounds)/keys
	for _, n := range times {
		chi += (float64(n) - mean) * (float64(n) - mean) / mean
	}
	// Mean 49, standard deviation about 10.
	if chi > 49+8*10 {
		t.Errorf("chi-square is %.0f: %v", chi, times)
	}
}

func TestFlushGivesMemoryBack(t *testing.T) {
	k := newTalk(t, nil)
	live := func() (n uint64) {
		for i := range k.n.store.Shards() {
			sh := k.n.store.Shard(i)
			sh.Lock()
			n += sh.Arena().Live()
			sh.Unlock()
		}
		return n
	}
	free := func() (n uint64) {
		for i := range k.n.store.Shards() {
			sh := k.n.store.Shard(i)
			sh.Lock()
			n += sh.Arena().Stats().FreeDirty
			sh.Unlock()
		}
		return n
	}
	value := strings.Repeat("x", 500)
	// A small database is free when SYNC replies; a large one is left to the
	// background, as with ASYNC, so that nobody waits for it.
	for _, test := range []struct {
		mode   string
		keys   int
		atOnce bool
	}{{"SYNC", 700, true}, {"SYNC", 20_000, false}, {"ASYNC", 5_000, false}} {
		k.do("SELECT", "1")
		for i := range 100 { // so that no shard is without keys
			k.do("SET", strconv.Itoa(i), "v")
		}
		before := live()
		k.do("SELECT", "0")
		for i := range test.keys {
			k.do("SET", strconv.Itoa(i), value)
		}
		k.want("+OK", "FLUSHDB", test.mode)
		k.want("0", "DBSIZE")
		if after := live(); test.atOnce && after > before {
			t.Errorf("%d bytes are live after FLUSHDB %s, %d before", after, test.mode, before)
		}
		for tries := 0; live() > before || free() > 512<<10; tries++ {
			if tries > 500 {
				t.Fatalf("%+v: %d bytes are live, %d before; %d are free and not given back", test, live(), before, free())
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
}
