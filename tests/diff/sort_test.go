package diff

import (
	"fmt"
	"strings"
	"testing"
)

// TestSort sorts random collections in random ways on both servers. Where elements
// weigh the same the reference leaves them in an order of its own in some cases,
// which are left out: all texts that are weights differ.
func TestSort(t *testing.T) {
	x := startExchange(t)
	const elements = 300
	for i := range elements {
		x.on("SET", fmt.Sprint("w_", i), fmt.Sprint(x.r.IntN(1000)))
		x.on("SET", fmt.Sprint("t_", i), fmt.Sprintf("%x %d", x.r.IntN(1000), i))
		if x.r.IntN(3) > 0 {
			x.on("HSET", fmt.Sprint("h_", i), "f", fmt.Sprint(x.r.NormFloat64()), "g", x.elem())
		}
		if x.r.IntN(3) == 0 {
			x.on("SET", fmt.Sprint("some_", i), x.elem())
		}
	}
	for range 400 {
		x.on("DEL", "k", "dst")
		n := 1 + x.r.IntN(20)
		if x.r.IntN(5) == 0 {
			n = 1 + x.r.IntN(elements)
		}
		// A list in any order, a set of integers, or a sorted set.
		kind := x.r.IntN(3)
		for _, i := range x.r.Perm(elements)[:n] {
			switch kind {
			case 0:
				x.on("RPUSH", "k", fmt.Sprint(i))
			case 1:
				x.on("SADD", "k", fmt.Sprint(i))
			case 2:
				x.on("ZADD", "k", fmt.Sprint(x.r.IntN(10)), fmt.Sprint(i))
			}
		}
		for range 5 {
			x.sortOnce()
		}
	}
}

// sortOnce sorts k in one way.
func (x *exchange) sortOnce() {
	args := []string{"SORT", "k"}
	some := func(words ...string) {
		if w := words[x.r.IntN(len(words))]; w != "" {
			args = append(args, strings.Fields(w)...)
		}
	}
	some("", "BY w_*", "BY t_* ALPHA", "BY h_*->f", "ALPHA", "BY nosort", "BY none", "BY #")
	some("", "", "DESC", "ASC")
	some("", "GET #", "GET w_* GET #", "GET h_*->g", "GET some_* GET none_* GET h_*->f", "GET x")
	if x.r.IntN(2) == 0 {
		args = append(args, "LIMIT", fmt.Sprint(x.r.IntN(30)-5), fmt.Sprint(x.r.IntN(30)-5))
	}
	if x.r.IntN(3) == 0 {
		x.same(append(args, "STORE", "dst")...)
		x.same("LRANGE", "dst", "0", "-1")
		return
	}
	if x.r.IntN(3) == 0 {
		args[0] = "SORT_RO"
	}
	x.same(args...)
}
