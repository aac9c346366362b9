package hostile

import (
	"bytes"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/redstart-db/redstart/internal/rdb"
	"github.com/redstart-db/redstart/tests/peer"
)

const (
	badFormat = "-ERR Bad data format"
	badSum    = "-ERR DUMP payload version or checksum are wrong"
)

// makers are commands that make the key k a value, one for each form.
var makers = []string{
	"SET k 1234567", "SET k some_text_that_is_no_number", "RPUSH k a 1 bb 22 ccc 333", "SADD k 1 2 300 70000", "SADD k a 1 bb",
	"HSET k a 1 bb 22 ccc 333", "ZADD k 1 a 1.5 bb -inf ccc 3 d", "HSET k a x 1 y HPEXPIREAT k 9999999999999 FIELDS 1 a",
	"XADD k 1-1 f v XADD k 1-2 f w XADD k 2-1 g 1 h 2 XDEL k 1-2 XGROUP CREATE k group 0 " +
		"XREADGROUP GROUP group alice COUNT 1 STREAMS k > XREADGROUP GROUP group bob COUNT 1 STREAMS k >",
}

// makeValue runs commands that are written one behind the other.
func makeValue(t *testing.T, c *peer.Conn, text string) {
	c.Must(t, "DEL", "k")
	verbs := "|SET|RPUSH|SADD|HSET|ZADD|HPEXPIREAT|XADD|XDEL|XGROUP|XREADGROUP|"
	var args []string
	for _, word := range strings.Fields(text) {
		if len(args) > 0 && strings.Contains(verbs, "|"+word+"|") {
			c.Must(t, args...)
			args = nil
		}
		args = append(args, word)
	}
	c.Must(t, args...)
}

// oldValues are values in forms that only old versions write, with their types.
var oldValues = []string{
	"\x01\x02\x01a\xc0\x05", "\x02\x02\x01a\xc0\x05", "\x03\x02\x01a\x031.5\x01b\xfe", "\x04\x02\x01a\x01b\xc0\x05\xc0\x06",
	"\x05\x01\x01a\x00\x00\x00\x00\x00\x00\xf8\x3f", "\x09\x0f\x02\x01f\x03\x01val_\x02ff\x00\x00\xff",
	"\x0a\x13\x13\x00\x00\x00\x0f\x00\x00\x00\x03\x00\x00\x01b\x03\xfd\x02\xfe\x0d\xff",
	"\x0b\x0c\x02\x00\x00\x00\x02\x00\x00\x00\x01\x00\x02\x00", "\x0c\x10\x10\x00\x00\x00\x0d\x00\x00\x00\x02\x00\x00\x01b\x03\xf2\xff",
	"\x0d\x10\x10\x00\x00\x00\x0d\x00\x00\x00\x02\x00\x00\x01b\x03\xf2\xff",
	"\x0e\x01\x10\x10\x00\x00\x00\x0d\x00\x00\x00\x02\x00\x00\x01b\x03\xf2\xff",
	"\x12\x02\x01\x01p\x02\x0d\x0d\x00\x00\x00\x02\x00\x8212\x03\x0c\x01\xff", "\x14\x0b\x0b\x00\x00\x00\x02\x00\x01\x01\x02\x01\xff",
	"\x16\x02\x07\x01a\x01b\x00\x01c\x01d", "\x18\x07\x00\x00\x00\x00\x00\x00\x00\x01\x01\x01a\x01b",
}

// use reads and changes what is in k in every way that looks at its form.
var use = []string{
	"TYPE k", "OBJECT ENCODING k", "DUMP k", "MEMORY USAGE k", "DEBUG DIGEST-VALUE k", "COPY k other REPLACE", "GET k", "APPEND k x",
	"LRANGE k 0 -1", "LPOS k a", "LINSERT k BEFORE a b", "LPUSH k x", "LSET k 0 y", "RPOP k 2", "LTRIM k 1 -1",
	"SMEMBERS k", "SISMEMBER k a", "SRANDMEMBER k -3", "SADD k new", "SREM k a", "SPOP k",
	"HGETALL k", "HGET k a", "HRANDFIELD k -3", "HINCRBY k n 1", "HDEL k a", "HSCAN k 0",
	"ZRANGE k 0 -1 WITHSCORES", "ZRANGE k -inf +inf BYSCORE", "ZRANK k a", "ZADD k 3 new", "ZPOPMIN k", "ZREM k a",
	"XRANGE k - +", "XREVRANGE k + -", "XINFO STREAM k FULL", "XPENDING k group - + 10", "XACK k group 1-1", "XADD k * f v",
	"XREADGROUP GROUP group bob STREAMS k 0", "XAUTOCLAIM k group carl 0 0", "XTRIM k MAXLEN 1", "XGROUP DELCONSUMER k group alice",
	"SORT k BY nosort GET #", "DEL k other",
}

