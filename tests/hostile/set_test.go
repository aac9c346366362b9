package hostile

import (
	"strings"
	"testing"
)

// TestSetNumbers is TestNumbers for sets of each form.
func TestSetNumbers(t *testing.T) {
	s := start(t)
	c := s.Dial(t)
	for _, members := range []string{"1 2 3 -9223372036854775808 9223372036854775807", "a b 1 c", strings.Repeat("x", 100) + " a b 9223372036854775808"} {
		for _, form := range []string{
			"SRANDMEMBER s %1", "SPOP s %1", "SINTERCARD %1 s LIMIT %2", "SINTERCARD 1 s LIMIT %1", "SSCAN s %1 COUNT %2", "SSCAN s 0 COUNT %1",
			"SADD s %1 %2", "SREM s %1 %2", "SISMEMBER s %1", "SMISMEMBER s %1 %2", "SMOVE s d %1", "RESTORE d %1 %2",
		} {
			for _, a := range extremes {
				for _, b := range extremes {
					args := strings.Split(form, " ")
					for i := range args {
						args[i] = strings.ReplaceAll(strings.ReplaceAll(args[i], "%1", a), "%2", b)
					}
					for _, line := range [][]string{strings.Fields("SADD s " + members), args, {"DEL", "s", "d"}} {
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
	// More than the set has, with repetitions, would be a reply of any size.
	s.expect(c, "SADD s a", "1")
	for _, n := range []string{"-9223372036854775808", "-9223372036854775807", "9223372036854775808"} {
		if r, err := c.Do("SRANDMEMBER", "s", n); err != nil || !r.IsError() {
			t.Errorf("SRANDMEMBER s %s: %v %.100v", n, err, r)
		}
	}
	s.expect(c, "SRANDMEMBER s 9223372036854775807", `["a"]`, "SPOP s 9223372036854775807", `["a"]`, "EXISTS s", "0")
}
