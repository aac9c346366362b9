package hostile

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redstart-db/redstart/tests/peer"
)

// TestListNumbers is TestNumbers for lists, packed and of several nodes.
func TestListNumbers(t *testing.T) {
	s := start(t)
	c := s.Dial(t)
	for _, entries := range []string{"-2", "3"} {
		c.Must(t, "CONFIG", "SET", "list-max-listpack-size", entries)
		for _, form := range []string{
			"LRANGE l %1 %2", "LTRIM l %1 %2", "LINDEX l %1", "LSET l %1 x", "LREM l %1 a", "LPOP l %1", "RPOP l %1",
			"LPOS l a RANK %1 COUNT %2", "LPOS l a COUNT %1 MAXLEN %2", "LPOS l a RANK %1 MAXLEN %2", "LMPOP %1 l LEFT COUNT %2",
			"LMPOP 1 l RIGHT COUNT %1", "BLMPOP 0.001 %1 none LEFT COUNT %2", "LINSERT l BEFORE %1 %2", "RPUSH l %1 %2",
		} {
			for _, a := range extremes {
				for _, b := range extremes {
					args := strings.Split(form, " ")
					for i := range args {
						args[i] = strings.ReplaceAll(strings.ReplaceAll(args[i], "%1", a), "%2", b)
					}
					for _, line := range [][]string{strings.Fields("RPUSH l a b a 1 -1 0 a 9223372036854775807"), args, {"DEL", "l"}} {
						if err := c.Send(line...); err != nil {
							t.Fatal(err)
						}
					}
					for range 3 {
						if _, err := c.Read(); err != nil {
							t.Fatalf("%q: %v\n%s", args, err, s.Log())
						}
					}
					if !strings.Contains(form, "%2") {
						break
					}
				}
			}
		}
	}
	s.expect(c, "RPUSH l a", "1", "LPOP l", `"a"`)
}

// TestRemovalOfEveryOther removes half of the elements of a large list: with a move
// of what is behind each of them it would take a minute.
func TestRemovalOfEveryOther(t *testing.T) {
	s := start(t)
	c := s.Dial(t)
	args := []string{"RPUSH", "l"}
	for range 1000 {
		args = append(args, "even", "odd")
	}
	for range 500 {
		c.Must(t, args...)
	}
	s.expect(c, "LREM l 0 odd", "500000", "LLEN l", "500000", "LREM l -400000 even", "400000", "LREM l 0 even", "100000", "EXISTS l", "0")
}

// TestWaitingForManyKeys has clients wait for a great many keys, and for one key
// many times, while databases are swapped and emptied and the clients go away.
func TestWaitingForManyKeys(t *testing.T) {
	s := start(t)
	c := s.Dial(t)
	const keys = 30_000
	many, same := []string{"BLPOP"}, []string{"BLPOP"}
	for i := range keys {
		many = append(many, "key:"+strconv.Itoa(i))
		same = append(same, "key:1")
	}
	many, same = append(many, "0"), append(same, "0")
	first := s.Dial(t)
	for i, args := range [][]string{many, same, many} {
		w := first
		if i > 0 {
			w = s.Dial(t)
		}
		if err := w.Send(args...); err != nil {
			t.Fatal(err)
		}
		s.awaitBlocked(c, i+1)
		if i == 2 {
			w.Close()
		}
	}
	s.awaitBlocked(c, 2)
	s.expect(c, "RPUSH other x", "1", "SWAPDB 0 1", "+OK", "FLUSHALL", "+OK", "SWAPDB 0 1", "+OK", "RPUSH key:29999 x", "1")
	if r, err := first.Read(); err != nil || r.IsError() {
		t.Errorf("%v %v", r, err)
	}
	s.expect(c, "RPUSH key:1 a b", "2", "LLEN key:1", "1")
	s.awaitBlocked(c, 0)
}

// awaitBlocked waits until n clients are blocked.
func (s *target) awaitBlocked(c *peer.Conn, n int) {
	s.t.Helper()
	want := fmt.Sprintf("blocked_clients:%d\r\n", n)
	for begin := time.Now(); time.Since(begin) < replyLimit; time.Sleep(time.Millisecond) {
		if strings.Contains(string(c.Must(s.t, "INFO", "clients").Str), want) {
			return
		}
	}
	s.t.Fatalf("there are never %d blocked clients", n)
}