// TestDamagedPayloads gives RESTORE values with a byte changed. With the checksum
// as it was, none is taken; with the checksum mended, or not asked for, what is
// taken is used in every way.
func TestDamagedPayloads(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	s := start(t, "--enable-debug-command", "yes")
	c := s.Dial(t)
	var payloads [][]byte
	for _, m := range makers {
		makeValue(t, c, m)
		payloads = append(payloads, c.Must(t, "DUMP", "k").Str)
	}
	for _, v := range oldValues {
		payloads = append(payloads, rdb.AppendDumpFooter([]byte(v), 0))
	}
	taken, refused := 0, 0
	for _, good := range payloads {
		if r, err := c.Do("RESTORE", "k", "0", string(good), "REPLACE"); err != nil || r.IsError() {
			t.Fatalf("%q: %v %v", good, err, r)
		}
		for at := range good {
			bad := bytes.Clone(good)
			bad[at] ^= byte(1 + rnd.IntN(255))
			r, err := c.Do("RESTORE", "k", "0", string(bad), "REPLACE")
			if err != nil || r.String() != badSum {
				t.Fatalf("byte %d of %q: %v %v", at, good, err, r)
			}
			if at >= len(good)-rdb.DumpFooterLen {
				continue
			}
			end := len(bad) - rdb.DumpFooterLen
			for _, skip := range []string{"1", "0"} {
				c.Must(t, "DEBUG", "SET-SKIP-CHECKSUM-VALIDATION", skip)
				payload := bad
				if skip == "0" {
					payload = rdb.AppendDumpFooter(bad[:end:end], 0)
				}
				r, err := c.Do("RESTORE", "k", "0", string(payload), "REPLACE")
				switch {
				case err != nil:
					t.Fatalf("byte %d of %q: %v\n%s", at, good, err, s.Log())
				case r.String() == badFormat:
					refused++
				case r.IsError():
					t.Fatalf("byte %d of %q: %v", at, good, r)
				default:
					taken++
					s.useAll(c, payload)
				}
			}
		}
	}
	if taken < 100 || refused < 100 {
		t.Errorf("%d were taken and %d refused", taken, refused)
	}
	if r := c.Must(t, "DBSIZE"); r.Int != 0 {
		t.Errorf("%d keys are left", r.Int)
	}
}

// useAll sends all that use says; only the connection has to go on.
func (s *target) useAll(c *peer.Conn, payload []byte) {
	for _, line := range use {
		if err := c.Send(strings.Fields(line)...); err != nil {
			s.t.Fatalf("%q: %v\n%s", payload, err, s.Log())
		}
	}
	for _, line := range use {
		if _, err := c.Read(); err != nil {
			s.t.Fatalf("%q, %s: %v\n%s", payload, line, err, s.Log())
		}
	}
}

// TestPayloadLengths gives RESTORE lengths and counts near the limits of numbers,
// in front of a few bytes.
func TestPayloadLengths(t *testing.T) {
	s := start(t)
	c := s.Dial(t)
	for typ := rdb.TypeString; typ <= rdb.TypeHashListpackEx; typ++ {
		for _, n := range []uint64{1 << 29, 1<<31 - 1, 1 << 31, math.MaxUint32, 1 << 32, 1 << 61, math.MaxInt64 - 8, math.MaxInt64, 1 << 63,
			math.MaxUint64 - 8, math.MaxUint64} {
			for _, head := range []string{"", "\x01", "\x02", "\xc3\x02", "\x01\x02", "\x00\x00\x00\x00\x00\x00\x00\x00"} {
				payload := rdb.AppendLen(append([]byte{byte(typ)}, head...), n)
				payload = rdb.AppendDumpFooter(append(payload, "\x01a\x01b\x01c"...), 0)
				r, err := c.Do("RESTORE", "k", "0", string(payload), "REPLACE")
				if err != nil {
					t.Fatalf("%q: %v\n%s", payload, err, s.Log())
				}
				if !r.IsError() && len(head) == 0 {
					t.Errorf("%q is taken", payload)
				}
			}
		}
	}
}

