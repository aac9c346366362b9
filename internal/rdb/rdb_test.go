package rdb_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/redstart-db/redstart/internal/rdb"
	"github.com/redstart-db/redstart/tests/peer"
)

func TestCRC64(t *testing.T) {
	const text = "123456789"
	if got := rdb.CRC64(0, []byte(text)); got != 0xe9c6d914c4b8d9ca {
		t.Errorf("%x", got)
	}
	// Any way of cutting the input gives the same, so the fast path for eight
	// bytes agrees with the byte-wise one.
	long := []byte(strings.Repeat(text, 5))
	want := rdb.CRC64(0, long)
	for cut := range long {
		if got := rdb.CRC64(rdb.CRC64(0, long[:cut]), long[cut:]); got != want {
			t.Errorf("cut at %d: %x, not %x", cut, got, want)
		}
	}
	bytewise := uint64(0)
	for i := range long {
		bytewise = rdb.CRC64(bytewise, long[i:i+1])
	}
	if bytewise != want {
		t.Errorf("%x byte by byte, not %x", bytewise, want)
	}
}

func TestLen(t *testing.T) {
	for n, size := range map[uint64]int{
		0: 1, 63: 1, 64: 2, 16383: 2, 16384: 5, math.MaxUint32: 5, math.MaxUint32 + 1: 9, math.MaxUint64: 9,
	} {
		b := rdb.AppendLen([]byte("x"), n)[1:]
		r := rdb.NewReader(b)
		got, encoded, err := r.Len()
		if len(b) != size || got != n || encoded || err != nil || len(r.Rest()) != 0 {
			t.Errorf("%d: % x, read as %d %v %v", n, b, got, encoded, err)
		}
		for cut := range b {
			r := rdb.NewReader(b[:cut])
			if _, _, err := r.Len(); !errors.Is(err, rdb.ErrCorrupt) {
				t.Errorf("%d cut to %d bytes: %v", n, cut, err)
			}
		}
	}
	for _, b := range []byte{0x82, 0xbf} {
		r := rdb.NewReader([]byte{b, 0, 0, 0, 0, 0, 0, 0, 0, 0})
		if _, _, err := r.Len(); !errors.Is(err, rdb.ErrCorrupt) {
			t.Errorf("%x: %v", b, err)
		}
	}
}

func TestStringForms(t *testing.T) {
	for _, c := range []struct{ value, want string }{
		{"", "\x00"}, {"a", "\x01a"}, {"0", "\xc0\x00"}, {"-1", "\xc0\xff"}, {"127", "\xc0\x7f"}, {"128", "\xc1\x80\x00"},
		{"-32768", "\xc1\x00\x80"}, {"32768", "\xc2\x00\x80\x00\x00"}, {"-2147483648", "\xc2\x00\x00\x00\x80"},
		{"2147483648", "\x0a2147483648"}, {"01", "\x0201"}, {"-0", "\x02-0"},
		{strings.Repeat("a", 20), "\x14aaaaaaaaaaaaaaaaaaaa"}, {strings.Repeat("a", 21), "\xc3\x06\x15\x01aa\xe0\x0a\x00"},
	} {
		if got := rdb.AppendString(nil, []byte(c.value), true); string(got) != c.want {
			t.Errorf("%q encodes to %q, not %q", c.value, got, c.want)
		}
		if n, err := strconv.ParseInt(c.value, 10, 64); err == nil && fmt.Sprint(n) == c.value {
			if got := rdb.AppendInt(nil, n); string(got) != c.want {
				t.Errorf("%d encodes to %q, not %q", n, got, c.want)
			}
		}
	}
}

// compressible draws bytes with repetitions, and some without.
func compressible(t *rapid.T) []byte {
	parts := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 12), 0, 6).Draw(t, "parts")
	var b []byte
	for _, i := range rapid.SliceOfN(rapid.IntRange(0, 5), 0, 300).Draw(t, "order") {
		if i < len(parts) {
			b = append(b, parts[i]...)
		}
	}
	return b
}

func TestStringsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := compressible(t)
		if rapid.Bool().Draw(t, "integer") {
			value = fmt.Append(nil, rapid.Int64().Draw(t, "n"))
		}
		enc := rdb.AppendString([]byte("x"), value, rapid.Bool().Draw(t, "compress"))[1:]
		if len(enc) > len(value)+9 {
			t.Fatalf("%d bytes became %d", len(value), len(enc))
		}
		all := append(bytes.Clone(enc), "rest"...)
		r := rdb.NewReader(all)
		got, err := r.String()
		if err != nil || !bytes.Equal(got, value) || string(r.Rest()) != "rest" {
			t.Fatalf("%q became %q became %q, %v", value, enc, got, err)
		}
		r = rdb.NewReader(all)
		if got, err := r.AppendString([]byte("head")); err != nil || string(got) != "head"+string(value) {
			t.Fatalf("%q appended as %q, %v", value, got, err)
		}
		scratch := make([]byte, 24)
		r = rdb.NewReader(all)
		if got, err := r.StringIn(scratch); err != nil || !bytes.Equal(got, value) {
			t.Fatalf("%q read as %q, %v", value, got, err)
		}
		r = rdb.NewReader(all)
		v, err := r.StringValue()
		n, notInt := strconv.ParseInt(string(value), 10, 64)
		isInt := notInt == nil && fmt.Sprint(n) == string(value)
		if err != nil || v.IsInt != isInt || isInt && v.Int != n || !isInt && !bytes.Equal(v.Bytes, value) {
			t.Fatalf("%q is read as %+v, %v", value, v, err)
		}
		if again := rdb.AppendStringValue(nil, v, false); !bytes.Equal(again, rdb.AppendString(nil, value, false)) {
			t.Fatalf("%+v encodes to %q", v, again)
		}
		for cut := range enc {
			r := rdb.NewReader(enc[:cut])
			if _, err := r.String(); err == nil {
				t.Fatalf("%q cut to %d bytes is read", enc, cut)
			}
		}
	})
}

func TestCompressionShrinks(t *testing.T) {
	value := []byte(strings.Repeat("name: John, age: 30; ", 5000))
	if enc := rdb.AppendString(nil, value, true); len(enc) > len(value)/50 {
		t.Errorf("%d bytes became %d", len(value), len(enc))
	}
	// The result does not depend on what was compressed before.
	first := rdb.AppendString(nil, value, true)
	rdb.AppendString(nil, bytes.Repeat([]byte("other "), 4000), true)
	if !bytes.Equal(first, rdb.AppendString(nil, value, true)) {
		t.Error("the same value encodes in two ways")
	}
}

