package snapshot_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/redstart-db/redstart/internal/command/bitmap"
	"github.com/redstart-db/redstart/internal/command/commandtest"
	"github.com/redstart-db/redstart/internal/command/connection"
	"github.com/redstart-db/redstart/internal/command/hash"
	"github.com/redstart-db/redstart/internal/command/hyperloglog"
	"github.com/redstart-db/redstart/internal/command/keys"
	"github.com/redstart-db/redstart/internal/command/list"
	"github.com/redstart-db/redstart/internal/command/set"
	"github.com/redstart-db/redstart/internal/command/sort"
	"github.com/redstart-db/redstart/internal/command/stream"
	stringsfamily "github.com/redstart-db/redstart/internal/command/strings"
	"github.com/redstart-db/redstart/internal/command/zset"
	"github.com/redstart-db/redstart/internal/ds/dict"
	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/ds/qlist"
	szset "github.com/redstart-db/redstart/internal/ds/zset"
	"github.com/redstart-db/redstart/internal/serial"
	"github.com/redstart-db/redstart/internal/snapshot"
	"github.com/redstart-db/redstart/internal/store"
	"github.com/redstart-db/redstart/tests/peer"
)

// text is the value of an entry in a form that does not depend on how it is kept.
func text(e store.Entry) string {
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	sorted := true
	switch e.Type() {
	case store.String:
		return string(e.Bytes(new(store.Scratch)))
	case store.Stream:
		return string(serial.Append(nil, e, false))
	case store.Set:
		for m := range e.Members {
			add("%q", m.AppendTo(nil))
		}
	case store.List:
		sorted = false
		if e.Packed() {
			for v := range elements(e.Pack()) {
				add("%q", v)
			}
			break
		}
		for c := e.Object().(*qlist.List).First(); c.Valid(); c.Next() {
			v := c.Value()
			add("%q", v.AppendTo(nil))
		}
	case store.ZSet:
		if e.Packed() {
			var digits [24]byte
			for c := szset.Packed(e.Pack()).First(); c.Valid(); c.Next() {
				add("%q %v", c.Bytes(&digits), c.Score())
			}
			break
		}
		for c := e.Object().(*szset.ZSet).First(); c.Valid(); c.Next() {
			add("%q %v", c.Member(), c.Score())
		}
	case store.Hash:
		if !e.Packed() {
			e.Object().(*dict.Dict).Each(func(el dict.Elem) { add("%q %q %d", el.Member(), el.Value(), el.Deadline()) })
			break
		}
		p := e.Pack()
		step := 2
		if e.Timed() {
			step = 3
		}
		all := slices.Collect(elements(p))
		for i := 0; i < len(all); i += step {
			at := int64(0)
			if step == 3 {
				at, _ = strconv.ParseInt(all[i+2], 10, 64)
			}
			add("%q %q %d", all[i], all[i+1], at)
		}
	}
	if sorted {
		slices.Sort(parts)
	}
	return strings.Join(parts, ", ")
}

func elements(p []byte) func(func(string) bool) {
	return func(yield func(string) bool) {
		for pos, ok := listpack.First(p); ok; pos, ok = listpack.Next(p, pos) {
			v := listpack.Get(p, pos)
			if !yield(string(v.AppendTo(nil))) {
				return
			}
		}
	}
}

// contents is all that a store has.
func contents(st *store.Store) content {
	all := content{}
	for i := range st.Shards() {
		for db := range st.Databases() {
			st.Shard(i).DB(db).Each(func(e store.Entry) {
				all[name(db, e.Key())] = fmt.Sprintf("%v %d %s", e.Type(), e.Deadline(), text(e))
			})
		}
	}
	return all
}

