package hash_test

import (
	"bufio"
	"fmt"
	"slices"
	gostrings "strings"
	"testing"
	"time"

	"github.com/redstart-db/redstart/internal/clock"
	"github.com/redstart-db/redstart/internal/command/commandtest"
	"github.com/redstart-db/redstart/internal/command/hash"
	"github.com/redstart-db/redstart/internal/command/keys"
	"github.com/redstart-db/redstart/internal/command/strings"
	"github.com/redstart-db/redstart/internal/resp"
	"github.com/redstart-db/redstart/internal/store"
)

// TestSpecs compares the table with what COMMAND INFO documents.
func TestSpecs(t *testing.T) { commandtest.CheckSpecs(t, hash.Specs(), "hash") }

// began is the time at which tests begin, in Unix milliseconds.
const began = 1_700_000_000_000

// server is one whose time stands still until it is moved.
type server struct {
	*commandtest.Server
	tb   testing.TB
	fake *clock.Clock
}

func newServer(tb testing.TB) *server { return newServerOf(tb, 64<<20) }

// newServerOf is newServer with so many bytes for each shard.
func newServerOf(tb testing.TB, reserve uint64) *server {
	s := &server{commandtest.NewStore(tb, store.Options{Shards: 2, Reserve: reserve}, hash.Specs(), keys.Specs(), strings.Specs()), tb, clock.NewFake(began)}
	s.Clock = s.fake
	s.Store.SetHooks(s.Exec)
	return s
}

// pass lets time pass.
func (s *server) pass(ms int64) { s.fake.Advance(time.Duration(ms) * time.Millisecond) }

// expire does what the server's background does.
func (s *server) expire() (keys int) {
	for i := range s.Store.Shards() {
		for more := true; more; {
			var n int
			n, more = s.Store.Shard(i).DB(0).Expire(s.fake.NowMilli(), 10)
			keys += n
		}
	}
	return keys
}

// do runs a command and shows its reply.
func (s *server) do(line string) string {
	s.tb.Helper()
	return show(s.tb, s.Do(line))
}

func show(tb testing.TB, reply string) string {
	tb.Helper()
	v, err := resp.ReadValue(bufio.NewReader(gostrings.NewReader(reply)), 8, 1<<20)
	if err != nil {
		tb.Fatal(err)
	}
	return text(v)
}

// text shows aggregates in brackets, maps in braces, and absent values as "-".
func text(v resp.Value) string {
	switch v.Kind {
	case resp.KindInt:
		return fmt.Sprint(v.Int)
	case resp.KindArray, resp.KindMap:
		if v.Null {
			return "-"
		}
		words := make([]string, len(v.Elems))
		for i := range v.Elems {
			words[i] = text(v.Elems[i])
		}
		if v.Kind == resp.KindMap {
			return "{" + gostrings.Join(words, " ") + "}"
		}
		return "[" + gostrings.Join(words, " ") + "]"
	}
	if v.Null || v.Kind == resp.KindNull {
		return "-"
	}
	return string(v.Str)
}

// TestEffects compares what commands propagate and publish with what
// redis-server 7.0.15 sends to replicas and subscribers for the same list.
func TestEffects(t *testing.T) {
	s := newServer(t)
	s.Record()
	s.check([]row{
		{"HSET h a 1 b 2", "2", "HSET h a 1 b 2", "new h; hset h"},
		{"HSET h a 1", "0", "HSET h a 1", "hset h"},
		{"HMSET h a 1 c 3", "OK", "HMSET h a 1 c 3", "hset h"},
		{"HSETNX h a 1", "0", "", ""},
		{"HSETNX h d 4", "1", "HSETNX h d 4", "hset h"},
		{"HSETNX i d 4", "1", "HSETNX i d 4", "new i; hset i"},
		{"HINCRBY h a 2", "3", "HINCRBY h a 2", "hincrby h"},
		{"HINCRBY j a 2", "2", "HINCRBY j a 2", "new j; hincrby j"},
		{"HINCRBY h a x", "ERR value is not an integer or out of range", "", ""},
		{"HINCRBYFLOAT h a 0.5", "3.5", "HSET h a 3.5", "hincrbyfloat h"},
		{"HINCRBYFLOAT k a 0.5", "0.5", "HSET k a 0.5", "new k; hincrbyfloat k"},
		{"HINCRBY h a 1", "ERR hash value is not an integer", "", ""},
		{"HDEL h a x", "1", "HDEL h a x", "hdel h"},
		{"HDEL h x", "0", "", ""},
		{"HDEL n x", "0", "", ""},
		{"HDEL h b c d", "3", "HDEL h b c d", "hdel h; del h"},
		{"HGET h a", "-", "", "keymiss h"},
		{"HRANDFIELD h", "-", "", "keymiss h"},
		{"HSCAN h 0", "[0 []]", "", "keymiss h"},
		{"HSET h a 1 b", "ERR wrong number of arguments for 'hset' command", "", ""},
	})
}

