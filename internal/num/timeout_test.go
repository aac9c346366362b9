package num

import (
	"math"
	"testing"
)

// What redis-server 7.0.15 takes timeouts for.
func TestParseTimeout(t *testing.T) {
	for in, want := range map[string]int64{
		"0": 0, "1": 1000, "0.1": 100, "1.5": 1500, "0.0001": 1, "1e-300": 1, "-0.0009999": 0, "-1": -1000, "-0.002": -1,
		"-0.001": 0, "0x1p40": 1099511627776000,
		"9223372036854775.807": math.MaxInt64, "9223372036854775.808": math.MinInt64,
		"inf": math.MinInt64, "-inf": math.MinInt64, "0x7FFFFFFFFFFFFFFF": math.MinInt64,
	} {
		if got, ok := ParseTimeout([]byte(in)); !ok || got != want {
			t.Errorf("%s: %d (%t), want %d", in, got, ok, want)
		}
	}
	for _, in := range []string{"", "a", "nan", " 1", "1 "} {
		if _, ok := ParseTimeout([]byte(in)); ok {
			t.Errorf("%q is a timeout", in)
		}
	}
}