// words is a random command on a few keys, a template of which every letter stands
// for something: k a key, v a value, m one of many members, n a number, d a database.
var templates = []string{
	"SET k v", "SET k v PX 100000", "SET k n", "SET k v KEEPTTL", "APPEND k v", "SETRANGE k 20 v", "SETRANGE k 3000 v", "INCR k", "GETDEL k", "SETBIT k 999 1",
	"BITOP OR k k k", "BITFIELD k SET u8 #7 9", "MSET k v k v", "MSETNX k v k v", "GETEX k PX 50000", "GETEX k PERSIST",
	"DEL k", "UNLINK k", "EXPIRE k 1000", "PERSIST k", "RENAME k k", "RENAMENX k k", "COPY k k REPLACE", "COPY k k DB d REPLACE", "MOVE k d",
	"SELECT d", "SELECT d", "SWAPDB d d", "FLUSHDB", "FLUSHDB ASYNC", "FLUSHALL ASYNC", "SORT k BY nosort STORE k",
	"HSET k m v m v m v", "HSET k m v m v m v", "HDEL k m m", "HINCRBY k m n", "HPEXPIRE k 100000 FIELDS 2 m m", "HPEXPIRE k 0 FIELDS 1 m",
	"HPERSIST k FIELDS 2 m m", "HGETDEL k FIELDS 1 m", "HSETEX k PX 90000 FIELDS 1 m v",
	"LPUSH k v v v", "RPUSH k v v v m m", "LPOP k 2", "RPOP k 3", "LTRIM k 1 -2", "LTRIM k 5 200", "LSET k 2 v", "LSET k -1 v", "LINSERT k BEFORE m v",
	"LREM k 2 m", "LREM k 0 v", "LREM k -2 v", "LREM k 0 m", "LMOVE k k LEFT RIGHT", "LMOVE k k RIGHT LEFT", "LMPOP 1 k LEFT COUNT 9",
	"SADD k m m m m", "SADD k m m m n", "SREM k m m", "SPOP k", "SPOP k 5", "SMOVE k k m", "SUNIONSTORE k k k", "SINTERSTORE k k k", "SDIFFSTORE k k k",
	"ZADD k n m n m n m", "ZADD k n m n m n m", "ZINCRBY k n m", "ZREM k m m", "ZPOPMIN k 2", "ZREMRANGEBYRANK k 0 3", "ZREMRANGEBYSCORE k 0 n",
	"ZUNIONSTORE k 2 k k", "ZRANGESTORE k k 0 9", "ZMPOP 1 k MAX COUNT 3",
	"XADD k * m v", "XADD k * m v m v", "XADD k MAXLEN 12 * m v", "XADD k n-n m v", "XADD k n-n m v m v", "XDEL k n-n n-n", "XDEL k n-n n-n n-n n-n", "XTRIM k MAXLEN 7", "XTRIM k MAXLEN ~ 3", "XGROUP CREATE k g 0 MKSTREAM",
	"XREADGROUP GROUP g c COUNT 3 STREAMS k >", "XREADGROUP GROUP g b COUNT 1 NOACK STREAMS k >", "XAUTOCLAIM k g b 0 0 COUNT 2", "XGROUP DELCONSUMER k g c",
	"XGROUP DESTROY k g", "XGROUP SETID k g 0", "XSETID k 99999999999999-0",
	"PFADD k m m m", "PFCOUNT k", "PFMERGE k k", "GET k", "LRANGE k 0 -1", "ZRANGE k 0 -1", "HGETALL k", "SMEMBERS k", "XRANGE k - +",
}

func draw(rnd *rand.Rand) string {
	line := pick(rnd, templates...)
	if strings.HasPrefix(line, "FLUSH") && rnd.IntN(60) > 0 {
		line = "SADD k m m m"
	}
	words := strings.Fields(line)
	kind := words[0][:1] // most keys have commands of one type
	for i, w := range words[1:] {
		switch w {
		case "k":
			if rnd.IntN(20) == 0 {
				kind = pick(rnd, "H", "L", "R", "S", "Z", "X")
			}
			w = kind + strconv.Itoa(rnd.IntN(5))
		case "v":
			n := pick(rnd, 1, 8, 30, 200, 3000)
			w = strings.Repeat(pick(rnd, "x", "y", "zz"), n)
		case "m":
			w = "member" + strconv.Itoa(rnd.IntN(121))
		case "n-n":
			w = fmt.Sprintf("%d-%d", 1+rnd.IntN(30), rnd.IntN(3))
		case "n":
			w = strconv.Itoa(rnd.IntN(301))
		case "d":
			w = strconv.Itoa(rnd.IntN(3))
		}
		words[i+1] = w
	}
	return strings.Join(words, " ")
}

// newServer is a server with small limits, so that little makes large collections.
func newServer(t testing.TB) *commandtest.Server {
	s := commandtest.NewStore(t, store.Options{Shards: 2, Databases: 3}, keys.Specs(), stringsfamily.Specs(), bitmap.Specs(),
		hash.Specs(), list.Specs(), set.Specs(), zset.Specs(), stream.Specs(), hyperloglog.Specs(), sort.Specs(), connection.Specs(nil))
	c := s.Config
	c.HashMaxListpackEntries, c.SetMaxListpackEntries, c.ZsetMaxListpackEntries, c.SetMaxIntsetEntries = 4, 4, 4, 4
	c.ListMaxListpackSize = 3
	c.StreamNodeMaxEntries = 4
	return s
}

// What a snapshot gives is what there was when it began, whatever happens while it is
// written.
func TestModel(t *testing.T) {
	seed := peer.Seed(t)
	runs := 200
	if testing.Short() {
		runs = 30
	}
	for i := range runs {
		seed := seed + uint64(i)
		if !t.Run("", func(t *testing.T) { model(t, rand.New(rand.NewPCG(seed, 1))) }) {
			t.Fatalf("REDSTART_SEED=%d (though hashes differ from run to run)", seed)
		}
	}
}

func pick[T any](rnd *rand.Rand, from ...T) T { return from[rnd.IntN(len(from))] }

