package num_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/redstart-db/redstart/internal/num"
	"github.com/redstart-db/redstart/tests/peer"
)

func seeded(t *testing.T) *rand.Rand {
	seed := peer.Seed(t)
	return rand.New(rand.NewPCG(seed, 0))
}

// oddFloats are texts at the edges of what is a float.
var oddFloats = strings.Split(`0|-0|+0|00|007|.|.5|5.|-.5e1|1e|1e+|e5|1e5|1E5|+1|-|+|--1|0x|0x.|0x.8|0x1p|0x1p4|0X1P-4|`+
	`0x1.8|0x1_0|1_0|0x10|0xfffffffffffffffff|0x1p16383|0x1p16384|0x1p-16445|0x1p-16446|0x0.8p-16444|0x1.8p-16446|0x1p-1074|0x1p-1075|0x1.8p-1075|`+
	`0x1.fffffffffffff8p1023|0x1.fffffffffffff7p1023|inf|Inf|-INF|+inf|infinity|-Infinity|infinit|infx|nan|NaN|-nan|nan()|nan(a_1)|nan(|nan(-)|`+
	` 1|1 |	1|1a|1e400|-1e400|1e-400|1e-320|4e-324|2e-324|2.4703282292062327e-324|2.4703282292062328e-324|1e308|1.7976931348623158e308|1.7976931348623159e308|`+
	`1e4932|1.2e4932|1.1897314953572317650e4932|1.1897314953572317651e4932|1.18973149535723176510e4932|-1e4933|3e-4951|1e-4951|1.9e-4951|1.8e-4951|`+
	`9007199254740993|9007199254740992.5|18446744073709551615|18446744073709551616|18446744073709551617|36893488147419103233|36893488147419103235|`+
	`9223372036854775807|-9223372036854775808|9223372036854775808|0.1|0.2|1e17|1e18|1e19|123456789012345678901234567890|`+
	`0.000000000000000005|0.0000000000000000050000000001|0.000000000000000015|0.99999999999999999|0.999999999999999995|0.5|0.25|`+
	`1e27|1e28|1e-27|1e-28|3e27|7e-27|1e99999|1e-99999|0e99999|1e999999999999999999999|1e-999999999999999999999|0e999999999999999999999|0x1p999999999999|`, "|")

func someFloat(r *rand.Rand) string {
	switch r.IntN(8) {
	case 0:
		return oddFloats[r.IntN(len(oddFloats))]
	case 1:
		return strconv.FormatInt(int64(r.Uint64())>>r.IntN(64), 10)
	case 2:
		return strconv.FormatFloat(math.Float64frombits(r.Uint64()), 'g', -1, 64)
	case 3:
		return fmt.Sprintf("%.*f", r.IntN(25), (r.Float64()-0.5)*math.Pow(10, float64(r.IntN(25))))
	case 4:
		return fmt.Sprintf("%d.%de%d", r.IntN(100), r.Uint64(), r.IntN(100)-50)
	case 5:
		return fmt.Sprintf("-%d%0*de%d", r.Uint64(), 1+r.IntN(60), r.Uint64(), r.IntN(10000)-5000)
	case 6:
		return fmt.Sprintf("0x%x.%xp%d", r.Uint64()>>r.IntN(64), r.Uint64()>>r.IntN(64), r.IntN(300)-150)
	}
	// A number with all 64 bits of mantissa near the middle of two neighbours.
	return fmt.Sprintf("%d.%s", r.Uint64(), []string{"5", "25", "75", "500000000000000000000001", "4999999999999999999999"}[r.IntN(5)])
}

