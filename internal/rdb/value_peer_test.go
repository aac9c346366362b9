package rdb_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"sort"
	"testing"

	"github.com/redstart-db/redstart/internal/rdb"
	"github.com/redstart-db/redstart/tests/peer"
)

// fill makes the key k of the reference a random collection of one of the types.
func fill(t *testing.T, c *peer.Conn, r *rand.Rand) {
	c.Must(t, "DEL", "k")
	n := 1 + r.IntN(8)
	if r.IntN(8) == 0 {
		n = 1 + r.IntN(600)
	}
	elem := func() string {
		s := someString(r)
		return string(s[:min(len(s), 1+r.IntN(100))])
	}
	switch r.IntN(5) {
	case 0:
		for range n {
			c.Must(t, "RPUSH", "k", elem())
		}
	case 1:
		for range n {
			if r.IntN(6) == 0 && n < 8 {
				c.Must(t, "SADD", "k", elem())
			} else {
				c.Must(t, "SADD", "k", fmt.Sprint(int64(r.Uint64())>>r.IntN(64)))
			}
		}
	case 2:
		for range n {
			c.Must(t, "HSET", "k", elem(), elem())
		}
	case 3:
		for range n {
			score := []string{"1", "-inf", "+inf", "1e100", "-0", "3"}[r.IntN(6)]
			if r.IntN(2) == 0 {
				score = fmt.Sprint(r.NormFloat64())
			}
			c.Must(t, "ZADD", "k", score, elem())
		}
	case 4:
		fillStream(t, c, r, n)
	}
}

func fillStream(t *testing.T, c *peer.Conn, r *rand.Rand, n int) {
	var ids []string
	for i := range n {
		args := []string{"XADD", "k", fmt.Sprintf("%d-*", 1+i/3), "f", "v"}
		if r.IntN(3) == 0 {
			args = append(args, "g", "1234")
		}
		ids = append(ids, string(c.Must(t, args...).Str))
	}
	c.Must(t, "XGROUP", "CREATE", "k", "g1", "0")
	c.Must(t, "XREADGROUP", "GROUP", "g1", "alice", "COUNT", fmt.Sprint(1+r.IntN(5)), "STREAMS", "k", ">")
	c.Must(t, "XREADGROUP", "GROUP", "g1", "bob", "COUNT", fmt.Sprint(1+r.IntN(5)), "STREAMS", "k", ">")
	c.Must(t, "XGROUP", "CREATE", "k", "g2", "$", "ENTRIESREAD", "2")
	for _, id := range ids {
		if r.IntN(5) == 0 {
			c.Must(t, "XDEL", "k", id)
		}
	}
}

// told gives what the reference says is in k, in the words of decode but for
// streams, whose entries alone it gives.
func told(t *testing.T, c *peer.Conn) string {
	var all []string
	switch typ := string(c.Must(t, "TYPE", "k").Str); typ {
	case "list":
		for _, v := range c.Must(t, "LRANGE", "k", "0", "-1").Elems {
			all = append(all, string(v.Str))
		}
		return fmt.Sprintf("%q", all)
	case "set":
		for _, v := range c.Must(t, "SMEMBERS", "k").Elems {
			all = append(all, string(v.Str))
		}
		sort.Strings(all)
		return fmt.Sprintf("%q", all)
	case "hash":
		v := c.Must(t, "HGETALL", "k").Elems
		for i := 0; i < len(v); i += 2 {
			all = append(all, fmt.Sprintf("%q %q", v[i].Str, v[i+1].Str))
		}
		sort.Strings(all)
		return fmt.Sprint(all)
	case "zset":
		v := c.Must(t, "ZRANGE", "k", "0", "-1", "WITHSCORES").Elems
		for i := 0; i < len(v); i += 2 {
			var score float64
			fmt.Sscan(string(v[i+1].Str), &score)
			all = append(all, fmt.Sprintf("%q %v", v[i].Str, score+0))
		}
		sort.Strings(all)
		return fmt.Sprint(all)
	case "stream":
		return string(c.Must(t, "XINFO", "STREAM", "k", "FULL", "COUNT", "0").Raw)
	case "string":
		return fmt.Sprintf("%q", c.Must(t, "GET", "k").Str)
	default:
		return typ
	}
}

func TestCollectionsAgainstReference(t *testing.T) {
	c := peer.Start(t, peer.Options{Args: []string{"--list-max-listpack-size", "16"}}).Dial(t)
	rnd := seeded(t)
	for range 300 {
		fill(t, c, rnd)
		payload := c.Must(t, "DUMP", "k").Str
		body, err := rdb.VerifyDump(payload, true)
		if err != nil {
			t.Fatal(err)
		}
		typ := rdb.Type(body[0])
		r := rdb.NewReader(body[1:])
		text, now, again, err := decode(&r, typ)
		if err != nil || len(r.Rest()) != 0 {
			t.Fatalf("%q: %v, %d bytes left", payload, err, len(r.Rest()))
		}
		want := told(t, c)
		if typ != rdb.TypeStreamListpacks2 && text != want {
			t.Fatalf("type %d: %s, the reference has %s", typ, text, want)
		}
		if now != typ || !bytes.Equal(again, body[1:]) {
			t.Fatalf("type %d: %q was encoded anew as %d, %q", typ, body, now, again)
		}
	}
}

