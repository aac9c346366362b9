package hostile

import (
	"strings"
	"testing"
)

// TestHashNumbers is TestNumbers for hashes, packed and large.
func TestHashNumbers(t *testing.T) {
	s := start(t)
	c := s.Dial(t)
	for _, entries := range []string{"512", "0"} {
		c.Must(t, "CONFIG", "SET", "hash-max-listpack-entries", entries)
		for _, form := range []string{
			"HRANDFIELD h %1", "HRANDFIELD h %1 WITHVALUES", "HSCAN h %1 COUNT %2", "HSCAN h %1 COUNT %2 NOVALUES",
			"HINCRBY h a %1", "HINCRBY h b %1", "HINCRBYFLOAT h a %1", "HINCRBYFLOAT h b %1", "HEXPIRE h %1 FIELDS 1 a",
			"HPEXPIRE h %1 GT FIELDS %2 a b", "HEXPIREAT h %1 LT FIELDS 1 b", "HPEXPIREAT h %1 NX FIELDS 1 a",
			"HTTL h FIELDS %1 a", "HPERSIST h FIELDS %1 a b", "HGETEX h EX %1 FIELDS 2 a b", "HGETEX h PXAT %1 FIELDS %2 a",
			"HSETEX h EX %1 FIELDS %2 a 1", "HSETEX h PX %1 FIELDS 1 a 1", "HGETDEL h FIELDS %1 a b",
		} {
			for _, a := range extremes {
				for _, b := range extremes {
					args := strings.Split(form, " ")
					for i := range args {
						args[i] = strings.ReplaceAll(strings.ReplaceAll(args[i], "%1", a), "%2", b)
					}
					for _, line := range [][]string{strings.Fields("HSET h a 1 b -9223372036854775808 c 1e308"), args,
						{"HGETALL", "h"}, {"HPTTL", "h", "FIELDS", "2", "a", "b"}, {"DEL", "h"}} {
						if err := c.Send(line...); err != nil {
							t.Fatal(err)
						}
					}
					for range 5 {
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
	s.expect(c, "HSET h a 1", "1", "HGET h a", `"1"`)
}

// TestHashRepeated asks for so many random fields that the reply would take all
// memory.
func TestHashRepeated(t *testing.T) {
	s := start(t)
	c := s.Dial(t)
	c.Must(t, "HSET", "h", "field", strings.Repeat("x", 10_000))
	for _, n := range []string{"-9223372036854775807", "-1000000000", "-100000000"} {
		if r, err := c.Do("HRANDFIELD", "h", n); err != nil || !r.IsError() {
			t.Errorf("HRANDFIELD h %s: %v %.100v", n, err, r)
		}
	}
	if r, err := c.Do("HRANDFIELD", "h", "-1000000", "WITHVALUES"); err != nil || !r.IsError() {
		t.Errorf("%v %.100v", err, r)
	}
	if r, err := c.Do("HRANDFIELD", "h", "-1000", "WITHVALUES"); err != nil || len(r.Elems) != 2000 {
		t.Errorf("%v %d", err, len(r.Elems))
	}
}