type row struct{ line, reply, effects, events string }

func (s *server) check(rows []row) {
	s.tb.Helper()
	for _, r := range rows {
		reply := s.do(r.line)
		effects, events := s.Recorded()
		if reply != r.reply || effects != r.effects || events != r.events {
			s.tb.Errorf("%s: %s, effects %q, events %q\nwant %s, %q, %q", r.line, reply, effects, events, r.reply, r.effects, r.events)
		}
	}
}

// forms runs a test with hashes that are packed, and with tables.
func forms(t *testing.T, test func(t *testing.T, s *server)) {
	for _, form := range []struct {
		name    string
		entries int64
	}{{"packed", 512}, {"table", 0}} {
		t.Run(form.name, func(t *testing.T) {
			s := newServer(t)
			s.Config.HashMaxListpackEntries = form.entries
			s.Record()
			test(t, s)
		})
	}
}

func TestFieldDeadlines(t *testing.T) {
	forms(t, func(t *testing.T, s *server) {
		s.check([]row{
			{"HSET h a 1 b two c 3 d 4", "4", "HSET h a 1 b two c 3 d 4", "new h; hset h"},
			{"HTTL h FIELDS 2 a x", "[-1 -2]", "", ""},
			{"HTTL n FIELDS 2 a x", "[-2 -2]", "", "keymiss n"},
			{"HPERSIST h FIELDS 2 a x", "[-1 -2]", "", ""},
			{"HPERSIST n FIELDS 1 a", "[-2]", "", ""},
			{"HEXPIRE n 10 FIELDS 2 a b", "[-2 -2]", "", ""},
			{"HEXPIRE h 10 XX FIELDS 1 a", "[0]", "", ""},
			{"HEXPIRE h 10 GT FIELDS 1 a", "[0]", "", ""},
			{"OBJECT ENCODING n", "-", "", ""},
			{"HEXPIRE h 10 FIELDS 3 a x b", "[1 -2 1]", "HPEXPIREAT h 1700000010000 FIELDS 2 a b", "hexpire h"},
			{"HPEXPIRE h 9001 NX FIELDS 2 a c", "[0 1]", "HPEXPIREAT h 1700000009001 NX FIELDS 1 c", "hexpire h"},
			{"HPEXPIRE h 20001 LT FIELDS 2 b d", "[0 1]", "HPEXPIREAT h 1700000020001 LT FIELDS 1 d", "hexpire h"},
			{"HEXPIREAT h 1700000030 gt FIELDS 2 d x", "[1 -2]", "HPEXPIREAT h 1700000030000 gt FIELDS 1 d", "hexpire h"},
			{"HPEXPIREAT h 1700000025000 GT FIELDS 2 d c", "[0 1]", "HPEXPIREAT h 1700000025000 GT FIELDS 1 c", "hexpire h"},
			{"HPEXPIREAT h 1700000025500 XX FIELDS 1 c", "[1]", "HPEXPIREAT h 1700000025500 XX FIELDS 1 c", "hexpire h"},
			{"HTTL h FIELDS 4 a b c d", "[10 10 26 30]", "", ""},
			{"HPTTL h FIELDS 4 a b c d", "[10000 10000 25500 30000]", "", ""},
			{"HEXPIRETIME h FIELDS 2 c d", "[1700000026 1700000030]", "", ""},
			{"HPEXPIRETIME h FIELDS 2 c d", "[1700000025500 1700000030000]", "", ""},
			{"HGET h b", "two", "", ""},
			{"HMGET h d c b a x", "[4 3 two 1 -]", "", ""},
			{"HPERSIST h FIELDS 2 c x", "[1 -2]", "HPERSIST h FIELDS 1 c", "hpersist h"},
			// A new value has no deadline, a changed one keeps its own.
			{"HSET h b 2", "0", "HSET h b 2", "hset h"},
			{"HINCRBY h a 5", "6", "HINCRBY h a 5", "hincrby h"},
			{"HINCRBYFLOAT h d 0.5", "4.5", "HSET h d 4.5; HPEXPIREAT h 1700000030000 FIELDS 1 d", "hincrbyfloat h"},
			{"HPTTL h FIELDS 4 a b c d", "[10000 -1 -1 30000]", "", ""},
			{"TTL h", "-1", "", ""},
			{"PEXPIRE h 40000", "1", "PEXPIREAT h 1700000040000", "expire h"},
			{"PTTL h", "40000", "", ""},
			{"HPTTL h FIELDS 1 a", "[10000]", "", ""},
			{"PERSIST h", "1", "PERSIST h", "persist h"},
			{"HLEN h", "4", "", ""},
		})
		if s.Store.Volatile(0) != 0 {
			t.Error("a hash of which fields have deadlines counts as a key with one")
		}
		s.pass(10000)
		s.check([]row{
			{"HLEN h", "3", "HDEL h a", "hexpired h"},
			{"HGET h a", "-", "", ""},
			{"HTTL h FIELDS 1 a", "[-2]", "", ""},
			{"HDEL h d", "1", "HDEL h d", "hdel h"},
			{"HEXPIRE h 0 FIELDS 2 b x", "[2 -2]", "HDEL h b", "hdel h"},
			{"HPEXPIREAT h 1 FIELDS 1 c", "[2]", "HDEL h c", "hdel h; del h"},
			{"EXISTS h", "0", "", "keymiss h"},
		})
	})
}

