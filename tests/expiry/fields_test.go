package expiry

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/redstart-db/redstart/internal/resp"
	"github.com/redstart-db/redstart/tests/peer"
)

// TestFields spreads the deadlines of the fields of many hashes over some time, half
// of them packed and half tables, and looks how many are there, without reading
// what has expired: in how many keys there are, as each hash goes with its last field,
// and in what has been counted.
func TestFields(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a server")
	}
	const hashes, perHash = 1000, 40
	const spread = 2 * time.Second
	s := peer.StartRedstart(t, peer.Options{})
	c := s.Dial(t)
	first := time.Now().Add(2 * time.Second)
	var buf []byte
	for i := range hashes {
		if i == hashes/2 {
			buf = resp.AppendCommandString(buf, "CONFIG", "SET", "hash-max-listpack-entries", "0")
		}
		set, expire := []string{"HSET", name(i)}, []string{}
		// The fields of a hash share a deadline, and the hashes are spread.
		at := first.Add(spread * time.Duration(i%(hashes/2)) / (hashes / 2)).UnixMilli()
		expire = append(expire, "HPEXPIREAT", name(i), strconv.FormatInt(at, 10), "FIELDS", strconv.Itoa(perHash))
		for j := range perHash {
			f := fmt.Sprintf("field:%d", j)
			set, expire = append(set, f, "some value"), append(expire, f)
		}
		buf = resp.AppendCommandString(resp.AppendCommandString(buf, set...), expire...)
	}
	if err := c.SendRaw(buf); err != nil {
		t.Fatal(err)
	}
	for range 2*hashes + 1 {
		if r, err := c.Read(); err != nil || r.IsError() {
			t.Fatalf("%v %v", r, err)
		}
	}
	if left := time.Until(first); left <= 0 {
		t.Skipf("loading took %v too long", -left)
	}
	late, worst := watch(t, c, hashes, first, spread)
	t.Logf("at most %d hashes seen later than %v", worst, maxLag)
	if late > hashes/100 {
		t.Errorf("%d of %d hashes were there more than %v after the deadline of their fields", late, hashes, maxLag)
	}
	info := string(c.Must(t, "INFO", "redstart").Str)
	if n := field(t, info, "expired_subkeys"); n != hashes*perHash {
		t.Errorf("%d fields have expired, want %d", n, hashes*perHash)
	}
	if n := field(t, string(c.Must(t, "INFO", "stats").Str), "expired_keys"); n != 0 {
		t.Errorf("%d keys have expired, which had no deadline", n)
	}
}
