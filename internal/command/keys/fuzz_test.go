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
			dumped := dump[bytes.IndexByte(dump, '\n')+1 : len(dump)-2]
			if again := do([]byte("RESTORE"), []byte("again"), []byte("0"), dumped); string(again) != "+OK\r\n" {
				t.Fatalf("what DUMP gave for %q is refused: %q", payload, again)
			}
			if redumped := do([]byte("DUMP"), []byte("again")); !bytes.Equal(dump, redumped) {
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

func live(s *commandtest.Server) (n uint64) {
	for i := range s.Store.Shards() {
		n += s.Store.Shard(i).Arena().Live()
	}
	return n
}