func TestFieldDeadlineErrors(t *testing.T) {
	s := newServer(t)
	s.Do("HSET h a 1")
	s.Do("SET s x")
	const (
		wrongType = "WRONGTYPE Operation against a key holding the wrong kind of value"
		arity     = "ERR wrong number of arguments for '%s' command"
		notInt    = "ERR value is not an integer or out of range"
		missing   = "ERR Mandatory argument FIELDS is missing or not at the right position"
		number    = "ERR The `numfields` parameter must match the number of arguments"
		positive  = "ERR Parameter `numFields` should be greater than 0"
		positive2 = "ERR Number of fields must be a positive integer"
	)
	for _, c := range []struct{ line, want string }{
		{"HEXPIRE h 1 FIELDS 1", fmt.Sprintf(arity, "hexpire")},
		{"HEXPIRE s 1 FIELDS 1 a", wrongType},
		{"HEXPIRE s x FIELDS 1 a", wrongType},
		{"HEXPIRE h x FIELDS 1 a", notInt},
		{"HEXPIRE h -1 FIELDS 1 a", "ERR invalid expire time, must be >= 0"},
		{"HEXPIRE h 9223372036854775807 FIELDS 1 a", "ERR invalid expire time in 'hexpire' command"},
		{"HPEXPIREAT h 70368744177664 FIELDS 1 a", "ERR invalid expire time in 'hpexpireat' command"},
		{"HPEXPIRE h 70368744177663 FIELDS 1 a", "ERR invalid expire time in 'hpexpire' command"},
		{"HEXPIRE h 1 FIELD 1 a", missing},
		{"HEXPIRE h 1 NX 1 a b", missing},
		{"HEXPIRE h 1 NX XX FIELDS 1 a", missing},
		{"HEXPIRE h 1 FIELDS 0 a", positive},
		{"HEXPIRE h 1 FIELDS -1 a", positive},
		{"HEXPIRE h 1 FIELDS x a", positive},
		{"HEXPIRE h 1 FIELDS 2 a", number},
		{"HEXPIRE h 1 FIELDS 1 a b", number},
		{"HEXPIRE h 1 FIELDS 9223372036854775807 a", number},
		{"HEXPIRE h 1 NX FIELDS 2 a", number},
		{"HTTL h FIELDS 1", fmt.Sprintf(arity, "httl")},
		{"HTTL s FIELDS 1 a", wrongType},
		{"HTTL s FIELDS x a", wrongType},
		{"HTTL h FIELDZ 1 a", missing},
		{"HTTL h FIELDS 0 a", positive2},
		{"HPTTL h FIELDS 2 a", number},
		{"HEXPIRETIME h FIELDS 2 a b c", number},
		{"HPERSIST s FIELDS 1 a", wrongType},
		{"HPERSIST h FIELDS x a", positive2},
		{"HPERSIST h x 1 a", missing},
		{"HPEXPIREAT h 70368744177663 FIELDS 1 a", "[1]"},
		{"HPEXPIRETIME h FIELDS 1 a", "[70368744177663]"},
		{"HEXPIRETIME h FIELDS 1 a", "[70368744178]"},
	} {
		if got := s.do(c.line); got != c.want {
			t.Errorf("%s: %s, want %s", c.line, got, c.want)
		}
	}
}

