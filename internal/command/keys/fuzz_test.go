package keys_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/redstart-db/redstart/internal/command/commandtest"
	"github.com/redstart-db/redstart/internal/command/keys"
	"github.com/redstart-db/redstart/internal/rdb"
)

// FuzzRestore gives RESTORE payloads with any body and a true checksum, and
// payloads that are wrong altogether. A payload that is taken must dump to one
// that restores to the same; one that is refused must leave nothing behind.
func FuzzRestore(f *testing.F) {
	for _, s := range []string{"", "a", "12345", "-1", strings.Repeat("abcabc", 40), "\x00\xff"} {
		b := rdb.AppendDumpHeader(nil, rdb.TypeString)
		f.Add(rdb.AppendString(b, []byte(s), true), false)
	}
	f.Add([]byte{0, 0xc3, 5, 0x84, 0, 0, 0, 1, 'a'}, false) // compressed, with a length that is a lie
	f.Add([]byte("no payload"), true)
	for _, s := range []string{
		"\x01\x02\x01a\xc0\x05", "\x02\x02\xc0\x01\xc0\x05", "\x02\x02\x01a\xc0\x05", "\x04\x02\x01a\x01b\xc0\x05\xc0\x06",
		"\x05\x01\x01a\x00\x00\x00\x00\x00\x00\xf8\x3f", "\x09\x0f\x02\x01f\x03\x01val_\x02ff\x00\x00\xff",
		"\x0d\x10\x10\x00\x00\x00\x0d\x00\x00\x00\x02\x00\x00\x01b\x03\xf2\xff", "\x12\x02\x01\x01p\x02\x0b\x0b\x00\x00\x00\x02\x00\x01\x01\x03\x01\xff",
		"\x16\x02\x07\x01a\x01b\x00\x01c\x01d",
	} {
		f.Add([]byte(s), false)
	}
	s := commandtest.New(f, keys.Specs())
	do := func(args ...[]byte) []byte { return bytes.Clone(s.Client.Do(nil, args...)) }
	key := []byte("k")
	f.Fuzz(func(t *testing.T, body []byte, raw bool) {
		payload := body
		if !raw {
			payload = rdb.AppendDumpFooter(bytes.Clone(body), 0)
		}
		before := live(s)
		reply := do([]byte("RESTORE"), key, []byte("0"), payload)
		switch {
		case string(reply) == "+OK\r\n":
			dump := do([]byte("DUMP"), key)
			if string(dump) == "$-1\r\n" {
				break // all fields have expired
			}
			dumped := dump[bytes.IndexByte(dump, '\n')+1 : len(dump)-2]
			if again := do([]byte("RESTORE"), []byte("again"), []byte("0"), dumped); string(again) != "+OK\r\n" {
				t.Fatalf("what DUMP gave for %q is refused: %q", payload, again)
			}
			redumped := do([]byte("DUMP"), []byte("again"))
			if !bytes.Equal(dump, redumped) && !(unordered(rdb.Type(dumped[0])) && len(dump) == len(redumped)) {
				t.Fatalf("%q dumps to %q and then to %q", payload, dump, redumped)
			}
			if n := do([]byte("DEL"), key, []byte("again")); string(n) != ":2\r\n" {
				t.Fatalf("DEL: %q", n)
			}
		case reply[0] != '-':
			t.Fatalf("RESTORE of %q: %q", payload, reply)
		case string(do([]byte("EXISTS"), key)) != ":0\r\n":
			t.Fatalf("%q was refused and yet stored", payload)
		}
		if after := live(s); after != before {
			t.Fatalf("%d bytes were in use before, %d after", before, after)
		}
	})
}

// unordered tells whether values of a type may dump in another order.
func unordered(t rdb.Type) bool {
	return t == rdb.TypeSet || t == rdb.TypeHash || t == rdb.TypeHashMetadata
}

func live(s *commandtest.Server) (n uint64) {
	for i := range s.Store.Shards() {
		for s.Store.Shard(i).Reclaim(1 << 20) {
		}
		n += s.Store.Shard(i).Arena().Live()
	}
	return n
}
