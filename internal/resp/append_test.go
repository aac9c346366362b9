package resp

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

// Watched on redis-server 7.0.15 with HELLO 2 and HELLO 3.
func TestAppend(t *testing.T) {
	b := []byte("a\r\nb")
	for _, c := range []struct{ got, want []byte }{
		{AppendSimple(nil, "OK"), []byte("+OK\r\n")},
		{AppendError(nil, "ERR bad\r\nthing"), []byte("-ERR bad  thing\r\n")},
		{AppendInt(nil, math.MinInt64), []byte(":-9223372036854775808\r\n")},
		{AppendBulk(nil, b), []byte("$4\r\na\r\nb\r\n")},
		{AppendBulk(nil, nil), []byte("$0\r\n\r\n")},
		{AppendBulkString(nil, "x"), []byte("$1\r\nx\r\n")},
		{AppendBulkInt(nil, -12345), []byte("$6\r\n-12345\r\n")},
		{AppendNull(nil, 2), []byte("$-1\r\n")},
		{AppendNull(nil, 3), []byte("_\r\n")},
		{AppendNullArray(nil, 2), []byte("*-1\r\n")},
		{AppendNullArray(nil, 3), []byte("_\r\n")},
		{AppendArray(nil, 12), []byte("*12\r\n")},
		{AppendMap(nil, 3, 2), []byte("*6\r\n")},
		{AppendMap(nil, 3, 3), []byte("%3\r\n")},
		{AppendSet(nil, 3, 2), []byte("*3\r\n")},
		{AppendSet(nil, 3, 3), []byte("~3\r\n")},
		{AppendPush(nil, 3, 2), []byte("*3\r\n")},
		{AppendPush(nil, 3, 3), []byte(">3\r\n")},
		{AppendAttribute(nil, 1), []byte("|1\r\n")},
		{AppendBool(nil, true, 2), []byte(":1\r\n")},
		{AppendBool(nil, false, 2), []byte(":0\r\n")},
		{AppendBool(nil, true, 3), []byte("#t\r\n")},
		{AppendBool(nil, false, 3), []byte("#f\r\n")},
		{AppendBigNumber(nil, "1234", 2), []byte("$4\r\n1234\r\n")},
		{AppendBigNumber(nil, "1234", 3), []byte("(1234\r\n")},
		{AppendVerbatim(nil, "txt", b, 2), []byte("$4\r\na\r\nb\r\n")},
		{AppendVerbatim(nil, "txt", b, 3), []byte("=8\r\ntxt:a\r\nb\r\n")},
		{AppendVerbatim(nil, "m", b, 3), []byte("=8\r\nm  :a\r\nb\r\n")},
		{AppendVerbatim(nil, "markdown", b, 3), []byte("=8\r\nmar:a\r\nb\r\n")},
		{AppendDouble(nil, 3.14, 2), []byte("$18\r\n3.1400000000000001\r\n")},
		{AppendDouble(nil, 3.14, 3), []byte(",3.1400000000000001\r\n")},
		{AppendDouble(nil, math.Inf(-1), 2), []byte("$4\r\n-inf\r\n")},
		{AppendDouble(nil, math.Inf(1), 3), []byte(",inf\r\n")},
		{AppendCommand(nil, []byte("GET"), b), []byte("*2\r\n$3\r\nGET\r\n$4\r\na\r\nb\r\n")},
		{AppendCommandString(nil, "GET", "k"), []byte("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n")},
	} {
		if !bytes.Equal(c.got, c.want) {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

func TestAppendIntAllWidths(t *testing.T) {
	check := func(n int64) {
		got, want := AppendInt([]byte("x"), n), fmt.Sprintf("x:%d\r\n", n)
		if string(got) != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for n := int64(-1100); n <= 1100; n++ {
		check(n)
	}
	for n := int64(1); n > 0; n <<= 1 {
		check(n)
		check(n - 1)
		check(-n)
	}
	check(math.MaxInt64)
}

// The texts were printed by glibc's "%.17g".
func TestAppendFloat(t *testing.T) {
	for _, c := range []struct {
		bits uint64
		want string
	}{
		{0x0000000000000000, "0"},
		{0x8000000000000000, "-0"},
		{0x3ff0000000000000, "1"},
		{0xbff0000000000000, "-1"},
		{0x3fb999999999999a, "0.10000000000000001"},
		{0x40091eb851eb851f, "3.1400000000000001"},
		{0x400920c49ba5e354, "3.141"},
		{0x430c6bf526340000, "1000000000000000"},
		{0x4341c37937e08000, "10000000000000000"},
		{0x4376345785d89fff, "99999999999999984"},
		{0x4376345785d8a000, "1e+17"},
		{0xc376345785d8a000, "-1e+17"},
		{0x437b69b4ba630f35, "1.2345678901234568e+17"},
		{0x4415af1d78b58c40, "1e+20"},
		{0x444b1ae4d6e2ef50, "1e+21"},
		{0x4480f0cf064dd592, "1e+22"},
		{0x54b249ad2594c37d, "1e+100"},
		{0x3f1a36e2eb1c432d, "0.0001"},
		{0x3ee4f8b588e368f1, "1.0000000000000001e-05"},
		{0x3f202e4b6ce5dc68, "0.00012344999999999999"},
		{0x3f1a36e2eb1c432c, "9.9999999999999991e-05"},
		{0x0000000000000001, "4.9406564584124654e-324"},
		{0x0010000000000000, "2.2250738585072014e-308"},
		{0x7fefffffffffffff, "1.7976931348623157e+308"},
		{0x7ff0000000000000, "inf"},
		{0xfff0000000000000, "-inf"},
		{0x3fe0000000000000, "0.5"},
		{0x4004000000000000, "2.5"},
		{0x3fd5555555555555, "0.33333333333333331"},
		{0x3fe5555555555555, "0.66666666666666663"},
		{0x44b52d02c7e14af6, "9.9999999999999992e+22"},
		{0x4340000000000000, "9007199254740992"},
		{0x4059100000000000, "100.25"},
		{0x4132d687e4189375, "1234567.8910000001"},
		{0xbf50624dd2f1a9fc, "-0.001"},
		{0x3f889374bc6a7efa, "0.012"},
		{0x7ff8000000000000, "nan"},
		{0xfff8000000000000, "-nan"},
		{0x3ed06b28290aab67, "3.9144948834984617e-06"},
		{0x3f2ee6ef8af120f8, "0.00023576425653205175"},
		{0x3fb18eba4d943d99, "0.068584102573586839"},
		{0x3ffa6e4a90c86e90, "1.6519265800078848"},
		{0x40823259b5d8b790, "582.29380387602032"},
		{0x40e4f40014a94bae, "42912.002522132694"},
		{0x4137394652ae5111, "1521990.3229723612"},
		{0x41c097395fef6bd5, "556692159.87047827"},
		{0x4208e982bb5e3aa7, "13374609259.778639"},
		{0x4291d61944c905e4, "4902811152961.4727"},
		{0x42e284232d4410a1, "162869881217157.03"},
		{0x4350220deb0499a4, "18164171200947856"},
		{0x43d0b99e12077e9d, "4.820672702282626e+18"},
		{0x90c192cfd3ac94af, "-5.7955032484989932e-228"},
		{0xf28c105d1fb17c23, "-5.9881801593860111e+243"},
		{0xa170b33839263059, "-1.3060523885277959e-147"},
		{0x953f48f1a09f76b5, "-2.4361176994848409e-206"},
		{0x0fd630f1f29d0da9, "2.2333869991501741e-232"},
		{0x95e60af593bd04cf, "-3.5152797062666699e-203"},
		{0x0cb1e29c658cda14, "1.5987381841032883e-247"},
		{0x3898d190f9ebdacc, "4.6678633181812096e-36"},
	} {
		if got := string(AppendFloat(nil, math.Float64frombits(c.bits))); got != c.want {
			t.Errorf("%#016x: %s, want %s", c.bits, got, c.want)
		}
	}
	if got := FormatDouble(0.1); got != "0.10000000000000001" {
		t.Error(got)
	}
}

// Whatever the arrangement of the digits, they must read back as the same number
// and be as few as 17 significant ones need.
func TestAppendFloatReadsBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		f := math.Float64frombits(rapid.Uint64().Draw(rt, "bits"))
		if rapid.Bool().Draw(rt, "small") {
			f = math.Ldexp(float64(rapid.Int64().Draw(rt, "mantissa")), rapid.IntRange(-90, 3).Draw(rt, "exponent"))
		}
		if f != f {
			return
		}
		text := string(AppendFloat([]byte("="), f))[1:]
		back, err := strconv.ParseFloat(text, 64)
		if err != nil || back != f || math.Signbit(back) != math.Signbit(f) {
			rt.Fatalf("%v became %s", f, text)
		}
		if len(text) > 24 {
			rt.Fatalf("%s is longer than 24 bytes", text)
		}
	})
}

func TestAppendDoesNotAllocate(t *testing.T) {
	dst, b := make([]byte, 0, 4096), []byte("0123456789")
	if n := testing.AllocsPerRun(100, func() {
		d := AppendBulk(AppendInt(AppendSimple(dst, "OK"), 123456), b)
		d = AppendError(AppendNullArray(AppendNull(d, 3), 2), "ERR x\n")
		d = AppendAttribute(AppendPush(AppendSet(AppendMap(AppendArray(d, 5), 12, 2), 128, 3), 1, 3), 1)
		for proto := 2; proto <= 3; proto++ {
			d = AppendDouble(AppendDouble(AppendDouble(d, 0.1, proto), 1e300, proto), 42, proto)
			d = AppendBool(AppendVerbatim(AppendBigNumber(d, "123", proto), "txt", b, proto), true, proto)
		}
		AppendCommand(AppendBulkInt(AppendBulkString(d, "x"), 1<<40), b, b)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkAppend(b *testing.B) {
	dst, value := make([]byte, 0, 256), bytes.Repeat([]byte("x"), 64)
	for _, c := range []struct {
		name string
		do   func()
	}{
		{"Simple", func() { dst = AppendSimple(dst[:0], "OK") }},
		{"Int", func() { dst = AppendInt(dst[:0], 42) }},
		{"IntLarge", func() { dst = AppendInt(dst[:0], 1234567) }},
		{"Bulk64", func() { dst = AppendBulk(dst[:0], value) }},
		{"Null", func() { dst = AppendNull(dst[:0], 2) }},
		{"DoubleInteger", func() { dst = AppendDouble(dst[:0], 12345, 2) }},
		{"DoubleFraction", func() { dst = AppendDouble(dst[:0], 0.1, 2) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.do()
			}
		})
	}
}
