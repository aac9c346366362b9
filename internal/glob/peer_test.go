package glob_test

import (
	"math/rand/v2"
	"sort"
	"strings"
	"testing"

	"github.com/redstart-db/redstart/internal/glob"
	"github.com/redstart-db/redstart/tests/peer"
)

func seeded(t *testing.T) *rand.Rand {
	seed := peer.Seed(t)
	return rand.New(rand.NewPCG(seed, 0))
}

func pick(r *rand.Rand, letters string, most int) string {
	b := make([]byte, r.IntN(most+1))
	for i := range b {
		b[i] = letters[r.IntN(len(letters))]
	}
	return string(b)
}

// TestKeysAgainstReference compares the keys that random patterns select.
func TestKeysAgainstReference(t *testing.T) {
	c := peer.Start(t, peer.Options{}).Dial(t)
	r := seeded(t)
	const keyBytes = "aabbcz-]^[\\*?\x00\x7f\x80\xff"
	keys := map[string]bool{"": true}
	for len(keys) < 300 {
		keys[pick(r, keyBytes, 6)] = true
	}
	for key := range keys {
		c.Must(t, "SET", key, "")
	}
	for range 10000 {
		p := pick(r, keyBytes+"**??[[]]^^\\\\--", 10)
		if p == "*" {
			continue // does not go through the matcher
		}
		var got, want []string
		for key := range keys {
			if glob.Match([]byte(p), []byte(key), false) {
				got = append(got, key)
			}
		}
		for _, key := range c.Must(t, "KEYS", p).Elems {
			want = append(want, string(key.Str))
		}
		sort.Strings(got)
		sort.Strings(want)
		if strings.Join(got, ",") != strings.Join(want, ",") {
			t.Fatalf("%q selects %q, the reference's choice is %q", p, got, want)
		}
	}
}

// TestNocaseAgainstReference compares the names of parameters that random
// patterns select.
func TestNocaseAgainstReference(t *testing.T) {
	c := peer.Start(t, peer.Options{}).Dial(t)
	r := seeded(t)
	var names []string
	for i, e := range c.Must(t, "CONFIG", "GET", "*").Elems {
		if i%2 == 0 {
			names = append(names, string(e.Str))
		}
	}
	if len(names) < 100 {
		t.Fatalf("only %d parameters", len(names))
	}
	for range 4000 {
		p := "*" + pick(r, "aAeEsSzZ-[]^\\?*@`", 8) + "*"
		var got, want []string
		for _, name := range names {
			if glob.Match([]byte(p), []byte(name), true) {
				got = append(got, name)
			}
		}
		for i, e := range c.Must(t, "CONFIG", "GET", p).Elems {
			if i%2 == 0 {
				want = append(want, string(e.Str))
			}
		}
		sort.Strings(got)
		sort.Strings(want)
		if strings.Join(got, ",") != strings.Join(want, ",") {
			t.Fatalf("%q selects %q, the reference's choice is %q", p, got, want)
		}
	}
}