func TestGetSet(t *testing.T) {
	forms(t, func(t *testing.T, s *server) {
		s.check([]row{
			{"HSETEX h EX 10 FIELDS 2 a 1 b 2", "1", "HSET h a 1 b 2; HPEXPIREAT h 1700000010000 FIELDS 2 a b", "new h; hset h; hexpire h"},
			{"HPTTL h FIELDS 2 a b", "[10000 10000]", "", ""},
			{"HSETEX h FNX FIELDS 2 a 1 c 2", "0", "", ""},
			{"HSETEX h FXX FIELDS 2 a 1 c 2", "0", "", ""},
			{"HSETEX h FXX KEEPTTL FIELDS 1 a 9", "1", "HSETEX h FXX KEEPTTL FIELDS 1 a 9", "hset h"},
			{"HSETEX h KEEPTTL FIELDS 2 a 10 c 3", "1", "HSETEX h KEEPTTL FIELDS 2 a 10 c 3", "hset h"},
			{"HPTTL h FIELDS 3 a b c", "[10000 10000 -1]", "", ""},
			{"HSETEX h FIELDS 2 a 11 d 4", "1", "HSETEX h FIELDS 2 a 11 d 4", "hset h"},
			{"HPTTL h FIELDS 2 a d", "[-1 -1]", "", ""},
			{"HSETEX n KEEPTTL FNX FIELDS 2 a 10 c 3", "1", "HSETEX n KEEPTTL FNX FIELDS 2 a 10 c 3", "new n; hset n"},
			{"HSETEX h PXAT 1 FIELDS 3 a 1 d 5 e 6", "1", "HDEL h a; HDEL h d", "hdel h"},
			{"HSETEX m EXAT 1 FIELDS 1 a 1", "1", "", ""},
			{"HGETEX h FIELDS 3 a b c", "[- 2 3]", "", ""},
			{"HGETEX h PX 500 FIELDS 3 a b c", "[- 2 3]", "HPEXPIREAT h 1700000000500 FIELDS 2 b c", "hexpire h"},
			{"HGETEX h PERSIST FIELDS 2 b x", "[2 -]", "HPERSIST h FIELDS 1 b", "hpersist h"},
			{"HGETEX h PERSIST FIELDS 2 b x", "[2 -]", "", ""},
			{"HPTTL h FIELDS 2 b c", "[-1 500]", "", ""},
			{"HGETEX h EXAT 5 FIELDS 2 b c", "[2 3]", "HDEL h b; HDEL h c", "hdel h; del h"},
			{"HGETEX h EX 5 FIELDS 2 b c", "[- -]", "", ""},
			{"HGETDEL h FIELDS 2 b c", "[- -]", "", ""},
			{"HGETDEL n FIELDS 3 a b a", "[10 - -]", "HDEL n a", "hdel n"},
			{"HGETDEL n FIELDS 1 c", "[3]", "HDEL n c", "hdel n; del n"},
			{"HSETEX n EX 1 PX 1 FIELDS 1 a 1", "ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified", "", ""},
			{"HSETEX n KEEPTTL PX 1 FIELDS 1 a 1", "ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified", "", ""},
			{"HSETEX n FNX FXX FIELDS 1 a 1", "ERR Only one of FXX or FNX arguments can be specified", "", ""},
			{"HSETEX n FXX FXX FIELDS 1 a 1", "ERR Only one of FXX or FNX arguments can be specified", "", ""},
			{"HSETEX n KEEPTTL KEEPTTL FIELDS 1 a 1", "ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified", "", ""},
			{"HSETEX n foo FIELDS 1 a 1", "ERR unknown argument: foo", "", ""},
			{"HSETEX n FIELDS 2 a 1", "ERR wrong number of arguments for 'hsetex' command", "", ""},
			{"HSETEX n EX 1 FIELDS 0 a", "ERR Number of fields must be a positive integer", "", ""},
			{"HGETEX n EX FIELDS 1 a", "ERR value is not an integer or out of range", "", ""},
			{"HGETDEL n FOO 1 a", "ERR Mandatory argument FIELDS is missing or not at the right position", "", ""},
		})
	})
}

