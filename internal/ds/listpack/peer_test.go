package listpack_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	lp "github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/rdb"
	"github.com/redstart-db/redstart/tests/peer"
)

// reference is a server that keeps what the tests make in one listpack.
func reference(t *testing.T) *peer.Conn {
	return peer.Start(t, peer.Options{Args: []string{
		"--hash-max-listpack-entries", "1000000", "--hash-max-listpack-value", "100000000",
		"--zset-max-listpack-entries", "1000000", "--zset-max-listpack-value", "100000000",
		"--list-max-listpack-size", "-5", "--rdbcompression", "no", "--sanitize-dump-payload", "yes",
	}}).Dial(t)
}

// dumped is the listpack of a key of the reference.
func dumped(t *testing.T, c *peer.Conn, key string, want rdb.Type) []byte {
	t.Helper()
	body, err := rdb.VerifyDump(c.Must(t, "DUMP", key).Str, true)
	if err != nil {
		t.Fatal(err)
	}
	r := rdb.NewReader(body)
	typ, _ := r.Type()
	if typ != want {
		t.Fatalf("the reference has type %d, want %d", typ, want)
	}
	if typ == rdb.TypeListQuicklist2 {
		nodes, _, _ := r.Len()
		container, _, _ := r.Len()
		if nodes != 1 || container != 2 {
			t.Fatalf("%d nodes, the first in container %d", nodes, container)
		}
	}
	b, err := r.String()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// same fails unless the reference's key holds got.
func same(t *testing.T, c *peer.Conn, key string, typ rdb.Type, got []byte) {
	t.Helper()
	want := dumped(t, c, key, typ)
	if !bytes.Equal(got, want) {
		at := 0
		for at < min(len(got), len(want)) && got[at] == want[at] {
			at++
		}
		t.Fatalf("%s: differs at byte %d\ngot  %d bytes %.80x\nwant %d bytes %.80x",
			key, at, len(got), got[min(at, len(got)):], len(want), want[min(at, len(want)):])
	}
	if err := lp.Validate(want, true); err != nil {
		t.Fatal(err)
	}
}

// someElem returns an element of one of the kinds that are encoded differently.
func someElem(r *rand.Rand) []byte {
	switch r.IntN(6) {
	case 0, 1:
		return strconv.AppendInt(nil, int64(r.Uint64())>>r.IntN(64), 10)
	case 2:
		n := int64(1) << []int{7, 12, 15, 23, 31, 63}[r.IntN(6)]
		return strconv.AppendInt(nil, []int64{n, -n}[r.IntN(2)]+int64(r.IntN(3)-1), 10)
	case 3:
		s := strconv.FormatInt(int64(r.Uint64())>>r.IntN(64), 10)
		return []byte([]string{"0" + s, "-0" + s, "+" + s, s + " ", s + "0000000000", s + ".0"}[r.IntN(6)])
	case 4:
		lens := []int{0, 1, 63, 64, 65, 125, 126, 127, 128, 4095, 4096}
		return bytes.Repeat([]byte{byte(r.Uint32())}, lens[r.IntN(len(lens))])
	}
	b := make([]byte, r.IntN(20))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func seeded(t *testing.T) *rand.Rand {
	seed := peer.Seed(t)
	return rand.New(rand.NewPCG(seed, 0))
}

// TestHashesAgainstReference edits hashes as HSET and HDEL do.
func TestHashesAgainstReference(t *testing.T) {
	c := reference(t)
	r := seeded(t)
	for i := range 30 {
		key := fmt.Sprint("h", i)
		hash := lp.New(0)
		fields := make([][]byte, 20)
		for k := range fields {
			fields[k] = someElem(r)
		}
		for range 60 {
			field := fields[r.IntN(len(fields))]
			pos, ok := lp.Find(hash, lp.HeaderSize, field, 1)
			if r.IntN(4) == 0 {
				if n := c.Must(t, "HDEL", key, string(field)).Int; (n == 1) != ok {
					t.Fatalf("HDEL %q removes %d, found %v", field, n, ok)
				}
				hash = lp.DeleteRange(hash, pos, 2)
			} else {
				value := someElem(r)
				if n := c.Must(t, "HSET", key, string(field), string(value)).Int; (n == 0) != ok {
					t.Fatalf("HSET %q adds %d, found %v", field, n, ok)
				}
				if ok {
					pos, _ = lp.Next(hash, pos)
					hash = lp.Replace(hash, pos, value)
				} else {
					hash = lp.Append(lp.Append(hash, field), value)
				}
			}
		}
		if lp.Len(hash) > 0 {
			same(t, c, key, rdb.TypeHashListpack, hash)
		}
	}
}

// TestListsAgainstReference edits lists of one node.
func TestListsAgainstReference(t *testing.T) {
	c := reference(t)
	r := seeded(t)
	for i := range 30 {
		key := fmt.Sprint("l", i)
		list := lp.New(0)
		for range 30 {
			e := someElem(r)
			n := lp.Len(list)
			index := r.IntN(2*n+1) - n
			pos, ok := lp.Seek(list, index)
			var pivot []byte
			if ok {
				pivot = lp.Get(list, pos).AppendTo(nil)
			}
			switch op := r.IntN(6); {
			case op == 0:
				c.Must(t, "LPUSH", key, string(e))
				list = lp.Prepend(list, e)
			case op == 1 && ok:
				c.Must(t, "LSET", key, fmt.Sprint(index), string(e))
				list = lp.Replace(list, pos, e)
			case op == 2 && ok:
				c.Must(t, "LINSERT", key, "BEFORE", string(pivot), string(e))
				pos, _ = lp.Find(list, lp.HeaderSize, pivot, 0)
				list = lp.Insert(list, pos, e)
			case op == 3 && ok && n > 5:
				c.Must(t, "LREM", key, "1", string(pivot))
				pos, _ = lp.Find(list, lp.HeaderSize, pivot, 0)
				list = lp.Delete(list, pos)
			case op == 4 && n > 10:
				from := r.IntN(3)
				c.Must(t, "LTRIM", key, fmt.Sprint(from), fmt.Sprint(n-3))
				list = lp.DeleteRange(list, lp.HeaderSize, from)
				pos, _ = lp.Seek(list, -2)
				list = lp.DeleteRange(list, pos, 2)
			default:
				c.Must(t, "RPUSH", key, string(e))
				list = lp.Append(list, e)
			}
		}
		same(t, c, key, rdb.TypeListQuicklist2, list)
	}
}

// TestZsetsAgainstReference adds members and changes scores, which moves them.
func TestZsetsAgainstReference(t *testing.T) {
	c := reference(t)
	r := seeded(t)
	type member struct {
		score int
		name  string
	}
	for i := range 10 {
		key := fmt.Sprint("z", i)
		var members []member
		zset := lp.New(0)
		for range 60 {
			m := member{r.IntN(40000) - 20000, string(someElem(r))}
			if len(members) > 0 && r.IntN(3) == 0 {
				m.name = members[r.IntN(len(members))].name
			}
			c.Must(t, "ZADD", key, fmt.Sprint(m.score), m.name)
			k := slices.IndexFunc(members, func(o member) bool { return o.name == m.name })
			if k >= 0 {
				pos, ok := lp.Find(zset, lp.HeaderSize, []byte(m.name), 1)
				if at, _ := lp.Seek(zset, 2*k); !ok || at != pos {
					t.Fatalf("%q found at %d, want %d", m.name, pos, at)
				}
				zset = lp.DeleteRange(zset, pos, 2)
				members = slices.Delete(members, k, k+1)
			}
			k, _ = slices.BinarySearchFunc(members, m, func(a, b member) int {
				return (a.score-b.score)*2 + strings.Compare(a.name, b.name)
			})
			pos, ok := lp.Seek(zset, 2*k)
			if !ok {
				pos = lp.End(zset)
			}
			zset = lp.Insert(zset, pos, []byte(m.name))
			pos, _ = lp.Next(zset, pos)
			zset = lp.InsertInt(zset, pos, int64(m.score))
			members = slices.Insert(members, k, m)
		}
		same(t, c, key, rdb.TypeZsetListpack, zset)
	}
}

// TestLongEntriesAgainstReference is about the sizes at which a backlen grows.
func TestLongEntriesAgainstReference(t *testing.T) {
	c := reference(t)
	for _, around := range []int{126, 4096, 16383 - 5, 2097151 - 5} {
		for n := around - 2; n <= around+2; n++ {
			elem := bytes.Repeat([]byte{'x'}, n)
			c.Must(t, "DEL", "h")
			c.Must(t, "HSET", "h", "f", string(elem), "g", "1")
			hash := lp.Append(lp.Append(lp.New(0), []byte("f")), elem)
			hash = lp.Append(lp.AppendInt(lp.Append(hash, []byte("g")), 1), nil)
			pos, _ := lp.Last(hash)
			same(t, c, "h", rdb.TypeHashListpack, lp.Delete(hash, pos))
		}
	}
}

// TestManyEntriesAgainstReference lets a hash pass 65535 entries and come back.
func TestManyEntriesAgainstReference(t *testing.T) {
	c := reference(t)
	hash := lp.New(0)
	for i := range 65534 / 2 {
		hash = lp.AppendInt(lp.AppendInt(hash, int64(i)), int64(i))
	}
	payload := rdb.AppendDumpHeader(nil, rdb.TypeHashListpack)
	payload = rdb.AppendString(payload, hash, false)
	payload = rdb.AppendDumpFooter(payload, 0)
	c.Must(t, "RESTORE", "h", "0", string(payload))
	same(t, c, "h", rdb.TypeHashListpack, hash)

	c.Must(t, "HSET", "h", "a", "b")
	hash = lp.Append(lp.Append(hash, []byte("a")), []byte("b"))
	same(t, c, "h", rdb.TypeHashListpack, hash)
	if hash[4] != 0xFF || hash[5] != 0xFF {
		t.Fatalf("the header says % x", hash[4:6])
	}
	c.Must(t, "HDEL", "h", "0")
	hash = lp.DeleteRange(hash, lp.HeaderSize, 2)
	lp.Recount(hash)
	same(t, c, "h", rdb.TypeHashListpack, hash)
	if hash[4] != 0xFE || hash[5] != 0xFF {
		t.Fatalf("the header says % x", hash[4:6])
	}
}
