package hostile

import (
	"fmt"
	"strings"
	"testing"
)

// TestStreamNumbers is TestNumbers for streams and consumer groups.
func TestStreamNumbers(t *testing.T) {
	s := start(t)
	c := s.Dial(t)
	for _, form := range []string{
		"XRANGE s %1 %2", "XREVRANGE s %1 %2", "XRANGE s - + COUNT %1", "XADD s %1-%2 f v", "XADD s %1-* f v", "XADD s MAXLEN %1 * f v",
		"XADD s MAXLEN ~ %1 LIMIT %2 * f v", "XADD s MINID %1-%2 * f v", "XTRIM s MAXLEN %1", "XTRIM s MINID ~ %1 LIMIT %2", "XDEL s %1-%2",
		"XSETID s %1-%2", "XSETID s 9 ENTRIESADDED %1 MAXDELETEDID %2", "XREAD COUNT %1 STREAMS s %2", "XREADGROUP GROUP g c COUNT %1 STREAMS s %2",
		"XREADGROUP GROUP g c COUNT %1 STREAMS s >", "XGROUP SETID s g %1-%2", "XGROUP SETID s g 5 ENTRIESREAD %1", "XGROUP CREATE s h %1 ENTRIESREAD %2",
		"XPENDING s g IDLE %1 - + %2", "XPENDING s g %1 %2 10", "XCLAIM s g d %1 1-1 2-1 IDLE %2", "XCLAIM s g d 0 1-1 TIME %1 RETRYCOUNT %2",
		"XCLAIM s g d 0 %1-%2 FORCE LASTID %2", "XAUTOCLAIM s g d %1 0 COUNT %2", "XAUTOCLAIM s g d 0 %1-%2", "XACK s g %1-%2",
		"XINFO STREAM s FULL COUNT %1",
	} {
		for _, a := range extremes {
			for _, b := range extremes {
				args := strings.Split(form, " ")
				for i := range args {
					args[i] = strings.ReplaceAll(strings.ReplaceAll(args[i], "%1", a), "%2", b)
				}
				lines := [][]string{
					strings.Fields("XADD s 1-1 a 1"), strings.Fields("XADD s 2-1 a 2"), strings.Fields("XADD s 3-1 b 2"),
					strings.Fields("XDEL s 3-1"), strings.Fields("XGROUP CREATE s g 0"),
					strings.Fields("XREADGROUP GROUP g c COUNT 1 STREAMS s >"), args,
					strings.Fields("XINFO STREAM s FULL"), strings.Fields("XINFO GROUPS s"), {"XADD", "s", "*", "f", "v"}, {"DEL", "s"},
				}
				for _, line := range lines {
					if err := c.Send(line...); err != nil {
						t.Fatal(err)
					}
				}
				for range lines {
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
	s.expect(c, "XADD s 1-1 f v", `"1-1"`, "XLEN s", "1")
}

// TestLargeGroup removes a group for which a great many entries are pending, and
// a stream of many nodes: nobody may have to wait for that.
func TestLargeGroup(t *testing.T) {
	s := start(t)
	c := s.Dial(t)
	const entries = 150_000
	c.Must(t, "CONFIG", "SET", "stream-node-max-entries", "2")
	for i := range entries {
		if err := c.Send("XADD", "s", fmt.Sprint(i+1), "f", "v"); err != nil {
			t.Fatal(err)
		}
		if i%1000 == 999 {
			for range 1000 {
				if _, err := c.Read(); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for i := range 20 {
		g := fmt.Sprint("g", i)
		c.Must(t, "XGROUP", "CREATE", "s", g, "0")
		if i < 3 {
			c.Must(t, "XREADGROUP", "GROUP", g, "c", "STREAMS", "s", ">")
		}
	}
	for i := range 20 {
		c.Must(t, "XGROUP", "DESTROY", "s", fmt.Sprint("g", i))
	}
	if r := c.Must(t, "XTRIM", "s", "MAXLEN", "10"); r.Int != entries-10 {
		t.Errorf("%v were trimmed", r)
	}
	s.expect(c, "XLEN s", "10")
}