func model(t *testing.T, rnd *rand.Rand) {
	s := newServer(t)
	run := func(n int) {
		for range n {
			s.Do(draw(rnd))
		}
	}
	aside := func() {
		sh := s.Store.Shard(rnd.IntN(2))
		sh.Lock()
		defer sh.Unlock()
		switch rnd.IntN(4) {
		case 0:
			sh.Reclaim(20)
		case 1:
			var d store.Defrag
			for range 10 {
				d.Step(sh)
			}
		case 2: // much later
			now := s.Clock.NowMilli() + rnd.Int64N(200_000)
			for db := range s.Store.Databases() {
				sh.DB(db).Expire(now, 5)
			}
		case 3:
		}
	}
	run(rnd.IntN(3000))

	st := s.Store
	st.Lock(st.All())
	want := contents(st)
	snap, err := snapshot.BeginSized(st, snapshot.Options{Compress: rnd.IntN(2) == 0}, pick(rnd, 1, 100, 16<<10), 1,
		pick(rnd, 0, 1000, 16<<10), pick(rnd, 1000, 2500, 1<<20), pick(rnd, 1, 700, 1<<20))
	st.Unlock(st.All())
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	t.Log("keys", len(want))
	var out []byte
	abandoned := rnd.IntN(10) == 0
	for done := false; !done; {
		run(rnd.IntN(pick(rnd, 1, 10)))
		aside()
		out, done = snap.Next(out)
		if abandoned && len(out) > 2000 {
			break
		}
	}
	complete := !abandoned || len(out) <= 2000
	snap.Close()
	if complete {
		if snap.Extra() != 0 {
			t.Errorf("%d bytes are extra at the end", snap.Extra())
		}
		same(t, out, want)
	}
	// Nothing is left behind.
	for key := range contents(st) {
		db, key, _ := strings.Cut(key, ":")
		s.Do("SELECT " + db)
		s.Do("UNLINK " + key)
	}
	for i := range st.Shards() {
		sh := st.Shard(i)
		for sh.Reclaim(1000) {
		}
		if live := sh.Arena().Live(); live != 0 {
			t.Fatalf("%d bytes are live in an empty shard", live)
		}
	}
}

// While more than a bound waits of what commands have changed before it was written, that is
// written, wherever it is, and the walk does not go on; and what commands take for it is used again.
func TestFastWriters(t *testing.T) {
	seed := peer.Seed(t)
	rnd := rand.New(rand.NewPCG(seed, 1))
	s := newServer(t)
	const keys = 30_000
	set := func(i int) { s.Do(fmt.Sprintf("SET k%d %s", i, strings.Repeat(pick(rnd, "x", "y"), 400))) }
	for i := range keys {
		set(i)
	}
	st := s.Store
	st.Lock(st.All())
	want := contents(st)
	snap, err := snapshot.Begin(st, snapshot.Options{})
	st.Unlock(st.All())
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	for i := range keys { // more than may wait while the walk goes on, all in one shard
		if st.ShardOf(st.Key(fmt.Appendf(nil, "k%d", i)).H).ID() == 1 {
			set(i)
		}
	}
	var out []byte
	const bound = 1 << 20
	drained := 0
	for snap.Extra() > bound {
		walked, _ := snap.Keys()
		waited := snap.Extra()
		out, _ = snap.Next(out)
		if done, _ := snap.Keys(); snap.Extra() > bound && done != walked || snap.Extra() >= waited {
			t.Fatalf("of %d bytes that wait %d are left, and the walk came from key %d to %d", waited, snap.Extra(), walked, done)
		}
		drained++
	}
	if drained < 10 {
		t.Fatalf("what waited was written in %d steps", drained)
	}
	memory := snap.Memory()
	for done := false; !done; {
		for range 150 {
			set(rnd.IntN(keys))
		}
		out, done = snap.Next(out)
	}
	t.Logf("%d bytes were copied, %d waited at most, in %d of memory", snap.Copied(), snap.Peak(), memory)
	if snap.Memory() > memory {
		t.Errorf("blocks were not used again: %d bytes of memory became %d", memory, snap.Memory())
	}
	same(t, out, want)
}

// same compares what a snapshot gave with what it should be.
func same(t interface{ Fatalf(string, ...any) }, b []byte, want content) {
	st, err := store.New(store.Options{Shards: 4, Databases: 3})
	if err != nil {
		t.Fatalf("%v", err)
	}
	defer st.Close()
	if err := load(st, b, &serial.Limits{HashEntries: 4, HashValue: 64, SetInts: 512, SetEntries: 4, SetValue: 64,
		ZSetEntries: 4, ZSetValue: 64, ListFill: -2}); err != nil {
		t.Fatalf("what was written does not load: %v", err)
	}
	got := contents(st)
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if got[key] != want[key] {
			t.Fatalf("key %s\nis        %.300s\nshould be %.300s", key, got[key], want[key])
		}
		delete(got, key)
	}
	for key, v := range got {
		t.Fatalf("key %s should not be there: %.300s", key, v)
	}
}
