package resp

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"math"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

func read(in string) (Value, error) {
	return ReadValue(bufio.NewReaderSize(strings.NewReader(in), 16), 8, 1<<20)
}

func TestReadValue(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"+OK\r\n", `+OK`},
		{"+a line longer than the reader's buffer\r\n", `+a line longer than the reader's buffer`},
		{"-ERR no\r\n", `-ERR no`},
		{":-12\r\n", `-12`},
		{"$4\r\na\r\nb\r\n", `"a\r\nb"`},
		{"$0\r\n\r\n", `""`},
		{"$-1\r\n", `nil$`},
		{"*-1\r\n", `nil*`},
		{"_\r\n", `nil`},
		{"*0\r\n", `[]`},
		{"*2\r\n:1\r\n*1\r\n+x\r\n", `[1, [+x]]`},
		{",3.1400000000000001\r\n", `,3.1400000000000001`},
		{",-inf\r\n", `,-inf`},
		{",-nan\r\n", `,-nan`},
		{",1e+20\r\n", `,1e+20`},
		{"#t\r\n", `#t`},
		{"#f\r\n", `#f`},
		{"(1234567999999999999999999999999999999\r\n", `(1234567999999999999999999999999999999`},
		{"!6\r\nERR no\r\n", `!"ERR no"`},
		{"=8\r\ntxt:a\r\nb\r\n", `="txt:a\r\nb"`},
		{"%2\r\n+k\r\n:1\r\n+l\r\n~1\r\n:2\r\n", `{+k: 1, +l: ~[2]}`},
		{">2\r\n$3\r\nfoo\r\n:1\r\n", `>["foo", 1]`},
		{"|1\r\n+ttl\r\n:5\r\n*1\r\n|1\r\n+a\r\n+b\r\n:1\r\n", `|{+ttl: 5} [|{+a: +b} 1]`},
	} {
		v, err := read(c.in)
		if err != nil || v.String() != c.want {
			t.Errorf("%q: %s, %v, want %s", c.in, v, err, c.want)
		}
		one := bufio.NewReaderSize(iotest.OneByteReader(strings.NewReader(c.in)), 16)
		if v, err := ReadValue(one, 8, 1<<20); err != nil || v.String() != c.want {
			t.Errorf("%q in single bytes: %s, %v", c.in, v, err)
		}
		for cut := range c.in {
			want := io.ErrUnexpectedEOF
			if cut == 0 {
				want = io.EOF
			}
			if _, err := read(c.in[:cut]); err != want {
				t.Errorf("%q cut at %d: %v", c.in, cut, err)
			}
		}
	}
	if v, _ := read(",inf\r\n"); !math.IsInf(v.Float, 1) {
		t.Errorf("inf is %v", v.Float)
	}
	if v, _ := read("-ERR x\r\n"); !v.IsError() || v.Null {
		t.Errorf("%#v is no error", v)
	}
}

func TestReadValueRefuses(t *testing.T) {
	for _, in := range []string{
		"\r\n", "OK\r\n", "+OK\n", "\n", ":\r\n", ":1x\r\n", ":9223372036854775808\r\n", "$-2\r\n",
		"$1048577\r\n", "*1048577\r\n", "%600000\r\n", "*-2\r\n", "%-1\r\n", "!-1\r\n", "$1\r\nabc",
		"#x\r\n", "#\r\n", "_x\r\n", ",\r\n", ",0x1p4\r\n", ",1_0\r\n", "(12a\r\n", "(-\r\n", "=3\r\ntxt\r\n",
		"=4\r\ntxt.\r\n", "|1\r\n+a\r\n+b\r\n\r\n", "$?\r\n",
		strings.Repeat("*1\r\n", 9) + ":1\r\n", strings.Repeat("|0\r\n", 9) + ":1\r\n",
		"+" + strings.Repeat("x", 2<<20) + "\r\n", "+" + strings.Repeat("x", 2<<20),
	} {
		if v, err := read(in); !errors.Is(err, ErrReply) {
			t.Errorf("%.40q: %s, %v", in, v, err)
		}
	}
	if _, err := read(strings.Repeat("*1\r\n", 8) + ":1\r\n"); err != nil {
		t.Errorf("depth 8: %v", err)
	}
}

// A declared length must not cost more than what has arrived.
func TestReadValueTrustsNoLength(t *testing.T) {
	for _, in := range []string{"$1000000000\r\nabc", "*1000000000\r\n:1\r\n"} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := ReadValue(bufio.NewReader(strings.NewReader(in)), 8, 1<<30)
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; err != io.ErrUnexpectedEOF || n > 4*readStep {
			t.Errorf("%q allocated %d bytes, %v", in, n, err)
		}
	}
}