func TestEmptyCollections(t *testing.T) {
	s := start(t)
	c := s.Dial(t)
	const listpack, ziplist = "\x07\x07\x00\x00\x00\x00\x00\xff", "\x0b\x0b\x00\x00\x00\x0a\x00\x00\x00\x00\x00\xff"
	for _, v := range []string{
		"\x01\x00", "\x02\x00", "\x03\x00", "\x04\x00", "\x05\x00", "\x09\x02\x00\xff", "\x0a" + ziplist, "\x0b\x08\x02\x00\x00\x00\x00\x00\x00\x00",
		"\x0c" + ziplist, "\x0d" + ziplist, "\x0e\x00", "\x0e\x01" + ziplist, "\x10" + listpack, "\x11" + listpack, "\x12\x00",
		"\x12\x01\x02" + listpack, "\x12\x01\x01\x00", "\x14" + listpack, "\x16\x00", "\x17" + listpack,
		"\x18\x00\x00\x00\x00\x00\x00\x00\x00\x00", "\x19\x00\x00\x00\x00\x00\x00\x00\x00" + listpack,
	} {
		r, err := c.Do("RESTORE", "k", "0", string(rdb.AppendDumpFooter([]byte(v), 0)))
		if err != nil || r.String() != badFormat {
			t.Errorf("%q: %v %v", v, err, r)
		}
	}
	s.expect(c, "DBSIZE", "0")
}

// TestPendingForTwo restores a stream of which an entry is pending for two
// consumers, or for nobody, and uses what came of it.
func TestPendingForTwo(t *testing.T) {
	s := start(t)
	c := s.Dial(t)
	const (
		id    = "\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00"
		head  = "\x00\x00\x05\x00\x00\x00\x00\x00\x00\x01\x01g\x00\x00\x00\x01" + id + "12345678\x01"
		alice = "\x05alice12345678"
		bob   = "\x03bob12345678"
	)
	for _, v := range []string{
		"\x13" + head + "\x02" + alice + "\x01" + id + bob + "\x01" + id,
		"\x13" + head + "\x01" + alice + "\x02" + id + id,
		"\x13" + head + "\x01" + alice + "\x00",
		"\x13" + head + "\x00",
		"\x13" + head + "\x02" + alice + "\x01" + id + alice + "\x00",
		"\x13" + head + "\x01" + alice + "\x01" + id[:15] + "\x01",
	} {
		r, err := c.Do("RESTORE", "k", "0", string(rdb.AppendDumpFooter([]byte(v), 0)))
		if err != nil || r.String() != badFormat {
			t.Errorf("%q: %v %v", v, err, r)
		}
		s.useAll(c, []byte(v))
	}
	good := "\x13" + head + "\x02" + alice + "\x01" + id + bob + "\x00"
	c.Must(t, "RESTORE", "k", "0", string(rdb.AppendDumpFooter([]byte(good), 0)))
	s.expect(c, "XACK k g 1-0", "1", "XACK k g 1-0", "0")
}

// TestManyInOnePayload restores values that would take the square of their size in
// time if every element were looked for among those before it.
func TestManyInOnePayload(t *testing.T) {
	s := start(t, "--hash-max-listpack-entries", "100000000", "--set-max-intset-entries", "100000000",
		"--zset-max-listpack-entries", "100000000", "--set-max-listpack-entries", "100000000")
	c := s.Dial(t)
	const n = 20_000
	hash, ints, set, zset := rdb.AppendLen([]byte("\x04"), n), rdb.AppendLen([]byte("\x02"), n), rdb.AppendLen([]byte("\x02"), n),
		rdb.AppendLen([]byte("\x05"), n)
	for i := range n {
		// In the order that is worst for whoever keeps them in order.
		number := rdb.AppendInt(nil, int64(n-i))
		hash = append(append(hash, number...), 0)
		ints = append(ints, number...)
		set = append(set, append([]byte("\x09member"), byte(i>>14), byte(i>>7), byte(i))...)
		zset = append(append(zset, number...), 0, 0, 0, 0, 0, 0, 0, 0)
	}
	for _, v := range [][]byte{hash, ints, set, zset} {
		r, err := c.Do("RESTORE", "k", "0", string(rdb.AppendDumpFooter(v, 0)), "REPLACE")
		if err != nil || r.IsError() {
			t.Fatalf("%.20q: %v %v", v, err, r)
		}
	}
}

// TestSortNumbers gives SORT extreme limits, and patterns that name nothing.
func TestSortNumbers(t *testing.T) {
	s := start(t)
	c := s.Dial(t)
	c.Must(t, "RPUSH", "l", "3", "1", "2")
	for _, form := range []string{
		"SORT l LIMIT %1 %2", "SORT l BY nosort LIMIT %1 %2", "SORT l DESC LIMIT %1 %2", "SORT l BY nosort DESC LIMIT %1 %2 STORE d",
		"SORT l BY * LIMIT %1 %2", "SORT l GET %1* GET *%2 GET %1->*->%2",
	} {
		for _, a := range extremes {
			for _, b := range extremes {
				args := strings.Fields(form)
				for i := range args {
					args[i] = strings.ReplaceAll(strings.ReplaceAll(args[i], "%1", a), "%2", b)
				}
				if r, err := c.Do(args...); err != nil || !r.IsError() && len(r.Elems) > 9 {
					t.Fatalf("%q: %v %v\n%s", args, err, r, s.Log())
				}
			}
		}
	}
}