func TestLZFRefusesDamage(t *testing.T) {
	for _, c := range []struct {
		src string
		n   int
	}{
		{"", 1}, {"\x00", 1}, {"\x05abc", 6}, {"\x00a", 2}, {"\x00a", 0}, {"\x00a\x20", 4}, {"\x00a\xe0\x05", 15}, {"\x00a\xe0", 5},
		{"\x20\x00", 3}, {"\x00a\x20\x01", 4}, {"\x00a\x3f\xff", 4}, {"\x00a\x20\x00", 3}, {"\x00a\x20\x00", 5}, {"\x00a", -1}, {"\x00a", math.MaxInt},
	} {
		got, err := rdb.AppendUnLZF([]byte("keep"), []byte(c.src), c.n)
		if err == nil || string(got) != "keep" {
			t.Errorf("%q to %d bytes: %q, %v", c.src, c.n, got, err)
		}
	}
	if got, err := rdb.AppendUnLZF([]byte("keep"), []byte("\x00a\xe0\x00\x00"), 10); err != nil || string(got) != "keepaaaaaaaaaa" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestBudget(t *testing.T) {
	enc := rdb.AppendString(nil, bytes.Repeat([]byte("a"), 1000), true)
	r := rdb.NewReader(append(bytes.Clone(enc), enc...))
	r.SetBudget(1999)
	if b, err := r.String(); err != nil || len(b) != 1000 {
		t.Fatal(len(b), err)
	}
	if _, err := r.String(); err != rdb.ErrTooLarge || r.Err() != err {
		t.Errorf("%v, then %v", err, r.Err())
	}
}

// TestDeclaredLengths checks that lengths alone cause no allocation.
func TestDeclaredLengths(t *testing.T) {
	for _, n := range []uint64{1 << 20, 1 << 28, 1 << 31, 1 << 32, 1 << 62, math.MaxInt64, 1 << 63, math.MaxUint64} {
		plain := append(rdb.AppendLen(nil, n), "abc"...)
		packed := append(rdb.AppendLen(rdb.AppendLen([]byte{0xc3}, 2), n), "\x00a"...)
		bothLong := append(rdb.AppendLen(rdb.AppendLen([]byte{0xc3}, n), n), "\x00a"...)
		for _, b := range [][]byte{plain, packed, bothLong} {
			allocs := testing.AllocsPerRun(10, func() {
				r := rdb.NewReader(b)
				if _, err := r.String(); !errors.Is(err, rdb.ErrCorrupt) && !errors.Is(err, rdb.ErrTooLarge) {
					t.Errorf("% x: %v", b, err)
				}
				r = rdb.NewReader(b)
				if count, err := r.Count(1); err == nil {
					t.Errorf("% x counts %d elements", b, count)
				}
			})
			if allocs != 0 {
				t.Errorf("% x: %v allocations", b, allocs)
			}
		}
	}
}

func TestReaderErrorSticks(t *testing.T) {
	r := rdb.NewReader([]byte("\x05abc"))
	if _, err := r.String(); !errors.Is(err, rdb.ErrCorrupt) {
		t.Fatal(err)
	}
	if _, err := r.Byte(); !errors.Is(err, rdb.ErrCorrupt) || r.Rest() != nil {
		t.Errorf("%v, %q left", err, r.Rest())
	}
	if b, err := r.Bytes(0); !errors.Is(err, rdb.ErrCorrupt) {
		t.Errorf("%q, %v", b, err)
	}
	if err := r.Fail(rdb.ErrTooLarge); !errors.Is(err, rdb.ErrCorrupt) {
		t.Errorf("%v took the place of the first error", err)
	}
	for _, enc := range []byte{0xc4, 0xff} {
		r := rdb.NewReader([]byte{enc, 0, 0, 0, 0, 0, 0, 0, 0})
		if _, err := r.String(); !errors.Is(err, rdb.ErrCorrupt) {
			t.Errorf("encoding %x: %v", enc, err)
		}
	}
}

func TestReaderNumbers(t *testing.T) {
	r := rdb.NewReader([]byte("\x01\x02\x03\x04\x01\x02\x03\x04\x05\x06\x07\x08\x00\x00\x00\x00\x00\x00\xf8\x3f\x02ab"))
	u32, _ := r.Uint32()
	u64, _ := r.Uint64()
	f, _ := r.Float64()
	n, err := r.Count(1)
	if u32 != 0x04030201 || u64 != 0x0807060504030201 || f != 1.5 || n != 2 || err != nil {
		t.Errorf("%x %x %v %d %v", u32, u64, f, n, err)
	}
}

func TestVerifyDump(t *testing.T) {
	good := dumpOf([]byte("value"), true)
	if body, err := rdb.VerifyDump(good, true); err != nil || string(body) != "\x00\x05value" {
		t.Fatalf("%q, %v", body, err)
	}
	for at := range good {
		for bit := range 8 {
			bad := bytes.Clone(good)
			bad[at] ^= 1 << bit
			if _, err := rdb.VerifyDump(bad, true); err != rdb.ErrDump {
				t.Errorf("bit %d of byte %d: %v", bit, at, err)
			}
		}
	}
	for n := range good {
		if _, err := rdb.VerifyDump(good[:n], true); err != rdb.ErrDump {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	noSum := append(bytes.Clone(good[:len(good)-8]), make([]byte, 8)...)
	if _, err := rdb.VerifyDump(noSum, false); err != nil {
		t.Errorf("checked although not asked to: %v", err)
	}
	if _, err := rdb.VerifyDump(noSum, true); err != rdb.ErrDump {
		t.Errorf("no checksum: %v", err)
	}
}

func TestTypes(t *testing.T) {
	for typ, want := range map[rdb.Type]bool{
		rdb.TypeString: true, rdb.TypeModule2: true, 8: false, rdb.TypeHashZipmap: true, rdb.TypeHashListpackEx: true, 26: false,
		rdb.OpSlotInfo: false, rdb.OpEOF: false,
	} {
		if typ.IsValue() != want {
			t.Errorf("%d: %v", typ, !want)
		}
	}
}

// FuzzString decodes hostile strings: no panic, no more output than the input can
// produce, and what decodes survives encoding.
func FuzzString(f *testing.F) {
	for _, value := range []string{"", "abc", "12", "-40000", "1234567", strings.Repeat("abcd", 50)} {
		f.Add(rdb.AppendString(nil, []byte(value), true))
	}
	f.Add([]byte("\xc3\x03\xff\x00a\xe0"))
	f.Fuzz(func(t *testing.T, b []byte) {
		const budget = 1 << 16
		r := rdb.NewReader(b)
		r.SetBudget(budget)
		value, err := r.String()
		if err != nil {
			if value != nil || r.Rest() != nil || r.Err() != err {
				t.Fatalf("%q after %v", value, err)
			}
			return
		}
		if len(value) > max(len(b), 11, min(budget, 88*len(b))) {
			t.Fatalf("%d bytes became %d", len(b), len(value))
		}
		r2 := rdb.NewReader(rdb.AppendString(nil, value, true))
		if again, err := r2.String(); err != nil || !bytes.Equal(again, value) {
			t.Fatalf("%q became %q, %v", value, again, err)
		}
	})
}

func TestNoAllocation(t *testing.T) {
	values := [][]byte{[]byte("plain"), []byte("-12345"), bytes.Repeat([]byte("ab"), 40)}
	var buf [256]byte
	var scratch [128]byte
	if n := testing.AllocsPerRun(100, func() {
		for _, v := range values {
			p := rdb.AppendDumpHeader(buf[:0], rdb.TypeString)
			p = rdb.AppendString(p, v, true)
			p = rdb.AppendDumpFooter(p, 0)
			body, err := rdb.VerifyDump(p, true)
			r := rdb.NewReader(body[1:])
			got, _ := r.StringIn(scratch[:])
			if err != nil || !bytes.Equal(got, v) {
				t.Fatalf("%q became %q, %v", v, got, err)
			}
		}
	}); n >= 1 {
		t.Errorf("%v allocations", n)
	}
}

// TestCRC64Lengths compares what is taken at once, from any offset, with the checksum that
// is brought up to date for each byte.
func TestCRC64Lengths(t *testing.T) {
	seed := peer.Seed(t)
	r := rand.New(rand.NewPCG(seed, 0))
	b := make([]byte, 2000)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	for range 20 {
		from, crc := r.IntN(64), r.Uint64()
		want := crc
		for to := from; ; to++ {
			if got := rdb.CRC64(crc, b[from:to]); got != want {
				t.Fatalf("%d bytes from %d after %x: %x, want %x", to-from, from, crc, got, want)
			}
			if to == len(b) {
				break
			}
			want = rdb.CRC64(want, b[to:to+1])
		}
	}
}

func BenchmarkCRC64(b *testing.B) {
	data := make([]byte, 1<<16)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		rdb.CRC64(0, data)
	}
}

func BenchmarkAppendString(b *testing.B) {
	for _, value := range []string{"1234567", strings.Repeat("x1y2", 16), strings.Repeat("the quick brown fox ", 200)} {
		b.Run(fmt.Sprint(len(value)), func(b *testing.B) {
			b.SetBytes(int64(len(value)))
			var buf []byte
			for b.Loop() {
				buf = rdb.AppendString(buf[:0], []byte(value), true)
			}
		})
	}
}