// appendValue writes v as a RESP3 server would.
func appendValue(dst []byte, v Value) []byte {
	if len(v.Attrs) > 0 {
		dst = AppendAttribute(dst, len(v.Attrs)/2)
		for _, a := range v.Attrs {
			dst = appendValue(dst, a)
		}
	}
	switch v.Kind {
	case KindSimple:
		return AppendSimple(dst, string(v.Str))
	case KindError:
		return AppendError(dst, string(v.Str))
	case KindInt:
		return AppendInt(dst, v.Int)
	case KindBulk:
		if v.Null {
			return AppendNull(dst, 2)
		}
		return AppendBulk(dst, v.Str)
	case KindNull:
		return AppendNull(dst, 3)
	case KindDouble:
		return AppendDouble(dst, v.Float, 3)
	case KindBool:
		return AppendBool(dst, v.Int != 0, 3)
	case KindVerbatim:
		return AppendVerbatim(dst, string(v.Str[:3]), v.Str[4:], 3)
	case KindBigNumber:
		return AppendBigNumber(dst, string(v.Str), 3)
	case KindBulkError:
		dst = appendHeader(dst, KindBulkError, int64(len(v.Str)))
		return append(append(dst, v.Str...), "\r\n"...)
	case KindArray:
		if v.Null {
			return AppendNullArray(dst, 2)
		}
		dst = AppendArray(dst, len(v.Elems))
	case KindMap:
		dst = AppendMap(dst, len(v.Elems)/2, 3)
	case KindSet:
		dst = AppendSet(dst, len(v.Elems), 3)
	case KindPush:
		dst = AppendPush(dst, len(v.Elems), 3)
	}
	for _, e := range v.Elems {
		dst = appendValue(dst, e)
	}
	return dst
}

func genValue(rt *rapid.T, depth int) Value {
	kinds := []byte("+:$_,#=(!-")
	if depth > 0 {
		kinds = append(kinds, "*%~>"...)
	}
	v := Value{Kind: rapid.SampledFrom(kinds).Draw(rt, "kind")}
	switch v.Kind {
	case KindSimple, KindError:
		v.Str = []byte(rapid.StringMatching(`[a-zA-Z ]{0,40}`).Draw(rt, "text"))
	case KindInt:
		v.Int = rapid.Int64().Draw(rt, "int")
	case KindNull:
		v.Null = true
	case KindDouble:
		v.Float = rapid.Float64().Draw(rt, "float")
		v.Str = AppendFloat(nil, v.Float)
	case KindBool:
		v.Int = rapid.Int64Range(0, 1).Draw(rt, "bool")
	case KindBigNumber:
		v.Str = []byte(rapid.StringMatching(`-?[0-9]{1,40}`).Draw(rt, "digits"))
	case KindBulk, KindBulkError:
		v.Str = rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(rt, "bytes")
	case KindVerbatim:
		v.Str = append([]byte("txt:"), rapid.SliceOfN(rapid.Byte(), 0, 9).Draw(rt, "bytes")...)
	default:
		n := rapid.IntRange(0, 3).Draw(rt, "len")
		if v.Kind == KindMap {
			n *= 2
		}
		for range n {
			v.Elems = append(v.Elems, genValue(rt, depth-1))
		}
	}
	if depth > 0 && rapid.IntRange(0, 9).Draw(rt, "attrs") == 0 {
		v.Attrs = []Value{genValue(rt, depth-1), genValue(rt, depth-1)}
	}
	return v
}

func TestValueRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		v := genValue(rt, 3)
		wire := appendValue(nil, v)
		br := bufio.NewReaderSize(bytes.NewReader(append(wire, "+end\r\n"...)), 16)
		back, err := ReadValue(br, 10, 1<<20)
		if err != nil {
			rt.Fatalf("%q: %v", wire, err)
		}
		if again := appendValue(nil, back); !bytes.Equal(again, wire) || back.String() != v.String() {
			rt.Fatalf("%q came back as %q, %s as %s", wire, again, v, back)
		}
		if end, err := ReadValue(br, 1, 100); err != nil || end.String() != "+end" {
			rt.Fatalf("%q is followed by %s, %v", wire, end, err)
		}
	})
}

func FuzzReadValue(f *testing.F) {
	for _, s := range []string{
		"+OK\r\n", "-ERR x\r\n", ":1\r\n", "$1\r\na\r\n", "*2\r\n_\r\n#t\r\n", ",1.5\r\n", "(12\r\n", "=5\r\ntxt:a\r\n",
		"%1\r\n+a\r\n~1\r\n$-1\r\n", ">1\r\n*-1\r\n", "|1\r\n+a\r\n+b\r\n!1\r\nx\r\n", "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		v, err := ReadValue(bufio.NewReaderSize(bytes.NewReader(in), 16), 6, 1<<16)
		if err != nil {
			return
		}
		// What was read can be written and is then read as the same.
		wire := appendValue(nil, v)
		again, err := ReadValue(bufio.NewReader(bytes.NewReader(wire)), 6, 1<<20)
		if err != nil {
			t.Fatalf("%q, written as %q: %v", in, wire, err)
		}
		if !bytes.Equal(appendValue(nil, again), wire) {
			t.Fatalf("%q: %s became %s", in, v, again)
		}
	})
}