// TestOldTypesAgainstReference has the reference read what old versions wrote.
func TestOldTypesAgainstReference(t *testing.T) {
	c := peer.Start(t, peer.Options{Args: []string{"--sanitize-dump-payload", "yes"}}).Dial(t)
	for _, v := range values() {
		if v.t > rdb.TypeStreamListpacks2 || v.t == rdb.TypeString {
			continue
		}
		payload := append(rdb.AppendDumpHeader(nil, v.t), v.value...)
		payload = rdb.AppendDumpFooter(payload, 0)
		c.Must(t, "RESTORE", "k", "0", string(payload), "REPLACE")
		if got := told(t, c); got != v.want {
			t.Errorf("type %d: %s, want %s", v.t, got, v.want)
		}
	}
}

// TestDamagedCollectionsAgainstReference changes bytes of collections. What is
// read here, the reference reads, and as the same; of what it reads only such is
// refused as strictly says.
func TestDamagedCollectionsAgainstReference(t *testing.T) {
	c := peer.Start(t, peer.Options{Args: []string{"--sanitize-dump-payload", "yes", "--rdbcompression", "no"}}).Dial(t)
	rnd := seeded(t)
	read, refused, alone := 0, 0, 0
	for _, v := range values() {
		if v.t > rdb.TypeStreamListpacks2 || v.t == rdb.TypeString {
			continue
		}
		for range 12 * len(v.value) {
			bad := append(rdb.AppendDumpHeader(nil, v.t), v.value...)
			for range 1 + rnd.IntN(2) {
				at := 1 + rnd.IntN(len(bad)-1)
				if rnd.IntN(3) == 0 {
					bad[at] = byte(rnd.IntN(256))
				} else {
					bad[at] += byte(rnd.IntN(5)) - 2
				}
			}
			r := rdb.NewReader(bad[1:])
			text, _, _, err := decode(&r, v.t)
			if err == nil && len(r.Rest()) != 0 || mayAllocate(bad[1:]) {
				continue // the reference goes on behind the value, or takes what is declared
			}
			payload := rdb.AppendDumpFooter(bytes.Clone(bad), 0)
			reply, ioErr := c.Do("RESTORE", "k", "0", string(payload), "REPLACE")
			switch {
			case ioErr != nil:
				t.Fatalf("%q: %v", bad, ioErr)
			case err != nil && reply.IsError():
				refused++
			case err != nil:
				alone++
				// The reference lets a value reach into the footer.
				r := rdb.NewReader(payload[1:])
				if _, _, _, err := decode(&r, v.t); err != nil && !strictly(v.t, bad) {
					t.Errorf("type %d, %q: %v, the reference has %s", v.t, bad, err, told(t, c))
				}
			case reply.IsError():
				t.Errorf("type %d, %q: %s, the reference refuses it: %s", v.t, bad, text, reply.Raw)
			default:
				read++
				if got := told(t, c); got != text {
					t.Errorf("type %d, %q: %s, the reference has %s", v.t, bad, text, got)
				}
			}
		}
	}
	t.Logf("%d read, %d refused, %d more than by the reference", read, refused, alone)
	if read == 0 || refused == 0 {
		t.Error("nothing was compared")
	}
}

// TestStreamsAgainstReference has the reference read and write the same streams.
func TestStreamsAgainstReference(t *testing.T) {
	c := peer.Start(t, peer.Options{Args: []string{"--sanitize-dump-payload", "yes"}}).Dial(t)
	rnd := seeded(t)
	for range 200 {
		good := append(rdb.AppendDumpHeader(nil, rdb.TypeStreamListpacks2), someStream(rnd)...)
		c.Must(t, "RESTORE", "k", "0", string(rdb.AppendDumpFooter(bytes.Clone(good), 0)), "REPLACE")
		if got := c.Must(t, "DUMP", "k").Str; !bytes.HasPrefix(got, good) {
			t.Fatalf("%x, and dumped by the reference\n%x", good, got)
		}
	}
}

// mayAllocate tells whether a length of 32 or 64 bits is in a value.
func mayAllocate(b []byte) bool {
	return bytes.IndexByte(b, 0x80) >= 0 || bytes.IndexByte(b, 0x81) >= 0
}

// strictly tells whether a value of a type may be refused although the reference
// reads it, since it looks at less.
func strictly(t rdb.Type, bad []byte) bool {
	switch t {
	case rdb.TypeZsetListpack, rdb.TypeZsetZiplist, rdb.TypeZset:
		return true // order, scores that are none
	}
	// Strings that compress to nothing, and numbers of elements that are the kind
	// of a string.
	return bytes.IndexByte(bad, 0xc3) >= 0 || bad[1] >= 0xc0
}
