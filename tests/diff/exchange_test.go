package diff

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/redstart-db/redstart/tests/peer"
)

// exchange is both servers, one connection to each.
type exchange struct {
	t                   *testing.T
	redstart, reference *peer.Conn
	r                   *rand.Rand
}

func startExchange(t *testing.T) *exchange {
	seed := peer.Seed(t)
	t.Logf("replay with REDSTART_SEED=%d", seed)
	args := []string{"--enable-debug-command", "yes"}
	return &exchange{
		t:         t,
		redstart:  peer.StartRedstart(t, peer.Options{Args: args}).Dial(t),
		reference: peer.Start(t, peer.Options{Args: args}).Dial(t),
		r:         rand.New(rand.NewPCG(seed, 7)),
	}
}

// on makes both servers do the same.
func (x *exchange) on(args ...string) {
	x.t.Helper()
	x.redstart.Must(x.t, args...)
	x.reference.Must(x.t, args...)
}

// same compares the replies of both, and gives them.
func (x *exchange) same(args ...string) string {
	x.t.Helper()
	a, b := x.redstart.Must(x.t, args...), x.reference.Must(x.t, args...)
	if string(a.Raw) != string(b.Raw) {
		x.t.Fatalf("%q: %.300q, the reference says %.300q", args, a.Raw, b.Raw)
	}
	return string(a.Raw)
}

// elem is an element of one of the kinds that are kept differently.
func (x *exchange) elem() string {
	n := x.r.IntN(20)
	switch x.r.IntN(12) {
	case 0:
		n = x.r.IntN(200)
	case 1:
		n = x.r.IntN(5000) * x.r.IntN(2)
	}
	switch x.r.IntN(3) {
	case 0:
		return fmt.Sprint(int64(x.r.Uint64()) >> x.r.IntN(64))
	case 1:
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(x.r.Uint32())
		}
		return string(b)
	}
	return strings.Repeat(string(rune('a'+x.r.IntN(26))), n)
}

// size is a number of elements on either side of the limits.
func (x *exchange) size() int {
	switch x.r.IntN(6) {
	case 0:
		return 100 + x.r.IntN(600)
	case 1:
		return 1
	}
	return 1 + x.r.IntN(20)
}

// fill gives the reference a random value under the key k.
func (x *exchange) fill() {
	c, t := x.reference, x.t
	c.Must(t, "DEL", "k")
	args := []string{}
	n := x.size()
	switch x.r.IntN(8) {
	case 0:
		c.Must(t, "SET", "k", x.elem())
	case 1, 2:
		for range n {
			args = append(args, x.elem())
		}
		c.Must(t, append([]string{"RPUSH", "k"}, args...)...)
	case 3:
		for range n {
			args = append(args, fmt.Sprint(int64(x.r.Uint64())>>x.r.IntN(64)))
		}
		c.Must(t, append([]string{"SADD", "k"}, args...)...)
	case 4:
		for range n {
			args = append(args, x.elem())
		}
		c.Must(t, append([]string{"SADD", "k"}, args...)...)
	case 5:
		for range n {
			args = append(args, x.elem(), x.elem())
		}
		c.Must(t, append([]string{"HSET", "k"}, args...)...)
	case 6:
		for range n {
			score := []string{"1", "-inf", "+inf", "1e100", "-0", "3", "0.1", "123456789012345678"}[x.r.IntN(8)]
			if x.r.IntN(2) == 0 {
				score = fmt.Sprint(x.r.NormFloat64())
			}
			args = append(args, score, x.elem())
		}
		c.Must(t, append([]string{"ZADD", "k"}, args...)...)
	case 7:
		x.stream(n)
	}
	if x.r.IntN(4) == 0 {
		c.Must(t, "PEXPIREAT", "k", "9999999999999")
	}
}

func (x *exchange) stream(n int) {
	c, t := x.reference, x.t
	var ids []string
	for i := range n {
		args := []string{"XADD", "k", fmt.Sprintf("%d-*", 1+i/3), "f", x.elem()}
		if x.r.IntN(3) == 0 {
			args = append(args, "g", x.elem())
		}
		ids = append(ids, string(c.Must(t, args...).Str))
	}
	for g := range x.r.IntN(4) {
		name := fmt.Sprint("group", g)
		c.Must(t, "XGROUP", "CREATE", "k", name, []string{"0", "$", "2-0"}[x.r.IntN(3)])
		for range x.r.IntN(4) {
			c.Must(t, "XREADGROUP", "GROUP", name, fmt.Sprint("consumer", x.r.IntN(3)), "COUNT", fmt.Sprint(1+x.r.IntN(5)), "STREAMS", "k", ">")
		}
		c.Must(t, "XGROUP", "CREATECONSUMER", "k", name, "idle")
	}
	for _, id := range ids {
		if x.r.IntN(4) == 0 {
			c.Must(t, "XDEL", "k", id)
		}
	}
}

// TestExchange has each server restore what the other dumped. Values, encodings
// and digests are the same on both, and so are dumps, but for the order of what
// has none.
func TestExchange(t *testing.T) {
	x := startExchange(t)
	limits := [][]string{
		{"list-max-listpack-size", "-2", "-1", "5", "128"}, {"hash-max-listpack-entries", "512", "10"},
		{"hash-max-listpack-value", "64", "10"}, {"zset-max-listpack-entries", "128", "10"}, {"zset-max-listpack-value", "64", "10"},
		{"set-max-intset-entries", "512", "10"}, {"stream-node-max-entries", "100", "3"},
	}
	for i := range 1000 {
		if i%100 == 50 {
			l := limits[x.r.IntN(len(limits))]
			x.on("CONFIG", "SET", l[0], l[1+x.r.IntN(len(l)-1)])
		}
		x.fill()
		dump := string(x.reference.Must(t, "DUMP", "k").Str)
		if i%3 == 0 { // as if from one with other limits
			l := limits[x.r.IntN(len(limits))]
			x.on("CONFIG", "SET", l[0], l[1+x.r.IntN(len(l)-1)])
		}
		volatile := string(x.reference.Must(t, "PEXPIRETIME", "k").Raw) != ":-1\r\n"
		// Both: the reference may have made a table of k for a value that is gone.
		x.on("RESTORE", "k", "0", dump, "REPLACE")
		if volatile {
			x.on("PEXPIREAT", "k", "9999999999998")
		}
		typ := x.same("TYPE", "k")
		encoding := x.same("OBJECT", "ENCODING", "k")
		x.same("DEBUG", "DIGEST-VALUE", "k")
		x.same("DEBUG", "DIGEST")
		back := string(x.redstart.Must(t, "DUMP", "k").Str)
		if !strings.Contains(encoding, "hashtable") {
			if want := string(x.reference.Must(t, "DUMP", "k").Str); back != want {
				t.Fatalf("%q, %q: dumped as\n%.2000q\nthe reference dumps\n%.2000q", typ, encoding, back, want)
			}
		}
		x.on("PERSIST", "k")
		want := x.same("DEBUG", "DIGEST-VALUE", "k")
		x.on("RESTORE", "k", "0", back, "REPLACE")
		x.same("OBJECT", "ENCODING", "k")
		if got := x.same("DEBUG", "DIGEST-VALUE", "k"); got != want {
			t.Fatalf("%q, %q: another value came back", typ, encoding)
		}
	}
}