func TestIncrByFloatAgainstReference(t *testing.T) {
	c := peer.Start(t, peer.Options{}).Dial(t)
	r := seeded(t)
	check := func(value, incr string) {
		t.Helper()
		c.Must(t, "SET", "k", value)
		reply, err := c.Do("INCRBYFLOAT", "k", incr)
		if err != nil {
			t.Fatal(err)
		}
		want := string(reply.Str)
		got := "ERR value is not a valid float"
		x, okX := num.ParseLong([]byte(value))
		y, okY := num.ParseLong([]byte(incr))
		if okX && okY {
			got = "ERR increment would produce NaN or Infinity"
			if sum := x.Add(y); sum.Finite() {
				got = string(sum.AppendHuman(nil))
			}
		}
		if got != want {
			t.Fatalf("%q + %q = %q, the reference says %q", value, incr, got, want)
		}
	}
	for _, a := range oddFloats {
		for _, b := range []string{"0", "1", "-1", "0.1", "-0", a, "-" + a} {
			check(a, b)
			check(b, a)
		}
	}
	for range 8000 {
		check(someFloat(r), someFloat(r))
	}
	for _, n := range []int{5118, 5119, 5120, 5121} {
		check("0."+strings.Repeat("0", n-3)+"1", "0")
		check(strings.Repeat("0", n-1)+"1", "0")
		check("1."+strings.Repeat("3", n-2), "0")
	}
}

func TestScoresAgainstReference(t *testing.T) {
	// Small sorted sets store integer scores as integers and so lose the sign of
	// zero; the reply form itself shows on large ones.
	c := peer.Start(t, peer.Options{Args: []string{"--zset-max-listpack-entries", "0"}}).Dial(t)
	r := seeded(t)
	check := func(text string) {
		t.Helper()
		c.Must(t, "DEL", "z")
		reply, err := c.Do("ZADD", "z", text, "m")
		if err != nil {
			t.Fatal(err)
		}
		f, ok := num.ParseFloat([]byte(text))
		if ok == reply.IsError() {
			t.Fatalf("%q: ok %v, the reference says %q", text, ok, reply.Raw)
		}
		if !ok {
			return
		}
		want := string(c.Must(t, "ZSCORE", "z", "m").Str)
		if got := string(num.AppendFloat(nil, f)); got != want {
			t.Fatalf("%q gives %s, the reference says %s", text, got, want)
		}
	}
	for _, text := range oddFloats {
		check(text)
		check("-" + text)
	}
	for range 8000 {
		check(someFloat(r))
	}
	check("0." + strings.Repeat("0", 150000) + "1e150001")
	check("1" + strings.Repeat("0", 150000) + "e-150000")
	check("0x1" + strings.Repeat("0", 150000) + "p-600000")
}

func TestIntegersAgainstReference(t *testing.T) {
	c := peer.Start(t, peer.Options{}).Dial(t)
	r := seeded(t)
	check := func(text string) {
		t.Helper()
		c.Must(t, "SET", "k", "0")
		reply, err := c.Do("INCRBY", "k", text)
		if err != nil {
			t.Fatal(err)
		}
		n, ok := num.ParseInt([]byte(text))
		if ok == reply.IsError() || ok && n != reply.Int {
			t.Fatalf("%q: %d %v, the reference says %q", text, n, ok, reply.Raw)
		}
	}
	for _, text := range oddInts {
		check(text)
	}
	for range 5000 {
		check(strconv.FormatInt(int64(r.Uint64())>>r.IntN(64), 10) + []string{"", "", "", "0", "x", " "}[r.IntN(6)])
	}
}

func TestStreamIDsAgainstReference(t *testing.T) {
	c := peer.Start(t, peer.Options{}).Dial(t)
	for _, text := range append(oddInts, "18446744073709551615", "18446744073709551616", "-18446744073709551615",
		"-18446744073709551616", "\v\f\r\n\t 7", "+-1", "- 1", "00000000000000000000000000000000000007", "1\x00") {
		c.Must(t, "DEL", "s")
		reply, err := c.Do("XADD", "s", "1-"+text, "a", "b")
		if err != nil {
			t.Fatal(err)
		}
		n, ok := num.ParseUint([]byte(text))
		if text == "*" || strings.ContainsRune(text, 0) {
			continue // the stream's own form, and C's end of text
		}
		if ok == reply.IsError() || ok && fmt.Sprint("1-", n) != string(reply.Str) {
			t.Errorf("%q: %d %v, the reference says %q", text, n, ok, reply.Raw)
		}
	}
}
