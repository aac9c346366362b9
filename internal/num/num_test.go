package num_test

import (
	"bytes"
	"math"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/redstart-db/redstart/internal/num"
)

// oddInts are texts at the edges of what is an integer.
var oddInts = []string{
	"", "0", "-0", "+0", "00", "01", "-01", "1", "-1", "+1", " 1", "1 ", "-", "+", "--1", "1-", "1.0", "1e1", "0x1", "a",
	"9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809",
	"9999999999999999999", "-9999999999999999999", "10000000000000000000", "-10000000000000000000",
	"18446744073709551615", "18446744073709551617", "99999999999999999999", "100000000000000000000",
	"1:", "1/", "/", ":", "1\x00", "\x00", "\xb1",
}

func TestParseIntIsCanonical(t *testing.T) {
	for _, text := range oddInts {
		want, err := strconv.ParseInt(text, 10, 64)
		wantOK := err == nil && strconv.FormatInt(want, 10) == text
		n, ok := num.ParseInt([]byte(text))
		if ok != wantOK || ok && n != want {
			t.Errorf("ParseInt(%q) = %d, %v", text, n, ok)
		}
	}
}

func TestIntegersRoundTrip(t *testing.T) {
	check := func(t rapid.TB, n int64) {
		text := num.AppendInt([]byte("x"), n)
		if want := strconv.AppendInt([]byte("x"), n, 10); !bytes.Equal(text, want) {
			t.Fatalf("AppendInt gives %q for %d", text, n)
		}
		if num.IntLen(n) != len(text)-1 {
			t.Fatalf("IntLen(%d) = %d", n, num.IntLen(n))
		}
		if got, ok := num.ParseInt(text[1:]); !ok || got != n {
			t.Fatalf("ParseInt(%q) = %d, %v", text[1:], got, ok)
		}
		u := uint64(n)
		text = num.AppendUint(text[:1], u)
		if want := strconv.AppendUint([]byte("x"), u, 10); !bytes.Equal(text, want) {
			t.Fatalf("AppendUint gives %q for %d", text, u)
		}
		if got, ok := num.ParseUint(text[1:]); !ok || got != u {
			t.Fatalf("ParseUint(%q) = %d, %v", text[1:], got, ok)
		}
	}
	for p, i := int64(1), 0; i < 19; i, p = i+1, p*10 {
		for d := int64(-1); d <= 1; d++ {
			check(t, p+d)
			check(t, -p+d)
		}
	}
	check(t, math.MinInt64)
	check(t, math.MaxInt64)
	rapid.Check(t, func(t *rapid.T) {
		check(t, rapid.Int64().Draw(t, "n")>>rapid.IntRange(0, 63).Draw(t, "shift"))
	})
}

func TestAppendIntInPlace(t *testing.T) {
	room := []byte("ab------------------------------")
	got := num.AppendInt(room[:2], -12345)
	if string(got) != "ab-12345" || &got[0] != &room[0] || room[8] != '-' {
		t.Errorf("%q in %q", got, room)
	}
}

func TestParseFloatText(t *testing.T) {
	for _, c := range []struct {
		text string
		want float64
		ok   bool
	}{
		{"1.5", 1.5, true}, {"-1e3", -1000, true}, {"0x10", 16, true}, {"0x.8p1", 1, true}, {"infinity", math.Inf(1), true},
		{"-inf", math.Inf(-1), true}, {"nan", math.NaN(), false}, {"", 0, false}, {" 1", 0, false}, {"1 ", 0, false},
		{"1e400", 0, false}, {"1e-400", 0, false}, {"0x1_0", 0, false}, {"1_0", 0, false}, {"0e999999", 0, true},
		{"9007199254740993", 9007199254740992, true}, {"5e-324", 5e-324, true}, {"1\x00", 0, false},
	} {
		f, ok := num.ParseFloat([]byte(c.text))
		if ok != c.ok || math.IsNaN(c.want) != math.IsNaN(f) || ok && f != c.want {
			t.Errorf("ParseFloat(%q) = %v, %v", c.text, f, ok)
		}
	}
	if f, ok := num.ParseFloat([]byte("-0")); !ok || f != 0 || !math.Signbit(f) {
		t.Errorf("ParseFloat(-0) = %v, %v", f, ok)
	}
}

func TestParseFloatLongText(t *testing.T) {
	zeros := strings.Repeat("0", 150000)
	for text, want := range map[string]float64{
		"0." + zeros + "1e150001": 1, "-1" + zeros + "e-150000": -1, "0x1" + zeros + "p-600000": 1, "0." + zeros: 0,
	} {
		if f, ok := num.ParseFloat([]byte(text)); !ok || f != want {
			t.Errorf("%.5q… = %v, %v", text, f, ok)
		}
	}
}

func TestStrtodTakesAPrefix(t *testing.T) {
	for _, c := range []struct {
		text    string
		want    float64
		n       int
		inRange bool
	}{
		{"", 0, 0, true}, {"  12x", 12, 4, true}, {"1e", 1, 1, true}, {"1e+", 1, 1, true}, {"0x", 0, 1, true}, {"0xg", 0, 1, true},
		{"-.", 0, 0, true}, {"-.5.", -.5, 3, true}, {"infinit", math.Inf(1), 3, true}, {"1e999,", math.Inf(1), 5, false},
		{"-1e-999", 0, 7, false}, {"\t\n", 0, 0, true}, {"0x1p+", 1, 3, true}, {"1..2", 1, 2, true},
	} {
		f, n, inRange := num.Strtod([]byte(c.text))
		if f != c.want || n != c.n || inRange != c.inRange {
			t.Errorf("Strtod(%q) = %v, %d, %v", c.text, f, n, inRange)
		}
	}
}

