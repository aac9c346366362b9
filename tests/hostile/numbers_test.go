package hostile

import (
	"strings"
	"testing"
)

// extremes are the numbers at which sizes and offsets overflow.
var extremes = []string{
	"9223372036854775807", "-9223372036854775808", "9223372036854775808", "-9223372036854775809",
	"4294967295", "4294967296", "2147483647", "2147483648", "-2147483648", "536870911", "536870912", "-1", "0",
	"18446744073709551615", "99999999999999999999999999", "+1", "01", "1e9", "",
}

// TestNumbers calls commands with extreme numbers in every place; %1 and %2 are
// those. Whatever the reply is, the server has to live, and to keep to its
// memory.
func TestNumbers(t *testing.T) {
	s := start(t, "--proto-max-bulk-len", "16mb")
	c := s.Dial(t)
	for _, form := range []string{
		"SETRANGE r %1 x", "GETRANGE k %1 %2", "SUBSTR k %1 %2", "SETBIT r %1 1", "GETBIT k %1",
		"BITCOUNT k %1 %2", "BITCOUNT k %1 %2 BIT", "BITPOS k 1 %1 %2", "BITPOS k 0 %1 %2 BIT", "BITPOS k 0 %1",
		"BITFIELD f GET u8 %1", "BITFIELD f GET u8 #%1", "BITFIELD f SET i64 #%1 %2", "BITFIELD f INCRBY u63 %1 %2",
		"BITFIELD f OVERFLOW SAT INCRBY i64 0 %1", "BITFIELD f OVERFLOW FAIL INCRBY i8 #1 %1", "BITFIELD f GET i%1 0",
		"BITFIELD_RO k GET u63 %1", "INCRBY n %1", "DECRBY n %1", "INCRBYFLOAT n %1", "SET n %1", "APPEND n %1",
		"EXPIRE k %1", "PEXPIRE x %1", "EXPIREAT x %1", "PEXPIREAT x %1", "SET x y EX %1", "SET x y PX %1", "SET x y EXAT %1",
		"SET x y PXAT %1", "GETEX x EX %1", "GETEX x PXAT %1", "SETEX x %1 y", "PSETEX x %1 y", "LCS k l MINMATCHLEN %1 IDX",
		"SCAN %1 COUNT %2", "SELECT %1", "SWAPDB %1 %2", "MOVE k %1", "COPY k x DB %1", "OBJECT FREQ %1",
		"CLIENT PAUSE %1 WRITE", "CLIENT UNPAUSE", "CLIENT LIST ID %1", "CLIENT KILL ID %1", "CLIENT UNBLOCK %1", "HELLO %1",
		"SLOWLOG GET %1", "LATENCY HISTORY %1", "MEMORY USAGE k SAMPLES %1", "RESTORE x %1 bad", "RESTORE x 0 bad IDLETIME %1",
	} {
		for _, a := range extremes {
			for _, b := range extremes {
				if form == "CLIENT PAUSE %1 WRITE" && len(a) > 5 {
					// Such a pause is meant.
					continue
				}
				args := strings.Fields("SET k abcdefgh")
				if err := c.Send(args...); err != nil {
					t.Fatal(err)
				}
				args = strings.Split(form, " ")
				for i := range args {
					args[i] = strings.ReplaceAll(strings.ReplaceAll(args[i], "%1", a), "%2", b)
				}
				if err := c.Send(args...); err != nil {
					t.Fatal(err)
				}
				if err := c.Send("DEL", "r", "f", "x", "n"); err != nil {
					t.Fatal(err)
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
	c.Must(t, "HELLO", "2")
	s.expect(c, "SELECT 0", "+OK", "SET k v", "+OK", "GET k", `"v"`)
}

func TestBitopOfManyKeys(t *testing.T) {
	s := start(t)
	c := s.Dial(t)
	args := []string{"BITOP", "XOR", "dst"}
	for range 20000 {
		args = append(args, "src")
	}
	s.expect(c, "SETBIT src 800000 1", "0")
	if r, err := c.Do(args[:200]...); err != nil || r.Int != 100001 {
		t.Errorf("%v %v", r, err)
	}
	if _, err := c.Do(append([]string{"BITOP", "NOT"}, args...)...); err != nil {
		t.Error(err)
	}
}