// TestFieldExpiry lets fields expire on access and in the background, beside the
// deadline of the key.
func TestFieldExpiry(t *testing.T) {
	forms(t, func(t *testing.T, s *server) {
		s.do("HSET h a 1 b 2 c 3 7 4")
		s.do("HPEXPIRE h 100 FIELDS 2 a 7")
		s.do("HPEXPIRE h 200 FIELDS 1 b")
		s.do("PEXPIRE h 300")
		s.do("COPY h copy")
		s.do("RENAME h moved")
		s.Recorded()
		s.pass(100)
		if n := s.expire(); n != 0 {
			t.Errorf("%d keys have expired", n)
		}
		s.pass(4) // the wheel's tick
		s.expire()
		effects, events := s.Recorded()
		for _, want := range []string{"HDEL moved a; HDEL moved 7", "HDEL copy a; HDEL copy 7"} {
			if !gostrings.Contains(effects, want) {
				t.Errorf("effects: %q, want %q among them", effects, want)
			}
		}
		if !gostrings.Contains(events, "hexpired moved") {
			t.Errorf("events: %q", events)
		}
		if got := s.do("HGETALL moved"); got != "[b 2 c 3]" && got != "[c 3 b 2]" {
			t.Error(got)
		}
		s.do("PERSIST copy")
		s.pass(200)
		if n := s.expire(); n != 1 {
			t.Errorf("%d keys have expired, want the one with a deadline", n)
		}
		if got := s.do("EXISTS moved copy"); got != "1" {
			t.Error(got)
		}
		if got := s.do("HGETALL copy"); got != "[c 3]" {
			t.Error(got)
		}
	})
}

// TestOrdinaryAgain takes the last deadline away in all ways there are.
func TestOrdinaryAgain(t *testing.T) {
	for _, line := range []string{"HPERSIST h FIELDS 1 a", "HSET h a 2", "HDEL h a", "HGET h b"} {
		for _, own := range []string{"-1", "5000"} {
			s := newServer(t)
			s.do("HSET h a 1 b 2")
			if own != "-1" {
				s.do("PEXPIRE h " + own)
			}
			s.do("HPEXPIRE h 100 FIELDS 1 a")
			if got := s.do("OBJECT ENCODING h"); got != "listpackex" {
				t.Error(got)
			}
			if line == "HGET h b" { // a will have expired
				s.pass(100)
				own = gostrings.Replace(own, "5000", "4900", 1)
			}
			s.do(line)
			if got := s.do("OBJECT ENCODING h"); got != "listpack" {
				t.Errorf("%s: %s", line, got)
			}
			if got := s.do("PTTL h"); got != own {
				t.Errorf("%s: the key has %s ms left, want %s", line, got, own)
			}
			if got := s.do("HGET h b"); got != "2" {
				t.Errorf("%s: %s", line, got)
			}
		}
	}
}