func TestAppendFloat(t *testing.T) {
	for f, want := range map[float64]string{
		0: "0", math.Copysign(0, -1): "-0", 1: "1", -1: "-1", 0.1: "0.10000000000000001", 1e16: "10000000000000000",
		1e17: "1e+17", 1e-5: "1.0000000000000001e-05", 0.0001: "0.0001", 1e100: "1e+100", 1.5: "1.5", 9007199254740993: "9007199254740992",
		math.Inf(1): "inf", math.Inf(-1): "-inf", 5e-324: "4.9406564584124654e-324", 3.25e20: "3.25e+20", 123456789012345678: "1.2345678901234568e+17",
	} {
		if got := string(num.AppendFloat(nil, f)); got != want {
			t.Errorf("%v gives %q, not %q", f, got, want)
		}
	}
	if got := string(num.AppendFloat(nil, math.NaN())); got != "nan" {
		t.Errorf("NaN gives %q", got)
	}
}

func TestFloatsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := math.Float64frombits(rapid.Uint64().Draw(t, "bits"))
		if math.IsNaN(f) {
			return
		}
		text := num.AppendFloat(nil, f)
		if got, ok := num.ParseFloat(text); !ok || math.Float64bits(got) != math.Float64bits(f) {
			t.Fatalf("%v gives %q gives %v, %v", f, text, got, ok)
		}
	})
}

// TestLongDoubleAgainstBig compares with math/big, which has the same precision
// but no limits of exponent.
func TestLongDoubleAgainstBig(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`-?[0-9]{1,22}(\.[0-9]{0,30})?(e-?[0-9]{1,2})?`)
		a, b := text.Draw(t, "a"), text.Draw(t, "b")
		x, okX := num.ParseLong([]byte(a))
		y, okY := num.ParseLong([]byte(b))
		if !okX || !okY {
			t.Fatalf("%q %v, %q %v", a, okX, b, okY)
		}
		want := bigLong(t, a)
		want.Add(want, bigLong(t, b))
		got := x.Add(y)
		if text := human(want); string(got.AppendHuman(nil)) != text {
			t.Fatalf("%s + %s = %s, not %s", a, b, got.AppendHuman(nil), text)
		}
		if back := y.Add(x); back != got {
			t.Fatalf("%s + %s is %v one way and %v the other", a, b, got, back)
		}
	})
}

func bigLong(t *rapid.T, text string) *big.Float {
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		t.Fatalf("not a number: %q", text)
	}
	return new(big.Float).SetPrec(64).SetRat(r)
}

func human(f *big.Float) string {
	text := bytes.TrimRight([]byte(f.Text('f', 17)), "0")
	text = bytes.TrimSuffix(text, []byte("."))
	if string(text) == "-0" {
		return "0"
	}
	return string(text)
}

func TestLongDoubleLimits(t *testing.T) {
	inf, _ := num.ParseLong([]byte("inf"))
	minf, _ := num.ParseLong([]byte("-inf"))
	top, ok := num.ParseLong([]byte("1.18973149535723176502e4932"))
	if !ok || !top.Finite() || inf.Finite() || minf.Finite() {
		t.Fatal("limits do not parse")
	}
	if top.Add(top).Finite() || inf.Add(top).Finite() || inf.Add(minf).Finite() || minf.Add(inf).Add(top).Finite() {
		t.Error("a sum beyond the limits is finite")
	}
	for _, n := range []int64{0, 1, -1, math.MaxInt64, math.MinInt64} {
		if got := string(num.LongFromInt(n).AppendHuman(nil)); got != strconv.FormatInt(n, 10) {
			t.Errorf("%d gives %q", n, got)
		}
	}
}

func FuzzParseFloat(f *testing.F) {
	for _, text := range oddFloats {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		num.ParseInt(b)
		num.ParseUint(b)
		if _, n, _ := num.Strtod(b); n < 0 || n > len(b) {
			t.Fatalf("Strtod took %d of %d bytes", n, len(b))
		}
		v, ok := num.ParseFloat(b)
		x, okLong := num.ParseLong(b)
		if ok && !okLong && len(b) <= num.MaxLongLen {
			t.Fatalf("%q is a double but not a long double", b)
		}
		if ok {
			if w, ok := num.ParseFloat(num.AppendFloat(nil, v)); !ok || w != v {
				t.Fatalf("%q gives %v, then %v", b, v, w)
			}
		}
		if okLong && x.Finite() {
			x.Add(x).Add(num.LongFromInt(1))
			if y, ok := num.ParseLong(x.AppendHuman(nil)); ok && !y.Finite() {
				t.Fatalf("%q gives an infinity", b)
			}
		}
	})
}

func TestNoAllocation(t *testing.T) {
	var buf [64]byte
	texts := [][]byte{[]byte("-123456789"), []byte("3.14159"), []byte("0.1234567890123"), []byte("1e-25")}
	if n := testing.AllocsPerRun(100, func() {
		for _, b := range texts {
			num.ParseInt(b)
			num.ParseUint(b)
			f, _ := num.ParseFloat(b)
			num.AppendFloat(buf[:0], f)
			x, _ := num.ParseLong(b)
			x.Add(x).AppendHuman(buf[:0])
		}
		num.AppendInt(buf[:0], math.MinInt64)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkParseInt(b *testing.B) {
	text := []byte("1234567890123")
	for b.Loop() {
		num.ParseInt(text)
	}
}

func BenchmarkAppendInt(b *testing.B) {
	var buf [32]byte
	for b.Loop() {
		num.AppendInt(buf[:0], 1234567890123)
	}
}
