package node

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/redstart-db/redstart/internal/config"
	"github.com/redstart-db/redstart/internal/resp"
	"github.com/redstart-db/redstart/tests/peer"
)

// sharer is one of many that use the same keys of every type at once. Elements
// of collections belong to one sharer each, which knows what must be there;
// others see its elements come and go but leave them alone. Elements of queues
// belong to whoever takes them: each must be taken once.
type sharer struct {
	t     *testing.T
	l     *Local
	id    int
	rnd   *rand.Rand
	hash  map[string]int64
	set   map[string]bool
	zset  map[string]int64
	incrs int64

	pushed, entries int            // numbers given to elements of the queue, and of the stream
	popped          map[string]int // elements taken from the queue
	read            map[string]int // entries of the stream that were delivered
	lastID          string
}

func (s *sharer) do(words ...string) resp.Value {
	s.t.Helper()
	args := make([][]byte, len(words))
	for i, w := range words {
		args[i] = []byte(w)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	v, err := s.l.Do(ctx, args...)
	if err != nil {
		s.t.Errorf("%v: %v", words, err)
	}
	return v
}

// want runs a command whose reply is known.
func (s *sharer) want(want any, words ...string) {
	s.t.Helper()
	v := s.do(words...)
	got := any(v.Int)
	switch {
	case v.IsError():
		got = string(v.Str)
	case v.Null:
		got = nil
	case v.Kind == resp.KindDouble:
		got = int64(v.Float)
	case v.Str != nil:
		got = string(v.Str)
	}
	if got != want {
		s.t.Errorf("sharer %d: %v gave %v, want %v", s.id, words, got, want)
	}
}

func (s *sharer) name() string { return fmt.Sprintf("%d:%d", s.id, s.rnd.IntN(60)) }

func (s *sharer) step() {
	name := s.name()
	n := int64(s.rnd.IntN(1000))
	num := strconv.FormatInt(n, 10)
	switch s.rnd.IntN(22) {
	case 0:
		_, had := s.hash[name]
		s.want(one(!had), "HSET", "hash", name, num)
		s.hash[name] = n
	case 1:
		s.hash[name] += n
		s.want(s.hash[name], "HINCRBY", "hash", name, num)
	case 2:
		_, had := s.hash[name]
		s.want(one(had), "HDEL", "hash", name)
		delete(s.hash, name)
	case 3:
		if v, ok := s.hash[name]; ok {
			s.want(strconv.FormatInt(v, 10), "HGET", "hash", name)
		} else {
			s.want(nil, "HGET", "hash", name)
		}
	case 4:
		s.want(one(!s.set[name]), "SADD", "set", name)
		s.set[name] = true
	case 5:
		s.want(one(s.set[name]), "SREM", "set", name)
		delete(s.set, name)
	case 6:
		s.want(one(s.set[name]), "SISMEMBER", "set", name)
	case 7:
		_, had := s.zset[name]
		s.want(one(!had), "ZADD", "zset", num, name)
		s.zset[name] = n
	case 8:
		s.zset[name] += n
		s.want(s.zset[name], "ZINCRBY", "zset", num, name)
	case 9:
		_, had := s.zset[name]
		s.want(one(had), "ZREM", "zset", name)
		delete(s.zset, name)
	case 10:
		if v, ok := s.zset[name]; ok {
			s.want(v, "ZSCORE", "zset", name)
		} else {
			s.want(nil, "ZSCORE", "zset", name)
		}
	case 11:
		s.incrs++
		s.do("INCR", "string")
	case 12, 13:
		s.push()
	case 14:
		s.pop("LPOP", "queue")
	case 15:
		s.pop("BRPOP", "second", "queue", "0.002")
	case 16:
		s.do("BLMOVE", "queue", "second", "LEFT", "RIGHT", "0.002")
	case 17:
		s.add()
	case 18:
		s.readGroup()
	case 19:
		s.disturb()
	case 20:
		s.do("PFADD", "hll", name)
	case 21:
		s.geo(name)
	}
}

func one(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func (s *sharer) push() {
	words := []string{"RPUSH", "queue"}
	if s.rnd.IntN(2) == 0 {
		words[0] = "LPUSH"
	}
	for range 1 + s.rnd.IntN(3) {
		s.pushed++
		words = append(words, fmt.Sprintf("%d-%d-%s", s.id, s.pushed, strings.Repeat("x", s.rnd.IntN(100))))
	}
	if v := s.do(words...); v.IsError() {
		s.t.Errorf("%v: %s", words, v.Str)
	}
}

func (s *sharer) pop(words ...string) {
	v := s.do(words...)
	if v.Null {
		return
	}
	if len(v.Elems) == 2 {
		v = v.Elems[1]
	}
	s.popped[string(v.Str)]++
}

func (s *sharer) add() {
	s.entries++
	v := s.do("XADD", "stream", "*", "who", fmt.Sprintf("%d-%d", s.id, s.entries))
	id := string(v.Str)
	if !idLess(s.lastID, id) {
		s.t.Errorf("the ID %s comes after %s", id, s.lastID)
	}
	s.lastID = id
}

func idLess(a, b string) bool {
	parse := func(id string) (ms, seq int) {
		fmt.Sscanf(id, "%d-%d", &ms, &seq)
		return ms, seq
	}
	ams, aseq := parse(a)
	bms, bseq := parse(b)
	return ams < bms || ams == bms && aseq < bseq
}

func (s *sharer) readGroup() {
	v := s.do("XREADGROUP", "GROUP", "g", fmt.Sprint("c", s.id), "COUNT", "3", "BLOCK", "2", "STREAMS", "stream", ">")
	if v.Null {
		return
	}
	for _, e := range v.Elems[1].Elems {
		s.read[string(e.Elems[1].Elems[1].Str)]++
		s.want(int64(1), "XACK", "stream", "g", string(e.Elems[0].Str))
	}
}

// geo puts a place where the sharer alone knows it to be.
func (s *sharer) geo(name string) {
	lon := fmt.Sprint(s.rnd.IntN(170))
	s.do("GEOADD", "geo", lon, "40", name)
	v := s.do("GEOPOS", "geo", name)
	if len(v.Elems) != 1 || len(v.Elems[0].Elems) != 2 {
		s.t.Errorf("GEOPOS %s: %v", name, v)
	}
}

// disturb uses what is shared in ways that change nothing of it.
func (s *sharer) disturb() {
	mine := fmt.Sprint("mine", s.id)
	lines := []string{
		"SUNIONSTORE # set set", "ZUNIONSTORE # 1 zset", "COPY hash # REPLACE", "COPY queue # REPLACE", "COPY stream # REPLACE",
		"COPY zset # REPLACE", "COPY set # REPLACE", "RENAME # #x", "DEL # #x", "SORT queue ALPHA LIMIT 0 5 STORE #", "HGETALL hash", "SMEMBERS set",
		"ZRANGE zset 0 -1", "LRANGE queue 0 -1", "XRANGE stream - + COUNT 50", "PFCOUNT hll", "MOVE # 1", "EXPIRE # 0", "PEXPIRE # 1",
		"GEOSEARCH geo FROMLONLAT 0 40 BYRADIUS 9000 km COUNT 5", "OBJECT ENCODING hash", "MEMORY USAGE zset", "DUMP hash", "SSCAN set 0", "HSCAN hash 0",
		"XINFO STREAM stream", "XPENDING stream g", "SMOVE # #x a", "SPOP # 2", "ZPOPMIN # 3", "LMPOP 1 # LEFT COUNT 9", "HRANDFIELD hash 3", "ZRANDMEMBER zset -5",
	}
	s.do(strings.Fields(strings.ReplaceAll(lines[s.rnd.IntN(len(lines))], "#", mine))...)
}

// TestSharedKeys has many goroutines use the same keys of every type at once. Each
// checks its own elements all the time, and at the end all of them are checked
// together: nothing may be lost, or there twice.
func TestSharedKeys(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	length := 3 * time.Second
	if testing.Short() {
		length = time.Second
	}
	cfg := inTemp(t)
	cfg.RedstartShards = 4
	cfg.HashMaxListpackEntries, cfg.ZsetMaxListpackEntries = 300, 200
	n, err := OpenLoops(cfg, nil, 3)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	seed := peer.Seed(t)
	var all []*sharer
	for i := range 8 {
		l, err := n.NewLocal()
		if err != nil {
			t.Fatal(err)
		}
		defer l.Stop()
		all = append(all, &sharer{t: t, l: l, id: i, rnd: rand.New(rand.NewPCG(seed, uint64(i))), hash: map[string]int64{}, set: map[string]bool{},
			zset: map[string]int64{}, popped: map[string]int{}, read: map[string]int{}})
	}
	all[0].want("OK", "XGROUP", "CREATE", "stream", "g", "0", "MKSTREAM")
	end := time.Now().Add(length)
	var wg sync.WaitGroup
	for _, s := range all {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for time.Now().Before(end) && !t.Failed() {
				s.step()
			}
		}()
	}
	wg.Wait()
	if !t.Failed() {
		together(t, all)
	}
}

// together checks what all sharers have left behind.
func together(t *testing.T, all []*sharer) {
	hash, set, zset := map[string]string{}, map[string]string{}, map[string]string{}
	popped, read := map[string]int{}, map[string]int{}
	pushed, entries, incrs := 0, 0, int64(0)
	first := all[0]
	for _, s := range all {
		for k, v := range s.hash {
			hash[k] = strconv.FormatInt(v, 10)
		}
		for k := range s.set {
			set[k] = ""
		}
		for k, v := range s.zset {
			zset[k] = strconv.FormatInt(v, 10)
		}
		for k, n := range s.popped {
			popped[k] += n
		}
		for k, n := range s.read {
			read[k] += n
		}
		pushed, entries, incrs = pushed+s.pushed, entries+s.entries, incrs+s.incrs
	}
	for _, c := range []struct {
		command []string
		step    int
		want    map[string]string
	}{
		{[]string{"HGETALL", "hash"}, 2, hash},
		{[]string{"SMEMBERS", "set"}, 1, set},
		{[]string{"ZRANGE", "zset", "0", "-1", "WITHSCORES"}, 0, zset},
	} {
		got := map[string]string{}
		elems := first.do(c.command...).Elems
		for i := 0; i < len(elems); i += max(c.step, 1) {
			switch c.step {
			case 0:
				got[string(elems[i].Elems[0].Str)] = strconv.FormatInt(int64(elems[i].Elems[1].Float), 10)
			case 1:
				got[string(elems[i].Str)] = ""
			case 2:
				got[string(elems[i].Str)] = string(elems[i+1].Str)
			}
		}
		if len(got) != len(c.want) {
			t.Errorf("%v: %d elements, want %d", c.command, len(got), len(c.want))
		}
		for k, v := range c.want {
			if got[k] != v {
				t.Errorf("%v: %s is %q, want %q", c.command, k, got[k], v)
			}
		}
	}
	first.want(strconv.FormatInt(incrs, 10), "GET", "string")
	for _, key := range []string{"queue", "second"} {
		for _, e := range first.do("LRANGE", key, "0", "-1").Elems {
			popped[string(e.Str)]++
		}
	}
	first.want(int64(entries), "XLEN", "stream")
	for more := true; more; {
		before := len(first.read)
		first.read = map[string]int{}
		first.readGroup()
		for k, n := range first.read {
			read[k] += n
		}
		more = len(first.read) > 0 || before < 0
	}
	once(t, "the queue", popped, pushed)
	once(t, "the stream", read, entries)
}

// once checks that each of so many elements was taken once.
func once(t *testing.T, what string, taken map[string]int, want int) {
	if len(taken) != want {
		t.Errorf("%d elements came out of %s, %d went in", len(taken), what, want)
	}
	for k, n := range taken {
		if n != 1 {
			t.Errorf("%s came out of %s %d times", k, what, n)
		}
	}
}

// inTemp is a configuration that keeps its files, if any, in a folder of the test.
func inTemp(t *testing.T) *config.Config {
	cfg := config.Default()
	cfg.Dir = t.TempDir()
	return cfg
}