// TestManyExpired has more fields expire at once than are removed at once: the
// others are not seen, and taken for missing when they are changed.
func TestManyExpired(t *testing.T) {
	const n = 300
	forms(t, func(t *testing.T, s *server) {
		set, expire := "HSET h stays 1", fmt.Sprintf("HPEXPIRE h 10 FIELDS %d", n)
		for i := range n {
			set += fmt.Sprintf(" f%d %d", i, i)
			expire += fmt.Sprintf(" f%d", i)
		}
		s.do(set)
		s.do(expire)
		for _, copied := range []string{"len", "set", "nx", "incr", "float", "del", "ttl", "expire", "persist"} {
			s.do("COPY h " + copied)
		}
		s.pass(10)
		last := fmt.Sprintf("f%d", n-1)
		for _, c := range []struct{ line, want string }{
			{"HLEN len", "1"}, {"HGETALL len", "[stays 1]"}, {"HKEYS len", "[stays]"}, {"HVALS len", "[1]"},
			{"HRANDFIELD h", "stays"}, {"HRANDFIELD h 5 WITHVALUES", "[stays 1]"}, {"HRANDFIELD h -2", "[stays stays]"},
			{"HGET h " + last, "-"}, {"HEXISTS h " + last, "0"},
			{"HSET set " + last + " new", "1"}, {"HLEN set", "2"},
			{"HSETNX nx " + last + " new", "1"}, {"HINCRBY incr " + last + " 5", "5"}, {"HINCRBYFLOAT float " + last + " 5", "5"},
			{"HDEL del " + last, "0"}, {"HTTL ttl FIELDS 1 " + last, "[-2]"}, {"HEXPIRE expire 10 FIELDS 1 " + last, "[-2]"},
			{"HPERSIST persist FIELDS 1 " + last, "[-2]"},
		} {
			if got := s.do(c.line); got != c.want {
				t.Errorf("%s: %s, want %s", c.line, got, c.want)
			}
		}
		s.do("COPY h scanned")
		var seen []string
		for cursor := "0"; ; {
			reply := gostrings.Fields(s.do("HSCAN scanned " + cursor + " NOVALUES"))
			cursor = gostrings.Trim(reply[0], "[]")
			for _, f := range reply[1:] {
				if f = gostrings.Trim(f, "[]"); f != "" {
					seen = append(seen, f)
				}
			}
			if cursor == "0" {
				break
			}
		}
		if !slices.Equal(seen, []string{"stays"}) {
			t.Errorf("HSCAN shows %q", seen)
		}
	})
}

// TestReplica does not remove what has expired, and does not show it.
func TestReplica(t *testing.T) {
	forms(t, func(t *testing.T, s *server) {
		s.do("HSET h a 1 b 2 c 3")
		s.do("HPEXPIRE h 10 FIELDS 2 a b")
		s.Store.NoExpire = true
		s.pass(20)
		s.expire()
		s.Recorded()
		s.check([]row{
			{"HLEN h", "1", "", ""},
			{"HGETALL h", "[c 3]", "", ""},
			{"HRANDFIELD h", "c", "", ""},
			{"HPEXPIREAT h 1 FIELDS 1 c", "[1]", "HPEXPIREAT h 1 FIELDS 1 c", "hexpire h"},
			{"HRANDFIELD h", "-", "", ""},
			{"HRANDFIELD h -3", "[]", "", ""},
			{"HLEN h", "0", "", ""},
			{"EXISTS h", "1", "", ""},
			{"HDEL h a b c", "3", "HDEL h a b c", "hdel h; del h"},
		})
	})
}

