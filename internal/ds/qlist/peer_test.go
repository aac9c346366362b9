package qlist_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/redstart-db/redstart/internal/ds/qlist"
	"github.com/redstart-db/redstart/internal/mem"
	"github.com/redstart-db/redstart/internal/rdb"
	"github.com/redstart-db/redstart/tests/peer"
)

// TestAgainstReference pushes and pops: the nodes are those of the reference.
func TestAgainstReference(t *testing.T) {
	c := peer.Start(t, peer.Options{Args: []string{"--rdbcompression", "no", "--enable-debug-command", "yes"}}).Dial(t)
	seed := peer.Seed(t)
	r := rand.New(rand.NewPCG(seed, 0))
	a, err := mem.New(mem.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	for i, fill := range []int{-5, -4, -3, -2, -2, -1, -7, 0, 1, 2, 10, 200, 100_000, 200} {
		c.Must(t, "CONFIG", "SET", "list-max-listpack-size", fmt.Sprint(fill))
		threshold := i % 2 * 200
		c.Must(t, "DEBUG", "QUICKLIST-PACKED-THRESHOLD", fmt.Sprint(threshold, "b"))
		key := fmt.Sprint("l", i)
		var l qlist.List
		l.Init(a, fill)
		l.SetPackedThreshold(threshold)
		for range 150 {
			args := []string{"RPUSH", key}
			back := r.IntN(2) == 0
			if !back {
				args[0] = "LPUSH"
			}
			for range 1 + r.IntN(40) {
				elem := element(r)
				args = append(args, elem)
				if back {
					l.PushBack([]byte(elem))
				} else {
					l.PushFront([]byte(elem))
				}
			}
			c.Must(t, args...)
			for range r.IntN(10) {
				l.PopFront(nil)
				l.PopBack(nil)
				c.Must(t, "LPOP", key)
				c.Must(t, "RPOP", key)
			}
		}
		if l.Len() > 0 { // the reference has no empty lists
			same(t, c, key, &l)
		}
	}
}

func element(r *rand.Rand) string {
	switch r.IntN(60) {
	case 0:
		return strings.Repeat("x", r.IntN(10_000))
	case 1, 2, 3:
		return strings.Repeat("y", 180+r.IntN(40))
	case 4, 5, 6, 7, 8, 9, 10, 11, 12:
		return fmt.Sprint(int64(r.Uint64()) >> r.IntN(64))
	}
	return fmt.Sprintf("item:%08d", r.IntN(1e8))
}

// same fails unless the reference's key holds the nodes of l.
func same(t *testing.T, c *peer.Conn, key string, l *qlist.List) {
	t.Helper()
	body, err := rdb.VerifyDump(c.Must(t, "DUMP", key).Str, true)
	if err != nil {
		t.Fatal(err)
	}
	rd := rdb.NewReader(body)
	if typ, _ := rd.Type(); typ != rdb.TypeListQuicklist2 {
		t.Fatalf("the reference has type %d", typ)
	}
	if n, _, _ := rd.Len(); int(n) != l.NodeCount() {
		t.Fatalf("%s: %d nodes, the reference has %d", key, l.NodeCount(), n)
	}
	i := 0
	l.Walk(0, func(plain bool, data []byte) bool {
		container, _, _ := rd.Len()
		want, err := rd.String()
		if err != nil || plain != (container == 1) || !bytes.Equal(data, want) {
			t.Fatalf("%s: node %d: %v, container %d\ngot  %.200x\nwant %.200x", key, i, err, container, data, want)
		}
		i++
		return true
	})
}
