package rdb_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/redstart-db/redstart/internal/rdb"
	"github.com/redstart-db/redstart/tests/peer"
)

func seeded(t *testing.T) *rand.Rand {
	seed := peer.Seed(t)
	return rand.New(rand.NewPCG(seed, 0))
}

// someString returns a string of one of the kinds that are encoded differently.
func someString(r *rand.Rand) []byte {
	n := r.IntN(64)
	switch r.IntN(12) {
	case 0:
		n = r.IntN(1 << 15)
	case 1:
		n = r.IntN(1 << 18)
	}
	switch r.IntN(5) {
	case 0: // integers and what looks like them
		s := fmt.Sprint(int64(r.Uint64()) >> r.IntN(64))
		return []byte([]string{"", "0", "-", "+", " "}[max(0, r.IntN(20)-15)] + s)
	case 1: // incompressible
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return b
	case 2: // short runs
		b := make([]byte, 0, n)
		for len(b) < n {
			b = append(b, bytes.Repeat([]byte{byte(r.Uint32())}, 1+r.IntN(600))...)
		}
		return b[:n]
	case 3: // few letters
		b := make([]byte, n)
		letters := 1 + r.IntN(30)
		for i := range b {
			b[i] = 'a' + byte(r.IntN(letters))
		}
		return b
	}
	words := strings.Fields("the quick brown fox jumps over the lazy dog id name value 0 1 2 true")
	var b []byte
	for len(b) < n {
		b = append(append(b, words[r.IntN(len(words))]...), ' ')
	}
	return b[:n]
}

func dumpOf(b []byte, compress bool) []byte {
	p := rdb.AppendDumpHeader([]byte("before"), rdb.TypeString)
	p = rdb.AppendString(p, b, compress)
	return rdb.AppendDumpFooter(p, len("before"))[len("before"):]
}

func valueOf(t *testing.T, payload []byte) []byte {
	t.Helper()
	body, err := rdb.VerifyDump(payload, true)
	if err != nil {
		t.Fatalf("%q: %v", payload, err)
	}
	r := rdb.NewReader(body)
	typ, _ := r.Type()
	v, err := r.StringValue()
	if err != nil || typ != rdb.TypeString || len(r.Rest()) != 0 {
		t.Fatalf("%q: type %d, error %v, %d bytes left", payload, typ, err, len(r.Rest()))
	}
	if v.IsInt {
		return fmt.Append(nil, v.Int)
	}
	return v.Bytes
}

func TestDumpAgainstReference(t *testing.T) {
	c := peer.Start(t, peer.Options{}).Dial(t)
	r := seeded(t)
	compress := true
	for i := range 4000 {
		if i%500 == 0 {
			compress = !compress
			c.Must(t, "CONFIG", "SET", "rdbcompression", map[bool]string{true: "yes", false: "no"}[compress])
		}
		value := someString(r)
		c.Must(t, "SET", "k", string(value))
		theirs := c.Must(t, "DUMP", "k").Str
		if got := valueOf(t, theirs); !bytes.Equal(got, value) {
			t.Fatalf("DUMP of %q decodes to %q", value, got)
		}
		ours := dumpOf(value, compress)
		if !bytes.Equal(ours, theirs) {
			t.Fatalf("%q (%d bytes) encodes to\n%q, the reference's is\n%q", value, len(value), ours, theirs)
		}
		c.Must(t, "RESTORE", "k", "0", string(ours), "REPLACE")
		if got := c.Must(t, "GET", "k").Str; !bytes.Equal(got, value) {
			t.Fatalf("RESTORE of %q gives %q", value, got)
		}
	}
}

// TestDamageAgainstReference flips each byte of payloads, mends the checksum, and
// expects the reference to agree on whether the result is a string and on which.
func TestDamageAgainstReference(t *testing.T) {
	c := peer.Start(t, peer.Options{Args: []string{"--sanitize-dump-payload", "yes"}}).Dial(t)
	r := seeded(t)
	for range 60 {
		value := someString(r)
		value = value[:min(len(value), 100)]
		good := dumpOf(value, true)
		end := len(good) - rdb.DumpFooterLen
		for at := 1; at < end; at++ {
			bad := bytes.Clone(good[:end])
			bad[at] ^= byte(1 + r.IntN(255))
			if declaresOdd(bad) {
				continue
			}
			bad = rdb.AppendDumpFooter(bad, 0)
			reply, err := c.Do("RESTORE", "k", "0", string(bad), "REPLACE")
			if err != nil {
				t.Fatalf("%q: %v", bad, err)
			}
			// The reference lets a string reach into the footer.
			rd := rdb.NewReader(bad[1:])
			got, err := rd.String()
			if (err != nil) != reply.IsError() {
				t.Fatalf("%q: our error %v, the reference's reply %q", bad, err, reply.Raw)
			}
			if err == nil {
				if want := c.Must(t, "GET", "k").Str; !bytes.Equal(got, want) {
					t.Fatalf("%q: %q, the reference has %q", bad, got, want)
				}
			}
		}
	}
}

// declaresOdd tells whether the string in body declares a length with which the
// reference does what we do not: it tries to allocate whatever a plain string
// declares, takes compressed data of no length for the empty string, since its
// decompressor returns 0 for an error, and takes the mark of an encoding that
// stands in place of a length for one.
func declaresOdd(body []byte) bool {
	const limit = 1 << 20
	r := rdb.NewReader(body[1:])
	n, encoded, _ := r.Len()
	if encoded && n == 3 {
		packed, marked, _ := r.Len()
		plain, markedToo, _ := r.Len()
		return marked || markedToo || packed > limit || plain > limit || plain == 0
	}
	return !encoded && n > limit
}

func TestFooterAgainstReference(t *testing.T) {
	c := peer.Start(t, peer.Options{}).Dial(t)
	good := dumpOf([]byte("value"), true)
	for at := len(good) - rdb.DumpFooterLen; at < len(good); at++ {
		bad := bytes.Clone(good)
		bad[at] ^= 0x10
		reply, err := c.Do("RESTORE", "k", "0", string(bad))
		if err != nil || !reply.IsError() {
			t.Fatalf("byte %d: %v %q", at, err, reply.Raw)
		}
		if _, err := rdb.VerifyDump(bad, true); err != rdb.ErrDump {
			t.Errorf("byte %d: %v", at, err)
		}
	}
}