// TestKeptFields has lookups leave expired fields, as with DEBUG SET-ACTIVE-EXPIRE 0:
// what commands reply then is what Redis 7.4 replies, which counts such fields until
// somebody asks for them by name.
func TestKeptFields(t *testing.T) {
	forms(t, func(t *testing.T, s *server) {
		s.Store.KeepFields = true
		for _, key := range []string{"h", "some", "all"} {
			s.do("HSET " + key + " a 1 b 2 c 3 d 4 e 5 f 6 g 7 i 8 j 9 k 10 stays 0")
		}
		for _, key := range []string{"h", "some", "all"} {
			s.do("HPEXPIRE " + key + " 10 FIELDS 10 a b c d e f g i j k")
		}
		s.do("HSET one a 1")
		s.do("HPEXPIRE one 10 FIELDS 1 a")
		s.pass(20)
		s.Recorded()
		s.check([]row{
			{"HLEN h", "11", "", ""},
			{"HGETALL h", "[stays 0]", "", ""},
			{"HKEYS h", "[stays]", "", ""},
			{"HVALS h", "[0]", "", ""},
			{"HSCAN h 0 COUNT 100", "[0 [stays 0]]", "", ""},
			{"HTTL h FIELDS 1 k", "[-2]", "", ""},
			{"HLEN h", "11", "", ""},
			{"HGET h a", "-", "HDEL h a", "hexpired h"},
			{"HGET h a", "-", "", ""},
			{"HEXISTS h b", "0", "HDEL h b", "hexpired h"},
			{"HSTRLEN h c", "0", "HDEL h c", "hexpired h"},
			{"HMGET h d stays e", "[- 0 -]", "HDEL h d; HDEL h e", "hexpired h"},
			{"HLEN h", "6", "", ""},
			{"HINCRBY h f 2", "2", "HDEL h f; HINCRBY h f 2", "hexpired h; hincrby h"},
			{"HSETNX h g x", "1", "HDEL h g; HSETNX h g x", "hexpired h; hset h"},
			{"HPERSIST h FIELDS 1 i", "[-2]", "HDEL h i", "hexpired h"},
			{"HDEL h j", "1", "HDEL h j", "hdel h"},
			{"HLEN h", "4", "", ""},
			{"EXISTS one", "1", "", ""},
			{"RENAME one two", "OK", "RENAME one two", "new two; rename_from one; rename_to two"},
			{"HGET two a", "-", "HDEL two a", "hexpired two; del two"},
			{"EXISTS two", "0", "", "keymiss two"},
			{"HDEL all stays", "1", "HDEL all stays", "hdel all"},
			{"HLEN all", "10", "", ""},
			{"HGETALL all", "[]", "", ""},
		})
		if got := s.do("HRANDFIELD all 5"); got != "[]" {
			t.Errorf("HRANDFIELD: %s", got)
		}
		if got := s.do("HRANDFIELD some"); got != "stays" {
			t.Errorf("HRANDFIELD: %s", got)
		}
		s.Recorded()
		s.check([]row{
			{"EXISTS all", "0", "", "keymiss all"},
			{"HLEN some", "1", "", ""},
		})
		s.Store.KeepFields = false
		s.expire()
		if got := s.do("HLEN h"); got != "3" {
			t.Errorf("%s fields are left", got)
		}
	})
}

func BenchmarkHSet(b *testing.B) {
	commandtest.BenchmarkPipeline(b, commandtest.New(b, hash.Specs()), "HSET user:# name value:#", 100_000)
}

func BenchmarkHSetBig(b *testing.B) {
	commandtest.BenchmarkPipeline(b, commandtest.New(b, hash.Specs()), "HSET myhash element:# xyz", 100_000)
}

func BenchmarkHGet(b *testing.B) {
	s := commandtest.New(b, hash.Specs())
	for i := range 100_000 {
		s.Do(fmt.Sprintf("HSET user:%012d a 1 b 2 c 3 name x", i))
	}
	commandtest.BenchmarkPipeline(b, s, "HGET user:# name", 100_000)
}

func BenchmarkHExpire(b *testing.B) {
	s := commandtest.New(b, hash.Specs())
	for i := range 100_000 {
		s.Do(fmt.Sprintf("HSET user:%012d a 1 b 2 c 3 name x", i))
	}
	commandtest.BenchmarkPipeline(b, s, "HEXPIRE user:# 1000 FIELDS 1 name", 100_000)
}

func BenchmarkHGetAll(b *testing.B) {
	s := commandtest.New(b, hash.Specs())
	for i := range 10_000 {
		line := fmt.Sprintf("HSET user:%012d", i)
		for j := range 20 {
			line += fmt.Sprintf(" field:%02d value:%08d", j, i+j)
		}
		s.Do(line)
	}
	commandtest.BenchmarkPipeline(b, s, "HGETALL user:#", 10_000)
}
